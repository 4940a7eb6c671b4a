"""A replay for people: what each account made then and now, what differs and why, and what could not be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

MOST = 30  # differences on the screen; all of them are in the JSON
_COLOURS = {"APPROVED": "green", "REJECTED": "red"}
_COUNTS = ("orders", "fills", "exits", "trips")
_MONEY = (("realised_pnl", "realised"), ("fees", "fees"), ("funding", "funding"), ("net", "net"))


def show(found: Mapping[str, Any], out: Console) -> None:
    counts = found["decisions"]
    out.print(
        f"{found['strategy']} from {found['from']} to {found['to']}: {found['signals']} signals,"
        f" {counts['same']} decisions as they were, {counts['different']} others.", soft_wrap=True,
    )  # fmt: skip
    for account in found["accounts"]:
        out.print()
        out.print(_account(account))
    for one in found["differences"][:MOST]:
        out.print()
        _difference(one, out)
    left = len(found["differences"]) - MOST
    if left > 0:
        out.print(f"\n… and {left} more; --json has all of them.")
    for sentence in found["unknown"]:
        out.print()
        out.print(Text(sentence, style="yellow"), soft_wrap=True)


def verdict(found: Mapping[str, Any]) -> str:
    counts = found["decisions"]
    results = [account["account"] for account in found["accounts"] if not account["same"]]
    said = f"{counts['different']} of {counts['same'] + counts['different']} decisions are others today"
    return f"{said}; the result differs on {', '.join(results)}" if results else f"{said}; the result is the same"


def _account(account: Mapping[str, Any]) -> Table:
    then, now = account["then"], account["now"]
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(account["account"], no_wrap=True)
    for when in ("then", "now"):
        table.add_column(when, justify="right", overflow="fold")
    for name in _COUNTS:
        table.add_row(name, str(then[name]), str(now[name]))
    for currency in sorted(then["money"] | now["money"]):
        for name, word in _MONEY:
            before, today = (fared["money"].get(currency, {}).get(name, "0") for fared in (then, now))
            table.add_row(f"{word} {currency}", before, Text(today, style="" if before == today else "bold"))
    table.add_row("open at the end", *(", ".join(fared["open"]) or "nothing" for fared in (then, now)))
    return table


def _difference(one: Mapping[str, Any], out: Console) -> None:
    out.print(f"{one['received_at']}  {one['action']} {one['symbol']}  on {one['account']}", soft_wrap=True)
    for when in ("then", "now"):
        out.print(Text(f"  {when:4}  ").append_text(_said(one[when])), soft_wrap=True)


def _said(decision: Mapping[str, Any] | None) -> Text:
    """What was decided: by which rule, at which number and limit, or what was made of it."""
    if decision is None:
        return Text("no decision", style="dim")
    rule, orders = decision["rule"], "; ".join(map(_order, decision["orders"]))
    said = decision["outcome"].lower()
    if rule:
        limit = "" if rule["limit"] is None else f", limit {rule['limit']}"
        said += f" by {rule['rule']}: {rule['value']}{limit}" if decision["outcome"] == "REJECTED" else ""
    if orders or not rule:
        said += f": {orders or decision['reason']}"
    return Text(said, style=_COLOURS.get(decision["outcome"], ""))


def _order(order: Mapping[str, Any]) -> str:
    filled = f" at {order['average_price']}" if order["average_price"] else ""
    return f"{order['side']} {order['quantity']} {order['status'].lower()}{filled}"
