"""A test alert: an operator's own signal, which goes the way of every other from the moment it is stored.

It does not pass the webhook's door, since tokens are kept as digests only: the operator is who authenticates.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from accounts.models import Account, Operator
from relay import selectors as relay
from relay import visibility
from signals import receive
from signals.models import Signal, Source, Strategy
from signals.pipeline import plans
from signals.receive import Alert
from signals.strategies import experiments, match
from tradeops.core import ids, logs
from tradeops.core.errors import Conflict

from . import reach

logger = logs.get(__name__)

ACTIONS = ("buy", "sell", "close", "exit", "flat")
COMMENT = "test alert"


def consequences(*, strategy: Strategy, alert: str, person: Operator) -> list[str]:
    """What sending it will do, for the page that asks for a yes: it names what the person sees and counts the rest."""
    bound = reach.accounts(person)
    seen = set((Account.objects.all() if bound is None else bound).values_list("slug", flat=True))
    accounts = _named("account", [account.slug for account in plans.of(strategy.pk).accounts], seen)
    reached = set(visibility.endpoints(bound).values_list("slug", flat=True))
    endpoints = _named("endpoint", [choice.endpoint.slug for choice in _choices(strategy)], reached)
    doing = {
        Strategy.Mode.LIVE: f"The strategy is live: this really trades on {accounts} and is relayed to {endpoints}.",
        Strategy.Mode.PAPER: f"Orders go to the paper twins of {accounts}.",
        Strategy.Mode.DRY_RUN: f"Dry run: {accounts} only say what they would do.",
        Strategy.Mode.OFF: "The strategy is off: the signal will be stored and rejected.",
    }
    return [f"{alert}, through every rule like any other signal.", doing[Strategy.Mode(strategy.mode)]]


def _choices(strategy: Strategy) -> list[relay.Choice]:
    """As the pipeline chooses them; not of its plan, since a group's leader changes without the configuration."""
    endpoints = list(strategy.endpoints.values_list("pk", flat=True))
    return relay.targets(endpoints=endpoints, groups=list(strategy.endpoint_groups.values_list("pk", flat=True)))


def _named(what: str, slugs: list[str], seen: set[str]) -> str:
    """Such as `okx-1, okx-2 and 3 that you do not see`."""
    named, hidden = ", ".join(slug for slug in slugs if slug in seen), sum(slug not in seen for slug in slugs)
    if not hidden:
        return named or f"no {what}"
    return f"{named} and {hidden} that you do not see" if named else f"{hidden} {what}s that you do not see"


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
        public_id = ids.uuid7()
        signal = receive.new(
            public_id=public_id,
            source_id=source.pk,
            alert=alert,
            raw=raw,
            routes=[strategy.slug],
            variants=experiments.variants(public_id, [strategy.slug]),
            request_id=ids.request_id(),
            address=None,
            size=len(json.dumps(raw)),
            received_at=now,
        )
        receive.store([signal])
    logger.info("test alert stored", signal=signal.public_id, strategy=strategy.slug, by=by)
    return signal
