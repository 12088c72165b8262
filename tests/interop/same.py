#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""same.py FLETCH WORK - the same checkpoint gives the same weights.parquet, byte for byte

Wherever it lies, in one file or in shards, whatever the order of its tensors, on one
processor or on all; and in whatever container, as the libraries of tests/golden/containers
wrote it: there metadata.json is the same too, but for names of files and what is no part of
the model.
"""
import json
import os
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import Tap, file_sha256, load_json, read_safetensors, run  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
CODECS = ("zstd", "lz4", "snappy", "gzip", "none")
CONTAINERS = os.path.join(os.path.dirname(HERE), "golden", "containers")
# Each container, and the format that metadata.json must name.
FORMATS = {
    "safetensors": "safetensors", "safetensors-shards": "safetensors",
    "torch-zip": "torch zip", "torch-zip-deflated": "torch zip",
    "torch-zip-shards": "torch zip", "torch-stream": "torch stream",
    "torch-training": "torch zip", "torchscript": "torchscript", "torch-pt2": "torch pt2",
    "npz": "npz", "npz-deflated": "npz",
}
# What stands in front of the model's names in those that wrap it.
PREFIXES = {"torch-training": "model_state_dict.module"}


def write_safetensors(path, tensors, names, metadata=None):
    header, offset = {"__metadata__": metadata} if metadata else {}, 0
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


def cut(source, target, parts, kept):
    """The same tensors, as `parts` processes save their slices of them with
    torch.distributed.checkpoint; the first `kept` files of these"""
    shutil.copytree(source, target)
    os.unlink(os.path.join(target, "model.safetensors"))
    tensors = read_safetensors(os.path.join(source, "model.safetensors"))
    for i in range(kept):
        slices, info = {}, {}
        for name, (dtype, shape, data) in tensors.items():
            rows = -(-shape[0] // parts) if shape else 1
            if shape and i * rows >= shape[0] or not shape and i:
                continue
            size = len(data) // (shape[0] if shape else 1) * rows
            piece = data[i * size:(i + 1) * size]
            own = [min(rows, shape[0] - i * rows), *shape[1:]] if shape else []
            slices[name] = (dtype, own, piece)
            info[name] = {"saved_offsets": [i * rows] + [0] * (len(shape) - 1) if shape else []}
        file = "shard-%05d-model-00001-of-00001.safetensors" % (i + 1)
        write_safetensors(os.path.join(target, file), slices, list(slices),
                          {"format": "pt", "DCP_SHARDING_INFO": json.dumps(info)})


def convert(model, out, codec, processors=None):
    def pin():
        os.sched_setaffinity(0, processors)
    done = run(FLETCH, "convert", "--quiet", "--model", model, "--output", out, "--type",
               "transformers", "--compression", codec, preexec_fn=processors and pin)
    if done.returncode:
        return done.stderr
    return file_sha256(os.path.join(out, "weights.parquet"))


def account(out):
    """(format, prefix, left out, all else) of metadata.json, but for names of files, hours and
    what is said of the rest of a file"""
    metadata = load_json(out, "metadata.json")
    for key in ("model_name", "converted_at", "parquet_path"):
        del metadata[key]
    own = metadata["fletch"]
    del own["source_files"], own["notes"]
    left_out = [entry["tensor"] for entry in own.pop("left_out")]
    own.pop("source_metadata", None)
    return own.pop("source_format"), own.pop("source_prefix", None), left_out, metadata


def compare_containers(tap):
    """every container against safetensors, narrowed and as it is"""
    tap.equal(sorted(name for name in os.listdir(CONTAINERS)
                     if os.path.isdir(os.path.join(CONTAINERS, name))), sorted(FORMATS),
              "containers: each is compared")
    first = {}
    for name, wanted in FORMATS.items():
        model = os.path.join(WORK, "containers", name)
        shutil.copytree(os.path.join(CONTAINERS, name), model)
        shutil.copy(os.path.join(CONTAINERS, "config.json"), model)
        for options in ((), ("--no-float16",)):
            out = os.path.join(WORK, "out")
            done = run(FLETCH, "convert", "--quiet", "--certify", "--model", model,
                       "--output", out, *options)
            label = " ".join(("containers, %s:" % name, *options))
            if not tap.equal((done.returncode, done.stderr), (0, ""), label + " converts"):
                continue
            found = file_sha256(os.path.join(out, "weights.parquet"))
            kind, prefix, left_out, rest = account(out)
            first.setdefault(options, (found, rest))
            tap.equal(found, first[options][0], label + " weights.parquet")
            tap.ok(rest == first[options][1], label + " metadata.json",
                   "differs from that of safetensors")
            tap.equal((kind, prefix), (wanted, PREFIXES.get(name)), label + " format and prefix")
            tap.equal([tensor for tensor in left_out if not tensor.startswith("optimizer")],
                      ["embeddings.position_ids"], label + " what is left out")


def compare_parts(tap):
    """a model that was saved in parts is the whole one, or refused when the last are lost"""
    source = os.path.join(WORK, "containers", "safetensors")
    whole, out = os.path.join(WORK, "whole"), os.path.join(WORK, "joined")
    assert run(FLETCH, "convert", "--quiet", "--model", source, "--output", whole).returncode == 0
    for parts in (2, 3, 4):
        for kept in range(2, parts + 1):
            model = os.path.join(WORK, "parts", "%d-of-%d" % (kept, parts))
            label = "parts, %d of %d: " % (kept, parts)
            cut(source, model, parts, kept)
            shutil.rmtree(out, ignore_errors=True)
            done = run(FLETCH, "convert", "--quiet", "--model", model, "--output", out)
            if kept < parts:
                tap.equal((done.returncode, "may be missing" in done.stderr,
                           os.path.exists(out)), (1, True, False), label + "refused")
            elif tap.equal((done.returncode, done.stderr), (0, ""), label + "converts"):
                tap.equal(file_sha256(os.path.join(out, "weights.parquet")),
                          file_sha256(os.path.join(whole, "weights.parquet")),
                          label + "weights.parquet")


def compare_builds(tap):
    """tools/compare-builds.py finds this build the same as itself, and sees other bytes, other
    metadata and another refusal"""
    tool = os.path.join(os.path.dirname(os.path.dirname(HERE)), "tools", "compare-builds.py")
    other = os.path.join(WORK, "other")
    model = "golden/bert-safetensors"
    edits = {"codec": ('exec "%s" "$@" -c none' % FLETCH, "weights.parquet"),
             "row": ('"%s" "$@" && sed -i s/tensor/Tensor/ out/metadata.json' % FLETCH,
                     "metadata.json"),
             "refusal": ("echo no >&2; exit 1", "exit code")}
    same = run(sys.executable, tool, "--only", model, FLETCH, FLETCH)
    tap.equal((same.returncode, same.stdout.splitlines()[-1:]), (0, ["10 passed, 0 failed"]),
              "compare-builds: a build is the same as itself")
    for name, (script, seen) in edits.items():
        with open(other, "w", encoding="utf-8") as stream:
            stream.write("#!/bin/sh\n%s\n" % script)
        os.chmod(other, 0o755)
        found = run(sys.executable, tool, "--only", model, FLETCH, other)
        tap.ok(found.returncode == 1 and seen in found.stdout,
               "compare-builds: sees another " + name, found.stdout)


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
    compare_containers(tap)
    compare_parts(tap)
    compare_builds(tap)
    shutil.rmtree(WORK)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
