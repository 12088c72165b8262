# SPDX-License-Identifier: MIT
"""made.py - checkpoints written here by their format's description, for what reads ours"""
import hashlib
import json
import os
import struct

MIB = 1 << 20


def write_model(folder, model_type, header):
    """The folder of a checkpoint, with a stream at where its values begin"""
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as stream:
        json.dump({"model_type": model_type}, stream)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    stream = open(os.path.join(folder, "model.safetensors"), "wb")
    stream.write(struct.pack("<Q", len(text)) + text)
    return stream


def header_of(sizes):
    """Tensors w.0, w.1, ... of so many uint8"""
    header, offset = {}, 0
    for i, size in enumerate(sizes):
        header["w.%d" % i] = {"dtype": "U8", "shape": [size],
                              "data_offsets": [offset, offset + size]}
        offset += size
    return header


def make_sparse(folder, sizes):
    """Zeros that take no disk: enough content for several row groups"""
    with write_model(folder, "zeros", header_of(sizes)) as stream:
        stream.truncate(stream.tell() + sum(sizes))


def make_noise(folder, sizes):
    """Values that no codec makes smaller, each MiB of all of them another"""
    with write_model(folder, "noise", header_of(sizes)) as stream:
        for i, size in enumerate(sizes):
            for at in range(0, size, MIB):
                seed = b"%d %d" % (i, at)
                stream.write(hashlib.shake_128(seed).digest(min(MIB, size - at)))


def make_tiny(folder, count):
    """Scalars, empty tensors and others of up to 14 bytes that no codec makes smaller"""
    header, values = {}, b""
    for i in range(count):
        elements = i % 8
        shape = [] if elements == 1 else [elements]
        value = hashlib.sha256(b"%d" % i).digest()[:2 * elements]
        header["layers.%d.norm.weight" % i] = {
            "dtype": "F16", "shape": shape,
            "data_offsets": [len(values), len(values) + len(value)]}
        values += value
    with write_model(folder, "tiny", header) as stream:
        stream.write(values)
