# SPDX-License-Identifier: MIT
"""Files for the tests of the reader: tensors by name, through safetensors into a folder."""
import json
import struct

import numpy as np

import fletch

NAMES = {"float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int8": "I8",
         "uint8": "U8", "bool": "BOOL"}


def write_safetensors(path, tensors):
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blob = array.tobytes()
        header[name] = {"dtype": NAMES[array.dtype.name], "shape": array.shape,
                        "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def convert(folder, tensors, **options):
    """A converted folder in `folder` that holds the tensors as they are; its path."""
    write_safetensors(folder / "model.safetensors", tensors)
    out = folder / "out"
    fletch.convert(folder / "model.safetensors", out, type="any", prefix=".", float16=False,
                   **options)
    return out


def tensors(seed=0):
    """Of every type that the default layout has, some empty, one without dimensions."""
    random = np.random.default_rng(seed)
    found = {
        "embed.weight": random.normal(size=(500, 64)).astype(np.float32),
        "layer.0.weight": random.normal(size=(64, 48)).astype(np.float16),
        "layer.0.bias": random.normal(size=48).astype(np.float32),
        "layer.1.weight": random.normal(size=(2, 3, 4, 5)).astype(np.float32),
        "layer.1.empty": np.zeros((3, 0, 2), np.float32),
        "position_ids": np.arange(77, dtype=np.int64).reshape(1, 77),
        "scale": np.array(2.5, np.float32),
        "steps": np.arange(-5, 6, dtype=np.int32),
        "small": np.arange(-9, 9, dtype=np.int8).reshape(6, 3),
        "bytes": np.arange(200, dtype=np.uint8),
        "mask": random.integers(0, 2, (9, 7)).astype(bool),
    }
    return found


def assert_same(found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert np.array_equal(found, expected)
