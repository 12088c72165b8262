#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py BUILD WORK [PYTEST ARGUMENTS] - the package's tests, by pytest, printed as TAP

The package is the one in BUILD/python. WORK is a folder for what the tests write.
"""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))


class Tap:
    """One point for each test; what failed is shown whole."""

    def __init__(self):
        self.count = 0

    def point(self, report, good, note=""):
        self.count += 1
        name = report.nodeid.partition("::")[2] or report.nodeid
        print("%sok %d - %s%s" % ("" if good else "not ", self.count,
                                   name.replace("#", "no. "), note))
        if not good:
            print("\n".join("# " + line for line in str(report.longrepr).splitlines()))
        sys.stdout.flush()

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
            self.point(report, True, " # SKIP " + reason)
        elif report.when == "call" or report.failed:
            self.point(report, report.passed)

    def pytest_collectreport(self, report):
        if report.failed:
            self.point(report, False)


def main():
    build, work, *rest = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    package = os.path.abspath(os.path.join(build, "python"))
    sys.path.insert(0, package)
    # For the interpreters that tests start, too.
    os.environ["PYTHONPATH"] = package
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["FLETCH_COMMAND"] = os.path.abspath(os.path.join(build, "fletch"))
    tap = Tap()
    status = pytest.main(["-p", "no:terminal", "-p", "no:cacheprovider", "--import-mode=importlib",
                          "--basetemp", os.path.join(os.path.abspath(work), "pytest"),
                          "-c", os.path.join(HERE, "pytest.ini"), HERE, *rest], plugins=[tap])
    print("1..%d" % tap.count)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
