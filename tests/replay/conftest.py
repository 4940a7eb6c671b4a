"""What happened: a strategy on a paper account, its signals received and worked off as every day."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from signals.execution import resting
from signals.exits import runner as exits
from signals.models import ExitPlan, Order, Signal, Strategy
from signals.pipeline.drain import drain
from tests import factories
from tradeops.core import clock

# One round trip with a profit of 10, one with a loss of 5, and one that stays open: 0.01 BTC each.
ALERTS = (("buy", "50000"), ("sell", "51000"), ("close", "51500"), ("buy", "52000"))


class Past:
    """Each alert is decided as it comes, and what it does to exits is seen to."""

    def __init__(self, *, account: dict[str, Any] | None = None, **strategy: Any) -> None:
        self.account: Account = factories.account(fee_bps=Decimal(10), **account or {})
        self.strategy: Strategy = factories.strategy(accounts=[self.account], **strategy)
        self.signals: list[Signal] = []

    def say(self, action: str, price: str, **alert: Any) -> Signal:
        self.signals.append(factories.signal(self.strategy, action=action, price=Decimal(price), **alert))
        drain()
        self.tend()
        return self.signals[-1]

    def tend(self) -> None:
        """What tends the account in another process, once."""
        ExitPlan.objects.update(due_at=clock.now())
        Order.objects.filter(status="OPEN").update(due_at=clock.now())
        exits.run([self.account.pk], now=clock.now())
        resting.run(self.account.pk, now=clock.now())
        drain()


@pytest.fixture
def past(transactional_db):
    """Stops are seen to at the commit of a fill, so the commits are real ones."""
    return Past


def replay(*arguments: str) -> tuple[str, CommandError | None]:
    """What the command said, and how it ended; with --strategy trend."""
    out = StringIO()
    try:
        call_command("replay", "--strategy", "trend", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


def as_json(*arguments: str) -> tuple[dict[str, Any], CommandError | None]:
    said, error = replay("--json", *arguments)
    return json.loads(said), error


def stored(strategy: Strategy, at: datetime, *, on: Account | None = None, quote: Any = None, **alert: Any) -> Signal:
    """A signal of long ago; with `on`, and `quote` (bid, ask), also that decision, rejected since it was frozen."""
    signal = factories.signal(strategy, received_at=at, **alert)
    signal.work.create(strategy=strategy, lane="trend", state="done", due_at=at)
    if on is not None:
        [target] = strategy.symbols.values()
        bid, ask = quote
        seen = {"symbol": target, "bid": bid, "ask": ask, "last": bid, "at": clock.iso_ms(at), "source": "okx"}
        signal.decisions.create(
            strategy=strategy, account=on, outcome="REJECTED", mode="live", reason="not armed",
            rules=[{"rule": "account", "verdict": "FAIL", "value": "frozen", "limit": None}],
            enrichment={"quote": {**seen, "spread": "1", "age_seconds": 0.1}},
            decided_at=at + timedelta(milliseconds=300),
        )  # fmt: skip
    return signal
