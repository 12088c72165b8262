#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_dialects.py - golden models in other projects' words, as torch itself saves them

Run by hand, and again only when a dialect is added: what it wrote is committed in dialects/,
with torch's version in versions.json, and tests/interop/dialects.py converts it. It needs
torch and numpy; `make test` needs no torch.

The names are made from transformers' by this file's own tables, written from the projects'
own code, so that they do not follow fletch's.
"""
import collections
import json
import os
import platform
import sys

import numpy
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import read_safetensors  # noqa: E402

OUT = os.path.join(HERE, "dialects")
DTYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def tensors_of(case, file="model.safetensors"):
    found = collections.OrderedDict()
    path = os.path.join(HERE, case, "source", file)
    for name, (dtype, shape, data) in read_safetensors(path).items():
        array = numpy.frombuffer(data, DTYPES[dtype]).reshape(shape).copy()
        found[name] = torch.from_numpy(array)
    return found


def save(thing, *path, **more):
    path = os.path.join(OUT, *path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.save(thing, path, **more)


def save_json(value, *path):
    path = os.path.join(OUT, *path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=2)
        stream.write("\n")


# ---- CLIP ----

def clip_blocks(theirs, ours, source, out):
    layers = {int(name[len(ours):].split(".")[0]) for name in source if name.startswith(ours)}
    for i in sorted(layers):
        mine, block = "%s%d." % (ours, i), "%s%d." % (theirs, i)
        for kind in ("weight", "bias"):
            out[block + "attn.in_proj_" + kind] = torch.cat(
                [source["%sself_attn.%s_proj.%s" % (mine, part, kind)] for part in "qkv"])
            for a, b in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"),
                         ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"),
                         ("mlp.c_proj", "mlp.fc2")):
                out["%s%s.%s" % (block, a, kind)] = source["%s%s.%s" % (mine, b, kind)]


def openai_clip(text=""):
    source, out = tensors_of("clip"), collections.OrderedDict()
    out[text + "positional_embedding"] = source["text_model.embeddings.position_embedding.weight"]
    out[text + "text_projection"] = source["text_projection.weight"].t().contiguous()
    out["logit_scale"] = source["logit_scale"]
    out["visual.class_embedding"] = source["vision_model.embeddings.class_embedding"]
    out["visual.positional_embedding"] = \
        source["vision_model.embeddings.position_embedding.weight"]
    out["visual.proj"] = source["visual_projection.weight"].t().contiguous()
    out["visual.conv1.weight"] = source["vision_model.embeddings.patch_embedding.weight"]
    clip_blocks("visual.transformer.resblocks.", "vision_model.encoder.layers.", source, out)
    clip_blocks(text + "transformer.resblocks.", "text_model.encoder.layers.", source, out)
    for kind in ("weight", "bias"):
        out["visual.ln_pre." + kind] = source["vision_model.pre_layrnorm." + kind]
        out["visual.ln_post." + kind] = source["vision_model.post_layernorm." + kind]
        out[text + "ln_final." + kind] = source["text_model.final_layer_norm." + kind]
    out[text + "token_embedding.weight"] = source["text_model.embeddings.token_embedding.weight"]
    return out


def prefixed(prefix, tensors):
    return collections.OrderedDict((prefix + name, t) for name, t in tensors.items())


def make_clip():
    plain = openai_clip()
    # what the project's own loader deletes
    extras = {"input_resolution": 16, "context_length": 16, "vocab_size": 64}
    save(collections.OrderedDict(plain, **{k: torch.tensor(v) for k, v in extras.items()}),
         "openai-clip", "ViT.pt")
    save({"epoch": 3, "name": "ViT", "state_dict": prefixed("module.", plain)},
         "openai-clip-training", "epoch_3.pt", _use_new_zipfile_serialization=False)
    save({"epoch": 3, "state_dict": prefixed("module.", openai_clip("text."))},
         "open-clip", "open_clip_pytorch_model.bin")
    save_json({"model_cfg": {
        "embed_dim": 20, "quick_gelu": True, "custom_text": True,
        "vision_cfg": {"image_size": 16, "layers": 2, "width": 24, "patch_size": 4,
                       "head_width": 8, "mlp_ratio": 1.667},
        "text_cfg": {"context_length": 16, "vocab_size": 64, "width": 16, "heads": 2,
                     "layers": 1}}}, "open-clip", "open_clip_config.json")
    plain["visual.trunk.patch_embed.proj.weight"] = torch.zeros(1)
    save({name: t for name, t in plain.items() if not name.startswith("visual.transformer")},
         "timm", "ViT-SigLIP.pt")


# ---- Whisper ----

WHISPER = [
    ("encoder.embed_positions.weight", "encoder.positional_embedding"),
    ("encoder.layer_norm.", "encoder.ln_post."),
    ("decoder.embed_tokens.", "decoder.token_embedding."),
    ("decoder.embed_positions.weight", "decoder.positional_embedding"),
    ("decoder.layer_norm.", "decoder.ln."),
    (".layers.", ".blocks."),
    (".self_attn_layer_norm.", ".attn_ln."),
    (".encoder_attn_layer_norm.", ".cross_attn_ln."),
    (".final_layer_norm.", ".mlp_ln."),
    (".self_attn.", ".attn."), (".encoder_attn.", ".cross_attn."),
    (".q_proj.", ".query."), (".k_proj.", ".key."), (".v_proj.", ".value."),
    (".out_proj.", ".out."), (".fc1.", ".mlp.0."), (".fc2.", ".mlp.2."),
]


def openai_whisper():
    out = collections.OrderedDict()
    for name, tensor in tensors_of("whisper").items():
        name = name[len("model."):] if name.startswith("model.") else name
        if name.startswith("proj_out."):
            continue
        for ours, theirs in WHISPER:
            name = name.replace(ours, theirs)
        out[name] = tensor
    return out


def make_whisper():
    dims = {"n_mels": 8, "n_vocab": 80, "n_audio_ctx": 24, "n_audio_state": 16,
            "n_audio_head": 2, "n_audio_layer": 2, "n_text_ctx": 12, "n_text_state": 16,
            "n_text_head": 2, "n_text_layer": 1}
    plain = openai_whisper()
    save({"dims": dims, "model_state_dict": plain}, "openai-whisper", "tiny.pt")
    save({"epoch": 1, "global_step": 10, "pytorch-lightning_version": "2.0.0",
          "state_dict": prefixed("model.", plain), "optimizer_states": [{}],
          "hyper_parameters": {"lr": 1e-4}}, "openai-whisper-training", "last.ckpt")
    save({"dims": dict(dims, n_mels=80), "model_state_dict": plain}, "wrong-dims", "tiny.pt")


# ---- sentence-transformers ----

def make_sentence():
    encoder = tensors_of("st-dense")
    dense = tensors_of("st-dense", os.path.join("2_Dense", "model.safetensors"))
    old = collections.OrderedDict()
    for name, tensor in encoder.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        old["bert." + name.replace("LayerNorm.bias", "LayerNorm.beta")] = tensor
    save(old, "sentence", "encoder", "pytorch_model.bin", _use_new_zipfile_serialization=False)
    save({"epoch": 2, "global_step": 5, "state_dict": encoder, "optimizer_states": []},
         "sentence", "encoder-training", "pytorch_model.bin")
    save(dense, "sentence", "2_Dense", "pytorch_model.bin")


make_clip()
make_whisper()
make_sentence()
save_json({"python": platform.python_version(), "torch": torch.__version__,
           "numpy": numpy.__version__}, "versions.json")
