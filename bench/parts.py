# SPDX-License-Identifier: MIT
"""the sections of run.py about single parts: reading back, into Python, the bar, torch's files, strided
tensors, casts; each takes the bench and yields tables"""
import json
import os
import subprocess
import sys

from measure import Table, interleaved, mib, ms, run, seconds, times, verdict

HERE = os.path.dirname(os.path.abspath(__file__))


def best_read(commands, runs):
    """{name: {open, read, cpu, bytes}}, the fastest of those that took turns"""
    best = {}
    for _ in range(runs):
        for name, command in commands.items():
            found = json.loads(run(command).text)
            if name not in best or found["read"] < best[name]["read"]:
                best[name] = found
    return best


def reading(bench):
    table = Table(
        "Reading back",
        "ms for every value of BERT-base kept in float32 (418 MiB of values), without the "
        "start of the programs, and `fletch verify` with it, which also hashes. loop: pyarrow in "
        "one thread as loaders of such files use it (the table, each value as bytes, an array "
        "around them); views: pyarrow at its best, a row group at a time, nothing copied; CPU: "
        "processor time by fletch's in one thread; mapped: the values as pointers, their CRCs "
        "checked. Promised for zstd: 3x the loop with one thread, 5x with two.",
        ["codec", "loop", "views", "fletch", "loop/", "views/", "CPU", "fletch, 2", "loop/"]
        + ["views/", "mapped", "promise", "verify"],
    )
    name = "embeddings.word_embeddings.weight"
    one = Table(
        "One tensor by name",
        "ms: opening the file, then the word embeddings (89 MiB in float32).",
        ["codec", "pyarrow open", "pyarrow read", "fletch open", "fletch read"],
    )
    for codec in ("zstd", "lz4", "none"):
        bench.clean()
        run(bench.convert("bert-base", codec, 0, "--no-float16"))
        path = bench.out + "/fletch/weights.parquet"
        commands = {
            "loop": bench.python("readback.py", "loader", path, 1),
            "views": bench.python("readback.py", path, 1),
            "fletch": bench.tool("read", path, 1),
            "fletch2": bench.tool("read", path, 2),
        }
        if codec == "none":
            commands["map"] = bench.tool("read", "--map", path, 1)
        best = best_read(commands, bench.runs)
        verify = [bench.fletch, "verify", bench.out + "/fletch", "--quiet"]
        proof = interleaved({"verify": verify}, 3)["verify"].seconds
        took = {key: found["read"] for key, found in best.items()}
        ratios = {
            key: [took["loop"] / took[key], took["views"] / took[key]]
            for key in ("fletch", "fletch2")
        }
        good = ratios["fletch"][0] >= 3 and ratios["fletch2"][0] >= 5
        cells = [codec, ms(took["loop"]), ms(took["views"]), ms(took["fletch"])]
        cells += map(times, ratios["fletch"])
        cells += [times(best["loop"]["cpu"] / best["fletch"]["cpu"]), ms(took["fletch2"])]
        cells += map(times, ratios["fletch2"])
        cells.append(ms(took["map"]) if "map" in took else "-")
        table.add(*cells, verdict(good) if codec == "zstd" else "-", ms(proof))
        commands = {
            "python": bench.python("readback.py", path, 1, name),
            "fletch": bench.tool("read", path, 1, name),
        }
        best = best_read(commands, bench.runs)
        cells = [best[who][key] for who in ("python", "fletch") for key in ("open", "read")]
        one.add(codec, *(f"{1e3 * cell:.2f}" for cell in cells))
    yield table
    yield one


def arrays(bench):
    package = os.path.join(os.path.dirname(bench.tools), "python")
    table = Table(
        "Into numpy",
        "ms for every tensor of BERT-base, zstd, as a numpy array that is kept, from the path "
        "to the last array, without imports (bench/arrays.py), and ms of processor time. loop: "
        "pyarrow as loaders of such files use it; pyarrow: at its best, a row group at a time, "
        "arrays on its buffers; fletch: load_file. All with that many threads. Promised for "
        "zstd with two threads: 4x the loop and 2x pyarrow, and 2.2x and 1.4x in processor time.",
        ["values", "threads", "loop", "pyarrow", "fletch", "loop/", "pyarrow/", "CPU: loop"]
        + ["pyarrow", "fletch", "loop/", "pyarrow/", "promise"],
    )
    if not os.path.isdir(package):
        print("arrays: left out, there is no", package)
        return
    for values, options in (("float32", ["--no-float16"]), ("float16", [])):
        bench.clean()
        run(bench.convert("bert-base", "zstd", 0, *options))
        path = bench.out + "/fletch/weights.parquet"
        for threads in (1, 2):
            commands = {who: bench.python("arrays.py", who, path, threads, package)
                        for who in ("loop", "pyarrow", "fletch")}
            best = best_read(commands, bench.runs)
            wall = {who: found["read"] for who, found in best.items()}
            cpu = {who: found["cpu"] for who, found in best.items()}
            ratios = [took[who] / took["fletch"] for took in (wall, cpu)
                      for who in ("loop", "pyarrow")]
            good = ratios[0] >= 4 and ratios[1] >= 2 and ratios[2] >= 2.2 and ratios[3] >= 1.4
            cells = [values, threads, *(ms(wall[who]) for who in ("loop", "pyarrow", "fletch"))]
            cells += map(times, ratios[:2])
            cells += [ms(cpu[who]) for who in ("loop", "pyarrow", "fletch")]
            cells += map(times, ratios[2:])
            table.add(*cells, verdict(good) if threads == 2 else "-")
    yield table


def progress(bench):
    table = Table(
        "Progress",
        "s: the conversion with its bar. told: of all times that the bar told for the whole "
        "after a fifth of it, the one that was furthest off, as a part of what it took; it is "
        "promised to be within 10 %. cost: the time spent in the meter, of all; promised: at "
        "most 0.5 %.",
        ["model", "codec", "s", "drawn", "told", "promise", "cost", "promise"],
    )
    cases = [("bert-base", "gzip"), ("clip-b32", "gzip"), ("bert-base", "zstd")]
    if bench.large:
        cases += [("text-4g", "zstd"), ("text-4g", "none")]
    for model, codec in cases:
        command = bench.tool("eta", bench.model(model), bench.out + "/eta", codec, 0)
        found = json.loads(interleaved({"eta": command}, 3, bench.clean)["eta"].text)
        cost = found["meter"] / found["seconds"]
        cells = [model, codec, seconds(found["seconds"]), found["drawn"]]
        cells += [times(found["worst"]), verdict(abs(found["worst"] - 1) <= 0.1)]
        table.add(*cells, f"{100 * cost:.2f} %", verdict(cost <= 0.005))
    yield table


TORCH_PYTHON = "/usr/bin/python3"  # Debian's python3-torch


def has_torch(packages):
    words = f"import sys; sys.path.insert(0, {packages!r}); import torch, pyarrow"
    found = subprocess.run([TORCH_PYTHON, "-c", words], capture_output=True, check=False)
    return found.returncode == 0


def torch(bench):
    table = Table(
        "torch checkpoints",
        "BERT-base in float32 as pytorch_model.bin (the zip, 199 storages) against the same "
        "values as model.safetensors, both by fletch, proof included; Python: "
        "bench/torch_rival.py, which is torch.load with weights_only, pyarrow and a proof, on "
        "the same file. Promised: at most 1.1x the time and the memory of safetensors.",
        ["codec", "safetensors s", "bin s", "times", "safetensors MiB", "bin MiB", "times"]
        + ["promise", "Python s", "times", "Python MiB"],
    )
    made = bench.bin_model("bert-base")
    packages = os.path.dirname(os.path.dirname(os.__file__))
    for path in sys.path:
        if os.path.isdir(os.path.join(path, "pyarrow")):
            packages = path
    rival = has_torch(packages)
    for codec in ("zstd", "none"):
        commands = {
            "safetensors": bench.convert("bert-base", codec),
            "bin": bench.convert("bert-base-bin", codec),
        }
        if rival and codec == "zstd":
            script = os.path.join(HERE, "torch_rival.py")
            file = os.path.join(made, "pytorch_model.bin")
            commands["rival"] = [TORCH_PYTHON, script, file, bench.out + "/rival", packages]
        best = interleaved(commands, bench.runs, bench.clean)
        one, other = best["safetensors"], best["bin"]
        slower, larger = other.seconds / one.seconds, other.peak / one.peak
        cells = [codec, seconds(one.seconds), seconds(other.seconds), times(slower)]
        cells += [mib(one.peak), mib(other.peak), times(larger)]
        cells += [verdict(slower <= 1.1 and larger <= 1.1)]
        if "rival" in best:
            cells += [seconds(best["rival"].seconds), times(best["rival"].seconds / other.seconds)]
            cells += [mib(best["rival"].peak)]
        else:
            cells += ["-", "-", "-"]
        table.add(*cells)
    yield table


def gather(bench):
    table = Table(
        "Tensors that do not lie in order",
        "bench/gather: a transposed matrix of 4096 x 4096 float32 read through the reader of "
        "checkpoints, against one of that size that lies in order, in turns; processor time. "
        "Promised: less than 3x.",
        ["", "in order ms", "transposed ms", "times", "promise"],
    )
    found = json.loads(run(bench.tool("gather", bench.out)).text)
    for label, suffix in (("least", ""), ("middle", "_middle")):
        one, other = found["straight" + suffix], found["gathered" + suffix]
        table.add(label, ms(one), ms(other), times(other / one), verdict(other < 3 * one))
    yield table


def casts(bench):
    table = Table(
        "Casts",
        "GB/s of the source, one thread, the whole report with each (bench/casts.c). from "
        "memory: 64 MiB that are in no cache, against memcpy of the same; in the cache: a chunk "
        "as the pipeline has it. Promised for float32 to float16 with AVX2: at least 0.8 of "
        "memcpy.",
        ["cast", "from memory", "memcpy", "times", "promise", "in the cache", "plain C"],
    )
    found = json.loads(run(bench.tool("casts")).text)
    for name, speeds in found.items():
        if name == "kernels":
            continue
        memory, cached = speeds["memory"], speeds["cached"]
        ratio = memory["fast"] / memory["memcpy"]
        said = verdict(ratio >= 0.8) if name == "float32 to float16" else "-"
        cells = [name, f"{memory['fast'] / 1e9:.2f}", f"{memory['memcpy'] / 1e9:.2f}"]
        cells += [times(ratio), said, f"{cached['fast'] / 1e9:.2f}"]
        table.add(*cells, f"{cached['plain'] / 1e9:.2f}")
    yield table
