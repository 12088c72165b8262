#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""console.py BUILD WORK - the examples of README.md and docs print what they are shown to print

Each block of a console is run as it stands, in a folder that looks like this one after `make
demo`. Times are passed over, and so are numbers that another libzstd would make others. Blocks
that install, compile or need what only their document makes are left to other suites.
"""
import difflib
import glob
import os
import re
import shutil
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
sys.path.insert(0, TESTS)
from tap_points import Tap, run  # noqa: E402

BUILD, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
TAP = Tap()
DOCUMENTS = ["README.md", "docs/output.md", "docs/inputs.md", "docs/formats/*.md"]
WITH_EXAMPLES = ("README.md", "docs/output.md", "docs/inputs.md", "docs/formats/parquet.md")
# Of a block whose commands are all of these; the others are other suites' business.
RUN = ("build/fletch", "cp", "printf", "od", "grep")
# Lines with sizes in the file, times, or the CRC of what was compressed
LOOSE = re.compile(r"\b(B|KiB|seconds|compressed_bytes|CRC-32)\b|Compression:")
MARK = "@@ command"


def plain(line):
    """A line with numbers that may differ as N, and blanks that come of them as one"""
    if not LOOSE.search(line):
        return line
    return re.sub(r"\b[0-9a-f]*[0-9][0-9a-f.,]*\b", "N", re.sub(" +", " ", line))


def blocks(text):
    """[[(command, its lines)]] of the text's console blocks"""
    for body in re.findall(r"```console\n(.*?)```", text, re.S):
        shown = []
        for line in body.splitlines():
            if line.startswith("$ "):
                shown.append((line[2:], []))
            else:
                shown[-1][1].append(line)
        if all(command.split()[0] in RUN for command, _ in shown):
            yield shown


def check(name, shown):
    script = "".join("echo '%s'\n%s\n" % (MARK, command) for command, _ in shown)
    printed = subprocess.run(["sh", "-c", script], cwd=WORK, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", check=False).stdout.split(MARK + "\n")[1:]
    for (command, lines), found in zip(shown, printed):
        differ = list(difflib.unified_diff([plain(line) for line in lines],
                                           [plain(line) for line in found.splitlines()],
                                           "shown", "printed", lineterm="", n=0))
        TAP.ok(not differ, "%s: %s" % (name, command), "\n".join(differ[:20]))


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    os.symlink(BUILD, os.path.join(WORK, "build"))
    os.symlink(TESTS, os.path.join(WORK, "tests"))
    os.chdir(WORK)
    done = run(os.path.join(ROOT, "tools", "demo.sh"), "build/fletch")
    TAP.ok(done.returncode == 0, "the models of make demo", done.stderr)
    for pattern in DOCUMENTS:
        for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
            name = os.path.relpath(path, ROOT)
            with open(path, encoding="utf-8") as stream:
                found = list(blocks(stream.read()))
            TAP.ok(found or name not in WITH_EXAMPLES, name + ": its examples are found")
            for shown in found:
                check(name, shown)
    shutil.rmtree(WORK)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
