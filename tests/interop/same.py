#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""same.py FLETCH WORK - the same checkpoint gives the same weights.parquet, byte for byte

Wherever it lies, in one file or in shards, whatever the order of its tensors, on one
processor or on all.
"""
import json
import os
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import Tap, file_sha256, read_safetensors, run  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
CODECS = ("zstd", "lz4", "snappy", "gzip", "none")


def write_safetensors(path, tensors, names):
    header, offset = {}, 0
    for name in names:
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            stream.write(tensors[name][2])


def reshard(source, target, shards):
    """The same tensors, dealt to that many files, the last first"""
    shutil.copytree(source, target)
    os.unlink(os.path.join(target, "model.safetensors"))
    tensors = read_safetensors(os.path.join(source, "model.safetensors"))
    names = list(reversed(list(tensors)))
    if shards == 1:
        write_safetensors(os.path.join(target, "model.safetensors"), tensors, names)
        return
    index = {}
    for i in range(shards):
        file = "model-%05d-of-%05d.safetensors" % (i + 1, shards)
        write_safetensors(os.path.join(target, file), tensors, names[i::shards])
        index.update({name: file for name in names[i::shards]})
    total = sum(len(data) for _, _, data in tensors.values())
    with open(os.path.join(target, "model.safetensors.index.json"), "w",
              encoding="ascii") as stream:
        json.dump({"metadata": {"total_size": total}, "weight_map": index}, stream)


def convert(model, out, codec, processors=None):
    def pin():
        os.sched_setaffinity(0, processors)
    done = run(FLETCH, "convert", "--quiet", "--model", model, "--output", out, "--type",
               "transformers", "--compression", codec, preexec_fn=processors and pin)
    if done.returncode:
        return done.stderr
    return file_sha256(os.path.join(out, "weights.parquet"))


def main():
    tap = Tap()
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    models = os.path.join(WORK, "models")
    maker = os.path.join(os.path.dirname(FLETCH), "tests", "make", "make_models")
    assert run(maker, models, "large", "clip").returncode == 0
    for model in ("large", "clip"):
        source = os.path.join(models, model)
        others = {"moved": 0, "reversed": 1, "in 3 shards": 3}
        for name, shards in others.items():
            if shards:
                reshard(source, os.path.join(WORK, model, name), shards)
            else:
                shutil.copytree(source, os.path.join(WORK, model, name))
        for codec in CODECS:
            out = os.path.join(WORK, "out")
            first = convert(source, out, codec)
            one = {min(os.sched_getaffinity(0))}
            tap.equal(convert(source, os.path.join(WORK, "else", "where"), codec, one), first,
                      "%s, %s: on one processor, elsewhere" % (model, codec))
            for name in others:
                tap.equal(convert(os.path.join(WORK, model, name), out, codec), first,
                          "%s, %s: %s" % (model, codec, name))
    shutil.rmtree(WORK)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
