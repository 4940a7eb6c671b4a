"""A firewall in use, for its pages."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.firewall import services
from accounts.firewall.services import Asker
from accounts.models import FirewallBan, FirewallSettings

HOUR = timedelta(hours=1)


def make(now: datetime) -> None:
    at_the_machine = Asker(name="op")
    for target, action, note in (("203.0.113.0/24", "deny", "scanners"), ("198.51.100.7", "allow", "the office")):
        services.put(target, action=action, note=note, expires_at=now + 72 * HOUR, asker=at_the_machine, now=now)
    services.put("RU", action="deny", note="", expires_at=None, asker=at_the_machine, now=now)
    FirewallSettings.objects.get_or_create(pk=1)
    FirewallBan.objects.create(
        network="192.0.2.9", reason="webhook: wrong_token", failures=30, strikes=2, banned_at=now, until=now + HOUR
    )
    FirewallBan.objects.create(
        network="2001:db8:1:2::/64", reason="wrong password at the sign-in page", failures=30,
        banned_at=now - 5 * HOUR, until=now - 4 * HOUR,
    )  # fmt: skip
