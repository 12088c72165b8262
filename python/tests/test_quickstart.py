# SPDX-License-Identifier: MIT
"""docs/quickstart.md in Python; its commands are run by tests/documents/quickstart.py."""
import contextlib
import io
import pathlib
import re
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]


def block(kind):
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs/quickstart.md").read_text(), re.S)


def test_the_same_in_python(golden, tmp_path, monkeypatch):
    shutil.copytree(golden("st-mean"), tmp_path / "demo/model")
    monkeypatch.chdir(tmp_path)
    scope, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block("python")[0], scope)  # the document's own words are under test
    assert printed.getvalue() == block("text")[0]
    assert scope["words"].shape == scope["weights"]["embeddings.word_embeddings.weight"].shape


def test_links_lead_somewhere():
    for name in ("docs/quickstart.md", "docs/migration.md", "AGENTS.md"):
        page = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)", page.read_text()):
            assert (page.parent / target).exists(), (name, target)


def test_the_example_is_as_short_as_is_said():
    assert len((ROOT / "examples/bert_numpy.py").read_text().splitlines()) == 60
