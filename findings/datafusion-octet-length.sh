#!/bin/sh
# SPDX-License-Identifier: MIT
# datafusion-octet-length.sh - DataFusion's octet_length() takes no binary value
#
# A BYTE_ARRAY column without annotation comes as BinaryView in DataFusion 55.0.0.
# `octet_length(column)`, which in standard SQL counts the bytes of a binary string, is
# refused at planning, also after a cast to Binary; on text it works. The size of a value is had by
# `octet_length(encode(column, 'hex')) / 2`.
#
# Why it matters: a query that asks for the sizes of values works in DuckDB and in Spark, but not
# here.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check datafusion==55.0.0 pyarrow==26.0.1

PYTHONPATH=$here "$work/venv/bin/python" - "$work" <<'END'
import sys

import datafusion

import parquet

path = sys.argv[1] + "/binary.parquet"
parquet.write(path, [("value", parquet.BYTE_ARRAY, [b"", b"\xff\0\xff"])], ["value"])
context = datafusion.SessionContext()
context.register_parquet("t", path)
print("datafusion %s" % datafusion.__version__)
print("the column is %s" % context.table("t").schema().field("value").type)
found = []
for size in ("octet_length(value)", "octet_length(arrow_cast(value, 'Binary'))",
             "octet_length(encode(value, 'hex')) / 2"):
    try:
        rows = context.sql("select %s as size from t" % size).to_pydict()["size"]
    except Exception as error:
        rows = str(error).split(",")[0]
    found.append(rows)
    print("%s: %s" % (size, rows))
REFUSED = "Error during planning: Function 'octet_length' requires String"
same = found == [REFUSED, REFUSED, [0, 3]]
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
