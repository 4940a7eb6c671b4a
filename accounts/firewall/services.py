"""Writes of the firewall. Each is in effect on every process within a second, and each is told of.

Whoever asks from somewhere (an operator's browser) gives that address as `asker`: a change that would lock it out is
refused. The command line has none; it is the way back in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import FirewallBan, FirewallRule, FirewallSettings
from tradeops.core import clock, configuration, events
from tradeops.core import prune as _prune
from tradeops.core.errors import ConfigurationError, Conflict, Refused
from tradeops.core.events import Event, Level
from tradeops.core.network import Address

from . import book, concerns, verdict
from .bans import REPEATED_WITHIN


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks for a change. `address` is None for somebody at the machine itself."""

    name: str
    address: Address | None = None
    country: str = ""


def network(text: str) -> str:
    """A rule's network in its one spelling. Raises ConfigurationError."""
    try:
        found = book.network(text)
    except ValueError as error:
        raise ConfigurationError(f"not an address or a network such as 203.0.113.0/24: {error}") from None
    if found.is_loopback:
        raise ConfigurationError("this machine (loopback) always passes: a rule for it would do nothing")
    return str(found)


def country(text: str) -> str:
    """A country's code in capitals; T1 is Cloudflare's word for Tor. Raises ConfigurationError."""
    code = text.strip().upper()
    if not re.fullmatch(r"[A-Z][A-Z0-9]", code):
        raise ConfigurationError(f"not a country's code of two letters, such as DE: {text[:20]!r}")
    return code


def check_rule(rule: FirewallRule, *, asker: Asker, now: datetime, may_be_over: bool = False) -> None:
    """Brings the rule's target into its one spelling. Raises ConfigurationError; Refused where it locks out."""
    if bool(rule.network) == bool(rule.country):
        raise ConfigurationError("give a network or a country, one of the two")
    if rule.network:
        rule.network = network(rule.network)
    else:
        rule.country = country(rule.country)
    if rule.expires_at is not None and rule.expires_at <= now and not may_be_over:
        raise ConfigurationError("`until` is over already")
    others = FirewallRule.objects.exclude(pk=rule.pk)
    if others.filter(network=rule.network, country=rule.country).exists():
        raise ConfigurationError(f"there is a rule for {rule.target} already; change that one")
    _keep_in(asker, now=now, rules=[*others, rule])


def save_rule(rule: FirewallRule, *, asker: Asker, now: datetime, may_be_over: bool = False) -> FirewallRule:
    """Adds or changes a rule. Raises as `check_rule` does; then nothing was stored.

    `may_be_over` is for a file, which stays applicable after a rule in it has ended.
    """
    with transaction.atomic():
        check_rule(rule, asker=asker, now=now, may_be_over=may_be_over)
        new = rule.pk is None
        if new:
            rule.created_by, rule.created_at = asker.name[:150], now
        else:
            rule.changed_by, rule.changed_at = asker.name[:150], now
        rule.save()
        configuration.changed()
        what = f"{rule}{f' until {rule.expires_at:%Y-%m-%d %H:%M} UTC' if rule.expires_at else ''}"
        _tell("added" if new else "changed", f"Firewall rule {'added' if new else 'changed'}: {what}", rule, asker, now)
    return rule


def named(target: str) -> dict[str, str]:
    """What a person wrote as the fields of a rule: a single word is a country. Raises ConfigurationError."""
    if target.strip().isalnum():
        return {"network": "", "country": country(target)}
    return {"network": network(target), "country": ""}


def find(target: str) -> FirewallRule:
    """The rule for a network or country. Raises ConfigurationError where there is none."""
    rule = FirewallRule.objects.filter(**named(target)).first()
    if rule is None:
        raise ConfigurationError(f"there is no rule for {target}")
    return rule


def put(
    target: str, *, action: str, note: str, expires_at: datetime | None, asker: Asker, now: datetime
) -> FirewallRule:
    """Makes the rule for a network or country say this, whether it is there already or not."""
    fields = named(target)
    rule = FirewallRule.objects.filter(**fields).first() or FirewallRule(**fields)
    rule.action, rule.expires_at = action, expires_at
    rule.note = note or rule.note
    return save_rule(rule, asker=asker, now=now)


def delete_rule(rule: FirewallRule, *, asker: Asker, now: datetime) -> None:
    """Takes a rule away. Raises Refused where that locks the asker out."""
    with transaction.atomic():
        _keep_in(asker, now=now, rules=FirewallRule.objects.exclude(pk=rule.pk))
        _tell("removed", f"Firewall rule removed: {rule}", rule, asker, now)
        rule.delete()
        configuration.changed()


def check_settings(row: FirewallSettings, *, asker: Asker, now: datetime) -> None:
    """Raises ConfigurationError for numbers that make no sense, Refused where the default locks out."""
    if row.longest_seconds < row.ban_seconds:
        raise ConfigurationError("the longest ban cannot be shorter than the first one")
    _keep_in(asker, now=now, rules=FirewallRule.objects.all(), settings=row)


def save_settings(row: FirewallSettings, *, asker: Asker, now: datetime) -> None:
    """Raises as `check_settings` does; then nothing was stored."""
    with transaction.atomic():
        check_settings(row, asker=asker, now=now)
        row.pk = 1
        row.save()
        configuration.changed()
        _publish(
            "settings",
            f"Firewall settings changed: {row.default} whom no rule names; "
            + (f"a ban after {row.ban_after} failures" if row.ban_after else "no automatic bans"),
            {
                "default": row.default,
                "ban_after": row.ban_after,
                "within_seconds": row.within_seconds,
                "ban_seconds": row.ban_seconds,
                "longest_seconds": row.longest_seconds,
            },
            asker,
            now,
        )


def lift(ban: FirewallBan, *, asker: Asker, now: datetime) -> None:
    """Ends a ban now; the next one of this address is a first one again. Raises Conflict when it is over already."""
    with transaction.atomic():
        lifted = FirewallBan.objects.filter(pk=ban.pk, lifted_at=None, until__gt=now).update(
            lifted_at=now, lifted_by=asker.name[:150]
        )
        if not lifted:
            raise Conflict(f"the ban of {ban.network} is over already")
        configuration.changed()
        _publish("lifted", f"The ban of {ban.network} was lifted by {asker.name}", {"network": ban.network}, asker, now)


def lift_network(text: str, *, asker: Asker, now: datetime) -> list[str]:
    """Lifts every ban inside a network; returns whom. Raises ConfigurationError for what is no network."""
    try:
        wanted = book.network(text)
    except ValueError as error:
        raise ConfigurationError(f"not an address or a network such as 203.0.113.0/24: {error}") from None
    lifted = []
    for ban in FirewallBan.objects.filter(until__gt=now, lifted_at=None):
        banned = book.network(ban.network)
        if banned.version == wanted.version and (banned.subnet_of(wanted) or wanted.subnet_of(banned)):  # type: ignore[arg-type]
            lift(ban, asker=asker, now=now)
            lifted.append(ban.network)
    return lifted


def prune(*, now: datetime, dry_run: bool = False) -> int:
    """Forgets bans that no longer make the next one longer; returns how many."""
    return _prune.delete(FirewallBan.objects.filter(until__lt=now - REPEATED_WITHIN), dry_run=dry_run)


def warnings(*, now: datetime) -> list[str]:
    """Sentences about senders that the portal expects and that the rules keep out."""
    return concerns.kept_out(book.read(now=now), now=now)


def _keep_in(
    asker: Asker, *, now: datetime, rules: Iterable[FirewallRule], settings: FirewallSettings | None = None
) -> None:
    """Raises Refused if the asker, who is in now, would be kept out by these."""
    if asker.address is None:
        return
    then = book.make(rules=rules, bans={}, settings=settings or book.settings())
    if verdict.refusal(then, address=asker.address, country=lambda: asker.country, now=now):
        raise Refused(
            f"this would lock you out: you are at {asker.address}, which could no longer reach the portal. "
            f"Add a rule that allows {asker.address} first",
            code="locks_out",
        )


def _tell(word: str, title: str, rule: FirewallRule, asker: Asker, now: datetime) -> None:
    body = {
        "target": rule.target,
        "action": rule.action,
        "until": clock.iso_ms(rule.expires_at),
        "note": rule.note,
    }
    _publish(word, f"{title} (by {asker.name})", body, asker, now)


def _publish(word: str, title: str, body: Mapping[str, object], asker: Asker, now: datetime) -> None:
    level = Level.INFO if word == "lifted" else Level.WARNING
    events.publish(Event(name=f"firewall.{word}", at=now, level=level, title=title, body={**body, "by": asker.name}))
