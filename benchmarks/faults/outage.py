"""A TradingView-like sender through a restart of the web processes and a stop of the database: nothing that was
acknowledged is lost, and outside of the two nobody notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cpu, databases, targets
from benchmarks.faults.database import Cluster, File
from benchmarks.faults.sender import RESEND_SECONDS, Post, Sender, Try
from benchmarks.figures import percentile
from benchmarks.processes import Failed, Processes, get
from benchmarks.relay.setting import ALERTS, Endpoints, portal

# After the database listens again, its users have to come back.
GRACE_SECONDS = 1.0
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Plan:
    """Seconds; `rate` messages a second all the while."""

    rate: float = 50
    calm: float = 8
    outage: float = 10
    resend: float = RESEND_SECONDS


@dataclass(frozen=True)
class Window:
    """When the web processes or the database were away, by the wall clock."""

    begin: float
    end: float

    def touches(self, one: Try) -> bool:
        return one.until >= self.begin and one.at <= self.end


@dataclass(frozen=True)
class Result:
    """`stored` is public id → the sender's number; `received` are the numbers that came to the endpoint."""

    posts: list[Post]
    restart: Window
    outage: Window
    down: Window  # the part of `outage` in which nothing can be stored
    stored: dict[str, str]
    received: set[str]

    @property
    def lost(self) -> list[str]:
        """Acknowledged and not stored, or not relayed. There must be none."""
        kept = {one: number for one, number in self.stored.items() if number in self.received}
        return [post.signal for post in self.posts if post.acknowledged and post.signal not in kept]

    @property
    def doubled(self) -> int:
        return len(self.stored) - len(set(self.stored.values()))

    def tries(self) -> list[Try]:
        return [one for post in self.posts for one in post.tries]

    def outside(self) -> list[Try]:
        return [one for one in self.tries() if not (self.restart.touches(one) or self.outage.touches(one))]

    def while_down(self) -> list[Try]:
        return [one for one in self.tries() if self.down.begin <= one.at and one.until <= self.down.end]


def measure(folder: Path, plan: Plan, *, variables: dict[str, str] | None = None) -> Result:
    """On PostgreSQL where DATABASE_URL is one, in a cluster of its own; else on SQLite. Raises Failed."""
    with (
        Cluster() if databases.server() else File(folder) as database,
        Processes(folder) as processes,
    ):
        endpoints = Endpoints(processes, "well")
        ours = portal(processes, folder, database.url, endpoints, variables=variables)
        target = targets.start_portal(processes, ours, *ALERTS)
        sender = Sender(target.port, target.path, target.bodies[0], resend_seconds=plan.resend)
        windows = asyncio.run(_through(sender, plan, processes.pid("ours"), target.port, database))
        stored = _stored(database.url)
        _settled(database.url)
        endpoints.all_have(len(stored), seconds=PATIENCE_SECONDS)
        received = {number for came in endpoints.ask("/arrivals").values() for _, number, _ in came}
    return Result(sender.posts, *windows, stored, received)


async def _through(
    sender: Sender, plan: Plan, supervisor: int, port: int, database: Cluster | File
) -> tuple[Window, Window, Window]:
    stop = asyncio.Event()
    stream = asyncio.create_task(sender.stream(rate=plan.rate, stop=stop))
    await asyncio.sleep(plan.calm)
    restart = await asyncio.to_thread(_restart_web, supervisor, port)
    await asyncio.sleep(plan.calm)
    begin = time.time()
    await asyncio.to_thread(database.take_away)
    taken = time.time()
    await asyncio.sleep(plan.outage)
    given = time.time()
    await asyncio.to_thread(database.give_back)
    outage = Window(begin, time.time() + GRACE_SECONDS)
    await asyncio.sleep(plan.calm + 2 * plan.resend)
    stop.set()
    await stream
    return restart, outage, Window(taken, given)


def _restart_web(supervisor: int, port: int) -> Window:
    """Ends the web server; its supervisor starts it afresh. Returns when the new one answers."""
    before = _web(supervisor)
    begin = time.time()
    os.kill(before, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if _web(supervisor) != before and get(port, "/health")[0] == 200:
                return Window(begin, time.time())
        except (OSError, Failed):
            pass
        time.sleep(0.05)
    raise Failed(f"the web server did not come back within {PATIENCE_SECONDS} s")


def _web(supervisor: int) -> int:
    """The web server's main process. Raises Failed between two lives."""
    for pid in cpu.tree(supervisor):
        try:
            if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except (FileNotFoundError, ProcessLookupError):
            continue
    raise Failed("no web server is running")


def _stored(url: str) -> dict[str, str]:
    rows = databases.read(url, "SELECT public_id, data FROM signals_signal")
    found = {}
    for public_id, data in rows:
        fields = json.loads(data) if isinstance(data, str) else data
        found[public_id] = str(fields["comment"]).removeprefix("breakout ")
    return found


def _settled(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := databases.count(url, "signals_signal WHERE status IN ('RECEIVED', 'PROCESSING')"):
        if time.monotonic() > deadline:
            raise Failed(f"{left} signals are undecided {PATIENCE_SECONDS} s after the last one")
        time.sleep(0.2)


def lines(result: Result, plan: Plan) -> list[str]:
    outside, down = result.outside(), result.while_down()
    acks = [one.seconds * 1000 for one in outside if 200 <= one.status < 300]
    slowest = max((one.seconds for one in down if one.status == 503), default=float("nan"))
    missed = [post for post in result.posts if not post.acknowledged]
    ends = Counter(post.tries[-1].failure or str(post.tries[-1].status) for post in missed)
    return [
        f"A sender like TradingView, {plan.rate:.0f}/s, {len(result.posts):,} messages, through a web restart "
        f"({result.restart.end - result.restart.begin:.1f} s) and a database stop of {plan.outage:.0f} s: "
        f"**{len(result.lost)} of {sum(post.acknowledged for post in result.posts):,} acknowledged messages lost**, "
        f"{result.doubled} stored twice; acknowledged outside the two: p50 {percentile(acks, 50):.0f}, "
        f"**p99 {percentile(acks, 99):.0f} ms** (mark: ≤ 300); answers outside them other than 2xx: "
        f"{dict(_outcomes(one for one in outside if not 200 <= one.status < 300)) or 'none'}.",
        f"While the database was away: {dict(_outcomes(down))}, the slowest 503 after **{slowest:.2f} s** (mark: < 2). "
        f"Never acknowledged: {len(missed):,}, whose last try was {dict(ends) or 'none'}.",
    ]


def _outcomes(tries) -> Counter[str]:  # type: ignore[no-untyped-def]
    return Counter(one.failure or str(one.status) for one in tries)
