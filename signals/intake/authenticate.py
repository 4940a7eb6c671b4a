"""Which source sent this, and is it really that one (I4, I6).

Every failure costs the same: one token digest and, for each candidate, one signature, whether the source is
unknown, disabled or merely has another secret. No failure asks the database.
"""

from __future__ import annotations

import hmac

from signals.models import Source
from tradeops.core import sealed, signing
from tradeops.core.errors import Forbidden, NotAuthenticated

from .arrival import Arrival
from .sources import Directory, Sender

# Compared with where there is nothing to compare with. No token has this digest; nobody can sign with this
# key and be let in, since it belongs to no source.
_NO_DIGEST = "0" * 64
_NO_SECRET = "no source has this key"  # noqa: S105


def presented_token(arrival: Arrival, body_token: str) -> str:
    """The first of: URL, `X-Webhook-Token`, `Authorization: Bearer`, body; empty if there is none."""
    if arrival.url_token or arrival.header("X_WEBHOOK_TOKEN"):
        return arrival.url_token or arrival.header("X_WEBHOOK_TOKEN")
    scheme, _, credential = arrival.header("AUTHORIZATION").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else body_token


def authenticate(*, arrival: Arrival, directory: Directory) -> Sender:
    """The active source that the credential proves; `arrival.token` holds what was presented.

    Sets `arrival.sender` as soon as a source is known. Raises Forbidden for an address the source does not
    allow and NotAuthenticated for everything else; their messages are for the log, never for the sender.
    """
    digest = sealed.token_digest(arrival.token)
    signature = arrival.header("X_WEBHOOK_SIGNATURE")
    if arrival.slug:
        arrival.sender = directory.by_slug.get(arrival.slug)
        _check_address(arrival)
        proven = _proves(arrival.sender, digest=digest, signature=signature, body=arrival.body)
    else:
        by_token = directory.by_digest.get(digest) if arrival.token else None
        by_signature = _signer(directory, arrival.body, signature) if signature else None
        arrival.sender = by_token or by_signature
        _check_address(arrival)
        proven = arrival.sender is not None
    if arrival.sender is None:
        raise NotAuthenticated("unknown_source" if arrival.token or signature or arrival.slug else "no_credential")
    if not arrival.sender.row.active:
        raise NotAuthenticated("source_disabled")
    if not proven:
        raise NotAuthenticated("wrong_credential" if arrival.token or signature else "no_credential")
    return arrival.sender


def _check_address(arrival: Arrival) -> None:
    sender = arrival.sender
    if sender is not None and sender.row.active and not sender.admits(arrival.address):
        raise Forbidden("address_not_allowed")


def _proves(sender: Sender | None, *, digest: str, signature: str, body: bytes) -> bool:
    stored_digest = (sender.row.token_digest if sender else "") or _NO_DIGEST
    stored_secret = (sender.row.secret if sender else "") or _NO_SECRET
    by_token = hmac.compare_digest(digest, stored_digest)
    by_signature = signing.hex_signature_matches(stored_secret, body, signature)
    if sender is None:
        return False
    return by_token if sender.row.auth == Source.Auth.TOKEN else by_signature


def _signer(directory: Directory, body: bytes, signature: str) -> Sender | None:
    """The first source marked `default` whose key signed the body; all are tried, so that the time tells nothing."""
    matches = [one for one in directory.defaults if signing.hex_signature_matches(one.row.secret, body, signature)]
    return matches[0] if matches else None
