"""Which Telegram chat is whose: a one-time code, made by the operator in the admin, links one (N3)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from tradeops.core import events
from tradeops.core.errors import Refused
from tradeops.core.events import Event, Level

from .models import Operator, TelegramCode, TelegramLink

GOOD_FOR = timedelta(minutes=10)
# No 0/O, 1/I/L: it may be typed. 12 of 31 characters are 59 bits, for ten minutes and ten tries.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 12


def new_code(*, person: Operator, now: datetime) -> str:
    """A code for `/start CODE`, good once and for ten minutes; those made before are good no longer."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    with transaction.atomic():
        TelegramCode.objects.filter(operator=person, used_at=None, expires_at__gt=now).update(expires_at=now)
        TelegramCode.objects.create(operator=person, code_hash=_digest(code), expires_at=now + GOOD_FOR)
    return code


def link(*, code: str, chat_id: int, name: str, now: datetime) -> TelegramLink:
    """Links the chat. Raises Refused, whose code says why for the record: the chat must not be told."""
    with transaction.atomic():
        row = TelegramCode.objects.select_for_update(of=("self",)).filter(code_hash=_digest(code.upper())).first()
        if row is None:
            raise Refused("no such code", code="unknown_code")
        if row.used_at is not None:
            raise Refused("the code was used", code="used_code")
        if row.expires_at <= now:
            raise Refused("the code came too late", code="late_code")
        person = row.operator
        if not person.is_active:
            raise Refused(f"{person} is not active", code="inactive")
        row.used_at = now
        row.save(update_fields=["used_at"])
        TelegramLink.objects.filter(chat_id=chat_id, ended_at=None).update(ended_at=now)
        made = TelegramLink.objects.create(operator=person, chat_id=chat_id, name=name[:120], linked_at=now)
        _tell("linked", made, by=person.get_username(), now=now)
    return made


def unlink(*, row: TelegramLink, by: str, now: datetime) -> bool:
    """Ends a link; whether it was still there."""
    with transaction.atomic():
        if not TelegramLink.objects.filter(pk=row.pk, ended_at=None).update(ended_at=now):
            return False
        _tell("unlinked", row, by=by, now=now)
    return True


def of_chat(chat_id: int) -> TelegramLink | None:
    """The link by which this chat may command now: its operator is active."""
    found = TelegramLink.objects.filter(chat_id=chat_id, ended_at=None, operator__is_active=True)
    return found.select_related("operator").first()


def _digest(code: str) -> str:
    return salted_hmac("accounts.TelegramCode", code, algorithm="sha256").hexdigest()


def _tell(what: str, row: TelegramLink, *, by: str, now: datetime) -> None:
    name = row.operator.get_username()
    events.publish(
        Event(
            name=f"telegram.{what}",
            at=now,
            level=Level.WARNING,
            title=f"A Telegram chat was {what} for {name} by {by}"[:300],
            body={"operator": name, "chat": str(row.chat_id), "by": by},
        )
    )
