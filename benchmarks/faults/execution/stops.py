"""A worker that sleeps (SIGSTOP) with an order in its hands until its lease is over, and then goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.faults.execution import books, compare, venue
from benchmarks.faults.execution.compare import Verdict
from benchmarks.faults.execution.nest import Nest
from benchmarks.faults.execution.plan import PRICE, Faults, Plan
from benchmarks.processes import Failed, Processes

# Where it falls asleep: before the adapter looks whether the order may still be sent, and right after it has looked.
BEFORE, AFTER = "place.before_send", "broker.after_last_check"
LEASE_SECONDS = 12.0  # signals.execution.claim
STOPPED_SECONDS = 20.0
SETTLE_SECONDS = 40.0


@dataclass
class Slept:
    """One order's life. `answers` are the venue's codes to what the sleeper sent when it had woken; `steps` those
    that were written until then, and `late` while it was awake; `at_venue` what its ledger has under the id."""

    client_order_id: str
    steps: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    status: str = ""
    at_venue: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    plan: Plan
    slept: dict[str, Slept]
    verdict: Verdict
    seconds: float


def measure(
    folder: Path,
    plan: Plan,
    *,
    variables: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """One account, a sleeper at each place; another worker does what it may meanwhile. Raises Failed."""
    plan = replace(plan, faults=Faults(0, 0, 0), accounts=1, symbols=2)
    began = time.monotonic()
    with (
        databases.scratch(folder, "stops") as url,
        Processes(folder) as processes,
        venue.Venue(processes, plan) as place,
        (folder / "nest.log").open("wb") as log,
    ):
        given = {**(variables or {}), **place.variables}
        made = targets.set_up_portal(processes, folder / "stops", url, place.configuration, **given)
        with Nest(made.env, log) as nest:
            run = _Run(nest, place, url, say)
            ids = [
                run.asleep(at, symbol=f"{ticker}USDT")
                for at, ticker in zip((BEFORE, AFTER), plan.tickers(), strict=True)
            ]
            run.others(seconds=LEASE_SECONDS + 3)
            run.wake()
            run.settle()
        verdict = compare.compare(
            books.read(url), place.ledger(), acknowledged=ids, per_signal=1, now=datetime.now(UTC)
        )
        return Result(plan, run.slept, verdict, time.monotonic() - began)


class _Run:
    def __init__(self, nest: Nest, place: venue.Venue, url: str, say: Callable[[str], None]) -> None:
        self._nest, self._place, self._url, self._say = nest, place, url, say
        self._pids: dict[str, int] = {}
        self.slept: dict[str, Slept] = {}

    def asleep(self, at: str, *, symbol: str) -> str:
        """A fresh signal, and the worker that stops with its order; returns the signal. Raises Failed."""
        self._say(f"sleepers: {at}")
        [signal] = self._nest.signals({"symbol": symbol, "action": "buy", "price": PRICE})
        pid = self._nest.work(seconds=STOPPED_SECONDS, failpoints=f"{at}=stop")
        state = self._nest.wait(pid, seconds=STOPPED_SECONDS)
        if state != "stopped":
            raise Failed(f"the worker that should stop at {at} {state}")
        [[client_order_id]] = databases.read(
            self._url,
            "SELECT o.client_order_id FROM signals_order o JOIN signals_signal s ON s.id = o.signal_id"
            f" WHERE s.public_id = '{signal}'",
        )
        self._pids[at] = pid
        self.slept[at] = Slept(client_order_id)
        return signal

    def others(self, *, seconds: float) -> None:
        """What another worker makes of it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._say(f"sleepers: others at work for {left:.0f} s")
            self._work(min(left, 5.0))
            time.sleep(0.2)

    def wake(self) -> None:
        """One after the other. Raises Failed when a sleeper does not end."""
        for at, slept in self.slept.items():
            slept.steps, answers = self._steps(slept), self._answers()
            self._nest.resume(self._pids[at])
            state = self._nest.wait(self._pids[at], seconds=SETTLE_SECONDS)
            if state != "ended 0":
                raise Failed(f"the sleeper at {at} was woken and {state}")
            slept.late = self._steps(slept)[len(slept.steps) :]
            slept.answers = self._answers()[len(answers) :]

    def settle(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while (now := books.progress(self._url)).unsettled or now.undecided:
            if time.monotonic() > deadline:
                raise Failed(f"sleepers: it does not come to rest: {now}")
            self._work(5.0)
        statuses = dict(databases.read(self._url, "SELECT client_order_id, status FROM signals_order"))
        for slept in self.slept.values():
            slept.status = statuses[slept.client_order_id]
            slept.at_venue = [
                " ".join([entry["what"], *([entry["code"]] if entry["what"] == "refused" else [])])
                for entry in self._place.entries()
                if entry.get("clOrdId") == slept.client_order_id
            ]

    def _work(self, seconds: float) -> None:
        state = self._nest.wait(self._nest.work(seconds=seconds), seconds=seconds + 30)
        if state != "ended 0":
            raise Failed(f"a worker that should go on {state}")

    def _steps(self, slept: Slept) -> list[str]:
        rows = databases.read(
            self._url,
            "SELECT s.step FROM signals_orderstep s JOIN signals_order o ON o.id = s.order_id"
            f" WHERE o.client_order_id = '{slept.client_order_id}' ORDER BY s.id",
        )
        return [step for [step] in rows]

    def _answers(self) -> list[str]:
        """What the venue has said to orders so far: its codes."""
        requests = self._place.control.ledger.requests
        return [str(one["code"]) for one in requests if one["call"] == "POST /api/v5/trade/order"]


def is_telling(result: Result) -> bool:
    """Whether the late bytes reached the venue: where its connection had been given up meanwhile, nothing is proved."""
    return bool(result.slept[AFTER].answers)


def problems(result: Result) -> list[str]:
    """What must not have happened; see the module's first line. Empty: all is well."""
    found = [f"{kind}: {case}" for kind, cases in result.verdict.wrong.items() for case in cases]
    for at, slept in result.slept.items():
        wanted = Slept(slept.client_order_id, slept.steps, status="FILLED", at_venue=["order", "trade", "end"])
        if at == AFTER:  # its bytes do leave: taken where nobody else could send it, else refused for their age
            wanted.answers = ["0"] if result.plan.binance else ["1"]
            wanted.at_venue += [] if result.plan.binance else ["refused 50036"]
        if result.plan.binance:
            wanted.late = slept.late  # nobody else could end it, so the sleeper may
        if slept != wanted:
            found.append(f"{at}: {slept}")
    return found


def lines(result: Result) -> list[str]:
    ends = "; ".join(
        f"at {at}: sent after the sleep and answered {slept.answers or 'nothing'}, written after it "
        f"{slept.late or 'nothing'}; {slept.status}, at the venue {', '.join(slept.at_venue)}"
        for at, slept in result.slept.items()
    )
    return [
        f"Stopped past its lease and continued, {result.plan.name}: {ends}.",
        *(f"- {problem}" for problem in problems(result)),
    ]
