#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dialects.py FLETCH WORK - a model in other words is the same model

What tests/golden/make_dialects.py wrote with torch, in the words of OpenAI's Whisper and
CLIP, of open_clip, of old sentence-transformers, must give the same weights.parquet as the
model that transformers saved, byte for byte, and the same metadata.json but for names of
files, the account and the time. So must a weights file without its config.json, once what
shapes do not tell is set, and what a class's submodule saves alone.
"""
import json
import os
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import Tap, file_sha256, load_json, one_line, run  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
GOLDEN = os.path.join(os.path.dirname(HERE), "golden")
DIALECTS = os.path.join(GOLDEN, "dialects")
TAP = Tap()
# The time, names of files, and the account of what was read.
OTHERWISE = ("model_name", "converted_at", "parquet_path", "tokenizer_path", "fletch")
OUT = 0


def convert(model, *options):
    """The output folder and the finished process"""
    global OUT
    OUT += 1
    out = os.path.join(WORK, "out-%d" % OUT)
    return out, run(FLETCH, "convert", model, "-o", out, *options)


def content(out):
    metadata = load_json(out, "metadata.json")
    return {key: value for key, value in metadata.items() if key not in OTHERWISE}


def reference(case, *options):
    out, done = convert(os.path.join(GOLDEN, case, "source"), "--certify", *options)
    assert done.returncode == 0, done.stderr
    return out


def source_hashes(out):
    rows = load_json(out, "metadata.json")["fletch"]["rows"]
    return {name: row["source_sha256"] for name, row in rows.items()}


def value_of(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def check_same(name, model, like, *options, dialect=None):
    out, done = convert(model, "--certify", *options)
    if not TAP.equal(done.returncode, 0, name + ": converts"):
        print("# " + done.stderr)
        return
    TAP.equal(file_sha256(os.path.join(out, "weights.parquet")),
              file_sha256(os.path.join(like, "weights.parquet")),
              name + ": the same weights.parquet")
    TAP.equal(content(out), content(like), name + ": the same metadata")
    TAP.equal(source_hashes(out), source_hashes(like), name + ": the same source tensors")
    account = load_json(out, "metadata.json")["fletch"]
    TAP.equal(account["dialect"], dialect, name + ": the account names the dialect")
    wanted = {}
    for i, option in enumerate(options):
        if option == "--set":
            key, value = options[i + 1].split("=")
            wanted[key] = value_of(value)
    TAP.equal(account.get("set", {}), wanted, name + ": and what was set")
    proof = run(FLETCH, "verify", out, "--source", model)
    TAP.equal((proof.returncode, proof.stderr if proof.returncode else ""), (0, ""),
              name + ": verify agrees")


def check_refused(name, model, sentence, *options):
    out, done = convert(model, *options)
    TAP.ok(done.returncode == 1 and sentence in done.stderr and one_line(done.stderr)
           and not os.path.exists(out), name, (done.returncode, done.stderr, sentence))


def check_clip():
    like = reference("clip")
    heads = ("--set", "num_attention_heads=3")
    plain = os.path.join(DIALECTS, "openai-clip", "ViT.pt")
    check_refused("openai-clip: 24 is no multiple of 64: the heads are asked for", plain,
                  "nothing tells num_attention_heads: add --set num_attention_heads=N")
    check_same("openai-clip", plain, like, *heads, dialect="openai-clip")
    check_same("openai-clip: the key as config.json has it", plain, like, "--set",
               "vision_config.num_attention_heads=3", dialect="openai-clip")
    training = os.path.join(DIALECTS, "openai-clip-training", "epoch_3.pt")
    check_same("openai-clip from a training", training, like, *heads, dialect="openai-clip")
    folder = os.path.join(DIALECTS, "open-clip")
    check_same("open-clip", folder, like, dialect="open-clip")
    check_same("open-clip: its file alone", os.path.join(folder, "open_clip_pytorch_model.bin"),
               like, dialect="open-clip")
    named = os.path.join(WORK, "named")
    os.makedirs(named)
    shutil.copy(plain, named)
    shutil.copy(os.path.join(GOLDEN, "clip", "source", "config.json"), named)
    check_same("openai-clip beside a config.json", os.path.join(named, "ViT.pt"), like,
               dialect="openai-clip")
    check_refused("a timm tower is refused by name",
                  os.path.join(DIALECTS, "timm", "ViT-SigLIP.pt"),
                  "tensor 'visual.trunk.patch_embed.proj.weight': the image tower is one of "
                  "timm's (SigLIP, EVA, ConvNeXt and others), which is no CLIP vision "
                  "transformer: --type transformers keeps all tensors under their own names")


def check_whisper():
    like = reference("whisper")
    check_same("openai-whisper", os.path.join(DIALECTS, "openai-whisper", "tiny.pt"), like,
               dialect="openai-whisper")
    training = os.path.join(DIALECTS, "openai-whisper-training", "last.ckpt")
    check_refused("openai-whisper without dims: the heads are asked for", training,
                  "nothing tells num_attention_heads: add --set num_attention_heads=N")
    check_same("openai-whisper from a training", training, like, "--set",
               "num_attention_heads=2", dialect="openai-whisper")
    check_refused("openai-whisper: dims against shapes",
                  os.path.join(DIALECTS, "wrong-dims", "tiny.pt"),
                  "dims.n_mels says that num_mel_bins is 80, but dimension 1 of "
                  "'encoder.conv1.weight' 8")


def old_sentence(name, encoder, folder):
    """st-dense as older releases laid it out: the encoder in a folder, everything .bin"""
    source, target = os.path.join(GOLDEN, "st-dense", "source"), os.path.join(WORK, name)
    os.makedirs(os.path.join(target, folder))
    for entry in sorted(os.listdir(source)):
        path = os.path.join(source, entry)
        if os.path.isdir(path):
            shutil.copytree(path, os.path.join(target, entry))
        elif entry.startswith(("modules", "config_sentence")):
            shutil.copy(path, target)
        elif not entry.endswith(".safetensors"):
            shutil.copy(path, os.path.join(target, folder))
    os.unlink(os.path.join(target, "2_Dense", "model.safetensors"))
    made = os.path.join(DIALECTS, "sentence")
    shutil.copy(os.path.join(made, "2_Dense", "pytorch_model.bin"),
                os.path.join(target, "2_Dense"))
    shutil.copy(os.path.join(made, encoder, "pytorch_model.bin"), os.path.join(target, folder))
    path = os.path.join(target, "modules.json")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    assert text.count('"path": ""') == 1
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text.replace('"path": ""', '"path": "%s"' % folder))
    return target


def new_sentence(name):
    """st-dense as release 6 lays it out: other paths of classes, pooling modes as a list"""
    target = os.path.join(WORK, name)
    shutil.copytree(os.path.join(GOLDEN, "st-dense", "source"), target)
    path = os.path.join(target, "1_Pooling", "config.json")
    old = load_json(path)
    names = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
    modes = [names[key] for key, on in old.items() if key.startswith("pooling_mode_") and on]
    with open(path, "w", encoding="utf-8") as stream:
        json.dump({"embedding_dimension": old["word_embedding_dimension"],
                   "pooling_mode": modes[0] if len(modes) == 1 else modes,
                   "include_prompt": True}, stream)
    path = os.path.join(target, "modules.json")
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text.replace("sentence_transformers.models.",
                                  "sentence_transformers.base.modules.x."))
    return target


def check_sentence():
    like = reference("st-dense")
    check_same("sentence-transformers: 0_BERT with gamma, beta and a prefix, .bin everywhere",
               old_sentence("sentence-bert", "encoder", "0_BERT"), like)
    check_same("sentence-transformers: 0_Transformer out of a training",
               old_sentence("sentence-transformer", "encoder-training", "0_Transformer"), like)
    check_same("sentence-transformers: as release 6 saves it", new_sentence("sentence-6"), like)


def check_alone(case, *settings):
    """The weights file of a golden model without anything beside it"""
    like = reference(case, "--no-tokenizer")
    folder = os.path.join(WORK, "alone-" + case)
    os.makedirs(folder)
    source = os.path.join(GOLDEN, case, "source")
    file = [name for name in ("model.safetensors", "pytorch_model.bin")
            if os.path.exists(os.path.join(source, name))][0]
    model = os.path.join(folder, file)
    shutil.copy(os.path.join(source, file), model)
    keys = [setting.split("=")[0] for setting in settings]
    asked = [key for key in keys if key not in ("model_type", "architecture")]
    check_refused(case + " without its config.json: what is missing is named", model,
                  "without a config.json nothing tells %s: add%s"
                  % (", ".join(asked), "".join(" --set %s=N" % key for key in asked)))
    options = [word for setting in settings for word in ("--set", setting)]
    check_same(case + " without its config.json", model, like, "--no-tokenizer", *options)


def renamed(name, case, rename, **config):
    """A golden model whose tensors have other names (None: taken out), and config.json"""
    source, target = os.path.join(GOLDEN, case, "source"), os.path.join(WORK, name)
    os.makedirs(target)
    with open(os.path.join(source, "model.safetensors"), "rb") as stream:
        size = struct.unpack("<Q", stream.read(8))[0]
        header, data, parts, at = json.loads(stream.read(size)), stream.read(), [], 0
    made = {}
    for old, tensor in header.items():
        new = old != "__metadata__" and rename(old)
        if new:
            begin, end = tensor["data_offsets"]
            parts.append(data[begin:end])
            made[new] = dict(tensor, data_offsets=[at, at + end - begin])
            at += end - begin
    text = json.dumps(made).encode()
    with open(os.path.join(target, "model.safetensors"), "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    with open(os.path.join(target, "config.json"), "w", encoding="utf-8") as stream:
        json.dump(dict(load_json(source, "config.json"), **config), stream)
    return target


def below(prefix, new=""):
    return lambda name: new + name[len(prefix):] if name.startswith(prefix) else None


def check_bare_whisper():
    like = reference("whisper")
    check_same("WhisperEncoder alone, as it saves itself",
               renamed("whisper-bare", "whisper", below("model.encoder.")), like)
    check_same("WhisperEncoder under its name",
               renamed("whisper-encoder", "whisper", below("model.")), like)
    check_same("WhisperEncoder in a class with a head",
               renamed("whisper-head", "whisper", below("model.encoder.", "encoder.")), like)
    check_same("WhisperEncoder alone, wrapped by DataParallel",
               renamed("whisper-parallel", "whisper", below("model.encoder.", "module.")),
               like)
    check_refused("WhisperEncoder alone without a tensor",
                  renamed("whisper-gap", "whisper",
                          lambda name: None if "conv2.bias" in name
                          else below("model.encoder.")(name)),
                  "the checkpoint lacks 1 of WhisperModel's encoder's tensors: "
                  "'encoder.conv2.bias'")


OPENAI = (
    ("embed_positions.weight", "positional_embedding"),
    ("self_attn_layer_norm", "attn_ln"), ("final_layer_norm", "mlp_ln"), ("fc1", "mlp.0"),
    ("fc2", "mlp.2"), ("self_attn.q_proj", "attn.query"), ("self_attn.k_proj", "attn.key"),
    ("self_attn.v_proj", "attn.value"), ("self_attn.out_proj", "attn.out"),
    ("layers.", "blocks."), ("encoder.layer_norm.", "encoder.ln_post."))


def openai(*wrap):
    def rename(name):
        if not name.startswith("model.encoder."):
            return None
        name = name[len("model."):]
        for ours, theirs in OPENAI:
            name = name.replace(ours, theirs)
        for old, new in wrap:
            name = name.replace(old, new)
        return name
    return rename


def check_wrapped_dialect():
    like = reference("whisper")
    for i, wrap in enumerate((
            (), (("blocks.0.", "blocks.0._orig_mod."), ("blocks.1.", "blocks.1._orig_mod.")),
            (("attn.query", "attn._checkpoint_wrapped_module.query"),
             ("conv1.", "conv1._orig_mod.")),
            (("mlp.", "module.mlp."), ("encoder.", "module._fsdp_wrapped_module.encoder.")))):
        check_same("OpenAI's words with wrappers inside, %d" % i,
                   renamed("openai-wrapped-%d" % i, "whisper", openai(*wrap)), like,
                   dialect="openai-whisper")


def check_bare_clip():
    """The tower within each relative, alone in three ways, and the whole of each"""
    vision = load_json(GOLDEN, "clip", "source", "config.json")["vision_config"]
    whole = reference("clip")
    bare, named = below("vision_model."), below("vision_model.", "vision_model.")
    tower, _ = convert(renamed("clip-tower", "clip", named, **dict(
        vision, model_type="clip_vision_model", projection_dim=20)), "--certify")
    rows = source_hashes(whole)
    rows.pop("visual_projection.weight")
    TAP.equal(source_hashes(tower), rows, "CLIP's tower alone: the rows of the whole")
    for kin in ("clip", "chinese_clip", "metaclip_2"):
        if kin != "clip":
            check_same(kin + ": CLIP's tower", renamed(
                kin, "clip", lambda name: name, model_type=kin), whole)
        alone = dict(vision, model_type=kin + "_vision_model", projection_dim=20)
        check_same(kin + ": the transformer alone, with the whole's config.json",
                   renamed(kin + "-bare", "clip", bare, model_type=kin), tower)
        check_same(kin + ": the transformer alone, with the tower's config.json",
                   renamed(kin + "-bare-tower", "clip", bare, **alone), tower)
        check_same(kin + ": the tower under its name",
                   renamed(kin + "-tower-named", "clip", named, **alone), tower)
    check_refused("the whole's names without the projection are not the whole",
                  renamed("clip-gap", "clip", named),
                  "the checkpoint lacks 1 of CLIPModel's vision tower's tensors: "
                  "'visual_projection.weight'")
    for kin in ("siglip", "siglip2_vision_model", "clipseg", "altclip"):
        check_refused(kin + " is refused by name",
                      renamed(kin, "clip", lambda name: name, model_type=kin),
                      'config.json says model_type "%s": a relative of CLIP\'s, whose '
                      "vision tower is not one that is known to be the same (clip, "
                      "chinese_clip, metaclip_2); --type any keeps all tensors under "
                      "their own names" % kin)


def check_bare_layers():
    """A text encoder without its embeddings is no model"""
    said = "the encoder without its embeddings: "
    for case, prefix in (("bert-safetensors", "encoder."), ("distilbert-qa",
                         "distilbert.transformer."), ("roberta-mlm", "roberta.encoder.")):
        check_refused(case + ": the layers alone",
                      renamed(case + "-layers", case, below(prefix)), said + "tensor 'layer.0.")
        check_refused(case + ": the layers alone under their names",
                      renamed(case + "-named", case, below(prefix, prefix)),
                      said + "start from the whole model; the checkpoint lacks ")


shutil.rmtree(WORK, ignore_errors=True)
os.makedirs(WORK)
check_bare_whisper()
check_wrapped_dialect()
check_bare_clip()
check_bare_layers()
check_clip()
check_whisper()
check_sentence()
check_alone("bert-safetensors", "num_attention_heads=4", "layer_norm_eps=1e-12")
check_alone("bert-pretraining-bin", "num_attention_heads=4", "architecture=BertForPreTraining")
check_alone("distilbert-qa", "num_attention_heads=4",
            "architecture=DistilBertForQuestionAnswering")
check_alone("mpnet-mlm", "num_attention_heads=4", "layer_norm_eps=1e-12",
            "architecture=MPNetForMaskedLM")
check_alone("roberta-mlm", "num_attention_heads=4", "layer_norm_eps=1e-12",
            "model_type=roberta", "architecture=RobertaForMaskedLM")
check_alone("clip", "num_attention_heads=3", "layer_norm_eps=1e-05")
check_alone("clip-vision-unprefixed", "num_attention_heads=3", "layer_norm_eps=1e-05",
            "projection_dim=20", "model_type=clip_vision_model")
check_alone("whisper", "num_attention_heads=2")
sys.exit(TAP.finish())
