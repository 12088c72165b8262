# SPDX-License-Identifier: MIT
"""python -m fletch is the command."""
import subprocess
import sys

import pytest


def module(*arguments, **keywords):
    return subprocess.run([sys.executable, "-m", "fletch", *map(str, arguments)],
                          capture_output=True, text=True, **keywords)


@pytest.mark.parametrize("arguments", [
    [], ["--version"], ["--help"], ["convert", "--help"], ["families", "--json"], ["convert"],
    ["show", "/nowhere"], ["convert", "--nonsense"]])
def test_says_what_the_command_says(arguments, command):
    ours, theirs = module(*arguments), command(*arguments)
    assert (ours.returncode, ours.stdout, ours.stderr) == \
        (theirs.returncode, theirs.stdout, theirs.stderr)


def test_converts(golden, command, tmp_path):
    assert module("convert", golden("clip"), "-o", tmp_path / "out", "-q").returncode == 0
    assert command("verify", tmp_path / "out", "--source", golden("clip")).returncode == 0


def test_a_full_disk_is_a_failure():
    with open("/dev/full", "w") as full:
        ended = subprocess.run([sys.executable, "-m", "fletch", "families"], stdout=full,
                               stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 1 and "No space left" in ended.stderr
