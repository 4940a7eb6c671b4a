"""What a decision used besides the message, as it is stored with it (D2); amounts as text."""

from __future__ import annotations

from typing import Any

from signals.execution.orders import quote_to_json
from signals.market import calendar
from signals.risk import gate
from tradeops.core import money

from .desk import Desk

ALWAYS = "24h"


def of(desk: Desk) -> dict[str, Any]:
    """The quote with its spread and its age in seconds, volume and volatility where its source tells, the session."""
    quote = desk.look.quote
    if quote is None:
        found: dict[str, Any] = {"quote": None, "problem": desk.look.quote_problem}
    else:
        age = round(max(0.0, (desk.now - quote.at).total_seconds()), 3)
        spread = money.plain(quote.ask - quote.bid)
        found = {"quote": {**quote_to_json(quote), "spread": spread, "age_seconds": age}}
    session = _session(desk)
    return {**found, "session": session} if session else found


def _session(desk: Desk) -> str:
    """`24h` for what trades around the clock, open or closed by the calendar that binds the order; else not known."""
    if "/" in desk.key.symbol:
        return ALWAYS
    limits = gate.limits_for("market_hours", strategy=desk.case.strategy.slug, account=desk.look.account.slug)
    if not limits:
        return ""
    name = str(limits[0].value)
    return f"{name} {'closed' if calendar.open_session(name, desk.now) is None else 'open'}"
