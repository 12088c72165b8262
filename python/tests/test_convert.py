# SPDX-License-Identifier: MIT
"""fletch.convert: what it writes, says and raises."""
import json

import pytest

import fletch


def test_version_is_the_commands(command):
    assert command("--version").stdout.split()[1] == fletch.version() == fletch.__version__


@pytest.mark.parametrize("name, family", [("bert-safetensors", "bert"), ("clip", "clip"),
                                          ("whisper", "whisper"),
                                          ("st-mean", "sentence-transformers")])
def test_the_file_is_the_commands(name, family, golden, command, tmp_path):
    result = fletch.convert(golden(name), tmp_path / "python")
    said = command("convert", golden(name), "-o", tmp_path / "command", "--json")
    assert said.returncode == 0
    told = json.loads(said.stdout)
    assert result.family == family == told["family"]
    assert (tmp_path / "python/weights.parquet").read_bytes() == \
        (tmp_path / "command/weights.parquet").read_bytes()
    for ours, theirs in [("parameters", "total_parameters"), ("tensors", "tensors"),
                         ("left_out", "left_out"), ("missing", "missing"),
                         ("written_bytes", "written_bytes"),
                         ("source_bytes", "source_bytes"), ("passed", "validation_passed")]:
        assert getattr(result, ours) == told[theirs], ours
    assert [row.name for row in result.rows] == list(told["metadata"]["layer_info"])
    assert result.metadata["layer_info"] == told["metadata"]["layer_info"]


def test_options_reach_the_library(golden, tmp_path):
    result = fletch.convert(golden("bert-safetensors"), str(tmp_path / "out"), float16=False,
                            compression="gzip", compression_level=9, tokenizer=False,
                            validate=False, certify=True, threads=1, memory="64M",
                            set={"layer_norm_eps": 0.5})
    config = result.metadata["conversion_config"]
    assert config["compression"] == "gzip" and config["compression_level"] == 9
    assert config["use_float16"] is False and config["validate_output"] is False
    assert result.tokenizer_path is None and not result.verified
    assert result.metadata["model_info"]["layer_norm_eps"] == 0.5
    assert {row.dtype for row in result.rows} == {"float32"}
    assert all(row.cast.exact and len(row.source_sha256) == 64 for row in result.rows)


@pytest.mark.parametrize("keywords", [
    {"threads": True}, {"threads": 1.0}, {"float16": 1}, {"type": b"bert"}, {"set": "a=1"},
    {"set": [1]}, {"memory": 1.5}, {"progress": 3}, {"on_overflow": 1}, {"prefix": 0}])
def test_wrong_types(keywords, golden, tmp_path):
    with pytest.raises(TypeError):
        fletch.convert(golden("bert-safetensors"), tmp_path / "out", **keywords)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keywords, words", [
    ({"threads": 0}, "threads: 0 is out of range, 1 to 1024"),
    ({"threads": 2**70}, "threads: out of range, 1 to 1024"),
    ({"memory": "12X"}, "memory: '12X' is no size such as 96M or 1G"),
    ({"on_overflow": "x"}, "on_overflow: 'x' is none of keep, inf, error"),
    ({"compression_level": 23}, "compression_level: zstd has levels 1 to 22, not 23"),
    ({"compression": "lz4", "compression_level": 1}, "compression_level: lz4 has no levels")])
def test_values_out_of_range(keywords, words, golden, tmp_path):
    with pytest.raises(fletch.ArgumentError) as failure:
        fletch.convert(golden("bert-safetensors"), tmp_path / "out", **keywords)
    assert str(failure.value) == words
    assert isinstance(failure.value, ValueError) and failure.value.status == "argument"
    assert not (tmp_path / "out").exists()


def test_settings_and_sizes_are_checked(golden, tmp_path):
    for settings in ([1], ["a=1", b"b=2"]):
        with pytest.raises(TypeError, match="set: each must be a str, 'KEY=VALUE', not"):
            fletch.plan(golden("clip"), set=settings)
    with pytest.raises(fletch.ArgumentError, match="is no size such as 96M or 1G"):
        fletch.plan(golden("clip"), memory="9" * 5000)


def test_warnings_name_the_callers_line(overflowing, tmp_path):
    """Also those of a package whose name begins as ours."""
    source = compile("import fletch\nfletch.convert(model, out, type='any')\n", "theirs.py", "exec")
    for name in ("mine", "fletcher", "fletch_tools.run"):
        with pytest.warns(fletch.FletchWarning) as caught:
            exec(source, {"__name__": name, "model": overflowing, "out": tmp_path / name})
        assert {(one.filename, one.lineno) for one in caught} == {("theirs.py", 2)}


def test_progress_without_a_stderr(golden, tmp_path, monkeypatch):
    """As daemons have none."""
    monkeypatch.setattr("sys.stderr", None)
    assert fletch.convert(golden("clip"), tmp_path / "out", progress=True).passed


def test_the_last_step_is_told(golden, tmp_path):
    for i in range(20):
        last = {}
        fletch.convert(golden("clip"), tmp_path / str(i),
                       progress=lambda at: last.update({at.stage: at}))
        assert {stage for stage, at in last.items() if at.done == at.total > 0} == \
            {"write", "verify"}
