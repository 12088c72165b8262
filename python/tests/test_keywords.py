# SPDX-License-Identifier: MIT
"""The keywords of the calls are the options of the command."""
import inspect
import pathlib
import re

import pytest

import fletch

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Of the command alone: what it prints, and its operands, which are positional here.
TERMINAL = {"json", "quiet", "verbose", "help"}
OPERANDS = {"convert": {"model", "output"}, "plan": {"model"}, "verify": set(), "show": set()}
CALLS = {"convert": fletch.convert, "plan": fletch.plan, "verify": fletch.verify}


def options(command, name):
    """The long options of a command, as its help lists them: {name: takes a value}"""
    text = command(name, "--help").stdout
    return {match[1]: bool(match[2]) for match in
            re.finditer(r"^  (?:-\w,|   ) --([a-z0-9-]+)( [A-Z=]+)?", text, re.M)}


def keywords(call):
    return {name: parameter for name, parameter in inspect.signature(call).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", CALLS)
def test_one_keyword_for_each_option(name, command):
    listed = options(command, name)
    assert len(listed) >= 8
    expected = {option.removeprefix("no-").replace("-", "_") for option in listed}
    assert set(keywords(CALLS[name])) == expected - TERMINAL - OPERANDS[name]


@pytest.mark.parametrize("name", CALLS)
def test_defaults_are_the_commands(name, command):
    """What is switched by --no-X alone is on, what is switched by --X off, values are None."""
    listed = options(command, name)
    for keyword, parameter in keywords(CALLS[name]).items():
        option = keyword.replace("_", "-")
        if keyword == "progress" or listed.get(option):
            assert parameter.default is None, keyword
        else:
            assert parameter.default is (f"no-{option}" in listed), keyword


@pytest.mark.parametrize("name", CALLS)
def test_each_is_told_of(name):
    told = inspect.getdoc(CALLS[name]) if name == "convert" else \
        inspect.getdoc(fletch.convert) + inspect.getdoc(CALLS[name])
    for keyword in keywords(CALLS[name]):
        assert re.search(rf"\b{keyword}\b", told), keyword


def test_choices_are_known(command):
    text = command("convert", "--help").stdout
    assert ", ".join(codec.name for codec in fletch.codecs()) in " ".join(text.split())
    for family in fletch.families():
        assert family.name in text


def test_the_document_has_all_of_it():
    """docs/api-python.md: every call with its keywords, every exception with its status."""
    text = (ROOT / "docs/api-python.md").read_text()
    for name, call in {**CALLS, "open_checkpoint": fletch.open_checkpoint}.items():
        head = re.search(rf"`{name}\((.*?)\)`", text)
        assert head, name
        assert head[1].replace("*, ", "").split(", ") == \
            list(inspect.signature(call).parameters), name
    for name in fletch.__all__:
        kind = getattr(fletch, name)
        if isinstance(kind, type) and issubclass(kind, fletch.Error) and kind is not fletch.Error:
            assert re.search(rf"^\| `{name}` \|.*\| `{kind.status}` \|$", text, re.M), name
        elif inspect.isroutine(kind):
            assert f"`{name}(" in text or f"`{name}`" in text or f"fletch.{name}(" in text, name
