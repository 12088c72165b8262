# SPDX-License-Identifier: MIT
"""specimens.py - converted models for foreign readers, and what each row must be

What must be in the file is computed here from the checkpoint with numpy, not asked of
fletch.
"""
import os
import re
import shutil
import sys

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import read_safetensors, run, sha256  # noqa: E402

CODECS = ("zstd", "lz4", "snappy", "gzip", "none")
KEPT = {"F16": "float16", "F32": "float32", "I64": "int64", "I32": "int32", "I8": "int8",
        "U8": "uint8", "BOOL": "bool"}
READ = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I16": "<i2"}


def natural(name):
    return [(int(part), "") if part.isdigit() else (-1, part)
            for part in re.split(r"(\d+)", name) if part]


def as_float32(dtype, data):
    if dtype == "BF16":
        return (numpy.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    return numpy.frombuffer(data, READ[dtype])


def to_float16(values):
    """numpy's rounding; NaN keeps its sign and the upper part of its payload, quieted"""
    with numpy.errstate(over="ignore"):
        half = values.astype("<f2")
    if values.dtype == numpy.dtype("<f4"):
        bits = values.view("<u4")
        quiet = (bits >> 16 & 0x8000 | 0x7e00 | bits >> 13 & 0x3ff).astype("<u2")
        half = numpy.where(numpy.isnan(values), quiet, half.view("<u2")).view("<f2")
    return half


def stored(dtype, data, float16):
    """(dtype's name, bytes) in the file"""
    if dtype == "I16":
        return "torch.int32", numpy.frombuffer(data, "<i2").astype("<i4").tobytes()
    if dtype in ("BF16", "F64", "F32") and (float16 or dtype != "F32"):
        values = as_float32(dtype, data)
        if float16:
            half = to_float16(values)
            if not (numpy.isinf(half) & numpy.isfinite(values)).any():
                return "torch.float16", half.tobytes()
        return "torch.float32", values.astype("<f4").tobytes()
    return "torch." + KEPT[dtype], data


def expected_rows(model, float16):
    """[(name, shape, dtype, num_params, sha256)] in the order of the file"""
    tensors = read_safetensors(os.path.join(model, "model.safetensors"))
    rows = []
    for name in sorted(tensors, key=natural):
        dtype, shape, data = tensors[name]
        kept, value = stored(dtype, data, float16)
        rows.append((name, shape, kept, int(numpy.prod(shape, dtype=numpy.int64)),
                     sha256(value)))
    return rows


def make(fletch, work):
    """[(title, path of weights.parquet, expected rows)], all codecs"""
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    models = os.path.join(work, "models")
    maker = os.path.join(os.path.dirname(fletch), "tests", "make", "make_models")
    assert run(maker, models, "odd", "empty", "many", "large").returncode == 0
    made = []
    for model, float16 in (("odd", True), ("odd", False), ("empty", True), ("many", True),
                           ("large", True)):
        source = os.path.join(models, model)
        expected = expected_rows(source, float16)
        for codec in CODECS:
            title = "%s, %s%s" % (model, codec, "" if float16 else ", --no-float16")
            out = os.path.join(work, title.replace(", ", "-"))
            done = run(fletch, "convert", "--quiet", "--model", source, "--output", out,
                       "--type", "transformers", "--compression", codec,
                       "--float16" if float16 else "--no-float16")
            if done.returncode:
                print("# %s: %s" % (title, done.stderr.strip()))
            made.append((title, os.path.join(out, "weights.parquet"), expected))
    return made
