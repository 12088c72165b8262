# SPDX-License-Identifier: MIT
"""mypy --strict and pyright find nothing in the package, the examples and typed_use.py."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

import fletch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = pathlib.Path(fletch.__file__).parent
CHECKED = [PACKAGE, ROOT / "examples/convert.py", ROOT / "examples/norms.py",
           ROOT / "examples/bert_numpy.py", ROOT / "scripts/convert_model.py",
           ROOT / "scripts/convert_clip_to_parquet.py",
           ROOT / "scripts/convert_whisper_to_parquet.py", ROOT / "python/tests/typed_use.py"]


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.name)
def test_mypy(path, tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "mypy"
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, path],
        env={**os.environ, "MYPYPATH": str(PACKAGE.parent)} if path != PACKAGE else None,
        cwd=PACKAGE.parent if path == PACKAGE else ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_pyright(tmp_path):
    for path in CHECKED:
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(
        {"include": [path.name for path in CHECKED], "reportMissingModuleSource": False}))
    ended = subprocess.run([sys.executable, "-m", "pyright", "--pythonpath", sys.executable],
                           cwd=tmp_path, capture_output=True, text=True)
    if "npm" in ended.stderr and "errors" not in ended.stdout:
        pytest.skip("pyright could not be fetched: " + ended.stderr.splitlines()[-1])
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_stub_is_the_module(tmp_path):
    """_fletch.pyi names what the extension has, and nothing else."""
    # a name for the buffer protocol that Python has since 3.12
    (tmp_path / "allowed").write_text("(fletch._fletch.Tensor.__buffer__)?\n")
    ended = subprocess.run([sys.executable, "-m", "mypy.stubtest", "--allowlist",
                            tmp_path / "allowed", "fletch._fletch"],
                           cwd=PACKAGE.parent, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
