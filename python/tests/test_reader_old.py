# SPDX-License-Identifier: MIT
"""Files of the converter that users have, and of those before it: made by pyarrow itself."""
import importlib.util
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fletch

spec = importlib.util.spec_from_file_location("old_files",
                                              pathlib.Path(__file__).parent / "old_files.py")
old_files = importlib.util.module_from_spec(spec)
spec.loader.exec_module(old_files)


@pytest.mark.parametrize("name", old_files.VARIANTS)
def test_every_variant(tmp_path, name):
    path, tensors = tmp_path / "weights.parquet", old_files.tensors()
    old_files.write(path, tensors, **old_files.VARIANTS[name])
    for mmap in (False, True):
        found = fletch.load_file(path if mmap else tmp_path, threads=2, mmap=mmap)
        assert list(found) == list(tensors)
        for key, values in tensors.items():
            assert found[key].dtype == values.dtype and found[key].shape == values.shape, key
            assert np.array_equal(found[key], values, equal_nan=values.dtype.kind == "f"), key
    with fletch.safe_open(path) as file:
        part = file.get_slice("layer.1.weight")[3:7, ::2]
        assert np.array_equal(part, tensors["layer.1.weight"][3:7, ::2])
        assert pa.table(file.table())["data"].to_pylist() == \
            [values.tobytes() for values in tensors.values()]
    with fletch.safe_open(path, include={"layer.1.weight": slice(2, 5)}) as file:
        assert np.array_equal(file["layer.1.weight"], tensors["layer.1.weight"][2:5])


@pytest.mark.parametrize("wide", [False, True])
def test_the_bytes_decide_how_wide_a_bfloat16_is(tmp_path, wide):
    """The second converter wrote float32 under the name of bfloat16."""
    values = np.array([[1, -2.5], [3, 0.5]], np.float32)
    stored = values if wide else (values.view(np.uint32) >> 16).astype(np.uint16)
    path = tmp_path / "weights.parquet"
    table = old_files.table({"a": stored, "b": values})
    table = table.set_column(2, "dtype", pa.array(["torch.bfloat16", "torch.float32"]))
    pq.write_table(table, path)
    with fletch.safe_open(path, None) as file:
        tensor = file["a"]
        assert tensor.dtype == ("float32" if wide else "bfloat16") and tensor.shape == (2, 2)
        assert tensor.tobytes() == stored.tobytes()
        assert file.get_slice("a")[1].tobytes() == stored[1].tobytes()
        file.to_safetensors(tmp_path / "model.safetensors")
    with fletch.open_checkpoint(tmp_path / "model.safetensors") as checkpoint:
        assert checkpoint["a"].dtype == ("float32" if wide else "bfloat16")
        assert checkpoint["a"].read() == stored.tobytes()


def test_half_a_float32_is_a_float16(tmp_path):
    values = np.arange(6, dtype=np.float16).reshape(2, 3)
    path = tmp_path / "weights.parquet"
    table = old_files.table({"a": values})
    pq.write_table(table.set_column(2, "dtype", pa.array(["torch.float32"])), path)
    assert np.array_equal(fletch.load_file(path)["a"], values)
    pq.write_table(table.set_column(3, "data", pa.array([b"12345"], pa.binary())), path)
    with pytest.raises(fletch.FormatError, match="row 'a': a value of 5 bytes"):
        fletch.load_file(path)


def test_an_empty_model(tmp_path):
    path = tmp_path / "weights.parquet"
    pq.write_table(old_files.table({}), path)
    assert fletch.load_file(path) == {}


@pytest.mark.parametrize("column, words", [("layer_name", "row 1 is null"),
                                           ("shape", "row 1 is null"),
                                           ("data", "row 1 is null")])
def test_nulls_are_errors(tmp_path, column, words):
    path = tmp_path / "weights.parquet"
    table = old_files.table({"a": np.zeros(2, np.float32), "b": np.zeros(2, np.float32)})
    at = table.column_names.index(column)
    values = table[column].to_pylist()
    values[1] = None
    pq.write_table(table.set_column(at, column, pa.array(values, table.schema[at].type)), path)
    with pytest.raises(fletch.FormatError, match=words):
        fletch.load_file(path)
