#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walk.py MODEL OUT - prints the tensors of the folder's weights files that OUT's
metadata.json knows nothing of: no row is made of them, and they are not left out. A name
counts only for its own file"""
import json
import os
import pickle
import struct
import sys
import zipfile


class State(dict):
    """A dict that may have attributes, as modules give it"""


class Tensor:
    """What stands for every other object: it takes whatever is done to it"""

    def __init__(self, *arguments):
        pass

    def __setstate__(self, state):
        pass


class Names(pickle.Unpickler):
    """A dict of tensors, of which only the names are wanted: nothing is called"""

    def find_class(self, module, name):
        return State if name == "OrderedDict" else Tensor

    def persistent_load(self, pid):
        return None


def names_of(path):
    if path.endswith(".safetensors"):
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        return [name for name in header if name != "__metadata__"]
    with zipfile.ZipFile(path) as archive:
        if path.endswith(".npz"):
            return [name.removesuffix(".npy") for name in archive.namelist()]
        member = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        with archive.open(member) as file:
            return list(Names(file).load())


model, out = sys.argv[1:]
with open(os.path.join(out, "metadata.json")) as file:
    account = json.load(file)["fletch"]
told = {row["tensor"] for row in account["rows"].values()}
told |= {row["mask"] for row in account["rows"].values() if "mask" in row}
told |= {entry["tensor"] for entry in account["left_out"]}
read = [entry["name"] for entry in account["source_files"]]
encoder = os.path.dirname(read[0])
count = 0
for folder, _, names in os.walk(model):
    for name in names:
        if not name.endswith((".safetensors", ".bin", ".pt", ".npz")):
            continue
        path = os.path.relpath(os.path.join(folder, name), model)
        below = os.path.dirname(path)
        for tensor in names_of(os.path.join(folder, name)):
            count += 1
            ways = {os.path.join(path, tensor)}
            if path in read:
                ways.add(tensor if below == encoder else os.path.join(below, tensor))
            if not ways & told:
                print("nothing is said of", path, tensor)
print("all are told" if count else "there are none")
