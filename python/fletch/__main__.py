# SPDX-License-Identifier: MIT
"""python -m fletch, and the command fletch that comes with the package."""
import sys

from . import _fletch


def main() -> int:
    """The command, with what the command line says; it ends the process."""
    return _fletch.main(["fletch", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
