"""A kill at each named place (tradeops.core.failpoints), so many times each; then everything must come to its end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.faults.execution import books, compare, venue
from benchmarks.faults.execution.compare import Verdict
from benchmarks.faults.execution.nest import Nest
from benchmarks.faults.execution.plan import PRICE, Faults, Plan
from benchmarks.processes import Failed, Processes
from tests.fakes.venue import RunningVenue


@dataclass(frozen=True)
class Place:
    """Where a worker dies that does `task`: over a fresh signal of its own, or over what one has left behind that
    died at `after`. `fault` befalls the orders, `waits` seconds pass in between, `fields` make the signal another."""

    name: str
    after: str = ""
    task: str = "drain"
    fault: dict[str, Any] = field(default_factory=dict)
    waits: float = 0
    fields: dict[str, str] = field(default_factory=dict)


RESTS = {"order_type": "limit", "price": "40000"}  # below the market, so nobody takes it
PLACES = (
    Place("orders.after_store"),
    Place("decide.after_commit"),
    Place("claim.after_commit"),
    Place("place.before_send"),
    Place("place.after_send"),
    Place("place.after_error", fault={"kind": "error_after_accept", "times": 4}),
    Place("apply.before_commit"),
    Place("apply.after_commit"),
    Place("reconcile.after_claim", after="place.after_send"),
    Place("reconcile.after_fetch", after="place.after_send"),
    # Not before the send's expiry and the grace after it.
    Place("reconcile.before_resend", after="place.before_send", waits=11),
    Place("resting.after_fetch", fault={"kind": "late", "seconds": 2, "times": 4}),
    Place("tend.after_claim", task="compare"),  # which tends even where nothing is under way
    Place("reconciliation.after_claim", task="compare"),
    Place("reconciliation.after_fetch", task="compare"),
    Place("reconciliation.before_commit", task="compare"),
    Place("reconciliation.after_commit", task="compare"),
    Place("cancel.after_ask", task="cancel", fields=RESTS),
    Place("cancel.before_send", task="cancel", fields=RESTS),
    Place("cancel.after_send", task="cancel", fields=RESTS),
)
DEATH_SECONDS = 20.0
SETTLE_SECONDS = 90.0
REST_SECONDS = 10.0
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Result:
    plan: Plan
    deaths: Counter[str]
    unreached: list[str]
    verdict: Verdict
    seconds: float  # from the last death until everything was at rest

    @property
    def holds(self) -> bool:
        return self.verdict.holds and not self.unreached


def measure(
    folder: Path,
    plan: Plan,
    *,
    times: int,
    variables: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """`plan` for its broker and symbols; the venue loses nothing but what a place asks for. Raises Failed."""
    plan = replace(plan, faults=Faults(0, 0, 0))
    with (
        databases.scratch(folder, "crashes") as url,
        Processes(folder) as processes,
        venue.Venue(processes, plan) as place,
        (folder / "nest.log").open("wb") as log,
    ):
        given = {**(variables or {}), **place.variables}
        made = targets.set_up_portal(processes, folder / "crashes", url, place.configuration, **given)
        with Nest(made.env, log) as nest:
            run = _Run(nest, place.control, plan, folder, url, say)
            rested = time.monotonic()
            for at in PLACES:
                # A portal has others who go on; here that is a worker now and then, whatever the machine's pace.
                if at.waits or time.monotonic() - rested > REST_SECONDS:
                    run.recover(url)
                    rested = time.monotonic()
                run.die(at, times=times)
            began = time.monotonic()
            run.recover(url)
            seconds = time.monotonic() - began
        verdict = compare.compare(
            books.read(url),
            place.ledger(url),
            acknowledged=run.signals,
            per_signal=plan.accounts,
            now=datetime.now(UTC),
        )
    return Result(plan, run.deaths, run.unreached, verdict, seconds)


class _Run:
    def __init__(
        self, nest: Nest, control: RunningVenue, plan: Plan, folder: Path, url: str, say: Callable[[str], None]
    ) -> None:
        self._nest, self._control, self._plan, self._folder, self._say = nest, control, plan, folder, say
        self._url = url
        self.deaths: Counter[str] = Counter()
        self.unreached: list[str] = []
        self.signals: list[str] = []

    def die(self, at: Place, *, times: int) -> None:
        """All signals first where time must pass, so that it passes once."""
        self._say(f"crash points, {self._plan.name}: {at.name}, {times} times")
        for _ in range(times if at.waits else 0):
            self._signal(at)
        if at.waits:
            # Somebody must see that the senders are dead: where sends do not expire, the grace counts from then.
            self._nest.wait(self._nest.work(seconds=LOOK_SECONDS), seconds=DEATH_SECONDS)
            time.sleep(at.waits)
        for _ in range(times):
            if not at.waits:
                self._signal(at)
            self._kill(at.name, at.task)

    def _signal(self, at: Place) -> None:
        """Each has a lane of its own as long as there are some."""
        ticker = self._plan.tickers()[len(self.signals) % self._plan.symbols]
        message = {"symbol": f"{ticker}USDT", "action": "buy", "price": PRICE, **at.fields}
        self.signals += self._nest.signals(message)
        if at.fault:
            self._control.faults.next(**at.fault)
        if at.after:
            self._kill(at.after, "drain")
        if at.fields:
            self._rest()

    def _rest(self) -> None:
        """An order is at the venue and nobody has taken it back, before anybody is killed over that."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not books.resting(self._url) and time.monotonic() < deadline:
            self._nest.wait(self._nest.work(seconds=3), seconds=30)

    def _kill(self, name: str, task: str) -> None:
        pid = self._nest.work(task=task, seconds=DEATH_SECONDS / 2, failpoints=f"{name}=kill")
        state = self._nest.wait(pid, seconds=DEATH_SECONDS * 2)
        if state == "killed":
            self.deaths[name] += 1
        else:
            self.unreached.append(f"{name}: the worker {state}")

    def recover(self, url: str) -> None:
        """Raises Failed when something is not at rest after 90 s."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            pid = self._nest.work(task="cancel", seconds=10)
            state = self._nest.wait(pid, seconds=40)
            now = books.progress(url)
            self._say(f"crash points, {self._plan.name}: {now.undecided + now.unsettled} left")
            if state != "ended 0":
                raise Failed(f"a worker that should go on {state}; {self._folder / 'nest.log'} may tell")
            if not now.undecided and not now.unsettled:
                return
            if time.monotonic() > deadline:
                raise Failed(f"crash points, {self._plan.name}: it does not come to rest: {now}")


def lines(result: Result) -> list[str]:
    verdict, wrong = result.verdict, result.verdict.wrong
    deaths = ", ".join(f"{name} {count}" for name, count in result.deaths.items())
    found = [
        f"Killed at named places, {result.plan.name}: {deaths}. By the venue's ledger: "
        f"**{len(wrong['doubled'])} doubled, {len(wrong['missing'])} missing** of {verdict.counts['orders']} orders, "
        f"{len(wrong['position'])} positions that differ; longest in doubt {verdict.longest:.1f} s; all at rest "
        f"{result.seconds:.1f} s after the last death."
    ]
    found += [f"- not reached: {one}" for one in result.unreached[:5]]
    for kind, cases in wrong.items():
        found += [f"- {kind}: {case}" for case in cases[:5]]
    return found
