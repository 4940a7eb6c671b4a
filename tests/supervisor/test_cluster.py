"""The fail-fast cluster with its real processes: what a SIGKILL of each of them does."""

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings

from tests.installation import installation
from tests.processes import alive, command_line, descendants, wait_until
from tradeops.supervisor.cluster import EXIT_CHILD_DIED

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]
WORKERS = settings.Q_CLUSTER["workers"]
MAIN = """
import sys, django
django.setup()
from django_q.conf import Conf
Conf.RECYCLE = {recycle}
from tradeops.supervisor import cluster
sys.exit(cluster.run(tasks=["tests.supervisor.tasks.note"]))
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    with installation(tmp_path_factory.mktemp("cluster")) as made:
        yield made


class Cluster:
    def __init__(self, portal, notes, recycle=1000):
        self.portal = portal
        self.notes = notes
        self.process = portal.popen("-c", MAIN.format(recycle=recycle), env={"Q_CLUSTER_NAME": "trade"})

    def named(self, word):
        """The pids of its processes whose title ends in `word`: idle, monitor, pusher."""
        return [pid for pid in descendants(self.process.pid) if command_line(pid).endswith(word)]

    def ready(self):
        wait_until(lambda: len(self.named("idle")) == WORKERS and self.named("monitor") and self.named("pusher"))

    def enqueue(self, *tasks):
        """Each a (function's name, its text, the task's own time limit or None)."""
        calls = "; ".join(
            f"async_task('tests.supervisor.tasks.{name}', {str(self.notes)!r}, {text!r}"
            + (f", q_options={{'timeout': {limit}}})" if limit else ")")
            for name, text, limit in tasks
        )
        self.portal.python(f"from django_q.tasks import async_task; {calls}")

    def noted(self):
        return self.notes.read_text().split() if self.notes.exists() else []


@pytest.fixture
def start(portal, tmp_path):
    started = []

    def make(**options):
        cluster = Cluster(portal, tmp_path / "notes", **options)
        started.append(cluster)
        cluster.ready()
        return cluster

    yield make
    for cluster in started:
        cluster.process.kill()
        cluster.process.wait()
    portal.python("from django_q.models import OrmQ; OrmQ.objects.all().delete()")


@pytest.mark.parametrize("victim", ["idle", "monitor", "pusher"])
def test_a_killed_part_ends_the_cluster_with_70_and_nothing_is_left(start, victim):
    cluster = start()
    below = descendants(cluster.process.pid)
    assert len(below) == WORKERS + 2  # and the monitor and the pusher
    os.kill(cluster.named(victim)[0], signal.SIGKILL)
    assert cluster.process.wait(timeout=10) == EXIT_CHILD_DIED
    assert not any(alive(pid) for pid in below)


def test_a_killed_main_process_takes_its_workers_along(start):
    cluster = start()
    below = descendants(cluster.process.pid)
    cluster.process.kill()
    cluster.process.wait()
    wait_until(lambda: not any(alive(pid) for pid in below), seconds=3)


def test_it_works_and_stops_with_0_when_asked(start):
    cluster = start()
    below = descendants(cluster.process.pid)
    cluster.enqueue(("note", "done", None))
    wait_until(lambda: cluster.noted() == ["done"])
    cluster.process.terminate()
    assert cluster.process.wait(timeout=10) == 0
    assert not any(alive(pid) for pid in below)


def test_planned_ends_of_workers_do_not_end_the_cluster(start):
    cluster = start(recycle=1)
    first = set(cluster.named("idle"))
    cluster.enqueue(("note", "a", None), ("note", "b", None), ("hang", "over", 1), ("hang_deaf", "deaf", 1))
    wait_until(lambda: sorted(cluster.noted()) == ["a", "b", "deaf", "over"])
    cluster.enqueue(("note", "c", None), ("note", "d", None), ("note", "e", None))
    wait_until(lambda: {"c", "d", "e"} <= set(cluster.noted()))
    wait_until(lambda: len(cluster.named("idle")) == WORKERS)
    assert not first & set(cluster.named("idle"))
    assert cluster.process.poll() is None


def test_work_that_does_not_end_is_cut_off_at_the_stop(start):
    cluster = start()
    cluster.enqueue(("hang", "busy", 20))
    wait_until(lambda: cluster.noted() == ["busy"])
    below = descendants(cluster.process.pid)
    cluster.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        cluster.process.wait(timeout=2)
    assert cluster.process.wait(timeout=12) == EXIT_CHILD_DIED
    assert not any(alive(pid) for pid in below)
