"""A kill switch turned on amid 50 signals a second on four accounts: what the venue still receives, by its clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import databases, targets
from benchmarks.faults.execution import books, venue
from benchmarks.faults.execution.alerts import Stream
from benchmarks.faults.execution.nest import Nest
from benchmarks.faults.execution.plan import Faults, Plan, markets
from benchmarks.processes import MANAGE, Failed, Processes

MARK_MS = 250
FIRST_SECONDS = 60.0
SETTLE_SECONDS = 300.0
START_SECONDS = 180.0
PORTAL = "ours"
# One of each kind; who turns it, and whom it stops.
GLOBAL, STRATEGY, ACCOUNT = ("global", ""), ("strategy", "steady-spot"), ("account", "account-3")


@dataclass(frozen=True)
class Turn:
    """One switch, on and off again. `late`: entries under it that the venue received after the commit, in ms after it;
    `claimed_late` of them were claimed when others saw it on already. The commit is taken for as early as it can have
    been: the beginning of the last look that did not see it."""

    scope: str
    way: str
    signals: int
    before: int
    late: list[float]
    claimed_late: list[str]
    exits: int
    elsewhere: int
    restarted: int | None
    again: int

    @property
    def name(self) -> str:
        return f"{self.scope}, by {self.way}"

    @property
    def latest(self) -> float:
        return max(self.late, default=0.0)


@dataclass(frozen=True)
class Result:
    plan: Plan
    rate: int
    turns: list[Turn]


def measure(
    folder: Path,
    plan: Plan,
    *,
    rate: int = 50,
    scopes: Sequence[tuple[str, str]] = (GLOBAL, STRATEGY, ACCOUNT),
    variables: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """A turn for each of `scopes`, the global one with a restart. Raises Failed when the portal cannot be fed, or does
    not come to rest."""
    plan = replace(plan, faults=Faults(0, 0, 0))
    with (
        databases.scratch(folder, "switch") as url,
        Processes(folder) as processes,
        venue.Venue(processes, plan) as place,
        (folder / "nest.log").open("wb") as log,
    ):
        given = {**(variables or {}), **place.variables}
        portal = targets.set_up_portal(processes, folder / "switch", url, place.configuration, **given)
        start(processes, portal)
        with Nest(portal.env, log) as nest:
            run = _Run(processes, portal, place, nest, plan, rate, say)
            return Result(plan, rate, [run.turn(scope) for scope in scopes])


def start(processes: Processes, portal: targets.Portal) -> None:
    """With patience: how soon it is ready is not the point here."""
    processes.start(PORTAL, [*MANAGE, "portal"], portal.env)
    processes.wait_for(PORTAL, portal.port, "/health/ready", seconds=START_SECONDS)


class _Run:
    def __init__(
        self,
        processes: Processes,
        portal: targets.Portal,
        place: venue.Venue,
        nest: Nest,
        plan: Plan,
        rate: int,
        say: Callable[[str], None],
    ) -> None:
        self._processes, self._portal, self._place, self._nest = processes, portal, place, nest
        self._plan, self._rate, self._say = plan, rate, say
        self._read = 0  # entries of the venue's ledger that were looked at in an earlier turn

    def by_command(self, scope: tuple[str, str], state: str) -> None:
        kind, key = scope
        which = [] if kind == "global" else [f"--{kind}", key]
        self._processes.run("switch", [*MANAGE, "kill_switch", state, *which, "--reason", "a drill"], self._portal.env)

    def by_service(self, scope: tuple[str, str], state: str) -> None:
        self._nest.ask("switch", scope=scope[0], key=scope[1], on=state == "on")

    def turn(self, scope: tuple[str, str]) -> Turn:
        """Signals; the switch in the midst of them; signals; perhaps a restart; off, and signals."""
        way, turned = "manage.py kill_switch", self.by_command
        if scope == ACCOUNT:
            way, turned = "the service that pages and bots call", self.by_service
        name = f"kill switch, {' '.join(scope).strip()}"
        self._say(f"{name}: signals")
        under = _accounts(self._plan, scope)
        with self._stream() as stream:
            self._until(lambda: len(_entries(self._ledger(), under)) >= 10 * len(under), f"{name}: no entry arrives")
            with _Commit(self._portal.url, scope) as commit:
                self._say(f"{name}: turned on")
                turned(scope, "on")
                commit.seen.wait(FIRST_SECONDS)
            stream.go_on(seconds=2.0)
        self._settle(name)
        ledger = self._ledger()
        before, late = _cut(_entries(ledger, under), commit.begun)
        exits = [one for one in _sells(ledger) if one["at"] > commit.begun and one["account"] in under]
        others = [one for one in _entries(ledger, set(markets(self._plan)) - under) if one["at"] > commit.ended]
        restarted = self._restarted(name, under) if scope == GLOBAL else None
        self._say(f"{name}: turned off")
        turned(scope, "off")
        self._read_on()
        with self._stream():
            self._until(lambda: bool(_entries(self._ledger(), under)), f"{name}: off, and no entry arrives")
        self._settle(name)
        again = len(_entries(self._ledger(), under))
        self._read_on()
        return Turn(
            scope=" ".join(scope).strip(),
            way=way,
            signals=stream.acknowledged,
            before=len(before),
            late=[(one["at"] - commit.begun) * 1000 for one in late],
            claimed_late=self._claimed_after(commit.ended, late),
            exits=len(exits),
            elsewhere=len(others),
            restarted=restarted,
            again=again,
        )

    def _restarted(self, name: str, under: set[str]) -> int:
        """Entries under it that arrive after the whole portal was stopped and started again."""
        self._say(f"{name}: restarted")
        self._processes.stop(PORTAL)
        start(self._processes, self._portal)
        self._read_on()
        with self._stream() as stream:
            stream.go_on(seconds=2.0)
        self._settle(name)
        return len(_entries(self._ledger(), under))

    def _stream(self) -> Stream:
        return Stream(self._processes, self._portal, self._plan, rate=self._rate)

    def _ledger(self) -> list[dict[str, Any]]:
        """The orders that the venue took in this turn."""
        return [one for one in self._place.control.ledger.since(self._read) if one["what"] == "order"]

    def _read_on(self) -> None:
        self._read += len(self._place.control.ledger.since(self._read))

    def _settle(self, name: str) -> None:
        def settled() -> bool:
            now = books.progress(self._portal.url)
            self._say(f"{name}: {now.undecided} to decide, {now.unsettled} orders under way")
            return not now.undecided and not now.unsettled

        self._until(settled, f"{name}: it does not come to rest", seconds=SETTLE_SECONDS)

    def _until(self, condition: Callable[[], bool], problem: str, *, seconds: float = FIRST_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failed(f"{problem}: {books.progress(self._portal.url)}")
            time.sleep(0.1)

    def _claimed_after(self, moment: float, found: list[dict[str, Any]]) -> list[str]:
        """Of these arrivals those whose order was claimed after `moment`."""
        query = "SELECT client_order_id, sent_at FROM signals_order WHERE sent_at IS NOT NULL"
        rows = databases.read(self._portal.url, query)
        sent = {order: databases.moment(at) for order, at in rows}
        return [one["clOrdId"] for one in found if sent[one["clOrdId"]] > moment]


class _Commit:
    """When the switch was committed: between `begun` and `ended`, as another connection sees it."""

    def __init__(self, url: str, scope: tuple[str, str]) -> None:
        self._url, (kind, key) = url, scope
        self._query = f"SELECT kill_switch FROM signals_riskscope WHERE scope = '{kind}' AND key = '{key}'"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen = threading.Event()
        self.begun = self.ended = time.time()

    def __enter__(self) -> _Commit:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if not self.seen.is_set():
            raise Failed(f"the switch was not seen on: {self._query}")

    def _look(self) -> None:
        while not self._over.is_set():
            now = time.time()
            if any(on for (on,) in databases.read(self._url, self._query)):
                self.ended = time.time()
                self.seen.set()
                return
            self.begun = now
            time.sleep(0.002)


def _accounts(plan: Plan, scope: tuple[str, str]) -> set[str]:
    """Whose entries it stops."""
    kind, key = scope
    found = markets(plan)
    if kind == "account":
        return {key}
    return {slug for slug, market in found.items() if kind == "global" or key == f"steady-{market}"}


def _entries(ledger: list[dict[str, Any]], accounts: set[str]) -> list[dict[str, Any]]:
    """Every strategy here is long only: what buys opens."""
    return [one for one in ledger if one["side"] == "buy" and one["account"] in accounts]


def _sells(ledger: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in ledger if one["side"] == "sell"]


def _cut(orders: list[dict[str, Any]], moment: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return [one for one in orders if one["at"] <= moment], [one for one in orders if one["at"] > moment]


def problems(result: Result) -> list[str]:
    """What must not have happened, whatever the machine is busy with. Empty: all is well."""
    found = []
    for turn in result.turns:
        if turn.claimed_late:
            found.append(f"{turn.name}: {len(turn.claimed_late)} entries claimed after it was on reached the venue")
        if turn.restarted:
            found.append(f"{turn.name}: {turn.restarted} entries after the restart")
        if not turn.before or not turn.again or not turn.exits:
            found.append(f"{turn.name}: {turn.before} entries before, {turn.again} again, {turn.exits} exits meanwhile")
        if turn.scope != "global" and not turn.elsewhere:
            found.append(f"{turn.name}: it stopped what is not under it")
    return found


def holds(result: Result) -> bool:
    return not problems(result) and all(turn.latest <= MARK_MS for turn in result.turns)


def lines(result: Result) -> list[str]:
    found = [
        f"| kill switch at {result.rate} signals/s, {result.plan.accounts} accounts, {result.plan.name} | signals "
        "| entries before | after the commit | **the last, ms after it** | exits after it | elsewhere after it "
        "| after a restart | off again |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for turn in result.turns:
        restarted = "" if turn.restarted is None else turn.restarted
        found.append(
            f"| {turn.name} | {turn.signals} | {turn.before} | {len(turn.late)} | **{turn.latest:.0f}** | {turn.exits} "
            f"| {turn.elsewhere} | {restarted} | {turn.again} |"
        )
    said = f"The mark (≤ {MARK_MS} ms) is {'met' if all(t.latest <= MARK_MS for t in result.turns) else 'missed'}."
    return [*found, "", f"By the venue's clock, from the earliest moment of the commit. {said}"] + [
        f"- {problem}" for problem in problems(result)
    ]
