"""From the acknowledgement of an alert to its orders at a venue, by the venue's clock: 20 signals/s on 4 accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import databases, targets
from benchmarks.execution.setting import ACCOUNTS, Venue, alerts, at_venue, portal, settled, whole_rounds
from benchmarks.figures import percentile
from benchmarks.processes import Processes

RATE = 20
WARM_SECONDS = 3


@dataclass(frozen=True)
class Result:
    """Milliseconds; `arrived` has one an order, `filled` too: when its fill was booked, from the same moment on."""

    signals: int
    acknowledged: list[float]
    arrived: list[float]
    filled: list[float]

    @property
    def mark(self) -> float:
        return 40 if databases.server() else 80


def measure(folder: Path, *, seconds: float, say: Callable[[str], None]) -> Result:
    """Raises Failed unless every signal made an order on every account, once, by the venue's ledger."""
    with databases.scratch(folder, "execution") as url, Processes(folder) as processes:
        venue = Venue(processes, folder, accounts=ACCOUNTS)
        ours = portal(processes, folder, url, at_venue(venue), market="swap")
        target = targets.start_portal(processes, ours, *alerts())
        # One connection: a close never overtakes its buy.
        seconds = whole_rounds(target, rate=RATE, seconds=seconds)
        warm = whole_rounds(target, rate=RATE, seconds=WARM_SECONDS)
        target.load(processes, kind="open", rate=RATE, seconds=warm, connections=1)
        settled(url, target.acknowledged * ACCOUNTS, seconds=30)
        say(f"execution: {RATE} signals/s for {seconds:.0f} s on {ACCOUNTS} accounts at a venue")
        sent = target.load(processes, kind="open", rate=RATE, seconds=seconds, connections=1, pairs=True)["sent"]
        target.flawless()
        settled(url, target.acknowledged * ACCOUNTS, seconds=30)
        return _result(url, venue, sent)


def _result(url: str, venue: Venue, sent: list[dict[str, float]]) -> Result:
    acked = {one["signal"]: one["acked_at"] for one in sent}
    rows = databases.read(
        url, "SELECT o.client_order_id, s.public_id, o.finished_at FROM signals_order o"
        " JOIN signals_signal s ON s.id = o.signal_id"
    )  # fmt: skip
    of_order = {order: signal for order, signal, _ in rows if signal in acked}
    arrived = [
        (entry["at"] - acked[of_order[entry["clOrdId"]]]) * 1000
        for entry in venue.orders()
        if entry["clOrdId"] in of_order
    ]
    filled = [(databases.moment(at) - acked[signal]) * 1000 for _, signal, at in rows if signal in acked]
    return Result(len(sent), [(one["acked_at"] - one["sent_at"]) * 1000 for one in sent], arrived, filled)


def lines(result: Result) -> list[str]:
    rows = {
        "sent → acknowledged": result.acknowledged,
        f"acknowledged → order received by the venue (mark: p50 ≤ {result.mark:.0f})": result.arrived,
        "acknowledged → fill booked": result.filled,
    }
    found = [
        f"| whole portal, {RATE} signals/s, {result.signals} signals, {ACCOUNTS} OKX accounts (ms) "
        "| p50 | p95 | p99 | samples |",
        "|---|---|---|---|---|",
    ]
    for name, values in rows.items():
        figures = " | ".join(f"{percentile(values, p):.0f}" for p in (50, 95, 99))
        found.append(f"| {name} | {figures} | {len(values)} |")
    met = "met" if percentile(result.arrived, 50) <= result.mark else "missed"
    return [
        *found,
        "",
        f"The mark is {met}. Received: when the venue's ledger has the order, by the clock of this machine.",
    ]
