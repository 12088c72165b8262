#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare-builds.py [--only TEXT] OLD NEW [-- OPTION...] - two builds of fletch write the same
bytes

Converts every golden model with both builds, with each codec and with 1 and 3 threads, and
compares all files of the output byte for byte. Tensors that are larger than a piece are made
here, one kind to a model. A model that OLD refuses must be refused by NEW in the same words.
Options behind `--` go to every conversion. Prints what differs, then `N passed, N failed`.

Of metadata.json these keys are passed over: see IGNORED. Nothing else is.
"""
import argparse
import difflib
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(os.path.dirname(HERE), "tests")
GOLDEN = os.path.join(TESTS, "golden")
CODECS = ("zstd", "lz4", "snappy", "gzip", "none")
THREADS = ("1", "3")
# Keys of metadata.json that say when.
IGNORED = ("converted_at",)
# The first of these with which OLD converts a model is how both convert it.
WAYS = ([], ["--set", "num_attention_heads=2"], ["--type", "any"])
WEIGHTS = (".safetensors", ".bin", ".pt", ".ckpt", ".npz")
# Elements of a made tensor: several pieces, the last one not full.
COUNT = 3 * 1024 * 1024 + 5


# ---- Models ----

def weights_in(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(WEIGHTS))


def golden_models():
    """Every folder of the tests that has weights. Where config.json is not beside the weights
    but a folder up, it is put beside them in a copy."""
    for root in (GOLDEN, os.path.join(TESTS, "field")):
        for folder, folders, _ in sorted(os.walk(root)):
            folders.sort()
            names = weights_in(folder)
            above = os.path.join(os.path.dirname(folder), "config.json")
            beside = os.path.exists(os.path.join(folder, "config.json"))
            if not names:
                continue
            name = os.path.relpath(folder, TESTS)
            if beside or len(names) > 1 or os.path.exists(above):
                yield name, folder, None if beside else above
            else:
                yield os.path.join(name, names[0]), os.path.join(folder, names[0]), None


def stage(model, config, work):
    if not config or not os.path.exists(config):
        return model
    copy = os.path.join(work, "model")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(model, copy)
    shutil.copy(config, copy)
    return copy


def floats(maker, count, tops):
    """float32 whose last byte is one of `tops`, the others any"""
    data = bytearray(maker.randbytes(4 * count))
    data[3::4] = bytes(maker.choices(tops, k=count))
    return bytes(data)


def made_tensors():
    maker = random.Random(1)
    weights = floats(maker, COUNT, (0x3c, 0xbc, 0x3d, 0xbd))
    wide = bytearray(weights)
    wide[-4:] = struct.pack("<f", 1e6)
    row = weights[:4 * 1024]
    half = weights[:1024 * 1024 * 4] + bytes(4 * COUNT - 1024 * 1024 * 4)
    yield "weights", "F32", weights, 4
    yield "one-value-beyond-float16", "F32", bytes(wide), 4
    yield "zeros", "F32", bytes(4 * COUNT), 4
    yield "rows-alike", "F32", row * (4 * COUNT // len(row)), 4
    yield "weights-then-zeros", "F32", half, 4
    yield "bfloat16", "BF16", b"".join((weights[2::4], weights[3::4])), 2
    yield "counters", "I64", struct.pack("<%dq" % (COUNT // 2), *range(COUNT // 2)), 8


def made_models(work):
    for name, dtype, data, size in made_tensors():
        path = os.path.join(work, name + ".safetensors")
        header = json.dumps({"weight": {"dtype": dtype, "shape": [len(data) // size],
                                        "data_offsets": [0, len(data)]}}).encode()
        with open(path, "wb") as stream:
            stream.write(struct.pack("<Q", len(header)) + header + data)
        yield "made/" + name, path, None


# ---- Comparing ----

def convert(build, model, work, options):
    """Its exit code and words, and {file: bytes}; the folder's name is the same for both"""
    out = os.path.join(work, "out")
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([build, "convert", model, "-o", "out", "-q", *options], cwd=work,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    files = {}
    for folder, _, names in os.walk(out):
        for name in names:
            with open(os.path.join(folder, name), "rb") as stream:
                files[os.path.relpath(os.path.join(folder, name), out)] = stream.read()
    return done.returncode, done.stderr.decode(errors="replace"), files


def without_times(files):
    text = files.get("metadata.json")
    for key in IGNORED if text else ():
        text = re.sub(b'("%s": )"[^"]*"' % key.encode(), rb'\1null', text)
    return dict(files, **({"metadata.json": text} if text else {}))


def first_difference(old, new):
    if b"\n" in old[:4096] and b"\0" not in old + new:
        lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(),
                                     n=0, lineterm="")
        return "; ".join(line for line in list(lines)[2:8] if not line.startswith("@@"))
    at = next((i for i in range(min(len(old), len(new))) if old[i] != new[i]),
              min(len(old), len(new)))
    return "%d and %d bytes, differ at %d" % (len(old), len(new), at)


def differences(old, new):
    if old[0] != new[0] or old[1] != new[1]:
        yield "exit code %d and %d\n    %s    %s" % (old[0], new[0], old[1], new[1])
        return
    before, after = without_times(old[2]), without_times(new[2])
    for name in sorted(set(before) | set(after)):
        if name not in before or name not in after:
            yield "%s: only one of them writes it" % name
        elif before[name] != after[name]:
            yield "%s: %s" % (name, first_difference(before[name], after[name]))


class Comparison:
    def __init__(self, args):
        self.old, self.new = os.path.abspath(args.old), os.path.abspath(args.new)
        self.options = args.options
        self.passed = self.failed = self.refused = 0

    def judge(self, title, old, new):
        found = list(differences(old, new))
        self.failed += bool(found)
        self.passed += not found
        for text in found:
            print("differs: %s: %s" % (title, text), flush=True)

    def model(self, name, model, work):
        for way in WAYS:
            options = [*way, *self.options]
            old = convert(self.old, model, work, options)
            if not old[0]:
                break
            self.judge(" ".join([name, *options]), old,
                       convert(self.new, model, work, options))
        else:
            self.refused += 1
            return
        for codec in CODECS:
            for threads in THREADS:
                more = [*options, "-c", codec, "--threads", threads]
                self.judge(" ".join([name, *more]), convert(self.old, model, work, more),
                           convert(self.new, model, work, more))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    comparison = Comparison(args)
    with tempfile.TemporaryDirectory() as work:
        for models in (golden_models(), made_models(work)):
            for name, model, config in models:
                if args.only in name:
                    comparison.model(name, stage(model, config, work), work)
    print("%d models are refused by both builds" % comparison.refused)
    print("%d passed, %d failed" % (comparison.passed, comparison.failed))
    return 1 if comparison.failed or not comparison.passed else 0


if __name__ == "__main__":
    sys.exit(main())
