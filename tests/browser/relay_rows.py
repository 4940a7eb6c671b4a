"""A day of health checks, a group and what was given up, for the relay's pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from relay import groups
from relay.models import Attempt, Delivery, EndpointGroup, EndpointState, HealthCheck, Message, UptimeHour
from tests import factories
from tests.life import House


def fill(home: House, *, now: datetime) -> None:
    second = factories.endpoint("vps-2", receives=["signals", "exits"])
    third = factories.endpoint("vps-3-frankfurt", active=False, disabled_reason="it answered 410 Gone")
    group = EndpointGroup.objects.create(slug="pair", mode="failover")
    groups.set_members(group=group, slugs=["vps-1", "vps-2"])
    EndpointGroup.objects.create(slug="everyone", mode="fan_out")
    home.strategy.endpoint_groups.add(group)
    for endpoint, ok, breaker in ((home.endpoint, True, "CLOSED"), (second, False, "OPEN")):
        EndpointState.objects.update_or_create(
            endpoint=endpoint,
            defaults={
                "since": now - timedelta(minutes=14), "breaker": breaker, "failures": 0 if ok else 9, "healthy": ok,
                "checked_at": now - timedelta(seconds=12), "check_ms": 23 if ok else 5000,
                "check_error": "" if ok else "no complete answer within 5 s",
                "probe_at": None if ok else now + timedelta(seconds=30),
            },
        )  # fmt: skip
        _checks(endpoint, ok_now=ok, now=now)
    for number, (minutes, reason) in enumerate(
        ((4, "the deadline passed after 6 tries; the last: HTTP 503"), (3, "superseded by 0195"), (200, "410 Gone"))
    ):
        _dead(second, number=number, at=now - timedelta(minutes=minutes), reason=reason)
    _dead(third, number=9, at=now - timedelta(minutes=1), reason="the receiver answered 410 Gone")


def _checks(endpoint, *, ok_now: bool, now: datetime) -> None:
    checks = []
    for minutes in range(0, 23 * 60, 5):
        ok = ok_now if minutes < 60 else minutes % 400 > 20
        ms = 18 + (minutes * 7) % 40 if ok else 5000
        checks.append(
            HealthCheck(
                endpoint=endpoint, at=now - timedelta(minutes=minutes, seconds=12), ok=ok, ms=ms,
                status_code=200 if ok else None, error="" if ok else "no complete answer within 5 s",
            )
        )  # fmt: skip
    HealthCheck.objects.bulk_create(checks)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for hours in range(0, 24 * 29, 6):
        UptimeHour.objects.create(
            endpoint=endpoint, hour=hour - timedelta(hours=hours), checks=120, ok=119 if ok_now else 96, ms=119 * 31
        )


def _dead(endpoint, *, number: int, at: datetime, reason: str) -> None:
    message = Message.objects.create(
        event="signal.approved", level="info", title="buy BTCUSDT approved", strategy="trend", symbol="BTC/USDT",
        created_at=at, body={"data": {"action": "buy"}},
    )  # fmt: skip
    delivery = Delivery.objects.create(
        message=message, endpoint=endpoint, type="signal", subject=f"0195-{number}", lane=f"trend|{number}",
        status="DEAD", tries=6, reason=reason, created_at=at, due_at=at, expires_at=at + timedelta(hours=1),
    )  # fmt: skip
    Attempt.objects.create(delivery=delivery, at=at, ms=12, status_code=503, answer="try later")
