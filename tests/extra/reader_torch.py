#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""reader_torch.py FLETCH WORK - the Python package's reader and torch: tensors out and in"""
import os
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
from tap_points import Tap  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
PACKAGE = os.path.join(os.path.dirname(FLETCH), "python")
TAP = Tap()


def point(name, good):
    TAP.ok(good, name)


def same(found, expected):
    return sorted(found) == sorted(expected) and all(
        found[name].dtype == value.dtype and torch.equal(found[name], value)
        for name, value in expected.items())


def main():
    if not os.path.isdir(PACKAGE):
        print("1..0 # SKIP there is no Python package in", os.path.dirname(FLETCH))
        return 0
    sys.path.insert(0, PACKAGE)
    import fletch

    os.makedirs(WORK, exist_ok=True)
    torch.manual_seed(1)
    tensors = {"a": torch.randn(70, 30), "b": torch.randn(9).half(), "c": torch.arange(5),
               "d": torch.tensor([True, False]), "e": torch.zeros(0, 3), "f": torch.tensor(2.5)}
    source, out = os.path.join(WORK, "x.safetensors"), os.path.join(WORK, "out")
    save_file(tensors, source)
    fletch.save_file(tensors, out, compression="none")
    for mmap in (False, True):
        found = fletch.load_file(out, framework="pt", mmap=mmap)
        point(f"load_file gives torch's tensors, mmap={mmap}", same(found, tensors))
    with safe_open(source, "pt") as theirs, fletch.safe_open(out, "pt", "cpu") as ours:
        point("get_slice as safetensors has it", all(
            torch.equal(ours.get_slice("a")[index], theirs.get_slice("a")[index])
            for index in (slice(3, 9), (slice(None), slice(2, 4)), 5, ...)))
        point("a slice backwards", torch.equal(ours.get_slice("a")[::-1],
                                                   tensors["a"].flip(0)))
    with fletch.safe_open(out, None, mmap=True) as file:
        # the same place each time: the file's
        places = {torch.from_dlpack(file["a"]).data_ptr() for _ in range(3)}
        with open("/proc/self/maps") as maps:
            ranges = [line.split()[0].split("-") for line in maps if "weights.parquet" in line]
        point("mapped values are not copied", len(places) == 1 and any(
            int(begin, 16) <= min(places) < int(end, 16) for begin, end in ranges))
    kept = fletch.load_file(out, framework="torch")["a"]
    kept += 1
    point("what was read is the caller's own", torch.equal(kept, tensors["a"] + 1))
    odd = {"brain": torch.randn(4, 6).bfloat16(), "turned": torch.randn(4, 6).t(),
           "grown": torch.randn(3, requires_grad=True),
           "eight": torch.randn(5).to(torch.float8_e4m3fn)}
    fletch.save_file(odd, os.path.join(WORK, "odd.parquet"))
    found = fletch.load_file(os.path.join(WORK, "odd.parquet"), framework="pt")
    point("bfloat16, float8, other layouts and gradients are saved",
          same(found, {name: value.detach().float() for name, value in odd.items()}))
    foreign(fletch)
    return TAP.finish()


def foreign(fletch):
    """A bfloat16 of another writer's, by DLPack of both kinds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    brain = torch.randn(4, 6).bfloat16()
    path = os.path.join(WORK, "brain.parquet")
    pq.write_table(pa.table({"layer_name": ["brain"], "shape": [[4, 6]],
                             "dtype": ["torch.bfloat16"],
                             "data": pa.array([brain.view(torch.uint8).numpy().tobytes()])}),
                   path)
    found = fletch.load_file(path, framework="pt")["brain"]
    point("bfloat16 by DLPack", found.dtype == torch.bfloat16 and torch.equal(found, brain))
    with fletch.safe_open(path, None) as file:
        capsule = file["brain"].__dlpack__()
        point("and by the capsule of old", torch.equal(
            torch.utils.dlpack.from_dlpack(capsule), brain))


if __name__ == "__main__":
    sys.exit(main())
