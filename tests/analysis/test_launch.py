"""Runs in processes of their own: they outlive the worker that started them, not its cluster, and no death is quiet."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signals.analysis import tether
from tests.fakes.yahoo import running_yahoo
from tests.installation import installation
from tests.processes import alive, children, command_line, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

# A plan whose prices take half a minute, and a process that stands for the cluster: it has a worker start a run.
PLAN = """
from signals.models import AnalysisPlan
AnalysisPlan.objects.create(slug="slow", symbols=[f"S{number}" for number in range(50)], data="yahoo")
"""
CLUSTER = """
import os, sys, time, django
django.setup()
from django.db import connections
from signals.analysis import launch, runs
from signals.models import AnalysisPlan
from tradeops.core import clock
run = runs.begin(AnalysisPlan.objects.get(), cause="demand", now=clock.now())
connections.close_all()
worker = os.fork()
if not worker:
    launch.start(run)
    if sys.argv[1] == "recycled":
        os._exit(0)
    time.sleep(120)
    os._exit(0)
if sys.argv[1] == "recycled":
    os.waitpid(worker, 0)
print(run.public_id, flush=True)
time.sleep(120)
"""
STATE = """
from signals.models import AnalysisRun, Forecast
from relay.models import Message
run = AnalysisRun.objects.get(public_id="{run}")
told = [message for message in Message.objects.filter(event="analysis.failed") if "{run}" in str(message.body)]
print(run.status, run.results is None, Forecast.objects.count(), len(told), run.error, sep="|")
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("runs")
    with running_yahoo() as yahoo, installation(data_dir, TRADEOPS_YAHOO_URL=yahoo.url) as made:
        yahoo.manner = {f"S{number}": "slow" for number in range(50)}
        made.yahoo = yahoo
        made.python(PLAN)
        yield made


@pytest.fixture
def cluster(portal):
    """Starts it; yields (its process, the run's id, the run's process id) once the run is at work."""
    started = []

    portal.yahoo.asked.clear()

    def start(worker):
        process = portal.popen("-c", CLUSTER, worker, stdout=subprocess.PIPE, text=True)
        started.append(process)
        public_id = process.stdout.readline().strip()
        wait_until(lambda: "/v8/finance/chart/S1" in portal.yahoo.asked, seconds=60, what="the run")
        [run] = _runs(public_id)
        started.append(run)
        return process, public_id, run

    yield start
    for each in started:
        if isinstance(each, int):
            if alive(each):
                os.kill(each, signal.SIGKILL)
            continue
        for child in children(each.pid):
            os.kill(child, signal.SIGKILL)
        each.kill()
        each.communicate()


def _runs(public_id):
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if f"run_analysis --run {public_id}" in command_line(pid) and alive(pid)]


def state(portal, public_id, before=""):
    return portal.python(before + STATE.format(run=public_id)).strip().split("|")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are tied on Linux only")
def test_a_run_outlives_its_worker_and_ends_with_the_cluster(portal, cluster):
    process, public_id, run = cluster("recycled")
    asked = len(portal.yahoo.asked)
    wait_until(lambda: len(portal.yahoo.asked) > asked + 2, what="more prices")  # its worker is gone, and it goes on
    assert alive(run)
    process.kill()
    wait_until(lambda: not alive(run), what="the run's end")
    assert state(portal, public_id) == ["RUNNING", "True", "0", "0", ""]
    look = "from signals.analysis import runs; from tradeops.core import clock; runs.due(now=clock.now())"
    assert state(portal, public_id, look) == ["FAILED", "True", "0", "1", "the process that worked on it is gone"]


def test_a_run_whose_process_is_killed_is_failed_at_once(portal, cluster):
    _, public_id, run = cluster("kept")
    os.kill(run, signal.SIGKILL)
    wait_until(lambda: state(portal, public_id)[0] == "FAILED", what="the failure", seconds=60)
    assert state(portal, public_id)[1:] == ["True", "0", "1", "its process ended before it did (killed by signal 9)"]


def test_a_handle_that_is_none_is_refused():
    with pytest.raises(OSError, match="Bad file descriptor"):
        tether.hold(10**6)
