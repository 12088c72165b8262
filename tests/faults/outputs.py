# SPDX-License-Identifier: MIT
"""outputs.py - what lies in a folder, in a form that can be compared"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap_points import file_sha256, run  # noqa: E402

# What may differ between two conversions of the same model to the same place.
MOVING_KEYS = ("converted_at", "seconds")


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(below) for key, below in value.items()
                if key not in MOVING_KEYS}
    if isinstance(value, list):
        return [without_times(below) for below in value]
    return value


def contents(folder):
    """{relative path: what is in it}; None when there is no such folder"""
    if not os.path.isdir(folder):
        return None
    found = {}
    for at, folders, files in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(at, name), folder)] = "folder"
        for name in files:
            path = os.path.join(at, name)
            text = file_sha256(path)
            if name == "metadata.json":
                with open(path, encoding="ascii") as stream:
                    text = json.dumps(without_times(json.load(stream)))
            found[os.path.relpath(path, folder)] = text
    return found


class Bench:
    """A folder with a model before and after a change, and the outputs of both; `others` are
    files that somebody else put into the older one, which the options have to keep."""

    def __init__(self, fletch, root, old_model, new_model, options=(), others=()):
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(root)
        self.fletch, self.root, self.options = fletch, root, list(options)
        self.model = os.path.join(root, "model")
        shutil.copytree(new_model, self.model)
        self.pristine = new_model
        self.place = os.path.join(root, "place")
        self.out = os.path.join(self.place, "out")
        self.kept = os.path.join(root, "kept")
        self.reset(False)
        self.convert(old_model)
        for name in others:
            path = os.path.join(self.out, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="ascii") as stream:
                stream.write(name)
        shutil.copytree(self.out, self.kept)
        self.old = contents(self.out)
        self.reset(bool(others))
        self.convert(self.model)
        self.new = contents(self.out)
        assert self.old != self.new

    def command(self, model):
        return [self.fletch, "convert", "--model", model, "--output", self.out,
                "--quiet"] + self.options

    def convert(self, model):
        done = run(*self.command(model))
        assert done.returncode == 0, done.stderr

    def reset(self, with_old):
        """The place holds the old output, or nothing; the model is whole"""
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(self.place)
        if with_old:
            shutil.copytree(self.kept, self.out)

    def mend_model(self):
        for at, _, files in os.walk(self.pristine):
            for name in files:
                here = os.path.join(at, name)
                there = os.path.join(self.model, os.path.relpath(here, self.pristine))
                if os.path.getsize(here) != os.path.getsize(there):
                    shutil.copyfile(here, there)

    def state(self):
        """"none", "old", "new", or what is wrong"""
        found = contents(self.out)
        if found is None:
            return "none"
        if found == self.old:
            return "old"
        if found == self.new:
            return "new"
        return "broken: " + ", ".join(sorted(found))

    def leftovers(self):
        return sorted(name for name in os.listdir(self.place) if name != "out")
