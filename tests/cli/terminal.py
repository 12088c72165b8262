#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""terminal.py BUILD - looks at a pseudo terminal's screen while fletch works; prints TAP

The meter program plays a conversion of known length to the progress meter; the real command
converts a case of tests/golden. What each writes goes through a small terminal: carriage
return, line feed, erase to the end of the line, wrapping at the edge.
"""
import fcntl
import json
import multiprocessing
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

BUILD = os.path.realpath(sys.argv[1])
METER = os.path.join(BUILD, "tests/cli/meter")
FLETCH = os.path.join(BUILD, "cli/fletch")
GOLDEN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../golden")
OPEN_LINE = 'fletch: bert (config.json: model_type "bert"), 199 tensors'
WARNING_LINE = "fletch: warning: tensor 'x': one value is beyond float16"
SUMMARY = ["  Model:", "  Output:", "  Parameters:", "  File size:", "  Compression:",
           "  Time:", "  Validation:      PASSED"]

points = 0
failures = 0


def point(good, title, *why):
    global points, failures
    points += 1
    failures += not good
    print("%s %d - %s" % ("ok" if good else "not ok", points, title))
    if not good:
        for text in why:
            print("# " + repr(text))
    sys.stdout.flush()


def skip(title):
    global points
    points += 1
    print("ok %d - skipped # SKIP %s" % (points, title))


class Screen:
    """What a terminal of so many columns shows, and the widest its current line has been."""

    def __init__(self, columns):
        self.columns = columns
        self.lines = [""]
        self.at = 0
        self.wrapped = 0

    def put(self, char):
        if self.at == self.columns:
            self.wrapped += 1
            self.lines.append("")
            self.at = 0
        line = self.lines[-1].ljust(self.at)
        self.lines[-1] = line[:self.at] + char + line[self.at + 1:]
        self.at += 1

    def feed(self, text):
        while text:
            if text.startswith("\x1b[K"):
                self.lines[-1] = self.lines[-1][:self.at]
                text = text[3:]
                continue
            if text[0] == "\r":
                self.at = 0
            elif text[0] == "\n":
                self.lines.append("")
            elif text[0] >= " ":
                self.put(text[0])
            else:
                raise ValueError("control character %r" % text[0])
            text = text[1:]

    def text(self):
        return [line.rstrip() for line in self.lines if line.strip()]


def wrapped(line, columns):
    pieces = [line[i:i + columns].rstrip() for i in range(0, len(line), columns)]
    return [piece for piece in pieces if piece]


def run(argv, columns, signals=(), **environment):
    """[(seconds, text)], exit status, seconds from the first signal to the end"""
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.05)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # nohup has one of them ignored
        os.environ.update({"TERM": "xterm"}, **environment)
        os.execv(argv[0], argv)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    pieces, started, sent, first = [], time.monotonic(), 0, None
    while True:
        if sent < len(signals) and time.monotonic() - started >= signals[sent][0]:
            os.kill(pid, signals[sent][1])
            first = first or time.monotonic()
            sent += 1
        if not select.select([fd], [], [], 0.005)[0]:
            continue
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append((time.monotonic() - started, piece.decode()))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return pieces, status, time.monotonic() - (first or started)


def play(columns):
    return run([METER, "30", "15"], columns)


def play_slowly(_):
    return subprocess.run([METER, "1", "5050"], capture_output=True, text=True).stderr


def check_widths():
    widths = (200, 80, 40, 30, 20, 12, 6, 5, 3)
    with multiprocessing.Pool(3) as pool:
        slow = pool.map_async(play_slowly, [0])
        plays = pool.map(play, widths, 1)
        lines = slow.get()[0].splitlines()
    for columns, (pieces, status, seconds) in zip(widths, plays):
        text = "".join(piece for _, piece in pieces)
        screen = Screen(columns)
        screen.feed(text)
        want = wrapped(OPEN_LINE, columns) + wrapped(WARNING_LINE, columns) + wrapped("done", columns)
        point(status == 0 and screen.text() == want,
              "%d columns: nothing is left of the bar" % columns, screen.text())
        frames = re.findall(r"\r([^\r\n\x1b]+)\x1b\[K", text)
        widest = max((len(frame) for frame in frames), default=0)
        point(widest < columns and (frames or columns < 5),
              "%d columns: no frame reaches the edge" % columns, widest, frames[:2])
        point(len(frames) <= seconds * 10 + 1,
              "%d columns: ten frames a second at most" % columns, len(frames), seconds)
        percents = [int(p) for frame in frames for p in re.findall(r"(\d+)%", frame)]
        point(percents == sorted(percents) and all(p <= 100 for p in percents),
              "%d columns: the per cent only grow" % columns, percents)
        if columns >= 40:
            point(all(re.search(r"%.*\[#*-*\].* +\d+/199 .*iB/s +(\d+:\d\d|-:--)", frame)
                      for frame in frames),
                  "%d columns: bar, count, rate and time are there" % columns, frames[:2])
    want = [re.escape(OPEN_LINE), "fletch: writing 199 tensors, 418 MiB",
            re.escape(WARNING_LINE), "fletch: 60%, 199 of 199 tensors, 0:0[34] left",
            "fletch: verifying 199 tensors, 418 MiB",
            "fletch: 100%, 199 of 199 tensors, 0:00 left"]
    point(len(lines) == len(want) and all(map(re.fullmatch, want, lines)),
          "long work says now and then how far it is", lines)


def check_quiet_ones():
    for title, argv, environment, want in (
            ("a dumb terminal gets plain lines", [], {"TERM": "dumb"},
             [OPEN_LINE, "fletch: writing 199 tensors, 418 MiB", WARNING_LINE,
              "fletch: verifying 199 tensors, 418 MiB", "done"]),
            ("--no-progress leaves the talk", ["plain"], {}, [OPEN_LINE, WARNING_LINE, "done"]),
            ("--quiet leaves nothing", ["quiet"], {}, ["done"])):
        pieces, status, _ = run([METER, "10", "30"] + argv, 80, **environment)
        text = "".join(piece for _, piece in pieces)
        point(status == 0 and text.replace("\r\n", "\n").splitlines() == want
              and "\x1b" not in text, title, text)
    done = subprocess.run([METER, "10", "30"], capture_output=True, text=True)
    point(done.stderr.splitlines() == [OPEN_LINE, "fletch: writing 199 tensors, 418 MiB",
                                       WARNING_LINE,
                                       "fletch: verifying 199 tensors, 418 MiB"]
          and done.stdout == "done\n", "where stderr is no terminal: plain lines",
          done.stderr)


def check_signals():
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        pieces, status, _ = run([METER, "1000", "10"], 80, [(0.6, number)])
        screen = Screen(80)
        screen.feed("".join(piece for _, piece in pieces))
        point(status == code and screen.text() == [OPEN_LINE, "fletch: interrupted"],
              "signal %d: exit code %d and a clean screen" % (number, code), status,
              screen.text())
    _, status, _ = run([METER, "1000", "10", "stubborn"], 80,
                       [(0.5, signal.SIGINT), (0.7, signal.SIGINT)])
    point(status == -signal.SIGINT, "the second interrupt kills", status)
    started = subprocess.Popen([METER, "1000", "10", "watched"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    started.terminate()
    out, err = started.communicate()
    point(started.returncode == 143 and out == "left behind: out\n"
          and err.endswith("fletch: interrupted\n"),
          "work that does not stop is left behind, and reported", started.returncode, out, err)


def check_command():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for columns in (100, 80, 40):
            model = "model"
            if not os.path.exists(model):
                os.symlink(os.path.join(GOLDEN, "bert-safetensors/source"), model)
            pieces, status, _ = run([FLETCH, "convert", model, "-o", "out", "-c", "none"], columns)
            screen = Screen(columns)
            screen.feed("".join(piece for _, piece in pieces))
            lines = screen.text()
            point(status == 0 and lines[0].startswith("fletch: bert (config.json")
                  and [line[:len(want)] for line, want in zip(
                      [line for line in lines if line.startswith("  ")], SUMMARY)] == SUMMARY,
                  "%d columns: convert tells what it is and sums up" % columns, lines)
            with open("out/metadata.json", encoding="utf-8") as file:
                metadata = json.load(file)
            pieces, status, _ = run([FLETCH, "show", "out"], columns,
                                    LC_ALL="C" if columns == 40 else "C.UTF-8")
            lines = "".join(piece for _, piece in pieces).replace("\r", "").splitlines()
            rows = lines[:lines.index("")]
            names = [row.split()[0] for row in rows[1:]]
            known = set(metadata["layer_info"])
            vague = [name for name in names if name not in known
                     and "\u2026" not in name and ".." not in name]
            point(not vague, "%d columns: a name that is not whole shows it" % columns, vague)
            twice = sorted(name for name in set(names) if names.count(name) > 1)
            point(status == 0 and len(rows) == 200 and not twice,
                  "%d columns: show keeps names apart" % columns, len(rows), twice)
            point(columns < 80 or max(map(len, rows)) <= columns,
                  "%d columns: what show shows fits" % columns, max(rows, key=len))


def check_names():
    """names that their parts' first letters do not tell apart, and flat ones"""
    kinds = {"first letters": ["en%s.layer.%d.self.query.weight" % (a, i)
                               for i in range(12) for a in ("coder", "tity", "closure_of_many")],
             "long parts": ["%s.%s.weight" % (a * 30 + b, c)
                            for a in "xy" for b in "12" for c in ("q_proj", "k_proj")],
             "no parts": ["w" * 40 + str(i) + "w" * 40 for i in range(100)],
             "letters of two bytes": ["\u00e9t\u00e9%d.\u00fcber_alle_ma\u00dfen.gewicht_%s" % (i, a)
                                      for i in range(9) for a in ("\u00e4", "\u00f6")]}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.safetensors")
        for title, known in kinds.items():
            header = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [
                4 * i, 4 * i + 4]} for i, name in enumerate(known)}).encode()
            with open(path, "wb") as out:
                out.write(struct.pack("<Q", len(header)) + header + bytes(4 * len(known)))
            for charset in ("C", "C.UTF-8"):
                pieces, status, _ = run([FLETCH, "show", path], 60, LC_ALL=charset)
                lines = "".join(piece for _, piece in pieces).replace("\r", "").splitlines()
                names = [row.split()[0] for row in lines[1:lines.index("")]]
                point(status == 0 and len(set(names)) == len(known)
                      and all(name in known or "\u2026" in name or ".." in name
                              for name in names)
                      and (charset != "C" or "\u2026" not in "".join(names)),
                      "names apart, %s, %s" % (title, charset), names[:5])


def make_slow_model(folder):
    """64 tensors of 1 MB: seconds of work for one thread and gzip's highest level"""
    values = random.Random(1)
    data = struct.pack("<262144f", *(values.gauss(0, 0.02) for _ in range(262144)))
    header = json.dumps({"layer.%d.weight" % i: {
        "dtype": "F32", "shape": [512, 512],
        "data_offsets": [i << 20, (i + 1) << 20]} for i in range(64)}).encode()
    header += b" " * (-len(header) % 8)
    os.mkdir(folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as out:
        json.dump({"model_type": "none-that-is-known"}, out)
    with open(os.path.join(folder, "model.safetensors"), "wb") as out:
        out.write(struct.pack("<Q", len(header)) + header + data * 64)


def check_interrupts():
    codecs = subprocess.run([FLETCH, "--version"], capture_output=True, text=True).stdout
    if " gzip" not in codecs:
        for title in ("an interrupt", "within 100 ms", "a request to end"):
            skip("%s: gzip is not in this build" % title)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_slow_model(os.path.join(folder, "model"))
        argv = [FLETCH, "convert", os.path.join(folder, "model"), "-o",
                os.path.join(folder, "out"), "--type", "transformers", "-c", "gzip",
                "--level", "12", "--threads", "1", "--no-tokenizer"]
        took = []
        # The machine may be busy with something else for a moment, but not five times.
        while len(took) < 5 and min(took, default=1) > 0.1:
            pieces, status, seconds = run(argv, 120, [(0.7, signal.SIGINT)])
            took.append(seconds)
        screen = Screen(120)
        screen.feed("".join(piece for _, piece in pieces))
        point(status == 130 and screen.text()[-1] == "fletch: interrupted"
              and len(screen.text()) == 2 and os.listdir(folder) == ["model"],
              "an interrupt leaves nothing behind", status, screen.text(),
              os.listdir(folder))
        point(min(took) <= 0.1, "an interrupt stops the work within 100 ms", took)
        started = subprocess.Popen(argv + ["--json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        time.sleep(0.7)
        started.terminate()
        out, err = started.communicate()
        point(started.returncode == 143 and json.loads(out)["status"] == "cancelled"
              and not json.loads(out)["success"] and os.listdir(folder) == ["model"],
              "a request to end is reported as JSON", started.returncode, out, err)


if __name__ == "__main__":
    check_widths()
    check_quiet_ones()
    check_signals()
    check_command()
    check_names()
    check_interrupts()
    print("1..%d" % points)
    sys.exit(failures > 0)
