#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bert_numpy.py FOLDER TEXT... - each text's embedding by a converted BERT, in numpy alone

FOLDER is what `fletch convert` wrote. An embedding is the mean of the tokens, of length 1."""
import json
import math
import sys
from typing import Any

import fletch
import numpy as np
import tokenizers


def bert(folder: str, ids: Any, mask: Any) -> Any:
    """The last layer's output, [texts, tokens, hidden]; `mask`: which tokens are some."""
    of = {name: value.astype("f4") for name, value in fletch.load_file(folder).items()}
    with open(folder + "/metadata.json", encoding="ascii") as stream:
        info = json.load(stream)["model_info"]

    def linear(x: Any, name: str) -> Any:
        return x @ of[name + ".weight"].T + of[name + ".bias"]

    def norm(x: Any, name: str) -> Any:
        x = x - x.mean(-1, keepdims=True)
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + info["layer_norm_eps"])
        return x * of[name + ".weight"] + of[name + ".bias"]

    def attention(x: Any, name: str) -> Any:
        heads = (*x.shape[:2], info["num_attention_heads"], -1)
        q, k, v = (linear(x, f"{name}.self.{part}").reshape(heads).swapaxes(1, 2)
                   for part in ("query", "key", "value"))
        scores = q @ k.swapaxes(2, 3) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True)) * mask[:, None, None]
        y = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(1, 2)
        return linear(y.reshape(x.shape), f"{name}.output.dense")

    erf = np.vectorize(math.erf, otypes=[np.float32])
    x = of["embeddings.word_embeddings.weight"][ids]
    x = x + of["embeddings.position_embeddings.weight"][:ids.shape[1]]
    x = norm(x + of["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in (f"encoder.layer.{i}." for i in range(info["num_hidden_layers"])):
        y = attention(x, layer + "attention")
        x = norm(x + y, layer + "attention.output.LayerNorm")
        y = linear(x, layer + "intermediate.dense")
        y = linear(y * (1 + erf(y / math.sqrt(2))) / 2, layer + "output.dense")
        x = norm(x + y, layer + "output.LayerNorm")
    return x


if __name__ == "__main__":
    folder, *texts = sys.argv[1:]
    tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer/tokenizer.json")
    tokenizer.enable_padding()
    tokens = tokenizer.encode_batch(texts)
    mask = np.array([token.attention_mask for token in tokens])
    found = bert(folder, np.array([token.ids for token in tokens]), mask)
    for text, mean in zip(texts, (found * mask[..., None]).sum(1)):
        print(text, len(mean), *(mean[:6] / np.linalg.norm(mean)).round(3), "...")
