"""The firewall from outside: who passes, who does not and with which word."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from accounts import firewall
from accounts.firewall import bans, services
from accounts.firewall.services import Asker
from accounts.models import FirewallRule, FirewallSettings
from tests.factories import NOW
from tradeops.core import configuration, network
from tradeops.core.errors import TradeOpsError

AT_THE_MACHINE = Asker(name="root (command line)")


@pytest.fixture(autouse=True)
def _at_noon(db):
    """Every test here has a database, and begins at NOW: bans that are over are not even read."""
    with time_machine.travel(NOW, tick=True):
        configuration.changed()
        yield


def put(*rules: str, until: datetime | None = None) -> None:
    """`allow 203.0.113.0/24` …"""
    for rule in rules:
        action, target = rule.split()
        services.put(target, action=action, note="", expires_at=until, asker=AT_THE_MACHINE, now=NOW)


def settings(**changes: object) -> FirewallSettings:
    row = FirewallSettings(pk=1, **changes)
    services.save_settings(row, asker=AT_THE_MACHINE, now=NOW)
    return row


def verdict(address: str, *, country: str = "", at: datetime = NOW) -> str:
    """`in`, or why not: what the request log would say."""
    try:
        firewall.check(address=network.parse(address) if address else None, country=lambda: country, now=at)
    except TradeOpsError as error:
        return str(error) if error.http_status == 403 else error.code
    return "in"


def fail(address: str, *, times: int = 1, at: datetime = NOW, exempt: bool = False) -> None:
    for _ in range(times):
        firewall.charge(address=network.parse(address), reason="wrong webhook secret", now=at, exempt=exempt)


def write(at: datetime = NOW) -> int:
    """What the thread does four times a second where bans wait."""
    return bans.flush(now=at)


def rules() -> list[str]:
    return [str(rule) for rule in FirewallRule.objects.order_by("pk")]


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
