#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_pipelines.py OUT [NAME...] - small pipelines, written by sentence-transformers itself

Every kind of module that the library has is in one of them. What the library says of each is
put beside it as NAME.json: the dimension, the prompts, how the poolings pool. Committed are
those of KEPT, in tests/golden/pipelines/made, without the files that they share with the folder
`bert` there; tests/extra/pipelines.py makes all anew.
"""
import filecmp
import json
import logging
import os
import shutil
import sys

import numpy
import torch
import transformers
from model2vec import StaticModel
from sentence_transformers import (CrossEncoder, MultiVectorEncoder, SentenceTransformer,
                                   SparseEncoder)
from sentence_transformers.base.modules import Router
from sentence_transformers.cross_encoder.modules import LogitScore
from sentence_transformers.multi_vector_encoder import modules as multi
from sentence_transformers.sentence_transformer import modules as dense
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from sentence_transformers.sparse_encoder import modules as sparse
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat",
         "yes", "no"]
VOCAB = 24
HIDDEN = 16
PROMPTS = {"query": "query: ", "passage": "passage: "}


def words():
    return WORDS + ["w%d" % i for i in range(len(WORDS), VOCAB)]


def fast_tokenizer():
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words())},
                                           unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def wrapped_tokenizer():
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=fast_tokenizer(), pad_token="[PAD]", unk_token="[UNK]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]", model_max_length=32)


def bert_config(**more):
    return transformers.BertConfig(
        vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32, **more)


def plain(work, name="bert", model_class="BertModel", **more):
    """The folder of a small BERT"""
    folder = os.path.join(work, "plain", name)
    if not os.path.exists(folder):
        torch.manual_seed(0)
        getattr(transformers, model_class)(bert_config(**more)).save_pretrained(folder)
        wrapped_tokenizer().save_pretrained(folder)
    return folder


def decoder(work):
    folder = os.path.join(work, "plain", "qwen2")
    if not os.path.exists(folder):
        config = transformers.Qwen2Config(
            vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=1, intermediate_size=32, max_position_embeddings=32)
        transformers.Qwen2ForCausalLM(config).save_pretrained(folder)
        wrapped_tokenizer().save_pretrained(folder)
    return folder


def clip(work):
    folder = os.path.join(work, "plain", "clip")
    if not os.path.exists(folder):
        tower = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
                 "intermediate_size": 32}
        config = transformers.CLIPConfig(
            text_config={**tower, "vocab_size": VOCAB, "max_position_embeddings": 16},
            vision_config={**tower, "image_size": 8, "patch_size": 4}, projection_dim=12)
        transformers.CLIPModel(config).save_pretrained(folder)
        wrapped_tokenizer().save_pretrained(folder)
        image = transformers.CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size=8)
        transformers.CLIPProcessor(image, wrapped_tokenizer()).save_pretrained(folder)
    return folder


def encoder(work, **more):
    return dense.Transformer(plain(work), **more)


def embeddings(rows=VOCAB, columns=HIDDEN):
    return numpy.random.default_rng(1).standard_normal((rows, columns)).astype("float32")


def static():
    return dense.StaticEmbedding(fast_tokenizer(), embedding_weights=embeddings())


def sentence(*modules, **more):
    return SentenceTransformer(modules=list(modules), **more)


def word_embeddings():
    return dense.WordEmbeddings(WhitespaceTokenizer(words(), stop_words=[]), embeddings())


def word_pipeline(work, **_more):
    weights = {word: 0.5 for word in WORDS}
    return sentence(word_embeddings(), dense.WordWeights(words(), weights),
                    dense.Pooling(HIDDEN))


def splade(work, module_class=None, **more):
    folder = plain(work, "mlm", "BertForMaskedLM")
    first = (module_class or sparse.MLMTransformer)(folder, **more)
    return SparseEncoder(modules=[first, sparse.SpladePooling("max")], prompts=PROMPTS)


def router_in_front(work):
    documents = [encoder(work), dense.Pooling(HIDDEN), dense.Dense(HIDDEN, HIDDEN)]
    router = Router.for_query_document([static()], documents)
    return sentence(router, dense.Normalize())


def router_behind(work):
    router = Router.for_query_document([dense.Dense(HIDDEN, 6)], [dense.Dense(HIDDEN, 6)])
    return sentence(encoder(work), dense.Pooling(HIDDEN), router)


def router_of_static(_work):
    router = Router.for_query_document([static(), dense.Dense(HIDDEN, 6)],
                                       [static(), dense.Dense(HIDDEN, 6)])
    return sentence(router)


def colbert(work, **more):
    return MultiVectorEncoder(
        modules=[encoder(work), dense.Dense(HIDDEN, 6, bias=False,
                                            module_input_name="token_embeddings",
                                            module_output_name="token_embeddings"),
                 multi.MultiVectorMask(["the"])], **more)


def colbert_pooled(work):
    return MultiVectorEncoder(
        modules=[encoder(work), multi.MultiVectorMask([]),
                 multi.HierarchicalTokenPooling(pool_factor=2)])


def cross(work, name, labels):
    return CrossEncoder(plain(work, name, "BertForSequenceClassification",
                              num_labels=labels))


class Distilled:
    """What model2vec saves: a folder of its own, which sentence-transformers reads too"""

    def __init__(self, **tensors):
        self.model = StaticModel(tokenizer=fast_tokenizer(), normalize=True, **tensors)

    def save_pretrained(self, folder, **_more):
        self.model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))


def shared():
    """Fewer rows than words: each word says which is its own, and its weight"""
    return Distilled(vectors=embeddings(7), weights=embeddings(VOCAB, 1)[:, 0],
                     token_mapping=numpy.arange(VOCAB) % 7)


class Nested:
    """The first module in a folder of its own, as up to 5.x it was"""

    def __init__(self, model):
        self.model = model

    def save_pretrained(self, folder, **more):
        self.model.save_pretrained(folder, **more)
        with open(os.path.join(folder, "modules.json"), encoding="utf-8") as stream:
            modules = json.load(stream)
        modules[0]["path"] = "0_" + modules[0]["type"].rpartition(".")[2]
        with open(os.path.join(folder, "modules.json"), "w", encoding="utf-8") as stream:
            json.dump(modules, stream)
        os.mkdir(os.path.join(folder, modules[0]["path"]))
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and name not in ("modules.json",
                                                     "config_sentence_transformers.json"):
                os.rename(path, os.path.join(folder, modules[0]["path"], name))


class Pickled:
    """Weights as torch.save writes them"""

    def __init__(self, model):
        self.model = model

    def save_pretrained(self, folder, **more):
        self.model.save_pretrained(folder, safe_serialization=False, **more)


PIPELINES = {
    # what stands first
    "transformer": lambda work: sentence(encoder(work), dense.Pooling(HIDDEN, "cls"),
                                         dense.Normalize(), prompts=PROMPTS,
                                         default_prompt_name="query"),
    "static": lambda work: sentence(static()),
    "static-dense": lambda work: sentence(static(), dense.Dense(HIDDEN, 6),
                                          dense.Normalize(), prompts=PROMPTS),
    "static-nested": lambda work: Nested(sentence(static(), dense.Normalize())),
    "static-pickled": lambda work: Pickled(sentence(static(), dense.Dense(HIDDEN, 6))),
    "distilled": lambda work: Distilled(vectors=embeddings()),
    "distilled-shared": lambda work: shared(),
    "words": word_pipeline,
    "words-nested": lambda work: Nested(word_pipeline(work)),
    "bow": lambda work: sentence(dense.BoW(words())),
    "bow-dense": lambda work: sentence(dense.BoW(words()), dense.Dense(VOCAB, 6)),
    "clip": lambda work: sentence(dense.Transformer(clip(work))),
    # what stands behind
    "poolings": lambda work: sentence(encoder(work),
                                      dense.Pooling(HIDDEN, ("cls", "max", "mean"))),
    "dense-norm": lambda work: sentence(encoder(work), dense.Pooling(HIDDEN, "lasttoken"),
                                        dense.Dropout(0.1), dense.Dense(HIDDEN, 6),
                                        dense.LayerNorm(6)),
    "cnn": lambda work: sentence(encoder(work), dense.CNN(HIDDEN, 5, [1, 3]),
                                 dense.Pooling(10)),
    "lstm": lambda work: sentence(word_embeddings(), dense.LSTM(HIDDEN, 5),
                                  dense.Pooling(10)),
    "lstm-one-way": lambda work: sentence(
        word_embeddings(), dense.LSTM(HIDDEN, 5, num_layers=2, bidirectional=False),
        dense.Pooling(5, "max")),
    "word-weights": lambda work: sentence(encoder(work), dense.WordWeights(words(), {}),
                                          dense.Pooling(HIDDEN)),
    "layers": lambda work: sentence(encoder(work),
                                    dense.WeightedLayerPooling(HIDDEN, 1, 0),
                                    dense.Pooling(HIDDEN)),
    # modules inside modules
    "router": router_behind,
    "router-front": router_in_front,
    "router-static": router_of_static,
    # sparse
    "splade": splade,
    "splade-sum": lambda work: SparseEncoder(
        modules=[sparse.MLMTransformer(plain(work, "mlm", "BertForMaskedLM")),
                 sparse.SpladePooling("sum", embedding_dimension=VOCAB)]),
    "sparse-static": lambda work: SparseEncoder(
        modules=[sparse.SparseStaticEmbedding(wrapped_tokenizer(),
                                              torch.arange(VOCAB, dtype=torch.float32))]),
    "splade-router": lambda work: SparseEncoder(modules=[Router.for_query_document(
        [sparse.SparseStaticEmbedding(wrapped_tokenizer())],
        [sparse.MLMTransformer(plain(work, "mlm", "BertForMaskedLM")),
         sparse.SpladePooling("max")])]),
    "auto-encoder": lambda work: SparseEncoder(
        modules=[encoder(work), dense.Pooling(HIDDEN),
                 sparse.SparseAutoEncoder(HIDDEN, hidden_dim=40, k=4, k_aux=8)]),
    # many vectors
    "colbert": lambda work: colbert(work, prompts=PROMPTS),
    "colbert-pooled": colbert_pooled,
    # rerankers
    "cross": lambda work: cross(work, "one-label", 1),
    "cross-three": lambda work: cross(work, "three-labels", 3),
    "cross-decoder": lambda work: CrossEncoder(modules=[
        dense.Transformer(decoder(work), transformer_task="text-generation"),
        LogitScore(true_token_id=WORDS.index("yes"), false_token_id=WORDS.index("no"))]),
}


def said_of(model):
    """What the library says of a model: what metadata.json must say too"""
    poolings = [list(module.pooling_mode) if isinstance(module.pooling_mode, (tuple, list))
                else [module.pooling_mode]
                for module in model.modules() if isinstance(module, dense.Pooling)]
    # a reranker gives scores, and its dimension is its encoder's
    dimension = None
    if not isinstance(model, CrossEncoder):
        dimension = model.encode(["the cat sat"])[0].shape[-1]
    return {"model_type": type(model).__name__, "dimension": dimension,
            "prompts": model.prompts, "default_prompt_name": model.default_prompt_name,
            "poolings": poolings,
            "modules": [type(module).__name__ for module in model]}


def make(name, work):
    """Makes a pipeline in WORK/NAME; returns what the library says of it"""
    folder = os.path.join(work, name)
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    PIPELINES[name](work).save_pretrained(folder, create_model_card=False)
    loader = {"SparseEncoder": SparseEncoder, "MultiVectorEncoder": MultiVectorEncoder,
              "CrossEncoder": CrossEncoder}
    kind = None
    path = os.path.join(folder, "config_sentence_transformers.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as stream:
            kind = json.load(stream).get("model_type")
    said = said_of(loader.get(kind, SentenceTransformer)(folder))
    with open(os.path.join(work, name + ".json"), "w", encoding="utf-8") as stream:
        json.dump(said, stream, indent=1)
        stream.write("\n")
    return said


# Without decoders and pictures.
KEPT = [name for name in PIPELINES if name not in ("clip", "cross-decoder")]


def thin(folder, shared_folder):
    """Removes the files of an encoder's folder, config.json aside, that are the same in the
    other"""
    if not os.path.exists(os.path.join(folder, "config.json")):
        return
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as stream:
        if "architectures" not in json.load(stream):
            return
    for name in os.listdir(shared_folder):
        path = os.path.join(folder, name)
        if name != "config.json" and os.path.isfile(path) and \
                filecmp.cmp(path, os.path.join(shared_folder, name), shallow=False):
            os.remove(path)


def keep(out):
    """The committed ones, with the encoder that most share"""
    for name in KEPT:
        make(name, out)
    shared_folder = os.path.join(out, "bert")
    shutil.move(plain(out), shared_folder)
    shutil.rmtree(os.path.join(out, "plain"))
    for name in KEPT:
        thin(os.path.join(out, name), shared_folder)


def quiet():
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()


if __name__ == "__main__":
    quiet()
    for wanted in sys.argv[2:]:
        print(wanted, json.dumps(make(wanted, sys.argv[1])))
    if len(sys.argv) == 2:
        keep(sys.argv[1])
