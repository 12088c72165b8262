#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutate.py [--seed N] [--count N] [--only GLOB] - do the tests see a small change?

Makes COUNT small changes to the library's source, one at a time, in a copy of the committed
tree, builds and runs the fast suites: the unit tests (but for the few that take longer than
the rest together), the transcripts and the golden models. Prints a line for each change,
those that no test noticed with what was changed, and at the end how many were noticed. A
change that does not compile, or that makes the same program, is drawn again. The same seed
draws the same changes from the same source.
"""
import argparse
import fnmatch
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Seconds; a change that makes a test hang is noticed.
BUILD_LIMIT = 600
TEST_LIMIT = 300
# Repeat what others see, over every byte of a file.
SLOW = {"alloc", "torch_real", "torch_hostile", "pipeline", "verify_shared"}

CONSTANT = re.compile(r"(?<![\w.'\"])(\d+)(?=[^\w.'\"]|[uUlL]+\b)")
COMPARISONS = {"<=": "<", ">=": ">", "<": "<=", ">": ">=", "==": "!=", "!=": "=="}
COMPARISON = re.compile(r"(?<=[\w)\]] )(<=|>=|==|!=|<|>)(?= [\w(*&!-])")
ARITHMETIC = {"+": "-", "-": "+", "<<": ">>", ">>": "<<", "&": "|", "|": "&"}
OPERATOR = re.compile(r"(?<=[\w)\]] )(\+|-|<<|>>|&|\|)(?= [\w(])")
LOGIC = re.compile(r" (&&|\|\|)(?= )")
CONDITION = re.compile(r"\b(if|while) \((.*)\)( \{)?$")
WORD = re.compile(r"\b(true|false|break|continue)\b")
CALL = re.compile(r"^\s+[\w>.\-\[\]]+(\(.*\)| [-+|&]?= .*|\+\+|--);$")
OTHER_WORD = {"true": "false", "false": "true", "break": "continue", "continue": "break"}


def code_lines(text):
    """the numbers of the lines inside functions that hold code and no comment"""
    numbers = []
    inside = comment = False
    for number, line in enumerate(text.split("\n")):
        if "/*" in line or comment:
            comment = "*/" not in line
            continue
        if line == "{":
            inside = True
        elif line == "}":
            inside = False
        elif inside and line.strip() and '"' not in line and not line.startswith("#"):
            numbers.append(number)
    return numbers


def changes_of(line):
    """all small changes of one line of code"""
    found = []

    def swap(match, group, new):
        found.append(line[:match.start(group)] + new + line[match.end(group):])

    for match in CONSTANT.finditer(line):
        swap(match, 1, str(int(match.group(1)) + 1))
        if int(match.group(1)) > 0:
            swap(match, 1, str(int(match.group(1)) - 1))
    for match in COMPARISON.finditer(line):
        swap(match, 1, COMPARISONS[match.group(1)])
    for match in OPERATOR.finditer(line):
        swap(match, 1, ARITHMETIC[match.group(1)])
    for match in LOGIC.finditer(line):
        swap(match, 1, "||" if match.group(1) == "&&" else "&&")
    for match in WORD.finditer(line):
        swap(match, 1, OTHER_WORD[match.group(1)])
    match = CONDITION.search(line)
    if match and match.group(2).count("(") == match.group(2).count(")"):
        found.append("%s%s (!(%s))%s" % (line[:match.start()], match.group(1),
                                         match.group(2), match.group(3) or ""))
    if CALL.match(line):
        found.append(re.match(r"\s*", line).group(0) + ";")
    return found


class Tree:
    """a copy of what is committed, with a build of its own"""

    def __init__(self, folder):
        self.folder = folder
        self.build = os.path.join(folder, "build")
        archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD"], check=True,
                                 stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        subprocess.run(["meson", "setup", self.build, "-Dbuildtype=debugoptimized"],
                       cwd=folder, check=True, stdout=subprocess.DEVNULL)
        os.symlink(os.path.join(ROOT, ".venv"), os.path.join(folder, ".venv"))
        names = subprocess.run(["meson", "test", "-C", self.build, "--list"], check=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.tests = [name for name in (re.split(r" / |:", line)[-1].strip()
                                        for line in names.stdout.splitlines())
                      if re.fullmatch(r"\w+", name) and name not in SLOW]

    def quiet(self, command, limit):
        """whether a command ends well, within the limit"""
        try:
            return subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=limit, start_new_session=True).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def compile(self):
        if not self.quiet(["ninja", "-C", self.build], BUILD_LIMIT):
            return False
        link = os.path.join(self.build, "fletch")
        if not os.path.lexists(link):
            os.symlink("cli/fletch", link)
        return True

    def program(self):
        """what must differ for a change to be one"""
        listed = subprocess.run(["objdump", "-d", "--no-addresses", "--no-show-raw-insn",
                                 os.path.join(self.build, "cli/fletch")], check=True,
                                stdout=subprocess.PIPE).stdout
        data = subprocess.run(["objdump", "-s", "-j", ".rodata", "-j", ".data",
                               os.path.join(self.build, "cli/fletch")],
                              stdout=subprocess.PIPE).stdout
        return hash((listed, data))

    def notice(self):
        """the suite that fails, or None"""
        command = ["meson", "test", "-C", self.build, "--no-rebuild", "--maxfail", "1"]
        suites = [
            ("unit", command + self.tests),
            ("golden", [".venv/bin/python", "tests/golden/check.py", "build/fletch"]),
            ("cli", ["sh", "tests/cli/run.sh", "build/fletch"]),
        ]
        for name, run in suites:
            if not self.quiet(run, TEST_LIMIT):
                return name
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--only", default="src/*/*.c", help="which files, a pattern")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    folder = tempfile.mkdtemp(prefix="fletch-mutate-")
    noticed = tried = 0
    try:
        tree = Tree(folder)
        if not tree.compile() or tree.notice():
            sys.exit("mutate.py: the tree fails before anything is changed")
        unchanged = tree.program()
        files = [os.path.relpath(os.path.join(at, name), folder)
                 for at, _, names in os.walk(os.path.join(folder, "src")) for name in names]
        places = []
        for file in sorted(files):
            if fnmatch.fnmatch(file, options.only):
                with open(os.path.join(folder, file), encoding="utf-8") as text:
                    places += [(file, number) for number in code_lines(text.read())]
        while tried < options.count:
            file, number = draw.choice(places)
            path = os.path.join(folder, file)
            with open(path, encoding="utf-8") as text:
                before = text.read()
            lines = before.split("\n")
            drawn = changes_of(lines[number])
            if not drawn:
                continue
            was, lines[number] = lines[number], draw.choice(drawn)
            begin = time.monotonic()
            with open(path, "w", encoding="utf-8") as text:
                text.write("\n".join(lines))
            if tree.compile() and tree.program() != unchanged:
                suite = tree.notice()
                tried += 1
                noticed += suite is not None
                print("%3d %-8s %s:%d (%.0f s)" % (tried, suite or "UNSEEN", file, number + 1,
                                                  time.monotonic() - begin))
                if not suite:
                    print("    - %s\n    + %s" % (was.strip(), lines[number].strip()))
                sys.stdout.flush()
            with open(path, "w", encoding="utf-8") as text:
                text.write(before)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%d of %d changes noticed (seed %d)" % (noticed, tried, options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
