"""Rows for tests, as the services would leave them. Each takes what matters to the test and fills in the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.brokers.base import Quote
from accounts.models import Account, Client
from relay.models import Endpoint
from signals.models import Decision, Order, RiskLimit, Signal, Source, Strategy
from signals.receive import Alert
from tradeops.core import configuration
from tradeops.core.ids import request_id

NOW = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def client(slug: str = "house") -> Client:
    return Client.objects.get_or_create(slug=slug, defaults={"name": slug.title()})[0]


def account(slug: str = "paper-1", **fields: Any) -> Account:
    """A paper account of 100,000 USDT without fees, priced by the message."""
    defaults = {
        "client": fields.pop("client", None) or client(),
        "broker": "paper",
        "market": "spot",
        "prices": "message",
        "currency": "USDT",
        "fee_bps": Decimal(0),
        "initial_balances": {"USDT": "100000"},
    }
    return Account.objects.create(slug=slug, **{**defaults, **fields})


def source(slug: str = "tv", **fields: Any) -> Source:
    """An active token source; nobody knows its token."""
    defaults = {"auth": "token", "token_digest": f"{abs(hash(slug)):064x}"[:64]}
    return Source.objects.create(slug=slug, **{**defaults, **fields})


def endpoint(slug: str = "vps-1", **fields: Any) -> Endpoint:
    defaults = {
        "url": "http://127.0.0.1:9/webhook",
        "secret": f"secret-of-{slug}",
        "receives": ["signals"],
    }
    return Endpoint.objects.create(slug=slug, **{**defaults, **fields})


def strategy(
    slug: str = "trend",
    *,
    accounts: list[Account] | None = None,
    endpoints: list[Endpoint] | None = None,
    sources: list[Source] | None = None,
    **fields: Any,
) -> Strategy:
    """A live strategy of BTCUSDT → BTC/USDT, fixed quantity 0.01."""
    defaults = {
        "mode": "live",
        "symbols": {"BTCUSDT": "BTC/USDT"},
        "sizing_mode": "fixed_quantity",
        "sizing_value": Decimal("0.01"),
    }
    row = Strategy.objects.create(slug=slug, **{**defaults, **fields})
    row.accounts.set(accounts or [])
    row.endpoints.set(endpoints or [])
    row.sources.set(sources or [])
    configuration.changed()
    return row


def signal(
    *strategies: Strategy, received_at: datetime | None = None, routes: list[str] | None = None, **alert: Any
) -> Signal:
    """A received signal for these strategies: buy BTCUSDT at 50000 unless told otherwise."""
    given = Alert(**{"symbol": "BTCUSDT", "action": "buy", "price": Decimal(50000), **alert})
    return Signal.objects.create(
        source=Source.objects.first(),
        request_id=request_id(),
        received_at=received_at or datetime.now(UTC),
        symbol=given.symbol,
        action=given.action or given.market_position or given.direction,
        sent_at=given.sent_at,
        data=given.to_json(),
        raw={"symbol": given.symbol, "action": given.action},
        routes=[row.slug for row in strategies] if routes is None else routes,
    )


def limit(rule: str, value: Any, *, scope: str = "global", key: str = "") -> RiskLimit:
    row = RiskLimit.objects.create(scope=scope, key=key, rule=rule, value=value)
    configuration.changed()
    return row


def quote(price: str = "50000", *, at: datetime = NOW, spread: str = "0") -> Quote:
    last, half = Decimal(price), Decimal(spread) / 2
    return Quote(symbol="BTC/USDT", bid=last - half, ask=last + half, last=last, at=at, source="test")


def order(on: Account, by: Strategy, *, number: int = 1, **fields: Any) -> Order:
    """A PENDING entry of 0.01 BTC/USDT with a quote of 50000, due now."""
    now = fields.pop("now", None) or datetime.now(UTC)
    from signals.execution import orders

    defaults = {
        "client_order_id": orders.client_order_id(
            origin="manual", origin_id=str(number), strategy=by.slug, account=on.slug, leg=0, attempt=0
        ),
        "origin": "manual",
        "origin_id": str(number),
        "mode": "paper",
        "symbol": "BTC/USDT",
        "side": "buy",
        "position_side": "long",
        "intent": "open",
        "quantity": Decimal("0.01"),
        "quote": orders.quote_to_json(quote(at=now)),
        "created_at": now,
        "due_at": now,
        "expires_at": now + timedelta(seconds=60),
    }
    return Order.objects.create(account=on, strategy=by, **{**defaults, **fields})


def decisions(of: Signal) -> list[Decision]:
    return list(of.decisions.select_related("strategy", "account", "endpoint").order_by("id"))
