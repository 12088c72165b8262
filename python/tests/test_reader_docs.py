# SPDX-License-Identifier: MIT
"""The examples of docs/api-python.md's part on reading run as they stand."""
import pathlib
import re
import subprocess
import sys

import fletch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_examples_run(golden, tmp_path):
    text = (ROOT / "docs" / "api-python.md").read_text()
    part = text.partition("\n## Reading\n")[2].partition("\n## ")[0]
    examples = re.findall(r"```python\n(.*?)```", part, re.S)
    assert len(examples) >= 4
    fletch.convert(golden("bert-safetensors"), tmp_path / "bert")
    program = "import warnings\nwarnings.simplefilter('error')\n" + "\n".join(examples)
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == \
        ["bert", "mine", "mine.safetensors"]
