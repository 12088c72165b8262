# SPDX-License-Identifier: MIT
"""old_files.py FOLDER - the converter's files in every variant that ever was, by pyarrow

A variant is what is different: in the table, or in how it is written. As a program it writes
them all to FOLDER/VARIANT/weights.parquet, with any pyarrow, and says which one that was.
"""
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PER_FLUSH = 10

VARIANTS = {
    "zstd": {},
    "lz4": {"compression": "lz4"},
    "snappy": {"compression": "snappy"},
    "gzip": {"compression": "gzip"},
    "none": {"compression": "none"},
    "one row group": {"per_group": 1000},
    "a row group each": {"per_group": 1},
    "no dictionary": {"use_dictionary": False},
    "no dictionary, none": {"use_dictionary": False, "compression": "none", "per_group": 1},
    "dictionary of names": {"use_dictionary": ["layer_name", "dtype"]},
    "pages of version 2": {"data_page_version": "2.0"},
    "pages of version 2, plain": {"data_page_version": "2.0", "use_dictionary": False},
    "small pages": {"data_page_size": 100, "use_dictionary": False, "per_group": 1000},
    "format 1.0": {"version": "1.0"},
    "format 2.4": {"version": "2.4"},
    "no statistics": {"write_statistics": False},
    "no Arrow schema": {"store_schema": False},
    "lists of int64": {"dims": pa.int64()},
    "list child item": {"child": "item"},
    "no num_params": {"leave_out": ["num_params"]},
    "dtype without torch": {"prefix": ""},
    "another order": {"order": ["num_params", "data", "dtype", "extra", "shape", "layer_name"]},
    "more columns": {"order": ["extra", "layer_name", "shape", "dtype", "data", "num_params"]},
    "required columns": {"required": True},
    "large binary": {"large": True},
}


def tensors():
    random = np.random.default_rng(3)
    found = {f"layer.{i}.{part}": random.normal(size=shape).astype(dtype)
             for i in range(6)
             for part, shape, dtype in [("weight", (9 + i, 20), np.float32),
                                        ("bias", (30,), np.float16), ("norm", (4,), np.float32)]}
    found["twin"] = found["layer.0.weight"].copy()  # stored once, in a dictionary
    found["position_ids"] = np.arange(77, dtype=np.int64).reshape(1, 77)
    found["scale"] = np.array(-0.5, np.float32)
    found["empty"] = np.zeros((2, 0), np.float16)
    found["steps"] = np.array([-1, 2], np.int32)
    found["small"] = np.array([-1, 2], np.int8)
    found["bytes"] = np.array([255, 2], np.uint8)
    found["mask"] = np.array([[True, False]])
    return found


def table(found, dims=None, child="element", prefix="torch.", leave_out=(), order=None,
          required=False, large=False):
    dims = dims or pa.int32()
    data = pa.large_binary() if large else pa.binary()
    kinds = {"layer_name": pa.string(), "shape": pa.list_(pa.field(child, dims)),
             "dtype": pa.string(), "data": data, "num_params": pa.int64(), "extra": pa.float64()}
    columns = {"layer_name": list(found), "shape": [list(v.shape) for v in found.values()],
               "dtype": [prefix + v.dtype.name for v in found.values()],
               "data": [v.tobytes() for v in found.values()],
               "num_params": [v.size for v in found.values()], "extra": [1.5] * len(found)}
    names = [name for name in order or list(kinds)[:5] if name not in leave_out]
    schema = pa.schema([pa.field(name, kinds[name], not required) for name in names])
    return pa.Table.from_arrays([pa.array(columns[name], kinds[name]) for name in names],
                                schema=schema)


def write(path, found, per_group=PER_FLUSH, **variant):
    """As the converter does: a row group for ten tensors."""
    ours = {"dims", "child", "prefix", "leave_out", "order", "required", "large"}
    whole = table(found, **{key: variant.pop(key) for key in ours & variant.keys()})
    variant.setdefault("compression", "zstd")
    with pq.ParquetWriter(path, whole.schema, **variant) as writer:
        for at in range(0, whole.num_rows, per_group):
            writer.write_table(whole.slice(at, per_group))


def main():
    folder = sys.argv[1]
    for name, variant in VARIANTS.items():
        if "store_schema" in variant and int(pa.__version__.split(".")[0]) < 13:
            continue  # which knew no such word
        os.makedirs(os.path.join(folder, name))
        write(os.path.join(folder, name, "weights.parquet"), tensors(), **variant)
    print(pa.__version__)


if __name__ == "__main__":
    main()
