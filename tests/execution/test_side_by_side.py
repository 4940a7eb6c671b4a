"""What happens in the very moment in which an order is claimed. PostgreSQL only: SQLite has one writer at a time."""

import threading
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, transaction

from signals.execution import cancel, claim
from signals.models import Order
from signals.risk import switch
from tests import factories
from tradeops.core import clock

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
D = Decimal


class Claiming:
    """A claim of one order by another connection; `answer` waits for it."""

    def __init__(self, order):
        self._order, self._found = order, []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self._found.append(claim.claim(self._order, quantity=D(1), steps=(), now=clock.now()))
        finally:
            connection.close()

    def is_over(self, *, within):
        self._thread.join(within)
        return not self._thread.is_alive()

    def answer(self):
        assert self.is_over(within=20)
        [found] = self._found
        return found


@contextmanager
def under_way(order):
    """An order is claimed by a transaction that has not ended yet."""
    with transaction.atomic():
        assert claim.claim_all([claim.Asked(order=order, quantity=D(1), steps=(), now=clock.now())]) == [order]
        Order.objects.filter(pk=order.pk).update(status=order.status)
        yield


def test_what_is_taken_back_in_this_moment_is_not_sent(full, strategy, venue, again):
    order = factories.order(full, strategy)
    with transaction.atomic():
        cancel.ask(again(order), reason="not needed", now=clock.now())
        claiming = Claiming(again(order))
        assert not claiming.is_over(within=0.3)
    assert claiming.answer() is None
    row = again(order)
    assert (row.status, row.sent_at) == ("CANCELED", None)


def test_two_never_go_side_by_side_in_a_lane(full, strategy, venue, again):
    first, second = factories.order(full, strategy, number=1), factories.order(full, strategy, number=2)
    with under_way(again(first)):
        claiming = Claiming(again(second))
        assert not claiming.is_over(within=0.3)
    assert claiming.answer() is None
    assert [again(order).status for order in (first, second)] == ["SUBMITTED", "PENDING"]


def test_another_lane_of_the_account_does_not_wait(full, strategy, venue, again):
    first = factories.order(full, strategy, number=1)
    second = factories.order(full, strategy, number=2, symbol="ETH/USDT")
    with under_way(again(first)):
        assert Claiming(again(second)).answer() is not None
    assert [again(order).status for order in (first, second)] == ["SUBMITTED", "SUBMITTED"]


def test_what_is_being_decided_for_the_account_holds_up_no_send(full, strategy, venue, again):
    order = factories.order(full, strategy)
    with transaction.atomic():
        switch.lock(strategies=[strategy.slug], accounts=[full.slug])
        assert Claiming(again(order)).answer() is not None
    assert again(order).status == "SUBMITTED"
