"""One side at a time: a broker and the venue that it speaks to, and orders for it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.brokers.base import (
    OrderRequest,
    ReportStatus,
)
from tests.contracts.asking import ALPHABET
from tests.factories import quote
from tradeops.core import clock
from tradeops.core.money import OrderType, Side

from .broker_sides import SIDES, running


@pytest.fixture(params=SIDES, ids=lambda side: side.__name__)
def side(request):
    with running(request.param) as started:
        yield started


@pytest.fixture
def broker(side):
    return side.broker()


@pytest.fixture
def declared(broker):
    return broker.capabilities


@pytest.fixture
def make(side):
    """Requests as the portal builds them, each with an id of its own: a market buy unless told otherwise."""
    numbers = itertools.count()

    def made(**changes):
        number = next(numbers)
        facts = {
            "client_order_id": "contractcontractcontractcontra" + ALPHABET[number // 32] + ALPHABET[number % 32],
            "symbol": side.symbol,
            "market": side.market,
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "quantity": side.quantity,
            "closes": False,
            "position_side": side.position_side,
            "margin_mode": "cross",
            "quote": replace(quote(str(side.price)), symbol=side.symbol),
            "send_expires_at": clock.now() + timedelta(seconds=5),
        }
        return OrderRequest(**{**facts, **changes})

    return made


@pytest.fixture
def place(broker):
    def placed(request):
        """As the portal does it: made ready, placed, and looked up where the answer has not all of it."""
        broker.prepare(request)
        found = broker.place(request, now=clock.now())
        if request.type is OrderType.MARKET and found.status not in (ReportStatus.FILLED, ReportStatus.REJECTED):
            found = broker.fetch(request.client_order_id, symbol=request.symbol, now=clock.now())
        return found

    return placed
