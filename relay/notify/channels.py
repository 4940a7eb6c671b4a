"""What a channel must be to tell anybody anything: the same rules for the admin and for the configuration file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from relay.delivery.address import check_url
from relay.models import Channel, Message, Notification
from tradeops.core import rows, signing
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.events import Event, Level
from tradeops.core.network import Network

from . import hours, rules, sender

TEST = "channel.test"
LONGEST_DIGEST = 1440
# Telegram: a user or group (negative) by number, or a public channel by name
CHAT = re.compile(r"-?[0-9]+|@[A-Za-z][A-Za-z0-9_]+")
ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
PATTERN = re.compile(r"\*|[a-z_]+(\.[a-z_]+)*(\.\*)?")


def check(row: Channel, *, networks: Sequence[Network] | None = None) -> None:
    """Raises ConfigurationError with one sentence that begins with the field. `networks`: as `check_url` has it."""
    _check_place(row, networks)
    _check_hours(row)
    for name, values in (("events", row.events), ("strategies", row.strategies), ("accounts", row.accounts)):
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ConfigurationError(f'{name}: must be a list of names, such as ["order.*"]')
    for pattern in row.events:
        if not PATTERN.fullmatch(pattern):
            raise ConfigurationError(f"events: {pattern[:60]!r} is no event such as order.filled, nor order.*, nor *")


def _check_place(row: Channel, networks: Sequence[Network] | None) -> None:
    if row.kind == "telegram" and not CHAT.fullmatch(row.target):
        raise ConfigurationError("target: Telegram needs a chat id, such as -1001234 or @channel")
    if row.kind == "email":
        _check_address(row.target)
    if row.kind == "slack":
        _check_slack(row, networks)
    if row.kind == "webhook":
        check_url(row.target, networks=networks)
        if not row.secret:
            raise ConfigurationError("secret: a webhook needs one to be signed with")
        signing.check_strength(row.secret)
        signing.key_bytes(row.secret)


def _check_address(target: str) -> None:
    if not target and not settings.ALERT_EMAIL:
        raise ConfigurationError("target: give an address, or set ALERT_EMAIL")
    if target and not ADDRESS.fullmatch(target):
        raise ConfigurationError(f"target: {target[:60]!r} is no mail address")


def _check_slack(row: Channel, networks: Sequence[Network] | None) -> None:
    if row.target:
        raise ConfigurationError("target: a Slack channel has none; its webhook URL is its secret")
    if not row.secret and not settings.SLACK_WEBHOOK_URL:
        raise ConfigurationError("secret: give Slack's webhook URL, or set SLACK_WEBHOOK_URL")
    if row.secret:
        check_url(row.secret, networks=networks)


def _check_hours(row: Channel) -> None:
    if (row.quiet_from is None) != (row.quiet_to is None):
        raise ConfigurationError("quiet_from: quiet hours need both a beginning and an end")
    if row.quiet_from is not None and row.quiet_from == row.quiet_to:
        raise ConfigurationError("quiet_to: must not be the beginning; it would be quiet always or never")
    try:
        ZoneInfo(row.time_zone)
    except (KeyError, OSError, ValueError):
        raise ConfigurationError(
            f"time_zone: {row.time_zone[:60]!r} is no time zone such as Europe/Berlin, America/New_York or UTC"
        ) from None
    if row.digest_minutes > LONGEST_DIGEST:
        raise ConfigurationError(f"digest_minutes: at most {LONGEST_DIGEST}, a day")


def send_test(channel: Channel, *, by: str, now: datetime) -> Notification:
    """A real message through the channel, sent in the caller's thread; what came of it is in the row it returns.

    It goes the way of every other: leased, told, written down. Should this process die, the cluster sends it.
    Raises Conflict where the channel is switched off.
    """
    if not channel.active or channel.retired_at is not None:
        raise Conflict(f"{channel} is switched off: nothing is told through it. Switch it on first.")
    message = Message(
        event=TEST, level=Level.INFO.value, title=f"A test message of {channel.slug}, sent by {by}", created_at=now,
        body={"note": "Nothing has happened: this shows that messages arrive."},
    )  # fmt: skip
    with transaction.atomic():
        rows.insert(message)
        row = Notification(
            message=message,
            channel=channel,
            created_at=now,
            due_at=now + rules.SETTLE * 30,
            held=Notification.Held.TEST,
        )
        rows.insert(row)
    sender.tell_now(row.pk)
    row.refresh_from_db()
    return row


def preview(channel: Channel, messages: Sequence[Message]) -> list[tuple[Message, str]]:
    """Which of these messages it would get under its rule, and when: at once, or held and why."""
    rule = rules.of(channel)
    found = []
    for message in messages:
        event = Event(
            name=message.event, at=message.created_at, level=Level(message.level), title=message.title,
            strategy=message.strategy, account=message.account, body=message.body,
        )  # fmt: skip
        if rule.wants(event):
            due_at, held = rule.when(event)
            found.append((message, f"{due_at:%H:%M} UTC, {Notification.Held(held).label}" if held else "at once"))
    return found


def described(channel: Channel) -> list[str]:
    """Its rule in sentences."""
    rule = rules.of(channel)
    told = [f"Gets {rule.level.value} and worse of {', '.join(rule.patterns) or 'no event'}{_only(rule)}."]
    if rule.quiet is not None:
        told.append(f"Quiet {_clock(rule.quiet)}: then only criticals, the rest in one digest afterwards.")
    if rule.digest_minutes:
        told.append(f"One digest every {rule.digest_minutes} minutes; criticals at once.")
    elif rule.rate_cap:
        told.append(f"More than {rule.rate_cap} of one event in a minute come as one message.")
    if rule.escalation:
        minutes = round(settings.ALARM_ESCALATE.total_seconds() / 60)
        told.append(f"Gets every critical alert that nobody has acknowledged after {minutes} minutes.")
    return told


def _only(rule: rules.Rule) -> str:
    parts = [
        f"{word} {', '.join(sorted(slugs))}"
        for word, slugs in (("strategy", rule.strategies), ("account", rule.accounts))
        if slugs
    ]
    return f", only for {' and '.join(parts)}" if parts else ""


def _clock(quiet: hours.Quiet) -> str:
    return f"from {quiet.start:%H:%M} to {quiet.end:%H:%M} ({quiet.zone.key})"
