"""One-time codes of an authenticator app (TOTP, RFC 6238), one device a person.

The row is django-otp's, and so are the arithmetic, the back-off after wrong codes (1, 2, 4 … s) and the memory that
lets no code pass twice. It would keep the secret in hex as it is; here it is encrypted under the key ring and bound to
its person, so a stolen copy of the database makes no codes. It is shown once, while the app is being set up.
"""

from __future__ import annotations

import math
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from django.db import transaction
from django_otp.models import MAX_THROTTLE_DELAY_SECONDS
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from tradeops.core import crypto, events
from tradeops.core.errors import Conflict, Refused
from tradeops.core.events import Event, Level

from .models import Operator

ISSUER = "TradeOps"
DIGITS = 6
# RFC 4226 wants 128 bits at least. Characters of 7 bits are 140, and as text of 20 bytes the sealed form fits the row.
_KEY_BYTES = 20
_NAME = "authenticator"
# After how many wrong codes in a row somebody is told.
_LOUD = {3: Level.WARNING, 10: Level.CRITICAL}


@dataclass(frozen=True)
class Setup:
    """What the app is told, to be shown once. `secret` is in base32, as a person would type it."""

    secret: str
    uri: str


def enrolled(person: Operator) -> bool:
    return TOTPDevice.objects.filter(user=person, confirmed=True).exists()


def begin(*, person: Operator) -> Setup:
    """A new secret that counts once `confirm` has seen a code made with it; what was begun before is forgotten.

    Raises Conflict while there is a device: whoever has a session only could replace it by one of their own.
    """
    key = "".join(chr(secrets.randbelow(128)) for _ in range(_KEY_BYTES))
    with transaction.atomic():
        if enrolled(person):
            raise Conflict("there is an authenticator already; remove it first, with a code of its own")
        TOTPDevice.objects.filter(user=person, confirmed=False).delete()
        device = TOTPDevice(user=person, name=_NAME, confirmed=False, digits=DIGITS)
        device.key = crypto.encrypt(key, place=_place(person))
        device.save()
    secret = b32encode(key.encode()).decode()
    label = quote(f"{ISSUER}:{person.get_username()}")
    asked = urlencode({"secret": secret, "issuer": ISSUER, "digits": DIGITS, "period": device.step})
    return Setup(secret, f"otpauth://totp/{label}?{asked}")


def confirm(*, person: Operator, code: str, now: datetime) -> None:
    """Takes the device that was begun into use. Raises Refused for a wrong code, Conflict when none was begun."""
    with transaction.atomic():
        device = _device(person, confirmed=False)
        if device is None:
            raise Conflict("no authenticator is being set up; begin again")
        problem = _try(device, person, code, now)
        if not problem:
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            _tell("enrolled", person, by=person.get_username(), now=now)
    if problem:
        raise Refused(problem, code="wrong_code")


def verify(*, person: Operator, code: str, now: datetime) -> None:
    """Raises Refused, saying why, unless `code` is this person's, of now, and was not used before.

    A wrong code is counted even when the caller's own work is then rolled back or never begun: not to be called inside
    a transaction that this error ends.
    """
    with transaction.atomic():
        device = _device(person, confirmed=True)
        problem = NOT_ENROLLED if device is None else _try(device, person, code, now)
    if problem:
        raise Refused(problem, code="not_enrolled" if device is None else "wrong_code")


NOT_ENROLLED = "you have no authenticator yet; sign in to the portal and set one up under Authenticator"


def remove(*, person: Operator, by: str, now: datetime) -> bool:
    """Forgets the device; whoever calls has made sure that `by` may. Whether there was one."""
    with transaction.atomic():
        removed, _ = TOTPDevice.objects.filter(user=person).delete()
        if removed:
            _tell("removed", person, by=by, now=now)
    return bool(removed)


def _device(person: Operator, *, confirmed: bool) -> TOTPDevice | None:
    # Locked: two tries at once would otherwise both find the code unused.
    return TOTPDevice.objects.select_for_update().filter(user=person, confirmed=confirmed).first()


def _try(device: TOTPDevice, person: Operator, code: str, now: datetime) -> str:
    """Empty when the code is right; else why not. `device` is locked."""
    if (seconds := _locked_for(device, now)) > 0:
        return f"too many wrong codes: wait {math.ceil(seconds)} s, then use a new one"
    totp = TOTP(_key(device, person), device.step, device.t0, device.digits, device.drift)
    totp.time = now.timestamp()
    well_formed = len(code) == device.digits and code.isascii() and code.isdecimal()
    if well_formed and totp.verify(int(code), device.tolerance, device.last_t + 1):
        device.last_t, device.drift = totp.t(), totp.drift
        device.throttle_reset(commit=False)
        device.save()
        return ""
    device.throttle_increment(commit=False)
    device.throttling_failure_timestamp = now
    device.save()
    if level := _LOUD.get(device.throttling_failure_count):
        name, count = person.get_username(), device.throttling_failure_count
        title = f"{count} wrong one-time codes in a row for {name}: it may be somebody else who tries"
        events.publish(
            Event(
                name="operator.wrong_codes", at=now, level=level, title=title, body={"operator": name, "count": count}
            )
        )
    return "that code is wrong, late or used already"


def _locked_for(device: TOTPDevice, now: datetime) -> float:
    """Seconds, as `ThrottlingMixin.verify_is_allowed` has it, but by `now`."""
    if not device.throttling_failure_count or device.throttling_failure_timestamp is None:
        return 0
    delay = min(2 ** (device.throttling_failure_count - 1), MAX_THROTTLE_DELAY_SECONDS)
    return delay - (now - device.throttling_failure_timestamp).total_seconds()


def _key(device: TOTPDevice, person: Operator) -> bytes:
    return crypto.decrypt(device.key, place=_place(person)).encode()


def _place(person: Operator) -> str:
    return f"otp_totp.TOTPDevice.key:{person.pk}"


def _tell(what: str, person: Operator, *, by: str, now: datetime) -> None:
    name = person.get_username()
    events.publish(
        Event(
            name=f"operator.authenticator_{what}",
            at=now,
            level=Level.WARNING,
            title=f"The authenticator of {name} was {what} by {by}",
            body={"operator": name, "by": by},
        )
    )


def devices() -> int:
    return TOTPDevice.objects.count()


def renew(*, dry_run: bool = False) -> int:
    """Encrypts the secrets of all devices under the newest key of the ring; how many were under another.

    Raises ConfigurationError for one that no key opens.
    """
    done = 0
    for device in TOTPDevice.objects.select_related("user").order_by("pk"):
        if crypto.is_current(device.key):
            continue
        plain = crypto.decrypt(device.key, place=_place(device.user))
        fresh = crypto.encrypt(plain, place=_place(device.user))
        done += 1 if dry_run else TOTPDevice.objects.filter(pk=device.pk, key=device.key).update(key=fresh)
    return done
