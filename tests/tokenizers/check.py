#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py FLETCH - tokenizers made from vocabulary files give the ids that they should

make.py recorded what transformers makes of each folder beside this file. Here each becomes a
checkpoint with a few weights, fletch converts it, and the `tokenizers` package reads what
was written: its ids for some texts and for 10,000 generated lines. The file has, but for the
truncation, the bytes that the package itself writes, where expected.json has their hash.
"""
import hashlib
import json
import os
import re
import shutil
import struct
import sys
import tempfile

import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
from lines import make_lines  # noqa: E402
from tap_points import Tap, load_json, run, sha256  # noqa: E402

FLETCH = sys.argv[1]
TAP = Tap()
WORDS = "embeddings.word_embeddings.weight"
# What a model of each type must have to be one.
TENSORS = {
    "distilbert": [WORDS, "transformer.layer.0.attention.q_lin.weight"],
    "mpnet": [WORDS, "encoder.layer.0.attention.attn.q.weight"],
    "albert": [WORDS, "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight"],
    "deberta": [WORDS, "encoder.layer.0.attention.self.in_proj.weight"],
    "deberta-v2": [WORDS, "encoder.layer.0.attention.self.query_proj.weight"],
}
OTHERS = [WORDS, "encoder.layer.0.attention.self.query.weight"]
PARTS = ("added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder")


def write_weights(path, names, words):
    header, end = {}, 0
    for name in names:
        rows = words if name == WORDS else 2
        header[name] = {"dtype": "F32", "shape": [rows, 2], "data_offsets": [end, end + 8 * rows]}
        end += 8 * rows
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text + bytes(end))


def make_checkpoint(case, folder, words=700):
    shutil.copytree(os.path.join(HERE, case, "source"), folder)
    config = load_json(folder, "config.json")
    model_type = config["model_type"]
    config["num_hidden_layers"] = 1
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as stream:
        json.dump(config, stream)
    write_weights(os.path.join(folder, "model.safetensors"),
                  TENSORS.get(model_type, OTHERS), words)


def convert(folder, out):
    return run(FLETCH, "convert", "--model", folder, "--output", out, "--allow-missing")


def ids_sha256(tokenizer, lines):
    sha = hashlib.sha256()
    for encoding in tokenizer.encode_batch(lines):
        sha.update((" ".join(map(str, encoding.ids)) + "\n").encode())
    return sha.hexdigest()


def check_written(case, expected, path):
    with open(path, encoding="utf-8") as stream:
        written = stream.read()
    tokenizer = tokenizers.Tokenizer.from_str(written)
    tokenizer.no_truncation()
    graph = json.loads(written)
    for part in PARTS if "parts" in expected else ():
        TAP.equal(graph[part], json.loads(expected["parts"])[part], case + ": " + part)
    plain = re.sub(r'"truncation": \{[^}]*\}', '"truncation": null', written, count=1)
    if "tokenizer_sha256" in expected:
        TAP.equal(sha256(plain.encode()), expected["tokenizer_sha256"],
                  case + ": but for the truncation, every byte is as the library writes it")
    ids = [tokenizer.encode(text).ids for text in expected["texts"]]
    TAP.equal(ids, json.loads(expected["ids"]), case + ": ids of texts")
    pair = tokenizer.encode(expected["texts"][2], expected["texts"][3])
    TAP.equal((pair.ids, pair.type_ids),
              (json.loads(expected["pair_ids"]), json.loads(expected["pair_types"])),
              case + ": ids and types of a pair")
    lines = make_lines(expected["lines"], expected["special"])
    TAP.equal(ids_sha256(tokenizer, lines), expected["lines_sha256"],
              "%s: ids of %d generated lines" % (case, expected["lines"]))


def check_pieces(case, path):
    """The ids of sentencepiece itself, where make.py asked it"""
    if not os.path.exists(os.path.join(HERE, case, "pieces.json")):
        return
    pieces = load_json(HERE, case, "pieces.json")
    tokenizer = tokenizers.Tokenizer.from_file(path)
    TAP.equal([tokenizer.encode(text).ids[1:-1] for text in pieces["texts"]],
              json.loads(pieces["ids"]), case + ": the ids of sentencepiece, normalized")


def check_case(case):
    expected = load_json(HERE, case, "expected.json")
    with tempfile.TemporaryDirectory() as parent:
        source, out = os.path.join(parent, "source"), os.path.join(parent, "out")
        make_checkpoint(case, source)
        done = convert(source, out)
        path = os.path.join(out, "tokenizer", "tokenizer.json")
        if not TAP.ok(done.returncode == 0 and os.path.exists(path),
                      case + ": a tokenizer.json is made", done.stderr):
            return
        check_written(case, expected, path)
        check_pieces(case, path)
        account = load_json(out, "metadata.json")["fletch"]["tokenizer"]
        TAP.ok(account["made"] and set(account["from"]) <= set(os.listdir(source)),
               case + ": the account says what it was made from", account)
        check_missing(case, source, account["from"][0], parent)


def check_missing(case, source, name, parent):
    """Without its vocabulary there are weights, no tokenizer, and a line about it"""
    os.remove(os.path.join(source, name))
    out = os.path.join(parent, "without")
    done = convert(source, out)
    said = [line for line in done.stderr.splitlines() if "no tokenizer is written" in line]
    TAP.ok(done.returncode == 0 and len(said) == 1 and "warning" in said[0]
           and said[0].endswith("there is no %s to make one from" % name)
           and not os.path.exists(os.path.join(out, "tokenizer"))
           and load_json(out, "metadata.json")["fletch"]["tokenizer"] is None,
           "%s: a warning says that %s is missing" % (case, name), done.stderr)


def check_cut(stated, length, changed):
    """The written tokenizer cuts where the pipeline of its folder does"""
    golden = os.path.join(os.path.dirname(HERE), "golden", "st-mean", "source")
    cut = {"direction": "Left", "max_length": stated, "strategy": "LongestFirst", "stride": 2}
    case = "a tokenizer that cuts at %d, a pipeline at %d" % (stated, length)
    with tempfile.TemporaryDirectory() as parent:
        source, out = os.path.join(parent, "source"), os.path.join(parent, "out")
        shutil.copytree(golden, source)
        own = load_json(source, "tokenizer.json")
        own["truncation"] = cut
        for name, value in (("tokenizer.json", own),
                            ("sentence_bert_config.json", {"max_seq_length": length})):
            with open(os.path.join(source, name), "w", encoding="utf-8") as stream:
                json.dump(value, stream)
        done = run(FLETCH, "convert", "--model", source, "--output", out)
        path = os.path.join(out, "tokenizer", "tokenizer.json")
        if not TAP.ok(done.returncode == 0 and os.path.exists(path), case, done.stderr):
            return
        TAP.equal(len(tokenizers.Tokenizer.from_file(path).encode("hello " * 400).ids), length,
                  case + ": 400 words give as many ids as the model takes")
        own["truncation"] = dict(cut, max_length=length)
        TAP.equal(load_json(out, "tokenizer", "tokenizer.json"), own,
                  case + ": nothing but the number is another")
        TAP.equal(load_json(out, "metadata.json")["fletch"]["pipeline"]["truncation"],
                  dict({"source": cut, "max_length": length}, **changed),
                  case + ": metadata.json says so")


def changed(before, after):
    return {"changed": {"from": before, "to": after, "source": "sentence_bert_config.json"}}


def said(done):
    return [line.partition("warning: ")[2] for line in done.stderr.splitlines()
            if "tokenizer" in line or "added tokens" in line]


def check_rows():
    """Ids beyond the word embeddings: a warning, or none written where every text has one"""
    with tempfile.TemporaryDirectory() as parent:
        for words, wanted in ((420, None), (419, "ids up to 419, and the word embeddings' rows "
                                                 "are 419: 1 tokens such as "),
                              (30, "ids up to 419, and the word embeddings' rows are 30: 390 "
                                   "tokens such as '"),
                              (3, "no tokenizer is written: '[SEP]', which every text gets, "
                                  "has the id 3, and the word embeddings' rows are 3: ")):
            source, out = (os.path.join(parent, "%d-%s" % (words, x)) for x in ("s", "o"))
            make_checkpoint("bert-plain", source, words)
            done = convert(source, out)
            path = os.path.join(out, "tokenizer", "tokenizer.json")
            TAP.ok(len(said(done)) == (wanted is not None) and
                   (not wanted or wanted in said(done)[0]) and
                   os.path.exists(path) == (words > 3),
                   "a vocabulary of 420 beside %d rows" % words, done.stderr)
            if words == 30:
                shutil.copy(path, source)
                again = convert(source, out + "-copied")
                TAP.equal(said(again), said(done), "the same of a tokenizer.json that is there")


def check_gaps():
    """Added tokens whose ids leave a gap: what they become is what the library makes of it"""
    with tempfile.TemporaryDirectory() as parent:
        source, out = os.path.join(parent, "s"), os.path.join(parent, "o")
        make_checkpoint("bert-plain", source)
        with open(os.path.join(source, "added_tokens.json"), "w", encoding="utf-8") as stream:
            json.dump({"<b>": 429, "<a>": 425, "[MASK]": 4}, stream)
        done = convert(source, out)
        path = os.path.join(out, "tokenizer", "tokenizer.json")
        TAP.equal(said(done), ["added_tokens.json: '<a>' has the id 425 and becomes 420, '<b>' "
                               "has the id 429 and becomes 421: added tokens are numbered "
                               "without gaps after the vocabulary"], "a gap is warned of")
        ids = tokenizers.Tokenizer.from_file(path)
        TAP.equal([ids.token_to_id(token) for token in ("<a>", "<b>", "[MASK]")],
                  [420, 421, 4], "they have the ids that were said")
        graph = load_json(out, "tokenizer", "tokenizer.json")
        for token in graph["added_tokens"]:
            token["id"] += 9 if token["content"] == "<b>" else 0
        with open(os.path.join(source, "tokenizer.json"), "w", encoding="utf-8") as stream:
            json.dump(graph, stream)
        done = convert(source, out + "-copied")
        TAP.equal(said(done), ["tokenizer.json: '<b>' has the id 430 and becomes 421: added "
                               "tokens are numbered without gaps after the vocabulary"],
                  "a gap in tokenizer.json is warned of")
        path = os.path.join(out + "-copied", "tokenizer", "tokenizer.json")
        TAP.equal(tokenizers.Tokenizer.from_file(path).token_to_id("<b>"), 421,
                  "the library reads it so")


check_rows()
check_gaps()
check_cut(20, 48, changed(20, 48))
check_cut(60, 16, changed(60, 16))
check_cut(48, 48, {})
for folder in sorted(os.listdir(HERE)):
    if os.path.exists(os.path.join(HERE, folder, "expected.json")):
        check_case(folder)
sys.exit(TAP.finish())
