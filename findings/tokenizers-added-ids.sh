#!/bin/sh
# SPDX-License-Identifier: MIT
# tokenizers-added-ids.sh - the tokenizers library gives added tokens other ids than a
# tokenizer.json says, without a word
#
# In tokenizer.json each added token has an "id". tokenizers 0.23.3 does not use it: a token whose
# text is in the vocabulary keeps the vocabulary's id, any other gets the next one behind the
# vocabulary's count and the added tokens before it (AddedVocabulary::add_tokens in
# tokenizers/src/tokenizer/added_vocabulary.rs). Ids that leave a gap therefore close up when the file
# is read; nothing is raised, and the file that is saved again has the new ids. transformers 5 does
# the same with added_tokens.json and added_tokens_decoder, since it adds those tokens by that library.
#
# Why it matters: a model that was trained with the ids of the file reads other rows of its embeddings.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3

"$work/venv/bin/python" - <<'END'
import json
import sys

import tokenizers
from tokenizers.models import WordPiece

tokenizer = tokenizers.Tokenizer(WordPiece({"[UNK]": 0, "a": 1, "b": 2}, unk_token="[UNK]"))
tokenizer.add_special_tokens(["<x>", "<y>"])
graph = json.loads(tokenizer.to_str())
said = {"<x>": 7, "<y>": 9}
for token in graph["added_tokens"]:
    token["id"] = said[token["content"]]
again = tokenizers.Tokenizer.from_str(json.dumps(graph))
found = {token: again.token_to_id(token) for token in said}
saved = {token["content"]: token["id"] for token in json.loads(again.to_str())["added_tokens"]}
print("tokenizers %s" % tokenizers.__version__)
print("the file says %s, the library has %s and saves %s" % (said, found, saved))
same = found == saved == {"<x>": 3, "<y>": 4}
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
