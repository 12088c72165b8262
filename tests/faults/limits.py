#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""limits.py BUILD WORK - what the system refuses is an error, never a signal

Open files, the size of a file, memory, threads and room on the disk, each limited to next to
nothing, then a little more, until the command succeeds. Until then: exit 1, one line, the
output as it was, nothing beside it.
"""
import os
import resource
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from outputs import Bench, contents  # noqa: E402
from tap_points import Tap, one_line, run  # noqa: E402

BUILD, WORK = (os.path.abspath(argument) for argument in sys.argv[1:3])
FLETCH = os.path.join(BUILD, "fletch")
SHIM = os.path.join(BUILD, "tests", "faults", "shim.so")
MODELS = os.path.join(WORK, "models")
TAP = Tap()
MIB = 1 << 20


def limited(command, which, value, **more):
    return run(*command, preexec_fn=lambda: resource.setrlimit(which, (value, value)), **more)


def first_start(which, values):
    """The least value with which the command starts at all: before, the loader has the word"""
    for value in values:
        if limited([FLETCH, "version"], which, value).returncode == 0:
            return value
    raise AssertionError("the command does not start")


def judge(done, before, after, leftovers):
    """None when all is well, or a sentence"""
    if leftovers:
        return "left behind: %s" % leftovers
    if done.returncode == 0:
        return None if after == "new" else "exit 0, but the output is " + after
    if done.returncode != 1 or not one_line(done.stderr):
        return "exit %d, said %r" % (done.returncode, done.stderr)
    return None if after == before else "the output is " + after


def conversions(bench, which, values, words, title):
    """Over an older output and over nothing, with each of the values: some fail, the last
    does not, and one failure at least says `words`"""
    for with_old in (True,) if "--force" in bench.options else (True, False):
        before, wrong, ends, said = ("old" if with_old else "none"), [], [], ""
        for value in values:
            bench.reset(with_old)
            done = limited(bench.command(bench.model) + ["--threads", "3"], which, value)
            why = judge(done, before, bench.state(), bench.leftovers())
            if why:
                wrong.append("%d: %s" % (value, why))
            ends.append(done.returncode)
            said += done.stderr
        if 1 not in ends or ends[-1] != 0 or words not in said:
            wrong.append("ended with %s; said %s" % (ends, said[:600]))
        TAP.ok(not wrong, "%s: %d limits, converting over %s"
               % (title, len(values), "an older output" if with_old else "nothing"),
               "\n".join(wrong[:12]))


def others(bench, which, values, title):
    """The commands that only read"""
    bench.reset(True)
    bench.convert(bench.model)
    for name, command in (("show", ["show", bench.out]), ("show a model", ["show", bench.model]),
                          ("plan", ["plan", bench.model]),
                          ("verify", ["verify", bench.out, "--quiet", "--source", bench.model])):
        wrong, ends = [], []
        for value in values:
            done = limited([FLETCH] + command, which, value)
            if done.returncode and (done.returncode != 1 or not one_line(done.stderr)):
                wrong.append("%d: exit %d, said %r" % (value, done.returncode, done.stderr))
            ends.append(done.returncode)
        if ends[-1] != 0:
            wrong.append("ended with %s" % ends)
        if bench.state() != "new" or bench.leftovers():
            wrong.append("the output is %s, %s" % (bench.state(), bench.leftovers()))
        TAP.ok(not wrong, "%s: %s" % (title, name), "\n".join(wrong[:12]))


def output_to_a_file(bench):
    """What is printed may not grow beyond a limit either"""
    for command in (["show", bench.model, "--json"], ["plan", bench.model, "--json"],
                    ["families", "--json"], ["help", "convert"]):
        path = os.path.join(WORK, "printed")
        with open(path, "wb") as stream:
            done = subprocess.run([FLETCH] + command, stdout=stream, stderr=subprocess.PIPE,
                                  text=True, check=False, preexec_fn=lambda: resource.setrlimit(
                                      resource.RLIMIT_FSIZE, (100, 100)))
        TAP.equal((done.returncode, one_line(done.stderr), os.path.getsize(path)),
                  (1, True, 100), "a file for the output of `%s` that may not grow" % command[0])


def threads(bench):
    """Fewer threads than were asked for, down to none besides the first; the command wants one
    more, to watch for an interrupt"""
    log = os.path.join(WORK, "refused")
    for allowed in range(4):
        bench.reset(True)
        done = run(*bench.command(bench.model), "--threads", "4",
                   env=dict(os.environ, LD_PRELOAD=SHIM, SHIM_THREADS=str(allowed),
                            SHIM_LOG=log, SHIM_CALLS="all"))
        with open(log, encoding="ascii") as stream:
            refused = "thread refused\n" in stream.readlines()
        os.unlink(log)
        checked = run(FLETCH, "verify", bench.out, "--quiet", "--threads", "4",
                      "--source", bench.model,
                      env=dict(os.environ, LD_PRELOAD=SHIM, SHIM_THREADS=str(allowed)))
        TAP.equal((done.returncode, done.stderr, bench.state(), bench.leftovers(),
                   checked.returncode, checked.stderr, refused),
                  (0, "", "new", [], 0, "", True),
                  "of 4 more threads the system gives %d: the same bytes" % allowed)


# In a mount namespace of its own, so that nothing stays mounted whatever happens.
FULL = """mount -t tmpfs -o size=%d,nr_inodes=%d none "$1" || exit 77
cd / && "$2" convert "$3" -o "$1/out" --quiet
code=$?
ls -A "$1" >&2
[ $code -ne 0 ] || "$2" verify "$1/out" --quiet --source "$3" || exit 99
exit $code
"""


def full_disk(bench):
    """A file system with that many bytes, or names, and no more"""
    page = os.sysconf("SC_PAGE_SIZE")
    kinds = (("bytes", [(page * many, 100) for many in (1, 2, 3, 5, 10, 20, 40, 1000)]),
             ("names", [(64 * MIB, names) for names in (1, 2, 3, 4, 5, 6, 100)]))
    place = os.path.join(WORK, "full")
    os.makedirs(place)
    for kind, sizes in kinds:
        wrong, ends = [], []
        for size in sizes:
            done = run("unshare", "-m", "sh", "-c", FULL % size, "sh", place, FLETCH, bench.model)
            ends.append(done.returncode)
            if done.returncode not in (0, 1):
                wrong.append("%s: exit %d: %s" % (size, done.returncode, done.stderr))
            elif done.returncode == 1 and (not one_line(done.stderr) or
                                           "No space left" not in done.stderr):
                wrong.append("%s: said, and left behind: %s" % (size, done.stderr))
        if 1 not in ends or ends[-1] != 0:
            wrong.append("ended with %s" % ends)
        TAP.ok(not wrong, "a disk without room for more %s: %d sizes" % (kind, len(sizes)),
               "\n".join(wrong[:12]))


def can_mount():
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return run("unshare", "-m", "mount", "-t", "tmpfs", "none", WORK).returncode == 0


def main():
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    maker = os.path.join(BUILD, "tests", "make", "make_models")
    assert run(maker, MODELS, "whisper", "sentence", "odd", "large").returncode == 0
    whisper, sentence = (os.path.join(MODELS, name) for name in ("whisper", "sentence"))
    text = Bench(FLETCH, os.path.join(WORK, "text"), whisper, sentence)
    kept = Bench(FLETCH, os.path.join(WORK, "kept"), whisper, sentence, ["--force"],
                 ["notes", "tokenizer/vocab.txt", "deep/er/notes"])
    large = Bench(FLETCH, os.path.join(WORK, "large"), os.path.join(MODELS, "odd"),
                  os.path.join(MODELS, "large"), ["--type", "transformers"])
    assert contents(text.out) is not None

    files = resource.RLIMIT_NOFILE
    least = first_start(files, range(3, 64))
    few = list(range(least, least + 12)) + [64]
    conversions(text, files, few, "Too many open files: the process", "open files")
    conversions(kept, files, few, "Too many open files: the process",
                "open files, other files kept")
    others(text, files, few, "open files")

    size = resource.RLIMIT_FSIZE
    sizes = [0, 1, 4096, 20000, 50000, 100000, 64 * MIB]
    conversions(text, size, sizes, "(ulimit -f)", "a file's size")
    conversions(large, size, [0, MIB, 5 * MIB, 20 * MIB, 64 * MIB], "(ulimit -f)",
                "a file's size, 24 MiB")
    others(text, size, [0, 64 * MIB], "a file's size")
    output_to_a_file(text)

    memory = resource.RLIMIT_AS
    least = first_start(memory, range(MIB, 64 * MIB, MIB))
    # The first of them leave nothing to say it with.
    least = first_start(memory, range(least - MIB, least + 1, 16 << 10))
    little = list(range(least, least + (128 << 10), 16 << 10))
    little += list(range(least + MIB, least + 24 * MIB, MIB)) + [1024 * MIB]
    conversions(large, memory, little, "out of memory (", "memory")
    others(text, memory, little, "memory")

    threads(large)
    if can_mount():
        full_disk(text)
    else:
        TAP.count += 1
        print("ok %d - a full disk # SKIP no right to mount one" % TAP.count)
    return TAP.finish()


if __name__ == "__main__":
    sys.exit(main())
