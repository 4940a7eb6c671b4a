"""Secrets inside an exported file: encrypted under the key ring, bound to their place in the file.

The form is `v1:<kid>:<base64>`, kid as in `core.crypto`. The cipher is AES-SIV (RFC 5297), which gives the same text
for the same secret at the same place: two exports can be compared, and an unchanged secret makes no difference in
version control. All it tells a reader is that the secret of one place did not change. The keys are derived from the
ring's, so that no key serves two ciphers.
"""

from __future__ import annotations

import base64
import binascii
import json
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from tradeops.core import crypto
from tradeops.core.errors import ConfigurationError


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> dict[str, AESSIV]:
    """kid → cipher, the newest first."""
    parsed = [crypto.parse_key(key) for key in keys]
    return {crypto.key_id(key): AESSIV(_derived(key)) for key in parsed}


def _derived(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=64, salt=None, info=b"tradeops configuration export").derive(key)


def seal(secret: dict[str, str], *, place: str) -> str:
    """`place` is the field's path, such as `endpoints[vps-1].secret`."""
    kid, cipher = next(iter(_ring(tuple(settings.ENCRYPTION_KEYS)).items()))
    text = json.dumps(secret, sort_keys=True).encode()
    return f"v1:{kid}:{base64.b64encode(cipher.encrypt(text, [place.encode()])).decode()}"


def open_(text: str, *, place: str) -> dict[str, str]:
    """Raises ConfigurationError when the key is not in the ring or the value does not belong to `place`."""
    try:
        version, kid, payload = text.split(":", 2)
        sealed = base64.b64decode(payload, validate=True)
    except (ValueError, binascii.Error):
        raise ConfigurationError("the encrypted value is not in a form this version can read") from None
    cipher = _ring(tuple(settings.ENCRYPTION_KEYS)).get(kid)
    if version != "v1" or cipher is None:
        raise ConfigurationError(
            f"it was encrypted with key {kid[:16]}, which is not in TRADEOPS_ENCRYPTION_KEYS; add that key (the newest "
            "first), or give the secret as {env: NAME}",
            code="missing_key",
        )
    try:
        opened = json.loads(cipher.decrypt(sealed, [place.encode()]))
    except (InvalidTag, ValueError):
        raise ConfigurationError(
            "the encrypted value is damaged, or was moved here from another item or field", code="damaged"
        ) from None
    return {str(name): str(value) for name, value in opened.items()}
