#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readback.py FILE THREADS [NAME] - reads every value of a table, or one, with pyarrow

At its best: a row group at a time, each value as a view; with NAME, the row group that
has it. With `loader` in front of FILE as programs that load such models do it: the whole
table, each value as bytes, an array of numpy's around them, kept. Prints the seconds that
opening took and that reading took, the processor time of the latter, and the bytes.
"""
import json
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DTYPES = {"torch.float32": np.float32, "torch.float16": np.float16, "torch.int64": np.int64}


def load(path, threads):
    began, cpu = time.perf_counter(), time.process_time()
    table = pq.read_table(path, use_threads=threads > 1)
    weights = {}
    for i in range(table.num_rows):
        dtype = DTYPES[table["dtype"][i].as_py()]
        array = np.frombuffer(table["data"][i].as_py(), dtype)
        weights[table["layer_name"][i].as_py()] = array.reshape(table["shape"][i].as_py())
    found = {"open": 0, "read": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps({**found, "bytes": sum(array.nbytes for array in weights.values())}))


def main():
    loader = sys.argv[1] == "loader"
    if loader:
        del sys.argv[1]
    path, threads = sys.argv[1], int(sys.argv[2])
    pa.set_cpu_count(threads)
    if loader:
        load(path, threads)
        return
    began = time.perf_counter()
    file = pq.ParquetFile(path)
    names = file.read(columns=["layer_name"]).column(0).to_pylist()
    opened = time.perf_counter()
    cpu = time.process_time()
    size = 0
    if len(sys.argv) > 3:
        wanted, group = names.index(sys.argv[3]), 0
        while wanted >= file.metadata.row_group(group).num_rows:
            wanted -= file.metadata.row_group(group).num_rows
            group += 1
        column = file.read_row_group(group, columns=["data"]).column(0)
        size = column[wanted].as_buffer().size
    else:
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, use_threads=threads > 1).column("data")
            size += sum(column[i].as_buffer().size for i in range(len(column)))
            del column
    read = time.perf_counter() - opened
    cpu = time.process_time() - cpu
    print(json.dumps({"open": opened - began, "read": read, "cpu": cpu, "bytes": size}))


if __name__ == "__main__":
    main()
