# SPDX-License-Identifier: MIT
"""ModelConverter: the class of old, its types and its sentences, over fletch.convert."""
from __future__ import annotations

import importlib
import json
import logging
import os
import pathlib
import time
from typing import Any

from .. import _api
from .._errors import ArgumentError, FamilyError, NotFoundError
from .._results import Result
from .._saver import mend_metadata
from . import _hub
from ._records import ConversionConfig, ConversionResult

__all__ = ["ConversionConfig", "ConversionResult", "ModelConverter"]

logger = logging.getLogger("fletch.compat")
logger.addHandler(logging.NullHandler())

_TYPES = ("auto", "bert", "sentence-transformers", "transformers", "clip", "whisper", "causallm")
# Parts of a name of the hub -> its type, the first that fits.
_HINTS = (
    ("clip", ("clip",)),
    ("whisper", ("whisper",)),
    ("causallm", ("qwen", "llama", "gemma", "mistral", "tinyllama")),
    ("bert", ("bert", "sentence-transformers")),
)
_DECODERS = ("llama", "qwen2", "gemma", "mistral")
# Both were the encoder without its heads, of whichever text model it was.
_ENCODERS = ("bert", "transformers")
_TOWERS = ("clip", "whisper")
# What a decoder's model_info has beyond an encoder's, before its last key.
_DECODER_KEYS = ("num_key_value_heads", "rms_norm_eps", "rope_theta")


class _Schema:
    """The columns as a pyarrow.Schema, for whoever asks: nothing here needs pyarrow."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        pyarrow = importlib.import_module("pyarrow")
        return pyarrow.schema([
            ("layer_name", pyarrow.string()),
            ("shape", pyarrow.list_(pyarrow.int32())),
            ("dtype", pyarrow.string()),
            ("data", pyarrow.binary()),
            ("num_params", pyarrow.int64()),
        ])


class ModelConverter:
    """Converts models into folders of weights.parquet, metadata.json and a tokenizer.

    One may be used for any number of models, and from several threads at once.
    """

    WEIGHT_SCHEMA = _Schema()

    def __init__(self, config: ConversionConfig | None = None) -> None:
        self.config = ConversionConfig() if config is None else config

    def convert(self, model_name_or_path: str | os.PathLike[str],
                output_dir: str | os.PathLike[str],
                model_type: str = "auto") -> ConversionResult:
        """Convert the model in a folder, or of that name on the hub, into `output_dir`.

        model_type: "auto", "bert", "transformers", "sentence-transformers", "clip", "whisper"
        or "causallm". Whatever fails is told by the result: success is False and
        error_message says why. The output is then as it was. Files of somebody else in the
        output folder stay. Only what is no Exception, as KeyboardInterrupt, is raised.
        """
        begun = time.monotonic()
        name = os.fsdecode(model_name_or_path)
        output = pathlib.Path(os.fsdecode(output_dir))
        result = ConversionResult(success=False, model_name=name, output_dir=output)
        try:
            self._convert(name, output, model_type, result)
        except Exception as error:
            result.error_message = str(error) or type(error).__name__
            logger.debug("%s", result.error_message, exc_info=True)
        result.conversion_time_sec = time.monotonic() - begun
        return result

    def _convert(self, name: str, output: pathlib.Path, model_type: str,
                 result: ConversionResult) -> None:
        if model_type not in _TYPES:
            raise ArgumentError(
                f"Unsupported model_type: {model_type}. Supported types: "
                + ", ".join(f"'{known}'" for known in _TYPES))
        if model_type == "auto":
            model_type = self._detect_model_type(name)
            if model_type == "unknown":
                raise FamilyError(
                    f"Could not auto-detect model type for '{name}'. Please specify model_type "
                    "explicitly: 'bert', 'clip', 'whisper', or 'causallm'", name)
        model = _hub.find(name)
        logger.info("%s is converted as type %s", name, model_type)
        done = _api.convert(model, str(output), type=self._family(model, model_type), force=True,
                            **self._options())
        result.metadata = _mend_metadata(done, name, model, model_type)
        result.parquet_path = pathlib.Path(done.weights_path)
        result.metadata_path = pathlib.Path(done.metadata_path)
        if done.tokenizer_path is not None:
            result.tokenizer_path = pathlib.Path(done.tokenizer_path)
        result.total_parameters = done.parameters
        result.file_size_mb = done.written_bytes / 2**20
        result.compression_ratio = done.source_bytes / done.written_bytes
        result.validation_passed = done.passed
        result.success = True

    def _options(self) -> dict[str, Any]:
        """The config as fletch.convert has it: levels were zstd's alone."""
        config = self.config
        level = config.compression_level if config.compression == "zstd" else None
        return dict(compression="none" if config.compression is None else config.compression,
                    compression_level=level, float16=bool(config.use_float16),
                    tokenizer=bool(config.extract_tokenizer),
                    validate=bool(config.validate_output))

    def _detect_model_type(self, model_name_or_path: str) -> str:
        """The type that "auto" stands for, or "unknown".

        config.json decides where the model's files are here; for names of the hub their
        parts do, and only then what the hub has.
        """
        name = os.fsdecode(model_name_or_path)
        if not os.path.exists(name):
            lower = name.lower()
            for known, parts in _HINTS:
                if any(part in lower for part in parts):
                    return known
        try:
            return _type_of(_hub.find(name))
        except NotFoundError as error:
            logger.info("%s", error)
            return "unknown"

    def _family(self, model: str, model_type: str) -> str:
        """What fletch calls it. The names of both text types meant the encoder, whichever it
        is, so for both config.json says which."""
        if model_type == "causallm":
            if not any(row.name == "lm_head.weight"
                       for row in _api.plan(model, type="transformers").rows):
                raise FamilyError(
                    "causallm: the checkpoint has no lm_head.weight, which this type's readers "
                    "need, because it shares the word embeddings: model_type 'transformers' "
                    "keeps what is there", model)
            return "transformers"
        source = _config(model).get("model_type")
        known = next((family.name for family in _api.families()
                      if source in family.model_types), None)
        if model_type == "sentence-transformers" and known in _TOWERS:
            raise FamilyError(
                f"the type '{model_type}' was asked for, but config.json says model_type "
                f"\"{source}\", which is of the type '{known}'", model)
        return known if model_type in _ENCODERS and known in _ENCODERS else model_type


def _type_of(model: str) -> str:
    """The type of a model that is here, or "unknown"."""
    try:
        return _api.detect(model).family
    except FamilyError as error:
        if _config(model).get("model_type") in _DECODERS:
            return "causallm"
        logger.info("%s", error)
        return "unknown"


def _config(model: str) -> dict[str, Any]:
    """config.json, as far as it can be read: what is wrong with it is fletch's to say."""
    folder = model if os.path.isdir(model) else os.path.dirname(model)
    try:
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as stream:
            config = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _mend_metadata(done: Result, name: str, model: str, model_type: str) -> dict[str, Any]:
    """metadata.json with the name and the type that were asked for, on the disk as well."""
    old = done.metadata
    new = {**old, "model_name": name}
    if model_type in (*_ENCODERS, "causallm"):
        new["model_type"] = model_type
    if model_type == "causallm":
        config = _config(model)
        info = dict(old["model_info"])
        last = {"max_seq_length": info.pop("max_seq_length")}
        new["model_info"] = {
            **info, **{key: config[key] for key in _DECODER_KEYS if key in config}, **last}
    if new != old:
        mend_metadata(done, new)
    return new
