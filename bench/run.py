#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py FLETCH TOOLS [--large] [--only SECTION]... [--runs N] - measures, prints tables
run.py --markdown - the tables of the last run again, as docs/benchmarks.md has them

FLETCH is the command, TOOLS the folder with limits, read and the like; bench/run builds them and
calls this. Sections: limits python share memory start threads linear reading arrays
progress torch gather casts.
Whatever is compared took turns in one run, each the best of N (5). Output folders are in memory
(/dev/shm) where that is large enough, so that a disk's mood is not measured; the table
against Python has a line with the disk. --large adds the 4 GB model. Exits with 1 when a
memory bound is broken.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys

from measure import MIB, Table, interleaved, markdown, median_ms, mib, ms, plain, run
from measure import seconds, times, verdict
from parts import arrays, casts, gather, progress, reading, torch

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")
RESULTS = os.path.join(HERE, "results.json")
SHARED_MEMORY = "/dev/shm"
ROOM_WANTED = 8 << 30
BUSY = 0.7
FAMILIES = {"bert": "bert", "clip": "clip", "whisper": "whisper", "minilm": "bert"}
LEVELS = {"zstd": 3}


class Bench:
    def __init__(self, options):
        self.fletch, self.tools, self.runs = options.fletch, options.tools, options.runs
        self.large = options.large
        self.broken = []
        self.disk = os.path.join(DATA, "out")
        self.out = self.disk
        if os.path.isdir(SHARED_MEMORY):
            if shutil.disk_usage(SHARED_MEMORY).free > ROOM_WANTED:
                self.out = os.path.join(SHARED_MEMORY, f"fletch-bench-{os.getpid()}")
        self.cores = len(os.sched_getaffinity(0))

    def model(self, name):
        """the checkpoint's folder; made by a process of its own, which may grow large"""
        path = os.path.join(DATA, name)
        if not os.path.exists(os.path.join(path, "config.json")):
            maker = os.path.join(HERE, "checkpoints.py")
            subprocess.run([sys.executable, maker, DATA, name], check=True)
        return path

    def bin_model(self, name):
        """the same as pytorch_model.bin"""
        made = os.path.join(DATA, name + "-bin")
        if not os.path.exists(os.path.join(made, "config.json")):
            subprocess.run(self.python("torch_files.py", self.model(name), made), check=True)
        return made

    def clean(self):
        for folder in (self.out, self.disk):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder, exist_ok=True)

    def done(self):
        for folder in (self.out, self.disk):
            shutil.rmtree(folder, ignore_errors=True)

    def tool(self, name, *arguments):
        return [os.path.join(self.tools, name), *map(str, arguments)]

    def python(self, script, *arguments):
        return [sys.executable, os.path.join(HERE, script), *map(str, arguments)]

    @staticmethod
    def type_of(name):
        plain_tensors = name.startswith(("many", "shards", "one"))
        return "transformers" if plain_tensors else "auto"

    def convert(self, name, codec="zstd", threads=0, *more, to=None):
        command = [self.fletch, "convert", self.model(name), "-o", (to or self.out) + "/fletch"]
        command += ["--quiet", "--no-tokenizer", "--type", self.type_of(name)]
        command += ["--compression", codec]
        if codec in LEVELS:
            command += ["--compression-level", str(LEVELS[codec])]
        if threads:
            command += ["--threads", str(threads)]
        return command + list(more)

    def rival(self, name, codec="zstd", proof="ahead", to=None):
        family = next((f for p, f in FAMILIES.items() if name.startswith(p)), "any")
        target = (to or self.out) + "/rival"
        command = self.python("rival.py", self.model(name), target, "--family", family)
        return command + ["--compression", codec, "--proof", proof]

    def limits(self, name, codec):
        path = os.path.join(self.model(name), "model.safetensors")
        here = os.getcwd()
        os.makedirs(self.out, exist_ok=True)
        os.chdir(self.out)  # where its own scratch file goes
        text = run(self.tool("limits", path, codec, LEVELS.get(codec, 6))).text
        os.chdir(here)
        return json.loads(text)


# ---- Sections: each takes the bench and yields tables ----


def limits(bench):
    table = Table(
        "What the machine can do",
        "GB/s of each part on its own, on BERT-base in float32 and zstd at level 3 "
        "(bench/limits.c says how it is measured). read, cast: bytes of the source.",
        ["part", "one core", f"all {bench.cores} cores"],
    )
    found = bench.limits("bert-base", "zstd")
    for part, speed in found["one"].items():
        table.add(part, f"{speed / 1e9:.2f}", f"{found['all'][part] / 1e9:.2f}")
    yield table


PROMISED = {
    # model: {codec: (at least so many times as fast, held to one thread)}
    "bert-base": {"zstd": (6, 2.5), "lz4": (6, 2.5), "none": (None, None)},
    "clip-b32": {"zstd": (4.5, 2.5), "lz4": (5, 2.5), "none": (None, None)},
    "whisper-base": {"zstd": (6, 2.5), "lz4": (5, 2.5), "none": (None, None)},
    "minilm": {"zstd": (None, None)},
}


def weights_size(folder):
    return os.path.getsize(os.path.join(folder, "weights.parquet"))


def python(bench):
    table = Table(
        "Against the best plain Python",
        "Seconds of wall time, all proving what they wrote and hashing every row. script: "
        "bench/rival.py as an expert writes it, a thread reading ahead of the one that works, "
        "which is what is promised against; its proof rewritten to run on all cores: the second "
        "pair of columns. CPU: the script's processor time by fletch's. size: fletch's file by "
        "pyarrow's. With (disk) all write to the disk, fletch syncs and Python does not.",
        ["model", "codec", "script s", "fletch s", "times", "1 thread s", "times", "promise"]
        + ["CPU", "all cores s", "times", "script MiB", "fletch MiB", "size"],
    )
    for model, codecs in PROMISED.items():
        for codec, promise in codecs.items():
            add_python_row(bench, table, model, codec, promise, bench.out)
    add_python_row(bench, table, "bert-base", "zstd", (None, None), bench.disk)
    yield table


def add_python_row(bench, table, model, codec, promise, folder):
    commands = {
        "script": bench.rival(model, codec, to=folder),
        "fletch": bench.convert(model, codec, to=folder),
        "cores": bench.rival(model, codec, "cores", to=folder),
        "one": bench.convert(model, codec, 1, to=folder),
    }
    best = interleaved(commands, bench.runs, bench.clean)
    run(commands["script"])
    script, fletch, one, cores = (best[key] for key in ("script", "fletch", "one", "cores"))
    ratio, ratio_one = script.seconds / fletch.seconds, script.seconds / one.seconds
    size = weights_size(folder + "/fletch") / weights_size(folder + "/rival")
    least, least_one = promise
    said = "-"
    if least:
        met = [verdict(ratio >= least), verdict(ratio_one >= least_one)]
        said = f"{least}x: {met[0]}, {least_one}x: {met[1]}"
    cells = [model + (" (disk)" if folder == bench.disk else ""), codec]
    cells += [seconds(script.seconds), seconds(fletch.seconds), times(ratio)]
    cells += [seconds(one.seconds), times(ratio_one), said, times(script.cpu / fletch.cpu)]
    cells += [seconds(cores.seconds), times(cores.seconds / fletch.seconds)]
    table.add(*cells, mib(script.peak), mib(fletch.peak), f"{size:.4f}")


def unavoidable(limit, model, made, cores="all"):
    """seconds of each part at the limit of those cores: {"write": {...}, "verify": {...}}"""
    speed = limit[cores]
    source, content, written = made["source"], 2 * made["parameters"], made["written"]
    cast = 0 if model.endswith("-f16") else source / speed["cast"]
    packed = limit["codec"] != "none"
    return {
        "write": {
            "read": source / speed["read"],
            "cast": cast,
            "compress": content / speed["compress"] if packed else 0,
            "crc": written / speed["crc"],
            "sha": content / speed["sha"],
        },
        "verify": {
            "read source": source / speed["read"],
            "read back": written / speed["read"],
            "cast again": cast,
            "decode": content / speed["decode"] if packed else 0,
            "compare": content / speed["compare"],
        },
        "besides": {
            "write": written / speed["write"],
            "crc check": written / speed["crc"],
        },
    }


SHARED = [
    ("bert-base", "zstd"),
    ("bert-base", "lz4"),
    ("bert-base", "none"),
    ("bert-base-bf16", "zstd"),
    ("bert-base-f16", "zstd"),
    ("clip-b32", "zstd"),
]


def stages_of(bench, model, codec):
    """the best of some conversions, and the stages of the best of some others"""
    path, kind = bench.model(model), bench.type_of(model)
    stages = bench.tool(
        "stages", path, bench.out + "/stages", kind, codec, LEVELS.get(codec, 0), 0
    )
    commands = {"wall": bench.convert(model, codec), "stages": stages}
    best = interleaved(commands, bench.runs, bench.clean)
    return best["wall"], json.loads(best["stages"].text)


def better(one, other):
    """the higher speeds of two measurements of the limits"""
    for cores in ("one", "all"):
        for part, speed in other[cores].items():
            one[cores][part] = max(one[cores][part], speed)
    return one


def share(bench):
    table = Table(
        "Share of the limit",
        "ms. limit: read + cast + compress + hash, then read + cast + decode + compare, at "
        "what the machine does on all cores (the sum of what each part would take alone); "
        "wall: the whole `fletch convert`. write and verify: each stage by its own part of "
        "the limit. besides: writing to the page cache and checking CRCs, which the limit "
        "leaves out; with: the share of both. CPU: processor time by the limit's sum at the "
        "speeds of one core. "
        "Promised: at most 1.25x.",
        ["model", "codec", "limit", "wall", "share", "promise", "open", "write", "share"]
        + ["verify", "share", "publish", "besides", "with", "CPU"],
    )
    parts = None
    for model, codec in SHARED + [("text-4g", "zstd")] * bench.large:
        before = bench.limits(model, codec)
        wall, made = stages_of(bench, model, codec)
        limits = better(before, bench.limits(model, codec))
        limit = unavoidable(limits, model, made)
        write, verify = sum(limit["write"].values()), sum(limit["verify"].values())
        single = unavoidable(limits, model, made, "one")
        single = sum(single["write"].values()) + sum(single["verify"].values())
        ratio = wall.seconds / (write + verify)
        cells = [model, codec, ms(write + verify), ms(wall.seconds)]
        cells += [times(ratio), verdict(ratio <= 1.25), ms(made["open"])]
        cells += [ms(made["write"]), times(made["write"] / write)]
        cells += [ms(made["verify"]), times(made["verify"] / verify), ms(made["publish"])]
        besides = sum(limit["besides"].values())
        cells += [ms(besides), times(wall.seconds / (write + verify + besides))]
        table.add(*cells, times(wall.cpu / single))
        all_parts = {**limit["write"], **limit["verify"]}
        parts = parts or Table(
            "The limit in parts", "ms at the speed of all cores.", ["model", "codec", *all_parts]
        )
        parts.add(model, codec, *(ms(value) for value in all_parts.values()))
    yield table
    yield parts


def largest_value(name):
    """bytes of the largest tensor as float16"""
    with open(os.path.join(DATA, name, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    largest = 0
    for entry in header.values():
        count = 1
        for dimension in entry["shape"]:
            count *= dimension
        largest = max(largest, 2 * count)
    return largest


def memory(bench):
    table = Table(
        "Peak memory",
        "MiB of resident memory, the highest of the runs. Bound: 96 MiB at up to 2 threads "
        "and 8 more for each further one; for lz4 and gzip, whose pages are read whole, twice "
        "the largest value more. At one thread also 200 MiB in any case.",
        ["model", "codec", "threads", "MiB", "bound", "promise"],
    )
    cases = [("bert-base", codec, 2) for codec in ("zstd", "snappy", "none", "lz4", "gzip")]
    cases += [("bert-base", "zstd", 1), ("bert-base", "zstd", 8), ("bert-base", "lz4", 8)]
    cases += [("one-52428800", "zstd", 2), ("many-10000", "zstd", 2)]
    if bench.large:
        cases += [("text-4g", codec, 2) for codec in ("zstd", "snappy", "none", "lz4")]
    for model, codec, threads in cases:
        command = {"fletch": bench.convert(model, codec, threads)}
        peak = interleaved(command, 2, bench.clean)["fletch"].peak
        bound = (96 + 8 * max(0, threads - 2)) * MIB
        if codec in ("lz4", "gzip"):
            bound += 2 * largest_value(model)
        elif threads == 1:
            bound = min(bound, 200 * MIB)
        if peak > bound:
            bench.broken.append(
                f"{model} {codec}, {threads} threads: {mib(peak)} MiB, bound {mib(bound)}"
            )
        table.add(model, codec, threads, mib(peak), mib(bound), verdict(peak <= bound))
    yield table


def start(bench):
    table = Table(
        "Start-up and size",
        "ms: the median of 50 starts, the kernel's share included (that of an empty program "
        "is in the table).",
        ["what", "found", "at most", "promise"],
    )
    nothing = median_ms(["/bin/true"], 50)
    version = median_ms([bench.fletch, "--version"], 50)
    show = median_ms([bench.fletch, "show", bench.model("many-1000")], 50)
    table.add("/bin/true", f"{nothing:.2f} ms", "", "-")
    table.add("fletch --version", f"{version:.2f} ms", "3 ms", verdict(version <= 3))
    table.add("fletch show, 1,000 tensors", f"{show:.2f} ms", "10 ms", verdict(show <= 10))
    show = median_ms([bench.fletch, "show", bench.bin_model("many-1000")], 50)
    table.add("fletch show, 1,000 in a .bin", f"{show:.2f} ms", "50 ms", verdict(show <= 50))
    os.makedirs(bench.out, exist_ok=True)
    stripped = os.path.join(bench.out, "stripped")
    subprocess.run(["strip", "-o", stripped, bench.fletch], check=True)
    size = os.path.getsize(stripped)
    with open(stripped, "rb") as file:
        most = 1.0 if b"libzstd.so" in file.read() else 1.5  # with the codecs inside
    table.add("stripped binary", f"{mib(size)} MiB", f"{most} MiB", verdict(size <= most * MIB))
    yield table


def threads(bench):
    table = Table(
        "Threads",
        "Efficiency: seconds with one thread by seconds with N. Promised: 1.85x at 2 for what "
        "compression bounds (zstd), and that a small model does not pay for threads (at most "
        "10 % slower than one).",
        ["model", "codec", "threads", "seconds", "times", "promise"],
    )
    for model, codec in (("bert-base", "zstd"), ("bert-base", "none"), ("whisper-tiny", "zstd")):
        counts = [1, 2, 3, 8]
        commands = {n: bench.convert(model, codec, n) for n in counts}
        best = interleaved(commands, bench.runs, bench.clean)
        for n in counts:
            ratio = best[1].seconds / best[n].seconds
            said = "-"
            if n == 2 and codec == "zstd":
                said = verdict(ratio >= (1.85 if model == "bert-base" else 1 / 1.1))
            table.add(model, codec, n, seconds(best[n].seconds), times(ratio), said)
    yield table


def linear(bench):
    table = Table(
        "Cost by size",
        "Seconds of a conversion, the best of three. The last column is to stay level, or to "
        "fall while the start-up still shows.",
        ["what", "how many", "seconds", "MiB", "each"],
    )
    sizes = [5242880, 52428800] + [524288000] * bench.large
    cases = [("tensors of 1 KB", n, f"many-{n}", n, "us") for n in (100, 1000, 10000)]
    cases += [("shards of 100 MB", n, f"shards-{n}", 1000, "us") for n in (1, 10, 100)]
    cases += [("MiB in one tensor", n >> 18, f"one-{n}", n >> 18, "us") for n in sizes]
    for what, shown, model, count, unit in cases:
        best = interleaved({"f": bench.convert(model)}, 3, bench.clean)["f"]
        each = f"{1e6 * best.seconds / count:.1f} {unit}"
        table.add(what, f"{shown:,}", seconds(best.seconds), mib(best.peak), each)
    yield table
    groups = Table(
        "Row groups",
        "Reading every value of files with a row group for each row, as the rival writes "
        "them. ms, the best of three.",
        ["row groups", "open", "read", "each"],
    )
    for count in (10, 100, 1000):
        bench.clean()
        run(bench.rival(f"many-{count}"))
        command = bench.tool("read", bench.out + "/rival/weights.parquet", 1)
        found = json.loads(interleaved({"read": command}, 3)["read"].text)
        total = 1e6 * (found["open"] + found["read"])
        took = [f"{1e3 * found[key]:.2f}" for key in ("open", "read")]
        groups.add(count, *took, f"{total / count:.1f} us")
    yield groups


SECTIONS = [limits, python, share, memory, start, threads, linear, reading, arrays, progress,
            torch]
SECTIONS += [gather, casts]


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    return f"{len(os.sched_getaffinity(0))} cores of {model}, Linux {platform.release()}"


def main():
    names = [section.__name__ for section in SECTIONS]
    parser = argparse.ArgumentParser(description=__doc__.split(" - ", maxsplit=1)[0])
    parser.add_argument("fletch", nargs="?")
    parser.add_argument("tools", nargs="?")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    results = {"machine": machine(), "tables": {}}
    if os.path.exists(RESULTS):
        with open(RESULTS) as file:
            results["tables"] = json.load(file)["tables"]
    if options.markdown:
        for name in names:
            for table in results["tables"].get(name, []):
                print(markdown(table))
        return 0
    if not options.tools:
        parser.error("FLETCH and TOOLS are needed")
    bench = Bench(options)
    print(f"{results['machine']}; outputs below {bench.out}; best of {bench.runs}")
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"load average {load:.1f}: this machine is busy, the figures will not be true")
    try:
        for section in SECTIONS:
            if options.only and section.__name__ not in options.only:
                continue
            bench.clean()
            tables = [table.as_dict() for table in section(bench)]
            results["tables"][section.__name__] = tables
            for table in tables:
                print(plain(table), flush=True)
            with open(RESULTS, "w") as file:
                json.dump(results, file, indent=1)
    finally:
        bench.done()
    for line in bench.broken:
        print(f"memory bound broken: {line}")
    return 1 if bench.broken else 0


if __name__ == "__main__":
    sys.exit(main())
