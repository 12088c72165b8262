#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""engine.py NAME TASK MEMORY FILE... - one engine reads files, alone in its process

Prints a line of JSON for each: the engine's version, the types that `data` and `shape` come back
as, the rows as [name, shape, dtype, num_params, sha256 of data], and the most memory in MiB that
was taken so far; or {"error": why}. Tasks:

read      with what the engine needs, and nothing else
checked   the same, and asked to check CRCs
bare      without what the engine needs
large     read, of a value as large as can be

MEMORY, in MiB, is for an engine that must be told. Engines are imported where they are used,
since no environment holds all.
"""
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile

COLUMNS = ["layer_name", "shape", "dtype", "num_params", "data"]


def said(value):
    """What a value is, in Python's words"""
    if type(value).__module__ == "numpy" and hasattr(value, "ndim") and value.ndim:
        return "numpy.ndarray of %s" % value.dtype
    if isinstance(value, list):
        return "list of %s" % said(value[0])
    module = type(value).__module__
    return ("" if module == "builtins" else module + ".") + type(value).__name__


def shapes_said(rows):
    """The words for shapes; those for a scalar's too, where it is none of them"""
    words = [said(row[1]) for row in rows if row[1] is not None and len(row[1])]
    if any(row[1] is None for row in rows):
        words.append("None for a scalar")
    return ", ".join(sorted(set(words)))


def read_pyarrow(path, task, **more):
    import pyarrow.parquet
    table = pyarrow.parquet.read_table(path, page_checksum_verification=task == "checked")
    return (str(table.schema.field("data").type), str(table.schema.field("shape").type),
            [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()])


def of_frame(frame):
    rows = list(frame[COLUMNS].itertuples(index=False, name=None))
    return ", ".join(sorted({said(row[4]) for row in rows})), shapes_said(rows), rows


def read_pandas(path, task, **more):
    import pandas
    ask = {"page_checksum_verification": True} if task == "checked" else {}
    return of_frame(pandas.read_parquet(path, **ask))


def read_fastparquet(path, task, **more):
    import fastparquet
    return of_frame(fastparquet.ParquetFile(path).to_pandas())


def read_polars(path, task, **more):
    import polars
    frame = polars.read_parquet(path)
    return str(frame.schema["data"]), str(frame.schema["shape"]), frame.select(COLUMNS).rows()


def read_duckdb(path, task, **more):
    import duckdb
    found = duckdb.sql("select %s from read_parquet('%s')" % (", ".join(COLUMNS), path))
    return str(found.types[4]), str(found.types[1]), found.fetchall()


def read_datafusion(path, task, **more):
    """octet_length() takes text only, not what `data` comes as"""
    import datafusion
    context = datafusion.SessionContext()
    context.register_parquet("weights", path)
    table = context.sql("select %s from weights" % ", ".join(COLUMNS)).to_arrow_table()
    rows = [tuple(row.values()) for row in table.to_pylist()]
    if task != "large":
        size = "octet_length(data)" if task == "bare" else "octet_length(encode(data, 'hex')) / 2"
        sizes = context.sql("select cast(%s as bigint) as size from weights" % size).to_pydict()
        assert sizes["size"] == [len(row[4]) for row in rows], "other sizes"
    return str(table.schema.field("data").type), str(table.schema.field("shape").type), rows


def read_chdb(path, task, **more):
    import chdb
    table = "from file('%s', Parquet)" % path
    types = dict(line.split("\t")[:2] for line in
                 str(chdb.query("describe %s" % table, "TSV")).splitlines())
    found = chdb.query("select %s, lower(hex(SHA256(data))) %s" % (", ".join(COLUMNS[:4]), table),
                       "JSONCompactEachRow")
    rows = [json.loads(line) for line in str(found).splitlines()]
    return types["data"], types["shape"], rows


def read_daft(path, task, **more):
    import daft
    frame = daft.read_parquet(path)
    types = {field.name: str(field.dtype) for field in frame.schema()}
    columns = frame.to_pydict()
    return types["data"], types["shape"], list(zip(*[columns[name] for name in COLUMNS]))


def read_lance(path, task, **more):
    """Lance has a format of its own: it takes Parquet by pyarrow's batches"""
    import lance
    import pyarrow.parquet
    folder = tempfile.mkdtemp()
    try:
        source = pyarrow.parquet.ParquetFile(path,
                                             page_checksum_verification=task == "checked")
        batches = source.iter_batches(batch_size=1)
        data = lance.write_dataset(batches, os.path.join(folder, "weights.lance"),
                                   schema=source.schema_arrow)
        table = data.to_table()
    finally:
        shutil.rmtree(folder)
    return (str(table.schema.field("data").type), str(table.schema.field("shape").type),
            [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()])


def read_datasets(path, task, **more):
    os.environ["HF_HUB_OFFLINE"] = "1"
    folder = tempfile.mkdtemp()
    try:
        import datasets
        datasets.disable_progress_bars()
        data = datasets.load_dataset("parquet", data_files=path, cache_dir=folder, split="train")
        shape = data.features["shape"]
        return (data.features["data"].dtype, "List of %s" % shape.feature.dtype,
                [tuple(row[name] for name in COLUMNS) for row in data])
    finally:
        shutil.rmtree(folder)


def read_pyspark(path, task, memory, **more):
    """In one task at a time; it does the hashes itself"""
    from pyspark.sql import SparkSession
    session = SparkSession.builder.master("local[1]") \
        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false") \
        .config("spark.driver.host", "127.0.0.1") \
        .config("spark.driver.bindAddress", "127.0.0.1") \
        .config("spark.driver.memory", "%dm" % memory) \
        .config("spark.hadoop.parquet.page.verify-checksum.enabled",
                str(task == "checked").lower()).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    frame = session.read.parquet(path)
    types = dict(frame.dtypes)
    rows = frame.selectExpr(*COLUMNS[:4], "sha2(data, 256)").collect()
    machine = session._jvm.java.lang.ProcessHandle.current().pid()
    return types["data"], types["shape"], [tuple(row) for row in rows], peak(machine)


READERS = {
    "pyarrow": read_pyarrow, "pandas": read_pandas, "fastparquet": read_fastparquet,
    "polars": read_polars, "duckdb": read_duckdb, "datafusion": read_datafusion,
    "chdb": read_chdb, "daft": read_daft, "pylance": read_lance, "datasets": read_datasets,
    "pyspark": read_pyspark,
}


def peak(process="self"):
    """The most memory a process ever held, in MiB"""
    with open("/proc/%s/status" % process, encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) >> 10
    return 0


def digest(value):
    """Of a value; an engine that hashed by itself has made text of it"""
    return value if isinstance(value, str) else hashlib.sha256(value).hexdigest()


def answer_of(name, task, memory, path):
    try:
        data, shape, rows, *other = READERS[name](path, task, memory=memory)
        return {"version": importlib.metadata.version(name), "data": data, "shape": shape,
                "rows": [[row[0], [int(size) for size in (() if row[1] is None else row[1])],
                          row[2], int(row[3]), digest(row[4])] for row in rows],
                "peak": max([peak()] + other)}
    except (Exception, SystemExit) as error:  # pylint: disable=broad-except
        return {"error": "%s: %s" % (type(error).__name__, str(error)[:8000])}


def main():
    name, task, memory = sys.argv[1:4]
    for path in sys.argv[4:]:
        print(json.dumps(answer_of(name, task, int(memory), path)), flush=True)


if __name__ == "__main__":
    main()
