#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py FLETCH - every golden checkpoint comes out as its expected.json says

The file is read with pyarrow and the tokenizer with `tokenizers`, so nothing of fletch
judges fletch.
"""
import os
import sys
import tempfile

import pyarrow.parquet
import tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "interop"))
from footer import midpoint_problems, read_footer  # noqa: E402
from tap_points import Tap, load_json, one_line, run, sha256  # noqa: E402

FLETCH = sys.argv[1]
TAP = Tap()
# Beyond what expected.json lists: weights of the pipeline's own modules.
MORE_ROWS = {"st-dense": {"2_Dense.linear.weight": "linear.weight",
                          "2_Dense.linear.bias": "linear.bias"}}
# What is warned of besides values beyond float16 and tokenizers. That models with a language
# modelling head have no pooler is no warning.
NAN = ["tensor 'f16': 1 of 4 values are NaN", "tensor 'f32.edges': 1 of 17 values are NaN"]
WARNINGS = {"values": NAN, "values-bin": NAN}


def read_rows(out):
    table = pyarrow.parquet.read_table(os.path.join(out, "weights.parquet"))
    return [dict(layer_name=row["layer_name"], shape=row["shape"], dtype=row["dtype"],
                 num_params=row["num_params"], sha256=sha256(row["data"]))
            for row in table.to_pylist()]


def check_rows(case, expected, rows):
    more = MORE_ROWS.get(case, {})
    wanted = [{key: row[key] for key in ("layer_name", "shape", "dtype", "num_params", "sha256")}
              for row in expected["rows"]]
    found = [row for row in rows if row["layer_name"] not in more]
    names = [row["layer_name"] for row in found]
    TAP.equal(names, [row["layer_name"] for row in wanted], case + ": rows and their order")
    wrong = [(a, b) for a, b in zip(found, wanted) if a != b]
    TAP.ok(not wrong, case + ": shape, dtype and bytes of every row", wrong[:3])
    TAP.equal(sum(row["num_params"] for row in found), expected["total_parameters"],
              case + ": total of num_params")
    if more:
        extra = sorted(row["layer_name"] for row in rows if row["layer_name"] in more)
        TAP.equal(extra, sorted(more), case + ": rows of the Dense module come in addition")
        check_dense(case, rows, more)


def check_dense(case, rows, more):
    """The Dense rows against numpy's own narrowing of the module's file"""
    import numpy
    from tap_points import read_safetensors
    source = read_safetensors(os.path.join(HERE, case, "source", "2_Dense",
                                           "model.safetensors"))
    stored = {row["layer_name"]: row for row in rows}
    for row, tensor in more.items():
        dtype, shape, data = source[tensor]
        assert dtype == "F32"
        half = numpy.frombuffer(data, "<f4").astype("<f2").tobytes()
        TAP.equal((stored.get(row, {}).get("shape"), stored.get(row, {}).get("sha256")),
                  (shape, sha256(half)), "%s: bytes of %s" % (case, row))


def check_metadata(case, expected, metadata, rows):
    TAP.equal(sorted(entry["tensor"] for entry in metadata["fletch"]["left_out"]),
              sorted(expected["left_out"]), case + ": left out")
    TAP.ok(all(entry["reason"] for entry in metadata["fletch"]["left_out"]),
           case + ": each with a reason")
    TAP.equal([warning.split(",")[0] for warning in metadata["fletch"]["warnings"]
               if "float16" not in warning and "tokenizer" not in warning],
              WARNINGS.get(case, []),
              case + ": warnings")
    info = metadata.get("model_info", metadata.get("config"))
    if expected["info"] is not None:
        found = {key: info.get(key, "missing") for key in expected["info"]}
        TAP.equal(found, expected["info"], case + ": what metadata.json says of the model")
    TAP.equal(metadata["total_parameters"], sum(row["num_params"] for row in rows),
              case + ": metadata's total_parameters")
    TAP.equal({name: (entry["shape"], entry["dtype"], entry["num_params"])
               for name, entry in metadata["layer_info"].items()},
              {row["layer_name"]: (row["shape"], row["dtype"], row["num_params"])
               for row in rows}, case + ": layer_info is the file's rows")


def check_tokenizer(case, expected, out):
    path = os.path.join(out, "tokenizer", "tokenizer.json")
    wanted = expected["tokenizer"] or expected.get("tokenizer_from_slow_files")
    if wanted is None:
        TAP.ok(not os.path.exists(os.path.dirname(path)), case + ": no tokenizer folder")
        return
    if not TAP.ok(os.path.exists(path), case + ": tokenizer.json"):
        return
    tokenizer = tokenizers.Tokenizer.from_file(path)
    tokenizer.no_padding()
    ids = [tokenizer.encode(text).ids for text in wanted["texts"]]
    TAP.equal(ids, wanted["ids"], case + ": token ids")


def check_case(case):
    source = os.path.join(HERE, case, "source")
    expected = load_json(HERE, case, "expected.json")
    model = os.path.join(HERE, case, expected["file"]) if "file" in expected else source
    with tempfile.TemporaryDirectory() as parent:
        out = os.path.join(parent, "out")
        command = [FLETCH, "convert", "--model", model, "--output", out]
        if expected.get("auto") == "error":
            refused = run(*command)
            model_type = load_json(source, "config.json")["model_type"]
            TAP.ok(refused.returncode == 1 and model_type in refused.stderr
                   and one_line(refused.stderr) and not os.listdir(parent),
                   case + ": refused by auto, by its model_type",
                   (refused.returncode, refused.stderr))
            command += ["--type", expected["type"]]
        done = run(*command)
        if not TAP.equal(done.returncode, 0, case + ": converts"):
            print("# " + done.stderr)
            return
        rows = read_rows(out)
        metadata = load_json(out, "metadata.json")
        with open(os.path.join(out, "weights.parquet"), "rb") as stream:
            lost = midpoint_problems(read_footer(stream.read()))
        TAP.ok(not lost, case + ": splits of the file find every row group", lost)
        detected = run(FLETCH, "plan", "--json", *command[2:4], *command[6:])
        TAP.ok('"%s"' % expected["type"] in detected.stdout,
               case + ": recognised as " + expected["type"], detected.stdout + detected.stderr)
        check_rows(case, expected, rows)
        check_metadata(case, expected, metadata, rows)
        check_tokenizer(case, expected, out)
        for name in expected.get("overflow", []):
            TAP.ok(any(name in line and "warning" in line
                       for line in done.stderr.splitlines()),
                   "%s: a warning names %s" % (case, name), done.stderr)
        proof = run(FLETCH, "verify", out, "--source", model, *command[6:])
        TAP.equal((proof.returncode, proof.stderr if proof.returncode else ""), (0, ""),
                  case + ": verify agrees")


for folder in sorted(os.listdir(HERE)):
    if os.path.exists(os.path.join(HERE, folder, "expected.json")):
        check_case(folder)
sys.exit(TAP.finish())
