#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""frameworks.py FLETCH WORK - converted folders compute in the frameworks what their sources do

By the functions of examples/frameworks.py and by examples/bert_numpy.py, against the source
as the real library loads it: bit for bit where no value was cast.
"""
import os
import subprocess
import sys

import numpy
import torch
import transformers
from sentence_transformers import SentenceTransformer

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
PACKAGE = os.path.join(os.path.dirname(FLETCH), "python")
EXAMPLES = os.path.join(ROOT, "examples")
sys.path[:0] = [PACKAGE, EXAMPLES, TESTS]
import frameworks as ours  # noqa: E402
from tap_points import Tap, run  # noqa: E402

TAP = Tap()
LEAST = 0.99999
TEXTS = ["An arrow flies.", "A bow sings, and then the arrow is in the wood."]
transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()
torch.manual_seed(1)


def converted(name, *options):
    source = os.path.join(TESTS, "golden", name, "source")
    out = os.path.join(WORK, name + "".join(options))
    done = run(FLETCH, "convert", source, "--output", out, *options)
    TAP.ok(done.returncode == 0, "%s is converted" % os.path.basename(out), done.stderr)
    return source, out


def cosine(a, b):
    a, b = (numpy.asarray(x, dtype=numpy.float64).ravel() for x in (a, b))
    return float(a @ b / numpy.sqrt((a @ a) * (b @ b)))


def compare(title, found, wanted, exact):
    if exact:
        TAP.ok(torch.equal(found, wanted), title + ": the same, bit for bit",
               "largest difference %g" % (found - wanted).abs().max())
    else:
        TAP.ok(cosine(found, wanted) > LEAST, title + ": the same, but for float16",
               cosine(found, wanted))


def check(title, name, load, source_model, given):
    """`given`: from the source's model, what both are asked"""
    for options in ((), ("--no-float16",)):
        source, out = converted(name, *options)
        theirs = source_model(source).float().eval()
        asked = given(theirs.config)
        with torch.no_grad():
            compare(title, load(out)(**asked)[0], theirs(**asked)[0], bool(options))


def words(config):
    return {"input_ids": torch.randint(5, config.vocab_size, (2, 12)),
            "attention_mask": torch.tensor([[1] * 12, [1] * 7 + [0] * 5])}


def image(config):
    return {"pixel_values": torch.randn(2, 3, config.image_size, config.image_size)}


def sound(config):
    return {"input_features": torch.randn(2, config.num_mel_bins,
                                          2 * config.max_source_positions)}


def whisper(source):
    return transformers.WhisperModel.from_pretrained(source).encoder


def whole_clip(source):
    """Its vision tower: of the two widths that config.json has, the model's own counts."""
    config = transformers.CLIPConfig.from_pretrained(source)
    config.vision_config.projection_dim = config.projection_dim
    return transformers.CLIPVisionModelWithProjection.from_pretrained(
        source, config=config.vision_config)


def check_pipeline():
    source, out = converted("st-mean")
    wanted = SentenceTransformer(source, device="cpu").encode(TEXTS)
    found = ours.sentence_transformer(out, os.path.join(WORK, "encoder")).encode(TEXTS)
    for i, text in enumerate(TEXTS):
        TAP.ok(cosine(found[i], wanted[i]) > LEAST, "sentence-transformers: %r" % text,
               cosine(found[i], wanted[i]))
    printed = subprocess.run(
        [sys.executable, os.path.join(EXAMPLES, "bert_numpy.py"), out, *TEXTS], text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": PACKAGE}).stdout.splitlines()
    for i, text in enumerate(TEXTS):
        numbers = printed[i].removeprefix(text).split()[1:-1] if len(printed) > i else []
        unit = wanted[i] / numpy.linalg.norm(wanted[i])
        TAP.ok(len(numbers) == 6 and numpy.allclose(numpy.array(numbers, float), unit[:6],
                                                    atol=0.002), "numpy alone: %r" % text,
               (numbers, unit[:6]))


def check_numpy_alone():
    import bert_numpy

    source, out = converted("bert-safetensors")
    theirs = transformers.BertModel.from_pretrained(source).float().eval()
    asked = words(theirs.config)
    with torch.no_grad():
        wanted = theirs(**asked)[0]
    mask = asked["attention_mask"].numpy()
    found = bert_numpy.bert(out, asked["input_ids"].numpy(), mask)
    compare("numpy alone", torch.from_numpy(found)[mask > 0], wanted[mask > 0], False)


os.makedirs(WORK, exist_ok=True)
check("BertModel", "bert-safetensors", ours.bert, transformers.BertModel.from_pretrained, words)
check("CLIPVisionModelWithProjection", "clip-vision-with-projection", ours.clip_vision,
      transformers.CLIPVisionModelWithProjection.from_pretrained, image)
check("CLIPVisionModelWithProjection of a whole CLIP", "clip", ours.clip_vision, whole_clip,
      image)
check("WhisperEncoder", "whisper", ours.whisper_encoder, whisper, sound)
check_pipeline()
check_numpy_alone()
sys.exit(TAP.finish())
