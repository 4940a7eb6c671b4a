"""Encryption at rest: AES-256-GCM under a key ring. The first key encrypts, every key decrypts.

Stored form: `v1:<kid>:<base64(nonce + ciphertext)>`, where kid is the first 8 hex digits of SHA-256(key).
The associated data binds a value to its place (model, field), so a ciphertext moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from .errors import ConfigurationError


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def parse_key(text: str) -> bytes:
    """32 bytes of (URL-safe) base64. Raises ConfigurationError without repeating the key."""
    try:
        key = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigurationError(
            "TRADEOPS_ENCRYPTION_KEYS: each key must be 32 bytes in base64 "
            '(python -c "import os,base64;print(base64.urlsafe_b64encode(os.urandom(32)).decode())")'
        )
    return key


def key_id(key: bytes) -> str:
    """What a ciphertext says of the key it was made with."""
    return hashlib.sha256(key).hexdigest()[:8]


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> dict[str, AESGCM]:
    parsed = [parse_key(key) for key in keys]
    return {key_id(key): AESGCM(key) for key in parsed}


def encrypt(plaintext: str, *, place: str) -> str:
    ring = _ring(tuple(settings.ENCRYPTION_KEYS))
    kid, cipher = next(iter(ring.items()))
    nonce = os.urandom(12)
    sealed = nonce + cipher.encrypt(nonce, plaintext.encode(), place.encode())
    return f"v1:{kid}:{base64.b64encode(sealed).decode()}"


def is_current(stored: str) -> bool:
    """Whether it was made with the first key, as what is encrypted now is."""
    return stored.split(":", 2)[1:2] == [next(iter(_ring(tuple(settings.ENCRYPTION_KEYS))))]


def decrypt(stored: str, *, place: str) -> str:
    """Raises ConfigurationError when the key is not in the ring or the value does not belong to `place`."""
    try:
        version, kid, payload = stored.split(":", 2)
        sealed = base64.b64decode(payload, validate=True)
    except (ValueError, binascii.Error):
        raise ConfigurationError(f"{place}: the stored value is not in a form this version can read") from None
    cipher = _ring(tuple(settings.ENCRYPTION_KEYS)).get(kid)
    if version != "v1" or cipher is None:
        raise ConfigurationError(
            f"{place} was encrypted with key {kid}, which is not in TRADEOPS_ENCRYPTION_KEYS; "
            "add that key again (newest first) or restore it from its backup",
            code="missing_key",
        )
    try:
        return cipher.decrypt(sealed[:12], sealed[12:], place.encode()).decode()
    except InvalidTag:
        raise ConfigurationError(f"{place}: the stored value was damaged or moved", code="damaged") from None
