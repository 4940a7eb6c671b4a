"""What a sender is to be told (address, message, headers), and what a source still lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from signals.intake import sources
from signals.models import AddressList, Source

PLACEHOLDER = "SECRET"

# For an alert on a strategy: the position to be in, which is right whatever was missed. The size is the strategy's.
_FIELDS = {
    "symbol": "{{exchange}}:{{ticker}}",
    "action": "{{strategy.order.action}}",
    "market_position": "{{strategy.market_position}}",
    "price": "{{close}}",
    "timeframe": "{{interval}}",
    "timestamp": "{{timenow}}",
}


@dataclass(frozen=True)
class Text:
    """Something to copy, and what it is for."""

    title: str
    note: str
    text: str


def texts(source: Source, *, secret: str = PLACEHOLDER) -> list[Text]:
    """In the order of use; with `secret` in its places, or a word that stands for it."""
    url = f"{settings.ENV.base_url}/webhook/{source.slug}"
    message = {**_FIELDS, **{name: "" for name in source.require if name not in _FIELDS}}
    if source.auth == Source.Auth.TOKEN:
        return [
            Text("Webhook URL", "With the token in the message below: the URL may be seen.", url),
            Text(
                "TradingView message", "For an alert on a strategy; the token is in it.",
                _json({**message, "token": secret}),
            ),
            Text("Webhook URL with the token", "Instead of the token in the message: the URL is the secret then.",
                 f"{url}/{secret}"),
            Text("TradingView message without the token", "Goes with the URL above.", _json(message)),
        ]  # fmt: skip
    texts = [Text("Webhook URL", "Signed messages are posted here.", url)]
    if source.default:
        texts.append(Text("Webhook URL without the name", "It finds the source by its signature.",
                          f"{settings.ENV.base_url}/webhook"))  # fmt: skip
    return [*texts, _signing(source)]


def _signing(source: Source) -> Text:
    if source.auth == Source.Auth.STANDARD:
        return Text(
            "Headers", "Standard Webhooks (standardwebhooks.com): any of its libraries makes them.",
            "webhook-id: unique for each message\nwebhook-timestamp: seconds since 1970, at most 5 minutes off\n"
            "webhook-signature: v1,BASE64(HMAC-SHA256(secret, id.timestamp.body))",
        )  # fmt: skip
    return Text(
        "Header", "Over the exact bytes of the body, which must carry timestamp or id.",
        "X-Webhook-Signature: HEX(HMAC-SHA256(secret, body))",
    )  # fmt: skip


def _json(fields: dict[str, str]) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Hint:
    tone: str  # good, warn, bad
    text: str


def hints(source: Source, *, now: datetime) -> list[Hint]:
    """What keeps the source from working, or makes it less safe than it could be; the worst first."""
    order = ("bad", "warn", "good")
    return sorted([*_working(source), *_safe(source, now)], key=lambda hint: order.index(hint.tone))


def _working(source: Source) -> Iterator[Hint]:
    if source.retired_at is not None or not source.active:
        yield Hint("bad", "It is off: every message is refused.")
    fed = [row.slug for row in source.strategies.filter(retired_at=None).exclude(mode="off").order_by("slug")]
    if fed:
        yield Hint("good", f"It feeds {', '.join(fed)}.")
    else:
        yield Hint("bad", "It feeds no strategy that is on: its signals are stored and rejected.")
    lists = AddressList.objects.filter(slug=sources.TRADINGVIEW)
    if sources.TRADINGVIEW in source.allowed_ips and not lists.exists():
        yield Hint("bad", "tradingview is allowed, but there is no address list of that name: it admits nobody.")
    if not settings.ENV.public_url:
        yield Hint("warn", "TRADEOPS_PUBLIC_URL is not set: the addresses below are good on this machine only.")


def _safe(source: Source, now: datetime) -> Iterator[Hint]:
    if source.auth == Source.Auth.TOKEN and not source.allowed_ips:
        yield Hint(
            "warn",
            "Any address may send. Whoever sees the alert's message can read its token: allow tradingview, or your "
            "own networks, in allowed ips.",
        )
    if source.previous_until and source.previous_until > now:
        yield Hint("warn", f"The previous secret is good too, until {source.previous_until:%Y-%m-%d %H:%M} UTC.")
    if not source.rate_limit:
        yield Hint("warn", "There is no limit to its messages: rate limit is 0.")
    if source.expect_every is None:
        yield Hint("warn", "Its silence goes unnoticed: say in expect every how often it is to be heard of.")


def page(source: Source, *, now: datetime) -> dict[str, Any]:
    return {"texts": texts(source), "hints": hints(source, now=now), "by_token": source.auth == Source.Auth.TOKEN}
