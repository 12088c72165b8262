# SPDX-License-Identifier: MIT
"""What else goes on while fletch works: threads, signals, warnings, forks, interpreters."""
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings

import pytest

import fletch


def convert(source, out, **keywords):
    return fletch.convert(source, out, type="any", **keywords)


def start(code, *arguments):
    """A Python that runs `code`, with what it needs at hand."""
    head = ("import os, sys, fletch\n"
            "def convert(source, out, **keywords):\n"
            "    return fletch.convert(source, out, type='any', **keywords)\n"
            "source, out = sys.argv[1:]\n")
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", head + code,
                             *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(code, *arguments):
    process = start(code, *arguments)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


# ---- Threads ----

def test_others_run_meanwhile(large, tmp_path):
    """With the lock held, the other thread would not count on."""
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted[0]
    convert(large, tmp_path / "out")
    after = counted[0]
    stop.set()
    thread.join()
    assert after - before > 1000


def test_two_at_once(large, tmp_path):
    """Neither goes on before both are under way."""
    both = threading.Barrier(2, timeout=60)
    met, wrong = set(), []

    def work(name):
        def progress(at):
            if at.stage == "write" and name not in met:
                met.add(name)
                both.wait()
        try:
            convert(large, tmp_path / name, progress=progress, threads=1)
        except BaseException as failure:
            wrong.append(failure)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and met == {"a", "b"}
    assert (tmp_path / "a/weights.parquet").read_bytes() == \
        (tmp_path / "b/weights.parquet").read_bytes()


def test_progress_is_called_by_the_waiting_thread(large, tmp_path):
    seen = []
    convert(large, tmp_path / "out", threads=2, compression="gzip",
            progress=lambda at: seen.append((threading.get_ident(), at)))
    assert {thread for thread, _ in seen} == {threading.get_ident()}
    stages = [at.stage for _, at in seen]
    assert stages[0] == "open" and stages[-1] == "verify" and "write" in stages
    assert "any" in seen[0][1].text
    for stage in ("write", "verify"):
        done = [at.done for _, at in seen if at.stage == stage]
        assert done == sorted(done) and 0 <= done[-1] <= seen[-1][1].total == 8 << 22


# ---- Stopping ----

class Stop(Exception):
    pass


@pytest.mark.parametrize("stage", ["open", "write", "verify"])
def test_an_exception_of_progress_stops_it(stage, large, tmp_path):
    def progress(at):
        if at.stage == stage:
            raise Stop(stage)

    with pytest.raises(Stop, match=stage):
        convert(large, tmp_path / "new/out", progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_the_older_output_stays(large, overflowing, tmp_path):
    with pytest.warns(fletch.FletchWarning):
        convert(overflowing, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def progress(at):
        raise Stop

    with pytest.raises(Stop):
        convert(large, tmp_path / "out", progress=progress)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("stage", ["write", "verify"])
def test_ctrl_c(stage, large, tmp_path):
    """gzip at its highest level takes many seconds: it does not end by itself."""
    level = 12 if stage == "write" else 1
    process = start(
        "def progress(at):\n"
        f"    if at.stage == {stage!r}:\n"
        "        print('under way', flush=True)\n"
        "try:\n"
        f"    convert(source, out, compression='gzip', compression_level={level},"
        "             threads=1, progress=progress)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', os.listdir(os.path.dirname(out)))\n",
        large, tmp_path / "out")
    assert process.stdout.readline() == "under way\n"
    process.send_signal(signal.SIGINT)
    rest = process.communicate()[0]
    assert rest.splitlines()[-1] == "interrupted []"
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_a_thread_reaches_the_main_one(large, tmp_path):
    """The conversion in another thread is not disturbed."""
    process = start(
        "import threading, time\n"
        "done = []\n"
        "def wait():\n"
        "    while not done: time.sleep(0.01)\n"
        "def progress(at):\n"
        "    if at.stage == 'write': print('under way', flush=True)\n"
        "thread = threading.Thread(target=lambda: done.append(\n"
        "    convert(source, out, progress=progress, compression='gzip')))\n"
        "try:\n"
        "    thread.start()\n"
        "    wait()\n"
        "    print('missed')\n"
        "except KeyboardInterrupt:\n"
        "    wait()\n"
        "    print('interrupted', done[0].passed)\n", large, tmp_path / "out")
    assert process.stdout.readline() == "under way\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0].splitlines()[-1] == "interrupted True"


def test_a_signal_handler_that_raises(large, tmp_path):
    code = ("import signal\n"
            "class Alarm(Exception): pass\n"
            "def handler(*unused): raise Alarm\n"
            "signal.signal(signal.SIGUSR1, handler)\n"
            "def progress(at): os.kill(os.getpid(), signal.SIGUSR1)\n"
            "try: convert(source, out, progress=progress)\n"
            "except Alarm: print(os.listdir(os.path.dirname(out)))\n")
    assert run(code, large, tmp_path / "out") == "[]\n"


# ---- Words ----

def test_warnings_are_warnings(overflowing, tmp_path, capfd):
    with pytest.warns(fletch.FletchWarning, match="weight") as told:
        result = convert(overflowing, tmp_path / "out")
    assert [str(one.message) for one in told] == list(result.warnings)
    assert told[0].filename == __file__
    assert capfd.readouterr() == ("", "")


def test_a_warning_made_an_error_publishes_nothing(overflowing, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(fletch.FletchWarning):
            convert(overflowing, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_warnings_can_be_logged(overflowing, tmp_path, caplog):
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            convert(overflowing, tmp_path / "out")
    finally:
        logging.captureWarnings(False)
    assert "FletchWarning" in caplog.text and "py.warnings" in caplog.text


def test_notes_are_logged(golden, tmp_path, caplog):
    caplog.set_level(logging.INFO, "fletch")
    result = fletch.convert(golden("whisper-openai-pt") / "tiny.pt", tmp_path / "out")
    assert [record.getMessage() for record in caplog.records] == list(result.notes)


def test_nothing_is_printed(golden, tmp_path, capfd):
    fletch.convert(golden("bert-safetensors"), tmp_path / "out")
    fletch.verify(tmp_path / "out")
    with pytest.raises(fletch.Error):
        fletch.plan("/nowhere")
    assert capfd.readouterr() == ("", "")


class Terminal:
    """A stderr that is a terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


def test_a_bar_without_tqdm(large, tmp_path, monkeypatch, capfd):
    terminal = Terminal()
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", terminal)
    convert(large, tmp_path / "out", progress=True)
    assert "\rwrite " in terminal.text and "\rverify" in terminal.text
    assert terminal.text.endswith("\r\x1b[K")
    assert capfd.readouterr() == ("", "")


def test_a_bar_with_tqdm(large, tmp_path, monkeypatch):
    import types

    seen = []

    class tqdm:
        def __init__(self, total, desc, **unused):
            self.n, self.total = 0, total
            seen.append((desc, total))

        def update(self, more):
            self.n += more

        def close(self):
            seen.append(self.n)

    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=tqdm))
    convert(large, tmp_path / "out", progress=True)
    assert [one for one in seen if isinstance(one, tuple)] == \
        [("write", 8 << 22), ("verify", 8 << 22)]
    assert all(0 < one <= 8 << 22 for one in seen if isinstance(one, int))


# ---- Processes and interpreters ----

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


def test_a_fork_beside_a_conversion(large, tmp_path):
    code = ("import threading\n"
            "under_way = threading.Event()\n"
            "def progress(at): under_way.set()\n"
            "thread = threading.Thread(target=convert, args=(source, out),\n"
            "                          kwargs=dict(progress=progress))\n"
            "thread.start(); under_way.wait()\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    convert(source, out + '-child'); os._exit(7)\n"
            "thread.join()\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n")
    assert run(code, large, tmp_path / "out") == "7\n"
    assert (tmp_path / "out/weights.parquet").read_bytes() == \
        (tmp_path / "out-child/weights.parquet").read_bytes()


def test_a_fork_within_a_conversion(large, tmp_path):
    """In the child nobody works: it is told so, and nothing of the parent's is lost."""
    code = ("child = None\n"
            "def progress(at):\n"
            "    global child\n"
            "    if at.stage == 'write' and child is None: child = os.fork()\n"
            "try: convert(source, out, progress=progress)\n"
            "except RuntimeError as failure:\n"
            "    os._exit(7 if 'forked' in str(failure) else 8)\n"
            "print(child != 0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n")
    assert run(code, large, tmp_path / "out") == "True 7\n"
    assert fletch.verify(tmp_path / "out").compared


INTERPRETERS = """
import threading
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
code = '''
import sys; sys.path[:] = %r
import fletch
def progress(at): pass
fletch.convert(%r, %r, type="any", progress=progress)
try: fletch.detect("/nowhere")
except fletch.NotFoundError: pass
with fletch.open_checkpoint(%r) as checkpoint:
    assert len(next(iter(checkpoint.values())).read()) == 1 << 22
'''
wrong = []
def work(number):
    ours = interpreters.create()
    try:
        said = interpreters.run_string(ours, code % (sys.path, source, out + str(number), source))
        if said is not None: wrong.append(said)
        interpreters.destroy(ours)
    except BaseException as failure:
        wrong.append(failure)
threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(wrong)
"""


def test_subinterpreters(large, tmp_path):
    """Several, at once; since 3.12 each with a lock of its own."""
    assert run(INTERPRETERS, large, tmp_path / "out") == "[]\n"
    assert len({(tmp_path / f"out{i}/weights.parquet").read_bytes() for i in range(3)}) == 1


def test_the_interpreter_may_end_meanwhile(large, tmp_path):
    """A daemon thread is left waiting; the process ends, and the next conversion removes
    what it had written."""
    code = ("import threading\n"
            "under_way = threading.Event()\n"
            "threading.Thread(target=convert, args=(source, out), daemon=True, kwargs=dict(\n"
            "    progress=lambda at: under_way.set(), compression='gzip',\n"
            "    compression_level=12)).start()\n"
            "under_way.wait(); print('done')\n")
    assert run(code, large, tmp_path / "out") == "done\n"
    convert(large, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# ---- Light ----

def test_import_is_light():
    """Of what is not fletch, only the little that Python itself needs."""
    code = ("import sys; before = set(sys.modules); import fletch\n"
            "print(sorted(set(sys.modules) - before))")
    loaded = subprocess.run([sys.executable, "-S", "-c",
                             "import sys; sys.path[:0] = %r\n" % sys.path + code],
                            capture_output=True, text=True, check=True).stdout
    assert loaded == "['__future__', 'fletch', 'fletch._fletch']\n"
    assert os.environ["PYTHONPATH"]


# ---- What cannot be cut short ----

ABANDON = """
import signal
class Stop(Exception): pass
def handler(*unused): raise Stop
signal.signal(signal.SIGALRM, handler)
def left():
    return sorted(os.listdir(os.path.dirname(out)))
for seconds in (0.5, 0.5):
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try: print(convert(source, out))
    except Stop: print(left())
os.environ['SLOW'] = ''
print(convert(source, out).passed, left())
"""


def test_work_that_cannot_be_cut_short_is_abandoned(overflowing, tmp_path):
    """Each pread of the proof takes seconds; the exception comes all the same, with nothing
    left behind, and what was abandoned does not get into the next conversion's way."""
    slow = tmp_path / "slow_read.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", slow,
                    os.path.join(os.path.dirname(__file__), "slow_read.c")], check=True)
    (tmp_path / "work").mkdir()
    head = "import os, sys, fletch\nsource, out = sys.argv[1:]\n" \
           "def convert(*a, **k): return fletch.convert(*a, type='any', **k)\n"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + ABANDON, overflowing,
         tmp_path / "work/out"], capture_output=True, text=True,
        env={**os.environ, "LD_PRELOAD": str(slow), "SLOW": "1"})
    assert ended.stdout == "[]\n[]\nTrue ['out']\n", ended.stdout + ended.stderr
