#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py - writes the small files of this folder with pyarrow, DuckDB and Polars

Every good file holds the rows of row(); the test computes them anew and compares. Files
whose name begins with bad_ must be refused, each for its own reason. The outputs are
committed, so that the tests need none of these packages:

    python3 tests/foreign/make.py [FOLDER]
"""
import os
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 11


def row(i):
    shape = [i % 7, 2, 3][: i % 4]
    count = 1
    for dim in shape:
        count *= dim
    dtype = "torch.float32" if i % 3 else "torch.float16"
    size = count * (4 if i % 3 else 2)
    # rows 4 and 8 share their bytes: a dictionary holds them once
    seed = 4 if i == 8 else i
    data = bytes((seed * 31 + k) & 255 for k in range(size))
    return {"layer_name": f"layer.{i}.weight", "shape": shape, "dtype": dtype,
            "data": data, "num_params": count}


def schema(dim=pa.int32(), nullable=True):
    element = pa.field("element", dim, nullable)
    return pa.schema([
        pa.field("layer_name", pa.string(), nullable),
        pa.field("shape", pa.list_(element), nullable),
        pa.field("dtype", pa.string(), nullable),
        pa.field("data", pa.binary(), nullable),
        pa.field("num_params", pa.int64(), nullable)])


def table(rows=None, **options):
    rows = [row(i) for i in range(ROWS)] if rows is None else rows
    return pa.Table.from_pylist(rows, schema=schema(**options))


def write(name, content, **options):
    options.setdefault("store_schema", False)
    pq.write_table(content, name + ".parquet", **options)


def write_arrow():
    write("arrow_default", table(), store_schema=True)
    for codec in ("none", "gzip", "lz4", "zstd"):
        write("arrow_" + codec, table(), compression=codec)
    write("arrow_plain", table(), compression="none", use_dictionary=False)
    write("arrow_v2", table(), data_page_version="2.0", compression="zstd")
    write("arrow_v2_none", table(), data_page_version="2.0", compression="none",
          use_dictionary=False)
    write("arrow_old_lists", table(), use_compliant_nested_type=False, version="1.0")
    write("arrow_required", table(nullable=False), compression="none")
    write("arrow_required_plain", table(nullable=False), compression="zstd",
          use_dictionary=False, write_batch_size=1, data_page_size=1)
    write("arrow_int64_shape", table(dim=pa.int64()), compression="none")
    write("arrow_groups", table(), row_group_size=3, compression="zstd")
    write("arrow_small_pages", table(), use_dictionary=False, write_batch_size=1,
          data_page_size=1, compression="none", write_page_checksum=True,
          write_page_index=True)
    write("arrow_small_pages_zstd", table(), use_dictionary=False, write_batch_size=1,
          data_page_size=1, compression="zstd", write_page_checksum=True)
    write("arrow_two_rows_a_page", table(), use_dictionary=False, write_batch_size=2,
          data_page_size=1, compression="snappy", write_page_checksum=True,
          write_page_index=True)
    write("arrow_mixed_dictionary", table(), compression="none", write_batch_size=2,
          data_page_size=1, dictionary_pagesize_limit=64)
    write("arrow_delta", table(), compression="none", use_dictionary=False,
          column_encoding={"layer_name": "DELTA_BYTE_ARRAY",
                           "shape.list.element": "DELTA_BINARY_PACKED",
                           "dtype": "DELTA_LENGTH_BYTE_ARRAY",
                           "data": "DELTA_LENGTH_BYTE_ARRAY",
                           "num_params": "DELTA_BINARY_PACKED"})
    write("arrow_delta_v2", table(dim=pa.int64()), compression="zstd",
          use_dictionary=False, data_page_version="2.0",
          column_encoding={"layer_name": "DELTA_LENGTH_BYTE_ARRAY",
                           "shape.list.element": "DELTA_BINARY_PACKED",
                           "dtype": "DELTA_BYTE_ARRAY", "data": "DELTA_BYTE_ARRAY",
                           "num_params": "DELTA_BINARY_PACKED"})
    write("arrow_split", table(), compression="none", use_dictionary=False,
          column_encoding={"shape.list.element": "BYTE_STREAM_SPLIT",
                           "num_params": "BYTE_STREAM_SPLIT"})
    write("arrow_empty", table([]))
    short = table().drop_columns(["num_params"])
    names = [name[len("torch."):] for name in short["dtype"].to_pylist()]
    short = short.set_column(2, "dtype", pa.array(names))
    write("arrow_no_count", short, compression="none")
    extra = pa.array([{"a": i, "b": [{"c": "x"}]} for i in range(ROWS)])
    other = table().select(["num_params", "data", "shape", "dtype", "layer_name"])
    other = other.add_column(1, "extra", extra).append_column("more", pa.array(range(ROWS)))
    write("arrow_other_order", other, compression="none")


def write_others():
    arrow = table()  # DuckDB finds it by its name
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    for name, options in (("duckdb_snappy", "codec snappy"),
                          ("duckdb_zstd_v2", "codec zstd, parquet_version v2"),
                          ("duckdb_lz4", "codec lz4_raw")):
        connection.execute(f"copy (select * from arrow) to '{name}.parquet' "
                           f"(format parquet, {options})")
    frame = polars.from_arrow(arrow)
    for codec in ("zstd", "gzip", "uncompressed"):
        frame.write_parquet(f"polars_{codec}.parquet", compression=codec)
    frame.write_parquet("polars_small_pages.parquet", compression="lz4",
                        data_page_size=1, statistics="full", row_group_size=4)


def damaged(i, **values):
    rows = [row(k) for k in range(3)]
    rows[i].update(values)
    return table(rows)


def write_bad():
    write("bad_null_name", damaged(1, layer_name=None), compression="none")
    write("bad_null_shape", damaged(1, shape=None), compression="none")
    write("bad_null_dim", damaged(1, shape=[None]), compression="none")
    write("bad_null_dtype", damaged(2, dtype=None), compression="none")
    write("bad_null_data", damaged(1, data=None), compression="none")
    write("bad_negative_dim", damaged(1, shape=[-1]), compression="none")
    write("bad_count", damaged(2, num_params=5), compression="none")
    write("bad_nul_name", damaged(1, layer_name="a\0b"), compression="none")
    write("bad_brotli", table(), compression="brotli")
    write("bad_no_data", table().drop_columns(["data"]), compression="none")
    fixed = pa.array([b"abcd"] * ROWS, pa.binary(4))
    write("bad_fixed_data", table().set_column(3, "data", fixed), compression="none")
    names = pa.array(range(ROWS))
    write("bad_int_name", table().set_column(0, "layer_name", names), compression="none")
    flat = pa.array(range(ROWS), pa.int32())
    write("bad_flat_shape", table().set_column(1, "shape", flat), compression="none")
    write("bad_quantized", table().append_column("quant_type", pa.array(["int8"] * ROWS)),
          compression="none")


if __name__ == "__main__":
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
    write_arrow()
    write_others()
    write_bad()
