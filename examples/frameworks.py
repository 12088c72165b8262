#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""frameworks.py - converted folders as models of transformers and sentence-transformers

Each function takes what `fletch convert` wrote and gives a model that computes in float32. The
sizes are in metadata.json; what is not there, as the activation, is the default of the class.
"""
import json
import os

import fletch


def read(folder):
    """(metadata.json, tensors of torch by name, in float32)"""
    with open(os.path.join(folder, "metadata.json"), encoding="ascii") as stream:
        metadata = json.load(stream)
    tensors = fletch.load_file(folder, framework="torch")
    return metadata, {name: tensor.float() for name, tensor in tensors.items()}


def bert(folder):
    """transformers.BertModel"""
    from transformers import BertConfig, BertModel

    metadata, state = read(folder)
    info = metadata["model_info"]
    sizes = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
             "intermediate_size", "max_position_embeddings", "layer_norm_eps")
    config = BertConfig(
        **{key: info[key] for key in sizes},
        type_vocab_size=len(state["embeddings.token_type_embeddings.weight"]))
    model = BertModel(config, add_pooling_layer="pooler.dense.weight" in state)
    model.load_state_dict(state)
    return model.eval()


def sentence_transformer(folder, work):
    """sentence_transformers.SentenceTransformer; `work`: where its encoder is to lie"""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import PreTrainedTokenizerFast

    with open(os.path.join(folder, "metadata.json"), encoding="ascii") as stream:
        metadata = json.load(stream)
    bert(folder).save_pretrained(work)
    PreTrainedTokenizerFast(
        tokenizer_file=os.path.join(folder, "tokenizer", "tokenizer.json"), pad_token="[PAD]",
        unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]").save_pretrained(work)
    pooling = next(module for module in metadata["fletch"]["pipeline"]["modules"]
                   if module["module"] == "Pooling")
    encoder = modules.Transformer(work, max_seq_length=metadata["model_info"]["max_seq_length"])
    pool = modules.Pooling(pooling["dimension"], "".join(pooling["modes"]))
    return SentenceTransformer(modules=[encoder, pool], device="cpu")


def whisper_encoder(folder):
    """The encoder of transformers.WhisperModel"""
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    metadata, state = read(folder)
    sizes = metadata["config"]
    model = WhisperEncoder(WhisperConfig(
        num_mel_bins=sizes["n_mels"], d_model=sizes["hidden_size"],
        encoder_layers=sizes["num_layers"], encoder_ffn_dim=sizes["intermediate_size"],
        encoder_attention_heads=sizes["num_attention_heads"],
        max_source_positions=sizes["max_positions"]))
    table = state.pop("encoder.position_embedding")
    state = {name.removeprefix("encoder."): tensor for name, tensor in state.items()}
    model.load_state_dict({**state, "embed_positions.weight": table})
    return model.eval()


def clip_vision(folder):
    """transformers.CLIPVisionModelWithProjection"""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    metadata, state = read(folder)
    sizes = dict(metadata["config"])
    model = CLIPVisionModelWithProjection(
        CLIPVisionConfig(num_hidden_layers=sizes.pop("num_layers"), **sizes))
    model.load_state_dict(state)
    return model.eval()
