#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walk.py MODEL OUT - prints the tensors of the folder's safetensors files that OUT's
metadata.json knows nothing of: no row is made of them, and they are not left out"""
import json
import os
import struct
import sys

model, out = sys.argv[1:]
with open(os.path.join(out, "metadata.json")) as file:
    account = json.load(file)["fletch"]
told = {row["tensor"] for row in account["rows"].values()}
told |= {entry["tensor"] for entry in account["left_out"]}
count = 0
for folder, _, names in os.walk(model):
    for name in names:
        if not name.endswith(".safetensors"):
            continue
        with open(os.path.join(folder, name), "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        below = os.path.relpath(folder, model)
        for tensor in header:
            if tensor == "__metadata__":
                continue
            count += 1
            if os.path.join(below, tensor) not in told and tensor not in told:
                print("nothing is said of", os.path.join(below, tensor))
print("all are told" if count else "there are none")
