#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_torch.py - writes tests/torch/VERSION: what real torch saves, and what must come out

Run by hand, once with each torch; tests/torch has one folder for each that was there. The
unit test torch_real compares. expected.txt begins with the versions of what wrote the files,
and has for each file what torch itself says of its tensors:

    file NAME FORMAT
    tensor NAME DTYPE SHAPE SHA256       of the contiguous little-endian bytes; 16 digits
    note WORDS                           some note has these words
    refused STATUS SENTENCE              instead of all these; N for each number of a byte

The tar of torch 0.1 and big-endian files cannot be had from any torch of today: they are
written here by the rules of torch.serialization, and then loaded by torch itself.
"""
import argparse
import collections
import contextlib
import hashlib
import io
import os
import pickle
import platform
import struct
import tarfile
import warnings
import zipfile

import numpy
import torch
from torch_cases import (Block, Exported, Named, Net, Scale, Tied, Wrapper, arange, dtypes, lightning, quantized,
                         recent_dtypes, refused_dtypes, sparse, stored_otherwise, subclasses,
                         trained, views, wrapped)

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "torch",
                   ".".join(torch.__version__.split(".")[:2]))
LINES = []
NOT_READ = ", which is not read"


def tensor_line(name, tensor):
    plain = tensor.detach().contiguous()
    content = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    shape = "x".join(map(str, plain.shape)) or "-"
    LINES.append(f"tensor {name} {plain.dtype} {shape} {digest}")


def expect(name, form, tensors=None, notes=(), refused=None):
    LINES.append(f"file {name} {form}")
    for key in sorted(tensors or {}):
        tensor_line(key, tensors[key])
    LINES.extend(f"note {note}" for note in notes)
    if refused:
        LINES.append("refused " + refused)


def save(name, what, tensors=None, notes=(), refused=None, form="torch-zip", **how):
    if not how.get("_use_new_zipfile_serialization", True):
        form = "torch-stream"
    torch.save(what, os.path.join(OUT, name), **how)
    expect(name, form, tensors, notes, refused)


def save_both(name, what, tensors=None, notes=(), refused=None):
    """As the zip and as the stream"""
    save(name + ".pt", what, tensors, notes, refused)
    save(name + "-stream.pt", what, tensors, notes, refused,
         _use_new_zipfile_serialization=False)


def try_save(name, what, refused):
    """What not every version can save"""
    whole = io.BytesIO()
    try:
        torch.save(what, whole)
    except (NotImplementedError, RuntimeError, AttributeError, TypeError,
            KeyError) as why:
        print(f"{name}: torch does not save it: {str(why).splitlines()[0]}")
        return
    with open(os.path.join(OUT, name), "wb") as out:
        out.write(whole.getvalue())
    expect(name, "torch-zip", refused=refused)


class OwnSettings:
    """A class that nobody but the writer has"""

    def __init__(self):
        self.rate, self.names = 0.1, ["a", "b"]


def training(net):
    """Everything that training scripts put beside the weights"""
    optim = torch.optim
    adamw, = trained([(optim.AdamW, {})], net)
    counts = collections.defaultdict(int)
    counts["seen"] = 3
    return {
        "state_dict": net.state_dict(), "optimizer": adamw, "epoch": 7,
        "args": argparse.Namespace(lr=1e-3, hidden=[1, 2]), "settings": OwnSettings(),
        "best": numpy.float64(0.25), "history": numpy.arange(6).reshape(2, 3),
        "counts": counts, "size": torch.Size([2, 3]), "device": torch.device("cpu"),
        "dtype": torch.float16, "set": {1, 2}, "bytes": b"\0\1", "large": 1 << 80,
        "complex": 1j, "slice": slice(1, 2), "rng": torch.get_rng_state()[:16].clone(),
        "layout": torch.strided,
    }


# ---- The tar of torch 0.1 ----


def tar_pickle(what, keys):
    """A pickle of protocol 2 in which a tensor is only its number"""
    out = io.BytesIO()
    pickler = pickle.Pickler(out, 2)
    pickler.persistent_id = lambda obj: (str(keys[id(obj)]) if isinstance(obj, torch.Tensor)
                                         else None)
    pickler.dump(what)
    return out.getvalue()


def tar_storages(storages, views_of):
    out = io.BytesIO()
    pickle.dump(len(storages), out, 2)
    for key, (kind, count, data) in storages.items():
        pickle.dump((key, "cpu", kind), out, 2)
        out.write(struct.pack("<q", count) + data)
    pickle.dump(views_of, out, 2)
    return out.getvalue()


def tar_tensors(tensors):
    out = io.BytesIO()
    pickle.dump(len(tensors), out, 2)
    for key, storage, kind, shape, strides, offset in tensors:
        pickle.dump((key, storage, kind), out, 2)
        rank = len(shape)
        out.write(struct.pack("<i4x", rank))
        out.write(struct.pack(f"<{2 * rank}q", *shape, *strides))
        out.write(struct.pack("<q", offset))
    return out.getvalue()


def write_tar(name, members):
    with tarfile.open(os.path.join(OUT, name), "w:", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            info.mtime = 0.5  # a fraction, so that there are attributes in front
            tar.addfile(info, io.BytesIO(data))


def make_tar(name):
    floats = torch.arange(12, dtype=torch.float32)
    longs = torch.arange(5)
    weights = collections.OrderedDict([
        ("weight", floats.reshape(3, 4)), ("transposed", floats.reshape(3, 4).t()),
        ("part", floats[2:6]), ("count", longs[1:4]), ("tied", None)])
    weights["tied"] = weights["weight"]
    at = 94000000000000  # as addresses look
    storages = {at + 64: (torch.FloatStorage, 12, floats.numpy().tobytes()),
                at: (torch.LongStorage, 5, longs.numpy().tobytes())}
    seen = [(at + 128, at + 64, 2, 4)]
    where = {"weight": (at + 64, 0), "transposed": (at + 64, 0), "part": (at + 128, 0),
             "count": (at, 1)}
    tensors, keys = [], {}
    for number, (key, (storage, offset)) in enumerate(where.items()):
        tensor = weights[key]
        keys[id(tensor)] = at + 1024 + number
        tensors.append((at + 1024 + number, storage,
                        torch.LongTensor if key == "count" else torch.FloatTensor,
                        tuple(tensor.shape), tensor.stride(), offset))
    about = {"protocol_version": 1000, "little_endian": True,
             "type_sizes": {"short": 2, "int": 4, "long": 4}}
    write_tar(name, {"sys_info": pickle.dumps(about, 2),
                     "pickle": tar_pickle({"state_dict": weights, "epoch": 3}, keys),
                     "tensors": tar_tensors(tensors),
                     "storages": tar_storages(storages, seen)})
    loaded = torch.load(os.path.join(OUT, name), weights_only=False)["state_dict"]
    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)
    expect(name, "torch-tar", loaded, ["the model's tensors are those below 'state_dict'"])


# ---- What only some versions write ----


def make_big(name, tensors):
    """The zip of a big-endian machine: its values turned around, and a member that says so"""
    stored = io.BytesIO()
    torch.save(tensors, stored)
    width = {str(i): tensor.element_size() for i, tensor in enumerate(tensors.values())}
    with zipfile.ZipFile(stored) as source, \
            zipfile.ZipFile(os.path.join(OUT, name), "w") as target:
        for member in source.namelist():
            root, last = member.split("/")[0], member.split("/")[-1]
            content = source.read(member)
            if "/data/" in member:
                content = b"".join(content[i:i + width[last]][::-1]
                                   for i in range(0, len(content), width[last]))
            if last != "byteorder":
                target.writestr(zipfile.ZipInfo(member), content)
        target.writestr(zipfile.ZipInfo(root + "/byteorder"), b"big")
    loaded = torch.load(os.path.join(OUT, name), weights_only=True)
    assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)
    expect(name, "torch-zip", loaded)


@contextlib.contextmanager
def set_to(holder, name, value):
    was = getattr(holder, name)
    setattr(holder, name, value)
    yield
    setattr(holder, name, was)


def make_settings(state):
    """What newer versions let people set, where this one does"""
    from torch import serialization
    if hasattr(serialization, "set_crc32_options"):
        serialization.set_crc32_options(False)
        save("without-crc.pt", state, state)
        serialization.set_crc32_options(True)
    try:
        from torch.utils.serialization import config
    except ImportError:
        return
    if hasattr(config.save, "storage_alignment"):
        for alignment in (1024, 1):
            with set_to(config.save, "storage_alignment", alignment):
                save(f"alignment-{alignment}.pt", {"a": arange(3), "b": arange(2, 2)},
                     {"a": arange(3), "b": arange(2, 2)})


def make_without_values():
    """Storages without values, and a tensor without a storage"""
    from torch import serialization
    if hasattr(serialization, "skip_data"):
        with serialization.skip_data():
            save("skipped.pt", {"w": arange(3)}, {"w": torch.zeros(3)})
    try_save("wrapper.pt", {"w": Wrapper(arange(2), arange(2))},
             f"unsupported tensor 'w': is of a class of its own without a storage{NOT_READ}")


# ---- All ----


def make_scripts(net):
    facts = ["attribute 'resolution' is 224", "attribute 'kind' is 'tiny'"]
    torch.jit.script(net).save(os.path.join(OUT, "script.pt"))
    expect("script.pt", "torchscript", net.state_dict(), facts)
    block = net.blocks[0]
    torch.jit.trace(block, torch.ones(3)).save(os.path.join(OUT, "trace.pt"))
    expect("trace.pt", "torchscript", block.state_dict())
    least = torch.nn.Linear(2, 1, bias=False)
    torch.jit.trace(least, torch.ones(2)).save(os.path.join(OUT, "script-small.pt"))
    expect("script-small.pt", "torchscript", least.state_dict())
    half = torch.jit.freeze(torch.jit.script(Block(3)).eval())
    half.save(os.path.join(OUT, "frozen.pt"))
    expect("frozen.pt", "torchscript",
           refused="unsupported is a TorchScript archive whose modules hold no tensor; if it "
                   "was frozen, save it without torch.jit.freeze()")


def make_exports():
    """The archives of torch.export, since they have no pickle"""
    if tuple(map(int, torch.__version__.split(".")[:2])) < (2, 9):
        return
    from torch.export.pt2_archive._package import package_pt2

    one = Exported().eval()
    program = torch.export.export(one, (arange(3),))
    block = torch.export.export(Block(3), (arange(3),))
    torch.export.save(program, os.path.join(OUT, "export.pt2"))
    rest = ["'constants' has 2 tensors, left out"]
    expect("export.pt2", "torch-pt2", one.state_dict(), rest)
    names = ("first.", "second.")
    package_pt2(os.path.join(OUT, "export-two.pt2"),
                exported_programs={"first": block, "second": block})
    expect("export-two.pt2", "torch-pt2",
           {name + key: value for name in names for key, value in block.state_dict.items()})
    block.state_dict["norm.bias"] = torch.nn.Parameter(arange(3).as_subclass(Named))
    torch.export.save(block, os.path.join(OUT, "export-subclass.pt2"))
    expect("export-subclass.pt2", "torch-pt2",
           refused="unsupported tensor 'norm.bias': is a pickle of a class of its own, which is "
                   "not read: load it with torch.export.load() and save its state_dict as "
                   "safetensors")


def make_training():
    net = Block(3)
    run = training(net)
    state = {key: value.clone() for key, value in run["state_dict"].items()}
    words = ["the model's tensors are those below 'state_dict'",
             "calls argparse.Namespace (ignored: nothing is executed)",
             "calls __main__.OwnSettings (ignored: nothing is executed)",
             "calls __builtin__.slice (ignored: nothing is executed)"]
    save_both("training", run, state, words)
    words[-1] = words[-1].replace("__builtin__", "builtins")
    run["memory_format"] = torch.channels_last  # protocol 2 cannot say it
    save("training-5.pt", run, state, words, pickle_protocol=5)
    run = lightning(net)
    state = {key: value.clone() for key, value in run["state_dict"].items()}
    words = ["the model's tensors are those below 'state_dict'",
             "calls lightning.fabric.utilities.data.AttributeDict (ignored: nothing is executed)",
             "calls torch.nn.modules.activation.ReLU (ignored: nothing is executed)"]
    save_both("lightning", run, state, words)
    optim = torch.optim
    kinds = [(optim.SGD, {"lr": 0.1, "momentum": 0.9}), (optim.Adagrad, {}),
             (optim.RMSprop, {"centered": True}), (optim.LBFGS, {"max_iter": 2}),
             (optim.Adam, {"amsgrad": True})]
    net = torch.nn.Linear(3, 2)
    states = trained(kinds, net)
    save("optimizers.pt", {"model": net.state_dict(), "optimizers": states},
         {key: value.clone() for key, value in net.state_dict().items()},
         ["the model's tensors are those below 'model'"])
    save("optimizer.pt", states[0],
         refused="unsupported holds tensors such as 'state.0.momentum_buffer', but no dict of "
                 "them that is a model's; --prefix NAME takes one")
    for name, prefix, held in wrapped(net):
        notes = [f"the model's tensors are those below '{prefix}'"] if prefix else []
        save(name + ".pt", held, {key[len(prefix) + 1 if prefix else 0:]: held[key]
                                  for key in held}, notes)


def make_refused():
    for name, tensor in quantized():
        try_save(name + ".pt", {"w": tensor},
                 f"unsupported tensor 'w': is quantized{NOT_READ}")
    for name, tensor in sparse():
        try_save(name + ".pt", {"w": tensor},
                 f"unsupported tensor 'w': is sparse{NOT_READ}")
    for name, tensor in stored_otherwise():
        path = os.path.join(OUT, name + ".pt")
        torch.save({"w": tensor}, path)
        found = torch.load(path)["w"]
        if found.is_conj() or found.is_neg():
            expect(name + ".pt", "torch-zip",
                   refused="unsupported tensor 'w': byte N: is stored conjugated or negated")
        else:  # this version loses that
            expect(name + ".pt", "torch-zip", {"w": found})
    for name, tensor in refused_dtypes():
        words = (f"its dtype torch.{name} is unknown"
                 if name != "complex128" else "its elements are of a ComplexDoubleStorage, "
                 "which has no place in the table")
        try_save(name + ".pt", {"w": tensor}, f"unsupported tensor 'w': {words}")
    nested = torch.nested.nested_tensor if hasattr(torch, "nested") else torch.nested_tensor
    try_save("nested.pt", {"w": nested([arange(2), arange(3)])},
             f"unsupported tensor 'w': is nested{NOT_READ}")
    save("meta.pt", {"w": torch.empty(3, device="meta")},
         refused=f"unsupported tensor 'w': is a meta tensor without values{NOT_READ}")
    own = "which nothing but its own code can read: save its state_dict() instead"
    none = "entries, and none is a tensor, nor in the dicts below"
    save_both("module", Scale(),
              refused=f"unsupported is a whole object of class torch_cases.Scale, {own}; "
                      "nothing is executed")
    save_both("module-inside", {"args": OwnSettings(), "model": Scale()},
              refused=f"unsupported holds a dict of 2 {none}; 'model' is a whole object of "
                      f"class torch_cases.Scale, {own}; the pickle calls "
                      "__main__.OwnSettings (ignored: nothing is executed)")
    save("list.pt", [torch.ones(2)],
         refused="unsupported holds a list, expected a dict of tensors")
    save("tensor.pt", torch.ones(2),
         refused="unsupported holds one tensor without a name, expected a dict of tensors")
    storage = arange(2).storage()
    save("storage.pt", {"w": getattr(storage, "_untyped_storage", storage)},
         refused=f"unsupported holds a dict of 1 {none}")


def main():
    torch.manual_seed(5)
    os.makedirs(OUT, exist_ok=True)
    LINES.append(f"# torch {torch.__version__}, numpy {numpy.__version__}, "
                 f"Python {platform.python_version()}")
    net = Net()
    block = net.blocks[0].state_dict()
    state = {key: value.clone() for key, value in block.items()}
    for protocol in (2, 3, 4, 5):
        save(f"zip-{protocol}.pt", block, state, pickle_protocol=protocol)
        save(f"stream-{protocol}.pt", block, state, pickle_protocol=protocol,
             _use_new_zipfile_serialization=False)
    cases = {"dtypes": dtypes(), "views": views(), "subclasses": subclasses(),
             "recent-dtypes": recent_dtypes(), "tied": Tied().state_dict()}
    for name, tensors in cases.items():
        if tensors:
            save_both(name, tensors, tensors)
    complex64 = {"w": torch.ones(3, dtype=torch.complex64)}
    save("complex64.pt", complex64, complex64)
    make_scripts(net)
    make_exports()
    make_training()
    if torch.__version__ < "2":  # once is enough
        make_tar("tar.pt")
    if hasattr(torch.serialization, "LoadEndianness"):  # this version knows big ones
        make_big("big.pt", {"w": arange(2, 3), "half": arange(4).half(),
                            "long": torch.arange(3),
                            "byte": torch.arange(5, dtype=torch.uint8)})
    make_settings(state)
    make_refused()
    make_without_values()
    with open(os.path.join(OUT, "expected.txt"), "w", encoding="utf-8") as out:
        out.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
