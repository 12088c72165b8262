#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readers.py FLETCH WORK - pyarrow, DuckDB, Polars and fastparquet read every row of what
we write"""
import os
import shutil
import sys

import duckdb
import fastparquet
import polars
import pyarrow.parquet

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from specimens import make  # noqa: E402
from tap_points import Tap, sha256  # noqa: E402

COLUMNS = ("layer_name", "shape", "dtype", "data", "num_params")


def with_pyarrow(path):
    table = pyarrow.parquet.read_table(path, page_checksum_verification=True)
    assert tuple(table.column_names) == COLUMNS
    assert str(table.schema.field("shape").type) == "list<element: int32>"
    return [tuple(row[column] for column in COLUMNS) for row in table.to_pylist()]


def with_duckdb(path):
    with duckdb.connect() as connection:
        return connection.execute("select %s from read_parquet(?)" % ", ".join(COLUMNS),
                                  [path]).fetchall()


def with_polars(path):
    return polars.read_parquet(path).select(COLUMNS).rows()


def with_fastparquet(path):
    frame = fastparquet.ParquetFile(path).to_pandas()[list(COLUMNS)]
    return list(frame.itertuples(index=False, name=None))


def main():
    fletch, work = (os.path.abspath(argument) for argument in sys.argv[1:3])
    tap = Tap()
    for title, path, expected in make(fletch, work):
        for name, read in (("pyarrow", with_pyarrow), ("duckdb", with_duckdb),
                           ("polars", with_polars), ("fastparquet", with_fastparquet)):
            try:
                rows = [(row[0], list(row[1]), row[2], row[4], sha256(row[3]))
                        for row in read(path)]
            except Exception as error:  # pylint: disable=broad-except
                tap.ok(False, "%s reads %s" % (name, title), error)
                continue
            wrong = [pair for pair in zip(rows, expected) if pair[0] != pair[1]]
            tap.ok(len(rows) == len(expected) and not wrong, "%s reads %s (%d rows)"
                   % (name, title, len(expected)),
                   "%d rows, expected %d; first wrong: %s" % (len(rows), len(expected),
                                                              wrong[:2]))
    shutil.rmtree(work)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
