# SPDX-License-Identifier: MIT
"""Exceptions: which class, and that the sentence is the command's."""
import errno
import pickle

import pytest

import fletch

KINDS = {"argument": (fletch.ArgumentError, ValueError),
         "not-found": (fletch.NotFoundError, FileNotFoundError),
         "io": (fletch.FileError, OSError), "format": (fletch.FormatError, ValueError),
         "unsupported": (fletch.UnsupportedError, ValueError),
         "family": (fletch.FamilyError, ValueError), "verify": (fletch.VerifyError, Exception),
         "memory": (fletch.MemoryLimitError, MemoryError),
         "cancelled": (fletch.CancelledError, Exception)}


@pytest.mark.parametrize("status", KINDS)
def test_classes(status):
    ours, theirs = KINDS[status]
    error = ours("row 'x': wrong", "/model", "x")
    assert error.status == status
    assert isinstance(error, fletch.Error) and isinstance(error, theirs)
    assert str(error) == "row 'x': wrong"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is ours and vars(again) == vars(error) and str(again) == str(error)


def test_the_systems_errors_have_its_numbers(golden, tmp_path):
    with pytest.raises(FileNotFoundError) as failure:
        fletch.safe_open(tmp_path / "none")
    assert failure.value.errno == errno.ENOENT and failure.value.filename == tmp_path / "none"
    assert pickle.loads(pickle.dumps(failure.value)).errno == errno.ENOENT
    assert str(failure.value).startswith(f"{tmp_path}/none: no such file or folder, expected")
    fletch.convert(golden("clip"), tmp_path / "out")
    with fletch.safe_open(tmp_path / "out") as file, pytest.raises(OSError) as failure:
        file.to_safetensors(tmp_path)
    assert failure.value.errno == errno.EISDIR and isinstance(failure.value, fletch.FileError)


def empty(folder):
    folder.mkdir()


def cut(folder):
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"\xff" * 9)


def unknown(folder):
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "resnet"}')
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")


def nothing(folder):
    pass


@pytest.mark.parametrize("make, kind", [
    (nothing, fletch.NotFoundError), (empty, fletch.NotFoundError), (cut, fletch.FormatError),
    (unknown, fletch.FamilyError)])
def test_the_sentence_is_the_commands(make, kind, command, tmp_path):
    make(tmp_path / "model")
    with pytest.raises(kind) as failure:
        fletch.convert(tmp_path / "model", tmp_path / "out")
    said = command("convert", tmp_path / "model", "-o", tmp_path / "out", "-q")
    assert "fletch: %s\n" % failure.value == said.stderr
    assert failure.value.path == tmp_path / "model"
    assert not (tmp_path / "out").exists()


def test_memory(golden, tmp_path):
    with pytest.raises(MemoryError) as failure:
        fletch.convert(golden("bert-safetensors"), tmp_path / "out", memory="1K")
    assert isinstance(failure.value, fletch.MemoryLimitError)


def test_no_room_in_the_folder(golden, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(fletch.Error) as failure:
        fletch.convert(golden("bert-safetensors"), tmp_path / "file" / "out")
    assert isinstance(failure.value, (OSError, ValueError))


def test_foreign_files_are_left_alone(golden, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(fletch.ArgumentError):
        fletch.convert(golden("bert-safetensors"), tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "notes.txt"]


def test_names_that_are_no_text(golden, tmp_path):
    """Paths of any bytes, given as the system has them."""
    out = bytes(tmp_path) + b"/\xff\xfe"
    result = fletch.convert(bytes(golden("bert-safetensors")), out)
    assert result.weights_path.encode("utf-8", "surrogateescape") == out + b"/weights.parquet"
    with pytest.raises(fletch.NotFoundError) as failure:
        fletch.detect(out + b"/none")
    assert failure.value.path == out + b"/none"
