"""Message signatures, in and out: plain HMAC-SHA256 hex, and Standard Webhooks 1.0 (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from datetime import datetime

from .errors import ConfigurationError

MIN_SECRET_LENGTH = 12
_HEX_64 = re.compile(r"[0-9a-f]{64}\Z")


def check_strength(secret: str) -> None:
    """Raises ConfigurationError for a secret of fewer than 12 characters (I6)."""
    if len(secret) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"a secret needs at least {MIN_SECRET_LENGTH} characters; this one has {len(secret)}",
            code="weak_secret",
        )


def key_bytes(secret: str) -> bytes:
    """`whsec_…` is base64, any other secret is its UTF-8 bytes (L2). Raises ConfigurationError if not base64."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigurationError("a secret that starts with whsec_ must be base64 after it") from None
    return secret.encode()


def hex_signature(secret: str, body: bytes) -> str:
    return hmac.new(key_bytes(secret), body, hashlib.sha256).hexdigest()


def hex_signature_matches(secret: str, body: bytes, given: str) -> bool:
    """Constant-time; an optional `sha256=` prefix is allowed, upper-case hex is not (I6)."""
    given = given.removeprefix("sha256=")
    expected = hex_signature(secret, body)
    well_formed = _HEX_64.match(given) is not None
    return hmac.compare_digest(expected, given if well_formed else "0" * 64) and well_formed


def webhook_headers(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """What every relayed message bears: the plain hex signature and the three Standard Webhooks headers."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    standard = base64.b64encode(hmac.new(key_bytes(secret), signed, hashlib.sha256).digest()).decode()
    return {
        "X-Webhook-Signature": hex_signature(secret, body),
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{standard}",
    }
