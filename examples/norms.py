#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""norms.py CHECKPOINT - the norm of each tensor of a checkpoint of any format; needs numpy"""
import sys

import numpy

import fletch


def main(path: str) -> int:
    with fletch.open_checkpoint(path) as checkpoint:
        for name, tensor in checkpoint.items():
            norm = float(numpy.linalg.norm(tensor.numpy().astype(numpy.float64)))
            print(f"{name:<60} {tensor.dtype:<9} {norm:.3f}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: norms.py CHECKPOINT")
    sys.exit(main(sys.argv[1]))
