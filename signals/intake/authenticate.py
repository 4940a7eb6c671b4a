"""Which source sent this, and is it really that one (I4, I6).

Every failure takes the same steps: the token's digest, and for each signature that was presented the same number of
HMACs, whether the source is unknown, disabled, has another secret, or had this one until its rotation ended. So the
steps are taken first, without a branch that depends on what is stored (hence `&` and `|`, which look at both sides),
and judged at the end. None asks the database. What is left are nanoseconds, by where in memory a source happens to lie;
a last hash, over a random length of nothing, drowns them.
"""

from __future__ import annotations

import hmac
import secrets

from tradeops.core import signing
from tradeops.core.errors import Forbidden, NotAuthenticated

from .arrival import Arrival
from .sources import Directory, Sender

TOLERANCE_SECONDS = 300  # standardwebhooks.com; both ways

_NOTHING = memoryview(bytes(32 * 1024))

# Why not, by (known, active, presented): for the log, never for the sender.
_REASONS = (
    "no_credential", "unknown_source",
    "no_credential", "unknown_source",
    "source_disabled", "source_disabled",
    "no_credential", "wrong_credential",
)  # fmt: skip


def presented_token(arrival: Arrival, body_token: str) -> str:
    """The first of: URL, `X-Webhook-Token`, `Authorization: Bearer`, body; empty if there is none."""
    if arrival.url_token or arrival.header("X_WEBHOOK_TOKEN"):
        return arrival.url_token or arrival.header("X_WEBHOOK_TOKEN")
    scheme, _, credential = arrival.header("AUTHORIZATION").partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else body_token


def authenticate(*, arrival: Arrival, directory: Directory) -> Sender:
    """The active source that the credential proves; `arrival.token` holds what was presented.

    Sets `arrival.sender` as soon as a source is known, and `arrival.signed_id` for a Standard Webhooks message. Raises
    Forbidden for an address the source does not allow and NotAuthenticated for everything else; their messages are for
    the log, never for the sender.
    """
    digest = directory.digest(arrival.token)
    by_hex, by_standard = bool(arrival.header("X_WEBHOOK_SIGNATURE")), bool(arrival.header("WEBHOOK_SIGNATURE"))
    if arrival.slug:
        sender = directory.by_slug.get(arrival.slug, directory.nobody)
        hexed, standard = _signed(arrival, sender, by_hex, by_standard)
    else:
        sender = directory.by_digest.get(digest, directory.nobody)
        signer, hexed, standard = _signer(arrival, directory, by_hex, by_standard)
        if not sender.known:
            sender = signer
    proven = sender.token.token_is(digest, arrival.received_at) | hexed | standard
    timely = (not standard) | _is_fresh(arrival)
    admitted = sender.admits(arrival.address)
    arrival.sender = (None, sender)[sender.known]
    if sender.active & (not admitted):
        raise Forbidden("address_not_allowed")
    if not proven & timely & sender.active:
        presented = bool(arrival.token or by_hex or by_standard or (arrival.slug and not sender.known))
        _blur()
        reason = _REASONS[sender.known * 4 + sender.active * 2 + presented]
        raise NotAuthenticated(("timestamp_too_far", reason)[timely])
    if standard:
        arrival.signed_id = arrival.header("WEBHOOK_ID")
    return sender


def _blur() -> None:
    """Takes some microseconds, never the same."""
    hmac.digest(_NOTHING, _NOTHING[: secrets.randbelow(len(_NOTHING))], "sha256")


def _signer(arrival: Arrival, directory: Directory, by_hex: bool, by_standard: bool) -> tuple[Sender, bool, bool]:
    """The first source marked `default` whose key signed the message; all are tried, so that the time tells nothing."""
    found = directory.nobody, False, False
    if by_hex or by_standard:
        for one in directory.defaults:
            hexed, standard = _signed(arrival, one, by_hex, by_standard)
            if (hexed or standard) and not found[0].known:
                found = one, hexed, standard
    return found


def _signed(arrival: Arrival, sender: Sender, by_hex: bool, by_standard: bool) -> tuple[bool, bool]:
    """Whether the plain signature is the sender's, and whether the Standard Webhooks one is, by either of its keys."""
    hexed = standard = False
    if by_hex:
        given, keys = arrival.header("X_WEBHOOK_SIGNATURE"), sender.hmac
        present = signing.hex_matches(keys.key, arrival.body, given)
        previous = signing.hex_matches(keys.previous_key, arrival.body, given)
        hexed = present | (previous & (arrival.received_at < keys.until))
    if by_standard:
        present, previous = _standard(arrival, sender.standard.key), _standard(arrival, sender.standard.previous_key)
        standard = present | (previous & (arrival.received_at < sender.standard.until))
    return hexed, standard


def _standard(arrival: Arrival, key: bytes) -> bool:
    return signing.standard_matches(
        key,
        message_id=arrival.header("WEBHOOK_ID"),
        timestamp=arrival.header("WEBHOOK_TIMESTAMP"),
        body=arrival.body,
        given=arrival.header("WEBHOOK_SIGNATURE"),
    )


def _is_fresh(arrival: Arrival) -> bool:
    """Whether the time that was presented is of these minutes, whoever signed it."""
    timestamp = arrival.header("WEBHOOK_TIMESTAMP")
    if not signing.is_timestamp(timestamp):
        return False
    return abs(arrival.received_at.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS
