# SPDX-License-Identifier: MIT
"""save_file: tensors of any kind into a folder; to_safetensors: back out of it."""
import array
import ctypes
import importlib.util
import json
import os
import pathlib
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors
import safetensors.numpy

import fletch
from fletch import _saver

spec = importlib.util.spec_from_file_location("reading",
                                              pathlib.Path(__file__).parent / "reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)

TENSORS = reading.tensors()


class OnlyDlpack:
    """An array of a library that has nothing else."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **keywords):
        return self.values.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


def same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        reading.assert_same(found[name], np.asarray(values))


@pytest.mark.parametrize("compression", [None, "none", "gzip"])
@pytest.mark.parametrize("name", ["model", "model.parquet", "deep/er/model"])
def test_what_is_saved_is_loaded(tmp_path, name, compression):
    path = tmp_path / name
    for _ in range(2):  # over itself, too
        fletch.save_file(TENSORS, path, compression=compression)
        same(fletch.load_file(path), TENSORS)
        assert sorted(os.listdir(path.parent)) == [path.name], "nothing is left beside it"
    assert path.is_file() == name.endswith(".parquet")
    if path.is_dir():  # alone, it has no hashes beside it
        assert fletch.verify(path).hashes == len(TENSORS)
    file = path if path.is_file() else path / "weights.parquet"
    assert pq.read_table(file).num_rows == len(TENSORS)


def test_every_kind_of_tensor(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    (tmp_path / "first").mkdir()
    out = reading.convert(tmp_path / "first", {"t": values}, compression="none")
    with fletch.safe_open(out, None, mmap=True) as file:
        ours = file["t"]
    many = {
        "transposed": values.T, "stepped": values[::-2, 1::2], "part": values[1:3],
        "fortran": np.asfortranarray(values), "broadcast": np.broadcast_to(values[0], (3, 6)),
        "large": np.broadcast_to(np.arange(3000, dtype=np.int32), (2000, 3000)),
        "read only": memoryview(values).toreadonly(), "dlpack": OnlyDlpack(values),
        "fletch": ours, "fletch part": ours[::-1, 2:],
        "array": array.array("l", [1, -2, 3]), "bytes": b"abc", "bytearray": bytearray(b"xyz"),
        "ctypes": (ctypes.c_int32 * 3)(1, 2, 3), "swapped strides": values.T[:, ::-1],
        "no dimensions": np.float16(1.5), "empty": np.zeros((0, 3), np.int8),
    }
    fletch.save_file(many, tmp_path / "out")
    found = fletch.load_file(tmp_path / "out")
    plain = {**many, "dlpack": values, "fletch": values, "fletch part": values[::-1, 2:],
             "array": np.array([1, -2, 3]), "bytes": np.frombuffer(b"abc", np.uint8),
             "bytearray": np.frombuffer(b"xyz", np.uint8)}
    same(found, plain)


def test_types_that_become_others(tmp_path):
    out = tmp_path / "out"
    exact = {"double": np.array([0.5, -2.0, np.inf]), "short": np.array([-300, 300], np.int16),
             "words": np.array([65535], np.uint16), "large": np.array([2 ** 32 - 1], np.uint32)}
    fletch.save_file(exact, out)
    found = fletch.load_file(out)
    assert {name: values.dtype.name for name, values in found.items()} == {
        "double": "float32", "short": "int32", "words": "int32", "large": "int64"}
    for name, values in exact.items():
        assert np.array_equal(found[name], values)
    with pytest.raises(fletch.Error, match="tensor 'pi'|'pi'"):
        fletch.save_file({"pi": np.array([np.pi])}, out)
    same(fletch.load_file(out), found)
    fletch.save_file({"pi": np.array([np.pi])}, out, exact=False)
    assert fletch.load_file(out)["pi"] == np.float32(np.pi)


def test_what_cannot_be_saved(tmp_path):
    out = tmp_path / "out"
    good = np.zeros(3)
    for tensors, error, words in [
            ([good], TypeError, "must be a mapping"), ({3: good}, TypeError, "name must be a str"),
            ({"a": [1, 2]}, TypeError, "tensor 'a': neither the buffer protocol nor DLPack"),
            ({"a": None}, TypeError, "tensor 'a'"), ({}, ValueError, "no tensors to save"),
            ({"a": np.zeros(2, ">f4")}, ValueError, "most significant byte comes first"),
            ({"a": np.array(["x"])}, ValueError, "elements of format"),
            ({"a": np.zeros(2, "M8[s]")}, fletch.UnsupportedError, "tensor 'a': "),
            ({"__metadata__": good}, fletch.ArgumentError, "tensor '__metadata__': no such name"),
            ({"a\0b": good}, fletch.ArgumentError, r"tensor 'a\x00b': no such name"),
            ({"a\udcff": good}, fletch.ArgumentError, r"tensor 'a\udcff': no such name")]:
        with pytest.raises(error) as caught:
            fletch.save_file(tensors, out)
        assert words in str(caught.value)
        assert os.listdir(tmp_path) == []
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(fletch.ArgumentError):
        fletch.save_file({"a": good}, tmp_path / "taken")
    assert os.listdir(tmp_path) == ["taken"] and os.listdir(tmp_path / "taken") == ["notes.txt"]


class Refuses:
    """As torch's sparse, quantized and meta tensors do."""

    def __init__(self, error):
        self.error = error

    def __dlpack__(self, **keywords):
        raise self.error

    def __dlpack_device__(self):
        return 1, 0


@pytest.mark.parametrize("kind", [BufferError, NotImplementedError, ValueError])
def test_what_will_not_be_taken_is_named(kind, tmp_path):
    with pytest.raises(fletch.UnsupportedError, match="^tensor 'a': no data$"):
        fletch.save_file({"a": Refuses(kind("no data"))}, tmp_path / "out")
    with pytest.raises(RuntimeError, match="^mine$"):  # other errors are none of ours
        fletch.save_file({"a": Refuses(RuntimeError("mine"))}, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_errors_are_of_the_call_and_not_of_files_on_the_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tensors, keywords, words in [
            ({"a": np.array([0.1])}, {}, "1 of 1 tensors would not be exact: 'a'; exact=False"),
            ({"a": np.array([1], np.complex64)}, {}, "tensor 'a': torch.complex64 has no place"),
            ({"a": np.zeros(1)}, {"compression": "bz2"}, "codec 'bz2' is not known")]:
        with pytest.raises(fletch.Error) as caught:
            fletch.save_file(tensors, "out", **keywords)
        assert str(caught.value).startswith(words) and caught.value.path == "out"
        assert ".fletch-save" not in repr(caught.value)
    with pytest.raises(TypeError, match="exact must be a bool"):
        fletch.save_file(TENSORS, "out", exact="no")
    with pytest.raises(fletch.ArgumentError, match="name is empty"):
        fletch.save_file(TENSORS, "")
    assert os.listdir() == []


def test_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open("file", "w").close()
    os.makedirs("folder.parquet/more")
    fletch.save_file(TENSORS, "out")
    there = sorted(os.listdir())
    for path, kind, words in [("file/out", fletch.FileError, "/file: is a file, expected a folder"),
                              ("folder.parquet", fletch.FileError, "folder.parquet: Is a direct")]:
        with pytest.raises(kind) as caught:
            fletch.save_file(TENSORS, path)
        assert words in str(caught.value) and ".fletch-save" not in str(caught.value)
    with fletch.safe_open("out") as file:
        for path, kind, words in [
                ("no/model", fletch.NotFoundError, "no/model: No such file or directory"),
                ("file/model", fletch.FileError, "file/model: Not a directory"),
                ("out", fletch.FileError, "out: Is a directory")]:
            with pytest.raises(kind) as caught:
                file.to_safetensors(path)
            assert str(caught.value) == words and caught.value.path == path
            assert isinstance(caught.value, OSError)
    assert sorted(os.listdir()) == there


def test_metadata_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("out", b"out2"):
        fletch.save_file(TENSORS, path)
        with fletch.safe_open(path) as file:
            assert file.info()["model_name"] == os.fsdecode(path)
            assert ".fletch-save" not in str(file.info())
        assert fletch.verify(path).compared
    mode = os.stat("out/metadata.json").st_mode
    assert mode == os.stat("out/weights.parquet").st_mode


def test_another_ones_metadata_is_left_alone(tmp_path, golden):
    out = tmp_path / "out"
    first = fletch.convert(golden("clip"), out)
    _saver.mend_metadata(first, first.metadata)
    assert sorted(os.listdir(out)) == ["metadata.json", "weights.parquet"]
    second = fletch.convert(golden("bert-safetensors"), out)
    for found in (second.metadata, None):
        if found is None:
            shutil.rmtree(out)
        _saver.mend_metadata(first, {**first.metadata, "model_name": "mine"})
        assert not found or json.loads((out / "metadata.json").read_text()) == found
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("framework", ["numpy", None])
def test_to_safetensors(tmp_path, framework):
    fletch.save_file(TENSORS, tmp_path / "out")
    path = tmp_path / "model.safetensors"
    with fletch.safe_open(tmp_path / "out", framework) as file:
        for _ in range(2):
            file.to_safetensors(path)
        metadata = file.metadata()
    same(safetensors.numpy.load_file(path), TENSORS)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == metadata
    assert sorted(os.listdir(tmp_path)) == ["model.safetensors", "out"]
    assert path.stat().st_mode & 0o777 == (tmp_path / "out/weights.parquet").stat().st_mode & 0o777
    with fletch.safe_open(tmp_path / "out", include={"embed.weight": slice(3, 9)}) as file:
        file.to_safetensors(path)
    same(safetensors.numpy.load_file(path), {"embed.weight": TENSORS["embed.weight"][3:9]})
    with fletch.safe_open(tmp_path / "out") as file:
        with pytest.raises(OSError):
            file.to_safetensors(tmp_path / "nowhere" / "model.safetensors")


def test_there_and_back_again(tmp_path, golden):
    first = fletch.convert(golden("bert-safetensors"), tmp_path / "first")
    with fletch.safe_open(tmp_path / "first", None) as file:
        file.to_safetensors(tmp_path / "model.safetensors")
        fletch.save_file(file, tmp_path / "second")
    third = fletch.convert(tmp_path / "model.safetensors", tmp_path / "third", type="any",
                           prefix=".")
    rows = {row.name: row.sha256 for row in first.rows}
    assert {row.name: row.sha256 for row in third.rows} == rows
    second = fletch.load_file(tmp_path / "second")
    same(second, fletch.load_file(tmp_path / "first"))
