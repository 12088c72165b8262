# SPDX-License-Identifier: MIT
"""measure.py - processes timed and weighed, and tables of what came out

Standard library only, and small on purpose: a child's peak memory is at least its parent's
at the time of the start.
"""
import os
import sys
import tempfile
import time

MIB = 1 << 20


class Run:
    """one finished process: seconds of wall and of processor time, peak bytes, its output"""

    def __init__(self, seconds, usage, text):
        self.seconds, self.text = seconds, text
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024


def run(command):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        redirect = [
            (os.POSIX_SPAWN_DUP2, out.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, err.fileno(), 2),
        ]
        began = time.perf_counter()
        child = os.posix_spawn(command[0], command, os.environ, file_actions=redirect)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        if status:
            words = err.read().decode(errors="replace").strip()
            sys.exit(f"bench: {' '.join(command)}: status {status}: {words}")
        return Run(seconds, usage, out.read().decode())


def interleaved(commands, runs, before=None):
    """{name: run} of commands that take turns: the quickest of each, with the least processor
    time and the highest peak that any of its runs had"""
    best = {}
    for _ in range(runs):
        for name, command in commands.items():
            if before:
                before()
            one = run(command)
            if name in best:
                other = best[name]
                peak, cpu = max(other.peak, one.peak), min(other.cpu, one.cpu)
                best[name] = min(other, one, key=lambda run: run.seconds)
                best[name].peak, best[name].cpu = peak, cpu
            else:
                best[name] = one
    return best


def median_ms(command, runs):
    times = sorted(run(command).seconds for _ in range(runs))
    return times[len(times) // 2] * 1e3


def seconds(value):
    return f"{value:.3f}"


def ms(value):
    return f"{1e3 * value:.0f}"


def mib(value):
    return f"{value / MIB:.1f}"


def times(value):
    return f"{value:.2f}x"


def verdict(good):
    return "met" if good else "missed"


class Table:
    def __init__(self, title, note, headers):
        self.title, self.note, self.headers, self.rows = title, note, headers, []

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def as_dict(self):
        return {
            "title": self.title,
            "note": self.note,
            "headers": self.headers,
            "rows": self.rows,
        }


def is_number(cell):
    return cell[:1].isdigit() or cell in ("", "-")


def aligned(table):
    """lines of cells, padded: words to the left, numbers to the right"""
    lines = [table["headers"]] + table["rows"]
    columns = list(zip(*lines))
    widths = [max(map(len, column)) for column in columns]
    right = [all(map(is_number, column[1:])) for column in columns]
    for line in lines:
        cells = zip(line, widths, right)
        yield [cell.rjust(w) if r else cell.ljust(w) for cell, w, r in cells]


def plain(table):
    rows = ["  ".join(line).rstrip() for line in aligned(table)]
    return "\n".join(["", table["title"], "", *rows, "", table["note"]]).rstrip() + "\n"


def markdown(table):
    lines = ["| " + " | ".join(line) + " |" for line in aligned(table)]
    columns = list(zip(*table["rows"])) or [()] * len(table["headers"])
    marks = ["---:" if all(map(is_number, column)) else "---" for column in columns]
    lines.insert(1, "| " + " | ".join(marks) + " |")
    return "\n".join(["### " + table["title"], "", *lines, "", table["note"]]).rstrip() + "\n"
