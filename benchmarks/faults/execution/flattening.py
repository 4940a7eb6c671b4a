"""Everything that is open is closed by one request, on paper, under a kill switch: how long until the last fill."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.faults.execution import books, kill_switch, venue
from benchmarks.faults.execution.nest import Nest
from benchmarks.faults.execution.plan import PRICE, Plan
from benchmarks.processes import Failed, Processes

MARK_SECONDS = 5.0
SETTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    """`seconds` from before the request's first commit to the last fill's booking, `after` from its last commit."""

    plan: Plan
    positions: int
    orders: int
    left: int
    seconds: float
    after: float


def measure(
    folder: Path,
    plan: Plan,
    *,
    variables: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """`plan` is a paper one; each of its accounts holds each of its symbols. Raises Failed."""
    with (
        databases.scratch(folder, "flatten") as url,
        Processes(folder) as processes,
        venue.place(processes, plan) as place,
        (folder / "nest.log").open("wb") as log,
    ):
        portal = targets.set_up_portal(processes, folder / "flatten", url, place.configuration, **(variables or {}))
        kill_switch.start(processes, portal)
        with Nest(portal.env, log) as nest:
            say(f"flatten: {plan.symbols} positions on each of {plan.accounts} accounts")
            nest.signals(*({"symbol": f"{name}USDT", "action": "buy", "price": PRICE} for name in plan.tickers()))
            _settle(url)
            positions = _open(url)
            nest.ask("switch", scope="global", key="", on=True)
            say("flatten: asked for")
            asked = nest.ask("flatten", name="drill")
            _settle(url)
        last = max((databases.moment(at) for (at,) in databases.read(url, _CLOSED)), default=0.0)
        return Result(
            plan, positions, asked["orders"], _open(url), last - asked["began"], max(0.0, last - asked["committed"])
        )


_CLOSED = "SELECT finished_at FROM signals_order WHERE intent = 'close' AND status = 'FILLED'"


def _open(url: str) -> int:
    return databases.number(url, "SELECT count(*) FROM signals_position WHERE is_open")


def _settle(url: str) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while (now := books.progress(url)).unsettled or now.undecided:
        if time.monotonic() > deadline:
            raise Failed(f"flatten: it does not come to rest: {now}")
        time.sleep(0.05)


def problems(result: Result) -> list[str]:
    """What must not be, however long it took. Empty: all is well."""
    wanted = result.plan.symbols * result.plan.accounts
    found = []
    if result.positions != wanted or result.orders != wanted:
        found.append(f"flatten: {wanted} positions wanted, {result.positions} open, {result.orders} orders")
    if result.left:
        found.append(f"flatten: {result.left} positions are still open")
    return found


def holds(result: Result) -> bool:
    return not problems(result) and result.seconds <= MARK_SECONDS


def lines(result: Result) -> list[str]:
    return [
        f"Flatten under a global kill switch, {result.plan.name}: {result.positions} positions on "
        f"{result.plan.accounts} accounts closed by {result.orders} orders, **{result.seconds:.2f} s** from the "
        f"request to the last fill, {result.after:.2f} s of them after its last commit (mark: ≤ {MARK_SECONDS:.0f} s); "
        f"{result.left} left open.",
        *(f"- {problem}" for problem in problems(result)),
    ]
