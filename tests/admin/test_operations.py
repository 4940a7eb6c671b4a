"""The dashboard, the kill switch and the test alert: what an operator does on a working day."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Operator
from signals.models import RiskScope, Signal
from signals.operator import test_alert
from signals.risk import switch
from tests import life
from tests.admin.conftest import PASSWORD
from tests.factories import NOW
from tradeops import dashboard
from tradeops.core import clock, heartbeat
from tradeops.core.errors import Conflict

TURN = "/admin/signals/riskscope/turn/"


# The dashboard -----------------------------------------------------------------------------------------------------


def tiles(facts) -> dict[str, int]:
    return {tile.label: tile.value for tile in facts["tiles"]}


def test_it_counts_today_and_not_yesterday(home):
    life.traded(home, at=NOW.replace(day=3))
    life.traded(home, at=NOW.replace(day=3, minute=31))
    facts = dashboard.facts(accounts=None, now=NOW.replace(day=3, hour=15))
    assert tiles(facts) == {
        "Received": 2, "Approved": 2, "Rejected": 0, "Orders filled": 4, "Delivered": 2, "Refused": 0,
    }  # fmt: skip


def test_a_day_without_anything_counts_nothing(home):
    assert set(tiles(dashboard.facts(accounts=None, now=NOW.replace(day=3))).values()) == {0}


def test_it_costs_the_same_however_long_the_day(home, django_assert_max_num_queries):
    for minute in range(32, 44):
        life.traded(home, at=NOW.replace(minute=minute))
    dashboard.facts(accounts=None, now=NOW)  # what is cached is read once
    with django_assert_max_num_queries(16):
        dashboard.facts(accounts=None, now=NOW.replace(hour=15))


def test_it_names_processes_that_are_silent_or_were_never_there(home):
    heartbeat.beat(process="web", started_at=NOW, now=NOW)
    heartbeat.beat(process="relay", started_at=NOW, now=NOW.replace(minute=29))
    found = {p.name: (p.alive, p.note) for p in dashboard.facts(accounts=None, now=NOW)["processes"]}
    assert found["web"][0] is True
    assert found["relay"] == (False, "silent for 60 s")
    assert found["dispatcher"] == (False, "never seen")


def test_it_shows_staff_their_part_only(home):
    staff = Operator.objects.create_user("ann", is_staff=True)
    staff.clients.add(home.accounts[0].client)
    from accounts.selectors import scope

    switch.set(scope="account", key="paper-2", on=True, reason="", by="x", now=NOW.replace(minute=45))
    facts = dashboard.facts(accounts=scope(staff), now=NOW.replace(hour=15))
    assert tiles(facts) == {"Received": 2, "Approved": 1, "Rejected": 1, "Orders filled": 1, "Delivered": 1}
    assert [position.account.slug for position in facts["positions"]] == ["paper-1"]
    assert facts["switches"] == []


def test_the_page_and_its_fragment_show_the_switch(boss, home):
    switch.set(scope="global", on=True, reason="the feed is wrong", by="ann", now=clock.now())
    for path in ("/admin/", "/admin/dashboard/"):
        text = boss.get(path).content.decode()
        assert "Kill switch on: global." in text
        assert "the feed is wrong" in text
    assert "<html" not in boss.get("/admin/dashboard/").content.decode()


def test_the_dashboard_is_for_people_who_are_signed_in(client, db):
    for path in ("/admin/", "/admin/dashboard/", TURN):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


# The kill switch ---------------------------------------------------------------------------------------------------


def turn(client, **form: str):
    return client.post(TURN, {"target": "global", "turn": "on", "reason": "news", **form}, follow=True)


def test_it_turns_only_after_the_password(boss, home):
    assert "Your password" in turn(boss).content.decode()
    assert not RiskScope.objects.filter(kill_switch=True).exists()
    assert "That is not your password" in turn(boss, confirm_password="wrong").content.decode()
    assert not RiskScope.objects.filter(kill_switch=True).exists()
    turn(boss, confirm_password=PASSWORD)
    row = RiskScope.objects.get(scope="global")
    assert (row.kill_switch, row.reason, row.changed_by) == (True, "news", "boss")
    turn(boss, turn="off", confirm_password=PASSWORD)
    row.refresh_from_db()
    assert row.kill_switch is False


def test_it_turns_one_strategy(boss, home):
    turn(boss, target="strategy:trend", confirm_password=PASSWORD)
    assert list(RiskScope.objects.filter(kill_switch=True).values_list("scope", "key")) == [("strategy", "trend")]


@pytest.mark.parametrize("form", [{"reason": ""}, {"target": "strategy:nobody"}, {"target": ""}, {"turn": "maybe"}])
def test_it_does_not_turn_what_it_does_not_understand(boss, home, form):
    turn(boss, **form, confirm_password=PASSWORD)
    assert not RiskScope.objects.filter(kill_switch=True).exists()


@pytest.mark.parametrize("target", ["global", "account:paper-2"])
def test_staff_turn_only_what_is_theirs(staff, home, target):
    turn(staff, target=target, confirm_password=PASSWORD)
    assert not RiskScope.objects.filter(kill_switch=True).exists()
    turn(staff, target="account:paper-1", confirm_password=PASSWORD)
    assert RiskScope.objects.get(kill_switch=True).key == "paper-1"


def test_without_the_right_there_is_no_switch(staff, home):
    from django.contrib.auth.models import Permission

    me = Operator.objects.get(username="staff")
    me.user_permissions.remove(Permission.objects.get(codename="change_riskscope"))
    assert staff.get(TURN).status_code == 403
    assert turn(staff, target="account:paper-1", confirm_password=PASSWORD).status_code == 403
    assert not RiskScope.objects.filter(kill_switch=True).exists()


def test_passwords_cannot_be_tried_without_end(boss, home):
    for _ in range(10):
        turn(boss, confirm_password="guess")
    assert "Too many tries" in turn(boss, confirm_password=PASSWORD).content.decode()
    assert not RiskScope.objects.filter(kill_switch=True).exists()


# The test alert ----------------------------------------------------------------------------------------------------


def send(client, home, **form: str):
    given = {"source": home.source.pk, "symbol": "BTCUSDT", "action": "buy", "price": "50000", **form}
    return client.post(f"/admin/signals/strategy/{home.strategy.pk}/test-alert/", given)


def test_it_says_what_it_will_do_before_it_does_it(boss, home):
    before = Signal.objects.count()
    text = send(boss, home).content.decode()
    assert "The strategy is live: this really trades on paper-1, paper-2 and is relayed to vps-1." in text
    assert Signal.objects.count() == before


def test_it_becomes_a_signal_like_any_other(boss, home):
    answer = send(boss, home, confirm_password=PASSWORD)
    signal = Signal.objects.latest("pk")
    assert answer["Location"] == reverse("admin:signals_signal_change", args=[signal.pk])
    assert (signal.source, signal.status, signal.routes, signal.action) == (home.source, "RECEIVED", ["trend"], "buy")
    assert signal.data["comment"] == "test alert by boss"
    assert signal.data["price"] == "50000"
    assert signal.raw["sent_by"] == "boss"


def test_the_pipeline_takes_it_to_an_order(home):
    from signals.pipeline import drain

    now = clock.now()
    home.strategy.pyramiding = 5
    home.strategy.save()
    signal = test_alert.send(
        strategy=home.strategy,
        source=home.source,
        symbol="BTCUSDT",
        action="buy",
        price=Decimal(50000),
        by="boss",
        now=now,
    )
    drain.drain()
    signal.refresh_from_db()
    assert signal.status == "APPROVED"
    assert signal.orders.count() == 2


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"price": "much"}, "not a number"),
        ({"price": "-1"}, "above zero"),
        ({"action": "dance"}, "Select a valid choice"),
        ({"symbol": ""}, "required"),
        ({"symbol": "ETHUSDT"}, None),
    ],
)
def test_what_it_does_not_understand_is_not_sent(boss, home, form, told):
    before = Signal.objects.count()
    answer = send(boss, home, **form, **({"confirm_password": PASSWORD} if told else {}))
    if told:
        assert told in answer.content.decode()
        assert Signal.objects.count() == before


def test_a_source_that_does_not_feed_the_strategy_is_refused(home):
    from tests import factories

    other = factories.source("other")
    before = Signal.objects.count()
    with pytest.raises(Conflict, match="does not reach trend"):
        test_alert.send(
            strategy=home.strategy, source=other, symbol="BTCUSDT", action="buy", price=None, by="x", now=clock.now()
        )
    assert Signal.objects.count() == before


def test_without_the_right_nothing_is_sent(staff, home):
    from django.contrib.auth.models import Permission

    me = Operator.objects.get(username="staff")
    me.user_permissions.remove(Permission.objects.get(codename="add_signal"))
    before = Signal.objects.count()
    assert send(staff, home, confirm_password=PASSWORD).status_code == 403
    assert Signal.objects.count() == before
