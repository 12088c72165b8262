# SPDX-License-Identifier: MIT
"""docs/migration.md has every flag, field and key, and names none that is not there."""
import argparse
import dataclasses
import importlib.util
import inspect
import pathlib
import re

import pytest

import fletch
from fletch.compat import ConversionConfig, ConversionResult, ModelConverter, cli

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/migration.md").read_text()
WORDS = set(re.findall(r"`([^`\n]+)`", PAGE))


def section(title):
    return re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", PAGE, re.M | re.S)[1]


def column(text, number):
    """The code spans of a table's column"""
    rows = [line[1:-1].split("|") for line in text.splitlines() if line.startswith("| ")]
    return {span for row in rows if len(row) > number
            for span in re.findall(r"`([^`]+)`", row[number])}


def flags(parser):
    found = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found |= flags(sub)
        found |= {option for option in action.option_strings if "help" not in option}
    return found - {"-h"}


def named(spans):
    return {flag for span in spans for flag in re.findall(r"(?<![\w-])--?[a-z][\w-]*", span)}


def test_each_flag_has_its_row(command):
    spec = importlib.util.spec_from_file_location("script", ROOT / "scripts/convert_model.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    table = section("The scripts and the command").split("\n\n| | before")[0]
    assert named(column(table, 0)) == flags(script.parser())
    assert named(column(table, 1)) == flags(cli._parser())
    help_text = command("convert", "--help").stdout
    for flag in named(column(table, 2)):
        assert re.search(rf"(?<![\w-]){flag}\b", help_text), flag


def test_flags_named_in_passing_are_ours(command):
    help_text = command("convert", "--help").stdout
    for span in WORDS:
        if span.startswith("fletch convert "):
            for flag in named([span]):
                assert re.search(rf"{flag}\b", help_text), flag


def test_each_field_has_its_row():
    table = section("One import")
    old = " ".join(column(table, 0))
    for field in (*dataclasses.fields(ConversionConfig), *dataclasses.fields(ConversionResult)):
        if field.name not in ("model_name", "output_dir"):
            assert field.name in old, field.name
    new = column(table, 1)
    fields = {field.name for field in dataclasses.fields(fletch.Result)} | {"metadata"}
    assert {name for span in new for name in re.findall(r"(?:^|[ /])\.(\w+)", span)} <= fields
    keywords = {match[1] for span in new if (match := re.match(r"(\w+)=", span))}
    assert keywords <= set(inspect.signature(fletch.convert).parameters) and len(keywords) == 6


@pytest.mark.parametrize("name", ["bert-safetensors", "st-dense", "clip", "whisper"])
def test_each_key_of_metadata_has_its_row(name, golden, tmp_path):
    metadata = ModelConverter().convert(golden(name), tmp_path / "out").metadata
    info = metadata.get("model_info", metadata.get("config"))
    listed = column(section("metadata.json"), 0) | column(section("metadata.json"), 1)
    for key in (*metadata, *info, *metadata["conversion_config"],
                *next(iter(metadata["layer_info"].values()))):
        assert key in listed, key


def test_the_old_keys_are_still_there(golden, tmp_path):
    """In the old order, with ours behind."""
    text = list(ModelConverter().convert(golden("st-mean"), tmp_path / "text").metadata)
    assert text == ["model_name", "model_type", "model_info", "conversion_config",
                    "total_parameters", "num_layers", "layer_info", "converted_at",
                    "converter_version", "parquet_path", "tokenizer_path",
                    "embedding_dimension", "fletch"]
    tower = list(ModelConverter().convert(golden("clip"), tmp_path / "tower").metadata)
    assert tower == ["model_name", "model_type", "architecture", "config", "conversion_config",
                     "total_parameters", "num_weight_tensors", "layer_info", "parquet_path",
                     "converted_at", "converter_version", "fletch"]


def test_the_deprecated_are_listed():
    table = section("Deprecated")
    for path in (ROOT / "scripts").glob("*_to_parquet.py"):
        assert f"| `scripts/{path.name}` | 0.1.0 | 2.0.0 |" in table
