#!/bin/sh
# SPDX-License-Identifier: MIT
# fastparquet-long-field-id.sh - fastparquet misreads a page header with an unknown field whose
# number is in the long form
#
# Thrift's compact protocol writes a field's number as the difference to the one before, in the
# upper half of a byte, or, where that is not 1 to 15, as a number of its own behind that byte
# (doc/specs/thrift-compact-protocol.md of Apache Thrift, "Struct encoding"). A reader skips the
# fields that it does not know; that is how Parquet's structs grow. fastparquet 2026.9.0
# (read_thrift in cencoding.pyx) skips such a field in the short form. The long form it does not know:
# it adds the upper half, which is 0, to the last number, so that the field stands for the one before
# it, and takes the number for the length of the value. pyarrow reads both files.
#
# Why it matters: whoever puts a field of their own in a page's header, as padding, must choose a
# number at most 15 above the last.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check fastparquet==2026.9.0 pyarrow==26.0.1

PYTHONPATH=$here "$work/venv/bin/python" - "$work" <<'END'
import sys

import fastparquet
import pyarrow.parquet

import parquet

VALUES = [1, 2, 3, 4]
found = {}
print("fastparquet %s, pyarrow %s" % (fastparquet.__version__, pyarrow.__version__))
for form, long_ids in (("short", ()), ("long", (20,))):
    path = "%s/%s.parquet" % (sys.argv[1], form)
    parquet.write(path, [("a", parquet.INT64, VALUES)], ["a"], {20: bytes(20)}, long_ids)
    assert pyarrow.parquet.read_table(path)["a"].to_pylist() == VALUES
    try:
        found[form] = fastparquet.ParquetFile(path).to_pandas()["a"].tolist()
    except Exception as error:
        found[form] = "%s: %s" % (type(error).__name__, error)
    print("field 20 in the %s form: pyarrow %s, fastparquet %s" % (form, VALUES, found[form]))
same = found == {"short": VALUES,
                 "long": "AttributeError: 'bytes' object has no attribute 'num_values'"}
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
