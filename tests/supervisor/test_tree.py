"""The supervisor with small real processes: restarts, prefixes, drain, and nothing left behind."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.processes import alive, wait_until
from tradeops.supervisor.child import Backoff, Program, describe
from tradeops.supervisor.output import Lines, Output
from tradeops.supervisor.tree import Supervisor

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[2]


def program(name, code, *, stage=0, grace_seconds=5.0):
    return Program(name, (sys.executable, "-c", textwrap.dedent(code)), stage=stage, grace_seconds=grace_seconds)


SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
STOPS_WITH_A_WORD = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: (print('going', time.monotonic(), flush=True), sys.exit(0)))
    print('up', flush=True)
    while True:
        time.sleep(0.02)
"""


class Running:
    """A supervisor under the test's own thread; `meanwhile` runs beside it and then the supervisor is stopped."""

    def __init__(self, programs):
        self.stream = io.StringIO()
        self.restarts = []
        self.supervisor = Supervisor(
            programs,
            output=Output(self.stream, [program.name for program in programs]),
            restarted=lambda name, reason: self.restarts.append((name, reason)),
        )

    def run(self, meanwhile, *, number=signal.SIGTERM):
        failures = []

        def beside():
            try:
                meanwhile()
            except BaseException as error:
                failures.append(error)
            finally:
                os.kill(os.getpid(), number)

        thread = threading.Thread(target=beside)
        thread.start()
        self.supervisor.run()
        thread.join()
        if failures:
            raise failures[0]

    def lines(self, name):
        return [line.partition(" | ")[2] for line in self.stream.getvalue().splitlines() if line.split(" ")[0] == name]

    def pid(self, name):
        return next(child.pid for child in self.supervisor.children if child.name == name)


def test_it_prefixes_every_line_and_aligns_the_names():
    running = Running([program("web", SLEEPS), program("dispatcher", SLEEPS)])
    running.run(lambda: wait_until(lambda: running.stream.getvalue().count("up") == 2))
    lines = running.stream.getvalue().splitlines()
    assert "web        | up" in lines
    assert "dispatcher | up" in lines
    assert lines[-1] == "portal     | stopped"


def test_it_restarts_a_dead_child_and_tells_so():
    running = Running([program("web", SLEEPS), program("relay", SLEEPS)])
    pids = {}

    def kill():
        wait_until(lambda: running.stream.getvalue().count("| up") == 2)
        pids.update(web=running.pid("web"), relay=running.pid("relay"))
        os.kill(pids["relay"], signal.SIGKILL)
        wait_until(lambda: running.lines("relay").count("up") == 2)
        assert running.pid("relay") != pids["relay"]
        assert running.pid("web") == pids["web"]

    running.run(kill)
    assert running.restarts == [("relay", "killed by SIGKILL")]
    assert "relay died (killed by SIGKILL); starting it again in 0.2 s" in running.lines("portal")


def test_it_waits_longer_before_each_restart_of_a_child_that_keeps_dying():
    running = Running([program("relay", "import sys; print('no', flush=True); sys.exit(3)")])
    running.run(lambda: wait_until(lambda: len(running.restarts) == 3))
    told = [line for line in running.lines("portal") if "died" in line]
    assert [line.rpartition(" in ")[2] for line in told] == ["0.2 s", "0.4 s", "0.8 s"]
    assert running.restarts[0] == ("relay", "exit code 3")


def test_backoff_doubles_to_ten_seconds_and_starts_over_after_ten_stable_ones():
    backoff = Backoff()
    assert [backoff.after(0.1) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff.after(9.9) == 10.0
    assert backoff.after(10.0) == 0.2
    assert backoff.after(0.1) == 0.4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_drains_stage_by_stage(number):
    running = Running([program("relay", STOPS_WITH_A_WORD, stage=2), program("web", STOPS_WITH_A_WORD, stage=0)])
    running.run(lambda: wait_until(lambda: running.stream.getvalue().count("| up") == 2), number=number)
    web, relay = (float(running.lines(name)[-1].removeprefix("going ")) for name in ("web", "relay"))
    assert web < relay
    assert running.restarts == []


def test_it_kills_what_does_not_stop_in_time():
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    running = Running([program("web", deaf, grace_seconds=0.3)])
    pids = []

    def note():
        wait_until(lambda: running.lines("web") == ["up"])
        pids.append(running.pid("web"))

    running.run(note)
    assert "web did not stop in time: killed" in running.lines("portal")
    wait_until(lambda: not alive(pids[0]))


def test_a_second_signal_ends_the_drain_at_once():
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    running = Running([program("web", deaf, grace_seconds=60)])

    def hurry():
        wait_until(lambda: running.lines("web") == ["up"])
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: any(line.startswith("stopping") for line in running.lines("portal")))

    begun = time.monotonic()
    running.run(hurry)
    assert time.monotonic() - begun < 10


def test_it_leaves_no_grandchild_behind():
    parent = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
        print('child', child.pid, flush=True)
        time.sleep(60)
    """
    running = Running([program("web", parent)])
    grandchildren = []

    def kill():
        for count in (1, 2):
            wait_until(lambda: len(running.lines("web")) == count)  # noqa: B023
            grandchildren.append(int(running.lines("web")[-1].removeprefix("child ")))
            if count == 1:
                os.kill(running.pid("web"), signal.SIGKILL)

    running.run(kill)
    wait_until(lambda: not any(alive(pid) for pid in grandchildren))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")
def test_a_killed_supervisor_takes_its_children_along():
    code = f"""
        import sys
        from tradeops.supervisor.child import Program
        from tradeops.supervisor.output import Output
        from tradeops.supervisor.tree import Supervisor
        child = Program("web", (sys.executable, "-c", {SLEEPS.replace("'up'", "'up', __import__('os').getpid()")!r}), 0)
        Supervisor([child], output=Output(sys.stdout, ["web"])).run()
    """
    supervisor = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with supervisor:
        line = supervisor.stdout.readline()
        child = int(line.split()[-1])
        assert alive(child)
        supervisor.kill()
        wait_until(lambda: not alive(child))


def test_output_without_a_reader_is_dropped(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        output = Output(stream, ["web"])
        output.line("web", "x")
        output.plain("y")
        # What is left in the buffer cannot be written either; closing it is not this test's point.
        os.dup2(os.open(tmp_path / "rest", os.O_WRONLY | os.O_CREAT), stream.fileno())


def test_lines_are_cut_at_newlines_and_at_64_kib():
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\nth") == ["two"]
    assert lines.end() == ["th"]
    assert lines.end() == []
    [long] = lines.feed(b"x" * (64 * 1024 + 1))
    assert len(long) == 64 * 1024 + 1
    assert lines.feed("ä\xff".encode("latin-1") + b"\n") == ["��"]


def test_colours_only_on_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        Output(stream, ["web"]).line("web", "text")
    assert pipe.getvalue() == "web    | text\n"
    assert terminal.getvalue() == "\x1b[32mweb    | \x1b[0mtext\n"


def test_describe():
    assert describe(0) == "exit code 0"
    assert describe(70) == "exit code 70"
    assert describe(-9) == "killed by SIGKILL"
