# SPDX-License-Identifier: MIT
"""What the package exports, and that its examples work."""
import os
import pathlib
import subprocess
import sys

import fletch

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def test_all_names_are_there():
    assert fletch.__all__ == sorted(fletch.__all__)
    assert set(fletch.__all__) <= set(dir(fletch))
    for name in fletch.__all__:
        assert getattr(fletch, name).__doc__, name
    assert not hasattr(fletch, "nonsense")
    names = {}
    exec("from fletch import *", names)
    assert set(fletch.__all__) <= set(names)


def example(name, *arguments):
    return subprocess.run([sys.executable, EXAMPLES / name, *map(str, arguments)],
                          capture_output=True, text=True, env=os.environ)


def test_the_examples(golden, tmp_path):
    ended = example("convert.py", golden("bert-safetensors"), tmp_path / "out")
    assert ended.returncode == 0 and "Traceback" not in ended.stderr
    assert ended.stdout.startswith("199 tensors of a bert model in")
    assert example("convert.py", "/nowhere", tmp_path / "out").stderr.endswith("(not-found)\n")
    ended = example("norms.py", golden("bert-safetensors"))
    assert ended.returncode == 0 and len(ended.stdout.splitlines()) == 199
