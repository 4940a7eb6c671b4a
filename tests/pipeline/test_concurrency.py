"""Room for ten is taken by ten, whoever comes first (D4)."""

import threading
from decimal import Decimal

import pytest
from django.db import connection

from signals.models import Order, Position, Signal
from signals.pipeline.drain import drain
from tests import factories

D = Decimal


# Each signal's entry is worth 1; of an exposure of 10 the eleventh would be over.
ROOM_FOR_TEN = {
    "positions": ("max_open_positions", "10"),
    "gross": ("max_exposure", {"gross": "10"}),
    "net": ("max_exposure", {"net": "10.99"}),
    "leverage": ("max_leverage", "0.0001"),  # of an equity of 100,000
}


@pytest.mark.parametrize("limit", ROOM_FOR_TEN)
@pytest.mark.parametrize("again", range(2))
@pytest.mark.django_db(transaction=True)
def test_64_signals_with_room_for_10_give_exactly_10(limit, again):
    account = factories.account()
    # Each its own strategy, so that nothing but the risk limit keeps them apart.
    strategies = [
        factories.strategy(f"s{number}", accounts=[account], symbols={"BTCUSDT": f"C{number}/USDT"})
        for number in range(64)
    ]
    factories.limit(*ROOM_FOR_TEN[limit])
    for strategy in strategies:
        factories.signal(strategy, price=D(100))
    failures = []

    def work():
        try:
            drain(budget_seconds=60)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    drain()
    assert failures == []
    assert Signal.objects.filter(status="APPROVED").count() == 10
    assert Signal.objects.filter(status="REJECTED").count() == 54
    assert Order.objects.filter(status="FILLED").count() == Order.objects.count() == 10
    assert Position.objects.filter(is_open=True).count() == 10
