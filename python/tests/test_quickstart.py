# SPDX-License-Identifier: MIT
"""docs/quickstart.md does what it says, from the environment to the embedding."""
import contextlib
import io
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBER = re.compile(r"-?\d+\.\d+")
NO_NETWORK = re.compile(r"NewConnectionError|name resolution|No matching distribution")
UNNEEDED = shutil.ignore_patterns("build*", ".*", "demo", "*.pyc", "__pycache__", "corpus")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart") / "clone"
    shutil.copytree(ROOT, folder, ignore=UNNEEDED, symlinks=True)
    (folder / "demo").mkdir()
    return folder


def block(kind):
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs/quickstart.md").read_text(), re.S)


def environment():
    """As in a shell of the reader's, without what the tests set"""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def test_five_commands(clone):
    lines = block("console")[0].splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    shown = [line for line in lines if not line.startswith("$ ")]
    assert len(commands) == 5 and len(shown) == 2
    printed = ""
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=clone, env=environment(), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode and " pip install " in f" {command.replace('/pip', ' pip')} " and \
                NO_NETWORK.search(done.stderr):
            pytest.skip("pip finds no packages here")
        assert done.returncode == 0, (command, done.stderr[-2000:])
        printed += done.stdout
    assert [NUMBER.sub("N", line) for line in printed.splitlines()] == \
        [NUMBER.sub("N", line) for line in shown]
    # The last digit is the processor's business.
    for found, told in zip(NUMBER.findall(printed), NUMBER.findall("\n".join(shown))):
        assert abs(float(found) - float(told)) < 0.002


def test_the_same_in_python(golden, tmp_path, monkeypatch):
    shutil.copytree(golden("st-mean"), tmp_path / "demo/model")
    monkeypatch.chdir(tmp_path)
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block("python")[0], scope)  # the document's own words are under test
    assert printed.getvalue() == block("text")[0]
    assert scope["words"].shape == scope["weights"]["embeddings.word_embeddings.weight"].shape


def test_its_links_lead_somewhere():
    for name in ("docs/quickstart.md", "docs/migration.md", "AGENTS.md"):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)", page.read_text()):
            assert (page.parent / target).exists(), (name, target)


def test_the_example_is_as_short_as_is_said():
    assert len((ROOT / "python/examples/bert_numpy.py").read_text().splitlines()) == 60
