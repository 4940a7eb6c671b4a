"""Putting back a token of which only the digest was kept."""

from __future__ import annotations

import re

from signals.models import Source
from tradeops.core import sealed
from tradeops.core.errors import ConfigurationError

_HEX_64 = re.compile(r"[0-9a-f]{64}")


def token(row: Source, *, digest: str, pepper: str) -> None:
    """Sets the digest on `row`, unsaved. Raises ConfigurationError.

    A digest is good under the pepper that it was made with and no other. An instance without tokens of its own takes
    that pepper over; one that has tokens would lose them, so there the token has to be given anew.
    """
    if not (_HEX_64.fullmatch(digest) and _HEX_64.fullmatch(pepper)):
        raise ConfigurationError("secret: the exported token is damaged; give a new one as {env: NAME}")
    others = Source.objects.exclude(pk=row.pk).exclude(token_digest="")
    if sealed.value(sealed.PEPPER) != pepper:
        if others.exists():
            raise ConfigurationError(
                "secret: this token was exported by another instance, which keeps tokens under another pepper, and "
                "this one has tokens of its own; give the token as {env: NAME}"
            )
        sealed.adopt(sealed.PEPPER, pepper)
    if others.filter(token_digest=digest).exists():
        raise ConfigurationError("secret: another source has this token already; a token names one source")
    row.token_digest, row.secret = digest, ""
    row.previous_token_digest, row.previous_secret, row.previous_until = "", "", None
