"""What a person who is bound to some clients may do, with every permission there is: nothing to anybody else's."""

from __future__ import annotations

from datetime import time

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Account, AccountGroup, AccountGroupMember, Operator
from relay.models import Endpoint, EndpointGroup, GroupMember, Notification
from signals.models import AnalysisPlan, AnalysisRun, RiskLimit, RiskScope, Signal, Strategy
from signals.risk import switch
from tests import factories
from tests.admin.conftest import PASSWORD
from tests.admin.test_analysis import FORM
from tests.admin.test_configuration import endpoint_form, errors, strategy_form
from tests.admin.test_operations import send, turn
from tradeops.core import clock, configuration

pytestmark = pytest.mark.django_db


def grouped(slug: str, *accounts: Account) -> AccountGroup:
    group = AccountGroup.objects.create(slug=slug)
    for account in accounts:
        AccountGroupMember.objects.create(group=group, account=account)
    return group


@pytest.fixture
def person(staff):
    return Operator.objects.get(username="staff")


# The test alert ----------------------------------------------------------------------------------------------------


@pytest.fixture
def by_groups(home):
    """The strategy of the house, trading and relaying through groups alone."""
    home.strategy.groups.set([grouped("desk", *home.accounts)])
    home.strategy.accounts.clear()
    bridges = EndpointGroup.objects.create(slug="bridges", mode="fan_out")
    for number, endpoint in enumerate((home.endpoint, factories.endpoint("vps-2"))):
        GroupMember.objects.create(group=bridges, endpoint=endpoint, position=number)
    home.strategy.endpoint_groups.set([bridges])
    home.strategy.endpoints.clear()
    configuration.changed()
    return home


def test_the_test_alert_names_what_groups_trade(boss, by_groups):
    text = send(boss, by_groups).content.decode()
    assert "this really trades on paper-1, paper-2 and is relayed to vps-1, vps-2." in text


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (True, "trades on paper-1 and 1 that you do not see and"),
        (False, "trades on 2 accounts that you do not see and"),
    ],
)
def test_the_test_alert_counts_what_the_person_does_not_see(home, person, theirs, told):
    from signals.operator import test_alert

    if not theirs:
        person.clients.clear()
    said = test_alert.consequences(strategy=home.strategy, alert="buy", person=person)
    assert told in said[1]


# Endpoints ---------------------------------------------------------------------------------------------------------


def relay_page(model: str, row, name: str = "change") -> str:
    return reverse(f"admin:relay_{model}_{name}", args=[row.pk])


def moved(row, url: str = "https://mine.example/hook"):
    return endpoint_form(slug=row.slug, url=url)


@pytest.mark.parametrize("through_a_group", [False, True])
def test_an_endpoint_that_others_send_to_is_looked_at_only(staff, boss, home, request, through_a_group):
    if through_a_group:
        request.getfixturevalue("by_groups")
    page = relay_page("endpoint", home.endpoint)
    before = list(Endpoint.objects.filter(pk=home.endpoint.pk).values())
    assert staff.get(page).status_code == 200
    assert staff.post(page, moved(home.endpoint)).status_code == 403
    for deed in ("trial_action", "breaker_action", "retire_action"):
        answer = staff.post(relay_page("endpoint", home.endpoint, deed), {"confirm_password": PASSWORD})
        assert answer.status_code == 403, deed
    assert staff.post(relay_page("endpoint", home.endpoint, "ping")).status_code == 403
    assert list(Endpoint.objects.filter(pk=home.endpoint.pk).values()) == before


def test_a_group_that_others_send_to_is_looked_at_only(staff, by_groups):
    group = EndpointGroup.objects.get(slug="bridges")
    assert staff.get(relay_page("endpointgroup", group)).status_code == 200
    for name in ("change", "leader_action", "retire_action"):
        assert staff.post(relay_page("endpointgroup", group, name), {"confirm_password": PASSWORD}).status_code == 403
    group.refresh_from_db()
    assert group.retired_at is None


def test_an_endpoint_of_ones_own_is_changed_and_retired(staff, home):
    home.strategy.accounts.set([home.accounts[0]])
    assert staff.post(relay_page("endpoint", home.endpoint), moved(home.endpoint)).status_code == 302
    home.endpoint.refresh_from_db()
    assert home.endpoint.url == "https://mine.example/hook"
    staff.post(relay_page("endpoint", home.endpoint, "retire_action"), {"confirm_password": PASSWORD})
    home.endpoint.refresh_from_db()
    assert home.endpoint.retired_at is not None


def test_an_endpoint_of_a_strategy_that_trades_nowhere_is_nobodys_own(staff, home):
    home.strategy.accounts.set([home.accounts[0]])
    factories.strategy("relays-only", endpoints=[home.endpoint])
    assert staff.post(relay_page("endpoint", home.endpoint), moved(home.endpoint)).status_code == 403
    Strategy.objects.filter(slug="relays-only").update(retired_at=clock.now())
    assert staff.post(relay_page("endpoint", home.endpoint), moved(home.endpoint)).status_code == 302


# Strategies --------------------------------------------------------------------------------------------------------

STRATEGIES = reverse("admin:signals_strategy_changelist")


def strategy_page(row: Strategy, name: str = "change") -> str:
    return reverse(f"admin:signals_strategy_{name}", args=[row.pk])


@pytest.mark.parametrize("field", ["accounts", "groups", "endpoints", "endpoint_groups"])
def test_nobody_trades_or_relays_where_others_do(staff, boss, home, field):
    theirs = {
        "accounts": home.accounts[1],
        "groups": grouped("mixed", *home.accounts),
        "endpoints": factories.endpoint("vps-2"),
        "endpoint_groups": EndpointGroup.objects.create(slug="theirs", mode="fan_out"),
    }[field]
    form = strategy_form(**{field: [theirs.pk]})
    assert "is not one of the available choices" in errors(staff.post(reverse("admin:signals_strategy_add"), form))
    assert not Strategy.objects.filter(slug="swing").exists()
    assert boss.post(reverse("admin:signals_strategy_add"), form).status_code == 302
    assert list(getattr(Strategy.objects.get(slug="swing"), field).all()) == [theirs]


def test_one_trades_where_one_may(staff, home):
    mine = grouped("mine", home.accounts[0])
    form = strategy_form(groups=[mine.pk], endpoints=[home.endpoint.pk])
    assert staff.post(reverse("admin:signals_strategy_add"), form).status_code == 302
    row = Strategy.objects.get(slug="swing")
    assert (list(row.groups.all()), list(row.endpoints.all())) == ([mine], [home.endpoint])
    assert staff.post(strategy_page(row), {**form, "mode": "off"}).status_code == 302
    row.refresh_from_db()
    assert row.mode == "off"
    staff.post(strategy_page(row, "retire_action"), {"confirm_password": PASSWORD})
    row.refresh_from_db()
    assert row.retired_at is not None


def test_a_strategy_that_others_trade_too_is_looked_at_only(staff, home):
    before = list(Strategy.objects.filter(pk=home.strategy.pk).values())
    page = staff.get(strategy_page(home.strategy))
    assert page.status_code == 200
    assert "paper-1" in page.content.decode()
    assert "paper-2" not in page.content.decode()
    form = strategy_form(accounts=[home.accounts[0].pk], slug="trend")
    assert staff.post(strategy_page(home.strategy), form).status_code == 403
    retire = strategy_page(home.strategy, "retire_action")
    assert staff.post(retire, {"confirm_password": PASSWORD}).status_code == 403
    assert list(Strategy.objects.filter(pk=home.strategy.pk).values()) == before
    assert set(home.strategy.accounts.all()) == set(home.accounts)


def test_the_list_says_which_of_ones_own_accounts_trade(staff, boss, home):
    home.strategy.accounts.clear()
    home.strategy.groups.set([grouped("mixed", *home.accounts)])
    swing = factories.strategy("swing", accounts=[factories.account("paper-3", client=home.accounts[0].client)])
    swing.groups.set([grouped("mine", home.accounts[0])])
    text = staff.get(STRATEGIES).content.decode()
    assert "paper-3, mine" in text
    assert "paper-1" in text
    assert "mixed" not in text
    assert "paper-2" not in text
    assert "mixed" in boss.get(STRATEGIES).content.decode()


# Deeds on a strategy that others trade too --------------------------------------------------------------------------


@pytest.fixture
def mine(home):
    """A strategy that trades for the house alone."""
    return factories.strategy("swing", accounts=[home.accounts[0]], sources=[home.source])


def test_the_kill_switch_of_a_shared_strategy_is_not_turned(staff, home, mine):
    page = turn(staff, target="strategy:trend", confirm_password=PASSWORD)
    assert "also trades for clients that are not yours" in page.content.decode()
    assert not RiskScope.objects.filter(kill_switch=True).exists()
    turn(staff, target="strategy:swing", confirm_password=PASSWORD)
    assert RiskScope.objects.get(kill_switch=True).key == "swing"


def test_a_shared_strategy_does_not_go_on(staff, home, mine):
    for slug, status in (("trend", 403), ("swing", 302)):
        row = RiskScope.objects.create(scope="strategy", key=slug, halted_at=clock.now(), halted_reason="too many")
        url = reverse("admin:signals_riskscope_resume", args=[row.pk])
        assert staff.post(url, {"reason": "fixed", "confirm_password": PASSWORD}).status_code == status
        row.refresh_from_db()
        assert (row.halted_at is not None) == (slug == "trend")


def test_a_shared_strategy_gets_no_test_alert(staff, home, mine):
    before = Signal.objects.count()
    assert send(staff, home).status_code == 403
    assert send(staff, home, confirm_password=PASSWORD).status_code == 403
    assert Signal.objects.count() == before
    home.strategy = mine
    assert send(staff, home, confirm_password=PASSWORD).status_code == 302
    assert Signal.objects.count() == before + 1


def test_an_analysis_for_a_shared_strategy_is_not_run(staff, home, mine):
    for strategy, status in ((home.strategy, 403), (mine, 302), (None, 302)):
        plan = AnalysisPlan.objects.create(
            slug=f"for-{strategy}".lower(), symbols=["AAPL"], data="simulated", first_at=time(6), last_at=time(9),
            strategy=strategy,
        )  # fmt: skip
        url = reverse("admin:signals_analysisplan_run_action", args=[plan.pk])
        assert staff.post(url, {"confirm_password": PASSWORD}).status_code == status
        assert AnalysisRun.objects.filter(plan=plan).exists() == (status == 302)


def test_no_plan_is_made_to_feed_what_others_trade(staff, home, mine):
    theirs = factories.strategy("theirs", accounts=[home.accounts[1]])
    url = reverse("admin:signals_analysisplan_add")
    assert "not one of the available choices" in errors(staff.post(url, {**FORM, "strategy": theirs.pk}))
    assert "also trades for clients that are not yours" in errors(
        staff.post(url, {**FORM, "strategy": home.strategy.pk})
    )
    assert not AnalysisPlan.objects.exists()
    assert staff.post(url, {**FORM, "strategy": mine.pk}).status_code == 302
    plan = AnalysisPlan.objects.get()
    assert plan.strategy == mine
    AnalysisPlan.objects.update(strategy=home.strategy, active=False)
    change = reverse("admin:signals_analysisplan_change", args=[plan.pk])
    assert staff.get(change).status_code == 200
    assert staff.post(change, FORM).status_code == 403
    assert AnalysisPlan.objects.get().active is False


# Limits and switches -----------------------------------------------------------------------------------------------

LIMIT = {"scope": "account", "key": "paper-1", "rule": "max_open_positions", "value": '"2"'}
LIMITS = reverse("admin:signals_risklimit_changelist")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"scope": "global", "key": ""}, "more than the clients assigned to you"),
        ({"key": "paper-2"}, "There is no account"),
        ({"scope": "strategy", "key": "theirs"}, "There is no strategy"),
        ({"scope": "strategy", "key": "trend"}, "also trades for clients that are not yours"),
    ],
)
def test_no_limit_is_set_for_others(staff, boss, home, changes, told):
    factories.strategy("theirs", accounts=[home.accounts[1]])
    url = reverse("admin:signals_risklimit_add")
    assert told in errors(staff.post(url, {**LIMIT, **changes}))
    assert not RiskLimit.objects.exists()
    assert boss.post(url, {**LIMIT, **changes}).status_code == 302
    assert RiskLimit.objects.count() == 1


def test_one_s_own_limits_are_set_changed_and_deleted(staff, home, mine):
    for scope, key in (("account", "paper-1"), ("strategy", "swing")):
        staff.post(reverse("admin:signals_risklimit_add"), {**LIMIT, "scope": scope, "key": key})
        row = RiskLimit.objects.get(scope=scope, key=key)
        url = reverse("admin:signals_risklimit_change", args=[row.pk])
        assert staff.post(url, {**LIMIT, "scope": scope, "key": key, "value": '"3"'}).status_code == 302
        row.refresh_from_db()
        assert str(row.value) == "3"
        assert "more than the clients" in errors(staff.post(url, {**LIMIT, "scope": "global", "key": ""}))
        staff.post(reverse("admin:signals_risklimit_delete", args=[row.pk]), {"post": "yes"})
        assert not RiskLimit.objects.exists()


def test_limits_of_others_are_neither_shown_changed_nor_deleted(staff, home):
    wanted = {
        ("global", ""): 302, ("account", "paper-2"): 302, ("strategy", "theirs"): 302, ("strategy", "trend"): 403,
    }  # fmt: skip
    factories.strategy("theirs", accounts=[home.accounts[1]])
    rows = {place: factories.limit("max_open_positions", "2", scope=place[0], key=place[1]) for place in wanted}
    assert [row.key for row in staff.get(LIMITS).context["cl"].result_list] == ["trend"]
    for place, status in wanted.items():
        for deed, form in (("change", {**LIMIT, "value": '"9"'}), ("delete", {"post": "yes"})):
            url = reverse(f"admin:signals_risklimit_{deed}", args=[rows[place].pk])
            assert staff.post(url, form).status_code == status
    assert sorted(RiskLimit.objects.values_list("scope", "key", "value")) == sorted((*place, "2") for place in wanted)


def test_switches_of_others_are_not_shown(staff, boss, home):
    factories.strategy("theirs", accounts=[home.accounts[1]])
    for scope, key in (("global", ""), ("account", "paper-1"), ("account", "paper-2"), ("strategy", "trend"),
                       ("strategy", "theirs")):  # fmt: skip
        switch.set(scope=scope, key=key, on=True, reason=f"why {scope} {key}", by="op", now=clock.now())
    for url in (reverse("admin:signals_riskscope_turn"), reverse("admin:signals_riskscope_changelist")):
        text = staff.get(url).content.decode()
        told = [word for word in ("global", "account paper-1", "strategy trend") if f"why {word}" in text]
        assert told == ["global", "account paper-1", "strategy trend"]
        assert "why account paper-2" not in text
        assert "why strategy theirs" not in text
        assert "why strategy theirs" in boss.get(url).content.decode()


# Channels ----------------------------------------------------------------------------------------------------------


def test_a_channel_s_page_shows_one_s_own_messages_and_counts_no_others(staff, boss, home):
    Notification.objects.filter(message__account="paper-2").update(status="PENDING", sent_at=None)
    url = reverse("admin:relay_channel_change", args=[home.channel.pk])
    mine, every = staff.get(url), boss.get(url)
    assert "Bought 0.01 BTC/USDT on paper-1" in mine.content.decode()
    assert "paper-2" not in mine.content.decode()
    assert "Bought 0.01 BTC/USDT on paper-2" in every.content.decode()
    found = [
        (page["looked_at"], page["would_get"], len(page["preview"]), len(page["log"]), page["waiting"])
        for page in (mine.context, every.context)
    ]
    assert found == [(3, 3, 3, 1, 0), (4, 4, 4, 2, 1)]


# Filters -----------------------------------------------------------------------------------------------------------


def offered(answer) -> dict[str, list[str]]:
    """What each filter of a list offers beside `All` and `none`, by its title."""
    cl = answer.context["cl"]
    words = {spec.title: [str(choice["display"]) for choice in spec.choices(cl)] for spec in cl.filter_specs}
    return {title: [word for word in found if word not in ("All", "-")] for title, found in words.items()}


@pytest.fixture
def others(home):
    """Two accounts and strategies of the house, and as many of somebody else."""
    for slug, account in (("swing", home.accounts[0]), ("theirs", home.accounts[1])):
        factories.strategy(slug, accounts=[account], endpoints=[factories.endpoint(f"vps-{slug}")])
    factories.account("paper-3", client=home.accounts[0].client)
    return home


@pytest.mark.parametrize(
    ("name", "title", "mine", "every"),
    [
        ("signals_order", "account", ["paper-1", "paper-3"], ["paper-1", "paper-2", "paper-3"]),
        ("signals_order", "strategy", ["swing", "trend"], ["swing", "theirs", "trend"]),
        ("signals_decision", "account", ["paper-1", "paper-3"], ["paper-1", "paper-2", "paper-3"]),
        ("relay_delivery", "endpoint", ["vps-1", "vps-swing"], ["vps-1", "vps-swing", "vps-theirs"]),
        ("accounts_account", "client", None, ["house", "other"]),  # one's only client is no choice
    ],
)
def test_filters_offer_what_one_sees(staff, boss, others, name, title, mine, every):
    url = reverse(f"admin:{name}_changelist")
    assert offered(staff.get(url)).get(title) == mine
    assert offered(boss.get(url))[title] == every


def test_a_filter_still_filters(staff, others):
    url = reverse("admin:signals_order_changelist")
    for number, rows in ((0, 1), (1, 0)):
        answer = staff.get(url, {"account__id__exact": others.accounts[number].pk})
        assert len(answer.context["cl"].result_list) == rows


def test_every_related_filter_of_every_page_is_bound(rf, person):
    request = rf.get("/")
    request.user = person
    found = [
        (model._meta.label, each)
        for model, page in admin.site._registry.items()
        for each in page.get_list_filter(request)
        if isinstance(each, str) and model._meta.get_field(each).is_relation
    ]
    assert found == []
