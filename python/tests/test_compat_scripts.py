# SPDX-License-Identifier: MIT
"""The scripts and the command of old: flags, order of the output, summaries, exit codes."""
import ast
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

import fletch
from fletch.compat import terminal

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
MODEL = SCRIPTS / "convert_model.py"
DEPRECATED = {"clip": (SCRIPTS / "convert_clip_to_parquet.py", "CLIP",
                       "openai/clip-vit-base-patch32"),
              "whisper": (SCRIPTS / "convert_whisper_to_parquet.py", "Whisper",
                          "openai/whisper-base")}


def run(*arguments, **keywords):
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **keywords}
    return subprocess.run([sys.executable, *map(str, arguments)], text=True,
                          stdin=subprocess.DEVNULL, **keywords)


def cli(*arguments):
    return run("-m", "fletch.compat.cli", *arguments)


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def logged(text):
    """The messages of a log in the old format, which all lines must have"""
    line = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - fletch - ([A-Z]+) - (.*)")
    return [line.fullmatch(one).groups() for one in text.splitlines()]


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no-cache"))


# ---- convert_model.py ----


def test_flags_and_defaults():
    parse = loaded(MODEL).parser().parse_args
    assert vars(parse(["--model", "m", "--output", "o"])) == {
        "model": "m", "output": "o", "type": "auto", "float16": True, "no_validate": False,
        "no_tokenizer": False, "compression": "zstd", "compression_level": 3,
        "verbose": False}
    given = parse(["--mod=m", "--out", "o", "--float16", "--no-float16", "--no-val",
                   "--compression-level=9", "--compression", "gzip", "--verbose"])
    assert not given.float16 and given.no_validate and given.compression_level == 9
    assert parse(["--model", "m", "--output", "o", "--no-float16", "--float16"]).float16


def test_what_it_prints_in_order(golden, tmp_path):
    out = tmp_path / "out"
    done = run(MODEL, "--model", golden("st-mean"), "--output", out)
    size = (out / "weights.parquet").stat().st_size
    rows = json.loads((out / "metadata.json").read_text())
    source = sum(row["num_params"] for row in rows["layer_info"].values()) * 4
    rule = "=" * 70
    shown = re.sub(r"(Time: +)\d+\.\d\d", r"\1N", done.stdout).split("\n")
    assert done.returncode == 0 and shown == [
        rule, "  ArrowEngine Model Converter",
        "  Convert HuggingFace models to optimized Arrow/Parquet format", rule, "", "", "", "",
        rule, "  Conversion Summary", rule,
        f"  Model:           {golden('st-mean')}", f"  Output:          {out}",
        f"  Parameters:      {rows['total_parameters']:,}",
        f"  File size:       {size / 2**20:.2f} MB",
        f"  Compression:     {source / size:.2f}x", "  Time:            N seconds",
        "  Validation:      PASSED", rule, "", "✅ SUCCESS: Model converted successfully",
        "Next steps:", f"  1. Look at it:      fletch show {out}",
        f"  2. Prove it again:  fletch verify {out} --source {golden('st-mean')}",
        f"  3. Use its weights: fletch.load_file({str(out)!r}) in Python", "", ""]
    assert [text for _, text in logged(done.stderr)][:9] == [
        "Configuration:", f"  Model: {golden('st-mean')}", f"  Output: {out}", "  Type: auto",
        "  Float16: True", "  Compression: zstd (level 3)", "  Validate: True",
        "  Extract tokenizer: True", f"Starting conversion of {golden('st-mean')}..."]


def test_both_streams_together_are_in_order(golden, tmp_path):
    said = run(MODEL, "--model", golden("clip"), "--output", tmp_path / "out",
               stderr=subprocess.STDOUT).stdout
    places = [said.index(part) for part in (
        "ArrowEngine Model Converter", "Configuration:", "Starting conversion",
        "Conversion Summary", "SUCCESS", "Next steps")]
    assert places == sorted(places)


@pytest.mark.parametrize("flags, config, validation", [
    (["--no-float16", "--no-validate"], {"use_float16": False, "validate_output": False},
     "SKIPPED"),
    (["--no-tokenizer", "--compression", "lz4"],
     {"extract_tokenizer": False, "compression": "lz4"}, "PASSED"),
    (["--compression-level", "19", "--type", "bert"], {"compression_level": 19}, "PASSED")])
def test_flags_reach_the_conversion(flags, config, validation, golden, tmp_path):
    done = run(MODEL, "--model", golden("bert-safetensors"), "--output", tmp_path / "out", *flags)
    assert done.returncode == 0 and f"  Validation:      {validation}\n" in done.stdout
    told = json.loads((tmp_path / "out/metadata.json").read_text())["conversion_config"]
    assert {key: told[key] for key in config} == config


@pytest.mark.parametrize("model, flags, words", [
    ("clip", ["--type", "whisper"], "the type 'whisper' was asked for"),
    ("clip", ["--compression-level", "99"], "zstd has levels 1 to 22, not 99"),
    ("nowhere", [], "Could not auto-detect model type for")])
def test_failures(model, flags, words, golden, tmp_path, offline):
    done = run(MODEL, "--model", golden(model), "--output", tmp_path / "out", *flags)
    assert done.returncode == 1 and "SUCCESS" not in done.stdout
    log, trouble = done.stderr.split("Troubleshooting:\n")
    (first, failed), (second, error) = logged(log)[-2:]
    assert (first, second) == ("ERROR", "ERROR")
    assert failed == "❌ FAILED: Model conversion failed"
    assert error.startswith("Error: ") and words in error
    assert len(trouble.splitlines()) == 4 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [
    [], ["--model", "m"], ["--output", "o"], ["--model", "m", "--output", "o", "--type", "x"],
    ["--model", "m", "--output", "o", "--compression", "brotli"],
    ["--model", "m", "--output", "o", "--type", "causallm"], ["--model_name", "m"]])
def test_misuse(arguments):
    done = run(MODEL, *arguments)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("usage: ")


def test_help_is_a_result():
    done = run(MODEL, "--help")
    assert done.returncode == 0 and done.stderr == ""
    for flag in ("--model", "--no-float16", "--compression-level", "--no-tokenizer"):
        assert flag in done.stdout


def test_ascii_terminals(golden, tmp_path):
    done = run(MODEL, "--model", golden("clip"), "--output", tmp_path / "out",
               env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and "\\u2705 SUCCESS" in done.stdout


def test_stdout_that_is_full(golden, tmp_path):
    with open("/dev/full", "w") as full:
        done = run(MODEL, "--model", golden("clip"), "--output", tmp_path / "out", stdout=full)
    assert done.returncode == 1
    assert logged(done.stderr)[-1] == ("ERROR", "stdout: No space left on device")


def test_interrupted(capsys):
    def work():
        raise KeyboardInterrupt

    assert terminal.run(work) == 130
    assert "interrupted: the output is as it was" in capsys.readouterr().err


# ---- The deprecated scripts ----


@pytest.mark.parametrize("kind", DEPRECATED)
def test_deprecated_scripts_convert(kind, golden, tmp_path):
    path, title, _ = DEPRECATED[kind]
    out = tmp_path / "out"
    done = run(path, "--model", golden(kind), "--output", out)
    rows = json.loads((out / "metadata.json").read_text())
    size = (out / "weights.parquet").stat().st_size / 2**20
    rule = "=" * 60
    assert done.returncode == 0
    assert re.sub(r"(Time: )\d+\.\d\d", r"\1N", done.stdout).splitlines() == [
        rule, "Conversion Summary:", f"  Model: {golden(kind)}", f"  Output: {out}",
        f"  Parameters: {rows['total_parameters']:,}", f"  File size: {size:.2f} MB",
        "  Time: N seconds", rule, f"SUCCESS: {title} model converted to Parquet format"]
    assert rows["conversion_config"] == {
        "compression": "zstd", "compression_level": 1, "use_float16": True,
        "extract_tokenizer": True, "validate_output": False}
    assert fletch.verify(out, source=golden(kind)).compared
    again = run(path, "--model", golden(kind), "--output", out, "--validate")
    assert again.returncode == 0 and "  Validation: PASSED\n" in again.stdout


@pytest.mark.parametrize("arguments", [["--help"], [], ["--output"]])
@pytest.mark.parametrize("kind", DEPRECATED)
def test_deprecated_scripts_always_say_so(kind, arguments):
    done = run(DEPRECATED[kind][0], *arguments)
    assert done.returncode == (0 if arguments == ["--help"] else 2)
    first, warning = done.stderr.splitlines()[:2]
    for line, start in ((first, "⚠️  DEPRECATION WARNING: "), (warning, str(SCRIPTS))):
        assert line.startswith(start)
        assert "scripts/convert_model.py --type " + kind in line and "2.0.0" in line
    assert "DeprecationWarning: " in warning


@pytest.mark.parametrize("kind", DEPRECATED)
def test_deprecated_scripts_warn_whoever_imports_them(kind):
    with pytest.warns(DeprecationWarning, match="removed in 2.0.0: use scripts/convert_model.py"):
        module = loaded(DEPRECATED[kind][0])
    assert callable(module.main)


@pytest.mark.parametrize("kind", DEPRECATED)
def test_deprecated_scripts_have_their_defaults(kind, tmp_path, offline):
    path, _, model = DEPRECATED[kind]
    done = run(path, "--output", tmp_path / "out")
    assert done.returncode == 1 and done.stdout == ""
    assert f"FAILED: {model}: no such folder here" in done.stderr
    assert f"({model})" in " ".join(run(path, "--help").stdout.split())


@pytest.mark.parametrize("kind, other", [("clip", "whisper"), ("whisper", "clip")])
def test_deprecated_scripts_tell_the_truth(kind, other, golden, tmp_path):
    done = run(DEPRECATED[kind][0], "--model", golden(other), "--output", tmp_path / "out")
    assert done.returncode == 1 and "SUCCESS" not in done.stdout
    assert not (tmp_path / "out").exists()


# ---- python -m fletch.compat.cli ----


def test_cli_success(golden, tmp_path):
    out = tmp_path / "out"
    done = cli("convert", "-m", golden("st-mean"), "-o", out)
    rows = json.loads((out / "metadata.json").read_text())
    rule = "=" * 60
    assert done.returncode == 0
    assert re.sub(r"\d+\.\d\d( MB|x|s)", r"N\1", done.stdout).splitlines() == [
        "", rule, "✅ CONVERSION SUCCESSFUL", rule, f"Model: {golden('st-mean')}",
        f"Output: {out}", "", "📊 Statistics:",
        f"  • Total parameters: {rows['total_parameters']:,}", "  • File size: N MB",
        "  • Compression ratio: Nx", "  • Conversion time: Ns", "", "✓ Validation: PASSED", "",
        "📁 Output files:", f"  • Weights: {out}/weights.parquet",
        f"  • Tokenizer: {out}/tokenizer", f"  • Metadata: {out}/metadata.json", rule]
    assert rows["conversion_config"]["compression"] == "lz4"
    assert rows["model_type"] == "sentence-transformers"


def test_cli_json_is_json(golden, tmp_path):
    done = cli("convert", "--model", golden("bert-safetensors"), "--output", tmp_path / "out",
               "-t", "transformers", "-c", "none", "--no-tokenizer", "--json", "--verbose")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["success"] and told["tokenizer_path"] is None
    assert told["metadata"]["conversion_config"]["compression"] is None
    assert told["metadata"]["model_type"] == "transformers"
    assert told == fletch.compat.ConversionResult.from_dict(told).to_dict()
    failed = cli("convert", "-m", golden("nowhere"), "-o", tmp_path / "out2", "--json")
    told = json.loads(failed.stdout)
    assert failed.returncode == 1 and not told["success"] and told["error_message"]


def test_cli_failure(golden, tmp_path):
    done = cli("convert", "-m", golden("nowhere"), "-o", tmp_path / "out")
    rule = "=" * 60
    assert done.returncode == 1 and done.stdout.splitlines() == [
        "", rule, "❌ CONVERSION FAILED", rule, f"Model: {golden('nowhere')}",
        f"Output: {tmp_path}/out", f"Error: {golden('nowhere')}: no such file or folder", rule]


@pytest.mark.parametrize("flags, half, proven, warned", [
    ([], True, True, 0), (["--no-float16"], False, True, 0),
    (["--float16", "--no-float16"], True, True, 1), (["--no-validate"], True, False, 0),
    (["--validate", "--no-validate", "--float16", "--no-float16"], True, True, 2)])
def test_cli_pairs_of_switches(flags, half, proven, warned, golden, tmp_path):
    done = cli("convert", "-m", golden("bert-safetensors"), "-o", tmp_path / "out", *flags)
    told = json.loads((tmp_path / "out/metadata.json").read_text())["conversion_config"]
    assert (told["use_float16"], told["validate_output"]) == (half, proven)
    assert ("✓ Validation: PASSED" in done.stdout) == proven
    assert len(re.findall(r" - WARNING - both --", done.stderr)) == warned


@pytest.mark.parametrize("arguments, status", [
    ([], 1), (["--help"], 0), (["convert", "--help"], 0), (["convert"], 2), (["nonsense"], 2),
    (["convert", "-m", "m", "-o", "o", "-t", "clip"], 2),
    (["convert", "-m", "m", "-o", "o", "-c", "brotli"], 2)])
def test_cli_exit_codes(arguments, status):
    done = cli(*arguments)
    assert done.returncode == status
    assert (done.stderr if status == 2 else done.stdout).startswith("usage: ")


# ---- What they are made of ----


def test_scripts_are_thin():
    found = sorted(SCRIPTS.glob("*.py"))
    assert len(found) == 3
    for path in found:
        lines = path.read_text().splitlines()
        assert len(lines) <= 60 and "from fletch.compat import terminal" in lines, path.name


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_the_converter_by_numpy_and_torch_save_is_gone():
    """Nothing here writes a model by another way than the library, or mentions one that did."""
    package = pathlib.Path(fletch.__file__).parent
    writers = re.compile(r"\b(torch|numpy|np|pickle|joblib)\.(save\w*|dumps?)\b|"
                         r"write_table|ParquetWriter|llm_compression\.inference")
    for path in [*SCRIPTS.glob("*.py"), *package.rglob("*.py"), ROOT / "pyproject.toml"]:
        assert not writers.search(path.read_text()), path
    for path in [*SCRIPTS.glob("*.py"), *(package / "compat").glob("*.py")]:
        known = sys.stdlib_module_names | {"fletch", "huggingface_hub", "pyarrow"}
        assert set(imports(path)) <= known, path


def test_none_of_the_giants_is_needed(golden, tmp_path):
    script = ("import sys\n"
              "for name in 'torch', 'transformers', 'numpy', 'pyarrow', 'huggingface_hub':\n"
              "    sys.modules[name] = None\n"
              "from fletch.compat import cli\nsys.exit(cli.main(sys.argv[1:]))")
    done = run("-c", script, "convert", "-m", golden("st-mean"), "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
