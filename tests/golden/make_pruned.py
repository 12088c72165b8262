#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_pruned.py - writes tests/golden/pruned: models that torch.nn.utils.prune pruned, each
beside itself after prune.remove()

Run by hand; tests/cli/pruned.txt converts them. Tiny, random weights; infinities and NaN
stand where the mask is 1 and where it is 0. What torch 2.15 and transformers 5 wrote is
committed.
"""
import json
import os
import shutil
import sys

import torch
from safetensors.torch import save_file
from torch.nn.utils import prune
from transformers import (BertConfig, BertForMaskedLM, BertModel, CLIPVisionConfig,
                          CLIPVisionModel, WhisperConfig, WhisperModel)

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pruned")
INF, NAN = float("inf"), float("nan")


def save(model, config, name, tensors=None):
    folder = os.path.join(OUT, name)
    os.makedirs(folder)
    tensors = tensors or {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    if config is not None:
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump({"model_type": config.model_type, **config.to_diff_dict()}, file)


def parameters(model):
    """What prune has two tensors of"""
    for module in model.modules():
        for name in ("weight", "bias"):
            if hasattr(module, name + "_orig"):
                yield module, name


def remove(model):
    for module, name in list(parameters(model)):
        prune.remove(module, name)


def spoil(model):
    """A value that is no number where it stays, and where it goes"""
    for module, name in parameters(model):
        mask = getattr(module, name + "_mask").flatten()
        values = getattr(module, name + "_orig").data.view(-1)
        for keep in (0, 1):
            places = (mask == keep).nonzero().flatten()[:3]
            for place, value in zip(places, (INF, -INF, NAN)):
                values[place] = value


def make_bert():
    torch.manual_seed(1)
    config = BertConfig(vocab_size=16, hidden_size=8, num_hidden_layers=2,
                        num_attention_heads=2, intermediate_size=12,
                        max_position_embeddings=10)
    model = BertModel(config).eval()
    for module in model.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Embedding)):
            prune.l1_unstructured(module, "weight", amount=0.4)
    prune.random_unstructured(model.pooler.dense, "bias", amount=0.5)
    save(model, config, "bert")
    os.makedirs(os.path.join(OUT, "bert-bin"))
    torch.save({"state_dict": {"model.bert." + name: tensor
                               for name, tensor in model.state_dict().items()}},
               os.path.join(OUT, "bert-bin", "pytorch_model.bin"))
    shutil.copy(os.path.join(OUT, "bert", "config.json"), os.path.join(OUT, "bert-bin"))
    remove(model)
    save(model, config, "bert-removed")


def make_head():
    """bfloat16, infinities among it, the tied head pruned as well"""
    torch.manual_seed(2)
    config = BertConfig(vocab_size=16, hidden_size=8, num_hidden_layers=1,
                        num_attention_heads=2, intermediate_size=12,
                        max_position_embeddings=10, tie_word_embeddings=False)
    model = BertForMaskedLM(config).eval().to(torch.bfloat16)
    layer = model.bert.encoder.layer[0]
    prune.ln_structured(layer.intermediate.dense, "weight", amount=0.5, n=2, dim=0)
    prune.random_unstructured(layer.output.dense, "weight", amount=0.3)
    prune.random_unstructured(model.cls.predictions.decoder, "weight", amount=0.3)
    layer.output.dense.weight_orig.data[0, 0] = -0.0
    save(model, config, "head")
    remove(model)
    save(model, config, "head-removed")


def make_clip():
    torch.manual_seed(3)
    config = CLIPVisionConfig(hidden_size=8, intermediate_size=12, num_hidden_layers=1,
                              num_attention_heads=2, image_size=8, patch_size=4)
    model = CLIPVisionModel(config).eval().to(torch.float64)
    prune.global_unstructured([(module, "weight") for module in model.modules()
                               if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))],
                              pruning_method=prune.L1Unstructured, amount=0.3)
    spoil(model)
    save(model, config, "clip")
    remove(model)
    save(model, config, "clip-removed")


def make_whisper():
    """float16, and masks as bool, as people keep them for their size"""
    torch.manual_seed(4)
    config = WhisperConfig(vocab_size=16, d_model=8, encoder_layers=1, decoder_layers=1,
                           encoder_attention_heads=2, decoder_attention_heads=2,
                           encoder_ffn_dim=12, decoder_ffn_dim=12, num_mel_bins=4,
                           max_source_positions=6, max_target_positions=6, pad_token_id=0,
                           bos_token_id=1, eos_token_id=2, decoder_start_token_id=3)
    model = WhisperModel(config).eval().to(torch.float16)
    for name in ("conv1", "conv2"):
        prune.random_unstructured(getattr(model.encoder, name), "weight", amount=0.3)
    for module in model.encoder.layers.modules():
        if isinstance(module, torch.nn.Linear):
            prune.random_unstructured(module, "weight", amount=0.6)
    spoil(model)
    tensors = {name: tensor.bool() if name.endswith("_mask") else tensor
               for name, tensor in model.state_dict().items()}
    save(model, config, "whisper", tensors)
    remove(model)
    save(model, config, "whisper-removed")


def make_dense():
    """sentence-transformers' Dense has its one Linear as `linear`"""
    torch.manual_seed(5)
    dense = torch.nn.ModuleDict({"linear": torch.nn.Linear(64, 24)})
    prune.l1_unstructured(dense["linear"], "weight", amount=0.5)
    save(dense, None, "dense")
    remove(dense)
    save(dense, None, "dense-removed")


shutil.rmtree(OUT, ignore_errors=True)
for make in (make_bert, make_head, make_clip, make_whisper, make_dense):
    make()
sys.exit(0)
