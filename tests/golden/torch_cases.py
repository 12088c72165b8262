# SPDX-License-Identifier: MIT
"""torch_cases.py - odd things that people save with torch, for make_torch.py

What a version of torch does not have is left out of that version's files.
"""
import collections
import io
import sys
import types

import torch


def arange(*shape):
    count = 1
    for size in shape:
        count *= size
    return torch.arange(count, dtype=torch.float32).reshape(shape)


# ---- Models ----


class Norm(torch.nn.Module):
    """With little code, which TorchScript puts into its files"""

    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
        self.bias = torch.nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return x * self.weight + self.bias


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = Norm(width)
        self.dense = torch.nn.Linear(width, width, bias=False)

    def forward(self, x):
        return x + self.dense(self.norm(x))


class Exported(torch.nn.Module):
    """What torch.export may meet: every order of elements, shared ones, and constants"""

    def __init__(self):
        super().__init__()
        self.block = Block(3)
        self.tied = torch.nn.Linear(3, 3, bias=False)
        self.tied.weight = self.block.dense.weight
        self.turned = torch.nn.Parameter(arange(3, 4).t())
        both = arange(10)
        self.front = torch.nn.Parameter(both[:4])
        self.back = torch.nn.Parameter(both[2:9].reshape(7, 1).expand(7, 2)[::2])
        self.brain = torch.nn.Parameter(arange(2, 3).to(torch.bfloat16))
        self.scalar = torch.nn.Parameter(torch.tensor(1.5))
        self.none = torch.nn.Parameter(torch.empty(0, 3))
        self.register_buffer("ids", torch.arange(4).expand(1, -1))
        self.register_buffer("flag", torch.tensor(True))
        self.register_buffer("passing", arange(2), persistent=False)
        self.constant = arange(3)

    def forward(self, x):
        return (self.tied(self.block(x)) + self.scalar + self.constant + self.passing.sum()
                + self.ids.sum() + self.brain.float().sum() + self.turned.sum()
                + self.front.sum() + self.back.sum() + self.none.sum())


class Net(torch.nn.Module):
    resolution: int

    def __init__(self):
        super().__init__()
        self.resolution = 224
        self.scale = 0.5
        self.kind = "tiny"
        self.sizes = (1, 2)
        self.first = torch.nn.Linear(2, 3)
        self.blocks = torch.nn.ModuleList([Block(3)])
        self.out = torch.nn.Linear(3, 2)
        self.register_buffer("position_ids", torch.arange(4).expand(1, -1))

    def forward(self, x):
        y = self.first(x)
        for block in self.blocks:
            y = block(y)
        return self.out(y) * self.scale


class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.by = torch.nn.Parameter(arange(2))


class Tied(torch.nn.Module):
    """Two names of one parameter, and a parameter that is part of another's storage"""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 3)
        self.decoder = torch.nn.Linear(3, 5)
        self.decoder.weight = self.embedding.weight
        self.first = torch.nn.Parameter(self.embedding.weight.detach()[0])


# ---- Classes of tensors ----


class Named(torch.Tensor):
    """A class of somebody's own, with the bytes of any tensor"""


class Scaled(torch.nn.Parameter):
    pass


class Wrapper(torch.Tensor):
    """No storage of its own: two halves that its code puts together"""

    @staticmethod
    def __new__(cls, high, low):
        made = torch.Tensor._make_wrapper_subclass(cls, high.shape, dtype=high.dtype)
        made.high, made.low = high, low
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types_, args=(), kwargs=None):
        raise NotImplementedError(str(func))


def with_note(tensor):
    tensor.note = "an attribute makes torch save it in another way"
    return tensor


def subclasses():
    found = {
        "subclass": arange(2, 3).as_subclass(Named),
        "subclass_view": arange(4, 3).as_subclass(Named)[1:3].t(),
        "subclass_attribute": with_note(arange(3).as_subclass(Named)),
        "attribute": with_note(arange(3) + 1),
        "parameter": torch.nn.Parameter(arange(2, 2)),
        "parameter_attribute": with_note(torch.nn.Parameter(arange(2, 2) + 1)),
        "parameter_subclass": Scaled(arange(3) + 2),
        "parameter_of_subclass": torch.nn.Parameter((arange(3) + 3).as_subclass(Named)),
        "frozen": torch.nn.Parameter(arange(2), requires_grad=False),
    }
    if hasattr(torch.nn, "Buffer"):
        found["buffer"] = torch.nn.Buffer(arange(3) + 4)
    return found


# ---- Dtypes ----

PLAIN = "float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool".split()
RECENT = """float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu
            uint16 uint32 uint64""".split()
REFUSED = "complex32 complex128 float4_e2m1fn_x2 bits8 uint4 int4".split()


def dtypes():
    values = torch.arange(-3, 5)
    return {kind: values.to(getattr(torch, kind)) for kind in PLAIN}


def recent_dtypes():
    """Made of their bits: not every conversion to them is there"""
    found = {}
    for kind in RECENT:
        if hasattr(torch, kind):
            width = torch.empty(0, dtype=getattr(torch, kind)).element_size()
            bits = torch.arange(7, 7 + 29 * 4 * width, 29).to(torch.uint8)
            tensor = bits.view(getattr(torch, kind))
            try:
                torch.save(tensor, io.BytesIO())
            except KeyError:  # 2.1 has float8 and cannot save it
                continue
            found[kind] = tensor
    for kind in set(found) & {"float8_e4m3fn", "uint16"}:
        found[kind + "_transposed"] = found[kind].reshape(2, -1).t()
    return found


def refused_dtypes():
    """Pairs of a name and a tensor of it"""
    for kind in REFUSED:
        if hasattr(torch, kind):
            bits = torch.arange(16, dtype=torch.uint8)
            try:
                yield kind, bits.view(getattr(torch, kind))
            except RuntimeError:  # a name without a meaning yet
                pass


def views():
    whole = arange(5, 12)
    return {
        "whole": whole, "transposed": whole.t(), "row": whole[2], "column": whole[:, 3],
        "stepped": whole[::2, 1::3], "expanded": whole[1, :4].expand(3, 4),
        "empty": whole[:0], "scalar": torch.tensor(7.5), "part": whole.view(-1)[13:29],
        "permuted": whole.reshape(3, 4, 5).permute(2, 0, 1), "tied": whole,
        "parameter": torch.nn.Parameter(whole[3:4].t()),
        "channels_last": arange(2, 3, 2, 2).contiguous(memory_format=torch.channels_last),
    }


# ---- What is no plain tensor ----


def sparse():
    """Pairs of a file's name and a tensor"""
    eye = torch.eye(4)
    yield "sparse", eye.to_sparse()
    yield "csr", eye.to_sparse_csr()
    yield "csc", eye.to_sparse_csc()
    yield "bsr", eye.to_sparse_bsr((2, 2))


def quantized():
    yield "quantized", torch.quantize_per_tensor(arange(3), 0.1, 0, torch.qint8)
    yield "quantized-channels", torch.quantize_per_channel(
        arange(2, 2), torch.ones(2), torch.zeros(2), 0, torch.quint8)
    yield "quantized-wide", torch.quantize_per_tensor(arange(3), 0.1, 0, torch.qint32)


def stored_otherwise():
    """complex values that are conjugated, and their imaginary parts, when somebody asks"""
    both = torch.ones(3, dtype=torch.complex64).conj()
    yield "conjugated", both
    yield "negated", both.imag


# ---- Trainers ----


def trained(optimizers, net):
    """The states of optimizers after one step each"""
    states = []
    for kind, settings in optimizers:
        optimizer = kind(net.parameters(), **settings)

        def loss():
            optimizer.zero_grad()
            value = net(arange(2, 3)).sum()
            value.backward()
            return value

        optimizer.step(loss)
        states.append(optimizer.state_dict())
    return states


def class_of(module, name, base):
    """A class as a library has it that is not there now"""
    made = type(name, (base,), {"__module__": module})
    parts = module.split(".")
    for i in range(len(parts)):
        sys.modules.setdefault(".".join(parts[:i + 1]), types.ModuleType(parts[i]))
    setattr(sys.modules[module], name, made)
    return made


def lightning(net):
    """The keys of Lightning's checkpoints, and classes under its names"""
    settings = class_of("lightning.fabric.utilities.data", "AttributeDict", dict)
    schedule = torch.optim.lr_scheduler
    adam, = trained([(torch.optim.Adam, {})], net)
    steps = torch.optim.SGD(net.parameters(), lr=0.1)
    progress = {"total": {"ready": 1, "completed": 1}, "current": {"ready": 1}}
    state = collections.OrderedDict(("model." + name, tensor)
                                    for name, tensor in net.state_dict().items())
    state["loss.weight"] = arange(2)
    return {
        "epoch": 3, "global_step": 40, "pytorch-lightning_version": "2.2.1",
        "state_dict": state,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": progress,
                               "epoch_loop.batch_progress": dict(progress, is_last_batch=True),
                               "epoch_loop.val_loop.state_dict": {}},
                  "validate_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_loss', 'mode': 'min'}": {
            "monitor": "val_loss", "best_model_score": torch.tensor(0.25),
            "best_model_path": "epoch=3.ckpt", "best_k_models": {"a": torch.tensor(0.25)},
            "kth_value": torch.tensor(0.25)}},
        "optimizer_states": [adam],
        "lr_schedulers": [schedule.StepLR(steps, 2).state_dict()],
        "MixedPrecision": {"scale": 65536.0, "_growth_tracker": 3},
        "hparams_name": "kwargs",
        "hyper_parameters": settings(lr=1e-3, hidden=[1, 2], activation=torch.nn.ReLU(),
                                     loss=torch.nn.functional.mse_loss),
        "datamodule_hparams_name": "kwargs", "datamodule_hyper_parameters": {"batch": 8},
    }


def wrapped(net):
    """(a file's name, what is in front of the names, the state dict of a wrapped model)"""
    yield "data-parallel", "module", torch.nn.DataParallel(net).state_dict()
    averaged = torch.optim.swa_utils.AveragedModel(net)  # has a number beside it
    yield "averaged", "", averaged.state_dict()
    if hasattr(torch, "compile"):
        yield "compiled", "_orig_mod", torch.compile(net).state_dict()
