#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""engines.py FLETCH WORK - tests/interop/engines.py with the engines of .venv-extra"""
import os
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(TESTS, "interop", "engines.py")

os.execv(sys.executable, [sys.executable, PROGRAM, *sys.argv[1:3], "extra", *sys.argv[3:]])
