#!/bin/sh
# SPDX-License-Identifier: MIT
# transformers-deberta-normalization.sh - transformers 5 leaves out the normalization of a DeBERTa's
# spm.model
#
# A sentencepiece model carries rules that texts go through first, NFKC by default (normalizer_spec in
# its protocol buffer). transformers 4 put them into the fast tokenizer of DeBERTa v2 and v3 as a
# Precompiled normalizer. transformers 5.24.0 (models/deberta_v2/tokenization_deberta_v2.py) builds that
# tokenizer with a Replace, NFC and Strip instead: what only the rules make readable, as a ligature or
# full-width digits, is unknown.
#
# Why it matters: the model was trained with the ids of sentencepiece. Who makes a tokenizer.json of the
# spm.model must decide whose ids it shall give.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 \
    tokenizers==0.23.3 sentencepiece==0.2.3 protobuf

cd "$work"
"$work/venv/bin/python" - <<'END'
import json
import os
import sys

import sentencepiece
import transformers

WORDS = "fine files flow 2024 1999 the quick brown fox jumps over a lazy dog".split()
with open("text", "w", encoding="utf-8") as stream:
    for i in range(400):
        stream.write(" ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 9)) + "\n")
os.mkdir("model")
sentencepiece.SentencePieceTrainer.train(
    input="text", model_prefix="model/spm", vocab_size=60, hard_vocab_limit=False, num_threads=1,
    minloglevel=2, pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
    eos_piece="[SEP]", unk_piece="[UNK]")
with open("model/config.json", "w", encoding="utf-8") as stream:
    json.dump({"model_type": "deberta-v2"}, stream)

pieces = sentencepiece.SentencePieceProcessor(model_file="model/spm.model")
fast = transformers.AutoTokenizer.from_pretrained("model")
print("transformers %s, sentencepiece %s" % (transformers.__version__, sentencepiece.__version__))
same = True
for text, plain in (("\ufb01ne", "fine"), ("\uff12\uff10\uff12\uff14", "2024")):
    of_pieces, of_fast = pieces.encode(text), fast(text)["input_ids"][1:-1]
    print("%s: sentencepiece %s, as of %r; transformers %s" % (text, of_pieces, plain, of_fast))
    same &= of_pieces == pieces.encode(plain) and 3 not in of_pieces
    same &= fast(plain)["input_ids"][1:-1] == of_pieces and fast.unk_token_id in of_fast
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
