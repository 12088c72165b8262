#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pipelines.py FLETCH WORK - every kind of module that sentence-transformers has

Each pipeline is made by the library, converted and verified; tests/golden/walk.py demands that
every tensor of every weights file below the folder is told. What metadata.json says of it must
be what the library says of the same folder: the kind, the modules, the dimension of what comes
out, prompts, how the poolings pool. A module of the library that is in none of them fails.
"""
import inspect
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="")
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.join(TESTS, "golden")]
import make_pipelines  # noqa: E402
import recorded  # noqa: E402
from sentence_transformers.base.modules import Module  # noqa: E402
from tap_points import Tap, load_json, one_line, run  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
WALK = os.path.join(TESTS, "golden", "walk.py")
TAP = Tap()
# What is refused, and what the sentence must say.
REFUSED = {
    "bow": "is a BoW, which counts the words of a list and has no tensors",
    "bow-dense": "bow-dense/1_Dense with --type any",
    "cross-decoder": "models that generate text are not converted",
}
# Bases of other modules, and one that cannot be saved; and two that are others by now.
NO_MODULES = {"Module", "InputModule", "BaseTokenPooling", "LambdaTokenPooling"}
SAME = {"Asym": "Router", "CLIPModel": "Transformer"}


def kinds_of_the_library():
    packages = (make_pipelines.dense, make_pipelines.sparse, make_pipelines.multi,
                sys.modules["sentence_transformers.cross_encoder.modules"])
    return {name for package in packages for name, kind in inspect.getmembers(package)
            if inspect.isclass(kind) and issubclass(kind, Module)
            and not inspect.isabstract(kind)} - NO_MODULES


def compare(name, said, out):
    TAP.equal(recorded.differences(out, said), [], name + ": what it says is what the library says")


def check(name):
    said = make_pipelines.make(name, WORK)
    folder, out = os.path.join(WORK, name), os.path.join(WORK, "out-" + name)
    done = run(FLETCH, "convert", folder, "-o", out, "-q")
    if name in REFUSED:
        TAP.ok(done.returncode == 1 and one_line(done.stderr) and REFUSED[name] in done.stderr,
               name + ": refused by name", done.stderr)
        return said
    if not TAP.ok(done.returncode == 0, name + ": converted", done.stderr):
        return said
    walked = run(sys.executable, WALK, folder, out)
    TAP.equal(walked.stdout, "all are told\n", name + ": every tensor is told")
    done = run(FLETCH, "verify", out, "--source", folder, "-q")
    TAP.ok(done.returncode == 0, name + ": verified against its source", done.stderr)
    if load_json(out, "metadata.json")["fletch"]["family"] == "sentence-transformers":
        compare(name, said, out)
    return said


def inner(folder):
    """The kinds of a pipeline's modules, those inside Routers too"""
    kinds = set()
    for below, _, names in os.walk(folder):
        for name in names:
            if name == "modules.json":
                kinds |= {entry["type"] for entry in load_json(below, name)}
            elif name == "router_config.json":
                kinds |= set(load_json(below, name)["types"].values())
    return {kind.rpartition(".")[2] for kind in kinds}


def main():
    make_pipelines.quiet()
    os.makedirs(WORK, exist_ok=True)
    kinds = set()
    for name in make_pipelines.PIPELINES:
        check(name)
        kinds |= inner(os.path.join(WORK, name))
    missing = {kind for kind in kinds_of_the_library() if SAME.get(kind, kind) not in kinds}
    TAP.equal(missing, set(), "every kind of module is in one of them")
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
