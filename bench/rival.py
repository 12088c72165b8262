#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rival.py - the same conversion as an expert would write it in plain Python

rival.py MODEL OUTPUT [--family NAME] [--compression zstd|lz4|snappy|gzip|none] [--level N]
         [--proof ahead|cores]

Same rows, same proof as fletch: safetensors to float16 to Parquet with a sha256 of every
row in metadata.json, then everything is read back and compared with the source, which is
read and cast again. No framework: raw reads, numpy, pyarrow. What makes it fast:

- values are read and cast in chunks that stay in the cache, never through a float32 copy
- a second thread reads, casts and hashes ahead while pyarrow compresses
- a row group is one tensor, so nothing is gathered, and no dictionary is tried
- so does the proof: a thread reads and casts ahead while pyarrow decompresses (--proof
  ahead, the default), as such scripts are written; or it runs on all cores, a row group at
  a time, since numpy, pyarrow and hashlib all let the interpreter's lock go while they work
  (--proof cores)
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import queue
import struct
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CHUNK = 1 << 18  # values
AHEAD = 8  # rows ready for the compressor at most

SCHEMA = pa.schema(
    [
        ("layer_name", pa.string()),
        ("shape", pa.list_(pa.int32())),
        ("dtype", pa.string()),
        ("data", pa.binary()),
        ("num_params", pa.int64()),
    ]
)
STORED = {"F32": np.float16, "BF16": np.float16, "F16": np.float16, "I64": np.int64}
WIDTH = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8}


def row_name(name, family):
    """the row that a tensor becomes, or None"""
    if family == "clip":
        kept = name.startswith("vision_model.") or name == "visual_projection.weight"
        return name if kept and not name.endswith("position_ids") else None
    if family == "whisper":
        name = name.removeprefix("model.")
        if not name.startswith("encoder."):
            return None
        return name.replace("embed_positions.weight", "position_embedding")
    if family == "bert":
        name = name.removeprefix("bert.")
        return None if name.startswith("cls.") or name.endswith("position_ids") else name
    return name


class Source:
    def __init__(self, path, family):
        self.file = os.open(path, os.O_RDONLY)
        (size,) = struct.unpack("<Q", os.pread(self.file, 8, 0))
        header = json.loads(os.pread(self.file, size, 8))
        header.pop("__metadata__", None)
        self.rows = []
        for name, entry in header.items():
            row = row_name(name, family)
            if row:
                begin = 8 + size + entry["data_offsets"][0]
                self.rows.append((row, entry["dtype"], entry["shape"], begin))
        self.rows.sort(key=lambda row: row[3])

    def read_into(self, array, offset):
        view = memoryview(array).cast("B")
        done = 0
        while done < len(view):
            got = os.preadv(self.file, [view[done:]], offset + done)
            if not got:
                sys.exit("the checkpoint ends early")
            done += got

    def chunks(self, row, buffer, out=None):
        """yields (first value, values) as they are stored; into `out` where it is given"""
        _, dtype, shape, offset = row
        count = int(np.prod(shape, dtype=np.int64))
        stored = STORED[dtype]
        for begin in range(0, count, CHUNK):
            part = min(CHUNK, count - begin)
            target = out[begin : begin + part] if out is not None else buffer.stored[:part]
            at = offset + begin * WIDTH[dtype]
            if dtype == "F32":
                self.read_into(buffer.floats[:part], at)
                target[:] = buffer.floats[:part]
            elif dtype == "BF16":
                self.read_into(buffer.halves[:part], at)
                np.left_shift(buffer.halves[:part], 16, out=buffer.bits[:part], dtype=np.uint32)
                target[:] = buffer.floats[:part]
            else:
                target = target if out is not None else np.empty(part, stored)
                self.read_into(target, at)
            yield begin, target


class Buffer:
    """what one thread casts with"""

    def __init__(self):
        self.bits = np.empty(CHUNK, np.uint32)
        self.floats = self.bits.view(np.float32)
        self.halves = np.empty(CHUNK, np.uint16)
        self.stored = np.empty(CHUNK, np.float16)


def table_of(row, array):
    offsets = pa.py_buffer(np.array([0, array.nbytes], np.int32))
    data = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(array)])
    columns = [[row[0]], [row[2]], [f"torch.{array.dtype}"], data, [array.size]]
    return pa.table(
        [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for column, field in zip(columns, SCHEMA)
        ],
        schema=SCHEMA,
    )


class NoDigest:
    """where there is nothing to hash"""

    def update(self, part):
        pass

    def hexdigest(self):
        return None


def prepare(source, ready, failed, digest_of):
    """the second thread: rows read, cast and hashed, in order"""
    try:
        buffer = Buffer()
        for row in source.rows:
            count = int(np.prod(row[2], dtype=np.int64))
            array = np.empty(count, STORED[row[1]])
            digest = digest_of()
            for _, part in source.chunks(row, buffer, array):
                digest.update(part)
            ready.put((row, array, digest.hexdigest()))
            del array
    except BaseException as error:
        failed.append(error)
    ready.put(None)


def write(source, path, options):
    level = options.level if options.compression in ("zstd", "gzip") else None
    writer = pq.ParquetWriter(
        path,
        SCHEMA,
        compression=options.compression,
        compression_level=level,
        use_dictionary=False,
        write_statistics=False,
    )
    ready, failed, rows = queue.Queue(AHEAD), [], {}
    arguments = (source, ready, failed, hashlib.sha256)
    threading.Thread(target=prepare, args=arguments, daemon=True).start()
    while (item := ready.get()) is not None:
        row, array, digest = item
        rows[row[0]] = {
            "shape": row[2],
            "dtype": f"torch.{array.dtype}",
            "num_params": array.size,
            "sha256": digest,
        }
        writer.write_table(table_of(row, array))
        del array, item
    if failed:
        raise failed[0]
    writer.close()
    return rows


def described(table, row):
    """the value of a row group with that row alone, whose description must be right"""
    found = [table.column(i)[0].as_py() for i in (0, 1, 2, 4)]
    count = int(np.prod(row[2], dtype=np.int64))
    dtype = np.dtype(STORED[row[1]])
    if table.num_rows != 1 or found != [row[0], row[2], f"torch.{dtype}", count]:
        sys.exit(f"{row[0]}: its description differs")
    data = table.column(3)[0].as_buffer()
    if data.size != count * dtype.itemsize:
        sys.exit(f"{row[0]}: its size differs")
    return data


def prove_ahead(source, path, _):
    """as write: one thread reads the source again, another decodes and compares"""
    ready, failed, file = queue.Queue(AHEAD), [], pq.ParquetFile(path)
    arguments = (source, ready, failed, NoDigest)
    threading.Thread(target=prepare, args=arguments, daemon=True).start()
    proven = 0
    while (item := ready.get()) is not None:
        row, array, _ = item
        table = file.read_row_group(proven, use_threads=False)
        if not described(table, row).equals(pa.py_buffer(array)):
            sys.exit(f"{row[0]}: its values differ")
        proven += 1
        del table, array, item
    if failed:
        raise failed[0]
    return proven


def prove_on_cores(source, path, threads):
    """every row group decoded, its source read and cast again, every byte compared"""
    numbers = iter(range(len(source.rows)))
    lock = threading.Lock()

    def work():
        file, buffer, proven = pq.ParquetFile(path), Buffer(), 0
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return proven
            row = source.rows[number]
            table = file.read_row_group(number, use_threads=False)
            data = described(table, row)
            for begin, part in source.chunks(row, buffer):
                there = data.slice(begin * part.itemsize, part.nbytes)
                if not there.equals(pa.py_buffer(part)):
                    sys.exit(f"{row[0]}: its values differ")
            proven += 1
            del table, data

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return sum(future.result() for future in [pool.submit(work) for _ in range(threads)])


PROOFS = {"ahead": prove_ahead, "cores": prove_on_cores}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("output")
    parser.add_argument("--family", choices=("bert", "clip", "whisper", "any"), default="any")
    parser.add_argument(
        "--compression", choices=("zstd", "lz4", "snappy", "gzip", "none"), default="zstd"
    )
    parser.add_argument("--level", type=int)
    parser.add_argument("--proof", choices=PROOFS, default="ahead")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    if options.level is None and options.compression == "zstd":
        options.level = 3
    os.makedirs(options.output, exist_ok=True)
    path = os.path.join(options.output, "weights.parquet")
    source = Source(os.path.join(options.model, "model.safetensors"), options.family)
    with open(os.path.join(options.model, "config.json")) as file:
        config = json.load(file)
    rows = write(source, path, options)
    metadata = {
        "model_name": options.model,
        "model_type": config.get("model_type"),
        "model_info": {k: v for k, v in config.items() if isinstance(v, (int, float, str))},
        "total_parameters": sum(row["num_params"] for row in rows.values()),
        "num_layers": len(rows),
        "layer_info": rows,
    }
    with open(os.path.join(options.output, "metadata.json"), "w") as file:
        json.dump(metadata, file, indent=2)
    proven = PROOFS[options.proof](source, path, options.threads)
    if proven != len(source.rows) or pq.ParquetFile(path).num_row_groups != proven:
        sys.exit("rows are missing")


if __name__ == "__main__":
    main()
