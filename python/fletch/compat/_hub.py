# SPDX-License-Identifier: MIT
"""From a model's name to its folder: a path, else the hub's cache, else a download.

fletch itself uses no network. Names of the hub were taken by the old converter, so they are
here: by huggingface_hub where that is installed, with its variables, cache and token; without
it from the cache alone.
"""
from __future__ import annotations

import importlib
import os
import re

from .._errors import NotFoundError

_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# What a conversion reads, and what of other frameworks has such names.
_SMALL = ["*.json", "*.txt", "*.model"]
_SAFE = ["*.safetensors"]
_TORCH = ["pytorch_model*.bin", "*/pytorch_model.bin"]
_OTHERS = ["onnx/*", "openvino/*", "original/*", "coreml/*", "*.onnx*", "runs/*"]


def _cache() -> str:
    """The hub's cache, by the variables that huggingface_hub goes by."""
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache"), "huggingface")
    return os.path.expanduser(os.environ.get("HF_HUB_CACHE")
                              or os.environ.get("HUGGINGFACE_HUB_CACHE")
                              or os.path.join(home, "hub"))


def _cached(name: str) -> str | None:
    """The folder of what the cache calls the main revision of a model."""
    model = os.path.join(_cache(), "models--" + name.replace("/", "--"))
    try:
        with open(os.path.join(model, "refs", "main"), encoding="ascii") as stream:
            commit = stream.read(256).strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = os.path.join(model, "snapshots", commit)
    return folder if re.fullmatch("[0-9a-f]+", commit) and os.path.isdir(folder) else None


def _has_weights(folder: str) -> bool:
    return any(name.endswith(".safetensors")
               for _, _, names in os.walk(folder) for name in names)


def _fetched(name: str) -> str | None:
    """The same by huggingface_hub, which asks the hub first; None where it is not there."""
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        return None
    folder = hub.snapshot_download(name, allow_patterns=_SMALL + _SAFE, ignore_patterns=_OTHERS)
    if not _has_weights(folder):
        folder = hub.snapshot_download(name, allow_patterns=_SMALL + _TORCH,
                                       ignore_patterns=_OTHERS)
    return str(folder)


def find(name: str) -> str:
    """The folder or file of a model. NotFoundError says where it was looked for."""
    if os.path.exists(name):
        return name
    if not _ID.fullmatch(name):
        raise NotFoundError(f"{name}: no such file or folder", name)
    try:
        folder = _fetched(name)
    except Exception as error:  # what a download can meet has no common class
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise NotFoundError(f"{name}: no such folder here, and huggingface_hub says: {why}",
                            name) from error
    folder = folder or _cached(name)
    if folder is None:
        raise NotFoundError(
            f"{name}: no such folder here, nor in the hub's cache, {_cache()}: install "
            f"huggingface_hub, which downloads it, or give the model's folder", name)
    return folder
