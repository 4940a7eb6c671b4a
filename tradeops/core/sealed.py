"""Generated secrets that every host shares: made once, kept encrypted in the database."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache

from .models import SealedValue


@lru_cache(maxsize=8)
def value(name: str) -> str:
    """The secret of that name, generated at its first use. Raises ConfigurationError if the key ring lost its key."""
    SealedValue.objects.bulk_create([SealedValue(name=name, value=secrets.token_hex(32))], ignore_conflicts=True)
    return SealedValue.objects.get(name=name).value


def token_digest(token: str) -> str:
    """HMAC-SHA256 of a bearer token under the pepper: what is stored instead of the token (I6)."""
    return hmac.new(
        bytes.fromhex(value("token-pepper")), token.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()
