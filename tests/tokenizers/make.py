#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make.py - makes the folders beside it: vocabulary files of each kind, and the ids expected

Run by hand, with transformers, tokenizers and sentencepiece (no torch); the versions are in
each expected.json. CASE/source has a config.json and tokenizer files, as a checkpoint without
tokenizer.json has them; CASE/expected.json what transformers' fast tokenizer makes of them.
Most were made with the last release of transformers 4, whose tokenizers are those that the
models were trained with; what the files themselves may look like is as transformers 5 reads
them: NEWER are made with that.
"""
import hashlib
import json
import os
import shutil
import sys
import tempfile

import sentencepiece
import tokenizers
import transformers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from lines import WORDS, make_lines  # noqa: E402

LINES = 10000
TEXTS = [
    "", " ", "The quick brown fox jumps over the lazy dog.", "Naïve CAFÉ, straße 東京!",
    "e\u0301 n\u0303 \u1e69  two  spaces ", "a\x00b\x07c\tx\r\ny", "😀 👩‍👩‍👧‍👦 🇩🇪", "<mask> [MASK] x<mask>y",
    "x [SEP] y </s> z", "[CLS]<s><pad>[PAD]<unk>[UNK]", "1,000 5, ２０２４ ﬁne ①",
]
CORPUS = make_lines(400, [], seed=7) + [" ".join(WORDS)] * 3
RULES = """FF10\t30
FF12\t32
FF14\t34
FB01\t66 69
2460\t31
3000\t20
A0\t20
9\t20
A\t20
D\t20
200B\t
7F\t
65 301\tE9
6E 303\tF1
AD\t
2009\t20
"""


def write(folder, name, content):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as stream:
        stream.write(content if isinstance(content, str)
                     else json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def wordpieces(specials, lower=True):
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=lower)
    tokenizer.train_from_iterator(CORPUS, vocab_size=420, min_frequency=1, limit_alphabet=260,
                                  special_tokens=specials, show_progress=False)
    vocab = tokenizer.get_vocab()
    return sorted(vocab, key=vocab.get)


def byte_pairs(folder, specials):
    tokenizer = tokenizers.ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(CORPUS, vocab_size=420, min_frequency=1,
                                  special_tokens=specials, show_progress=False)
    tokenizer.save_model(folder)


def pieces(path, kind, **more):
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text")
        with open(text, "w", encoding="utf-8") as stream:
            stream.write("\n".join(line.replace("\x00", "").replace("\n", " ")
                                   for line in CORPUS))
        rules = os.path.join(folder, "rules.tsv")
        with open(rules, "w", encoding="utf-8") as stream:
            stream.write(RULES)
        if more.pop("plain", False):
            more["normalization_rule_name"] = "identity"
        else:
            more["normalization_rule_tsv"] = rules
        sentencepiece.SentencePieceTrainer.train(
            input=text, model_prefix=os.path.join(folder, "m"), model_type=kind,
            vocab_size=more.pop("size", 380), character_coverage=0.98, num_threads=1,
            hard_vocab_limit=False, minloglevel=2, **more)
        shutil.copy(os.path.join(folder, "m.model"), path)


# ---- Cases ----

def token(content, **more):
    return dict(dict(content=content, lstrip=False, normalized=False, rstrip=False,
                     single_word=False), **more)


def bert_plain(folder):
    write(folder, "vocab.txt", "\n".join(
        wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])) + "\n")
    return {"model_type": "bert"}


def bert_cased(folder):
    words = wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], lower=False)
    words[30] = words[20]
    write(folder, "vocab.txt", "\r\n".join(words))
    write(folder, "tokenizer_config.json",
          {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False,
           "do_basic_tokenize": False, "model_max_length": 512,
           "additional_special_tokens": ["[X]"]})
    write(folder, "added_tokens.json", {"fletching": len(words) - 1, "[X]": len(words)})
    return {"model_type": "bert"}


def bert_listed(folder):
    words = wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    write(folder, "vocab.txt", "\n".join(words) + "\n")
    listed = {str(i): token(words[i], special=True) for i in range(5)}
    listed[str(len(words))] = token("Quick", normalized=True, special=False)
    listed[str(len(words) + 1)] = token("<extra>", special=True, lstrip=True, rstrip=True)
    listed[str(len(words) + 2)] = token("over", special=False, single_word=True)
    write(folder, "tokenizer_config.json",
          {"added_tokens_decoder": listed, "do_lower_case": True, "strip_accents": False,
           "additional_special_tokens": ["<extra>"], "cls_token": "[CLS]",
           "tokenizer_class": "DistilBertTokenizer"})
    return {"model_type": "distilbert"}


def mpnet(folder):
    write(folder, "vocab.txt", "\n".join(
        wordpieces(["<s>", "<pad>", "</s>", "[UNK]", "<unk>"]) + ["<mask>"]) + "\n")
    write(folder, "tokenizer_config.json", {"tokenizer_class": "MPNetTokenizer"})
    return {"model_type": "mpnet"}


def mpnet_mapped(folder):
    """A text under two names, of which the first counts; no basic tokenizer"""
    write(folder, "vocab.txt", "\n".join(
        wordpieces(["<s>", "<pad>", "</s>", "[UNK]", "<unk>"]) + ["<mask>"]) + "\n")
    write(folder, "tokenizer_config.json",
          {"do_basic_tokenize": False, "strip_accents": False,
           "bos_token": dict(token("<s>", lstrip=True, normalized=True), __type="AddedToken")})
    write(folder, "special_tokens_map.json",
          {"cls_token": token("<s>", rstrip=True), "pad_token": "<pad>",
           "sep_token": token("</s>", lstrip=True), "mask_token": token("<mask>")})
    return {"model_type": "mpnet"}


def electra_mapped(folder):
    write(folder, "vocab.txt", "\n".join(
        wordpieces(["<p>", "<u>", "<c>", "<z>", "[MASK]"])) + "\n")
    write(folder, "special_tokens_map.json",
          {"pad_token": "<p>", "unk_token": token("<u>"), "cls_token": "<c>",
           "sep_token": token("<z>"), "additional_special_tokens": ["<more>"]})
    return {"model_type": "electra"}


def roberta_plain(folder):
    byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return {"model_type": "roberta"}


def roberta_prefixed(folder):
    byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    write(folder, "tokenizer_config.json",
          {"add_prefix_space": True, "trim_offsets": False,
           "tokenizer_class": "RobertaTokenizerFast"})
    write(folder, "special_tokens_map.json",
          {"mask_token": token("<mask>", lstrip=True), "bos_token": "<s>"})
    write(folder, "added_tokens.json", {"<e1>": 420, "Überraschung": 421})
    return {"model_type": "roberta"}


def roberta_listed(folder):
    """What the list says of a token counts only where a file names that token's part"""
    byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    listed = {"0": token("<s>", special=True, lstrip=True),
              "1": token("<pad>", special=True, rstrip=True),
              "3": token("<unk>", special=True, single_word=True),
              "4": token("<mask>", special=True, rstrip=True),
              "420": token("<e1>", special=False, normalized=True)}
    write(folder, "tokenizer_config.json",
          {"added_tokens_decoder": listed, "cls_token": "<s>", "pad_token": "<pad>",
           "mask_token": "<mask>"})
    return {"model_type": "roberta"}


def deberta(folder):
    byte_pairs(folder, ["[CLS]", "[PAD]", "[SEP]", "[UNK]"])
    write(folder, "tokenizer_config.json", {"do_lower_case": False})
    return {"model_type": "deberta"}


def gpt2(folder):
    byte_pairs(folder, ["<|endoftext|>"])
    write(folder, "tokenizer_config.json", {"add_bos_token": True, "pad_token": "<pad>",
                                            "tokenizer_class": "GPT2Tokenizer"})
    return {"model_type": "bert"}


def xlm_roberta(folder):
    pieces(os.path.join(folder, "sentencepiece.bpe.model"), "unigram",
           user_defined_symbols=["<ud>"], control_symbols=["<ctl>"])
    return {"model_type": "xlm-roberta"}


def xlm_roberta_bpe(folder):
    pieces(os.path.join(folder, "sentencepiece.bpe.model"), "bpe", plain=True)
    write(folder, "tokenizer_config.json",
          {"tokenizer_class": "XLMRobertaTokenizer",
           "mask_token": dict(token("<mask>", lstrip=True), __type="AddedToken")})
    return {"model_type": "xlm-roberta"}


def camembert(folder):
    pieces(os.path.join(folder, "sentencepiece.bpe.model"), "unigram", plain=True)
    write(folder, "tokenizer_config.json", {"model_max_length": 512})
    return {"model_type": "camembert"}


def albert(folder):
    pieces(os.path.join(folder, "spiece.model"), "unigram", pad_id=0, unk_id=1, bos_id=-1,
           eos_id=-1, control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]"])
    return {"model_type": "albert"}


def albert_accents(folder):
    pieces(os.path.join(folder, "spiece.model"), "unigram", pad_id=0, unk_id=1, bos_id=-1,
           eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"], plain=True)
    write(folder, "tokenizer_config.json", {"keep_accents": True, "do_lower_case": False})
    return {"model_type": "albert"}


def deberta_v2(folder):
    pieces(os.path.join(folder, "spm.model"), "unigram", pad_id=0, bos_id=1, eos_id=2,
           unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]",
           unk_piece="[UNK]")
    write(folder, "tokenizer_config.json", {"do_lower_case": False, "vocab_type": "spm"})
    write(folder, "added_tokens.json", {"[MASK]": 128000})
    return {"model_type": "deberta-v2"}


def deberta_v2_bpe(folder):
    pieces(os.path.join(folder, "spm.model"), "bpe", pad_id=0, bos_id=1, eos_id=2, unk_id=3,
           pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
           byte_fallback=True, size=640)
    write(folder, "tokenizer_config.json", {"do_lower_case": True, "split_by_punct": True})
    return {"model_type": "deberta-v2"}


# ---- Files as transformers 5 reads them ----

def bert_blanks(folder):
    """Blanks behind tokens, which are no part of them; lines that are alike then; a special
    and an added token whose ids are beyond the number of tokens"""
    words = wordpieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    blanks = [" ", "\t", "", "\r", "\u00a0\u3000", "\x0b\x0c", "\u2028\x85", "  \r"]
    lines = [word + blanks[i % len(blanks)] for i, word in enumerate(words)]
    lines[40:40] = ["", "\u3000", " "]
    lines.insert(60, words[70] + " ")
    write(folder, "vocab.txt", "\n".join(lines + ["[MASK] ", "tail\r"]))
    write(folder, "added_tokens.json", {"fletching": len(lines) + 2})
    return {"model_type": "bert"}


def bert_backend(folder):
    """A class that stands for any tokenizer: the files say which"""
    config = bert_plain(folder)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "TokenizersBackend",
                                            "do_lower_case": False})
    return config


def electra_backend(folder):
    config = electra_mapped(folder)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    return config


def roberta_bare(folder):
    """merges.txt without its first line, and without a newline at its end"""
    byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    path = os.path.join(folder, "merges.txt")
    with open(path, encoding="utf-8", newline="") as stream:
        lines = stream.read().splitlines()
    write(folder, "merges.txt", "\n".join(lines[1:]))
    return {"model_type": "roberta"}


NEWER = [bert_blanks, bert_backend, electra_backend, roberta_bare]
# Of these, ids are compared, not bytes: transformers 5 has other special tokens.
IDS_ONLY = [roberta_bare]

CASES = [bert_plain, bert_cased, bert_listed, mpnet, mpnet_mapped, electra_mapped,
         roberta_plain, roberta_prefixed, roberta_listed, deberta, gpt2, xlm_roberta,
         xlm_roberta_bpe, camembert, albert, albert_accents, deberta_v2, deberta_v2_bpe] + NEWER


def ids_sha256(tokenizer, lines):
    """Of all ids, a line each, in decimals"""
    sha = hashlib.sha256()
    for encoding in tokenizer.encode_batch(lines):
        sha.update((" ".join(map(str, encoding.ids)) + "\n").encode())
    return sha.hexdigest()


def load(source):
    """transformers' own; of a class that stands for any, which it refuses without a
    tokenizer.json, the one of the model_type"""
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "x")
        shutil.copytree(source, folder)
        path = os.path.join(folder, "tokenizer_config.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                config = json.load(stream)
            if config.get("tokenizer_class") in ("TokenizersBackend",
                                                 "PreTrainedTokenizerFast"):
                del config["tokenizer_class"]
            write(folder, "tokenizer_config.json", config)
        return transformers.AutoTokenizer.from_pretrained(folder)


def make(case):
    folder = os.path.join(HERE, case.__name__.replace("_", "-"))
    source = os.path.join(folder, "source")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(source)
    write(source, "config.json", case(source))
    made = load(source)
    backend = tokenizers.Tokenizer.from_str(made.backend_tokenizer.to_str())
    texts, whole = TEXTS, case not in IDS_ONLY
    special = sorted({extra["content"] for extra in
                      json.loads(backend.to_str())["added_tokens"]}) + ["<mask>", "[SEP]"]
    if not whole:
        texts, special = [text for text in TEXTS if "[" not in text and "<" not in text], []
    graph = json.loads(backend.to_str())
    parts = {key: graph[key] for key in ("added_tokens", "normalizer", "pre_tokenizer",
                                         "post_processor", "decoder")}
    write(folder, "expected.json", dict({
        "made_with": "transformers %s, tokenizers %s, sentencepiece %s" % (
            transformers.__version__, tokenizers.__version__, sentencepiece.__version__),
        "class": type(made).__name__,
        "texts": texts,
        "ids": json.dumps([backend.encode(text).ids for text in texts]),
        "pair_ids": json.dumps(backend.encode(TEXTS[2], TEXTS[3]).ids),
        "pair_types": json.dumps(backend.encode(TEXTS[2], TEXTS[3]).type_ids),
        "special": special, "lines": LINES,
        "lines_sha256": ids_sha256(backend, make_lines(LINES, special))}, **({
            "tokenizer_sha256": hashlib.sha256(
                made.backend_tokenizer.to_str(pretty=True).encode()).hexdigest(),
            "parts": json.dumps(parts, separators=(",", ":"))} if whole else {})))
    return backend


NORMALIZED = ["ﬁne ①", "２０２４", "x\u200by", "e\u0301 n\u0303", "Naïve CAFÉ, straße 東京!",
              "soft\u00adhyphen", "\u2009thin\u3000wide  ", "1,000 5, ﬁ"]


def make_pieces(case):
    """What sentencepiece itself makes of texts that its model normalizes: transformers 5.24
    leaves that out for DeBERTa"""
    folder = os.path.join(HERE, case.__name__.replace("_", "-"))
    model = sentencepiece.SentencePieceProcessor(
        model_file=os.path.join(folder, "source", "spm.model"))
    write(folder, "pieces.json", {"made_with": "sentencepiece " + sentencepiece.__version__,
                                  "texts": NORMALIZED,
                                  "ids": json.dumps(model.encode(NORMALIZED))})


if __name__ == "__main__":
    if "pieces" in sys.argv[1:]:
        make_pieces(deberta_v2)
    for wanted in CASES:
        if len(sys.argv) < 2 or wanted.__name__ in sys.argv[1:]:
            make(wanted)
            print(wanted.__name__)
