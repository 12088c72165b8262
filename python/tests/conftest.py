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
