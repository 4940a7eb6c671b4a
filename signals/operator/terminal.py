"""A trace on a terminal: coloured tables for people, plain lines for pipes and logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from signals import verdict

_GOOD = ("APPROVED", "FILLED", "DELIVERED", "SENT")
_BAD = ("REJECTED", "FAILED", "EXPIRED", "DEAD", "UNKNOWN")


def colour(word: str) -> str:
    return "green" if word in _GOOD else "red" if word in _BAD else "yellow"


def moment_line(moment: dict[str, Any]) -> str:
    """`   +12 ms  decided        paper-1: APPROVED`."""
    after = f"+{moment['ms']} ms"
    return f"{after:>10}  {moment['stage']:<14} {moment['detail']}".rstrip()


def show(trace: dict[str, Any], console: Console) -> None:
    """The whole life: what it was, why it (did not) trade, then every moment, order, delivery and notification."""
    signal = trace["signal"]
    console.print(
        Text.assemble(
            (f"{signal['action']} {signal['symbol']}", "bold"), "  ", (signal["status"], colour(signal["status"])),
            f"  relay {signal['relay']}  {signal['received_at']}  {signal['id']}",
        ),
        soft_wrap=True,
    )  # fmt: skip
    console.print(Text(verdict.why(trace), style="bold"), soft_wrap=True)
    console.print()
    for moment in trace["timeline"]:
        console.print(Text(moment_line(moment)), soft_wrap=True)
    for title, head, rows in _tables(trace):
        _table(console, title, head, list(rows))


def _tables(trace: dict[str, Any]) -> Iterable[tuple[str, tuple[str, ...], Iterable[tuple[str, ...]]]]:
    yield (
        "Decisions",
        ("for", "outcome", "rule", "verdict", "saw", "limit"),
        (
            (
                _target(decision),
                decision["outcome"],
                rule["rule"],
                rule["verdict"],
                _text(rule["value"]),
                _text(rule["limit"]),
            )
            for decision in trace["decisions"]
            for rule in decision["rules"]
            if decision["outcome"] == "APPROVED" or rule["verdict"] != "PASS"
        ),
    )
    yield (
        "Orders",
        ("account", "status", "order", "filled", "price", "client order id"),
        (
            (
                order["account"],
                order["status"],
                f"{order['side']} {order['quantity']} {order['symbol']}",
                order["filled_quantity"],
                _text(order["average_price"]),
                order["client_order_id"],
            )
            for order in trace["orders"]
        ),
    )
    yield (
        "Deliveries",
        ("endpoint", "status", "tries", "last answer", "ms"),
        (
            (
                delivery["endpoint"],
                delivery["status"],
                str(len(delivery["attempts"])),
                _answer(delivery["attempts"]),
                _text(delivery["attempts"][-1]["ms"]) if delivery["attempts"] else "",
            )
            for delivery in trace["deliveries"]
        ),
    )
    yield (
        "Notifications",
        ("channel", "status", "what", "error"),
        ((each["channel"], each["status"], each["title"], each["error"]) for each in trace["notifications"]),
    )
    yield (
        "Bridge reports",
        ("endpoint", "status", "filled", "price", "result", "said"),
        (
            (
                each["endpoint"],
                each["status"],
                _text(each["filled_quantity"]),
                _text(each["price"]),
                each["result"],
                f"{each['code']} {each['message']}".strip(),
            )
            for each in trace["executions"]
        ),
    )


def _table(console: Console, title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    if not rows:
        return
    if not console.is_terminal:
        console.print(f"\n{title}")
        for row in rows:
            console.print(Text("  " + "  ".join(cell for cell in row if cell)), soft_wrap=True)
        return
    table = Table(title=title, title_justify="left", header_style="dim")
    for name in head:
        table.add_column(name)
    for row in rows:
        table.add_row(row[0], Text(row[1], style=colour(row[1])), *map(Text, row[2:]))
    console.print(table)


def _target(decision: dict[str, Any]) -> str:
    return str(decision["account"] or decision["endpoint"] or "no strategy")


def _answer(attempts: list[dict[str, Any]]) -> str:
    return _text(attempts[-1]["status_code"] or attempts[-1]["error"]) if attempts else ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)
