"""What intake forgets: refusals after their retention (I11), and duplicate keys whose window is over (I8).

Never signals, and never the key of a signed body: it has no end, since the body is valid for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from signals.models import DedupKey, RefusedAttempt
from tradeops.core import prune

# A key is compared with a message's time of arrival, and one that arrived just before may still be on its way.
_MARGIN = timedelta(hours=1)


def refusals(*, now: datetime, dry_run: bool = False) -> int:
    """Strangers' and known sources' rows have two retentions: TRADEOPS_REFUSED_KEPT_HOURS and …_KNOWN_KEPT_DAYS."""
    strangers = RefusedAttempt.objects.filter(source_slug="", at__lt=now - settings.REFUSED_KEPT)
    known = RefusedAttempt.objects.filter(at__lt=now - settings.REFUSED_KNOWN_KEPT).exclude(source_slug="")
    return prune.delete(strangers, dry_run=dry_run) + prune.delete(known, dry_run=dry_run)


def duplicate_keys(*, now: datetime, dry_run: bool = False) -> int:
    return prune.delete(DedupKey.objects.filter(expires_at__lt=now - _MARGIN), dry_run=dry_run)
