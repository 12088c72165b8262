#!/bin/sh
# SPDX-License-Identifier: MIT
# hyparquet-last-column.sh - hyparquet fails where the chunk of the schema's last column lies in
# front of the first's
#
# hyparquet 1.33.0 (parquetPlanGroup in src/plan.js), asked for all columns, goes through the chunks of
# a row group in the schema's order and joins them into ranges of up to some MiB. A range begins where
# the first of them does and ends where the last of them does, as if chunks lay in the file in that
# order, which the format does not promise. Where the last column's chunk lies in front of the first's,
# the range ends before it begins, and the file cannot be read; a column asked for alone can.
# pyarrow reads all these files.
#
# Why it matters: whoever writes chunks in another order than the schema's must leave the first
# column first and the last one last.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1
cat >"$work/package.json" <<'END'
{"private": true, "type": "module", "dependencies": {"hyparquet": "1.33.0"}}
END
cat >"$work/read.mjs" <<'END'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
const [path, ...columns] = process.argv.slice(2)
const file = await asyncBufferFromFile(path)
try {
  const rows = await parquetReadObjects({ file, columns: columns.length ? columns : undefined })
  console.log(`${rows.length} rows`)
} catch (error) {
  console.log(error.name)
}
END
(cd "$work" && npm install --silent --no-audit --no-fund </dev/null)

PYTHONPATH=$here "$work/venv/bin/python" - "$work" <<'END'
import subprocess
import sys

import pyarrow.parquet

import parquet

work = sys.argv[1]
COLUMNS = [("name", parquet.BYTE_ARRAY, [b"x", b"y"]),
           ("value", parquet.BYTE_ARRAY, [b"1" * 1000, b"2" * 1000]),
           ("count", parquet.INT64, [1, 2])]


def read(path, *columns):
    done = subprocess.run(["node", work + "/read.mjs", path, *columns], capture_output=True,
                          text=True, check=True)
    return done.stdout.strip()


found = {}
with open(work + "/node_modules/hyparquet/package.json", encoding="utf-8") as stream:
    version = [line for line in stream if '"version"' in line][0].split('"')[3]
print("hyparquet %s, pyarrow %s" % (version, pyarrow.__version__))
for order in (["name", "value", "count"], ["value", "name", "count"], ["count", "value", "name"]):
    path = "%s/%s.parquet" % (work, "-".join(order))
    parquet.write(path, COLUMNS, order)
    assert pyarrow.parquet.read_table(path).num_rows == 2
    found[order[0]] = read(path)
    print("in the file %s: pyarrow 2 rows, hyparquet %s" % (", ".join(order), found[order[0]]))
found["alone"] = read(path, "count")
print("of the last, only `count`: hyparquet %s" % found["alone"])
same = found == {"name": "2 rows", "value": "2 rows", "count": "RangeError", "alone": "2 rows"}
print("as known" if same else "CHANGED")
sys.exit(0 if same else 1)
END
