# SPDX-License-Identifier: MIT
"""docs/api-python.md says of fletch.compat what the docstrings say."""
import dataclasses
import inspect
import pathlib
import re

import pytest

from fletch import compat

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = [getattr(compat, name) for name in compat.__all__]


def plain(text):
    """Without the marks of lists, in one line"""
    return " ".join(re.sub(r"^- ", "", text, flags=re.M).split())


def part(kind):
    """The section on a class, between its heading and the next"""
    page = (ROOT / "docs/api-python.md").read_text()
    return re.search(rf"^### {kind.__name__}\n(.*?)(?=^##|\Z)", page, re.M | re.S)[1]


def methods(kind):
    return [getattr(kind, name) for name, value in vars(kind).items()
            if not name.startswith("_")
            and (inspect.isfunction(value) or isinstance(value, classmethod))]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_docstring(kind):
    text = plain(part(kind))
    assert plain(inspect.getdoc(kind)) in text
    for method in methods(kind):
        assert plain(inspect.getdoc(method)) in text, method.__name__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_signature(kind):
    assert methods(kind) or kind is compat.ConversionConfig
    for method in methods(kind):
        taken = [one.replace(annotation=one.empty) for one
                 in inspect.signature(method).parameters.values() if one.name != "self"]
        assert f"`{kind.__name__}.{method.__name__}{inspect.Signature(taken)}`" in \
            plain(part(kind))


@pytest.mark.parametrize("kind", KINDS[:2], ids=lambda kind: kind.__name__)
def test_each_field_in_order(kind):
    found = re.findall(r"^\| `(\w+)` \| (?:`(.*)`)? ?\|$", part(kind), re.M)
    for (name, default), field in zip(found, dataclasses.fields(kind), strict=True):
        value = field.default_factory() if field.default_factory is not dataclasses.MISSING \
            else field.default
        assert (name, default) == \
            (field.name, "" if value is dataclasses.MISSING else repr(value))
