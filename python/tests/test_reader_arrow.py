# SPDX-License-Identifier: MIT
"""The table as a stream of Arrow's, consumed by the libraries that people use."""
import importlib.util
import pathlib

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fletch

spec = importlib.util.spec_from_file_location("reading",
                                              pathlib.Path(__file__).parent / "reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)

TENSORS = reading.tensors()
COLUMNS = ["layer_name", "shape", "dtype", "data", "num_params"]


@pytest.fixture(scope="module", params=["zstd", "none"])
def folder(request, tmp_path_factory):
    return reading.convert(tmp_path_factory.mktemp("arrow"), TENSORS,
                           compression=request.param)


def by_pyarrow(folder):
    return pq.read_table(folder / "weights.parquet")


@pytest.mark.parametrize("mmap", [False, True])
def test_pyarrow(folder, mmap):
    with fletch.safe_open(folder, None, mmap=mmap) as file:
        table = pa.table(file.table())
        reader = pa.RecordBatchReader.from_stream(file.table())
        assert reader.schema == table.schema == pa.schema(file.table())
        reader = iter(reader)
        assert next(reader).num_rows == 1 and len(file.table()) == len(TENSORS)
    del file  # what was read, and streams that have begun, live on
    rest = pa.Table.from_batches(list(reader))
    expected = by_pyarrow(folder)
    assert table.schema.equals(expected.schema.remove_metadata())
    table.validate(full=True)
    assert table.equals(expected)
    assert rest.equals(expected.slice(1))
    names = table["layer_name"].to_pylist()
    assert {name: value.as_buffer().to_pybytes() for name, value in
            zip(names, table["data"])} == {name: array.tobytes() for name, array in
                                           TENSORS.items()}


def test_nothing_is_copied(tmp_path):
    folder = reading.convert(tmp_path, TENSORS, compression="none")
    with fletch.safe_open(folder, mmap=True) as file:
        at = {name: file[name].ctypes.data for name in file}
        table = pa.table(file.table())
        for name, chunk in zip(table["layer_name"].to_pylist(), table["data"].chunks):
            if TENSORS[name].nbytes > 1024:  # smaller ones pyarrow may align anew
                assert chunk.buffers()[2].address == at[name]


def test_only_what_is_included(folder):
    with fletch.safe_open(folder, include="layer.0.*") as file:
        assert pa.table(file.table())["layer_name"].to_pylist() == file.keys()
    with fletch.safe_open(folder, include=[]) as file:
        assert pa.table(file.table()).num_rows == 0
    with pytest.raises(ValueError, match="the file is closed"):
        pa.table(file.table())


def test_polars(folder):
    with fletch.safe_open(folder) as file:
        frame = polars.DataFrame(file.table())
    assert frame.equals(polars.from_arrow(by_pyarrow(folder)))
    assert frame.columns == COLUMNS


def test_duckdb(folder):
    with fletch.safe_open(folder) as file:
        rows = file.table()
        found = duckdb.sql("select layer_name, octet_length(data), len(shape), num_params "
                           "from rows order by layer_name")
        assert rows is not None  # DuckDB finds it by its name
        assert found.fetchall() == sorted(
            (name, array.nbytes, array.ndim, array.size) for name, array in TENSORS.items())


def test_pandas(folder):
    with fletch.safe_open(folder) as file:
        frame = pandas.DataFrame.from_arrow(file.table())
    assert list(frame.columns) == COLUMNS
    for _, row in frame.iterrows():
        assert row["data"] == TENSORS[row["layer_name"]].tobytes()
        assert list(row["shape"]) == list(TENSORS[row["layer_name"]].shape)


def test_damage_in_a_stream(folder, tmp_path):
    path = tmp_path / "weights.parquet"
    damaged = bytearray((folder / "weights.parquet").read_bytes())
    damaged[2000] ^= 1
    path.write_bytes(damaged)
    with fletch.safe_open(path) as file:
        with pytest.raises((OSError, pa.ArrowException), match="CRC-32 of its body is"):
            pa.table(file.table())


def test_part_of_a_batch_outlives_the_rest(folder):
    with fletch.safe_open(folder) as file:
        reader = pa.RecordBatchReader.from_stream(file.table())
        columns = [batch.column("data") for batch in reader]
    names = pa.table({"name": by_pyarrow(folder)["layer_name"]})["name"].to_pylist()
    for name, column in zip(names, columns):
        assert column[0].as_py() == TENSORS[name].tobytes()
        assert np.frombuffer(column[0].as_buffer(), np.uint8).size == TENSORS[name].nbytes
