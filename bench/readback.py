#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readback.py FILE THREADS [NAME] - reads every value of a table, or one, with pyarrow

As people do it: a row group at a time, each value as a view; with NAME, the row group that
has it. Prints the seconds that opening took and that reading took, the processor
time of the latter, and the bytes.
"""
import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    pa.set_cpu_count(threads)
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
