"""One work item decided for every account and endpoint of its strategy, in one transaction (DESIGN §2.3, D4).

The transaction locks the risk scopes, asks all rules, and stores decisions, orders, relay messages and the end of
the item together: a killed worker leaves either all of it or nothing.
"""

from __future__ import annotations

from django.db import transaction

from signals.execution import orders
from signals.models import Order, WorkItem
from signals.portfolio import exposure
from signals.risk import switch
from tradeops.core import clock, rows, wake

from . import for_account, for_endpoint, heartbeat, work
from .for_account import Desk
from .gather import gather
from .settle import settle
from .tell import tell, word


def decide(item: WorkItem) -> list[Order]:
    """Returns the new orders, PENDING; none too if another worker took the item."""
    case = gather(item, now=clock.now())
    with transaction.atomic():
        now = clock.now()
        if not work.finish([item]):
            return []
        accounts = [look.account.slug for look in case.outlooks]
        switches = switch.lock(strategies=[case.strategy.slug], accounts=accounts)
        held = exposure.read()
        beats = heartbeat.is_one(case)
        by_account = heartbeat.decide_for_account if beats else for_account.decide
        by_endpoints = heartbeat.decide_for_endpoints if beats else for_endpoint.decide_all
        rulings = [
            by_account(Desk(case=case, look=look, exposure=held, switches=switches, now=now)) for look in case.outlooks
        ]
        decisions = [ruling.decision for ruling in rulings] + by_endpoints(case, switches=switches, now=now)
        rows.insert_all(decisions)
        made = [order for ruling in rulings for order in ruling.orders]
        orders.store(made)
        shared = [item.signal_id] if len(case.signal.routes) > 1 else []
        settle({item.signal_id: decisions}, shared=shared, now=now)
        if beats:
            heartbeat.tell(case, rulings, now=now)
        tell([word(case, decisions, now=now)], now=now)
        wake.notify()
    return made
