# SPDX-License-Identifier: MIT
"""torch_writer.py - torch's files without torch: its zip, and its stream from before 1.6

What is written is what torch.save writes of plain tensors, by the pickle module: a tensor is
a call of torch._utils._rebuild_tensor_v2 on a storage that a persistent id names.
"""
import collections
import io
import pickle
import struct
import sys
import types
import zipfile

# safetensors' names of types, torch's class of storages, bytes of an element.
STORAGES = {"F32": ("FloatStorage", 4), "F16": ("HalfStorage", 2),
            "BF16": ("BFloat16Storage", 2), "F64": ("DoubleStorage", 8),
            "I64": ("LongStorage", 8), "I32": ("IntStorage", 4), "I16": ("ShortStorage", 2),
            "I8": ("CharStorage", 1), "U8": ("ByteStorage", 1), "BOOL": ("BoolStorage", 1)}
MAGIC = 0x1950a86a20f9469cfc6c


def stand_ins():
    """What the pickles name, under the modules that have it: nothing of it is ever called"""
    utils = types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*arguments):
        raise NotImplementedError(arguments)

    _rebuild_tensor_v2.__module__ = utils.__name__
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    torch = types.ModuleType("torch")
    for name, _ in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    return {"torch": torch, "torch._utils": utils}


MODULES = stand_ins()


class Storage:
    """Bytes; two tensors of one storage share them."""

    def __init__(self, dtype, data):
        self.type, self.width = STORAGES[dtype]
        self.data, self.count = data, len(data) // self.width


class Tensor:
    """All of a storage, row by row."""

    def __init__(self, dtype, shape, data, storage=None):
        self.storage = storage or Storage(dtype, data)
        self.shape = tuple(shape)

    def again(self):
        """another tensor of the same storage, as state_dict() makes one at each call"""
        return Tensor(None, self.shape, None, self.storage)

    def strides(self):
        found, step = [], 1
        for size in reversed(self.shape):
            found.insert(0, step)
            step *= max(size, 1)
        return tuple(found)

    def __reduce_ex__(self, protocol):
        return (MODULES["torch._utils"]._rebuild_tensor_v2,
                (self.storage, 0, self.shape, self.strides(), False, collections.OrderedDict()))


class Pickler(pickle.Pickler):
    def __init__(self, stream, protocol, view):
        super().__init__(stream, protocol)
        self.keys, self.storages, self.view = {}, [], view

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        if id(obj) not in self.keys:
            self.keys[id(obj)] = str(len(self.storages))
            self.storages.append(obj)
        found = ("storage", getattr(MODULES["torch"], obj.type), self.keys[id(obj)], "cpu",
                 obj.count)
        return found + (None,) if self.view else found


def pickled(value, protocol, view):
    """(the pickle, its storages)"""
    stream = io.BytesIO()
    before = {name: sys.modules.get(name) for name in MODULES}
    sys.modules.update(MODULES)
    try:
        pickler = Pickler(stream, protocol, view)
        pickler.dump(value)
    finally:
        for name, module in before.items():
            if module:
                sys.modules[name] = module
            else:
                del sys.modules[name]
    return stream.getvalue(), pickler.storages


def save_zip(path, value, protocol=2):
    """what torch.save writes since 1.6, without its padding"""
    data, storages = pickled(value, protocol, False)
    members = [("data.pkl", data), ("byteorder", b"little"), ("version", b"3\n")]
    members[2:2] = [("data/%d" % i, storage.data) for i, storage in enumerate(storages)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo("archive/" + name), content)


def save_stream(path, value, protocol=2):
    """what it wrote before"""
    data, storages = pickled(value, protocol, True)
    system = {"protocol_version": 1001, "little_endian": True,
              "type_sizes": {"short": 2, "int": 4, "long": 4}}
    keys = [str(i) for i in range(len(storages))]
    with open(path, "wb") as stream:
        for head in (MAGIC, 1001, system):
            stream.write(pickle.dumps(head, protocol))
        stream.write(data + pickle.dumps(keys, protocol))
        for storage in storages:
            stream.write(struct.pack("<Q", storage.count) + storage.data)
