"""What a venue was last told, in the database: shared by every process, and never more certain than it is."""

from datetime import timedelta

import pytest

from accounts import told
from accounts.brokers import registry
from accounts.brokers.base import Untold
from accounts.models import VenueSetting
from tests import factories

pytestmark = pytest.mark.django_db
WHAT = "leverage BTC-USDT-SWAP cross"


def process(owner="key-1", address="okx"):
    return told.Shared(address=address, owner=owner)


def tell(by, value):
    by.done(WHAT, by.begin(WHAT), value)


def test_what_one_process_has_told_the_others_know():
    one, other = process(), process()
    assert one.known(WHAT) == ""
    tell(one, "3")
    assert other.known(WHAT) == "3"
    tell(other, "10")
    assert one.known(WHAT) == "10"
    assert VenueSetting.objects.count() == 1


def test_nobody_knows_it_while_it_is_told():
    one, other = process(), process()
    tell(one, "3")
    token = other.begin(WHAT)
    assert one.known(WHAT) == ""
    other.done(WHAT, token, "10")
    assert one.known(WHAT) == "10"


def test_of_two_that_tell_it_at_once_nobody_knows_which_came_last():
    one, other, third = process(), process(), process()
    first, second = one.begin(WHAT), other.begin(WHAT)
    other.done(WHAT, second, "10")
    one.done(WHAT, first, "3")
    assert third.known(WHAT) == ""
    tell(third, "5")  # the first request may still be on its way
    assert third.known(WHAT) == ""
    VenueSetting.objects.update(unsure_until=VenueSetting.objects.get().at - told.UNDER_WAY)
    tell(third, "5")
    assert one.known(WHAT) == "5"


def test_one_that_failed_may_still_arrive():
    one, other = process(), process()
    one.begin(WHAT)
    tell(other, "10")
    assert one.known(WHAT) == ""


def test_one_that_failed_long_ago_does_not():
    one, other = process(), process()
    one.begin(WHAT)
    VenueSetting.objects.update(at=VenueSetting.objects.get().at - told.UNDER_WAY - timedelta(seconds=1))
    tell(other, "10")
    assert one.known(WHAT) == "10"


def test_it_is_known_for_a_minute():
    """People change it in the venue's own app."""
    one = process()
    tell(one, "3")
    VenueSetting.objects.update(at=VenueSetting.objects.get().at - told.KNOWN_FOR)
    assert one.known(WHAT) == ""


def test_each_account_at_a_venue_has_its_own():
    one, other, elsewhere = process(), process("key-2"), process(address="https://elsewhere.test")
    tell(one, "3")
    assert (other.known(WHAT), elsewhere.known(WHAT)) == ("", "")
    tell(other, "10")
    one.forget()
    assert (one.known(WHAT), other.known(WHAT)) == ("", "10")


def test_the_portal_gives_it_to_brokers_across_a_network():
    remote = factories.account("far", broker="okx", sandbox=True, market="swap", initial_balances={})
    access = registry._access(remote, registry.broker_class("okx"), {"api_key": "a"})
    tell(access.told, "3")
    again = registry._access(remote, registry.broker_class("okx"), {"api_key": "a"})
    assert again.told.known(WHAT) == "3"
    paper = factories.account("near")
    assert isinstance(registry._access(paper, registry.broker_class("paper"), {}).told, Untold)
