"""What is said on a phone: short, plain, escaped, at most 4,096 long. Numbers are as they are stored."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from signals import verdict
from signals.models import Approval
from signals.operator.pnl import Line, total
from signals.operator.positions import Held
from signals.operator.status import Status, Stop
from tradeops.core import money

LONGEST = 4096  # UTF-16 code units, core.telegram.org/bots/api#sendmessage
NEUTRAL = "This bot answers its own people only."


def escaped(text: object, longest: int = 300) -> str:
    shown = str(text)
    return html.escape(shown if len(shown) <= longest else shown[: longest - 1] + "…", quote=False)


def fit(lines: Iterable[str]) -> str:
    """The lines that fit, and how many did not. Each line closes its own tags, so that none stays open."""
    every = list(lines)
    kept: list[str] = []
    length = 0
    for number, line in enumerate(every):
        length += _units(line) + 1
        if length > LONGEST - 40:
            return "\n".join([*kept, f"… and {len(every) - number} lines more"])
        kept.append(line)
    return "\n".join(kept)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clock(at: datetime | None, now: datetime) -> str:
    """`14:30 UTC`, with the day unless it is today."""
    if at is None:
        return "?"
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def status(found: Status) -> str:
    lines = [f"<b>{'LIVE trading' if found.live_trading else 'Paper trading only'}</b>, {found.at:%H:%M:%S} UTC"]
    lines += [_stop(each, found.at) for each in found.stops] or ["Nothing is stopped: entries pass."]
    if found.silent:
        lines.append(f"<b>Silent processes</b>: {escaped(', '.join(found.silent))}")
    lines += [
        f"Signals today: {found.received}, approved {found.approved}, not traded {found.not_traded}",
        f"Open positions: {found.open_positions}",
        f"Orders under way: {found.orders_under_way}" + (f", {found.in_doubt} in doubt" if found.in_doubt else ""),
    ]
    if found.approvals:
        lines.append(f"<b>Waiting for an answer: {found.approvals}</b> (/approve)")
    if found.alarms is not None:
        lines.append(f"Critical alerts not acknowledged: {found.alarms}")
    return fit(lines)


def _stop(each: Stop, now: datetime) -> str:
    word = f"{each.what} ON" if each.what == "Kill switch" else each.what
    said = f"<b>{word}: {escaped(each.where, 80)}</b> since {clock(each.since, now)}"
    if each.by:
        said += f" by {escaped(each.by, 60)}"
    return said + (f": {escaped(each.why, 120)}" if each.why else "")


def positions(found: Sequence[Held], *, words: Sequence[str]) -> str:
    if not found:
        return "No such position is open." if words else "No position is open."
    lines = [f"<b>{len(found)} open</b>"]
    for each in found:
        row = each.position
        lines.append(
            f"{escaped(row.account.slug)} · {escaped(row.strategy.slug)}: <b>{escaped(row.symbol)} {row.side} "
            f"{money.plain(row.quantity)}</b> at {_amount(row.average_price)}, mark {_amount(row.mark_price)}, "
            f"{_signed(each.unrealised)} {escaped(each.currency)}".rstrip()
        )
    return fit(lines)


def pnl(today: Sequence[Line], ever: Sequence[Line]) -> str:
    lines = ["<b>Today</b> (realised, after fees and funding)"]
    lines += [f"{_named(line)}: <b>{_signed(line.net)}</b> {escaped(line.currency)}, {_fills(line)}" for line in today]
    if not today:
        lines.append("Nothing was traded today.")
    lines += ["", "<b>Since the first fill</b>"]
    for line in ever:
        open_part = f", open {_signed(line.unrealised)}" if line.unrealised else ""
        unmarked = f", {line.unmarked} without a mark" if line.unmarked else ""
        lines.append(
            f"{_named(line)}: <b>{_signed(line.net)}</b> {escaped(line.currency)} (realised {_signed(line.realised)}, "
            f"fees {money.plain(line.fees)}, funding {money.plain(line.funding)}{open_part}{unmarked})"
        )
    if not ever:
        lines.append("Nothing was ever traded.")
    lines += [f"Total: <b>{_signed(amount)}</b> {escaped(name)}".rstrip() for name, amount in total(ever).items()]
    return fit(lines)


def _named(line: Line) -> str:
    return escaped(line.strategy)


def _fills(line: Line) -> str:
    return f"{line.fills} fill" if line.fills == 1 else f"{line.fills} fills"


def trace(found: dict[str, Any]) -> str:
    """The short form: what it was, why it (did not) trade, and every moment with its milliseconds."""
    signal = found["signal"]
    lines = [
        f"<b>{escaped(signal['action'])} {escaped(signal['symbol'])}</b> {signal['status']}, relay {signal['relay']}",
        f"{signal['received_at']} <code>{escaped(signal['id'])}</code>",
        escaped(verdict.why(found), 900),
    ]
    lines += [
        f"+{moment['ms']} ms {moment['stage']} {escaped(moment['detail'], 200)}".rstrip()
        for moment in found["timeline"]
    ]
    return fit(lines)


def waiting(found: Sequence[Approval], *, now: datetime) -> str:
    if not found:
        return "Nothing waits for an answer."
    lines = [f"<b>{len(found)} waiting</b>: /approve NUMBER, or /approve NUMBER no"]
    lines += [f"<b>{row.pk}</b> {escaped(approval(row))}, until {row.expires_at:%H:%M:%S} UTC" for row in found]
    return fit(lines)


def approval(row: Approval) -> str:
    return f"{row.signal.action} {row.signal.symbol} by {row.strategy.slug}"


def preview(row: Approval) -> str:
    """What a yes would send, as it was when it was asked; for who may answer it."""
    parts = [
        f"{order['side']} {order['quantity']} {order['symbol']} on {one['account']}"
        for one in row.preview
        for order in one.get("orders", ())
    ]
    parts += [f"endpoint {one['endpoint']}" for one in row.preview if "endpoint" in one]
    said = "; ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
    return f" ({said})" if said else ""


def _amount(value: Decimal | None) -> str:
    return money.plain(value) or "?"


def _signed(value: Decimal | None) -> str:
    if value is None:
        return "?"
    return f"+{money.plain(value)}" if value > 0 else str(money.plain(value))
