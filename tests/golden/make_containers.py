#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_containers.py FOLDER - one small BERT in every container, each by its own library

Run by hand, and again only when a container is added: what it wrote is committed in
containers/, with the versions of the libraries in versions.json, and tests/interop/same.py
converts it. It needs torch, numpy and safetensors; `make test` needs none of them.

Two tensors do not lie in order (a transposed matrix, in npz in Fortran order), two are one
storage, and one is a buffer that is left out: all that must make no difference.
"""
import collections
import io
import json
import os
import platform
import sys
import zipfile

import numpy
import safetensors
import safetensors.numpy
import torch

HIDDEN, INNER, LAYERS, VOCABULARY, POSITIONS = 16, 24, 2, 40, 24
CONFIG = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_size": HIDDEN,
    "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
    "vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
    "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
    "position_embedding_type": "absolute",
}
TRANSPOSED = ("encoder.layer.0.attention.self.query.weight",
              "encoder.layer.1.output.dense.weight")
TIED = ("encoder.layer.1.attention.self.key.bias", "encoder.layer.1.attention.self.value.bias")


def shapes():
    def linear(name, rows, columns):
        return [(name + ".weight", (rows, columns)), (name + ".bias", (rows,))]

    def norm(name):
        return [(name + ".LayerNorm.weight", (HIDDEN,)), (name + ".LayerNorm.bias", (HIDDEN,))]

    found = [("embeddings.%s_embeddings.weight" % kind, (rows, HIDDEN))
             for kind, rows in (("word", VOCABULARY), ("position", POSITIONS), ("token_type", 2))]
    found += norm("embeddings")
    for i in range(LAYERS):
        layer = "encoder.layer.%d." % i
        for part in ("query", "key", "value"):
            found += linear(layer + "attention.self." + part, HIDDEN, HIDDEN)
        found += linear(layer + "attention.output.dense", HIDDEN, HIDDEN)
        found += norm(layer + "attention.output")
        found += linear(layer + "intermediate.dense", INNER, HIDDEN)
        found += linear(layer + "output.dense", HIDDEN, INNER)
        found += norm(layer + "output")
    return found + linear("pooler.dense", HIDDEN, HIDDEN)


def state_dict():
    torch.manual_seed(20)
    state = collections.OrderedDict()
    state["embeddings.position_ids"] = torch.arange(POSITIONS).expand(1, -1).contiguous()
    for name, shape in shapes():
        if name in TRANSPOSED:
            state[name] = (0.02 * torch.randn(shape[::-1])).t()
        else:
            state[name] = 0.02 * torch.randn(shape)
    state[TIED[1]] = state[TIED[0]]
    return state


class Tree(torch.nn.Module):
    def forward(self, x):
        return x


def module_of(state):
    """a module whose parameters have these names"""
    root = Tree()
    for name, tensor in state.items():
        *way, last = name.split(".")
        module = root
        for part in way:
            if part not in module._modules:
                module.add_module(part, Tree())
            module = module._modules[part]
        if tensor.is_floating_point():
            module.register_parameter(last, torch.nn.Parameter(tensor))
        else:
            module.register_buffer(last, tensor)
    return root


def split(state, count):
    names = list(state)
    return [{name: state[name] for name in names[i::count]} for i in range(count)]


def write_index(path, file_of):
    with open(path, "w", encoding="ascii") as stream:
        json.dump({"metadata": {}, "weight_map": file_of}, stream, indent=1, sort_keys=True)


def save_safetensors(folder, state):
    safetensors.numpy.save_file(arrays(state, "C"), folder + "/model.safetensors",
                                metadata={"format": "pt"})


def save_safetensors_shards(folder, state):
    file_of = {}
    for i, part in enumerate(split(arrays(state, "C"), 3)):
        name = "model-%05d-of-00003.safetensors" % (i + 1)
        safetensors.numpy.save_file(part, folder + "/" + name, metadata={"format": "pt"})
        file_of.update((tensor, name) for tensor in part)
    write_index(folder + "/model.safetensors.index.json", file_of)


def save_zip(folder, state):
    torch.save(state, folder + "/pytorch_model.bin")


def save_zip_deflated(folder, state):
    """as somebody who unpacked it and packed it again"""
    stored = io.BytesIO()
    torch.save(state, stored)
    with zipfile.ZipFile(stored) as source, \
            zipfile.ZipFile(folder + "/pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            target.writestr(zipfile.ZipInfo(member), source.read(member),
                            zipfile.ZIP_DEFLATED)


def save_zip_shards(folder, state):
    file_of = {}
    for i, part in enumerate(split(state, 2)):
        name = "pytorch_model-%05d-of-00002.bin" % (i + 1)
        torch.save(part, folder + "/" + name)
        file_of.update((tensor, name) for tensor in part)
    write_index(folder + "/pytorch_model.bin.index.json", file_of)


def save_stream(folder, state):
    torch.save(state, folder + "/pytorch_model.bin", _use_new_zipfile_serialization=False)


def save_training(folder, state):
    """the model in a nest, wrapped for several processors, and an optimizer beside it"""
    wrapped = collections.OrderedDict(("module." + name, t) for name, t in state.items())
    module = module_of({name: tensor.clone() for name, tensor in state.items()})
    optimizer = torch.optim.Adam(module.parameters())
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    torch.save({"epoch": 3, "model_state_dict": wrapped,
                "optimizer_state_dict": optimizer.state_dict()},
               folder + "/pytorch_model.bin", pickle_protocol=4)


def save_script(folder, state):
    torch.jit.script(module_of(state)).save(folder + "/pytorch_model.bin")


def save_export(folder, state):
    """what only torch 2.9 and newer do: containers/torch-pt2 is of torch 2.15"""
    whole = io.BytesIO()
    torch.export.save(torch.export.export(module_of(state), (torch.ones(1),)), whole)
    with open(folder + "/pytorch_model.bin", "wb") as stream:
        stream.write(whole.getvalue())


def arrays(state, order):
    return {name: numpy.asarray(tensor.numpy(), order=order) for name, tensor in state.items()}


def save_npz(folder, state):
    mixed = arrays(state, "C")
    mixed.update((name, numpy.asfortranarray(mixed[name])) for name in TRANSPOSED)
    mixed["pooler.dense.weight"] = mixed["pooler.dense.weight"].astype(">f4")
    numpy.savez(folder + "/model.npz", **mixed)


def save_npz_deflated(folder, state):
    numpy.savez_compressed(folder + "/weights.npz", **arrays(state, "K"))


CONTAINERS = {
    "safetensors": save_safetensors, "safetensors-shards": save_safetensors_shards,
    "torch-zip": save_zip, "torch-zip-deflated": save_zip_deflated,
    "torch-zip-shards": save_zip_shards, "torch-stream": save_stream,
    "torch-training": save_training, "torchscript": save_script, "torch-pt2": save_export,
    "npz": save_npz, "npz-deflated": save_npz_deflated,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n\n", maxsplit=1)[0])
    target = sys.argv[1]
    for name, save in CONTAINERS.items():
        folder = os.path.join(target, name)
        os.makedirs(folder, exist_ok=True)
        save(folder, state_dict())
    versions = {"python": platform.python_version(), "torch": torch.__version__,
                "numpy": numpy.__version__, "safetensors": safetensors.__version__}
    for name, value in (("config.json", CONFIG), ("versions.json", versions)):
        with open(os.path.join(target, name), "w", encoding="ascii") as stream:
            json.dump(value, stream, indent=2)
            stream.write("\n")


if __name__ == "__main__":
    main()
