#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""arrays.py WHO FILE THREADS [PACKAGE] - every tensor of a table as a numpy array, kept

WHO: fletch, whose package is in the folder PACKAGE; loop, as programs that load such models
do it (the whole table, each value as bytes, an array around them); pyarrow at its best (a row
group at a time, or the whole table where that is faster, arrays on its buffers). Prints the
seconds from the path to the last array, without imports, the processor time, and the bytes.
"""
import json
import sys
import time

import numpy as np

DTYPES = {"torch.float32": np.float32, "torch.float16": np.float16, "torch.int64": np.int64}


def by_fletch(path, threads):
    import fletch

    fletch.safe_open(path).close()  # what is imported late
    return lambda: fletch.load_file(path, threads=threads)


def by_loop(path, threads):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(threads)

    def load():
        table = pq.read_table(path, use_threads=threads > 1)
        weights = {}
        for i in range(table.num_rows):
            array = np.frombuffer(table["data"][i].as_py(), DTYPES[table["dtype"][i].as_py()])
            weights[table["layer_name"][i].as_py()] = array.reshape(table["shape"][i].as_py())
        return weights
    return load


def by_pyarrow(path, threads):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(threads)

    def load():
        weights = {}
        file = pq.ParquetFile(path)
        for group in range(file.num_row_groups):
            batch = file.read_row_group(group, use_threads=threads > 1)
            names, dtypes = batch["layer_name"].to_pylist(), batch["dtype"].to_pylist()
            shapes, i = batch["shape"].to_pylist(), 0
            for chunk in batch["data"].chunks:
                _, ends, data = chunk.buffers()
                ends = np.frombuffer(ends, np.int32)[chunk.offset:]
                for k in range(len(chunk)):
                    dtype = np.dtype(DTYPES[dtypes[i]])
                    count = (int(ends[k + 1]) - int(ends[k])) // dtype.itemsize
                    array = np.frombuffer(data, dtype, count, int(ends[k]))
                    weights[names[i]] = array.reshape(shapes[i])
                    i += 1
        return weights
    return load


def main():
    who, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.path[:0] = sys.argv[4:5]
    load = {"fletch": by_fletch, "loop": by_loop, "pyarrow": by_pyarrow}[who](path, threads)
    began, cpu = time.perf_counter(), time.process_time()
    arrays = load()
    print(json.dumps({"read": time.perf_counter() - began, "cpu": time.process_time() - cpu,
                      "bytes": sum(array.nbytes for array in arrays.values())}))


if __name__ == "__main__":
    main()
