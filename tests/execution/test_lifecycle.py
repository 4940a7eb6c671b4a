import itertools

import pytest

from signals.execution.lifecycle import FINAL, TRANSITIONS
from signals.models import Order
from tradeops.core import fsm
from tradeops.core.errors import Conflict

# Written out here once more on purpose: a change of the table must be made twice, and thought of twice.
LEGAL = {
    ("PENDING", "SUBMITTED"),
    ("PENDING", "OPEN"),
    ("PENDING", "PARTIALLY_FILLED"),
    ("PENDING", "FILLED"),
    ("PENDING", "CANCELED"),
    ("PENDING", "REJECTED"),
    ("PENDING", "EXPIRED"),
    ("SUBMITTED", "PENDING"),
    ("SUBMITTED", "OPEN"),
    ("SUBMITTED", "PARTIALLY_FILLED"),
    ("SUBMITTED", "FILLED"),
    ("SUBMITTED", "CANCELED"),
    ("SUBMITTED", "REJECTED"),
    ("SUBMITTED", "EXPIRED"),
    ("SUBMITTED", "UNKNOWN"),
    ("UNKNOWN", "PENDING"),
    ("UNKNOWN", "OPEN"),
    ("UNKNOWN", "PARTIALLY_FILLED"),
    ("UNKNOWN", "FILLED"),
    ("UNKNOWN", "CANCELED"),
    ("UNKNOWN", "REJECTED"),
    ("UNKNOWN", "EXPIRED"),
    ("OPEN", "PARTIALLY_FILLED"),
    ("OPEN", "FILLED"),
    ("OPEN", "CANCELED"),
    ("OPEN", "REJECTED"),
    ("OPEN", "EXPIRED"),
    ("PARTIALLY_FILLED", "FILLED"),
    ("PARTIALLY_FILLED", "CANCELED"),
    ("PARTIALLY_FILLED", "EXPIRED"),
    ("CANCELED", "PARTIALLY_FILLED"),
    ("CANCELED", "FILLED"),
    ("EXPIRED", "PARTIALLY_FILLED"),
    ("EXPIRED", "FILLED"),
    ("REJECTED", "PARTIALLY_FILLED"),
    ("REJECTED", "FILLED"),
}


@pytest.mark.parametrize(("current", "target"), list(itertools.product(Order.Status.values, repeat=2)))
def test_every_pair(current, target):
    if (current, target) in LEGAL:
        fsm.check(TRANSITIONS, current=current, target=target, what="order x")
    else:
        with pytest.raises(Conflict, match=f"order x is {current}: it cannot become {target}"):
            fsm.check(TRANSITIONS, current=current, target=target, what="order x")


def test_what_is_final_has_a_name_and_nothing_is_sent_again_from_there():
    assert {"FILLED", "CANCELED", "REJECTED", "EXPIRED"} == FINAL
    assert all("SUBMITTED" not in TRANSITIONS[status] for status in FINAL)
