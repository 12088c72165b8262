#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walk.py MODEL OUT - prints the tensors of the folder's weights files that OUT's
metadata.json knows nothing of: no row is made of them, and they are not left out. A name
counts only for its own file. MODEL may be a weights file of a folder"""
import json
import os
import pickle
import struct
import sys
import zipfile


class Tensor:
    """What stands for a tensor: it takes whatever is done to it"""

    def __init__(self, *arguments):
        pass

    def __setstate__(self, state):
        pass


class State(dict):
    """A dict that may have attributes, as modules give it"""


class Object:
    """Any other object; of TorchScript's modules the attributes count"""

    def __new__(cls, *arguments):
        # a parameter is its tensor, in a wrapper
        return arguments[0] if arguments and isinstance(arguments[0], Tensor) \
            else super().__new__(cls)

    def __init__(self, *arguments):
        self.state = {}

    def __setstate__(self, state):
        self.state = state if isinstance(state, dict) else {}


class Names(pickle.Unpickler):
    """A tree of dicts, of whose tensors only the names are wanted: nothing is called"""

    def find_class(self, module, name):
        if name == "OrderedDict":
            return State
        return Tensor if name.startswith("_rebuild") or name == "FloatTensor" else Object

    def persistent_load(self, pid):
        return None


def below(value, way=""):
    """The dotted names of the tensors in a tree"""
    if isinstance(value, Tensor):
        yield way
    elements = value.state if isinstance(value, Object) else value
    if isinstance(elements, dict):
        for key, element in elements.items():
            yield from below(element, "%s.%s" % (way, key) if way else str(key))


def names_in_stream(file):
    """Of torch before 1.6: a magic number, a protocol and the system come first"""
    for _ in range(3):
        pickle.load(file)
    return list(below(Names(file).load()))


def names_of(path):
    if path.endswith(".safetensors"):
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        return [name for name in header if name != "__metadata__"]
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return names_in_stream(file)
    with zipfile.ZipFile(path) as archive:
        if path.endswith(".npz"):
            return [name.removesuffix(".npy") for name in archive.namelist()]
        member = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        with archive.open(member) as file:
            return list(below(Names(file).load()))


model, out = sys.argv[1:]
with open(os.path.join(out, "metadata.json")) as file:
    account = json.load(file)["fletch"]
told = {row["tensor"] for row in account["rows"].values()}
told |= {row["mask"] for row in account["rows"].values() if "mask" in row}
told |= {entry["tensor"] for entry in account["left_out"]}
read = [entry["name"] for entry in account["source_files"]]
encoder = os.path.dirname(read[0])
prefix = account.get("source_prefix") or ""
count = 0
if os.path.isfile(model):
    read[0] = os.path.basename(model)
    model = os.path.dirname(model)
for folder, _, names in os.walk(model):
    for name in names:
        if not name.endswith((".safetensors", ".bin", ".pt", ".npz")):
            continue
        path = os.path.relpath(os.path.join(folder, name), model)
        where = os.path.dirname(path)
        for tensor in names_of(os.path.join(folder, name)):
            count += 1
            ways = {os.path.join(path, tensor)}
            if path in read:
                ways.add(tensor if where == encoder else os.path.join(where, tensor))
                if prefix and tensor.startswith(prefix + "."):
                    ways.add(tensor[len(prefix) + 1:])
            if not ways & told:
                print("nothing is said of", path, tensor)
print("all are told" if count else "there are none")
