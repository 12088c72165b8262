#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""prefixes.py FLETCH WORK - a model is the same whatever is wrapped around it

Golden models as training runs save them: in dicts of all names, behind what DataParallel,
torch.compile and people's own classes put in front, with losses, averages and an optimizer
beside them. All must give the weights.parquet of the model alone, byte for byte, and the
same metadata.json but for names of files, the account and the time; from torch's files,
which tests/torch_writer.py writes, and from safetensors where names say it all.
"""
import collections
import os
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import torch_writer  # noqa: E402
from same import write_safetensors  # noqa: E402
from tap_points import (Tap, file_sha256, load_json, one_line,  # noqa: E402
                        read_safetensors, run)

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
GOLDEN = os.path.join(os.path.dirname(HERE), "golden")
OTHERWISE = ("model_name", "converted_at", "parquet_path", "tokenizer_path", "fletch")
MODELS = {"bert": ("containers", "safetensors"), "clip": ("clip", "source"),
          "whisper": ("whisper", "source")}
# What stands in front of a key, the way from the module that was saved to the model.
PREFIXES = ("", "module.", "_orig_mod.", "model.", "encoder.", "net.", "backbone.",
            "model.encoder.", "module._orig_mod.", "model.module.", "_orig_mod.module.")
DICTS = ("state_dict", "model_state_dict", "model", "module", "params", "net", "weights")
AVERAGES = ("ema", "model_ema", "ema_state_dict", "state_dict_ema", "params_ema", "ema_model")
TAP = Tap()


def number(value):
    return torch_writer.Tensor("F32", (), struct.pack("<f", value))


def other(tensor):
    """one of the same shape and other values"""
    width = tensor.storage.width
    data = b"\0" * (width * tensor.storage.count)
    result = torch_writer.Tensor("F32", tensor.shape, b"")
    result.storage.type, result.storage.width = tensor.storage.type, width
    result.storage.data, result.storage.count = data, tensor.storage.count
    return result


def others(state):
    return collections.OrderedDict((name, other(tensor)) for name, tensor in state.items())


def optimizer(state):
    """as torch.optim.Adam saves itself"""
    moments = {i: {"step": number(3), "exp_avg": other(tensor), "exp_avg_sq": other(tensor)}
               for i, tensor in enumerate(state.values())}
    group = {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "params": list(moments)}
    return {"state": moments, "param_groups": [group]}


def behind(prefix, state):
    return collections.OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def lightning(prefix, state):
    """what pl.Trainer saves: a metric, a loss with a weight and an optimizer are beside it"""
    inside = behind(prefix, state)
    inside["loss.weight"] = number(0.5)
    inside["train_accuracy.tp"] = number(17)
    return {"epoch": 3, "global_step": 3000, "pytorch-lightning_version": "2.1.0",
            "state_dict": inside, "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {"ModelCheckpoint": {"best_model_score": number(0.25)}},
            "optimizer_states": [optimizer(state)], "lr_schedulers": [{"last_epoch": 3}],
            "hyper_parameters": {"lr": 1e-4, "name": "x"}}


def nested(state):
    """(name, what is saved, prefix) of each way to save a model"""
    for prefix in PREFIXES:
        yield "keys " + (prefix or "as they are"), behind(prefix, state), prefix
    for prefix in ("model.", "model.encoder.", "encoder.", "net.", "backbone."):
        yield ("Lightning " + prefix, lightning(prefix, state), "state_dict." + prefix)
    for name in DICTS:
        yield ("dict " + name, {name: state, "optimizer": optimizer(state), "epoch": 3},
               name + ".")
        yield ("dict %s, DataParallel" % name,
               {name: behind("module.", state), "step": 7}, name + ".module.")
    for name in AVERAGES:
        yield "average %s alone" % name, {name: state, "epoch": 1}, name + "."
        yield ("average %s beside the model" % name,
               {name: others(state), "model": behind("module.", state)}, "model.module.")
    yield ("a dict in a dict", {"checkpoint": {"model": behind("_orig_mod.", state)}},
           "checkpoint.model._orig_mod.")
    yield "a dict of any name", {"student": state, "args": [1, 2]}, "student."
    twice = collections.OrderedDict((name, tensor.again()) for name, tensor in state.items())
    yield "the same storages in two dicts", {"state_dict": state, "net": twice}, "net."


def keys_of(prefix, tensors, more):
    found = {prefix + name: tensor for name, tensor in tensors.items()}
    zero = ("F32", [], struct.pack("<f", 0.5))
    found.update((name, zero) for name in more)
    return found


class Case:
    """A golden model: its tensors, what it comes out as alone."""

    def __init__(self, name):
        folder, part = MODELS[name]
        self.name, self.source = name, os.path.join(GOLDEN, folder, part)
        self.config = os.path.join(self.source, "config.json")
        if not os.path.exists(self.config):
            self.config = os.path.join(GOLDEN, folder, "config.json")
        self.tensors = read_safetensors(os.path.join(self.source, "model.safetensors"))
        alone = self.folder("alone")
        shutil.copy(os.path.join(self.source, "model.safetensors"), alone)
        self.alone = self.convert(alone)[0]

    def state(self):
        return collections.OrderedDict((name, torch_writer.Tensor(*tensor))
                                       for name, tensor in self.tensors.items())

    def folder(self, name):
        path = os.path.join(WORK, self.name, name.replace(" ", "-"))
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        shutil.copy(self.config, path)
        return path

    def convert(self, model, *options):
        """((hash of the rows, metadata, prefix of the account), the finished process)"""
        out = os.path.join(WORK, self.name, "out")
        shutil.rmtree(out, ignore_errors=True)
        done = run(FLETCH, "convert", "--quiet", "--no-tokenizer", model, "-o", out, *options)
        if done.returncode:
            return None, done
        metadata = load_json(out, "metadata.json")
        rest = {key: value for key, value in metadata.items() if key not in OTHERWISE}
        return (file_sha256(os.path.join(out, "weights.parquet")), rest,
                metadata["fletch"].get("source_prefix", "")), done

    def check(self, label, model, prefix, *options):
        label = "%s, %s" % (self.name, label)
        found, done = self.convert(model, *options)
        if not TAP.equal((done.returncode, done.stderr), (0, ""), label + ": converts"):
            return
        TAP.equal(found[0], self.alone[0], label + ": the same weights.parquet")
        TAP.ok(found[1] == self.alone[1], label + ": the same metadata.json",
               "differs from that of the model alone")
        TAP.equal(found[2], prefix[:-1], label + ": the prefix")

    def refused(self, label, model, sentence, *options, code=1):
        found, done = self.convert(model, *options)
        TAP.ok(not found and done.returncode == code and sentence in done.stderr
               and one_line(done.stderr), "%s, %s" % (self.name, label),
               (done.returncode, done.stderr, sentence))


def check_torch(case):
    for name, value, prefix in nested(case.state()):
        model = case.folder("torch")
        torch_writer.save_zip(model + "/pytorch_model.bin", value)
        case.check(name, model, prefix)
    for name, value, prefix in (("Lightning", lightning("model.", case.state()),
                                 "state_dict.model."),):
        for protocol in (2, 4):
            model = case.folder("stream")
            torch_writer.save_stream(model + "/pytorch_model.bin", value, protocol)
            case.check("%s, stream, protocol %d" % (name, protocol), model, prefix)


def check_safetensors(case):
    beside = ("loss.weight", "train_accuracy.tp", "optimizer.state.0.exp_avg")
    dicts = [name + "." for name in DICTS + AVERAGES]
    for prefix in PREFIXES + tuple(dicts) + ("state_dict.model.", "state_dict.module."):
        tensors = keys_of(prefix, case.tensors, beside if prefix else ())
        model = case.folder("safetensors")
        write_safetensors(model + "/model.safetensors", tensors, list(tensors))
        case.check("safetensors, " + (prefix or "as they are"), model, prefix)


def check_top(case):
    """Names as they are, asked for: metadata.json remembers even that there was no prefix"""
    model = case.folder("top")
    both = collections.OrderedDict(case.state(), **behind("model.", others(case.state())))
    torch_writer.save_zip(model + "/pytorch_model.bin", both)
    case.check("the names as they are", model, "", "--prefix", ".")
    proof = run(FLETCH, "verify", os.path.join(WORK, case.name, "out"), "--source", model)
    TAP.equal((proof.returncode, proof.stderr if proof.returncode else ""), (0, ""),
              case.name + ", verify need not be told of the names as they are")


def check_attributes(case):
    """Words that no table has, in the keys themselves: the error says which there are"""
    model = case.folder("attributes")
    state = case.state()
    both = behind("lit.student.", state)
    both.update(behind("lit.teacher.", others(state)))
    torch_writer.save_zip(model + "/pytorch_model.bin", {"state_dict": both})
    below = ".model" if any(name.startswith("model.") for name in state) else ""
    case.refused("two attributes that no rule knows", model,
                 "; --prefix NAME takes what is below a name: 'state_dict.lit.student%s' with "
                 % below)
    case.check("one of the attributes", model, "state_dict.lit.student.", "--prefix",
               "state_dict.lit.student")


def check_asked(case):
    state = case.state()
    model = case.folder("two")
    torch_writer.save_zip(model + "/pytorch_model.bin",
                          {"student": state, "teacher": others(state)})
    count = len(case.tensors)
    done = case.convert(model)[1]
    TAP.ok(done.returncode == 1 and one_line(done.stderr) and all(
        part in done.stderr for part in ("has several parts that may be the model: 'student' "
                                         "with ", "'teacher' with ", " tensors; --prefix NAME "
                                         "takes one of them")),
           case.name + ", two parts that may be it", done.stderr)
    case.check("one of the two by its name", model, "student.", "--prefix", "student")
    found = case.convert(model, "--prefix", "teacher")[0]
    TAP.ok(found and found[0] != case.alone[0] and found[2] == "teacher",
           case.name + ", the other is another model", found and found[2])
    check_top(case)
    check_attributes(case)
    case.refused("a prefix that is not there", model,
                 "no tensor's name begins with 'tutor.', which was asked for as prefix; there "
                 "are 'student' with %d, 'teacher' with %d tensors" % (count, count),
                 "--prefix=tutor", code=2)


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    for name in MODELS:
        case = Case(name)
        if not TAP.ok(case.alone, name + " alone converts"):
            continue
        check_torch(case)
        check_safetensors(case)
        check_asked(case)
    shutil.rmtree(WORK)
    return TAP.finish()


sys.exit(main())
