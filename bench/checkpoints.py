#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""checkpoints.py FOLDER NAME... - synthetic checkpoints in the shapes of well-known models

NAME is one of

    bert-base clip-b32 whisper-base whisper-tiny minilm text-4g   the models, float32
    ...-f16 ...-bf16                                              the same in another type
    many-N       N tensors of 256 values (1 KB)
    shards-N     1,000 tensors of 25,600 values (100 KB) in N shards with an index
    one-N        a single tensor of N values

What is there already is kept. Weights are normal with mean 0 and deviation 0.02, those of
norms 1 with deviation 0.1: what trained weights look like to a compressor. Same name, same
bytes.
"""
import json
import os
import shutil
import struct
import sys

import numpy as np

CHUNK = 1 << 22  # values made at a time


def dense(name, out, into, bias=True):
    yield name + ".weight", (out, into)
    if bias:
        yield name + ".bias", (out,)


def norm(name, width):
    yield name + ".weight", (width,)
    yield name + ".bias", (width,)


def text_model(vocabulary, width, layers, inner, positions, kinds, pooler):
    top = "embeddings."
    yield top + "word_embeddings.weight", (vocabulary, width)
    yield top + "position_embeddings.weight", (positions, width)
    yield top + "token_type_embeddings.weight", (kinds, width)
    yield from norm(top + "LayerNorm", width)
    for layer in range(layers):
        top = f"encoder.layer.{layer}."
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from dense(top + "attention." + part, width, width)
        yield from norm(top + "attention.output.LayerNorm", width)
        yield from dense(top + "intermediate.dense", inner, width)
        yield from dense(top + "output.dense", width, inner)
        yield from norm(top + "output.LayerNorm", width)
    if pooler:
        yield from dense("pooler.dense", width, width)


def clip_tower(name, width, layers, inner):
    for layer in range(layers):
        top = f"{name}.encoder.layers.{layer}."
        for part in ("k", "v", "q", "out"):
            yield from dense(f"{top}self_attn.{part}_proj", width, width)
        yield from norm(top + "layer_norm1", width)
        yield from dense(top + "mlp.fc1", inner, width)
        yield from dense(top + "mlp.fc2", width, inner)
        yield from norm(top + "layer_norm2", width)


def clip_model():
    yield "logit_scale", ()
    yield "text_model.embeddings.token_embedding.weight", (49408, 512)
    yield "text_model.embeddings.position_embedding.weight", (77, 512)
    yield from clip_tower("text_model", 512, 12, 2048)
    yield from norm("text_model.final_layer_norm", 512)
    yield "vision_model.embeddings.class_embedding", (768,)
    yield "vision_model.embeddings.patch_embedding.weight", (768, 3, 32, 32)
    yield "vision_model.embeddings.position_embedding.weight", (50, 768)
    yield from norm("vision_model.pre_layrnorm", 768)
    yield from clip_tower("vision_model", 768, 12, 3072)
    yield from norm("vision_model.post_layernorm", 768)
    yield from dense("visual_projection", 512, 768, bias=False)
    yield from dense("text_projection", 512, 512, bias=False)


def whisper_side(name, width, inner, layers, crossed):
    for layer in range(layers):
        top = f"model.{name}.layers.{layer}."
        for attention in ("self_attn", "encoder_attn")[: 2 if crossed else 1]:
            yield from dense(f"{top}{attention}.k_proj", width, width, bias=False)
            for part in ("v", "q", "out"):
                yield from dense(f"{top}{attention}.{part}_proj", width, width)
            yield from norm(f"{top}{attention}_layer_norm", width)
        yield from dense(top + "fc1", inner, width)
        yield from dense(top + "fc2", width, inner)
        yield from norm(top + "final_layer_norm", width)
    yield from norm(f"model.{name}.layer_norm", width)


def whisper_model(width, inner, layers):
    yield "model.encoder.conv1.weight", (width, 80, 3)
    yield "model.encoder.conv1.bias", (width,)
    yield "model.encoder.conv2.weight", (width, width, 3)
    yield "model.encoder.conv2.bias", (width,)
    yield "model.encoder.embed_positions.weight", (1500, width)
    yield from whisper_side("encoder", width, inner, layers, crossed=False)
    yield "model.decoder.embed_tokens.weight", (51865, width)
    yield "model.decoder.embed_positions.weight", (448, width)
    yield from whisper_side("decoder", width, inner, layers, crossed=True)


def text_config(kind, architecture, vocabulary, width, layers, heads, inner, positions, kinds):
    return {
        "architectures": [architecture],
        "model_type": kind,
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "type_vocab_size": kinds,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 1 if kind == "xlm-roberta" else 0,
    }


def whisper_config(width, inner, layers, heads):
    sides = {}
    for side in ("encoder", "decoder"):
        sides[f"{side}_layers"] = layers
        sides[f"{side}_attention_heads"] = heads
        sides[f"{side}_ffn_dim"] = inner
    return {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "d_model": width,
        "num_mel_bins": 80,
        "max_source_positions": 1500,
        "max_target_positions": 448,
        "vocab_size": 51865,
        **sides,
    }


def named(name):
    """(config, tensors, shards) of a name without its type"""
    if name == "bert-base":
        sizes = 30522, 768, 12, 3072, 512, 2
        config = text_config("bert", "BertModel", 30522, 768, 12, 12, 3072, 512, 2)
        return config, text_model(*sizes, pooler=True), 1
    if name == "minilm":
        sizes = 30522, 384, 6, 1536, 512, 2
        config = text_config("bert", "BertModel", 30522, 384, 6, 12, 1536, 512, 2)
        return config, text_model(*sizes, pooler=True), 1
    if name == "text-4g":
        sizes = 250002, 1024, 60, 4096, 514, 1
        config = text_config(
            "xlm-roberta", "XLMRobertaModel", 250002, 1024, 60, 16, 4096, 514, 1
        )
        return config, text_model(*sizes, pooler=False), 1
    if name == "clip-b32":
        config = {
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": 512,
            "text_config": {},
            "vision_config": {
                "image_size": 224,
                "patch_size": 32,
                "hidden_size": 768,
                "num_hidden_layers": 12,
                "num_attention_heads": 12,
                "intermediate_size": 3072,
            },
        }
        return config, clip_model(), 1
    if name == "whisper-base":
        return whisper_config(512, 2048, 6, 8), whisper_model(512, 2048, 6), 1
    if name == "whisper-tiny":
        return whisper_config(384, 1536, 4, 6), whisper_model(384, 1536, 4), 1
    stem, _, count = name.rpartition("-")
    if not count.isdigit():
        sys.exit(f"checkpoints.py: no checkpoint is called '{name}'")
    config = {"architectures": ["Plain"], "model_type": "plain-tensors"}
    count = int(count)
    if stem == "many":
        return config, ((f"block.{i}.weight", (256,)) for i in range(count)), 1
    if stem == "shards":
        return config, ((f"block.{i}.weight", (100, 256)) for i in range(1000)), count
    if stem == "one":
        return config, iter([("block.0.weight", (count // 256, 256))]), 1
    sys.exit(f"checkpoints.py: no checkpoint is called '{name}'")


def values(random, name, count, dtype):
    x = random.standard_normal(count, dtype=np.float32)
    if "norm" in name.lower() and name.endswith("weight"):
        x = x * np.float32(0.1) + np.float32(1)
    else:
        x *= np.float32(0.02)
    if dtype == "F16":
        return x.astype(np.float16)
    if dtype == "BF16":
        bits = x.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    return x


def write_shard(path, tensors, dtype, random):
    width = 4 if dtype == "F32" else 2
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        begin, end = end, end + width * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            left = int(np.prod(shape, dtype=np.int64))
            while left:
                count = min(left, CHUNK)
                file.write(values(random, name, count, dtype))
                left -= count
    return end


def make(folder, full_name):
    target = os.path.join(folder, full_name)
    if os.path.exists(os.path.join(target, "config.json")):
        return
    name, dtype = full_name, "F32"
    for suffix in ("F16", "BF16"):
        if full_name.endswith("-" + suffix.lower()):
            name, dtype = full_name[: -len(suffix) - 1], suffix
    config, tensors, shards = named(name)
    tensors = sorted(tensors)
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    random = np.random.default_rng(20)
    total, where = 0, {}
    for shard in range(shards):
        file = "model.safetensors"
        if shards > 1:
            file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = tensors[len(tensors) * shard // shards : len(tensors) * (shard + 1) // shards]
        total += write_shard(os.path.join(target, file), part, dtype, random)
        where.update((tensor, file) for tensor, _ in part)
    if shards > 1:
        index = {"metadata": {"total_size": total}, "weight_map": where}
        with open(os.path.join(target, "model.safetensors.index.json"), "w") as file:
            json.dump(index, file)
    # Last: what has a config.json is complete.
    with open(os.path.join(target, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    print(f"{target}: {len(tensors)} tensors, {total / 2**20:.0f} MiB", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__.split("\n\n", maxsplit=1)[0])
    for wanted in sys.argv[2:]:
        make(sys.argv[1], wanted)
