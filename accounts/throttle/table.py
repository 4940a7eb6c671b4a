"""The limits of each venue, by the keys under which calls are counted (X5).

A key is a kind of call, or `kind:detail`; a line `kind:*` counts each detail apart, `*` stands for whatever has no line
of its own. What has none is free.

Sources: OKX, "Rate limits" and the line of each endpoint in its API guide (v5); SPEC X5 for an account's orders
together; Alpaca, "API rate limit" (200 a minute per account); ccxt, each exchange's own `rateLimit` (milliseconds per
call).
"""

from __future__ import annotations

from collections.abc import Mapping

from .limit import FREE, Limit, Rate, Window

Table = Mapping[str, Limit]


def _window(count: int, seconds: float, *, public: bool = False) -> Limit:
    return Limit(Window(count, seconds), public=public)


OKX: Table = {
    "order": Limit(Rate(60, 120)),
    "order:*": _window(60, 2),
    "algo:*": _window(20, 2),
    "cancel:*": _window(60, 2),
    "cancel_algos": _window(20, 2),
    "order_state:*": _window(60, 2),
    "algo_state": _window(20, 2),
    "pending": _window(60, 2),
    "fills": _window(60, 2),
    "fills_history": _window(10, 2),
    "history": _window(40, 2),
    "archive": _window(20, 2),
    "balance": _window(10, 2),
    "positions": _window(10, 2),
    "bills": _window(5, 1),
    "bills_archive": _window(5, 2),
    "max_size": _window(20, 2),
    "leverage": _window(20, 2),
    "config": _window(5, 2),
    "instruments": _window(20, 2, public=True),
    "ticker": _window(20, 2, public=True),
    "time": _window(10, 2, public=True),
}
ALPACA: Table = {"*": _window(200, 60)}
VENUES: dict[str, Table] = {"okx": OKX, "alpaca": ALPACA}


def limits_of(broker: str, *, rate_limit_ms: float | None = None) -> Table:
    """`rate_limit_ms`: for exchanges by ccxt's names, what ccxt says of them."""
    if broker in VENUES:
        return VENUES[broker]
    return every(rate_limit_ms) if rate_limit_ms else {}


def every(milliseconds: float) -> Table:
    """One call each so many milliseconds, whatever it is; half a second's worth at once after a pause."""
    rate = 1000 / milliseconds
    bound = Rate(rate, max(2, int(rate / 2)))
    return {"*": Limit(bound), "ticker": Limit(bound, public=True), "instruments": Limit(bound, public=True)}


def line(limits: Table, key: str) -> tuple[str, Limit]:
    """The limit of a key, and the name under which it is counted."""
    kind, colon, _ = key.partition(":")
    if colon and f"{kind}:*" in limits:
        return key, limits[f"{kind}:*"]
    for name in (kind, "*"):
        if name in limits:
            return name, limits[name]
    return key, FREE
