#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""old_pyarrow.py FLETCH WORK - files of the oldest pyarrow whose wheels this Python takes

The Python package reads every variant of python/tests/old_files.py, written by that pyarrow,
and gives the tensors that went in.
"""
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "python", "tests"))
import old_files  # noqa: E402

# The first with wheels for that version of Python, and the numpy that it was built with.
OLDEST = {(3, 11): ["pyarrow==10.0.1", "numpy==1.26.4"],
          (3, 12): ["pyarrow==14.0.0", "numpy==1.26.4"],
          (3, 13): ["pyarrow==18.0.0", "numpy"]}


def main():
    fletch, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    package = os.path.join(os.path.dirname(fletch), "python")
    packages = OLDEST.get(sys.version_info[:2])
    if not packages or not os.path.isdir(package):
        print("1..0 # SKIP no old pyarrow is known for this Python, or there is no package")
        return
    os.makedirs(work, exist_ok=True)
    venv, files = os.path.join(work, "venv"), os.path.join(work, "files")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = os.path.join(venv, "bin", "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                    "--only-binary=:all:", *packages], check=True)
    version = subprocess.run([python, old_files.__file__, files], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    sys.path.insert(0, package)
    import fletch as module

    expected = old_files.tensors()
    names = [name for name in old_files.VARIANTS if os.path.isdir(os.path.join(files, name))]
    for number, name in enumerate(names, 1):
        found = module.load_file(os.path.join(files, name))
        good = list(found) == list(expected) and all(
            found[key].dtype == values.dtype and np.array_equal(found[key], values)
            for key, values in expected.items())
        print(f"{'' if good else 'not '}ok {number} - pyarrow {version}: {name}")
    print(f"1..{len(names)}")
    if len(names) < len(old_files.VARIANTS) - 1:
        sys.exit(1)


if __name__ == "__main__":
    main()
