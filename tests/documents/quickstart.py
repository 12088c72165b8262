#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quickstart.py WHEELS WORK - the commands of docs/quickstart.md, from nothing to an embedding

Each is run as it stands, in a folder with what of this one they use. Only what pip installs is
the wheel in WHEELS where there is one, which is what pip makes of this folder: it takes minutes.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)
from tap_points import Tap  # noqa: E402

WHEELS, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
TAP = Tap()
NUMBER = re.compile(r"-?\d+\.\d+")
# Of the embeddings, whose last digit is the processor's business.
MARGIN = 0.002


def shown():
    """(commands, what is printed) of the document's block"""
    with open(os.path.join(ROOT, "docs", "quickstart.md"), encoding="utf-8") as stream:
        lines = re.search(r"```console\n(.*?)```", stream.read(), re.S)[1].splitlines()
    return ([line[2:] for line in lines if line.startswith("$ ")],
            [line for line in lines if not line.startswith("$ ")])


def as_it_is(command):
    wheels = sorted(glob.glob(os.path.join(WHEELS, "*.whl")))
    install = "pip install --quiet "
    TAP.ok("pip" not in command or install + ". " in command, "pip installs this folder")
    return command.replace(install + ". ", install + (wheels[-1] if wheels else ROOT) + " ")


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(os.path.join(WORK, "demo"))
    for name in ("examples", "tests"):
        os.symlink(os.path.join(ROOT, name), os.path.join(WORK, name))
    commands, told = shown()
    TAP.ok(len(commands) == 5, "five commands")
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PYTHON")}
    printed = ""
    for command in commands:
        done = subprocess.run(["sh", "-c", as_it_is(command)], cwd=WORK, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        TAP.ok(done.returncode == 0, command, done.stderr[-2000:])
        printed += done.stdout
    TAP.ok([NUMBER.sub("N", line) for line in printed.splitlines()] ==
           [NUMBER.sub("N", line) for line in told], "they print what is shown", printed)
    pairs = list(zip(NUMBER.findall(printed), NUMBER.findall("\n".join(told))))
    TAP.ok(len(pairs) == 12 and all(abs(float(a) - float(b)) < MARGIN for a, b in pairs),
           "the embeddings are those that are shown", printed)
    shutil.rmtree(WORK)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
