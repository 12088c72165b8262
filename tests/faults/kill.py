#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill.py BUILD WORK - conversions ended at random moments, by SIGKILL and by SIGINT

FLETCH_SEED chooses the moments; the seed is printed.
"""
import os
import random
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from outputs import Bench  # noqa: E402
from tap_points import Tap, one_line, run  # noqa: E402

BUILD, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
MODELS = os.path.join(WORK, "models")
KILLS = 50
INTERRUPTS = 10
# Typical is a few milliseconds; the bound only has to hold on a machine under load.
INTERRUPT_SECONDS = 2.0
TAP = Tap()


def start(bench):
    return subprocess.Popen(bench.command(bench.model), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kill_at_random(bench, seconds):
    seed = int(os.environ.get("FLETCH_SEED", "20"))
    moments = random.Random(seed)
    wrong, killed, ended = [], 0, {"old": 0, "new": 0}
    for _ in range(KILLS):
        bench.reset(True)
        moment = moments.uniform(0, seconds)
        process = start(bench)
        time.sleep(moment)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        state = bench.state()
        if state not in ended:
            wrong.append("after %.4f s: %s" % (moment, state))
            continue
        ended[state] += 1
    bench.convert(bench.model)
    if bench.leftovers() or bench.state() != "new":
        wrong.append("the next conversion leaves %s" % bench.leftovers())
    print("# seed %d: %d of %d killed before the end; output old %d times, new %d times"
          % (seed, killed, KILLS, ended["old"], ended["new"]))
    TAP.ok(not wrong, "killed at %d random moments, the output is the old one or the new one"
           % KILLS, "\n".join(wrong))
    TAP.ok(killed >= KILLS // 4, "the moments fall into the conversion",
           "only %d of %d" % (killed, KILLS))


def leftovers_go(bench):
    """What a killed process left is removed by the next, and only that"""
    bench.reset(True)
    process = start(bench)
    while not bench.leftovers() and process.poll() is None:
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    left = bench.leftovers()
    TAP.ok(left, "a killed conversion leaves its staging folder")
    bench.convert(bench.model)
    TAP.equal((bench.leftovers(), bench.state()), ([], "new"), "which the next one removes")


def interrupt(bench):
    wrong, slowest = [], 0.0
    for i in range(INTERRUPTS):
        bench.reset(i % 2 == 0)
        before = bench.state()
        process = start(bench)
        while not bench.leftovers() and process.poll() is None:
            time.sleep(0.0005)
        time.sleep(0.002 * i)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        took = time.monotonic() - begin
        found = (process.returncode, bench.state(), bench.leftovers())
        if found == (0, "new", []):
            continue
        slowest = max(slowest, took)
        if found != (130, before, []) or not one_line(said) or took > INTERRUPT_SECONDS:
            wrong.append("%r after %.3f s, said %r" % (found, took, said))
    print("# the slowest answer to SIGINT took %.1f ms" % (1000 * slowest))
    TAP.ok(not wrong, "SIGINT: exit 130, one line, the output as it was, nothing beside it",
           "\n".join(wrong))
    TAP.ok(slowest > 0, "and it came in time to interrupt")


def terminal_interrupt(bench):
    """The same for SIGTERM, which service managers and time limits send"""
    bench.reset(True)
    process = start(bench)
    while not bench.leftovers() and process.poll() is None:
        time.sleep(0.0005)
    process.terminate()
    process.communicate()
    TAP.ok(bench.state() in ("old", "new"), "SIGTERM: the output is old or new")


def main():
    # A shell ignores it for what it runs in the background, and so would all children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.makedirs(WORK, exist_ok=True)
    maker = os.path.join(BUILD, "tests", "make", "make_models")
    assert run(maker, MODELS, "odd", "large").returncode == 0
    bench = Bench(os.path.join(BUILD, "fletch"), os.path.join(WORK, "place"),
                  os.path.join(MODELS, "odd"), os.path.join(MODELS, "large"),
                  ["--type", "transformers"])
    begin = time.monotonic()
    bench.reset(False)
    bench.convert(bench.model)
    seconds = time.monotonic() - begin
    kill_at_random(bench, seconds)
    leftovers_go(bench)
    interrupt(bench)
    terminal_interrupt(bench)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
