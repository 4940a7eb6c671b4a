"""What the adapters see: they wait, or are told when to come again."""

import secrets
import time

import pytest

from accounts import throttle
from accounts.brokers.base import BrokerTemporary
from accounts.throttle.limit import Limit, Window
from accounts.throttle.store import store
from accounts.throttle.table import ALPACA, OKX, every, limits_of

pytestmark = pytest.mark.django_db


def shared(limits, *, owner="a", address=""):
    return throttle.Shared(limits=limits, address=address or f"venue-{secrets.token_hex(6)}", owner=owner)


def table(count, *, seconds=100.0, key="order", **fields):
    return {key: Limit(Window(count, seconds), **fields)}


def test_a_place_within_five_seconds_is_waited_for():
    limits = shared(table(1, seconds=0.1))
    limits.wait("order")
    limits.wait("order")  # a tenth of a second later


def test_a_call_that_is_held_up_once_it_has_its_place_is_counted_when_it_is_through(monkeypatch):
    """For longer than the margin, between the store's answer and the call, as where processors are scarce."""
    limits, kept = shared(table(1, seconds=0.5)), store()

    class HeldUp:
        def take(self, places, *, longest):
            taken = kept.take(places, longest=longest)
            time.sleep(0.3)
            return taken

        def used(self, places, *, at):
            kept.used(places, at=at)

    monkeypatch.setattr("accounts.throttle.shared.store", HeldUp)
    limits.wait("order")
    limits.done()
    monkeypatch.undo()
    began = time.monotonic()
    limits.wait("order")
    assert time.monotonic() - began > 0.4


def test_what_is_further_away_is_temporary_with_the_time_to_wait():
    limits = shared(table(2))
    limits.wait("order")
    limits.wait("order")
    with pytest.raises(BrokerTemporary, match=r"the venue's limit for order is used up for \d+\.\d s") as error:
        limits.wait("order")
    assert error.value.code == "rate_limited"
    assert 95 < error.value.retry_after <= 100.5


def test_each_instrument_is_counted_apart_where_the_venue_does():
    limits = shared(table(1, key="order:*"))
    limits.wait("order:BTC-USDT")
    limits.wait("order:ETH-USDT")
    with pytest.raises(BrokerTemporary):
        limits.wait("order:BTC-USDT")


def test_owners_are_counted_apart_but_for_what_the_address_is_counted_for():
    address = f"venue-{secrets.token_hex(6)}"
    for public, refused in ((False, False), (True, True)):
        one, other = (shared(table(1, public=public), owner=who, address=f"{address}{public}") for who in "ab")
        one.wait("order")
        if refused:
            with pytest.raises(BrokerTemporary):
                other.wait("order")
        else:
            other.wait("order")


def test_a_repeated_key_takes_as_many_places():
    limits = shared(table(3))
    limits.wait("order", "order")
    with pytest.raises(BrokerTemporary):
        limits.wait("order", "order")
    limits.wait("order")


def test_a_kind_without_a_limit_is_free_until_the_venue_says_otherwise():
    limits = shared(table(1))
    for _ in range(50):
        limits.wait("whatever")
    limits.hold("whatever", seconds=60)
    with pytest.raises(BrokerTemporary) as error:
        limits.wait("whatever")
    assert 55 < error.value.retry_after <= 60
    limits.wait("something else")
    limits.wait("order")


def test_exchanges_of_one_bucket_count_every_call_in_it():
    limits = shared({"*": Limit(Window(2, 100))})
    limits.wait("order:BTC/USDT")
    limits.wait("balance")
    with pytest.raises(BrokerTemporary):
        limits.wait("positions")


def test_keys_of_one_bucket_are_one_call():
    limits = shared({"*": Limit(Window(2, 100))})
    for _ in range(2):
        limits.wait("order", "order:BTC/USDT")
    with pytest.raises(BrokerTemporary):
        limits.wait("order", "order:BTC/USDT")


def test_a_hold_on_an_instrument_leaves_the_others():
    limits = shared(OKX)
    limits.hold("order:BTC-USDT", seconds=60)
    with pytest.raises(BrokerTemporary):
        limits.wait("order", "order:BTC-USDT")
    limits.wait("order", "order:ETH-USDT")
    limits.hold("order", seconds=60)
    with pytest.raises(BrokerTemporary):
        limits.wait("order", "order:ETH-USDT")
    limits.wait("balance")


@pytest.mark.parametrize(
    ("key", "count", "seconds"),
    [
        ("order:*", 60, 2), ("cancel:*", 60, 2), ("balance", 10, 2), ("positions", 10, 2), ("instruments", 20, 2),
        ("max_size", 20, 2), ("leverage", 20, 2), ("ticker", 20, 2), ("config", 5, 2),
    ],
)  # fmt: skip
def test_okx(key, count, seconds):
    assert OKX[key].bound == Window(count, seconds)


def test_okx_counts_an_accounts_orders_together_too():
    assert (OKX["order"].bound.per_second, OKX["order"].bound.burst) == (60, 120)


def test_alpaca_and_exchanges_by_ccxts_names():
    assert {"*": Limit(Window(200, 60))} == ALPACA
    limits = every(50)
    assert (limits["*"].bound.per_second, limits["*"].bound.burst) == (20, 10)
    assert (limits["ticker"].public, limits["*"].public) == (True, False)
    assert limits_of("kraken", rate_limit_ms=1000)["*"].bound.per_second == 1
    assert limits_of("scripted") == {}
