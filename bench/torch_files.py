#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""torch_files.py SOURCE TARGET - a safetensors model's folder again, as pytorch_model.bin

A zip with the pickle and the storages where torch.save puts them, each on a multiple of 64
bytes, so that the bench needs no torch to make one. torch.load reads it.
"""
import json
import os
import shutil
import struct
import sys
import zipfile

STORAGES = {"F32": ("FloatStorage", 4), "F16": ("HalfStorage", 2), "BF16": ("BFloat16Storage", 2)}
CHUNK = 1 << 22
ALIGN = 64
ROOT = "archive"
LOCAL_SIZE = 30


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def whole(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(whole, values)) + b"t"


def pickled(tensors):
    """protocol 2: an OrderedDict of torch._utils._rebuild_tensor_v2 calls"""
    parts = [b"\x80\x02ccollections\nOrderedDict\n)R("]
    for key, (name, entry) in enumerate(tensors):
        storage, _ = STORAGES[entry["dtype"]]
        strides, count = [], 1
        for size in reversed(entry["shape"]):
            strides.insert(0, count)
            count *= size
        parts += [text(name), b"ctorch._utils\n_rebuild_tensor_v2\n((", text("storage")]
        parts += [b"ctorch\n%s\n" % storage.encode(), text(str(key)), text("cpu"), whole(count)]
        parts += [b"tQ", whole(0), numbers(entry["shape"]), numbers(strides)]
        parts += [b"\x89ccollections\nOrderedDict\n)RtR"]
    return b"".join(parts) + b"u."


def member(archive, name):
    """its header padded, as torch does it, so that the bytes begin on a multiple of ALIGN"""
    info = zipfile.ZipInfo(f"{ROOT}/{name}")
    begin = archive.fp.tell() + LOCAL_SIZE + len(info.filename) + 4
    pad = -begin % ALIGN
    info.extra = b"FB" + struct.pack("<H", pad) + b"Z" * pad
    return info


def main():
    source, target = sys.argv[1:3]
    os.makedirs(target, exist_ok=True)
    path = os.path.join(target, "pytorch_model.bin")
    with open(os.path.join(source, "model.safetensors"), "rb") as file, \
            zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        header.pop("__metadata__", None)
        tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        archive.writestr(member(archive, "data.pkl"), pickled(tensors))
        archive.writestr(member(archive, "byteorder"), b"little")
        for key, (_, entry) in enumerate(tensors):
            begin, end = entry["data_offsets"]
            info = member(archive, f"data/{key}")
            info.file_size = end - begin
            file.seek(8 + size + begin)
            with archive.open(info, "w") as out:
                shutil.copyfileobj(Part(file, end - begin), out, CHUNK)
        archive.writestr(member(archive, "version"), b"3\n")
    # Last: what has a config.json is complete.
    shutil.copy(os.path.join(source, "config.json"), target)


class Part:
    """the next bytes of a file"""

    def __init__(self, file, left):
        self.file, self.left = file, left

    def read(self, size):
        part = self.file.read(min(size, self.left))
        self.left -= len(part)
        return part


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n", maxsplit=1)[0])
    main()
