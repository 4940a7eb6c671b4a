"""Who trades through a group of accounts sees what who trades by name sees: of the API and of the relay."""

from __future__ import annotations

import pytest

from accounts.models import Account, AccountGroup, AccountGroupMember
from relay import visibility
from relay.models import Delivery, EndpointGroup, GroupMember, Message, Notification
from signals.models import Strategy
from tests import factories

pytestmark = pytest.mark.django_db


def results(client, name: str, **query: str):
    answer = client.get(f"/api/v1/{name}", query)
    assert answer.status_code == 200
    return answer.json()["results"]


def _told(*, strategy: str) -> Message:
    return Message.objects.create(
        event="signal.approved", level="info", title="theirs", strategy=strategy, created_at=factories.NOW
    )


@pytest.fixture
def desk(home):
    """The strategy of the house trades both accounts through a group alone, and nobody else's does."""
    group = AccountGroup.objects.create(slug="desk")
    for account in home.accounts:
        AccountGroupMember.objects.create(group=group, account=account)
    home.strategy.groups.set([group])
    home.strategy.accounts.clear()
    foreign = factories.strategy("foreign", accounts=[factories.account("paper-3", client=factories.client("acme"))])
    foreign.endpoints.set([factories.endpoint("vps-3")])
    _told(strategy="foreign")
    return group


@pytest.fixture
def ours(home):
    return Account.objects.filter(pk=home.accounts[0].pk)


def test_the_accounts_of_its_groups_are_a_strategy_s(of_house, boss, of_nobody, home, desk):
    assert [row["accounts"] for row in results(of_house, "strategies")] == [["paper-1"]]
    found = {row["slug"]: row["accounts"] for row in results(boss, "strategies")}
    assert found == {"trend": ["paper-1", "paper-2"], "foreign": ["paper-3"]}
    assert results(of_nobody, "strategies") == []


def test_an_account_counts_once_and_a_retired_group_trades_nothing(boss, home, desk):
    home.strategy.accounts.set([home.accounts[1]])
    assert {row["slug"]: row["accounts"] for row in results(boss, "strategies")}["trend"] == ["paper-1", "paper-2"]
    desk.retired_at = home.traded.received_at
    desk.save()
    assert {row["slug"]: row["accounts"] for row in results(boss, "strategies")}["trend"] == ["paper-2"]


def test_strategies_are_found_by_an_account_of_their_group(of_house, boss, home, desk):
    assert [row["slug"] for row in results(boss, "strategies", account="paper-2")] == ["trend"]
    assert [row["slug"] for row in results(boss, "strategies", account="paper-3")] == ["foreign"]
    assert [row["slug"] for row in results(of_house, "strategies", account="paper-1")] == ["trend"]
    assert results(boss, "strategies", account="paper-9") == []
    home.strategy.accounts.set(home.accounts)
    assert [row["slug"] for row in results(boss, "strategies", account="paper-2")] == ["trend"]


def test_an_account_of_somebody_else_finds_nothing(of_house, home, desk):
    assert results(of_house, "strategies", account="paper-2") == []


def test_endpoints_and_their_groups_are_seen_through_a_group_of_accounts(home, desk, ours):
    assert list(visibility.endpoints(ours)) == [home.endpoint]
    bridges = EndpointGroup.objects.create(slug="bridges", mode="fan_out")
    EndpointGroup.objects.create(slug="theirs", mode="fan_out")
    GroupMember.objects.create(group=bridges, endpoint=home.endpoint, position=0)
    home.strategy.endpoint_groups.set([bridges])
    home.strategy.endpoints.clear()
    assert list(visibility.endpoints(ours)) == [home.endpoint]
    assert list(visibility.groups(ours)) == [bridges]
    assert list(visibility.deliveries(ours)) == list(Delivery.objects.all())


def test_events_and_deliveries_are_seen_through_a_group_of_accounts(of_house, home, desk, ours):
    assert [row.message.strategy for row in visibility.deliveries(ours)] == ["trend"]
    assert {row.title for row in visibility.messages(ours)} == {
        "Bought 0.01 BTC/USDT on paper-1",
        "buy BTCUSDT approved",
        "buy BTCUSDT was rejected for trend: the order is too big",
    }
    told = Notification.objects.filter(message__account="paper-1")
    assert list(visibility.notifications(ours)) == list(told)
    assert {row["account"] for row in results(of_house, "events")} == {"paper-1", ""}


def test_a_delivery_of_another_strategy_to_the_same_endpoint_is_not(home, desk, ours):
    mine = list(visibility.deliveries(ours))
    message = _told(strategy="foreign")
    Delivery.objects.create(
        message=message, endpoint=home.endpoint, type="signal", subject="x", lane="x", due_at=home.traded.received_at,
        created_at=home.traded.received_at, expires_at=home.traded.received_at,
    )  # fmt: skip
    Strategy.objects.get(slug="foreign").endpoints.add(home.endpoint)
    assert list(visibility.deliveries(ours)) == mine
