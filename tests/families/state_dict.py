#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The names in the state_dict of each class that fletch knows, one file a model_type.

Run by hand with torch and transformers (5.24) installed; the lists are committed, and
tests/unit/test_whole.c holds the families' tables against them. Buffers that a state_dict
does not keep are in no list. Layers: two, so that what the first lacks is seen.
"""
import os

import transformers as t

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "state_dict")
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
             intermediate_size=24, vocab_size=32, max_position_embeddings=16)
TOWER = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
             intermediate_size=24, image_size=8, patch_size=4)
DEBERTA = dict(SIZES, relative_attention=True, pos_att_type=["c2p", "p2c"],
               type_vocab_size=2, embedding_size=8)


def clip(config, model, **more):
    text = dict(SIZES, max_position_embeddings=16, **more)
    return model(config(text_config=text, vision_config=TOWER, projection_dim=8))


def make():
    yield "bert", t.BertModel(t.BertConfig(**SIZES))
    yield "roberta", t.RobertaModel(t.RobertaConfig(**SIZES))
    yield "xlm-roberta", t.XLMRobertaModel(t.XLMRobertaConfig(**SIZES))
    yield "camembert", t.CamembertModel(t.CamembertConfig(**SIZES))
    yield "distilbert", t.DistilBertModel(t.DistilBertConfig(
        dim=16, n_layers=2, n_heads=2, hidden_dim=24, vocab_size=32))
    yield "mpnet", t.MPNetModel(t.MPNetConfig(**SIZES))
    yield "albert", t.AlbertModel(t.AlbertConfig(
        embedding_size=8, num_hidden_groups=2, **SIZES))
    yield "electra", t.ElectraModel(t.ElectraConfig(embedding_size=8, **SIZES))
    yield "deberta", t.DebertaModel(t.DebertaConfig(**DEBERTA))
    yield "deberta-v2", t.DebertaV2Model(t.DebertaV2Config(
        conv_kernel_size=3, norm_rel_ebd="layer_norm", **DEBERTA))
    yield "modernbert", t.ModernBertModel(t.ModernBertConfig(
        **SIZES, pad_token_id=0, eos_token_id=1, bos_token_id=1, cls_token_id=1,
        sep_token_id=1))
    yield "nomic_bert", t.NomicBertModel(t.NomicBertConfig(**SIZES))
    yield "clip", clip(t.CLIPConfig, t.CLIPModel)
    yield "clip_vision_model", t.CLIPVisionModel(t.CLIPVisionConfig(**TOWER))
    yield "chinese_clip", clip(t.ChineseCLIPConfig, t.ChineseCLIPModel)
    yield "chinese_clip_vision_model", t.ChineseCLIPVisionModel(
        t.ChineseCLIPVisionConfig(**TOWER))
    yield "metaclip_2", clip(t.MetaClip2Config, t.MetaClip2Model)
    yield "metaclip_2_vision_model", t.MetaClip2VisionModel(
        t.MetaClip2VisionConfig(**TOWER))
    yield "whisper", t.WhisperModel(t.WhisperConfig(
        d_model=16, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, vocab_size=64,
        max_source_positions=16, max_target_positions=16, num_mel_bins=4, pad_token_id=0,
        bos_token_id=1, eos_token_id=1, decoder_start_token_id=1))


def main():
    os.makedirs(HERE, exist_ok=True)
    for model_type, model in make():
        path = os.path.join(HERE, model_type + ".txt")
        with open(path, "w", encoding="utf-8") as out:
            out.write("# %s of transformers %s, names and shapes\n"
                      % (type(model).__name__, t.__version__))
            for name, tensor in sorted(model.state_dict().items()):
                out.write("%s %s\n" % (name, list(tensor.shape)))


if __name__ == "__main__":
    main()
