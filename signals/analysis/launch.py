"""Starts a run in a process of its own, which ends with it: its libraries take much memory, and training a network
longer than a task may. It does not outlive the cluster whose worker started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import datetime

from django.db import connection, transaction
from django_q.tasks import async_task

from signals.models import AnalysisPlan, AnalysisRun
from tradeops.core import clock
from tradeops.core.env import ROOT

from . import runs, tether


def start(run: AnalysisRun) -> None:
    """A WAITING run is worked off from now on; one whose process cannot be started, or dies, is FAILED."""
    command = [sys.executable, str(ROOT / "manage.py"), "run_analysis", "--run", run.public_id]
    handle = tether.to_parent()
    handles = () if handle is None else (handle,)
    if handle is not None:
        command += ["--tether", str(handle)]
    try:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=handles
        )
    except OSError as error:
        runs.fail(run, error=f"its process could not be started: {error}", now=clock.now())
        return
    finally:
        for each in handles:
            os.close(each)
    threading.Thread(target=_see_off, args=(process, run), daemon=True, name=f"run {run.public_id}").start()


def _see_off(process: subprocess.Popen[bytes], run: AnalysisRun) -> None:
    """Waits for the end. A death nobody expected (memory ran out, a library fell over) is told now, not at the next
    look; a run that has ended is left as it is."""
    code = process.wait()
    if code == 0:
        return
    how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    try:
        runs.fail(run, error=f"its process ended before it did ({how})", now=clock.now())
    finally:
        connection.close()


def start_due(*, now: datetime) -> int:
    """What the schedules say is begun, each in its process; returns how many."""
    begun = runs.due(now=now)
    for run in begun:
        start(run)
    return len(begun)


def ask(plan: AnalysisPlan, *, now: datetime) -> AnalysisRun:
    """A run on demand, which the queue `slow` starts. Raises Conflict while one is under way."""
    with transaction.atomic():
        run = runs.begin(plan, cause=AnalysisRun.Cause.DEMAND, now=now)
        async_task("signals.tasks.analyse", run.public_id, cluster="slow")
    return run
