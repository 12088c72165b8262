#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tap.py - runs test programs, believes only their TAP, adds up

tap.py run RESULTS NAME COMMAND...   one program that prints TAP
tap.py check RESULTS NAME COMMAND... one program that is one point: its exit status
tap.py meson RESULTS NAME BUILD [SUITE] the tests of a Meson build, through `meson test`
tap.py sum RESULTS...                skipped ones, then the line `N passed, N failed`

RESULTS is a file of JSON lines, one for each program that ran. A program that prints no
plan, fewer points than planned, or exits non-zero without a failed point counts as failed:
nothing that did not report is taken for passed, and what was skipped is not passed.
RESULTS_PREFIX of the environment goes in front of names.
"""
import json
import os
import re
import subprocess
import sys
import threading
import time

POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?([^#]*)(?:#\s*(.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#.*)?$")
# A suite that hangs is a failure, not a wait.
LIMIT_SECONDS = 1500


def read_tap(text, status):
    """(passed, failed, skipped, [what failed]) of one program's output"""
    passed = failed = skipped = 0
    planned = None
    why = []
    for line in text.splitlines():
        plan = PLAN.match(line)
        point = POINT.match(line)
        if plan:
            planned = int(plan.group(1)) + (planned or 0)
        elif line.startswith("Bail out!"):
            why.append(line)
        elif point:
            if (point.group(4) or "").lower().startswith("skip"):
                skipped += 1
            elif point.group(1):
                failed += 1
                why.append((point.group(3) or line).strip())
            else:
                passed += 1
    seen = passed + failed + skipped
    if planned is None:
        failed += 1
        why.append("no TAP plan (exit status %s)" % status)
    elif seen != planned:
        failed += max(planned - seen, 1)
        why.append("%d points of %d (exit status %s)" % (seen, planned, status))
    elif status != 0 and failed == 0:
        failed += 1
        why.append("exit status %s" % status)
    return passed, failed, skipped, why


def record(path, name, counts, seconds):
    passed, failed, skipped, why = counts
    name = os.environ.get("RESULTS_PREFIX", "") + name
    entry = {"name": name, "passed": passed, "failed": failed, "skipped": skipped}
    with open(path, "a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")
    note = ", %d skipped" % skipped if skipped else ""
    print("%-28s %5d passed, %d failed%s  (%.1f s)" % (name, passed, failed, note, seconds))
    for line in why:
        print("    " + line)
    sys.stdout.flush()


def run_program(command, echo):
    """(output, exit status); `echo` decides which lines are shown as they come"""
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    timer = threading.Timer(LIMIT_SECONDS, started.kill)
    timer.start()
    lines = []
    for line in started.stdout:
        lines.append(line)
        if echo(line):
            sys.stdout.write("    " + line)
            sys.stdout.flush()
    status = started.wait()
    timer.cancel()
    return "".join(lines), status


def run(results, name, command):
    begin = time.monotonic()
    text, status = run_program(command, lambda line: not POINT.match(line)
                               and not PLAN.match(line))
    record(results, name, read_tap(text, status), time.monotonic() - begin)


def check(results, name, command):
    begin = time.monotonic()
    text, status = run_program(command, lambda line: False)
    if status:
        sys.stdout.write("".join("    " + l + "\n" for l in text.splitlines()[-60:]))
    counts = (1, 0, 0, []) if status == 0 else (0, 1, 0, ["exit status %d" % status])
    record(results, name, counts, time.monotonic() - begin)


def meson(results, name, build, suite=None):
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    only = ["--suite", suite] if suite else []
    out, status = run_program(["meson", "test", "-C", build, "--no-rebuild"] + only,
                              lambda line: False)
    if not os.path.exists(log):
        sys.stdout.write(out)
        record(results, name, (0, 1, 0, ["meson test left no log"]), 0.0)
        return
    with open(log, encoding="utf-8") as entries:
        for line in entries:
            entry = json.loads(line)
            text, status = entry.get("stdout") or "", entry["returncode"]
            counts = read_tap(text, status)
            record(results, name + entry["name"].split(" / ")[-1].split(":")[-1], counts,
                   entry["duration"])
            if counts[1]:
                tail = text.splitlines() + (entry.get("stderr") or "").splitlines()[-40:]
                sys.stdout.write("".join("    | " + l + "\n" for l in tail
                                         if not l.startswith("ok ")))


def total(paths):
    passed = failed = skipped = 0
    for path in paths:
        with open(path, encoding="utf-8") as entries:
            for entry in map(json.loads, entries):
                passed += entry["passed"]
                failed += entry["failed"]
                skipped += entry["skipped"]
                if entry["failed"]:
                    print("failed: %s (%d)" % (entry["name"], entry["failed"]))
    if skipped:
        print("%d skipped" % skipped)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


def main(arguments):
    if len(arguments) >= 4 and arguments[0] in ("run", "check"):
        (run if arguments[0] == "run" else check)(arguments[1], arguments[2], arguments[3:])
        return 0
    if len(arguments) in (4, 5) and arguments[0] == "meson":
        meson(*arguments[1:])
        return 0
    if len(arguments) >= 2 and arguments[0] == "sum":
        return total(arguments[1:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
