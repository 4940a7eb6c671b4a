"""The whole portal, its processes killed at random, on a venue that loses answers and shows orders late."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.faults.execution import books, compare, killer, venue
from benchmarks.faults.execution.books import Progress
from benchmarks.faults.execution.compare import Verdict
from benchmarks.faults.execution.plan import Plan
from benchmarks.faults.execution.sender import Sender
from benchmarks.processes import Failed, Processes

LOOK_SECONDS = 0.5
STILL_SECONDS = 60.0
_SHOWN = 5


@dataclass(frozen=True)
class Result:
    """`faults` is what the venue did to us; `sending` until the last signal was taken, `seconds` until all settled."""

    plan: Plan
    verdict: Verdict
    killed: Counter[str]
    faults: Counter[str]
    again: int
    sending: float
    seconds: float


def measure(
    folder: Path,
    plan: Plan,
    *,
    variables: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Raises Failed when the portal cannot be fed, or does not come to rest."""
    with (
        databases.scratch(folder, "execution") as url,
        Processes(folder) as processes,
        venue.place(processes, plan) as place,
    ):
        given = {**(variables or {}), **place.variables}
        portal = targets.set_up_portal(processes, folder / "execution", url, place.configuration, **given)
        target = targets.start_portal(processes, portal)
        begin = time.monotonic()
        watch = _Watch(url, plan, say)
        sender = Sender(
            portal.port,
            "/webhook/quant",
            lambda number: plan.message(portal.token, number),
            count=plan.signals,
            may_send=watch.room,
        )
        supervisor = processes.pid(target.name)
        with killer.Killer(supervisor, mean_seconds=plan.kill_seconds, seed=plan.seed) as at_work:
            sender.start()
            try:
                watch.until(lambda: sender.done)
            finally:
                sender.stop()
        sending = time.monotonic() - begin
        watch.until(watch.settled, seconds=plan.settle_seconds)
        seconds = time.monotonic() - begin
        if not killer.until_back(supervisor, seconds=30):
            raise Failed("a program of the portal did not come back after it was killed")
        verdict = compare.compare(
            books.read(url),
            place.ledger(url),
            acknowledged=sender.acknowledged.values(),
            per_signal=plan.accounts,
            now=datetime.now(UTC),
        )
        return Result(plan, verdict, at_work.killed, place.faults(), sender.again, sending, seconds)


class _Watch:
    """Looks at the rows now and then; says how far it is."""

    def __init__(self, url: str, plan: Plan, say: Callable[[str], None]) -> None:
        self._url, self._plan, self._say = url, plan, say
        self._begin = time.monotonic()
        self.now = Progress(0, 0, 0, 0, 0)

    def room(self) -> bool:
        """Whether senders may go on: a backlog without end would only make all waits longer."""
        return self.now.unsettled + self._plan.accounts * self.now.undecided < self._plan.ahead

    def settled(self) -> bool:
        return not self.now.undecided and not self.now.unsettled

    def until(self, condition: Callable[[], bool], *, seconds: float = float("inf")) -> None:
        """Raises Failed after `seconds`, or when nothing has moved for a minute."""
        deadline = time.monotonic() + seconds
        moved, before = time.monotonic(), None
        while True:
            self.now = books.progress(self._url)
            self._tell()
            if condition():
                return
            if self.now != before:
                moved, before = time.monotonic(), self.now
            if time.monotonic() > min(deadline, moved + STILL_SECONDS):
                raise Failed(f"{self._plan.name}: it does not come to rest: {self.now}")
            time.sleep(LOOK_SECONDS)

    def _tell(self) -> None:
        seconds = time.monotonic() - self._begin
        self._say(
            f"{self._plan.name}: {self.now.signals:,} of {self._plan.signals:,} signals, {self.now.orders:,} orders,"
            f" {self.now.unsettled} under way, {self.now.unknown} unknown, {seconds:.0f} s"
        )


def lines(result: Result) -> list[str]:
    verdict, plan = result.verdict, result.plan
    counts, wrong = verdict.counts, verdict.wrong
    kills = ", ".join(f"{count} × {name}" for name, count in sorted(result.killed.items()))
    faults = ", ".join(f"{count:,} {name}" for name, count in sorted(result.faults.items()))
    found = [
        f"{plan.name}: {counts['signals']:,} signals on {plan.accounts} accounts, {counts['orders']:,} orders, "
        f"{sum(result.killed.values())} kills ({kills}), all sent after {result.sending:.0f} s, "
        f"{result.again} posts sent again; the venue's faults: {faults or 'none'}. By its ledger: "
        f"**{len(wrong['doubled'])} doubled, "
        f"{len(wrong['missing'])} missing**, {len(wrong['strange'])} strange, {len(wrong['amount'])} of another size; "
        f"{len(wrong['undecided'])} acknowledged and undecided, {len(wrong['position'])} positions that differ; "
        f"{counts['filled']:,} filled, {counts['refused']} exits refused, {counts['replaced']} entries unsent "
        f"because the next signal took their place, {counts['unneeded']} exits unsent because nothing was left. "
        f"Unknown {counts['unknown']:,} times, longest "
        f"{verdict.longest:.1f} s, {verdict.over} over {compare.UNKNOWN_SECONDS} s (frozen and alerted but for "
        f"{len(wrong['silent doubt'])}); {len(wrong['sent while frozen'])} entries sent while another was in doubt. "
        f"At rest {result.seconds - result.sending:.1f} s after the last signal."
    ]
    for kind, cases in wrong.items():
        found += [f"- {kind}: {case}" for case in cases[:_SHOWN]]
        if len(cases) > _SHOWN:
            found.append(f"- {kind}: … {len(cases) - _SHOWN} more")
    return found


@contextmanager
def on_terminal() -> Iterator[Callable[[str], None]]:
    """Says in place on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
