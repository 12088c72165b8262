#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""foreign.py FLETCH WORK NAME COMMAND... - a reader in another language reads what we write

COMMAND is run once with the paths of all files. For each it prints a line `file PATH`, then
for each row `SHA256 NUM_PARAMS DTYPE [SHAPE] NAME`, shape with commas; or `error WHY`.
"""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from specimens import make  # noqa: E402
from tap_points import Tap, run  # noqa: E402


def main():
    fletch, work = (os.path.abspath(argument) for argument in sys.argv[1:3])
    reader, command = sys.argv[3], sys.argv[4:]
    tap = Tap()
    files = make(fletch, work)
    done = run(*command, *[path for _, path, _ in files])
    tap.ok(done.returncode == 0, reader + " ran", done.stderr)
    found, current = {}, None
    for line in done.stdout.split("\n"):
        if line.startswith("file "):
            current = found.setdefault(line[5:], [])
        elif line and current is not None:
            current.append(line)
    for title, path, expected in files:
        lines = ["%s %d %s [%s] %s" % (digest, count, dtype, ",".join(map(str, shape)), name)
                 for name, shape, dtype, count, digest in expected]
        rows = found.get(path)
        wrong = [pair for pair in zip(rows or [], lines) if pair[0] != pair[1]]
        tap.ok(rows == lines, "%s reads %s (%d rows)" % (reader, title, len(lines)),
               "%s rows; first wrong: %s" % (rows if rows is None else len(rows), wrong[:2]))
    shutil.rmtree(work)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
