#!/bin/sh
# SPDX-License-Identifier: MIT
# torch-export-whole-storage.sh - torch.export.save writes values that the program does not have
#
# Behaviour: a parameter that is a slice of a larger tensor is saved with the whole storage of
#   that tensor, also when the slice is 2 of 1,000 values. torch.export.load gives the slice, and
#   nothing says that the archive holds more.
# Version: torch 2.15.0.
# Source: torch/export/pt2_archive/_package.py, _get_raw_tensor_bytes ("we store the raw bytes the
#   untyped storage").
# Why it matters: an archive of two rows cut out of a model has all of the model's rows in it, for
#   whoever reads it as fletch does, and is as large. A clone before the export avoids it.
#
# Installs torch in a temporary folder, about 5 GB; PYTHON names an interpreter that has this
# version. Exits 1 when the behaviour is another.
set -eu
version=2.15.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-}
if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    python=$work/venv/bin/python
    "$python" -m pip install -q --no-cache-dir "torch==$version" numpy
fi
cd "$work"
"$python" -W ignore - "$version" <<'END'
import sys
import zipfile

import torch


class Cut(torch.nn.Module):
    def __init__(self, kept):
        super().__init__()
        self.kept = torch.nn.Parameter(kept)

    def forward(self, x):
        return x + self.kept


def stored(path, kept):
    torch.export.save(torch.export.export(Cut(kept), (torch.zeros(2),)), path)
    loaded = torch.export.load(path).state_dict["kept"]
    assert torch.equal(loaded, torch.tensor([0.0, 1.0]))
    with zipfile.ZipFile(path) as archive:
        sizes = [member.file_size for member in archive.infolist()
                 if "/data/weights/weight_" in member.filename]
    return loaded.numel(), sizes


found = torch.__version__.split("+")[0]
print("torch", torch.__version__)
whole = torch.arange(1000.0)
values, sizes = stored("slice.pt2", whole[:2])
print(f"a slice: {values} values loaded, {sizes} bytes stored")
values, cloned = stored("clone.pt2", whole[:2].clone())
print(f"its clone: {values} values loaded, {cloned} bytes stored")
sys.exit(0 if found == sys.argv[1] and sizes == [4000] and cloned == [8] else 1)
END
