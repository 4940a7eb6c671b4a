"""Message signatures, in and out: plain HMAC-SHA256 hex, and Standard Webhooks 1.0 (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import datetime

from .errors import ConfigurationError

MIN_SECRET_LENGTH = 12
PREFIX = "whsec_"
MOST_SIGNATURES = 8  # in one header; a sender that rotates has two
_HEX_64 = re.compile(r"[0-9a-f]{64}\Z")
_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,200}\Z")  # without the dot that ends it in what is signed
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}\Z", re.ASCII)


def check_strength(secret: str) -> None:
    """Raises ConfigurationError for a secret of fewer than 12 characters (I6), or a `whsec_` one of as few bytes."""
    if secret.startswith(PREFIX) and len(key_bytes(secret)) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"a secret that starts with {PREFIX} needs at least {MIN_SECRET_LENGTH} bytes in base64 after it",
            code="weak_secret",
        )
    if len(secret) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            f"a secret needs at least {MIN_SECRET_LENGTH} characters; this one has {len(secret)}",
            code="weak_secret",
        )


def key_bytes(secret: str) -> bytes:
    """`whsec_…` is base64, any other secret is its UTF-8 bytes (L2). Raises ConfigurationError if not base64."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigurationError("a secret that starts with whsec_ must be base64 after it") from None
    return secret.encode()


def hex_signature(secret: str, body: bytes) -> str:
    return hmac.digest(key_bytes(secret), body, "sha256").hex()


def hex_signature_matches(secret: str, body: bytes, given: str) -> bool:
    """Constant-time; an optional `sha256=` prefix is allowed, upper-case hex is not (I6)."""
    return hex_matches(key_bytes(secret), body, given)


def hex_matches(key: bytes, body: bytes, given: str) -> bool:
    """`hex_signature_matches` for a key that was decoded before. Costs the same whatever `given` is."""
    given = given.removeprefix("sha256=")
    well_formed = _HEX_64.match(given) is not None
    return hmac.compare_digest(hmac.digest(key, body, "sha256").hex(), given if well_formed else "0" * 64) & well_formed


def standard_signature(secret: str, *, message_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC over id, timestamp (seconds since 1970) and body, with dots between them."""
    return _standard(key_bytes(secret), _signed(message_id, timestamp, body))


def standard_signature_matches(secret: str, *, message_id: str, timestamp: str, body: bytes, given: str) -> bool:
    """Whether one of `given`, a list with spaces between, is the `v1` signature. Freshness is the caller's to check."""
    return standard_matches(key_bytes(secret), message_id=message_id, timestamp=timestamp, body=body, given=given)


def standard_matches(key: bytes, *, message_id: str, timestamp: str, body: bytes, given: str) -> bool:
    """`standard_signature_matches` for a key that was decoded before.

    The texts are compared, not what they decode to: base64 has several spellings for the same bytes.
    """
    expected = _standard(key, _signed(message_id, timestamp, body)).encode()
    found = False
    for one in given.split(" ", MOST_SIGNATURES)[:MOST_SIGNATURES]:
        found |= hmac.compare_digest(expected, one.encode("utf-8", "surrogatepass"))
    return found & (_MESSAGE_ID.match(message_id) is not None) & is_timestamp(timestamp)


def is_timestamp(text: str) -> bool:
    """Whether a text is a time as Standard Webhooks writes it: whole seconds since 1970."""
    return _TIMESTAMP.match(text) is not None


def webhook_headers(secret: str, *, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """What every relayed message bears: the plain hex signature and the three Standard Webhooks headers."""
    timestamp = str(int(now.timestamp()))
    return {
        "X-Webhook-Signature": hex_signature(secret, body),
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": standard_signature(secret, message_id=message_id, timestamp=timestamp, body=body),
    }


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return b"%b.%b.%b" % (
        message_id.encode("utf-8", "surrogatepass"),
        timestamp.encode("utf-8", "surrogatepass"),
        body,
    )


def _standard(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
