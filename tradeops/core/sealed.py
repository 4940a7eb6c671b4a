"""Generated secrets that every host shares: made once, kept encrypted in the database."""

from __future__ import annotations

import hmac
import secrets

from .configuration import Cached
from .models import SealedValue

PEPPER = "token-pepper"
_known: Cached[dict[str, str]] = Cached(dict)


def value(name: str) -> str:
    """The secret of that name, generated at its first use. Raises ConfigurationError if the key ring lost its key.

    Remembered for as long as the configuration stays as it is.
    """
    known = _known()
    if name not in known:
        known[name] = _stored(name)
    return known[name]


def _stored(name: str) -> str:
    row = SealedValue.objects.filter(name=name).first()
    if row is None:
        SealedValue.objects.bulk_create([SealedValue(name=name, value=secrets.token_hex(32))], ignore_conflicts=True)
        row = SealedValue.objects.get(name=name)
    return row.value


def adopt(name: str, text: str) -> None:
    """Takes over another instance's value, whose digests are to be good here. What was made under the present one is
    worth nothing afterwards. The caller calls `configuration.changed()` in the same transaction."""
    SealedValue.objects.update_or_create(name=name, defaults={"value": text})
    _known().pop(name, None)


def pepper() -> bytes:
    return bytes.fromhex(value(PEPPER))


def token_digest(token: str) -> str:
    """HMAC-SHA256 of a bearer token under the pepper: what is stored instead of the token (I6)."""
    return digest(pepper(), token)


def digest(key: bytes, token: str) -> str:
    """`token_digest` for who keeps the pepper at hand."""
    return hmac.digest(key, token.encode("utf-8", "surrogatepass"), "sha256").hex()
