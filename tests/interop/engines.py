#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""engines.py FLETCH WORK PLACE [--write] [NAME...] - what engines make of our files

Each engine of PLACE reads files that fletch wrote, in a process of its own, and the table in
docs/readers.md must say what came out: the types of `data` and `shape`, who sees a byte that was
changed, the setting it needs. With --write the table is written instead, with what is not tested
each time: the largest value and the memory that it took.

PLACE is `test` (in .venv), `extra` (in .venv-extra) or `node`, then followed by the folder with
what tests/interop/hyparquet/package.json names.
"""
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from footer import read_footer  # noqa: E402
from made import MIB, make_sparse  # noqa: E402
from specimens import expected_rows  # noqa: E402
from tap_points import Tap, run  # noqa: E402

DOCUMENT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs", "readers.md")
BEGIN, END = "<!-- tests/interop/engines.py writes this table -->", "<!-- its end -->"
TITLES = ("engine", "version", "`data` is", "`shape` is", "checks CRCs", "needs",
          "largest value tried", "memory")
# The columns of the table that a test does not look at: they are measured, not decided.
MEASURED = 2
BY_DEFAULT, IF_ASKED, NEVER = "always", "if asked: ", "no"

# What each engine is called, where it is tested, how it is asked to check CRCs, what it needs
ENGINES = {
    "pyarrow": ("pyarrow", "test", "`page_checksum_verification=True`", ""),
    "pandas": ("pandas", "test", "`page_checksum_verification=True`", ""),
    "polars": ("Polars", "test", "", ""),
    "duckdb": ("DuckDB", "test", "", ""),
    "datafusion": ("DataFusion", "test", "",
                   "`octet_length(encode(data, 'hex')) / 2`: `octet_length(data)` is refused"),
    "pylance": ("Lance", "test", "`page_checksum_verification=True`",
                "pyarrow's `iter_batches`, since it reads no Parquet itself"),
    "datasets": ("Hugging Face datasets", "test", "", ""),
    "fastparquet": ("fastparquet", "test", "", ""),
    "chdb": ("chDB (ClickHouse)", "extra", "", ""),
    "daft": ("Daft", "extra", "", ""),
    "pyspark": ("PySpark", "extra", "`parquet.page.verify-checksum.enabled`",
                "`spark.driver.memory`: 8 times the largest value, for each task at once"),
    "hyparquet": ("hyparquet", "node", "", "`utf8: false`; without it `data` is text"),
    "parquet-wasm": ("parquet-wasm", "node", "", ""),
}
# What says of a file without rows that there is nothing in it, as an error
NO_ROWS = {"datasets": "corresponds to no data"}
# Engines whose need is shown by task `bare`, which must not give the rows.
SHOWN = ("datafusion", "hyparquet", "pyspark")
# The first is the one that is damaged, since its values are as they are.
FILES = (("bert", "none"), ("odd", "none"), ("odd", "zstd"), ("odd", "lz4"), ("odd", "snappy"),
         ("odd", "gzip"), ("empty", "zstd"))
# The largest that fletch writes, and smaller ones for what does not take it.
SIZES = (2147483637, 1 << 30, 256 * MIB)
# Spark's memory, as a multiple of the largest value: enough, and not enough. What is larger than
# SPARK_VALUE is not tried.
SPARK_VALUE = 256 * MIB
ENOUGH, TOO_LITTLE = 8, 4


def ask(engine, task, paths, memory=1024):
    """What the engine's process printed for each file, or {"error": ...}"""
    if ENGINES[engine][1] == "node":
        command = ["node", "--max-old-space-size=8192", os.path.join(NODE, "engine.mjs")]
    else:
        command = [sys.executable, os.path.join(HERE, "engine.py")]
    done = subprocess.run(command + [engine, task, str(memory)] + paths,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    lost = {"error": "exit status %d: %s" % (done.returncode, done.stderr[-300:])}
    return answers + [lost] * (len(paths) - len(answers))


def convert(fletch, model, out, codec):
    done = run(fletch, "convert", "--quiet", "--model", model, "--output", out, "--type",
               "transformers", "--compression", codec)
    assert done.returncode == 0, done.stderr
    return os.path.join(out, "weights.parquet")


def damage(path, copy):
    """A copy of an uncompressed file with another byte within the last value: its row"""
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    group = read_footer(data)[4][-1]
    chunk = [chunk[3] for chunk in group[1] if chunk[3][3] == [b"data"]][0]
    assert chunk[4] == 0, "the values are compressed"
    data[chunk[9] + chunk[7] - 1] ^= 1
    with open(copy, "wb") as stream:
        stream.write(data)


def rows_of(model):
    return sorted([name, shape, dtype, count, digest]
                  for name, shape, dtype, count, digest in expected_rows(model, True))


class Judge:
    def __init__(self, fletch, work):
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        self.fletch, self.work, self.tap = fletch, work, Tap()
        maker = os.path.join(os.path.dirname(fletch), "tests", "make", "make_models")
        self.models = os.path.join(work, "models")
        assert run(maker, self.models, "odd", "bert", "empty").returncode == 0
        self.files = [(model, codec, self.convert(model, codec)) for model, codec in FILES]
        self.damaged = os.path.join(work, "damaged.parquet")
        damage(self.files[0][2], self.damaged)

    def convert(self, model, codec):
        return convert(self.fletch, os.path.join(self.models, model),
                       os.path.join(self.work, "%s-%s" % (model, codec)), codec)

    def right(self, answer, model, what):
        """True for the rows of the model, in whatever order"""
        found, expected = answer.get("rows"), rows_of(os.path.join(self.models, model))
        wrong = [pair for pair in zip(sorted(found or []), expected) if pair[0] != pair[1]]
        return self.tap.ok(found is not None and len(found) == len(expected) and not wrong, what,
                           answer.get("error") or "%d rows; first wrong: %s"
                           % (len(found), wrong[:1]))

    def read(self, engine):
        """Version and types, the same of all files, which must come out right; and who says,
        unasked, that a byte was changed"""
        answers = ask(engine, "read", [path for _, _, path in self.files] + [self.damaged])
        found = set()
        for (model, codec, _), answer in zip(self.files, answers):
            if model == "empty" and engine in NO_ROWS:
                self.tap.ok(NO_ROWS[engine] in answer.get("error", ""),
                            engine + " refuses a file without rows", answer)
            elif self.right(answer, model, "%s reads %s, %s" % (engine, model, codec)) and \
                    answer["rows"]:
                found.add(tuple(answer[key] for key in ("version", "data", "shape")))
        self.tap.ok(len(found) == 1, engine + ": the same types in all files", found)
        return found.pop() if found else ("?", "?", "?"), answers[-1]

    def refused(self, engine, task, answer):
        """True where a CRC is what is wrong; else the value must come as it is in the file"""
        if "error" in answer:
            return self.tap.ok(re.search("crc|checksum", answer["error"], re.I),
                               "%s, %s: the CRC is wrong" % (engine, task), answer["error"])
        expected = rows_of(os.path.join(self.models, FILES[0][0]))
        differ = [pair for pair in zip(sorted(answer["rows"]), expected) if pair[0] != pair[1]]
        self.tap.ok(len(differ) == 1, "%s, %s: the changed value is read as it is"
                    % (engine, task), differ[:2])
        return False

    def checks(self, engine, unasked):
        if self.refused(engine, "read", unasked):
            return BY_DEFAULT
        words = ENGINES[engine][2]
        if words and self.refused(engine, "checked", ask(engine, "checked", [self.damaged])[0]):
            return IF_ASKED + words
        return NEVER

    def needs(self, engine):
        """What it needs, after a try without it that must not give the rows"""
        if engine == "pyspark":
            self.needs_memory(engine)
        elif engine in SHOWN:
            answer = ask(engine, "bare", [self.files[1][2]])[0]
            self.tap.ok(sorted(answer.get("rows", [])) != rows_of(os.path.join(self.models, "odd")),
                        engine + ": what it needs is needed")
        return ENGINES[engine][3] or "nothing"

    def needs_memory(self, engine):
        make_sparse(os.path.join(self.models, "value"), [SPARK_VALUE])
        path = self.convert("value", "none")
        memory = SPARK_VALUE // MIB
        self.right(ask(engine, "read", [path], ENOUGH * memory)[0], "value",
                   "%s: %d times a value of %d MiB is memory enough" % (engine, ENOUGH, memory))
        self.tap.ok("error" in ask(engine, "read", [path], TOO_LITTLE * memory)[0],
                    "%s: %d times is not" % (engine, TOO_LITTLE))

    def largest(self, engine):
        """The largest value that comes out right, and the memory that the process took"""
        for size in [SPARK_VALUE] if engine == "pyspark" else SIZES:
            model = "value-%d" % size
            folder = os.path.join(self.models, model)
            if not os.path.exists(folder):
                make_sparse(folder, [size])
            path = os.path.join(self.work, model + "-none", "weights.parquet")
            if not os.path.exists(path):
                self.convert(model, "none")
            answer = ask(engine, "large", [path], ENOUGH * size // MIB)[0]
            print("# %s, a value of %d bytes: %s" % (engine, size,
                                                     answer.get("error", answer.get("peak"))))
            if answer.get("rows") == rows_of(folder):
                return "{:,} bytes".format(size), "%.1f GiB" % (answer["peak"] / 1024)
        return "?", "?"

    def row(self, engine, measure):
        (version, data, shape), damaged = self.read(engine)
        cells = (ENGINES[engine][0], version, "`%s`" % data, "`%s`" % shape,
                 self.checks(engine, damaged), self.needs(engine))
        return cells + (self.largest(engine) if measure else ())


def table_of(text):
    """{engine: cells} of the document"""
    lines = text[text.index(BEGIN):text.index(END)].splitlines()
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines
            if line.startswith("| ")]
    return {row[0]: row for row in rows[2:]}


def document():
    with open(DOCUMENT, encoding="utf-8") as stream:
        return stream.read()


def write_table(rows):
    """The document with these rows for those it had"""
    text = document()
    known = table_of(text)
    known.update({row[0]: row for row in rows})
    lines = [TITLES, ("---",) * len(TITLES)]
    lines += [known[entry[0]] for entry in ENGINES.values() if entry[0] in known]
    table = "".join("| %s |\n" % " | ".join(line) for line in lines)
    with open(DOCUMENT, "w", encoding="utf-8") as stream:
        stream.write("%s\n\n%s\n%s" % (text[:text.index(BEGIN)] + BEGIN, table,
                                       text[text.index(END):]))


def main(arguments):
    fletch, work = (os.path.abspath(argument) for argument in arguments[:2])
    place, names = arguments[2], [name for name in arguments[3:] if name in ENGINES]
    write = "--write" in arguments
    names = names or [name for name, entry in ENGINES.items() if entry[1] == place]
    judge = Judge(fletch, work)
    rows = [judge.row(name, write) for name in names]
    if write:
        write_table(rows)
    else:
        known = table_of(document())
        for row in rows:
            said = known.get(row[0], ())
            judge.tap.equal(row, said[:-MEASURED],
                            "docs/readers.md says what %s does" % row[0])
            judge.tap.ok(len(said) == len(TITLES) and "" not in said,
                         "docs/readers.md has all figures of " + row[0], said)
    shutil.rmtree(work)
    return judge.tap.finish()


NODE = sys.argv[4] if len(sys.argv) > 4 and sys.argv[3] == "node" else ""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
