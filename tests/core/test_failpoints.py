"""Places at which a test kills a process: they fire when they should, once, and never where it could do harm."""

import os
import signal
import subprocess
import sys

import pytest

from tests.processes import alive, wait_until
from tradeops.core import failpoints
from tradeops.core.errors import ConfigurationError

PASSES = """
from tradeops.core import failpoints
for number in range({times}):
    failpoints.reached("place.before_send")
    failpoints.reached("place.after_send")
    print(number, flush=True)
"""


def run(times, **variables):
    """(exit code, how many passes were made) of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PASSES.format(times=times)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, len(done.stdout.split())


def test_a_place_that_nobody_named_is_passed():
    assert run(3) == (0, 3)
    assert run(3, TRADEOPS_FAILPOINTS="apply.before_commit=kill") == (0, 3)


def test_the_third_arrival_is_killed():
    assert run(5, TRADEOPS_FAILPOINTS="place.before_send=kill:3") == (-signal.SIGKILL, 2)


def test_it_fires_once_over_all_processes_that_count_in_one_folder(tmp_path):
    variables = {"TRADEOPS_FAILPOINTS": "place.before_send=kill:2", "TRADEOPS_FAILPOINTS_DIR": str(tmp_path)}
    assert run(1, **variables) == (0, 1)
    assert run(5, **variables) == (-signal.SIGKILL, 0)
    assert run(5, **variables) == (0, 5)
    assert (tmp_path / "place.before_send").read_bytes() == b"." * 7


def test_several_places_and_several_arrivals(tmp_path):
    variables = {
        "TRADEOPS_FAILPOINTS": "place.before_send=kill:2, place.after_send=kill:2,place.before_send=kill:5",
        "TRADEOPS_FAILPOINTS_DIR": str(tmp_path),
    }
    assert [run(5, **variables) for _ in range(4)] == [
        (-signal.SIGKILL, 1),
        (-signal.SIGKILL, 0),
        (-signal.SIGKILL, 1),
        (0, 5),
    ]


def test_a_stopped_process_goes_on_where_it_was():
    process = subprocess.Popen(
        [sys.executable, "-c", PASSES.format(times=2)],
        env={**os.environ, "TRADEOPS_FAILPOINTS": "place.after_send=stop"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert os.waitpid(process.pid, os.WUNTRACED)[1] == signal.SIGSTOP << 8 | 0x7F
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=30)[0].split() == ["0", "1"]
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not alive(process.pid))


@pytest.mark.parametrize(
    "text", ["place.before_send", "place=kill", "place.before_send=explode", "place.before_send=kill:0", "x.y=kill;"]
)
def test_what_is_misspelt_is_told(text):
    with pytest.raises(ConfigurationError, match="TRADEOPS_FAILPOINTS"):
        failpoints.parse({"TRADEOPS_FAILPOINTS": text})


@pytest.mark.parametrize("where", [{"TRADEOPS_ENV": "production"}, {"TRADEOPS_TRADING": "live"}])
def test_it_is_refused_where_it_could_do_harm(where):
    with pytest.raises(ConfigurationError, match="unset it"):
        failpoints.parse({"TRADEOPS_FAILPOINTS": "place.before_send=kill", **where})
    assert failpoints.parse({"TRADEOPS_FAILPOINTS": "", **where}) == {}
