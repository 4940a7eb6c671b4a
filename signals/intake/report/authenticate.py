"""Which endpoint sent a report: proved by its own report secret, fresh, under an id (L5).

Two ways: the Standard Webhooks headers, whose id and time are signed with the body; or the hex HMAC of the body in
`X-Webhook-Signature`, then `id` and `timestamp` stand in the body. A failure costs the same whether the endpoint is
unknown, has no report secret, or was signed for with another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay.selectors import Reporter
from relay.selectors import reporters as _reporters
from signals.intake import readers
from signals.intake.arrival import Arrival
from tradeops.core import signing
from tradeops.core.errors import InvalidPayload, NotAuthenticated

FRESH = timedelta(minutes=5)
_NO_SECRET = "no endpoint has this key"  # noqa: S105  (belongs to nobody)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """`report_id` and `sent_at` from the signed headers; empty where the body has to say them."""

    reporter: Reporter
    report_id: str = ""
    sent_at: datetime | None = None


def authenticate(arrival: Arrival, content: dict[str, Any]) -> Proof:
    """`content` is the body as far as it could be read. Raises NotAuthenticated, whose text is for the log only."""
    slug = arrival.header("X_WEBHOOK_ENDPOINT") or content.get("endpoint")
    reporter = _reporters.kept().get(slug) if isinstance(slug, str) else None
    secret = reporter.secret if reporter else _NO_SECRET
    by_body = signing.hex_signature_matches(secret, arrival.body, arrival.header("X_WEBHOOK_SIGNATURE"))
    by_headers = signing.standard_signature_matches(
        secret,
        message_id=arrival.header("WEBHOOK_ID"),
        timestamp=arrival.header("WEBHOOK_TIMESTAMP"),
        body=arrival.body,
        given=arrival.header("WEBHOOK_SIGNATURE"),
    )
    if reporter is None:
        raise NotAuthenticated("unknown_endpoint")
    if not (by_body or by_headers):
        raise NotAuthenticated("wrong_credential")
    if not by_headers:
        return Proof(reporter=reporter)
    try:
        sent_at = readers.moment(arrival.header("WEBHOOK_TIMESTAMP"))
    except ValueError:
        raise NotAuthenticated("bad_timestamp") from None
    return Proof(reporter=reporter, report_id=arrival.header("WEBHOOK_ID")[:100], sent_at=sent_at)


def check_fresh(sent_at: datetime | None, *, now: datetime) -> None:
    """Raises InvalidPayload: a report without a time of its own, or not of these five minutes, may be a copy."""
    if sent_at is None:
        raise InvalidPayload("is missing: without it a report could not be told from its copy", field="timestamp")
    if abs(now - sent_at) > FRESH:
        raise InvalidPayload("is more than 5 minutes away from the portal's clock", field="timestamp")
