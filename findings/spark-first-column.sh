#!/bin/sh
# SPDX-License-Identifier: MIT
# spark-first-column.sh - Spark loses the rows of a file where the chunk of the schema's first
# column is not the first in the file
#
# parquet-java, and with it Spark, gives a row group to the split of the file in which the group's
# middle lies, and takes for that middle: the offset of the first column's chunk plus half of the
# group's compressed size. The format does not say in which order the chunks of a group lie (it says
# that readers must follow the offsets). With a large chunk of another column in front, that middle
# is beyond the group, or beyond the file: the group is in no split, and its rows are missing without
# an error. Seen with pyspark 4.3.0; pyarrow reads both files.
#
# Why it matters: whoever writes a large column first, to stream it, must not let it come before the
# chunk of the schema's first column.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
command -v java >/dev/null || { echo "java is missing, which Spark needs"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1

PYTHONPATH=$here "$work/venv/bin/python" - "$work" 2>"$work/log" <<'END' || { cat "$work/log"; exit 1; }
import sys

import pyarrow.parquet
import pyspark
from pyspark.sql import SparkSession

import parquet

COLUMNS = [("name", parquet.BYTE_ARRAY, [b"x", b"y"]),
           ("value", parquet.BYTE_ARRAY, [bytes(1 << 20)] * 2)]
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false") \
    .config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1") \
    .getOrCreate()
found = {}
print("pyspark %s, pyarrow %s" % (pyspark.__version__, pyarrow.__version__))
for order in (["name", "value"], ["value", "name"]):
    path = "%s/%s-first.parquet" % (sys.argv[1], order[0])
    parquet.write(path, COLUMNS, order)
    assert pyarrow.parquet.read_table(path).num_rows == 2
    found[order[0]] = len(spark.read.parquet(path).select("name").collect())
    print("`%s` first in the file: pyarrow 2 rows, Spark %d" % (order[0], found[order[0]]))
spark.stop()
same = found == {"name": 2, "value": 0}
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
