# SPDX-License-Identifier: MIT
"""fletch.compat: the converter that was, by its names, its types and its sentences."""
import dataclasses
import importlib
import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import types

import pytest

import fletch
import fletch.compat
from fletch.compat import ConversionConfig, ConversionResult, ModelConverter

TYPES = ["auto", "bert", "transformers", "sentence-transformers", "clip", "whisper", "causallm"]
UNSUPPORTED = ("Unsupported model_type: {}. Supported types: 'auto', 'bert', "
               "'sentence-transformers', 'transformers', 'clip', 'whisper', 'causallm'")
UNKNOWN = ("Could not auto-detect model type for '{}'. Please specify model_type explicitly: "
           "'bert', 'clip', 'whisper', or 'causallm'")


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """Neither a network nor a cache: what a name alone tells."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


# ---- Names, fields, defaults ----


def test_one_changed_import():
    for name in ("ModelConverter", "ConversionConfig", "ConversionResult"):
        inner = importlib.import_module("fletch.compat.model_converter")
        assert getattr(fletch.compat, name) is getattr(inner, name)
        assert name in fletch.compat.__all__


def test_config_has_the_old_fields_and_defaults():
    assert dataclasses.asdict(ConversionConfig()) == {
        "compression": "zstd", "compression_level": 3, "use_float16": True,
        "extract_tokenizer": True, "validate_output": True}
    assert list(dataclasses.asdict(ConversionConfig())) == [
        "compression", "compression_level", "use_float16", "extract_tokenizer",
        "validate_output"]
    assert ConversionConfig(None, 9, False, False, False).compression is None
    assert ModelConverter().config == ConversionConfig()
    config = ConversionConfig(compression="lz4")
    assert ModelConverter(config).config is ModelConverter(config=config).config is config


def test_result_has_the_old_fields_and_defaults():
    result = ConversionResult(True, "bert", pathlib.Path("out"))
    assert list(dataclasses.asdict(result).items()) == [
        ("success", True), ("model_name", "bert"), ("output_dir", pathlib.Path("out")),
        ("parquet_path", None), ("tokenizer_path", None), ("metadata_path", None),
        ("total_parameters", 0), ("file_size_mb", 0.0), ("compression_ratio", 0.0),
        ("conversion_time_sec", 0.0), ("validation_passed", False), ("error_message", None),
        ("metadata", {})]
    assert result.metadata is not ConversionResult(True, "bert", pathlib.Path("out")).metadata


def test_convert_takes_the_old_arguments_by_their_names():
    signature = inspect.signature(ModelConverter.convert)
    assert list(signature.parameters) == ["self", "model_name_or_path", "output_dir",
                                          "model_type"]
    assert signature.parameters["model_type"].default == "auto"


def test_result_as_a_dict_and_back():
    result = ConversionResult(
        success=True, model_name="m", output_dir=pathlib.Path("/o"),
        parquet_path=pathlib.Path("/o/weights.parquet"),
        metadata_path=pathlib.Path("/o/metadata.json"), total_parameters=22713216,
        validation_passed=True, metadata={"num_layers": 103})
    plain = result.to_dict()
    assert len(plain) == 13 and plain["output_dir"] == "/o"
    assert plain["parquet_path"] == "/o/weights.parquet" and plain["tokenizer_path"] is None
    assert json.loads(result.to_json()) == plain
    assert result.to_json().startswith('{\n  "success": true,\n  "model_name": "m",\n')
    before = dict(plain)
    assert ConversionResult.from_dict(plain) == result
    assert plain == before


@pytest.mark.parametrize("plain", [
    {"success": True, "model_name": "m"}, {},
    {"success": True, "model_name": "m", "output_dir": "o", "colour": 1}])
def test_from_dict_refuses(plain):
    with pytest.raises(TypeError):
        ConversionResult.from_dict(plain)


def test_from_dict_fills_in_defaults():
    short = ConversionResult.from_dict({"success": False, "model_name": "m", "output_dir": "o"})
    assert short == ConversionResult(False, "m", pathlib.Path("o"))


def test_the_schema_is_what_is_written(golden, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    done = ModelConverter().convert(golden("clip"), tmp_path / "out")
    found = parquet.read_schema(done.parquet_path).remove_metadata()
    assert found.names == ModelConverter.WEIGHT_SCHEMA.names
    for field in ModelConverter.WEIGHT_SCHEMA:
        assert field.type.equals(found.field(field.name).type) or field.name == "shape"
    assert found.field("shape").type.value_type == "int32"


# ---- Conversions ----


@pytest.mark.parametrize("name, asked, written", [
    ("bert-safetensors", "auto", "bert"), ("bert-safetensors", "transformers", "transformers"),
    ("roberta-mlm", "transformers", "transformers"), ("mpnet-mlm", "bert", "bert"),
    ("st-mean", "auto", "sentence-transformers"), ("st-mean", "bert", "bert"),
    ("st-mean", "sentence-transformers", "sentence-transformers"),
    ("clip", "auto", "CLIP Vision Transformer"), ("clip", "clip", "CLIP Vision Transformer"),
    ("whisper", "auto", "Whisper Audio Encoder"),
    ("whisper", "whisper", "Whisper Audio Encoder")])
def test_each_type_converts(name, asked, written, golden, tmp_path):
    result = ModelConverter().convert(str(golden(name)), str(tmp_path / "out"), asked)
    assert result.success and result.error_message is None and result.validation_passed
    assert result.metadata["model_type"] == written
    assert result.model_name == result.metadata["model_name"] == str(golden(name))
    assert result.parquet_path == tmp_path / "out/weights.parquet"
    assert result.metadata_path.read_text() == json.dumps(result.metadata, indent=2)
    assert result.file_size_mb == result.parquet_path.stat().st_size / 2**20
    assert result.total_parameters == result.metadata["total_parameters"] > 0
    assert result.conversion_time_sec > 0 and result.compression_ratio > 1
    towers = name in ("clip", "whisper")
    assert result.tokenizer_path == (None if towers else tmp_path / "out/tokenizer")
    if not towers:
        assert (result.tokenizer_path / "tokenizer.json").is_file()
        assert result.metadata["num_layers"] == len(result.metadata["layer_info"])
    assert fletch.verify(tmp_path / "out", source=golden(name)).compared
    assert ConversionResult.from_dict(result.to_dict()) == result


def test_heads_stay_out_whatever_the_text_type_is_called(golden, tmp_path):
    rows = [list(ModelConverter().convert(golden("bert-pretraining-bin"), tmp_path / name, name)
                 .metadata["layer_info"]) for name in ("bert", "transformers")]
    assert rows[0] == rows[1] and not any(name.startswith(("bert.", "cls.")) for name in rows[0])


@pytest.mark.parametrize("config, stored", [
    (ConversionConfig(), ("zstd", 3)), (ConversionConfig(compression_level=9), ("zstd", 9)),
    (ConversionConfig(compression=None), (None, 3)),
    (ConversionConfig(compression="none"), (None, 3)),
    (ConversionConfig(compression="lz4"), ("lz4", 3)),
    (ConversionConfig(compression="snappy", compression_level=22), ("snappy", 3)),
    (ConversionConfig(compression="gzip", compression_level=22), ("gzip", 6))])
def test_codecs(config, stored, golden, tmp_path):
    result = ModelConverter(config).convert(golden("clip"), tmp_path / "out")
    assert result.success, result.error_message
    told = result.metadata["conversion_config"]
    assert (told["compression"], told["compression_level"]) == stored


def test_the_other_options(golden, tmp_path):
    config = ConversionConfig(use_float16=False, extract_tokenizer=False, validate_output=False)
    result = ModelConverter(config).convert(golden("bert-safetensors"), tmp_path / "out")
    assert result.success and not result.validation_passed and result.tokenizer_path is None
    assert not (tmp_path / "out/tokenizer").exists()
    kinds = {row["dtype"] for row in result.metadata["layer_info"].values()}
    assert kinds == {"torch.float32"}
    half = ModelConverter().convert(golden("bert-safetensors"), tmp_path / "half")
    assert {row["dtype"] for row in half.metadata["layer_info"].values()} == {"torch.float16"}


def test_an_output_folder_in_use(golden, tmp_path):
    """What is somebody else's stays; what was the last conversion's does not."""
    out = tmp_path / "out"
    assert ModelConverter().convert(golden("st-mean"), out).success
    (out / "README").write_text("ours")
    result = ModelConverter().convert(golden("clip"), out)
    assert result.success and (out / "README").read_text() == "ours"
    assert fletch.verify(out, source=golden("clip")).compared


def test_threads_share_a_converter(golden, tmp_path):
    converter, results = ModelConverter(), {}

    def work(name):
        results[name] = converter.convert(golden(name), tmp_path / name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("clip", "whisper")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[name].success for name in ("clip", "whisper"))


# ---- What fails is a result ----


@pytest.mark.parametrize("kind", ["gpt", "", "BERT", "any", None])
def test_types_that_are_none(kind, golden, tmp_path):
    result = ModelConverter().convert(golden("clip"), tmp_path / "out", model_type=kind)
    assert not result.success and result.error_message == UNSUPPORTED.format(kind)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["gpt2", "org/thing", "some where"])
def test_what_no_name_tells(name, no_hub, tmp_path):
    result = ModelConverter().convert(name, tmp_path / "out")
    assert not result.success and result.error_message == UNKNOWN.format(name)
    assert result.conversion_time_sec > 0 and result.parquet_path is None


@pytest.mark.parametrize("config", [{"model_type": "gpt2"}, {"hidden_size": 8}, "[]", "{"])
def test_what_no_config_tells(config, golden, tmp_path):
    shutil.copytree(golden("clip"), tmp_path / "model")
    text = config if isinstance(config, str) else json.dumps(config)
    (tmp_path / "model/config.json").write_text(text)
    result = ModelConverter().convert(tmp_path / "model", tmp_path / "out")
    assert not result.success and result.error_message
    if not isinstance(config, str):
        assert result.error_message == UNKNOWN.format(tmp_path / "model") or \
            "model_type" not in config
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("config, words", [
    (ConversionConfig(compression="brotli"), "brotli"),
    (ConversionConfig(compression_level=99), "zstd has levels 1 to 22, not 99"),
    (ConversionConfig(compression_level="high"), "compression_level")])
def test_configs_that_make_no_sense(config, words, golden, tmp_path):
    result = ModelConverter(config).convert(golden("clip"), tmp_path / "out")
    assert not result.success and words in result.error_message
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_made(golden, tmp_path):
    (tmp_path / "file").write_text("")
    result = ModelConverter().convert(golden("clip"), tmp_path / "file/out")
    assert not result.success and result.error_message


def test_what_is_read_back_wrong_is_a_failure(golden, tmp_path, monkeypatch):
    def differ(*given, **named):
        raise fletch.VerifyError("row 'a': element 3 is 1, the checkpoint says 2")

    monkeypatch.setattr(fletch.compat.model_converter._api, "convert", differ)
    result = ModelConverter().convert(golden("clip"), tmp_path / "out")
    assert not result.success and not result.validation_passed
    assert result.error_message == "row 'a': element 3 is 1, the checkpoint says 2"
    assert result.parquet_path is None and result.metadata == {}


@pytest.mark.parametrize("arguments", [(1, "out"), ("model", None), (None, "out"), ("model", 2)])
def test_wrong_types(arguments):
    with pytest.raises(TypeError):
        ModelConverter().convert(*arguments)


def test_an_interrupt_is_no_result(golden, tmp_path, monkeypatch):
    def interrupt(*given, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(fletch.compat.model_converter._api, "convert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ModelConverter().convert(golden("clip"), tmp_path / "out")


@pytest.mark.parametrize("asked, name", [
    ("sentence-transformers", "clip"), ("sentence-transformers", "whisper"),
    ("bert", "clip"), ("clip", "bert-safetensors"), ("whisper", "clip")])
def test_types_of_another_kind(asked, name, golden, tmp_path):
    result = ModelConverter().convert(golden(name), tmp_path / "out", asked)
    kind = name.partition("-")[0]
    assert not result.success and result.error_message.startswith(
        f"the type '{asked}' was asked for, but config.json says model_type \"{kind}\"")
    assert not (tmp_path / "out").exists()


# ---- Detection ----


@pytest.mark.parametrize("name, kind", [
    ("openai/clip-vit-base-patch32", "clip"), ("openai/clip-vit-large-patch14", "clip"),
    ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "clip"), ("OPENAI/CLIP-VIT", "clip"),
    ("openai/whisper-tiny", "whisper"), ("openai/whisper-base", "whisper"),
    ("OpenAI/Whisper-Large", "whisper"), ("bert-base-uncased", "bert"),
    ("sentence-transformers/all-MiniLM-L6-v2", "bert"), ("distilbert-base-uncased", "bert"),
    ("Qwen/Qwen2.5-0.5B", "causallm"), ("TinyLlama/TinyLlama-1.1B", "causallm"),
    ("gpt2", "unknown"), ("microsoft/mpnet-base", "unknown")])
def test_names_of_the_hub(name, kind, no_hub):
    assert ModelConverter()._detect_model_type(name) == kind


@pytest.mark.parametrize("folder", ["eclipse", "clip", "whisper-clip", "llama"])
def test_a_folders_config_counts_not_its_name(folder, golden, tmp_path):
    shutil.copytree(golden("bert-safetensors"), tmp_path / folder)
    assert ModelConverter()._detect_model_type(tmp_path / folder) == "bert"


# ---- Decoders ----


def decoder(folder, head):
    """A tiny decoder, as transformers saves it: with its head, or with that shared"""
    import numpy
    from safetensors.numpy import save_file

    half = numpy.arange(64 * 8, dtype="f4").reshape(64, 8) / 64
    tensors = {"model.embed_tokens.weight": half, "model.norm.weight": half[0] + 1,
               "model.layers.0.self_attn.q_proj.weight": half[:8] * 3}
    if head:
        tensors["lm_head.weight"] = half * 2
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8,
        "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1,
        "intermediate_size": 16, "vocab_size": 64, "max_position_embeddings": 32,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0}))
    return folder


@pytest.mark.filterwarnings("ignore::fletch.FletchWarning")
@pytest.mark.parametrize("asked", ["auto", "causallm"])
def test_a_decoder_with_its_head(asked, tmp_path):
    model = decoder(tmp_path / "model", head=True)
    result = ModelConverter().convert(model, tmp_path / "out", asked)
    assert result.success, result.error_message
    assert result.metadata["model_type"] == "causallm"
    assert set(result.metadata["layer_info"]) == {
        "lm_head.weight", "model.embed_tokens.weight", "model.norm.weight",
        "model.layers.0.self_attn.q_proj.weight"}
    assert list(result.metadata["model_info"])[-5:] == [
        "layer_norm_eps", "num_key_value_heads", "rms_norm_eps", "rope_theta",
        "max_seq_length"]
    assert result.metadata["model_info"]["rope_theta"] == 10000.0
    assert fletch.verify(tmp_path / "out", source=model).compared


def test_a_decoder_that_shares_its_head(tmp_path):
    model = decoder(tmp_path / "model", head=False)
    result = ModelConverter().convert(model, tmp_path / "out", "causallm")
    assert not result.success and "no lm_head.weight" in result.error_message
    assert not (tmp_path / "out").exists()


# ---- Names of the hub ----


def cached(folder, name, source):
    """A cache as huggingface_hub keeps it"""
    model = folder / ("models--" + name.replace("/", "--"))
    commit = "0123456789abcdef0123456789abcdef01234567"
    (model / "refs").mkdir(parents=True)
    (model / "refs/main").write_text(commit)
    shutil.copytree(source, model / "snapshots" / commit)
    return folder


def test_a_name_in_the_cache_without_huggingface_hub(golden, tmp_path, monkeypatch, no_hub):
    monkeypatch.setenv("HF_HUB_CACHE",
                       str(cached(tmp_path / "cache", "openai/clip", golden("clip"))))
    result = ModelConverter().convert("openai/clip", tmp_path / "out")
    assert result.success, result.error_message
    assert result.metadata["model_name"] == result.model_name == "openai/clip"
    assert json.loads(result.metadata_path.read_text())["model_name"] == "openai/clip"
    assert fletch.verify(tmp_path / "out", source=golden("clip")).compared
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == \
        ["metadata.json", "weights.parquet"]


def test_a_name_by_huggingface_hub(golden, tmp_path):
    """In a process of its own: the library reads its variables when it is loaded."""
    pytest.importorskip("huggingface_hub")
    cache = cached(tmp_path / "cache", "org/whisper", golden("whisper"))
    script = ("import sys; from fletch.compat import ModelConverter\n"
              "print(ModelConverter().convert(sys.argv[1], sys.argv[2]).to_json())")
    told = [json.loads(subprocess.run(
        [sys.executable, "-c", script, name, tmp_path / "out"], stdout=subprocess.PIPE,
        env={**os.environ, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}).stdout)
        for name in ("org/whisper", "org/whisper-2")]
    assert told[0]["success"] and told[0]["metadata"]["model_name"] == "org/whisper"
    assert not told[1]["success"] and told[1]["error_message"].startswith(
        "org/whisper-2: no such folder here, and huggingface_hub says: ")
    assert "\n" not in told[1]["error_message"]


def test_weights_of_torch_are_fetched_where_there_are_no_others(golden, tmp_path, monkeypatch):
    asked = []

    def snapshot_download(name, allow_patterns, ignore_patterns):
        asked.append("pytorch_model*.bin" in allow_patterns)
        return str(golden("bert-pretraining-bin"))

    hub = types.ModuleType("huggingface_hub")
    hub.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert ModelConverter().convert("org/bert", tmp_path / "out").success
    assert asked == [False, True]


def test_a_name_that_is_nowhere(no_hub, tmp_path):
    result = ModelConverter().convert("openai/clip", tmp_path / "out")
    assert not result.success
    assert result.error_message.startswith("openai/clip: no such folder here, nor in the hub's")
    path = ModelConverter().convert(str(tmp_path / "clip/a/b"), tmp_path / "out")
    assert path.error_message == f"{tmp_path}/clip/a/b: no such file or folder"
