"""What happened, and what would happen today, side by side. Pure: two documents of `ledger` in, one out.

    {"signals", "decisions": {"then", "now", "same", "different"},
     "differences": [{"signal", "received_at", "symbol", "action", "account", "because", "then", "now"}],
     "accounts": [{"account", "same": bool, "then": {"orders", "fills", "exits", "trips", "open",
                   "money": {currency: {"realised_pnl", "fees", "funding", "net"}}}, "now": …}],
     "trips": {"then": […], "now": […]}, "exits": {"then": […], "now": […]}}

`then` and `now` of a difference are decisions as in `ledger`, null where there is none. `because` says what is
different: `missing`, `outcome`, `rule`, `intent`, `orders` (what was asked for) or `fills` (what came of it).
Money is that of round trips that were closed within the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradeops.core import money
from tradeops.core.money import ZERO

Document = Mapping[str, Any]
_ASKED = ("side", "intent", "type", "quantity", "price")
_CAME = ("status", "filled", "average_price")
_MONEY = ("realised_pnl", "fees", "funding", "net")


def compare(
    then: Document, now: Document, *, signals: Sequence[Mapping[str, Any]], accounts: Iterable[str], until: datetime
) -> dict[str, Any]:
    """`signals`: `[{"id", "received_at", "symbol", "action"}]`, in the order in which differences are listed."""
    before, today = _by_name(then), _by_name(now)
    names = [(one["id"], slug) for one in signals for slug in sorted(accounts)]
    told = {one["id"]: one for one in signals}
    differences = [
        {
            "signal": signal, **{name: told[signal][name] for name in ("received_at", "symbol", "action")},
            "account": slug, "because": because, "then": before.get((signal, slug)), "now": today.get((signal, slug)),
        }
        for signal, slug in names
        if (because := _because(before.get((signal, slug)), today.get((signal, slug))))
    ]  # fmt: skip
    both = sum(name in before or name in today for name in names)
    return {
        "signals": len(signals),
        "decisions": {
            "then": len(before), "now": len(today), "same": both - len(differences), "different": len(differences),
        },
        "differences": differences,
        "accounts": [_account(slug, then, now, until) for slug in sorted(accounts)],
        "trips": {"then": then["trips"], "now": now["trips"]},
        "exits": {"then": then["exits"], "now": now["exits"]},
    }  # fmt: skip


def is_same(found: Mapping[str, Any]) -> bool:
    return not found["differences"] and all(account["same"] for account in found["accounts"])


def _by_name(document: Document) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(one["signal"], one["account"]): one for one in document["decisions"]}


def _because(then: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> str:
    """Empty = they are the same. A number that only ran on with the clock, such as an age, makes no difference."""
    if then is None or now is None:
        return "" if then is now else "missing"
    if then["outcome"] != now["outcome"]:
        return "outcome"
    if _rule(then) != _rule(now):
        return "rule"
    if then["intent"] != now["intent"]:
        return "intent"
    if _of_orders(then, _ASKED) != _of_orders(now, _ASKED):
        return "orders"
    return "fills" if _of_orders(then, _CAME) != _of_orders(now, _CAME) else ""


def _rule(decision: Mapping[str, Any]) -> str:
    return str(decision["rule"]["rule"]) if decision["rule"] else ""


def _of_orders(decision: Mapping[str, Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(order[name] for name in names) for order in decision["orders"]]


def _account(slug: str, then: Document, now: Document, until: datetime) -> dict[str, Any]:
    before, today = _fared(slug, then, until), _fared(slug, now, until)
    same = all(before[name] == today[name] for name in ("money", "open"))
    return {"account": slug, "same": same, "then": before, "now": today}


def _fared(slug: str, document: Document, until: datetime) -> dict[str, Any]:
    mine = [trip for trip in document["trips"] if trip["account"] == slug]
    closed = [trip for trip in mine if trip["closed_at"] and datetime.fromisoformat(trip["closed_at"]) < until]
    return {
        **document["counts"].get(slug, {"orders": 0, "fills": 0}),
        "exits": sum(order["account"] == slug for order in document["exits"]),
        "trips": len(closed),
        "open": [f"{trip['side']} {trip['symbol']}" for trip in mine if trip not in closed],
        "money": _money(closed),
    }


def _money(trips: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, Decimal]] = {}
    for trip in trips:
        sums = found.setdefault(trip["currency"], dict.fromkeys(_MONEY, ZERO))
        for name in _MONEY:
            sums[name] += Decimal(trip[name])
    return {
        currency: {name: money.plain(value) for name, value in sums.items()} for currency, sums in sorted(found.items())
    }
