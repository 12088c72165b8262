#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""faults.py BUILD WORK - every system call of a conversion goes wrong once

A conversion over an older output, and one into nothing, is repeated with the N-th call
spoiled by shim.c, for every N. After a kill the output is the old one or the new one, whole,
and the next conversion works and tidies up. After a failure that the process lives to see:
exit 1 and one line (130 after an interrupt), the output as it was, nothing beside it. A
transfer that is only cut short succeeds.
"""
import concurrent.futures
import itertools
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from outputs import Bench  # noqa: E402
from tap_points import Tap, one_line, run  # noqa: E402

BUILD, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
FLETCH = os.path.join(BUILD, "fletch")
SHIM = os.path.join(BUILD, "tests", "faults", "shim.so")
MODELS = os.path.join(WORK, "models")
TAP = Tap()
LOCAL = threading.local()
NUMBERS = itertools.count(1)


def start_worker():
    """One processor each: the command then uses one thread, and its calls come in order"""
    number = next(NUMBERS)
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})
    place = os.path.join(WORK, "place-%d" % number)
    LOCAL.bench = Bench(FLETCH, place, os.path.join(MODELS, "whisper"),
                        os.path.join(MODELS, "sentence"))
    LOCAL.forced = Bench(FLETCH, place + "-forced", os.path.join(MODELS, "whisper"),
                         os.path.join(MODELS, "sentence"), ["--force"],
                         ["notes", "tokenizer/vocab.txt", "deep/er/notes"])
    # Weights that are written in many pieces.
    LOCAL.large = Bench(FLETCH, place + "-large", os.path.join(MODELS, "odd"),
                        os.path.join(MODELS, "large"), ["--type", "transformers"])


def spoiled(bench, **shim):
    environment = dict(os.environ, LD_PRELOAD=SHIM)
    environment.update({"SHIM_" + key.upper(): str(value) for key, value in shim.items()})
    return run(*bench.command(bench.model), env=environment, timeout=120)


READS = ("open", "read", "pread")


def list_calls(calls, with_old, kind_of_bench="bench"):
    """[(name, path, published)] of the calls of an undisturbed conversion, in their order;
    published once the output has been renamed into its place"""
    bench = getattr(LOCAL, kind_of_bench)
    log = os.path.join(bench.root, "log")
    if os.path.exists(log):
        os.unlink(log)
    bench.reset(with_old)
    assert spoiled(bench, calls="all", log=log).returncode == 0
    listed, published = [], False
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            name, path = line.rstrip("\n").split(" ", 1)
            if (name in READS) == (calls == "read"):
                listed.append((name, path, published))
            published |= name == "rename"
    return listed


def judge_killed(bench, before, after):
    if after not in (before, "new"):
        return "the output is " + after
    bench.convert(bench.model)
    if bench.state() != "new" or bench.leftovers():
        return "the next conversion left %s, %s" % (bench.state(), bench.leftovers())
    return None


def judge_lived(bench, kind, before, after, done, published):
    expected = 130 if kind in ("int", "late") else 1
    if bench.leftovers() and published and after == "new":
        # What could not be removed of an older output goes with the next conversion.
        bench.convert(bench.model)
    if bench.leftovers():
        return "left behind: %s" % bench.leftovers()
    if done.returncode == 0:
        return None if after == "new" else "exit 0, but the output is " + after
    if kind == "short":
        return "a short transfer ended with %d: %s" % (done.returncode, done.stderr)
    if done.returncode != expected or not one_line(done.stderr):
        return "exit %d, said %r" % (done.returncode, done.stderr)
    if after != before and not (published and after == "new"):
        return "exit %d, said %r, but the output is %s" % (done.returncode, done.stderr, after)
    return None


def attempt(calls, kind, at, with_old, published, kind_of_bench):
    """None when all is well, or a sentence"""
    bench = getattr(LOCAL, kind_of_bench)
    bench.reset(with_old)
    before = "old" if with_old else "none"
    target = os.path.join(bench.model, "model.safetensors")
    done = spoiled(bench, calls=calls, kind=kind, at=at, target=target)
    bench.mend_model()
    after = bench.state()
    if kind == "kill" and done.returncode != -9:
        why = "was not reached"
    elif done.returncode == -9:
        why = judge_killed(bench, before, after)
    else:
        why = judge_lived(bench, kind, before, after, done, published)
    return why and "%s at call %d: %s" % (kind, at, why)


def series(pool, calls, kind, with_old, kind_of_bench="bench"):
    listed = pool.submit(list_calls, calls, with_old, kind_of_bench).result()
    wait = [pool.submit(attempt, calls, kind, at, with_old, published, kind_of_bench)
            for at, (_, _, published) in enumerate(listed, 1)]
    wrong = [why for why in (each.result() for each in wait) if why]
    TAP.ok(listed and not wrong, "%s at each of %d %s calls, over %s%s"
           % (kind, len(listed), calls, "an older output" if with_old else "nothing",
              {"large": ", 24 MiB", "forced": ", other files kept"}.get(kind_of_bench, "")),
           "\n".join(wrong[:12]))


def synced_before_renamed(pool):
    """What a rename shows is on the disk: each file that was written, and the folders"""
    def look(with_old):
        calls = list_calls("write", with_old)
        rename = [name for name, _, _ in calls].index("rename")
        before, behind = calls[:rename], calls[rename + 1:]
        last = {}
        for at, (name, path, _) in enumerate(before):
            if name in ("write", "writev", "pwrite", "ftruncate"):
                last[path] = at
            elif name == "fsync" and path in last:
                del last[path]
        synced = {path for name, path, _ in before if name == "fsync"}
        staged = {os.path.dirname(path) for path in synced if path.endswith(".json")}
        return (sorted(last), len(synced) >= 5, staged <= synced,
                any(name == "fsync" and path.endswith("/place") for name, path, _ in behind))
    for with_old in (True, False):
        TAP.equal(pool.submit(look, with_old).result(), ([], True, True, True),
                  "files and folders are synced before the rename, the folder above after it, "
                  "over " + ("an older output" if with_old else "nothing"))


def shrinking_is_seen(pool):
    """Cut before any read of the weights up to the last, a source is an error"""
    listed = pool.submit(list_calls, "read", False).result()
    reads = [i for i, (name, path, _) in enumerate(listed, 1)
             if name == "pread" and path.endswith("model/model.safetensors")]

    def cut(at):
        bench = LOCAL.bench
        bench.reset(False)
        done = spoiled(bench, calls="read", kind="shrink", at=at,
                       target=os.path.join(bench.model, "model.safetensors"))
        bench.mend_model()
        good = (done.returncode == 1 and one_line(done.stderr) and not bench.leftovers()
                and bench.state() == "none" and "model.safetensors" in done.stderr)
        return None if good else "cut at read %d: exit %d, %s" % (at, done.returncode,
                                                                  done.stderr)
    wrong = [why for why in pool.map(cut, reads) if why]
    TAP.ok(reads and not wrong, "a source that shrinks before any of %d reads of its weights"
           " is an error that names it" % len(reads), "\n".join(wrong[:12]))


def main():
    os.makedirs(WORK, exist_ok=True)
    maker = os.path.join(BUILD, "tests", "make", "make_models")
    assert run(maker, MODELS, "whisper", "sentence", "odd",
               "large").returncode == 0
    count = min(2, len(os.sched_getaffinity(0)))
    with concurrent.futures.ThreadPoolExecutor(count, initializer=start_worker) as pool:
        for kind in ("kill", "torn", "enospc", "edquot", "eio", "short", "int", "late"):
            series(pool, "write", kind, True)
        for kind in ("kill", "enospc", "late"):
            series(pool, "write", kind, False)
        for kind in ("kill", "torn", "enospc", "int"):
            series(pool, "write", kind, True, "large")
        for kind in ("kill", "enospc", "eio", "int"):
            series(pool, "write", kind, True, "forced")
        for kind in ("eio", "short", "int"):
            series(pool, "read", kind, True)
        synced_before_renamed(pool)
        shrinking_is_seen(pool)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
