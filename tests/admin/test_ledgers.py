"""Ledgers are read and never written (U4), and a list costs the same at any length (U6)."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Operator
from signals.models import Signal
from tests import factories, life
from tests.factories import NOW
from tests.statements import asked

LEDGERS = (
    "signals.Signal", "signals.Decision", "signals.Order", "signals.OrderStep", "signals.Fill", "signals.Position",
    "signals.RefusedAttempt", "signals.DedupKey", "signals.WorkItem", "signals.PaperBalance", "signals.PaperOrder",
    "signals.PaperTrade", "signals.PaperPosition", "signals.PaperMove", "signals.StoredQuote",
    "signals.StrategyTarget", "signals.RiskScope", "relay.Delivery", "relay.Attempt", "relay.Message",
    "relay.Notification", "core.Heartbeat", "relay.Alarm", "relay.HealthCheck", "relay.UptimeHour",
    "relay.EndpointState", "core.Lease", "core.Cursor", "core.SealedValue", "core.ConfigurationVersion",
    "django_q.Failure", "django_q.Schedule", "signals.OrderAnswer", "signals.VenueDifference",
    "signals.Reconciliation", "accounts.TelegramLink", "accounts.TelegramCommand", "signals.ReconciliationCursor",
    "signals.ExternalTrade", "signals.ExternalPosition", "signals.SymbolBlock", "accounts.VenueSetting",
)  # fmt: skip
OURS = ("accounts", "relay", "signals", "core")
# Edited, or shown, on the page of its group, alarm, channel or account.
PART_OF_ANOTHER = {
    "relay.GroupMember", "relay.AlarmEvent", "relay.ChannelState", "accounts.AccountBalance", "accounts.AccountSync",
    "accounts.AccountPosition", "accounts.Credential", "accounts.TelegramCode",
    "accounts.AccountGroupMember", "accounts.AccountTransfer",
    "signals.AccountEquity", "signals.EquityDay", "signals.EquityPoint",
}  # fmt: skip


def test_every_model_of_ours_has_a_page():
    registered = set(admin.site._registry)
    missing = [m._meta.label for app in OURS for m in apps.get_app_config(app).get_models() if m not in registered]
    assert set(missing) - PART_OF_ANOTHER == set()


@pytest.mark.parametrize("label", LEDGERS)
def test_not_even_a_superuser_writes_a_ledger(label, db):
    page = admin.site._registry[apps.get_model(label)]
    request = RequestFactory().get("/")
    request.user = Operator(is_superuser=True, is_active=True, is_staff=True)
    assert page.has_view_permission(request)
    assert not page.has_add_permission(request)
    assert not page.has_change_permission(request)
    assert not page.has_delete_permission(request)
    assert page.get_actions(request) == {}


@pytest.mark.parametrize("name", ["signals_signal", "signals_order", "signals_decision", "relay_delivery"])
def test_a_post_to_a_ledger_changes_nothing(boss, home, name):
    model = apps.get_model(name.replace("_", "."))
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()
    assert boss.post(reverse(f"admin:{name}_change", args=[row.pk]), {"status": "FAILED"}).status_code in (200, 403)
    assert boss.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert boss.post(reverse(f"admin:{name}_add"), {}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize(
    "name", ["signals_signal", "signals_order", "signals_decision", "signals_fill", "relay_delivery", "relay_message"]
)
def test_a_list_neither_counts_nor_asks_for_each_row(boss, home, name):
    url = reverse(f"admin:{name}_changelist")
    boss.get(url)
    with CaptureQueriesContext(connection) as few:
        boss.get(url)
    for minute in range(32, 44):
        life.traded(home, at=NOW.replace(minute=minute))
    with CaptureQueriesContext(connection) as many:
        assert boss.get(url).status_code == 200
    assert len(asked(many)) == len(asked(few))
    assert not [q["sql"] for q in many if "COUNT(" in q["sql"].upper() or "OFFSET" in q["sql"].upper()]


def test_pages_follow_by_key_both_ways(boss, home):
    Signal.objects.bulk_create(
        Signal(request_id="r", received_at=NOW, symbol=f"S{number}", action="buy", data={}, raw={})
        for number in range(120)
    )
    url = reverse("admin:signals_signal_changelist")
    seen = []
    pages = []
    while url:
        cl = boss.get(url).context["cl"]
        pages.append(cl)
        seen += [row.pk for row in cl.result_list]
        url = reverse("admin:signals_signal_changelist") + cl.older_url if cl.has_older else ""
        if not cl.result_list:
            break
    assert seen == sorted(Signal.objects.values_list("pk", flat=True), reverse=True)
    assert not pages[0].has_newer
    back = boss.get(reverse("admin:signals_signal_changelist") + pages[1].newer_url).context["cl"]
    assert [row.pk for row in back.result_list] == [row.pk for row in pages[0].result_list]
    assert not back.has_newer


def test_a_filter_stays_on_the_next_page(boss, home):
    Signal.objects.bulk_create(
        Signal(request_id="r", received_at=NOW, symbol="S", action="buy", data={}, raw={}, status="FAILED")
        for number in range(60)
    )
    url = reverse("admin:signals_signal_changelist")
    first = boss.get(url, {"status__exact": "FAILED"}).context["cl"]
    second = boss.get(url + first.older_url).context["cl"]
    assert {row.status for row in second.result_list} == {"FAILED"}
    assert len(second.result_list) == 10


def test_a_search_or_filter_begins_with_the_newest_wherever_one_was(boss, home):
    Signal.objects.bulk_create(
        Signal(request_id="r", received_at=NOW, symbol="S", action="buy", data={}, raw={}, status="FAILED")
        for number in range(120)
    )
    url = reverse("admin:signals_signal_changelist")
    first = boss.get(url, {"status__exact": "FAILED"}).context["cl"]
    second = boss.get(url + first.older_url)
    third = boss.get(url + second.context["cl"].older_url)
    back = boss.get(url + third.context["cl"].newer_url)
    assert [row.pk for row in back.context["cl"].result_list] == [row.pk for row in second.context["cl"].result_list]
    for answer, place in ((second, "older"), (third, "older"), (back, "newer")):
        cl, page = answer.context["cl"], answer.content.decode()
        links = [choice["query_string"] for spec in cl.filter_specs for choice in spec.choices(cl)]
        links += [cl.clear_all_filters_qs, cl.add_facet_link, cl.remove_facet_link]
        assert [link for link in links if "older" in link or "newer" in link] == []
        assert f'name="{place}"' not in page
        assert 'name="status__exact" value="FAILED"' in page  # what was filtered, a search keeps


@pytest.mark.parametrize("text", ["x", "9" * 30, "-1", "1; DROP TABLE"])
def test_a_mistyped_place_is_no_error(boss, home, text):
    assert boss.get(reverse("admin:signals_signal_changelist"), {"older": text}).status_code == 200


def test_a_signal_is_found_by_the_id_that_the_world_knows(boss, home):
    found = boss.get(reverse("admin:signals_signal_changelist"), {"q": home.traded.public_id}).context["cl"]
    assert [row.pk for row in found.result_list] == [home.traded.pk]
    assert boss.get(reverse("admin:signals_signal_change", args=[home.traded.public_id])).status_code == 200


def test_the_signals_page_says_why_and_escapes_what_was_sent(boss, home):
    page = boss.get(reverse("admin:signals_signal_change", args=[home.rejected.pk]))
    text = page.content.decode()
    assert "It did not trade. paper-1, paper-2: the order is worth 50000 USDT, the limit is 10000." in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text
    assert "max_order_notional" in text


def test_the_fragment_says_when_it_is_the_last(boss, home):
    url = reverse("admin:signals_signal_change", args=[home.traded.pk])
    assert boss.get(url, {"fragment": 1})["X-Settled"] == "1"
    waiting = factories.signal(home.strategy)
    answer = boss.get(reverse("admin:signals_signal_change", args=[waiting.pk]), {"fragment": 1})
    assert answer["X-Settled"] == "0"
    assert "<html" not in answer.content.decode()


# What a person who is no superuser sees (E2) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("accounts_account", 1), ("signals_order", 1), ("signals_fill", 1), ("signals_position", 1),
        ("signals_decision", 3), ("relay_notification", 1), ("signals_orderstep", 7),
    ],
)  # fmt: skip
def test_staff_see_what_belongs_to_their_clients(staff, home, name, count):
    answer = staff.get(reverse(f"admin:{name}_changelist"))
    assert len(answer.context["cl"].result_list) == count


def test_staff_get_a_404_or_the_list_for_somebody_elses_row(staff, home):
    theirs = home.accounts[1].orders.get()
    answer = staff.get(reverse("admin:signals_order_change", args=[theirs.pk]))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("admin:index")


def test_staff_see_only_their_part_of_a_shared_signal(staff, home):
    text = staff.get(reverse("admin:signals_signal_change", args=[home.traded.pk])).content.decode()
    assert "paper-1" in text
    assert "paper-2" not in text


def test_staff_cannot_make_themselves_superusers(staff):
    me = Operator.objects.get(username="staff")
    url = reverse("admin:accounts_operator_change", args=[me.pk])
    assert staff.post(url, {"username": "staff", "is_superuser": "on"}).status_code in (200, 302, 403)
    me.refresh_from_db()
    assert not me.is_superuser


def test_refresh_tokens_and_the_queue_have_no_page():
    labels = {model._meta.label for model in admin.site._registry}
    assert not labels & {"token_blacklist.OutstandingToken", "token_blacklist.BlacklistedToken", "django_q.OrmQ"}
