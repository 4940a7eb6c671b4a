"""A signal's whole life in rows, as the pipeline, the relay and the notifier leave them: for pages that show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Account
from relay.models import Attempt, Channel, Delivery, Endpoint, Message, Notification
from signals.models import (
    BridgeReport,
    Decision,
    Difference,
    ExpiryWarning,
    Fill,
    Order,
    OrderStep,
    Position,
    RoundTrip,
    Signal,
    Silence,
    Source,
    Strategy,
    WatchRound,
    WorkItem,
)
from tests import factories

RULES = [
    {"rule": "kill_switch", "verdict": "PASS", "value": "off", "limit": "off"},
    {"rule": "stale", "verdict": "PASS", "value": "0.2", "limit": "60"},
    {"rule": "max_order_notional", "verdict": "PASS", "value": "500", "limit": "10000"},
]
TOO_BIG = [*RULES[:2], {"rule": "max_order_notional", "verdict": "FAIL", "value": "50000", "limit": "10000"}]


@dataclass
class House:
    """One strategy, fed by one source, on two accounts of two clients and one endpoint, told to one channel."""

    source: Source
    accounts: list[Account]
    endpoint: Endpoint
    strategy: Strategy
    channel: Channel


def house() -> House:
    accounts = [
        factories.account("paper-1", client=factories.client("house")),
        factories.account("paper-2", client=factories.client("other")),
    ]
    source, endpoint = factories.source(), factories.endpoint()
    return House(
        source=source,
        accounts=accounts,
        endpoint=endpoint,
        strategy=factories.strategy(accounts=accounts, endpoints=[endpoint], sources=[source]),
        channel=Channel.objects.create(slug="ops", kind="telegram", target="1", events=["*"], level="info"),
    )


def traded(home: House, *, at: datetime) -> Signal:
    """Approved for every account and the endpoint, filled at 50000, delivered on the second try, notified."""
    signal = factories.signal(home.strategy, received_at=at)
    signal.source = home.source
    signal.status, signal.relay, signal.decided_at = "APPROVED", "DELIVERED", at + timedelta(milliseconds=12)
    signal.save()
    WorkItem.objects.create(signal=signal, strategy=home.strategy, lane="trend BTCUSDT", state="done", due_at=at)
    for number, account in enumerate(home.accounts):
        _fill(signal, home, account, at=at, number=number)
    Decision.objects.create(
        signal=signal, strategy=home.strategy, endpoint=home.endpoint, engine="A", outcome="APPROVED", mode="live",
        rules=RULES[:2], decided_at=at + timedelta(milliseconds=12),
    )  # fmt: skip
    _deliver(signal, home, at=at)
    return signal


def _fill(signal: Signal, home: House, account: Account, *, at: datetime, number: int) -> None:
    def after(ms: int) -> datetime:
        return at + timedelta(milliseconds=ms + number)

    decision = Decision.objects.create(
        signal=signal, strategy=home.strategy, account=account, engine="A", outcome="APPROVED", intent="open",
        mode="live", reason="", rules=RULES, enrichment={"bid": "50000", "ask": "50000", "source": "message"},
        decided_at=after(10),
    )  # fmt: skip
    order = Order.objects.create(
        client_order_id=f"{signal.pk:08d}{account.pk:024d}", venue_order_id=f"p{signal.pk}{account.pk}",
        origin_id=signal.public_id, signal=signal, decision=decision, strategy=home.strategy, account=account,
        mode="paper", symbol="BTC/USDT", side="buy", position_side="long", intent="open", quantity=Decimal("0.01"),
        sent_quantity=Decimal("0.01"), filled_quantity=Decimal("0.01"), average_price=Decimal("50000.00"),
        status="FILLED", created_at=after(12), sent_at=after(20), finished_at=after(24), due_at=after(12),
        expires_at=after(60_000),
    )  # fmt: skip
    for step, ms, detail in (
        ("created", 12, ""), ("instrument", 16, "lot 0.00001"), ("size", 17, "0.01"), ("round", 18, "0.01"),
        ("client_order_id", 18, order.client_order_id), ("sent", 20, ""), ("filled", 24, "0.01 at 50000"),
    ):  # fmt: skip
        OrderStep.objects.create(order=order, step=step, at=after(ms), detail=detail)
    Fill.objects.create(
        order=order, account=account, trade_id=f"t{order.pk}", symbol="BTC/USDT", side="buy",
        quantity=Decimal("0.01"), price=Decimal("50000.00"), fee=Decimal("0.50"), fee_currency="USDT", at=after(23),
    )  # fmt: skip
    Position.objects.update_or_create(
        strategy=home.strategy, account=account, symbol="BTC/USDT", side="long",
        defaults={
            "quantity": Decimal("0.01"), "average_price": Decimal(50000), "entries": 1, "fees": Decimal("0.5"),
            "is_open": True, "opened_at": after(24), "updated_at": after(24),
        },
    )  # fmt: skip
    RoundTrip.objects.get_or_create(
        strategy=home.strategy, account=account, symbol="BTC/USDT", side="long", closed_at=None,
        defaults={
            "entered": Decimal("0.01"), "entry_value": Decimal(500), "fees": Decimal("0.5"), "opened_at": after(24),
            "opened_by": signal,
        },
    )  # fmt: skip
    filled = Message.objects.create(
        event="order.filled", level="info", title=f"Bought 0.01 BTC/USDT on {account}", signal=signal.public_id,
        strategy="trend", account=account.slug, symbol="BTC/USDT", created_at=after(24),
    )  # fmt: skip
    Notification.objects.create(
        message=filled, channel=home.channel, status="SENT", tries=1, created_at=after(24), due_at=after(24),
        sent_at=after(180),
    )  # fmt: skip


def _deliver(signal: Signal, home: House, *, at: datetime) -> None:
    approved = Message.objects.create(
        event="signal.approved", level="info", title="buy BTCUSDT approved", signal=signal.public_id,
        strategy="trend", symbol="BTCUSDT", created_at=at + timedelta(milliseconds=12),
    )  # fmt: skip
    delivery = Delivery.objects.create(
        message=approved, endpoint=home.endpoint, type="signal", subject=signal.public_id, lane="trend BTCUSDT",
        status="DELIVERED", tries=2, created_at=at + timedelta(milliseconds=12), due_at=at,
        expires_at=at + timedelta(seconds=60), delivered_at=at + timedelta(milliseconds=540),
    )  # fmt: skip
    Attempt.objects.create(delivery=delivery, at=at + timedelta(milliseconds=20), ms=4, error="connection refused")
    Attempt.objects.create(
        delivery=delivery, at=at + timedelta(milliseconds=534), ms=6, status_code=200, answer='{"ok": true}'
    )


def rejected(home: House, *, at: datetime, raw: dict[str, str] | None = None) -> Signal:
    """Too big for every account: one warning, nothing ordered, nothing sent."""
    signal = factories.signal(home.strategy, received_at=at, quantity=Decimal(1))
    signal.source, signal.status, signal.decided_at = home.source, "REJECTED", at + timedelta(milliseconds=9)
    signal.raw = raw or signal.raw
    signal.save()
    WorkItem.objects.create(signal=signal, strategy=home.strategy, lane="trend BTCUSDT", state="done", due_at=at)
    for account in home.accounts:
        Decision.objects.create(
            signal=signal, strategy=home.strategy, account=account, engine="A", outcome="REJECTED", mode="live",
            reason="the order is worth 50000 USDT, the limit is 10000", rules=TOO_BIG,
            decided_at=at + timedelta(milliseconds=9),
        )  # fmt: skip
    Message.objects.create(
        event="signal.rejected", level="warning", title="buy BTCUSDT was rejected for trend: the order is too big",
        signal=signal.public_id, strategy="trend", symbol="BTCUSDT", created_at=at + timedelta(milliseconds=9),
    )  # fmt: skip
    return signal


def watched(home: House, *, at: datetime) -> None:
    """What the watch and a bridge leave: a silent source, a difference, a warning, and reports of the first signal."""
    Source.objects.filter(pk=home.source.pk).update(expect_every=300)
    Strategy.objects.filter(pk=home.strategy.pk).update(expect_every=3600)
    Silence.objects.create(
        source=home.source, since=at - timedelta(hours=3), heard_at=at - timedelta(minutes=9), silent_at=at
    )
    Silence.objects.create(strategy=home.strategy, since=at - timedelta(hours=3))
    Difference.objects.create(
        strategy=home.strategy, account=home.accounts[0], symbol="BTC/USDT", told="flat", held="long 0.01",
        signal="0" * 36, since=at - timedelta(minutes=4),
    )  # fmt: skip
    ExpiryWarning.objects.create(strategy=home.strategy, expires_on=at.date(), days_before=7, warned_at=at)
    WatchRound.objects.create(looked_at=at)
    signal = Signal.objects.earliest("pk")
    for number, (status, message) in enumerate((("filled", ""), ("rejected", "There is not enough money"))):
        BridgeReport.objects.create(
            endpoint=home.endpoint, report_id=f"r{number}", digest="0" * 64, subject=signal.public_id, signal=signal,
            status=status, symbol="BTCUSD", side="buy", quantity=Decimal("0.01"), message=message,
            filled_quantity=Decimal("0.01") if status == "filled" else None, code="10019" if message else "",
            price=Decimal("50000.00") if status == "filled" else None, result="kept", reported_at=at, received_at=at,
            request_id=signal.request_id,
        )  # fmt: skip
