"""A replay from its question to its answer: reads here, runs in a process of its own, compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradeops.core import clock

from . import asked as asking
from . import child, compare, honesty, ledger, material, openings
from .asked import Asked


def replay(asked: Asked, *, say: Callable[[int, int], None]) -> dict[str, Any]:
    """As `compare.compare`, with `strategy`, `from`, `to`, `begins_with` (account → its balances) and `unknown`: what
    it could not know, in sentences. Writes nothing here. Raises Refused, or child.ReplayFailed."""
    begun = openings.of(asked)
    accounts = sorted(row.slug for row in begun.traded)
    given = {**material.collect(asked, begun), "accounts": accounts}
    then, told = ledger.read(asked, accounts), _signals(asked)  # before it takes its time: signals go on coming
    now = child.run(given, say=say)
    return {
        "strategy": asked.strategy.slug,
        "from": clock.iso_ms(asked.since),
        "to": clock.iso_ms(asked.until),
        **compare.compare(then, now, signals=told, accounts=accounts, until=asked.until),
        "begins_with": {row.slug: row.initial_balances for row in begun.rows if row.slug in accounts},
        "unknown": honesty.sentences(asked, begun, given, now),
    }


def _signals(asked: Asked) -> list[dict[str, Any]]:
    rows = asking.signals(asked).order_by("pk").values_list("public_id", "received_at", "symbol", "action")
    return [
        {"id": key, "received_at": clock.iso_ms(at), "symbol": symbol, "action": action}
        for key, at, symbol, action in rows
    ]
