# SPDX-License-Identifier: MIT
"""safe_open and load_file: as safetensors has them, and as a mapping."""
import copy
import importlib.util
import os
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
import safetensors

import fletch

spec = importlib.util.spec_from_file_location("reading",
                                              pathlib.Path(__file__).parent / "reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)

TENSORS = reading.tensors()
CODECS = ["zstd", "lz4", "snappy", "gzip", "none"]


@pytest.fixture(scope="module", params=CODECS)
def folder(request, tmp_path_factory):
    return reading.convert(tmp_path_factory.mktemp("reader"), TENSORS,
                           compression=request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A folder without compression."""
    return reading.convert(tmp_path_factory.mktemp("plain"), TENSORS, compression="none")


@pytest.mark.parametrize("mmap", [False, True])
def test_every_tensor_with_every_codec(folder, mmap):
    for path in (folder, str(folder / "weights.parquet"), os.fsencode(folder)):
        with fletch.safe_open(path, mmap=mmap) as file:
            assert sorted(file.keys()) == sorted(TENSORS)
            for name in file.keys():
                reading.assert_same(file.get_tensor(name), TENSORS[name])


def test_it_answers_as_safetensors_does(folder):
    source = folder.parent / "model.safetensors"
    with safetensors.safe_open(source, "np") as theirs, fletch.safe_open(folder, "np") as ours:
        names = [name for name in dir(theirs) if not name.startswith("_")]
        assert [name for name in names if not hasattr(ours, name)] == []
        assert type(ours.keys()) is type(theirs.keys())
        assert sorted(ours.keys()) == sorted(theirs.keys()) == sorted(ours.offset_keys())
        for name in theirs.keys():
            reading.assert_same(ours.get_tensor(name), theirs.get_tensor(name))
            mine, other = ours.get_slice(name), theirs.get_slice(name)
            assert mine.get_shape() == other.get_shape()
            assert mine.get_dtype() == other.get_dtype()
        for name in ("embed.weight", "layer.1.weight", "small", "mask"):
            for index in np.s_[:, 1:2, 1:, :2, (slice(None), slice(1, 3)), ..., 0, (0, 1)]:
                reading.assert_same(ours.get_slice(name)[index], theirs.get_slice(name)[index])
        everything = ours.get_tensors()
        assert list(everything) == ours.keys()
        for name, array in everything.items():
            reading.assert_same(array, TENSORS[name])


def test_slices_are_numpys(folder):
    with fletch.safe_open(folder) as file:
        for name in ("embed.weight", "layer.1.weight", "position_ids", "steps", "scale",
                     "layer.1.empty"):
            array, part = TENSORS[name], file.get_slice(name)
            indices = [..., ()]
            if array.ndim:
                indices += list(np.s_[:, ::2, ::-1, 1:0:-1, 5:2, -2:, 400:, 10000:])
            if array.ndim > 1:
                indices += list(np.s_[..., :1], ) + [np.s_[:, ::-2], np.s_[..., 0:1]]
            if array.ndim and array.shape[0] > 1:
                indices += [1, -1, np.int64(1), np.s_[1, ...]]
            for index in indices:
                if isinstance(index, tuple) and index and array.ndim < 2:
                    continue
                reading.assert_same(np.asarray(part[index]), np.asarray(array[index]))
        for index in (11, -12, 10**30):
            with pytest.raises(IndexError) as caught:
                file.get_slice("steps")[index]
            assert str(caught.value) == \
                f"'steps': index {index} is out of range for dimension 0 of 11"
        assert repr(file.get_slice("small")) == "<fletch.TensorSlice 'small' int8 [6, 3]>"
        with pytest.raises(IndexError, match="too many indices"):
            file.get_slice("steps")[0, 0]
        with pytest.raises(IndexError):
            file.get_slice("steps")[..., ...]
        with pytest.raises(TypeError):
            file.get_slice("steps")["a"]


def test_it_is_a_mapping(folder):
    with fletch.safe_open(folder) as file:
        assert isinstance(file, Mapping)
        assert len(file) == len(TENSORS) and list(file) == file.keys()
        assert "scale" in file and "nothing" not in file and 3 not in file
        assert {name: array.shape for name, array in file.items()} == \
            {name: TENSORS[name].shape for name in file}
        assert len(list(file.values())) == len(file)
        assert file.get("nothing") is None and file.get("scale") == 2.5
        reading.assert_same(file["steps"], TENSORS["steps"])
        assert repr(file) == f"<fletch.safe_open {str(folder)!r}: 11 tensors>"


def test_what_is_not_there_is_said(folder, tmp_path):
    with fletch.safe_open(folder) as file:
        for get in (file.get_tensor, file.get_slice, file.__getitem__):
            with pytest.raises(KeyError) as caught:
                get("nothing")
            assert isinstance(caught.value, fletch.TensorNotFoundError)
            assert str(caught.value) == f"{folder}: has no row 'nothing'"
            assert caught.value.tensor == "nothing" and caught.value.path == str(folder)
    with pytest.raises(FileNotFoundError, match="no such file or folder, expected a converted"):
        fletch.safe_open(tmp_path / "none")
    (tmp_path / "text").write_text("not Parquet, but long enough")
    with pytest.raises(fletch.FormatError, match="not Parquet: 6e 6f 74 20 at byte 0"):
        fletch.load_file(tmp_path / "text")
    with pytest.raises(ValueError, match="framework: 'theano' is not known, expected one of"):
        fletch.safe_open(folder, "theano")
    with pytest.raises(ValueError, match="device: numpy has arrays in the processor's memory"):
        fletch.safe_open(folder, device="cuda:0")
    with pytest.raises(ValueError, match="not in 0"):  # which is another name of cuda:0
        fletch.safe_open(folder, device=0)
    for keywords, words in [({"framework": 5}, "framework must be a str or None, not 5"),
                            ({"framework": ["np"]}, "framework must be a str"),
                            ({"mmap": "no"}, "mmap must be a bool, not 'no'"),
                            ({"threads": 2.0}, "threads must be an integer, not 2.0")]:
        with pytest.raises(TypeError, match=words):
            fletch.safe_open(folder, **keywords)
    for wrong in (3, None, ["a"]):
        with pytest.raises(TypeError):
            fletch.safe_open(wrong)
    with pytest.raises(TypeError):
        fletch.load_file(folder, threads="2")
    for threads in (0, -1, 1025, 2**70):
        with pytest.raises(ValueError, match=f"threads: {threads} is out of range, 1 to 1024"):
            fletch.safe_open(folder, threads=threads)
    assert len(fletch.load_file(folder, threads=np.int64(2))) == len(TENSORS)


def test_tensors_outlive_the_file(plain):
    for mmap in (False, True):
        file = fletch.safe_open(plain, mmap=mmap)
        array, part = file["embed.weight"], file.get_slice("embed.weight")
        file.close()
        file.close()
        with pytest.raises(fletch.ArgumentError, match="the file is closed: open it"):
            file["embed.weight"]
        with pytest.raises(ValueError, match="the file is closed"):
            part[0]
        del file
        reading.assert_same(array, TENSORS["embed.weight"])
        assert array.flags.writeable is not mmap
        if not mmap:
            array[0] = 1
            with fletch.safe_open(plain) as again:
                reading.assert_same(again["embed.weight"], TENSORS["embed.weight"])


def mappings():
    with open("/proc/self/maps") as maps:
        return [line for line in maps if "weights.parquet" in line]


def test_a_map_lasts_as_long_as_its_tensors(plain):
    file = fletch.safe_open(plain, mmap=True)
    array = file["embed.weight"]
    at = array.__array_interface__["data"][0]
    first, last = (int(word, 16) for word in mappings()[0].split()[0].split("-"))
    assert first <= at < last, "copied"
    file.close()
    del file
    assert mappings() and array[3, 4] == TENSORS["embed.weight"][3, 4]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    del array
    assert mappings() == []
    with fletch.safe_open(plain) as file:
        file["embed.weight"]
        assert mappings() == [], "only what asks for it is mapped"


def test_metadata(golden, tmp_path):
    out = tmp_path / "out"
    result = fletch.convert(golden("bert-safetensors"), out)
    with fletch.safe_open(out) as file:
        assert file.info() == result.metadata
        found = file.metadata()
        assert found["format"] == "pt" and found["model_type"] == "bert"
        assert all(isinstance(value, str) for value in found.values())
    with fletch.safe_open(out / "weights.parquet") as file:
        assert file.info() == result.metadata
    (out / "metadata.json").unlink()
    with fletch.safe_open(out) as file:
        assert file.info() == {} and file.metadata() == {"format": "pt"}


def test_metadata_is_that_of_the_file(tmp_path, monkeypatch):
    """Wherever the program has gone since."""
    reading.convert(tmp_path, TENSORS)
    monkeypatch.chdir(tmp_path)
    for path in ("out", "out/weights.parquet", b"out", pathlib.Path("out")):
        with fletch.safe_open(path) as file:
            monkeypatch.chdir("/")
            assert file.info()["num_weight_tensors"] == len(TENSORS)
            file.to_safetensors(tmp_path / "model.safetensors")
        monkeypatch.chdir(tmp_path)
        with safetensors.safe_open("model.safetensors", "np") as file:
            assert file.metadata()["model_type"] == "any"


def test_metadata_that_is_none(tmp_path):
    out = reading.convert(tmp_path, TENSORS)
    for text, words in [(b"{", "not JSON: "), (b"\xff", "not JSON: "), (b"[1]", "holds [1], expec"),
                        (b"[" * 100_000, "not JSON: ")]:
        (out / "metadata.json").write_bytes(text)
        with fletch.safe_open(out) as file:
            reading.assert_same(file["steps"], TENSORS["steps"])
            for ask in (file.info, file.metadata):
                with pytest.raises(fletch.FormatError) as caught:
                    ask()
                assert str(caught.value).startswith(f"{out}/metadata.json: {words}")
    (out / "metadata.json").unlink()
    (out / "metadata.json").mkdir()
    with fletch.safe_open(out) as file:
        with pytest.raises(fletch.FileError, match="metadata.json: Is a directory"):
            file.info()


def test_files_are_compared_without_being_read(plain):
    with fletch.safe_open(plain) as file, fletch.safe_open(plain) as other:
        file.close()  # whoever reads it now fails
        assert file == file and file != other and file != dict(other)
        assert other in [file, other] and {file: 1, other: 2}[other] == 2


def test_an_open_file_is_not_pickled(plain):
    with fletch.safe_open(plain) as file:
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="open it in each process, by its path"):
                take(file)


def run(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def test_nothing_is_imported_that_is_not_used(folder):
    assert run("import sys, fletch\n"
               "with fletch.safe_open(sys.argv[1], framework=None) as file:\n"
               "    sum(bytes(memoryview(tensor.view('uint8'))[:1])[0] for tensor in\n"
               "        [file['bytes']])\n"
               "print(sorted({'numpy', 'torch', 'ml_dtypes', 'typing', 'json'} &\n"
               "             set(sys.modules)))", folder) == "[]\n"


def test_one_tensor_costs_that_tensor(tmp_path):
    large = np.arange(6_000_000, dtype=np.int32)
    small = np.arange(50_000, dtype=np.int32)
    folder = reading.convert(tmp_path, {"a.large": large, "small": small, "z.large": large},
                             compression="none")
    code = ("import sys, fletch\n"
            "def read():\n"
            "    return int(open('/proc/self/io').read().split()[1])\n"
            "fletch.safe_open(sys.argv[1], None).close()  # import it\n"
            "began = read()\n"
            "with fletch.safe_open(sys.argv[1], None) as file:\n"
            "    exec(sys.argv[2])\n"
            "print(read() - began)")
    around = 200_000  # the footer, a page's beginning
    assert int(run(code, folder, "file['small']")) < small.nbytes + around
    assert int(run(code, folder, "file['z.large']")) < large.nbytes + around
    assert int(run(code, folder, "file.get_slice('z.large')[5_000_000:5_001_000]")) < around
    assert int(run(code, folder, "file.get_slice('a.large')[-1]")) < around


def test_damage_names_the_row(plain, tmp_path):
    path = tmp_path / "weights.parquet"
    damaged = bytearray((plain / "weights.parquet").read_bytes())
    at = damaged.index(TENSORS["embed.weight"].tobytes()[:64])
    damaged[at + 1000] ^= 1
    path.write_bytes(damaged)
    for mmap in (False, True):
        with fletch.safe_open(path, mmap=mmap) as file:
            with pytest.raises(fletch.FormatError, match="CRC-32 of its body is") as caught:
                file["embed.weight"]
            assert caught.value.path == path and caught.value.status == "format"
            reading.assert_same(file["steps"], TENSORS["steps"])
        with pytest.raises(fletch.FormatError, match="CRC-32 of its body is"):
            fletch.load_file(path, mmap=mmap, threads=2)
