# SPDX-License-Identifier: MIT
"""Whatever the calls are given: they do it, or raise TypeError, ValueError or a fletch.Error."""
import os
import shutil

import hypothesis
import pytest
from hypothesis import strategies as some

import fletch

SETTINGS = dict(deadline=None, database=None, derandomize=True,
                suppress_health_check=list(hypothesis.HealthCheck))
FINE = (TypeError, ValueError, fletch.Error)

scraps = some.one_of(
    some.none(), some.booleans(), some.integers(), some.integers(-3, 30), some.floats(),
    some.text(max_size=8), some.binary(max_size=8), some.lists(some.text(max_size=4), max_size=2),
    some.dictionaries(some.text(max_size=4), some.integers(), max_size=2),
    some.sampled_from(["auto", "bert", "any", "zstd", "lz4", "none", "gzip", "keep", "inf",
                       "error", "96M", "1K", "9" * 30, ".", "a\0b", "\ud800", [b"x"], object(),
                       ["hidden_size=32"], {"hidden_size": 32}, {"hidden_size": None}]))
CONVERT = ["type", "prefix", "set", "float16", "compression", "compression_level",
           "on_overflow", "require_exact", "allow_missing", "keep_heads", "validate",
           "tokenizer", "certify", "force", "paranoid", "threads", "memory", "progress"]
PLAN = ["type", "prefix", "set", "float16", "compression", "compression_level",
        "allow_missing", "keep_heads", "tokenizer", "memory"]
VERIFY = ["source", "type", "prefix", "set", "paranoid", "threads"]


def keywords(names):
    return some.dictionaries(some.sampled_from(names), scraps, max_size=4)


@pytest.fixture(scope="module")
def small(golden, tmp_path_factory):
    """A model of few tensors, and its folder converted."""
    work = tmp_path_factory.mktemp("anything")
    fletch.convert(golden("clip"), work / "converted")
    return golden("clip"), work


@hypothesis.settings(max_examples=120, **SETTINGS)
@hypothesis.given(options=keywords(CONVERT))
@pytest.mark.filterwarnings("ignore::fletch.FletchWarning")
def test_convert(options, small):
    model, work = small
    out = work / "out"
    try:
        assert isinstance(fletch.convert(model, out, **options), fletch.Result)
        assert (out / "weights.parquet").exists()
        shutil.rmtree(out)
    except FINE:
        pass
    assert sorted(os.listdir(work)) == ["converted"]


@hypothesis.settings(max_examples=80, **SETTINGS)
@hypothesis.given(options=keywords(PLAN))
def test_plan(options, small):
    try:
        assert isinstance(fletch.plan(small[0], **options), fletch.Plan)
    except FINE:
        pass


@hypothesis.settings(max_examples=80, **SETTINGS)
@hypothesis.given(options=keywords(VERIFY))
@pytest.mark.filterwarnings("ignore::fletch.FletchWarning")
def test_verify(options, small):
    try:
        found = fletch.verify(small[1] / "converted", **options)
        assert isinstance(found, fletch.Verification)
    except FINE:
        pass


@hypothesis.settings(max_examples=80, **SETTINGS)
@hypothesis.given(path=scraps, more=scraps)
def test_paths(path, more, small, monkeypatch):
    monkeypatch.chdir(small[1])
    for call in (fletch.plan, fletch.detect, fletch.verify, fletch.open_checkpoint):
        with pytest.raises(FINE):
            call(path)
    with pytest.raises(FINE):
        fletch.convert(path, more)
    assert sorted(os.listdir(small[1])) == ["converted"]


@hypothesis.settings(max_examples=120, **SETTINGS)
@hypothesis.given(begin=scraps, size=scraps, into=some.integers(0, 40))
def test_reading(begin, size, into, small):
    with fletch.open_checkpoint(small[0]) as checkpoint:
        tensor = min(checkpoint.values(), key=lambda one: one.nbytes)
        whole = tensor.read()
        try:
            assert tensor.read(begin, size) == whole[begin:][:size]
        except FINE:
            pass
        buffer = bytearray(into)
        try:
            tensor.readinto(buffer, begin)
            assert buffer == whole[begin:][:into]
        except FINE:
            assert buffer == bytes(into)


@hypothesis.settings(max_examples=60, **SETTINGS)
@hypothesis.given(arguments=some.lists(scraps, max_size=4))
def test_the_extension_itself(arguments):
    """It checks by itself: what the package does before is no matter."""
    from fletch import _fletch

    for call in (_fletch.convert, _fletch.plan, _fletch.verify, _fletch.detect,
                 _fletch.Checkpoint):
        with pytest.raises(FINE):
            call(*arguments)
