"""Run for missing accounts, as an operator goes the way: the preview, the password, what became of it (U2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Operator
from signals.models import Decision, Order, Signal
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tests.admin.conftest import PASSWORD
from tradeops.core import clock, configuration


@pytest.fixture
def strategy(db):
    accounts = [
        factories.account("paper-1", prices="simulated", client=factories.client("house")),
        factories.account("paper-2", prices="simulated", client=factories.client("other")),
        factories.account("paper-3", prices="simulated", client=factories.client("other")),
    ]
    for account in ("paper-2", "paper-3"):
        switch.set(scope="account", key=account, on=True, reason="test", by="bob", now=clock.now())
    return factories.strategy(accounts=accounts)


@pytest.fixture
def signal(strategy):
    row = factories.signal(strategy)
    drain()
    Signal.objects.update(received_at=clock.now() - timedelta(hours=2))
    row.refresh_from_db()
    return row


def page(signal) -> str:
    return reverse("admin:signals_signal_run_again", args=[signal.pk])


def filled_in(client, signal, *accounts, **given):
    request_id = client.get(page(signal)).context["form"]["request_id"].value()
    chosen = [f"trend {account}" for account in accounts or ("paper-2",)]
    return {"request_id": request_id, "accounts": chosen, "reason": "it was down", **given}


def person(name, *codenames, clients=("house",)):
    operator = Operator.objects.create_user(name, password=PASSWORD, is_staff=True)
    operator.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    for slug in clients:
        operator.clients.add(factories.client(slug))
    client = Client()
    client.force_login(operator)
    return client


def test_the_signals_page_leads_there_only_while_accounts_are_missing(boss, signal):
    address = reverse("admin:signals_signal_change", args=[signal.pk])
    assert f'href="{page(signal)}"' in boss.get(address).content.decode()
    for account in ("paper-2", "paper-3"):
        switch.set(scope="account", key=account, on=False, reason="over", by="bob", now=clock.now())
    given = filled_in(boss, signal, "paper-2", "paper-3", confirm_password=PASSWORD)
    answer = boss.post(page(signal), given, follow=True)
    assert answer.redirect_chain[-1][0] == address
    assert "trend on paper-2, paper-3 is being decided" in answer.content.decode()
    drain()
    text = boss.get(address).content.decode()
    assert page(signal) not in text
    assert "boss asked for it once more" in text
    assert "REJECTED, the kill switch is on (account paper-2)" in text
    assert Order.objects.filter(status="FILLED").count() == 3


def test_the_preview_shows_why_and_what_now_and_changes_nothing(boss, signal):
    switch.set(scope="account", key="paper-3", on=False, reason="over", by="bob", now=clock.now())
    answer = boss.get(page(signal))
    text = answer.content.decode()
    assert "The signal is 2 h old." in text
    [card] = answer.context["cards"]
    assert [(row.missing.account.slug, row.missing.why, row.shown.approved) for row in card.rows] == [
        ("paper-2", "the kill switch is on (account paper-2)", False),
        ("paper-3", "the kill switch is on (account paper-3)", True),
    ]
    assert [rule["rule"] for rule in card.rows[0].failed] == ["kill_switch"]
    assert "paper-1" not in [row.missing.account.slug for row in card.rows]
    boss.post(page(signal), filled_in(boss, signal))
    boss.post(page(signal), filled_in(boss, signal, confirm_password="not-it"))
    assert not [row for row in Decision.objects.all() if "asked" in row.enrichment]
    signal.refresh_from_db()
    assert signal.status == "PARTIAL"


def test_a_double_click_is_one_order(boss, signal):
    switch.set(scope="account", key="paper-2", on=False, reason="over", by="bob", now=clock.now())
    given = filled_in(boss, signal, confirm_password=PASSWORD)
    boss.post(page(signal), given)
    second = boss.post(page(signal), given, follow=True).content.decode()
    assert "this very request was carried out before, nothing was added" in second
    drain()
    late = boss.post(page(signal), given, follow=True).content.decode()
    assert "is being decided" not in late
    drain()
    assert Order.objects.filter(account__slug="paper-2").count() == 1


def test_a_reason_and_an_account_are_needed(boss, signal):
    given = filled_in(boss, signal, confirm_password=PASSWORD)
    for broken in ({**given, "reason": ""}, {**given, "accounts": []}, {**given, "accounts": ["trend paper-1"]}):
        answer = boss.post(page(signal), broken)
        assert answer.status_code == 200
        assert answer.context["form"].errors
    assert not [row for row in Decision.objects.all() if "asked" in row.enrichment]


def test_what_is_superseded_says_so_and_has_no_button(boss, signal, strategy):
    factories.signal(strategy, action="close")
    drain()
    text = boss.get(page(signal)).content.decode()
    assert "Not run: it is superseded: close BTCUSDT came at" in text
    assert "confirm_password" not in text
    assert 'name="reason"' not in text


def test_who_may_only_look_neither_sees_the_button_nor_the_page(signal):
    viewer = person("viewer", "view_signal", "view_decision", "view_order", clients=("house", "other"))
    address = reverse("admin:signals_signal_change", args=[signal.pk])
    assert page(signal) not in viewer.get(address).content.decode()
    assert viewer.get(page(signal)).status_code == 403
    given = {"request_id": "0" * 32, "accounts": ["trend paper-2"], "reason": "x", "confirm_password": PASSWORD}
    assert viewer.post(page(signal), given).status_code == 403
    assert not [row for row in Decision.objects.all() if "asked" in row.enrichment]


def test_an_operator_runs_only_what_is_of_their_clients(signal):
    mine = person("mine", "view_signal", "change_order")
    answer = mine.get(page(signal))
    assert answer.context["cards"] == []
    given = {"request_id": "0" * 32, "accounts": ["trend paper-2"], "reason": "x", "confirm_password": PASSWORD}
    assert mine.post(page(signal), given).status_code == 200
    assert not [row for row in Decision.objects.all() if "asked" in row.enrichment]
    other = person("other", "view_signal", "change_order", clients=("other",))
    [card] = other.get(page(signal)).context["cards"]
    assert [row.missing.account.slug for row in card.rows] == ["paper-2", "paper-3"]


def test_where_the_strategy_asks_for_a_yes_it_takes_who_may_give_it(signal, strategy):
    strategy.approval_seconds = 300
    strategy.save()
    configuration.changed()
    other = person("other", "view_signal", "change_order", clients=("other",))
    [card] = other.get(page(signal)).context["cards"]
    assert card.part.refused == "trend asks for a person's yes, and you may not give it"
    both = person("both", "view_signal", "change_order", "change_approval", clients=("other",))
    [card] = both.get(page(signal)).context["cards"]
    assert card.part.refused == ""
