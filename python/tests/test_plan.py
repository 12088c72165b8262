# SPDX-License-Identifier: MIT
"""fletch.plan, verify and detect: what they say, beside what the command says."""
import json
import pickle
import shutil

import pytest

import fletch


@pytest.mark.parametrize("name", ["bert-safetensors", "clip-bin-old-config", "whisper",
                                  "bert-mlm-sharded"])
def test_a_plan_is_the_commands(name, golden, command):
    plan = fletch.plan(golden(name))
    told = json.loads(command("plan", golden(name), "--json").stdout)
    assert (plan.family, plan.evidence) == (told["family"], told["evidence"])
    assert [(row.name, row.tensor) for row in plan.rows] == \
        [(row["name"], row["tensor"]) for row in told["rows"]]
    assert [(left.tensor, left.reason) for left in plan.left_out] == \
        [(left["tensor"], left["reason"]) for left in told["left_out"]]
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_conversion_keeps_to_the_plan(golden, tmp_path):
    plan = fletch.plan(golden("whisper"))
    result = fletch.convert(golden("whisper"), tmp_path / "out")
    for ours in ("name", "tensor", "source_dtype", "dtype", "shape", "count", "size"):
        assert [getattr(row, ours) for row in plan.rows] == \
            [getattr(row, ours) for row in result.rows], ours
    assert plan.parameters == result.parameters and len(plan.left_out) == result.left_out


def test_detect(golden, command):
    for name in ("bert-safetensors", "clip", "whisper", "st-dense"):
        found = fletch.detect(golden(name))
        told = json.loads(command("plan", golden(name), "--json").stdout)
        assert (found.family, found.evidence) == (told["family"], told["evidence"])
    with pytest.raises(fletch.NotFoundError) as failure:
        fletch.detect("/nowhere")
    assert failure.value.path == "/nowhere" and isinstance(failure.value, FileNotFoundError)
    assert "fletch: %s\n" % failure.value == command("plan", "/nowhere").stderr


def test_verify(golden, tmp_path):
    fletch.convert(golden("clip"), tmp_path / "out")
    alone = fletch.verify(tmp_path / "out")
    assert alone.compared and alone.hashes == alone.rows > 0 and alone.compared_bytes == 0
    beside = fletch.verify(tmp_path / "out", source=golden("clip"), threads=2)
    assert beside.compared_bytes > 0 and beside.rows == alone.rows


def test_a_damaged_file_is_told(golden, command, tmp_path):
    result = fletch.convert(golden("bert-safetensors"), tmp_path / "out", compression="none")
    shutil.copytree(tmp_path / "out", tmp_path / "damaged")
    weights = tmp_path / "damaged/weights.parquet"
    content = bytearray(weights.read_bytes())
    content[len(content) // 3] ^= 1
    weights.write_bytes(content)
    with pytest.raises(fletch.Error) as failure:
        fletch.verify(tmp_path / "damaged")
    assert "fletch: %s\n" % failure.value == \
        command("verify", tmp_path / "damaged", "-q").stderr
    assert failure.value.tensor in {row.name for row in result.rows}
    again = pickle.loads(pickle.dumps(failure.value))
    assert type(again) is type(failure.value)
    assert (str(again), again.status, again.path, again.tensor) == (
        str(failure.value), failure.value.status, tmp_path / "damaged", failure.value.tensor)


def test_what_cannot_be_verified_is_warned_of(golden, tmp_path):
    fletch.convert(golden("bert-safetensors"), tmp_path / "out")
    (tmp_path / "out/metadata.json").unlink()
    with pytest.warns(fletch.FletchWarning) as told:
        assert not fletch.verify(tmp_path / "out/weights.parquet").compared
    assert told[0].filename == __file__
