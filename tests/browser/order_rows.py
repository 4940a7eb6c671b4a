"""What a venue leaves behind on a bad day: an order in doubt with its answers, differences, trades made by hand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

from accounts.models import Account
from signals.models import (
    ExternalPosition,
    ExternalTrade,
    Fill,
    Order,
    OrderAnswer,
    OrderStep,
    Position,
    Reconciliation,
    ReconciliationCursor,
    SymbolBlock,
    VenueDifference,
)
from tests import factories
from tradeops.core import configuration

SWAP = "BTC/USDT:USDT"


def fill(home, *, now: datetime) -> SimpleNamespace:
    account = factories.account("okx-desk", broker="okx", market="swap", sandbox=True, external_trades="block")
    home.strategy.accounts.add(account)
    configuration.changed()
    made = SimpleNamespace(account=account)
    made.unknown = _order(
        home, account, 71, now=now - timedelta(seconds=48), status="UNKNOWN", code="unknown",
        message="the venue did not answer within 10 s", unknown_since=now - timedelta(seconds=38),
    )  # fmt: skip
    _steps(made.unknown, ("created", 0, "buy 0.05 BTC/USDT:USDT"), ("instrument", 6, "lot 0.001, min 0.001"),
           ("max_size", 6, "the venue allows 4.12"), ("round", 7, "0.0512 → 0.05"), ("sent", 12, "to okx"),
           ("unknown", 10_012, "the venue did not answer within 10 s"))  # fmt: skip
    for number, (call, outcome, body) in enumerate((
        ("place", "unknown", ""),
        ("fetch", "none", json.dumps({"code": "51603", "data": [], "msg": "Order does not exist"})),
    )):  # fmt: skip
        OrderAnswer.objects.create(order=made.unknown, call=call, at=now - timedelta(seconds=38 - number * 20),
                                   ms=10_000 if number == 0 else 41, outcome=outcome, body=body)  # fmt: skip
    made.resting = _order(home, account, 72, now=now - timedelta(minutes=3), status="PARTIALLY_FILLED", type="limit",
                          price=Decimal("49200.5"), filled_quantity=Decimal("0.02"), average_price=Decimal("49200.5"),
                          venue_order_id="2510789768709120000",
                          attached=[{"kind": "stop_loss", "trigger": "48000", "share": "1"}])  # fmt: skip
    _steps(made.resting, ("created", 0, "buy 0.05 BTC/USDT:USDT limit 49200.5"), ("sent", 11, "to okx"),
           ("open", 49, ""), ("partially_filled", 65_049, "0.02 at 49200.5 (poll)"))  # fmt: skip
    OrderAnswer.objects.create(
        order=made.resting, call="place", at=now, ms=38, outcome="OPEN",
        body=json.dumps({"code": "0", "data": [{"clOrdId": made.resting.client_order_id, "ordId": "2510789768709120000",
                                                "sCode": "0", "sMsg": ""}], "inTime": "1763742000123000"}),
    )  # fmt: skip
    Fill.objects.create(order=made.resting, account=account, trade_id="t-72", symbol=SWAP, side="buy",
                        quantity=Decimal("0.02"), price=Decimal("49200.5"), fee=Decimal("0.492005"),
                        fee_currency="USDT", at=now - timedelta(minutes=2))  # fmt: skip
    Position.objects.create(strategy=home.strategy, account=account, symbol=SWAP, side="long", quantity=Decimal("0.12"),
                            average_price=Decimal("49310.25"), is_open=True, mark_price=49000, marked_at=now,
                            opened_at=now, updated_at=now)  # fmt: skip
    made.difference = VenueDifference.objects.create(
        account=account, kind="position", symbol=SWAP, ours="0.12", venue="0.17", last_seen_at=now,
        first_seen_at=now - timedelta(minutes=4),
        detail="Here: strategies 0.12, external 0. Compare the venue's history of this symbol with the fills here. If "
        "the difference is nobody's position, count it as external.",
    )  # fmt: skip
    VenueDifference.objects.create(
        account=account, kind="order", symbol=SWAP, reference=made.resting.client_order_id, ours="PARTIALLY_FILLED",
        venue="not there", first_seen_at=now - timedelta(minutes=1), last_seen_at=now,
        detail="The venue does not know this order. Look it up at the venue; if it is gone there, cancel it here.",
    )  # fmt: skip
    trade = _trade(account, now=now, cause="hand", quantity="0.05", side="buy")
    made.block = SymbolBlock.objects.create(account=account, symbol=SWAP, trade=trade, since=now)
    _trade(account, now=now, cause="liquidation", quantity="0.2", side="sell")
    ExternalPosition.objects.create(account=account, symbol=SWAP, quantity=Decimal("-0.15"), updated_at=now)
    ReconciliationCursor.objects.create(account=account, trades_until=now, baseline_at=now, due_at=now)
    for minute, (cause, count, problem) in enumerate((
        ("start", 0, ""), ("regular", 0, "the venue did not answer within 10 s"), ("demand", 2, ""),
    )):  # fmt: skip
        at = now - timedelta(minutes=9 - minute)
        Reconciliation.objects.create(
            account=account, cause=cause, started_at=at, problem=problem, differences=count, orders=3, trades=1,
            positions=2, finished_at=at + timedelta(milliseconds=640),
        )  # fmt: skip
    return made


def _order(home, account: Account, number: int, *, now: datetime, **fields) -> Order:
    return factories.order(
        account, home.strategy, number=number, symbol=SWAP, quantity=Decimal("0.05"), sent_quantity=Decimal("0.05"),
        mode="live", now=now, sent_at=now, **fields,
    )  # fmt: skip


def _steps(order: Order, *steps: tuple[str, int, str]) -> None:
    for name, ms, detail in steps:
        OrderStep.objects.create(
            order=order, step=name, at=order.created_at + timedelta(milliseconds=ms), detail=detail
        )


def _trade(account: Account, *, now: datetime, cause: str, quantity: str, side: str) -> ExternalTrade:
    return ExternalTrade.objects.create(
        account=account, trade_id=f"t-{cause}", symbol=SWAP, side=side, quantity=Decimal(quantity), cause=cause,
        price=Decimal("49180.1"), fee=Decimal("1.23"), fee_currency="USDT", at=now, recorded_at=now,
    )  # fmt: skip
