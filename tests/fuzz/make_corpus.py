#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_corpus.py [FOLDER] - seeds for the fuzzers of other projects' formats, by their rules

Run by hand; what it writes is committed in corpus/, the default: pickles, zip archives, torch's
containers, what torch.export saves, NumPy's files, sentencepiece models and parts, each as small
as its kind can be. Needs nothing but Python. What is in a folder besides was added by hand, as
findings are.
"""
import io
import json
import math
import os
import pickle
import struct
import sys
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import torch_writer  # noqa: E402

VALUES = b"0123456789abcdef"  # 4 float32, as the fuzzer's own storage has
ORDERED = b"ccollections\nOrderedDict\n)R"

# ---- Pickles ----


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def whole(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(*values):
    return b"(" + b"".join(map(whole, values)) + b"t"


def storage(kind="FloatStorage", key="0", count=4, view=b""):
    return (b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key)
            + text("cpu") + whole(count) + view + b"tQ")


def tensor(*shape, strides=(1,), offset=0, maker="_rebuild_tensor_v2", held=None, last=b""):
    return (b"ctorch._utils\n" + maker.encode() + b"\n(" + (held or storage()) + whole(offset)
            + numbers(*shape) + numbers(*strides) + b"\x89" + ORDERED + last + b"tR")


def stored_dict(**entries):
    items = b"".join(text(name) + value for name, value in entries.items())
    return b"}(" + items + b"u"


def whole_pickle(value):
    return b"\x80\x02" + value + b"."


def parameter(inner, maker="_rebuild_parameter", last=b""):
    return b"ctorch._utils\n" + maker.encode() + b"\n(" + inner + b"\x88" + ORDERED + last + b"tR"


def tensor_pickles():
    typed = storage("UntypedStorage", count=16)
    nest = stored_dict(
        state_dict=stored_dict(**{"module.a": tensor(2, 2, strides=(1, 2)),
                                  "module.b": tensor(3, offset=1)}),
        epoch=b"K\7", args=b"cargparse\nNamespace\n)\x81}U\2lrG?\x50bM\xd2\xf1\xa9\xfcsb")
    return {
        "plain": stored_dict(a=tensor(4), b=tensor(2, strides=(2,), offset=1)),
        "nest": nest,
        "param": stored_dict(p=parameter(tensor(2, 2, strides=(2, 1)))),
        "state": stored_dict(p=parameter(tensor(4), "_rebuild_parameter_with_state", b"}")),
        "v3": stored_dict(a=tensor(4, maker="_rebuild_tensor_v3", held=typed,
                                   last=b"ctorch\nfloat32\n")),
        "subclass": stored_dict(a=b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n"
                                b"_rebuild_tensor_v2\ncm\nC\n(" + storage() + whole(0)
                                + numbers(4) + numbers(1) + b"\x89" + ORDERED + b"t}tR"),
        "quantized": stored_dict(a=b"ctorch._utils\n_rebuild_qtensor\n(" + storage() + b"tR"),
        "expanded": stored_dict(a=tensor(1000, 4, strides=(0, 1))),
        "ema": stored_dict(model=stored_dict(w=tensor(4)), ema=stored_dict(w=tensor(4))),
    }


def mixed_value():
    value = {"a": [1, 2.5, None, True, (1, 2, 3)], "\u00e9": -1, "large": 1 << 80, "bytes": b"x",
             "set": {1}, "frozen": frozenset((2,)), "empty": [(), [], {}, ""]}
    value["again"] = value["a"]
    return value


def odd_pickles():
    found = {"proto%d" % i: pickle.dumps(mixed_value(), i) for i in range(6)}
    found.update({
        "system": b"cos\nsystem\n(S'echo'\ntR.",
        "cycle": b"\x80\x02}q\0(U\1ah\0U\1b]q\1h\1au.",
        "old": b"((im\nC\n(cm\nC\nK\1oN\x86)0(lp0\ng0\nat.",
        "longs": b"(L1L\nI01\nI-5\n\x8b\1\0\0\0\5\x8a\0F1.5\nJ\xff\xff\xff\xffM\1\2t.",
        "texts": b"(V\\u00e9\nS'a\\x41'\nU\1xT\1\0\0\0y\x8c\1zC\1bB\1\0\0\0c"
                 b"\x96\1\0\0\0\0\0\0\0dt.",
        "newer": b"\x80\4\x95\x15\0\0\0\0\0\0\0\x8c\1m\x8c\1C\x93)}\x92\x94}\x8c\1aK\1sb.",
    })
    return found


# ---- Containers ----


def archive(members, compressed=False, wide=False):
    out = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", kind) as target:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            with target.open(info, "w", force_zip64=wide) as stream:
                stream.write(content)
    return out.getvalue()


class Piped(io.RawIOBase):
    """Cannot be sought in, so that sizes are put behind the members"""

    def __init__(self):
        self.written = b""

    def writable(self):
        return True

    def write(self, data):
        self.written += bytes(data)
        return len(data)


def piped(members):
    out = Piped()
    with zipfile.ZipFile(out, "w") as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name), content)
    return out.written


def without_checksums(content):
    """as torch writes them when it is asked to: zeros in the directory"""
    found, at = bytearray(content), content.find(b"PK\1\2")
    while at >= 0:
        found[at + 16:at + 20] = bytes(4)
        at = content.find(b"PK\1\2", at + 1)
    return bytes(found)


def torch_members(value, order=b"little"):
    return {"m/data.pkl": whole_pickle(value), "m/data/0": VALUES, "m/byteorder": order,
            "m/version": b"3\n"}


def stream(value, view=b"N"):
    opening = b"".join(pickle.dumps(part, 2) for part in (torch_writer.MAGIC, 1001, {}))
    value = value.replace(whole(4) + b"tQ", whole(4) + view + b"tQ")
    keys = pickle.dumps(["0"], 2)
    return opening + whole_pickle(value) + keys + struct.pack("<q", 4) + VALUES


def old_tar():
    tensors = (b"\x80\x02K\1." + b"\x80\x02(K\5K\3ctorch\nFloatTensor\nt."
               + struct.pack("<i4x5q", 2, 2, 2, 2, 1, 0))
    storages = (b"\x80\x02K\1." + b"\x80\x02(K\3U\3cpuctorch\nFloatStorage\nt."
                + struct.pack("<q", 4) + VALUES + b"\x80\x02].")
    members = {"sys_info": b"\x80\x02}.", "pickle": b"\x80\x02}U\1wU\0015Qs.",
               "tensors": tensors, "storages": storages}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def script():
    inner = b"c__torch__.torch.nn.Linear\nLinear\n)\x81" + stored_dict(
        weight=tensor(2, 2, strides=(2, 1)), training=b"\x89") + b"b"
    top = b"c__torch__\nNet\n)\x81" + stored_dict(first=inner, size=b"K\7") + b"b"
    members = torch_members(top)
    members["m/constants.pkl"] = b"\x80\x02)."
    return archive(members)


def torch_files():
    plain = tensor_pickles()["plain"]
    found = {name: whole_pickle(value) for name, value in tensor_pickles().items()}
    found.update({
        "zip": archive(torch_members(plain)),
        "zip-big": archive(torch_members(plain, b"big")),
        "zip64": archive(torch_members(plain), wide=True),
        "deflated": archive(torch_members(plain), compressed=True),
        "piped": piped(torch_members(plain)),
        "unchecked": without_checksums(archive(torch_members(plain))),
        "stream": stream(plain),
        "stream-view": stream(tensor_pickles()["param"],
                              b"(" + text("9") + whole(0) + whole(4) + b"t"),
        "tar": old_tar(),
        "script": script(),
    })
    return found


def zips():
    members = {"m/a": b"hello", "m/b": b"hello " * 6}
    return {"stored": archive(members), "deflated": archive(members, compressed=True),
            "wide": archive(members, wide=True), "piped": piped(members), "empty": archive({})}


# ---- NumPy ----


def header(descr="<f4", fortran=False, shape="(2, 4)"):
    return ("{'descr': %r, 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, shape)).encode()


def array(words, version=1, values=2 * VALUES):
    words += b" " * (-(len(words) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(words))
    return b"\x93NUMPY" + bytes((version, 0)) + length + words + values


def numpy_files():
    plain, turned = array(header()), array(header(fortran=True))
    members = {"a.npy": plain, "b.npy": turned}
    return {
        "c_order.npy": plain, "fortran.npy": turned, "big.npy": array(header(">f4")),
        "scalar.npy": array(header("<f8", shape="()"), values=VALUES[:8]),
        "object.npy": array(header("|O")),
        "empty.npy": array(header(shape="(0, 4)"), values=b""), "v2.npy": array(header(), 2),
        "v3.npy": array(header(), 3), "text0": header(), "text1": header(">i2", True, "(16,)"),
        "text2": b"{'shape':(4,2),'descr':\"<c8\",'fortran_order':False}",
        "stored.npz": archive(members), "deflated.npz": archive(members, compressed=True),
        "piped.npz": piped(members), "unchecked.npz": without_checksums(archive(members)),
    }


# ---- sentencepiece ----


def varint(value):
    out = b""
    while value > 127:
        out += bytes((value & 127 | 128,))
        value >>= 7
    return out + bytes((value,))


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    if isinstance(content, float):
        return varint(number << 3 | 5) + struct.pack("<f", content)
    return varint(number << 3 | 2) + varint(len(content)) + content


NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def sentencepiece(kind, extra=()):
    pieces = [("<unk>", 0.0, UNKNOWN), ("[CLS]", 0.0, CONTROL), ("[SEP]", 0.0, CONTROL),
              ("\u2581a", -1.0, NORMAL), ("b", -2.0, NORMAL), ("\u2581ab", -3.0, NORMAL),
              ("5,", -4.0, NORMAL), ("\u00e9", -5.0, NORMAL), ("a\u00e9", -6.0, NORMAL), *extra]
    out = b"".join(field(1, field(1, piece.encode()) + field(2, score) + field(3, what))
                   for piece, score, what in pieces)
    trainer = field(3, kind) + field(40, 0) + field(45, b"<unk>")
    charsmap = struct.pack("<II", 4, 0) + b"x\0"  # a tree of one node, and what it maps to
    normalizer = field(1, b"nmt_nfkc") + field(2, charsmap) + field(3, 1) + field(4, 1)
    return out + field(2, trainer) + field(3, normalizer)


def sentencepieces():
    unigram = sentencepiece(1)
    each = [("<0x%02X>" % i, 0.0, BYTE) for i in range(256)]
    return {"unigram": unigram, "bpe": sentencepiece(2), "bytes": sentencepiece(2, each),
            "short": unigram[:40], "empty": b""}


# ---- Parts of torch.distributed.checkpoint ----


def part(*slices, dropped=()):
    """How many bytes of data a part has, and its header: fuzz_distributed makes files of them."""
    tensors, sharding, end = {}, {}, 0
    for name, shape, offsets, *dtype in slices:
        begin, end = end, end + math.prod(shape) * (2 if dtype else 1)
        tensors[name] = {"dtype": dtype[0] if dtype else "U8", "shape": shape,
                         "data_offsets": [begin, end]}
        sharding[name] = {"saved_offsets": offsets}
    words = {"format": "pt", "DCP_SHARDING_INFO": json.dumps(sharding), **dict(dropped)}
    return bytes([end]) + json.dumps({"__metadata__": words, **tensors}).encode()


def parts():
    cut = b"\xff"
    front = part(("a.w", [2, 3], [0, 0]))
    return {"rows": front + cut + part(("a.w", [1, 3], [2, 0])),
            "columns": front + cut + part(("a.w", [2, 5], [0, 3])),
            "three": cut.join([front, part(("a.w", [1, 1], [2, 0]), ("b", [], [])),
                               part(("a.w", [1, 2], [2, 1]), ("e", [0, 4], [0, 0]))]),
            "overlap": front + cut + part(("a.w", [2, 3], [1, 0])),
            "hole": front + cut + part(("a.w", [2, 3], [3, 0])),
            "far": front + cut + part(("a.w", [1, 3], [2**63 - 1, 0])),
            "dropped": front + cut + part(("a.w", [1, 3], [2, 0]), dropped=[("b.w", "a.w")]),
            "pruned": part(("w_mask", [1, 2], [0, 0]), ("w_orig", [1, 2], [0, 0], "BF16"))
            + cut + part(("w_mask", [1, 2], [1, 0]), ("w_orig", [1, 2], [1, 0], "BF16")),
            "alone": front, "damaged": front + cut + b"\x05{"}


# ---- Archives of torch.export ----


def exported(dtype=7, sizes=(2, 2), strides=(2, 1), offset=0, key="weight_0"):
    def number(value):
        return {"as_int": value}
    meta = {"dtype": dtype, "sizes": list(map(number, sizes)), "requires_grad": True,
            "device": {"type": "cpu", "index": None}, "strides": list(map(number, strides)),
            "storage_offset": number(offset), "layout": 7}
    return {"path_name": key, "is_param": True, "use_pickle": False, "tensor_meta": meta}


def exports():
    def config(**tensors):
        return json.dumps({"config": tensors}).encode()
    plain = config(w=exported(), b=exported(1, (3,), (1,), 0, "weight_1"))
    members = {"m/data/weights/weight_0": VALUES, "m/data/weights/weight_1": b"abc",
               "m/data/weights/model_weights_config.json": plain, "m/archive_format": b"pt2",
               "m/data/constants/model_constants_config.json": config(c=exported()),
               "m/archive_version": b"0", "m/byteorder": b"little"}
    two = {**members, "m/data/weights/b_weights_config.json": config(w=exported(12, (), ()))}
    big = {**members, "m/byteorder": b"big"}
    return {"plain": plain, "turned": config(w=exported(6, (4, 2), (1, 4))),
            "steps": config(w=exported(28, (2, 3), (0, 2), 3)),
            "empty": config(w=exported(sizes=(0, 3), strides=(3, 1), key="weight_2")),
            "behind": config(w=exported(offset=1)), "pickled": config(w={"use_pickle": True}),
            "float8": config(w=exported(29)), "wide": config(w=exported(8, (2**32, 2**32), (0, 0))),
            "stored.pt2": archive(members), "deflated.pt2": archive(members, compressed=True),
            "two.pt2": archive(two), "big.pt2": archive(big),
            "older.pt2": archive({"serialized_exported_program.json": b"{}"})}


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "corpus")
    pickles = {name: whole_pickle(value) for name, value in tensor_pickles().items()}
    seeds = {"pickle": {**pickles, **odd_pickles()}, "zip": zips(), "torch": torch_files(),
             "npz": numpy_files(), "sentencepiece": sentencepieces(),
             "distributed": parts(), "pt2": exports()}
    for surface, files in seeds.items():
        folder = os.path.join(target, surface)
        os.makedirs(folder, exist_ok=True)
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as out:
                out.write(content)


if __name__ == "__main__":
    main()
