#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed.py FLETCH WORK - a text of 400 words embeds as sentence-transformers embeds it

Small models with random weights are saved by sentence-transformers, converted, and rebuilt from
what was written and nothing else: rows of the Parquet file, sizes of metadata.json, ids of the
written tokenizer.json. Where its truncation is not the pipeline's, the texts are cut elsewhere,
and the embeddings are others: each model is also embedded as its own tokenizer.json would cut,
which must show.
"""
import json
import os
import random
import sys

import numpy
import pyarrow.parquet
import tokenizers
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
from tap_points import Tap, load_json, run  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
TAP = Tap()
transformers.utils.logging.disable_progress_bar()
WORDS = ["arrow", "bow", "string", "feather", "target", "wood", "wind", "aim", "flight", "shaft"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LEAST = 0.99999
# With 0.02 the first token's embedding hardly depends on the others, and a wrong cut would not
# show; with 0.6 and 32 dimensions float16 alone cost more than is allowed here.
WIDTH_OF_WEIGHTS = 0.1


def text_of(count, seed):
    chosen = random.Random(seed)
    return " ".join(chosen.choice(WORDS) for _ in range(count))


def make_model(folder, hidden, stated, length, pooling):
    """A pipeline of `length`, beside a tokenizer.json that cuts at `stated`, if at all"""
    torch.manual_seed(hidden)
    os.makedirs(folder)
    with open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(SPECIALS + WORDS) + "\n")
    config = transformers.BertConfig(
        vocab_size=len(SPECIALS + WORDS), hidden_size=hidden, num_hidden_layers=2,
        num_attention_heads=4, intermediate_size=2 * hidden, max_position_embeddings=512,
        initializer_range=WIDTH_OF_WEIGHTS)
    transformers.BertModel(config).save_pretrained(os.path.join(folder, "bert"))
    transformers.BertTokenizer(os.path.join(folder, "vocab.txt")).save_pretrained(
        os.path.join(folder, "bert"))
    encoder = modules.Transformer(os.path.join(folder, "bert"), max_seq_length=length)
    pool = modules.Pooling(hidden, pooling)
    source = os.path.join(folder, "model")
    SentenceTransformer(modules=[encoder, pool], device="cpu").save(source)
    path = os.path.join(source, "tokenizer.json")
    own = load_json(path)
    own["truncation"] = stated and {"direction": "Right", "max_length": stated,
                                    "strategy": "LongestFirst", "stride": 0}
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(own, stream)
    return source


def rebuild(out):
    """The encoder, of the rows and what metadata.json says, with the names of today"""
    info = load_json(out, "metadata.json")["model_info"]
    table = pyarrow.parquet.read_table(os.path.join(out, "weights.parquet")).to_pylist()
    state = {row["layer_name"]: torch.from_numpy(numpy.frombuffer(
        row["data"], row["dtype"].rpartition(".")[2]).astype(numpy.float32).reshape(row["shape"]))
        for row in table}
    model = transformers.BertModel(transformers.BertConfig(
        **{key: info[key] for key in ("vocab_size", "hidden_size", "num_hidden_layers",
                                      "num_attention_heads", "intermediate_size",
                                      "max_position_embeddings", "layer_norm_eps")}))
    left = model.load_state_dict(state, strict=False)
    TAP.equal((left.missing_keys, left.unexpected_keys), ([], []), "every weight is a row")
    return model.eval()


def embed(model, encoding, pooling):
    with torch.no_grad():
        states = model(torch.tensor([encoding.ids])).last_hidden_state[0]
    return (states[0] if pooling == "cls" else states.mean(0)).numpy()


def cosine(a, b):
    return float(numpy.dot(a, b) / numpy.linalg.norm(a) / numpy.linalg.norm(b))


def check(title, hidden, stated, length, pooling, *options):
    folder = os.path.join(WORK, title.replace(",", "").replace(" ", "-"))
    source, out = make_model(folder, hidden, stated, length, pooling), os.path.join(folder, "out")
    done = run(FLETCH, "convert", "--model", source, "--output", out, *options)
    if not TAP.ok(done.returncode == 0, title + ": is converted", done.stderr):
        return
    theirs = SentenceTransformer(source, device="cpu")
    ours = rebuild(out)
    written = tokenizers.Tokenizer.from_file(os.path.join(out, "tokenizer", "tokenizer.json"))
    unchanged = tokenizers.Tokenizer.from_file(os.path.join(source, "tokenizer.json"))
    for words in (3, 100, 200, 400):
        text = text_of(words, words)
        wanted = theirs.encode(text)
        found = cosine(embed(ours, written.encode(text), pooling), wanted)
        TAP.ok(found >= LEAST, "%s: %d words embed as in the model" % (title, words), found)
    TAP.equal(len(written.encode(text).ids), min(length, 512), title + ": cut at its length")
    other = unchanged.encode(text)
    if stated and stated != length:
        TAP.ok(cosine(embed(ours, other, pooling), wanted) < LEAST,
               title + ": cut where the file says, the embedding is another")
    else:
        TAP.ok(len(other.ids) != length, title + ": not cut by the file itself")


for half, options in ((", float16", ()), ("", ("--no-float16",))):
    check("longer than the file says" + half, 128, 128, 256, "mean", *options)
    check("shorter than the file says" + half, 96, 512, 256, "mean", *options)
    check("no truncation in the file" + half, 192, None, 256, "mean", *options)
    check("longer and by its first token" + half, 128, 128, 256, "cls", *options)
sys.exit(TAP.finish())
