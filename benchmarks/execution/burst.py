"""120 orders at once on one instrument and account, from two processes: never more than 60 in any 2 s by the venue's
own ledger, and not much later than that allows.

`python -m benchmarks.execution.burst` is one of the two: a job as JSON on a line of its standard input, "ready" on
its output, and from the next line on its input as many threads as there are orders, each placing one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.processes import PYTHON, ROOT, Failed, Processes, environment

PROCESSES, EACH = 2, 60
MOST, WINDOW = 60, 2.0
SYMBOL = "BTC/USDT:USDT"
# The second 60 may come when the window of the first is over, so this is how long it takes at least.
MARK = 1.2


@dataclass(frozen=True)
class Result:
    """`arrivals` in seconds by the venue's clock, sorted, the first being 0."""

    arrivals: list[float]
    refused: int

    @property
    def most(self) -> int:
        """In any window of 2 s."""
        return most_within(self.arrivals, WINDOW)

    @property
    def ratio(self) -> float:
        """Of the time that the limit allows."""
        return self.arrivals[-1] / WINDOW


def most_within(moments: Sequence[float], seconds: float) -> int:
    """How many lie in any half-open span of that length; `moments` sorted."""
    most = start = 0
    for end, moment in enumerate(moments):
        while moment - moments[start] >= seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def measure(folder: Path) -> Result:
    from tests.fakes.venue import running_venue

    (folder / "data").mkdir()
    env = environment(
        TRADEOPS_DATA_DIR=str(folder / "data"),
        DJANGO_SETTINGS_MODULE="tradeops.settings",
        REDIS_URL=os.environ.get("REDIS_URL", ""),
    )
    with running_venue() as venue:
        return fire(env, venue, folder)


def fire(env: dict[str, str], venue: Any, folder: Path) -> Result:
    """`venue`: a running one (tests.fakes.venue.RunningVenue) that enforces nothing."""
    with Processes(folder) as processes:
        names = [f"sender-{number}" for number in range(PROCESSES)]
        senders = {name: _sender(env, venue, number, processes.log(name)) for number, name in enumerate(names)}

        def hear(wanted: str) -> None:
            for name, sender in senders.items():
                assert sender.stdout is not None
                if (said := sender.stdout.readline().strip()) != wanted:
                    raise Failed(f"{name} said {said!r} where {wanted!r} was expected{processes.tail(name)}")

        try:
            hear("ready")
            for sender in senders.values():
                _say(sender, "go")
            hear("done")
        finally:
            for sender in senders.values():
                sender.kill()
                sender.communicate()
        moments = sorted(_seconds(order["at"]) for order in venue.ledger.orders)
        if len(moments) != PROCESSES * EACH:
            said = "".join(map(processes.tail, names))
            raise Failed(f"{len(moments)} of {PROCESSES * EACH} orders came to the venue{said}")
    return Result([moment - moments[0] for moment in moments], len(venue.ledger.refused))


def _seconds(at: Any) -> float:
    return float(at) if isinstance(at, int | float) else datetime.fromisoformat(at).timestamp()


def _sender(env: dict[str, str], venue: Any, number: int, log: Path) -> subprocess.Popen[str]:
    job = {"url": venue.url, "credentials": venue.credentials, "number": number, "count": EACH}
    with log.open("ab") as errors:
        sender = subprocess.Popen(
            [PYTHON, "-m", "benchmarks.execution.burst"],
            env=env,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    _say(sender, json.dumps(job))
    return sender


def _say(sender: subprocess.Popen[str], text: str) -> None:
    assert sender.stdin is not None
    sender.stdin.write(f"{text}\n")
    sender.stdin.flush()


def lines(result: Result) -> list[str]:
    return [
        f"| {PROCESSES * EACH} orders at once, one instrument and account, {PROCESSES} processes | figure | mark |",
        "|---|---|---|",
        f"| most in any {WINDOW:.0f} s, by the venue's ledger | {result.most} | ≤ {MOST} |",
        f"| last arrival after the first ÷ {WINDOW:.0f} s | {result.ratio:.2f} | ≤ {MARK} |",
        f"| refused by the venue | {result.refused} | 0 |",
    ]


def main() -> None:
    """One sender."""
    job = json.loads(sys.stdin.readline())
    import django

    django.setup()
    broker, request = _broker(job)
    print("ready", flush=True)
    sys.stdin.readline()
    threads = [threading.Thread(target=_place, args=(broker, request(number))) for number in range(job["count"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("done", flush=True)
    time.sleep(60)  # until it is ended


def _broker(job: dict[str, Any]) -> tuple[Any, Any]:
    from accounts import throttle
    from accounts.brokers.base import Access, OrderRequest
    from accounts.brokers.okx import OkxBroker
    from tradeops.core import clock
    from tradeops.core.money import OrderType, Side

    limits = throttle.Shared(limits=throttle.limits_of("okx"), address=job["url"], owner="account-1")
    broker = OkxBroker(
        Access(
            account_id=1,
            slug="okx-1",
            broker="okx",
            market="swap",
            throttle=limits,
            sandbox=True,
            base_url=job["url"],
            credentials=job["credentials"],
        )
    )

    def request(number: int) -> OrderRequest:
        return OrderRequest(
            client_order_id=f"burst{job['number']}x{number}",
            symbol=SYMBOL,
            market="swap",
            side=Side.BUY,
            type=OrderType.MARKET,
            quantity=Decimal("0.01"),
            closes=False,
            send_expires_at=clock.now() + timedelta(seconds=60),
        )

    broker.instrument(SYMBOL)
    broker.prepare(request(0))
    broker.preview(request(0), now=clock.now())
    return broker, request


def _place(broker: Any, request: Any) -> None:
    from tradeops.core import clock

    broker.place(request, now=clock.now())


if __name__ == "__main__":
    main()
