# SPDX-License-Identifier: MIT
"""include= and plan=: read ahead by threads, in the order of the file, and nothing else."""
import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fletch

spec = importlib.util.spec_from_file_location("reading",
                                              pathlib.Path(__file__).parent / "reading.py")
reading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reading)

TENSORS = {f"layer.{i}.{part}": np.full((40 + i, 300), i, np.float32)
           for i in range(12) for part in ("weight", "bias")}
TENSORS["scale"] = np.array(3, np.float32)


@pytest.fixture(scope="module", params=["zstd", "none"])
def folder(request, tmp_path_factory):
    return reading.convert(tmp_path_factory.mktemp("ahead"), TENSORS,
                           compression=request.param)


@pytest.mark.parametrize("threads", [1, 2, 7, 300])
@pytest.mark.parametrize("mmap", [False, True])
def test_load_file(folder, threads, mmap):
    found = fletch.load_file(folder, threads=threads, mmap=mmap)
    assert sorted(found) == sorted(TENSORS)
    for name, array in found.items():
        reading.assert_same(array, TENSORS[name])


@pytest.mark.parametrize("include, names", [
    ("layer.3.*", ["layer.3.bias", "layer.3.weight"]),
    ("scale", ["scale"]),
    (["scale", "layer.1?.bias"], ["layer.10.bias", "layer.11.bias", "scale"]),
    (("layer.0.bias", "layer.0.*"), ["layer.0.bias", "layer.0.weight"]),
    ({"layer.[01].bias": None}, ["layer.0.bias", "layer.1.bias"]),
    ([], []),
])
def test_include_names_what_is_there(folder, include, names):
    with fletch.safe_open(folder, include=include, threads=2) as file:
        assert file.keys() == names == list(file) and len(file) == len(names)
        assert "layer.5.bias" not in file
        with pytest.raises(KeyError):
            file["layer.5.bias"]
        for _ in range(2):  # the second time they are read anew
            for name in reversed(names):
                reading.assert_same(file[name], TENSORS[name])
    assert list(fletch.load_file(folder, include=include)) == names


@pytest.mark.parametrize("mmap", [False, True])
def test_slices_ahead(folder, mmap):
    name = "layer.7.weight"
    for wanted in ({name: slice(2, 9)}, [(name, slice(2, 9))], [(name, slice(-45, 9, 1))]):
        with fletch.safe_open(folder, include=wanted, mmap=mmap) as file:
            reading.assert_same(file[name], TENSORS[name][2:9])
            reading.assert_same(file.get_slice(name)[:], TENSORS[name][2:9])
            reading.assert_same(file.get_slice(name)[1:3, ::2], TENSORS[name][3:5, ::2])
            assert file.get_slice(name).get_shape() == [7, 300]
            reading.assert_same(file.get_tensors()[name], TENSORS[name][2:9])
        with fletch.safe_open(folder, plan=wanted, mmap=mmap) as file:
            assert len(file) == len(TENSORS)
            reading.assert_same(file.get_slice(name)[2:9], TENSORS[name][2:9])
            reading.assert_same(file[name], TENSORS[name])
    assert fletch.load_file(folder, include={name: slice(5, 2)})[name].shape == (0, 300)


def test_what_makes_no_sense(folder):
    for wanted, error, words in [
            ("nothing.*", KeyError, "has no row 'nothing.*'"),
            (["scale", "layer.99.bias"], KeyError, "has no row 'layer.99.bias'"),
            ({"scale": slice(1)}, ValueError, "'scale': has no dimension"),
            ({"layer.0.bias": slice(0, 9, 2)}, ValueError, "not in steps of 2"),
            ({"layer.0.bias": 3}, TypeError, "must be a slice"),
            ([3], TypeError, "a name must be a str"), (3, TypeError, "expected names, globs")]:
        for keyword in ("include", "plan"):
            with pytest.raises(error) as caught:
                fletch.safe_open(folder, **{keyword: wanted})
            assert words in str(caught.value)


def test_one_part_of_a_tensor_is_there(folder):
    """Several may be planned."""
    name = "layer.0.bias"
    parts = [(name, slice(0, 2)), (name, slice(4, 6))]
    with pytest.raises(fletch.ArgumentError, match="rows 0 to 2 and rows 4 to 6, expected one"):
        fletch.safe_open(folder, include=parts)
    assert len(fletch.load_file(folder, include=[parts[0], parts[0]])[name]) == 2
    with fletch.safe_open(folder, plan=parts) as file:
        for _, part in parts:
            reading.assert_same(file.get_slice(name)[part], TENSORS[name][part])


def run(code, *arguments, **keywords):
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True,
                          capture_output=True, text=True, **keywords).stdout


def test_nothing_else_is_read(tmp_path):
    large = {f"t{i}": np.full(1_000_000, i, np.int32) for i in range(6)}
    folder = reading.convert(tmp_path, large, compression="none")
    code = ("import sys, time, fletch\n"
            "def read():\n"
            "    return int(open('/proc/self/io').read().split()[1])\n"
            "fletch.safe_open(sys.argv[1], None).close()  # import it\n"
            "began = read()\n"
            "with fletch.safe_open(sys.argv[1], None, threads=2, **eval(sys.argv[2])) as file:\n"
            "    while read() - began < int(sys.argv[3]):\n"
            "        time.sleep(0.01)\n"
            "    ahead = [file.get_tensor(name) for name in eval(sys.argv[4])]\n"
            "print(read() - began)")
    around = 1_000_000  # the footer, modules that are imported
    for keywords, names, size in [("dict(include=['t2', 't4'])", ["t4", "t2"], 8_000_000),
                                  ("dict(plan=['t5'])", ["t5"], 4_000_000),
                                  ("dict(include='t1', plan=())", [], 0)]:
        assert size <= int(run(code, folder, keywords, size, repr(names))) < size + around


def threads_count():
    return len(os.listdir("/proc/self/task"))


def wait_until(condition):
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_threads_end_by_themselves(folder):
    before = threads_count()
    file = fletch.safe_open(folder, include="*", threads=3)
    assert wait_until(lambda: threads_count() <= before), "all is read"
    reading.assert_same(file["scale"], TENSORS["scale"])
    file.close()
    for _ in range(20):
        fletch.safe_open(folder, include="*", threads=3)  # dropped while it is read
    assert wait_until(lambda: threads_count() <= before)


def test_many_ask_at_once(folder):
    with fletch.safe_open(folder, include="*", threads=2) as file:
        wrong = []

        def ask():
            for name in file:
                if not np.array_equal(file[name], TENSORS[name]):
                    wrong.append(name)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_a_fork_reads_for_itself(folder):
    code = ("import os, sys, fletch\n"
            "file = fletch.safe_open(sys.argv[1], None, include='*', threads=2)\n"
            "child = os.fork()\n"
            "names = file.keys()\n"
            "sizes = [file[name].nbytes for name in reversed(names)]\n"
            "del file\n"
            "if not child:\n"
            "    os._exit(sum(sizes) % 251)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == sum(sizes) % 251)")
    for _ in range(5):
        assert run(code, folder, timeout=60) == "True\n"


def test_ctrl_c_gets_through(tmp_path):
    """While a large value is being read, KeyboardInterrupt comes at once."""
    folder = reading.convert(tmp_path, {"t": np.zeros(12_000_000, np.int32)},
                             compression="gzip", validate=False)
    code = ("import sys, time, fletch\n"
            "file = fletch.safe_open(sys.argv[1], None)\n"
            "print('go', flush=True)\n"
            "try:\n"
            "    while True:\n"
            "        file['t']\n"
            "except KeyboardInterrupt:\n"
            "    print('caught')")
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], text=True,
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == "go\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "caught\n" and process.returncode == 0


def test_the_gil_is_free_while_values_are_read(tmp_path):
    folder = reading.convert(tmp_path, {"t": np.zeros(12_000_000, np.int32),
                                        "small": np.zeros(7_000_000, np.int32)},
                             compression="gzip", validate=False)
    for name in ("t", "small"):  # by a thread of its own, and by the caller's
        ended, turns = threading.Event(), 0

        def read():
            with fletch.safe_open(folder, None) as file:
                for _ in range(8):
                    file[name]
            ended.set()

        reader = threading.Thread(target=read)
        reader.start()
        while not ended.is_set():
            turns += 1
            time.sleep(0.001)
        reader.join()
        assert turns > 40, "this thread had its turn between the reads alone"
