# SPDX-License-Identifier: MIT
"""AGENTS.md: its code runs, its tables are true."""
import contextlib
import inspect
import io
import os
import pathlib
import re
import shutil
import tomllib

import pytest

import fletch

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "AGENTS.md").read_text()


def test_its_code_runs(golden, tmp_path, monkeypatch):
    shutil.copytree(golden("bert-safetensors"), tmp_path / "models/bert")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) == 6
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(block, {})  # the document's own words are under test
    said = printed.getvalue().splitlines()
    assert said[0].startswith("bert 199 ")
    assert said[-2:] == ["True", "not-found models/nowhere"]
    assert sorted(os.listdir(tmp_path / "out")) == ["metadata.json", "tokenizer",
                                                    "weights.parquet"]


def test_its_table_of_errors():
    rows = re.findall(r"^\| `(\w+)` \| (\w*) ?\|", PAGE, re.M)
    assert {name for name, _ in rows} == {
        name for name in fletch.__all__ if name.endswith("Error") and name != "Error"}
    for name, base in rows:
        kind = getattr(fletch, name)
        assert issubclass(kind, fletch.Error)
        assert not base or issubclass(kind, getattr(__import__("builtins"), base)), name


def test_its_name_of_the_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"The distribution is `{project['name']}`" in PAGE
    assert project["requires-python"] == ">=3.11" and "CPython 3.11 or later" in PAGE


@pytest.mark.parametrize("name", sorted(
    set(re.findall(r"`(?:fletch\.)?(\w+)\(", PAGE)) - {"pip"}))
def test_calls_that_it_names(name):
    assert name in {*fletch.__all__, "astype"}


def test_the_readmes_table_of_three_ways(command):
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `(fletch \w+.*?)` \| `(fletch\..*?)` \| `(.*?)` \|$", text, re.M)
    header = (ROOT / "include/fletch/fletch.h").read_text()
    assert len(rows) >= 6
    for said, called, c in rows:
        _, verb, *rest = said.split()
        listed = command(verb, "--help").stdout
        for flag in [word for word in rest if word.startswith("-")]:
            assert re.search(rf"(?<![\w-]){flag}\b", listed), said
        call = getattr(fletch, re.match(r"fletch\.(\w+)\(", called)[1])
        keywords = set(re.findall(r"(\w+)=", called))
        assert keywords <= set(inspect.signature(call).parameters), called
        for name in re.findall(r"fletch_\w+|FLETCH_\w+", c):
            assert re.search(rf"\b{name}\b", header), c
