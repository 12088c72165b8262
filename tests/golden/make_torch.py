#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_torch.py - writes tests/torch: what real torch saves, and what must come out of it

Run by hand, with torch installed; last with torch 1.13.0 and numpy 1.24.2. The unit test
torch_real compares. expected.txt has for each file what torch itself says of its tensors:

    file NAME FORMAT
    tensor NAME DTYPE SHAPE SHA256       of the contiguous little-endian bytes
    note WORDS                           some note has these words
    refused STATUS WORDS                 instead of all these: the sentence has these words

The tar of torch 0.1 cannot be had from any torch of today: it is written here by the rules
of torch.serialization's _legacy_load, and then loaded by torch itself.
"""
import argparse
import collections
import hashlib
import io
import os
import pickle
import struct
import tarfile

import numpy
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(os.path.dirname(HERE), "torch")
LINES = []


def tensor_line(name, tensor):
    plain = tensor.detach().contiguous()
    raw = plain.view(torch.int16) if plain.dtype is torch.bfloat16 else plain
    digest = hashlib.sha256(raw.numpy().tobytes()).hexdigest()
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


# ---- Models ----


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.dense = torch.nn.Linear(width, width, bias=False)

    def forward(self, x):
        return x + self.dense(self.norm(x))


class Net(torch.nn.Module):
    resolution: int

    def __init__(self):
        super().__init__()
        self.resolution = 224
        self.scale = 0.5
        self.kind = "tiny"
        self.conv = torch.nn.Conv1d(2, 3, 2)
        self.blocks = torch.nn.ModuleList([Block(3), Block(3)])
        self.out = torch.nn.Linear(3, 2)
        self.register_buffer("position_ids", torch.arange(4).expand(1, -1))

    def forward(self, x):
        y = self.conv(x).mean(2)
        for block in self.blocks:
            y = block(y)
        return self.out(y) * self.scale


class OwnSettings:
    """A class that nobody but the writer has"""

    def __init__(self):
        self.rate, self.names = 0.1, ["a", "b"]


def dtypes():
    values = torch.arange(-3, 5)
    kinds = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8,
             torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool]
    return {str(kind).split(".")[1]: values.to(kind) for kind in kinds}


def views():
    whole = torch.arange(60, dtype=torch.float32).reshape(5, 12)
    return {
        "whole": whole, "transposed": whole.t(), "row": whole[2], "column": whole[:, 3],
        "stepped": whole[::2, 1::3], "expanded": whole[1, :4].expand(3, 4),
        "empty": whole[:0], "scalar": torch.tensor(7.5), "part": whole.view(-1)[13:29],
        "permuted": whole.reshape(3, 4, 5).permute(2, 0, 1), "tied": whole,
        "parameter": torch.nn.Parameter(whole[3:4].t()),
    }


def training(net):
    """Everything that training scripts put beside the weights"""
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(2, 2, 5)).sum().backward()
    optimizer.step()
    counts = collections.defaultdict(int)
    counts["seen"] = 3
    return {
        "state_dict": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7,
        "args": argparse.Namespace(lr=1e-3, hidden=[1, 2]), "settings": OwnSettings(),
        "best": numpy.float64(0.25), "history": numpy.arange(6).reshape(2, 3),
        "counts": counts, "size": torch.Size([2, 3]), "device": torch.device("cpu"),
        "dtype": torch.float16, "set": {1, 2}, "bytes": b"\0\1", "large": 1 << 80,
        "complex": 1j, "slice": slice(1, 2), "rng": torch.get_rng_state(),
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
    loaded = torch.load(os.path.join(OUT, name))["state_dict"]
    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)
    expect(name, "torch-tar", loaded, ["the model's tensors are those below 'state_dict'"])


# ---- All ----


def make_scripts(net):
    facts = ["attribute 'resolution' is 224", "attribute 'kind' is 'tiny'"]
    torch.jit.script(net).save(os.path.join(OUT, "script.pt"))
    expect("script.pt", "torchscript", net.state_dict(), facts)
    torch.jit.trace(net, torch.ones(1, 2, 5)).save(os.path.join(OUT, "trace.pt"))
    expect("trace.pt", "torchscript", net.state_dict())
    least = torch.nn.Linear(2, 1, bias=False)
    torch.jit.trace(least, torch.ones(2)).save(os.path.join(OUT, "script-small.pt"))
    expect("script-small.pt", "torchscript", least.state_dict())
    half = torch.jit.freeze(torch.jit.script(Block(3)).eval())
    half.save(os.path.join(OUT, "frozen.pt"))
    expect("frozen.pt", "torchscript",
           refused="unsupported is a TorchScript archive whose modules hold no tensor")


def make_refused(net):
    eight = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    save("quantized.pt", {"w": eight}, refused="unsupported tensor 'w': is quantized")
    save("sparse.pt", {"w": torch.eye(3).to_sparse()},
         refused="unsupported tensor 'w': is sparse")
    save("csr.pt", {"w": torch.eye(3).to_sparse_csr()},
         refused="unsupported tensor 'w': is sparse")
    save("meta.pt", {"w": torch.empty(3, device="meta")},
         refused="unsupported tensor 'w': is a meta tensor")
    save("complex128.pt", {"w": torch.ones(3, dtype=torch.complex128)},
         refused="unsupported tensor 'w': its elements are of a ComplexDoubleStorage")
    save("module.pt", net, refused="unsupported is a whole object of class __main__.Net")
    save("list.pt", [torch.ones(2)], refused="unsupported holds a list")


def main():
    torch.manual_seed(5)
    os.makedirs(OUT, exist_ok=True)
    net = Net()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    for protocol in (2, 3, 4, 5):
        save(f"zip-{protocol}.pt", net.state_dict(), state, pickle_protocol=protocol)
        save(f"stream-{protocol}.pt", net.state_dict(), state, pickle_protocol=protocol,
             _use_new_zipfile_serialization=False)
    for name, tensors in (("dtypes", dtypes()), ("views", views())):
        save(f"{name}.pt", tensors, tensors)
        save(f"{name}-stream.pt", tensors, tensors, _use_new_zipfile_serialization=False)
    save("complex64.pt", {"w": torch.ones(3, dtype=torch.complex64)},
         {"w": torch.ones(3, dtype=torch.complex64)})
    make_scripts(net)
    run = training(net)
    trained = {key: value.clone() for key, value in run["state_dict"].items()}
    words = ["the model's tensors are those below 'state_dict'",
             "wants to call argparse.Namespace; nothing was called",
             "wants to call __main__.OwnSettings; nothing was called",
             "wants to call __builtin__.slice; nothing was called"]
    save("training.pt", run, trained, words)
    save("training-stream.pt", run, trained, words, _use_new_zipfile_serialization=False)
    words[-1] = words[-1].replace("__builtin__", "builtins")
    save("training-5.pt", run, trained, words, pickle_protocol=5)
    make_tar("tar.pt")
    make_refused(net)
    with open(os.path.join(OUT, "expected.txt"), "w", encoding="utf-8") as out:
        out.write("\n".join(LINES) + "\n")


if __name__ == "__main__":
    main()
