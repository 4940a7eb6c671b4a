"""What the venue was last told of an account, where all processes see it (`accounts.brokers.base.Told`).

In the database, since that is what every process and host shares: one question by a unique key where it is known.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import VenueSetting
from tradeops.core import clock

# People change it in the venue's own app, where nobody tells us.
KNOWN_FOR = timedelta(seconds=60)
# Longer than any request to a venue takes: until then one that failed may still arrive.
UNDER_WAY = timedelta(seconds=30)


class Shared:
    """Of one account at a venue. `address` is the venue's, `owner` the key's, as for its limits."""

    def __init__(self, *, address: str, owner: str) -> None:
        self._whose = f"{owner}|{hashlib.sha256(address.encode()).hexdigest()[:12]}|"

    def known(self, what: str) -> str:
        """Empty = nobody knows, or it was told too long ago."""
        now = clock.now()
        fresh = VenueSetting.objects.filter(name=self._name(what), at__gt=now - KNOWN_FOR, at__lte=now + KNOWN_FOR)
        return fresh.values_list("value", flat=True).first() or ""

    def begin(self, what: str) -> str:
        """Nobody knows it from now on, until whoever began last says `done` with this token."""
        token, now = secrets.token_hex(8), clock.now()
        with transaction.atomic():
            row, made = VenueSetting.objects.select_for_update().get_or_create(
                name=self._name(what), defaults={"teller": token, "at": now}
            )
            if not made:
                self._take_over(row, token, now)
        return token

    def _take_over(self, row: VenueSetting, token: str, now: datetime) -> None:
        if row.teller and now - row.at < UNDER_WAY:
            row.unsure_until = now + UNDER_WAY
        row.value, row.teller, row.at = "", token, now
        row.save(update_fields=["value", "teller", "at", "unsure_until"])

    def done(self, what: str, token: str, value: str) -> None:
        """The venue has it. Kept only if nobody else has told it anything meanwhile, or may still be telling."""
        now = clock.now()
        ours = VenueSetting.objects.filter(name=self._name(what), teller=token)
        ours.exclude(unsure_until__gt=now).update(value=value, teller="", at=now)
        ours.update(teller="")

    def forget(self) -> None:
        VenueSetting.objects.filter(name__startswith=self._whose).update(value="")

    def _name(self, what: str) -> str:
        return f"{self._whose}{what}"
