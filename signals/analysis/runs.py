"""Runs of a plan: begun by the schedule or a person, never two at a time, ended once (A1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from signals.models import AnalysisPlan, AnalysisRun
from tradeops.core import events, holder, logs
from tradeops.core.errors import Conflict
from tradeops.core.events import Event, Level
from tradeops.core.ids import uuid7

from . import schedule

logger = logs.get(__name__)
Status, Cause = AnalysisRun.Status, AnalysisRun.Cause
ACTIVE = (Status.WAITING, Status.RUNNING)
# A run tells that it lives with each symbol; training a network on one may take its time.
LEASE = timedelta(minutes=10)
# How far back the schedule looks for times at which nobody was there: over an outage that somebody has noticed.
_REMEMBERS = timedelta(days=14)


def begin(plan: AnalysisPlan, *, cause: AnalysisRun.Cause, now: datetime, slot: datetime | None = None) -> AnalysisRun:
    """A WAITING run. Raises Conflict while another of the plan has not ended, or when this time has its run already."""
    give_up_lost(plan, now=now)
    try:
        with transaction.atomic():
            return _row(plan, cause=cause, status=Status.WAITING, slot=slot, now=now)
    except IntegrityError:
        raise Conflict(f"an analysis of {plan} is running; wait for its end", code="already_running") from None


def _row(
    plan: AnalysisPlan, *, cause: str, status: str, slot: datetime | None, now: datetime, error: str = ""
) -> AnalysisRun:
    return AnalysisRun.objects.create(
        public_id=uuid7(),
        plan=plan,
        cause=cause,
        status=status,
        scheduled_for=slot,
        trading_day=schedule.local_day(plan, slot or now),
        requested_at=now,
        lease_until=now + LEASE,
        error=error,
    )


def due(*, now: datetime) -> list[AnalysisRun]:
    """Begins what the schedules say, and writes down what was missed. Returns the runs to start."""
    begun = []
    for plan in AnalysisPlan.objects.filter(active=True, retired_at=None):
        give_up_lost(plan, now=now)
        slots = _unseen(plan, now=now)
        late = [slot for slot in slots if now - slot > schedule.GRACE]
        _missed(plan, late, now=now, why="nobody was there at its time")
        for slot in slots[len(late) :]:
            try:
                begun.append(begin(plan, cause=Cause.SCHEDULE, now=now, slot=slot))
            except Conflict:
                _missed(plan, [slot], now=now, why="the run before it had not ended")
    return begun


def _unseen(plan: AnalysisPlan, *, now: datetime) -> list[datetime]:
    last = plan.runs.exclude(scheduled_for=None).order_by("-scheduled_for").first()
    """The times since the last one that was seen, oldest first; none from when the plan was off or had other times."""
    since = max(plan.created_at, plan.timed_at or plan.created_at, now - _REMEMBERS)
    if last is not None and last.scheduled_for is not None:
        since = max(since, last.scheduled_for)
    return schedule.past(plan, since=since, now=now)


def _missed(plan: AnalysisPlan, slots: list[datetime], *, now: datetime, why: str) -> None:
    """Each is written down, and all of them are told in one sentence: an outage is one piece of news."""
    with transaction.atomic():
        known = set(plan.runs.filter(scheduled_for__in=slots).values_list("scheduled_for", flat=True))
        new = [slot for slot in slots if slot not in known]
        if not new:
            return
        for slot in new:
            _row(plan, cause=Cause.SCHEDULE, status=Status.MISSED, slot=slot, now=now, error=why)
        title = f"The analysis {plan} of {new[0]:%H:%M} UTC was missed: {why}. It is not caught up"
        if len(new) > 1:
            title = (
                f"{len(new)} times the analysis {plan} was missed, from {new[0]:%d %b %H:%M} to {new[-1]:%d %b %H:%M} "
                f"UTC: {why}. They are not caught up"
            )
        events.publish(
            Event(
                name="analysis.missed", at=now, level=Level.WARNING, title=title,
                body={"plan": plan.slug, "missed": len(new)},
            )
        )  # fmt: skip


def claim(run: AnalysisRun, *, now: datetime) -> bool:
    """WAITING → RUNNING for one process."""
    token = holder.of_this_process().token()
    taken = AnalysisRun.objects.filter(pk=run.pk, status=Status.WAITING).update(
        status=Status.RUNNING, started_at=now, claim_token=token, lease_until=now + LEASE
    )
    run.claim_token, run.status, run.started_at = token, Status.RUNNING, now
    return bool(taken)


def alive(run: AnalysisRun, *, done: int, now: datetime) -> bool:
    """Tells how far it is; False when somebody has given it up meanwhile."""
    mine = AnalysisRun.objects.filter(pk=run.pk, claim_token=run.claim_token, status=Status.RUNNING)
    return bool(mine.update(done_symbols=done, lease_until=now + LEASE))


def fail(run: AnalysisRun, *, error: str, now: datetime) -> None:
    """Ends a run without results, and tells people."""
    with transaction.atomic():
        ended = AnalysisRun.objects.filter(pk=run.pk, status__in=ACTIVE).update(
            status=Status.FAILED, finished_at=now, error=error[:300], claim_token="", lease_until=None
        )
        if ended:
            title = f"The analysis {run.plan} failed: {error}"[:300]
            events.publish(
                Event(
                    name="analysis.failed", at=now, level=Level.ERROR, title=title,
                    body={"run_id": run.public_id, "error": error[:300]},
                )
            )  # fmt: skip


def give_up_lost(plan: AnalysisPlan, *, now: datetime) -> None:
    """Ends what a killed process left behind."""
    for run in AnalysisRun.objects.filter(Q(status__in=ACTIVE), plan=plan):
        gone = run.claim_token and holder.of_this_process().died(run.claim_token)
        if gone or run.lease_until is None or run.lease_until <= now:
            fail(run, error="the process that worked on it is gone", now=now)
