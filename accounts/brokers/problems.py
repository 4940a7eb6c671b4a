"""What can go wrong with a venue, by what may be done next (X6).

BrokerError
├── BrokerTemporary   nothing was accepted; try the same call again after `retry_after` seconds
├── BrokerRejected    final: our code (of `Rejection`), the venue's own, and a plain sentence that says what to do
└── BrokerUnknown     the venue may have accepted it (time-out or 5xx after sending): query, never resend
"""

from __future__ import annotations

from enum import StrEnum

from tradeops.core.errors import TradeOpsError


class BrokerError(TradeOpsError):
    """`venue_code` is the venue's own; `raw` its answer without secrets, as far as there was one."""

    code = "broker"

    def __init__(self, message: str = "", *, code: str | None = None, venue_code: str = "", raw: str = "") -> None:
        super().__init__(message, code=code)
        self.venue_code = venue_code
        self.raw = raw


class BrokerTemporary(BrokerError):
    code = "temporary"
    permanent = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after: float = 1.0,
        venue_code: str = "",
        raw: str = "",
    ) -> None:
        super().__init__(message, code=code, venue_code=venue_code, raw=raw)
        self.retry_after = retry_after


class BrokerRejected(BrokerError):
    code = "rejected"


class BrokerUnknown(BrokerError):
    code = "unknown"
    permanent = False


class Rejection(StrEnum):
    """Why a venue, or we before it, turned an order down; what is none of these is `rejected`."""

    BAD_KEY = "bad_key"  # the key, its signature, or the environment (demo key on the real venue)
    BAD_PASSPHRASE = "bad_passphrase"  # noqa: S105
    NO_PERMISSION = "no_permission"
    CLOCK = "clock"  # ours differs too much from the venue's, and still does after it was measured
    ADDRESS_REFUSED = "address_refused"  # the key is bound to other IP addresses
    INSUFFICIENT_FUNDS = "insufficient_funds"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    BAD_PRICE = "bad_price"  # off the tick, or outside the venue's band
    POSITION_MODE = "position_mode"  # one-way where the account hedges, or the reverse
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    WOULD_TAKE = "would_take"  # post-only, and it would have traded at once
    UNSUPPORTED = "unsupported"  # the broker does not declare it; no network call was made
    DUPLICATE_ID = "duplicate_id"  # the venue has this client order id already: fetch it
    NO_CREDENTIALS = "no_credentials"
    REJECTED = "rejected"
