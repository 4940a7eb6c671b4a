"""What an entry may have, asked of the venue as the order itself will be: after a close, and at its own leverage."""

from decimal import Decimal

import pytest

from tests.execution.test_most_at_once import Desk
from tests.fakes.venue import running_venue

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def running():
    with running_venue() as venue:
        yield venue


def test_bought_closed_and_bought_again_is_the_whole_of_it(running):
    desk = Desk(running, "swap")
    entry = desk.send("5.9")
    assert (entry.status, entry.filled_quantity) == ("FILLED", D("5.9"))
    assert desk.send("5.9", 2, intent="close", side="sell").status == "FILLED"
    again = desk.send("5.9", 3)
    assert (again.status, again.filled_quantity) == ("FILLED", D("5.9"))
    assert running.ledger.net("BTC-USDT-SWAP") == D("5.9")


def test_the_message_s_leverage_is_that_of_its_size(running):
    desk = Desk(running, "swap", leverage=D(3))
    entry = desk.send("15", leverage=D(10))
    assert (entry.status, entry.filled_quantity) == ("FILLED", D(15))
