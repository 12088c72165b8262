# SPDX-License-Identifier: MIT
"""What the tests share: golden models, and the command to compare with."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def golden():
    """golden("bert-safetensors"): the folder of a model that transformers saved"""
    return lambda name: ROOT / "tests" / "golden" / name / "source"


@pytest.fixture(scope="session")
def command():
    """command(*arguments): the finished process of the command that was built too"""
    def run(*arguments):
        return subprocess.run([os.environ["FLETCH_COMMAND"], *map(str, arguments)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return run


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """A weights file of some 32 MB, for what takes a moment: type "any"."""
    import numpy
    import safetensors.numpy

    path = tmp_path_factory.mktemp("large") / "large.safetensors"
    random = numpy.random.default_rng(1)
    safetensors.numpy.save_file(
        {f"part.{i}.weight": random.standard_normal((1024, 1024), dtype=numpy.float32)
         for i in range(8)}, path)
    return path


@pytest.fixture(scope="session")
def overflowing(tmp_path_factory):
    """A weights file with a value that float16 cannot hold: a warning."""
    import numpy
    import safetensors.numpy

    path = tmp_path_factory.mktemp("overflowing") / "model.safetensors"
    safetensors.numpy.save_file({"weight": numpy.array([1, 1e6], numpy.float32)}, path)
    return path
