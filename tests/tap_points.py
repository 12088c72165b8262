# SPDX-License-Identifier: MIT
"""tap_points.py - what the Python test programs share: TAP points, running the command"""
import hashlib
import json
import os
import struct
import subprocess
import sys


class Tap:
    """Prints points as they come and the plan at the end."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, good, name, why=""):
        self.count += 1
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, name))
        if not good:
            self.failed += 1
            for line in str(why).splitlines()[:20]:
                print("# " + line)
        sys.stdout.flush()
        return good

    def equal(self, found, expected, name):
        return self.ok(found == expected, name, "found    %r\nexpected %r" % (found, expected))

    def finish(self):
        print("1..%d" % self.count)
        return 1 if self.failed else 0


def run(*command, **more):
    """The finished process, its output as text"""
    return subprocess.run(list(command), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, **more)


def one_line(text):
    """True for what a failed command must say: one line that begins with its name"""
    return text.startswith("fletch: ") and text.count("\n") == 1 and text.endswith("\n")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    with open(path, "rb") as stream:
        return sha256(stream.read())


def load_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as stream:
        return json.load(stream)


def read_safetensors(path):
    """{name: (dtype, shape, bytes)}, by the format's own description and nothing else"""
    with open(path, "rb") as stream:
        size, = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
        base = 8 + size
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            stream.seek(base + begin)
            tensors[name] = (entry["dtype"], entry["shape"], stream.read(end - begin))
    return tensors
