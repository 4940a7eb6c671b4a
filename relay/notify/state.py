"""How each channel does: whether it rests after a failure, and whether the others should be told that it fails."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from relay.models import Channel, ChannelState
from tradeops.core import events
from tradeops.core.events import Event, Level

from .rules import FAILING

# A failure that a person must mend is told at once, any other when it has lasted so long.
TOLD_AFTER = timedelta(minutes=10)
RECOVERED = "channel.recovered"


def resting(now: datetime) -> frozenset[int]:
    return frozenset(ChannelState.objects.filter(rest_until__gt=now).values_list("channel_id", flat=True))


def failed(channel: Channel, *, reason: str, mend: bool, until: datetime, now: datetime) -> None:
    """The channel rests `until` then. `mend`: a person must do something about it."""
    with transaction.atomic():
        row = _locked(channel)
        row.failures += 1
        row.failing_since = row.failing_since or now
        row.reason, row.rest_until = reason[:300], until
        if row.told_at is None and (mend or now - row.failing_since >= TOLD_AFTER):
            row.told_at = now
            title = f"Channel {channel.slug} cannot tell anybody anything: {reason}"
            _publish(FAILING, Level.ERROR, title, channel, now=now)
        row.save()


def succeeded(channel: Channel, *, now: datetime) -> None:
    """To be called after a success; it reads only, unless the channel had failed."""
    if not ChannelState.objects.filter(channel=channel, failures__gt=0).exists():
        return
    with transaction.atomic():
        row = _locked(channel)
        if row.told_at is not None and row.failing_since is not None:
            minutes = max(1, round((now - row.failing_since).total_seconds() / 60))
            title = f"Channel {channel.slug} works again, after {minutes} min; what had waited is being told"
            _publish(RECOVERED, Level.WARNING, title, channel, now=now)
        row.failures, row.failing_since, row.told_at, row.rest_until, row.reason = 0, None, None, None, ""
        row.save()


def try_again(channel: Channel) -> None:
    """Its configuration was changed: what waits need not wait for the end of the rest."""
    ChannelState.objects.filter(channel=channel).update(rest_until=None)


def _locked(channel: Channel) -> ChannelState:
    ChannelState.objects.get_or_create(channel=channel)
    return ChannelState.objects.select_for_update(no_key=True).get(channel=channel)


def _publish(name: str, level: Level, title: str, channel: Channel, *, now: datetime) -> None:
    events.publish(Event(name=name, at=now, level=level, title=title[:300], body={"channel": channel.slug}))
