"""Reads of the firewall, for pages and the command."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import FirewallBan, FirewallRule, FirewallSettings

from . import book, concerns


def rules() -> QuerySet[FirewallRule]:
    return FirewallRule.objects.order_by("country", "network")


def bans_in_force(*, now: datetime) -> QuerySet[FirewallBan]:
    """The latest first."""
    return FirewallBan.objects.filter(until__gt=now, lifted_at=None).order_by("-banned_at")


def kept_out(*, now: datetime) -> list[str]:
    """A sentence for each expected sender whom the rules and bans in force refuse; without a query of its own."""
    return concerns.kept_out(book.current(), now=now)


def settings() -> FirewallSettings:
    return book.settings()
