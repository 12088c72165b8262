#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""spark.py FLETCH WORK - Spark reads every row of what we write, in one split and in many

Spark computes the SHA-256 of each value; what must come out is computed from the checkpoint.
A file in more splits than row groups is where parquet-java's rule shows: rows of a group whose
middle is not its own are lost without an error.
"""
import os
import shutil
import sys

from pyspark.sql import SparkSession

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.join(TESTS, "interop")]
from made import MIB, make_noise, make_tiny  # noqa: E402
from specimens import expected_rows  # noqa: E402
from tap_points import Tap, run, sha256  # noqa: E402

FLETCH, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
TAP = Tap()
CODECS = ("none", "zstd")
COLUMNS = ["layer_name", "shape", "dtype", "num_params", "data"]
# Two of them are more than a row group takes.
LARGEST = 130 * MIB
# Spark holds a group's values several times over: in the page, in the column, in the row; and
# two groups at once.
TASKS = 2
DRIVER_MEMORY = "%dm" % (8 * LARGEST // MIB * TASKS)
# More splits than any of the files has row groups
SPLITS = (1, 16)
SCHEMA = "struct<layer_name:string,shape:array<int>,dtype:string,data:binary,num_params:bigint>"


def start():
    session = SparkSession.builder.master("local[%d]" % TASKS).appName("fletch") \
        .config("spark.ui.enabled", "false") \
        .config("spark.driver.memory", DRIVER_MEMORY) \
        .config("spark.driver.bindAddress", "127.0.0.1") \
        .config("spark.driver.host", "127.0.0.1") \
        .config("spark.ui.showConsoleProgress", "false") \
        .config("spark.sql.files.openCostInBytes", "0") \
        .config("spark.sql.files.minPartitionNum", "1") \
        .getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def rows_of(frame):
    """[(name, shape, dtype, num_params, sha256)], hashed by Spark"""
    hashed = frame.selectExpr(*COLUMNS[:4], "sha2(data, 256)")
    return [(row[0], list(row[1]), row[2], row[3], row[4]) for row in hashed.collect()]


def check(spark, title, path, expected):
    for splits in SPLITS:
        size = os.path.getsize(path) // splits + 1
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(size))
        frame = spark.read.parquet(path)
        name = "%s, %d splits" % (title, frame.rdd.getNumPartitions())
        TAP.equal((frame.count(), frame.schema.simpleString()), (len(expected), SCHEMA),
                  name + ": count and types")
        # Splits come in the order of their sizes.
        rows = sorted(rows_of(frame))
        wrong = [pair for pair in zip(rows, sorted(expected)) if pair[0] != pair[1]]
        TAP.ok(len(rows) == len(expected) and not wrong,
               "%s: names, shapes and bytes of %d rows" % (name, len(expected)), wrong[:2])


def convert(model, codec):
    out = os.path.join(WORK, "%s-%s" % (os.path.basename(model), codec))
    done = run(FLETCH, "convert", "--quiet", "--model", model, "--output", out, "--type",
               "transformers", "--compression", codec)
    TAP.ok(done.returncode == 0, "%s with %s converts" % (os.path.basename(model), codec),
           done.stderr)
    return os.path.join(out, "weights.parquet")


def check_values(spark, path, model):
    """The bytes themselves, not as hashes, come out of Spark"""
    rows = spark.read.parquet(path).select("layer_name", "data").collect()
    found = sorted((row[0], sha256(bytes(row[1]))) for row in rows)
    TAP.equal(found, sorted((row[0], row[4]) for row in expected_rows(model, True)),
              "%s: %d values collected" % (os.path.basename(model), len(found)))


def check_older(spark):
    """Files with `data` in front, as fletch first wrote them: of these, Spark has all rows,
    since what stands behind the values is more than they are"""
    for codec in CODECS:
        path = os.path.join(TESTS, "foreign", "fletch_data_first_%s.parquet" % codec)
        TAP.equal(run(FLETCH, "verify", path).returncode, 0, "an older file, %s: verified" % codec)
        spark.conf.set("spark.sql.files.maxPartitionBytes", str(MIB))
        count = spark.read.parquet(path).count()
        TAP.equal(count, 11, "an older file, %s: rows in one split" % codec)


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    models = os.path.join(WORK, "models")
    os.makedirs(WORK)
    maker = os.path.join(os.path.dirname(FLETCH), "tests", "make", "make_models")
    assert run(maker, models, "bert", "odd", "empty", "large").returncode == 0
    make_tiny(os.path.join(models, "tiny"), 10000)
    make_noise(os.path.join(models, "groups"), [LARGEST, 1000] * 4)
    spark = start()
    for model in ("bert", "odd", "empty", "large", "tiny", "groups"):
        folder = os.path.join(models, model)
        expected = expected_rows(folder, True)
        for codec in CODECS:
            path = convert(folder, codec)
            check(spark, "%s, %s" % (model, codec), path, expected)
            if model in ("bert", "odd"):
                check_values(spark, path, folder)
    check_older(spark)
    spark.stop()
    shutil.rmtree(WORK)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
