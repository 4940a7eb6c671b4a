"""How the suite of brokers asks."""

from __future__ import annotations

from decimal import Decimal

from accounts.brokers.base import (
    BrokerRejected,
    ReportStatus,
)
from tradeops.core.money import OrderType

D = Decimal
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def refused(act, request):
    """The code of a rejection, raised or reported."""
    try:
        found = act(request)
    except BrokerRejected as error:
        code, sentence = error.code, str(error)
    else:
        assert (found.status, found.fills) == (ReportStatus.REJECTED, ())
        code, sentence = found.code, found.message
    assert " " in sentence, "a rejection says in a sentence what to do"
    return code


def limit(make, side, *, away="0.98", **changes):
    return make(type=OrderType.LIMIT, price=side.price * D(away), **changes)
