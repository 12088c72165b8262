# SPDX-License-Identifier: MIT
"""The package as type checkers see it: never run, but checked by test_types.py."""
import pathlib
from typing import Any, assert_type

import fletch


def told(at: fletch.Progress) -> None:
    assert_type(at.done, int)
    assert_type(at.text, str | None)


def convert(model: pathlib.Path) -> None:
    result = fletch.convert(model, b"out", type="bert", set={"hidden_size": 32},
                            memory="96M", progress=told)
    assert_type(result, fletch.Result)
    assert_type(result.tokenizer_path, str | None)
    assert_type(result.rows[0].cast.rounded, int)
    assert_type(result.metadata, dict[str, Any])
    fletch.convert(model, "out", progress=True, threads=2, set=["a=1"])


def ask(model: str) -> None:
    assert_type(fletch.plan(model).left_out[0].reason, str)
    assert_type(fletch.verify(model, source=model).compared, bool)
    assert_type(fletch.detect(model).family, str)
    assert_type(fletch.version(), str)
    assert_type(fletch.codecs()[0].level_max, int)
    assert_type(fletch.families()[0].model_types, tuple[str, ...])


def read(model: str) -> None:
    with fletch.open_checkpoint(model, prefix=".") as checkpoint:
        assert_type(checkpoint, fletch.Checkpoint)
        for name, tensor in checkpoint.items():
            assert_type(name, str)
            assert_type(tensor, fletch.CheckpointTensor)
            assert_type(tensor.shape, tuple[int, ...])
            assert_type(tensor.read(0, 4), bytes)
            tensor.readinto(bytearray(4))


def failures(model: str) -> str | None:
    try:
        fletch.detect(model)
    except fletch.NotFoundError as failure:
        assert_type(failure.status, str)
        return failure.tensor
    except OSError:
        pass
    return None
