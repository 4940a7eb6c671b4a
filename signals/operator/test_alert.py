"""A test alert: an operator's own signal, which goes the way of every other from the moment it is stored.

It does not pass the webhook's door, since tokens are kept as digests only: the operator is who authenticates.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from signals import receive
from signals.models import Signal, Source, Strategy
from signals.receive import Alert
from signals.strategies import match
from tradeops.core import ids, logs
from tradeops.core.errors import Conflict

logger = logs.get(__name__)

ACTIONS = ("buy", "sell", "close", "exit", "flat")
COMMENT = "test alert"


def consequences(*, strategy: Strategy, alert: str) -> list[str]:
    """What sending it will do, for the page that asks for a yes."""
    accounts = ", ".join(strategy.accounts.values_list("slug", flat=True)) or "no account"
    endpoints = ", ".join(strategy.endpoints.values_list("slug", flat=True)) or "no endpoint"
    doing = {
        Strategy.Mode.LIVE: f"The strategy is live: this really trades on {accounts} and is relayed to {endpoints}.",
        Strategy.Mode.PAPER: f"Orders go to the paper twins of {accounts}.",
        Strategy.Mode.DRY_RUN: f"Dry run: {accounts} only say what they would do.",
        Strategy.Mode.OFF: "The strategy is off: the signal will be stored and rejected.",
    }
    return [f"{alert}, through every rule like any other signal.", doing[Strategy.Mode(strategy.mode)]]


def send(
    *, strategy: Strategy, source: Source, symbol: str, action: str, price: Decimal | None, by: str, now: datetime
) -> Signal:
    """Stores the signal, marked `test alert`; the pipeline does the rest.

    Raises Conflict when an alert like this from this source would not reach the strategy.
    """
    alert = Alert(
        symbol=symbol,
        action=action,
        strategy=strategy.slug,
        price=price,
        sent_at=now,
        comment=f"{COMMENT} by {by}"[:200],
    )
    if strategy.slug not in match.routes(source_id=source.pk, alert=alert, now=now):
        raise Conflict(
            f"An alert for {symbol} from {source} does not reach {strategy}: "
            "check that the strategy is not retired, that this source feeds it, and that it maps the symbol."
        )
    raw = {**alert.to_json(), "sent_by": by}
    with transaction.atomic():
        signal = receive.new(
            source_id=source.pk,
            alert=alert,
            raw=raw,
            routes=[strategy.slug],
            request_id=ids.request_id(),
            address=None,
            size=len(json.dumps(raw)),
            received_at=now,
        )
        receive.store([signal])
    logger.info("test alert stored", signal=signal.public_id, strategy=strategy.slug, by=by)
    return signal
