"""The relay's pages: how endpoints do, who leads, and what was given up."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.management import call_command
from django.urls import reverse

from relay import groups
from relay.models import (
    Attempt,
    Delivery,
    Endpoint,
    EndpointGroup,
    EndpointState,
    GroupMember,
    HealthCheck,
    Message,
    PrivateNetwork,
    UptimeHour,
)
from tests import factories
from tests.admin.conftest import PASSWORD
from tests.fakes.receivers import Server, answer
from tradeops import dashboard
from tradeops.core import clock, configuration

SECRET, REPORTS = "the-secret-of-this-test", "the-reports-of-this-test"


def told(answer) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def events() -> list[str]:
    return list(Message.objects.filter(event__startswith="endpoint.").order_by("pk").values_list("event", flat=True))


@pytest.fixture
def server(db):
    PrivateNetwork.objects.create(cidr="127.0.0.0/8")
    with Server() as running:
        yield running


@pytest.fixture
def vps(server):
    row = factories.endpoint("vps-7", url=server.url, secret=SECRET, report_secret=REPORTS)
    configuration.changed()
    return row


def page(name: str, *args) -> str:
    return reverse(f"admin:relay_{name}", args=args)


def endpoint_form(**changes: object) -> dict[str, object]:
    return {
        "slug": "vps-9", "url": "https://vps.example.com/webhook", "new_secret": SECRET, "active": "on",
        "timeout_seconds": 10, "tags": "[]", "headers": "{}", "symbols": "{}", "receives": ["signals"], **changes,
    }  # fmt: skip


# Endpoints ------------------------------------------------------------------------------------------------------------


def test_the_list_says_how_each_does_and_keeps_its_price(boss, vps, django_assert_max_num_queries):
    now = clock.now()
    for number in range(3):
        factories.endpoint(f"more-{number}")
    hour = now.replace(minute=0, second=0, microsecond=0)
    UptimeHour.objects.create(endpoint=vps, hour=hour, checks=4, ok=3, ms=30)
    EndpointState.objects.create(
        endpoint=vps, since=now, breaker="HALF_OPEN", healthy=False, check_ms=17, checked_at=now
    )
    boss.get(page("endpoint_changelist"))
    with django_assert_max_num_queries(11):
        text = boss.get(page("endpoint_changelist")).content.decode()
    for shown in ("unhealthy", "half open", "17 ms", "75.00 %", "unknown"):
        assert shown in text, shown
    assert SECRET not in text


def test_its_page_shows_chart_attempts_groups_and_no_secret(boss, vps):
    now = clock.now()
    HealthCheck.objects.create(endpoint=vps, at=now - timedelta(minutes=5), ok=True, ms=12, status_code=200)
    HealthCheck.objects.create(
        endpoint=vps, at=now - timedelta(hours=3), ok=False, ms=5000, error="no complete answer within 5 s"
    )
    group = EndpointGroup.objects.create(slug="pair")
    groups.set_members(group=group, slugs=["vps-7"])
    text = boss.get(page("endpoint_change", vps.pk)).content.decode()
    assert text.count('<rect class="to-bar-good"') == 1
    assert text.count('<rect class="to-bar-bad"') == 1
    assert "1 of 1 failed: no complete answer within 5 s" in text
    assert "pair</a> (leads)" in text
    assert SECRET not in text
    assert REPORTS not in text


def test_ping_now_asks_and_tells(boss, vps, server):
    url = page("endpoint_ping", vps.pk)
    assert boss.get(url).status_code == 405
    assert server.checks == []
    answered = boss.post(url)
    assert answered.status_code == 302
    assert told(answered)[-1].startswith("vps-7 is well: HTTP 200 in ")
    server.health = answer(500)
    assert told(boss.post(url))[-1].startswith("vps-7: HTTP 500 (")
    assert len(server.checks) == 2
    assert HealthCheck.objects.filter(endpoint=vps).count() == 2
    assert server.requests == []
    assert events() == ["endpoint.unhealthy"]


def test_a_stranger_asks_nothing(staff, home, vps, server):
    """vps-7 belongs to no strategy of theirs."""
    assert staff.post(page("endpoint_ping", vps.pk)).status_code == 404
    assert staff.post(page("endpoint_trial_action", vps.pk), {"confirm_password": PASSWORD}).status_code == 404
    assert server.checks == server.requests == []
    assert not Delivery.objects.filter(type="test").exists()


def test_a_test_message_is_confirmed_and_is_a_delivery_like_every_other(boss, vps, server):
    url = page("endpoint_trial_action", vps.pk)
    text = boss.get(url).content.decode()
    assert "there is nothing to trade" in text
    assert boss.post(url, {"confirm_password": "wrong"}).status_code == 200
    assert not Delivery.objects.exists()
    answered = boss.post(url, {"confirm_password": PASSWORD})
    delivery = Delivery.objects.get()
    assert answered.headers["Location"] == page("delivery_change", delivery.pk)
    assert (delivery.type, delivery.endpoint, delivery.dry_run, delivery.status) == ("test", vps, True, "PENDING")
    assert delivery.message.title == "boss sends a test message to vps-7"
    assert set(delivery.message.body["data"]) == {"note"}


def test_nothing_is_sent_to_one_that_is_off(boss, vps):
    Endpoint.objects.update(active=False)
    answered = boss.post(page("endpoint_trial_action", vps.pk), {"confirm_password": PASSWORD})
    assert told(answered) == ["vps-7 is switched off: nothing is sent to it. Switch it on first."]
    assert not Delivery.objects.exists()


def test_a_breaker_is_closed_by_a_person_once_they_say_who_they_are(boss, vps):
    url = page("endpoint_breaker_action", vps.pk)
    assert told(boss.get(url)) == ["The breaker of vps-7 is closed: its messages go."]
    now = clock.now()
    EndpointState.objects.create(endpoint=vps, since=now, breaker="OPEN", failures=9, probe_at=now + timedelta(hours=1))
    assert "It opened after 9 failures in a row." in boss.get(url).content.decode()
    boss.post(url, {"confirm_password": "wrong"})
    assert EndpointState.objects.get().breaker == "OPEN"
    assert told(boss.post(url, {"confirm_password": PASSWORD})) == ["The breaker of vps-7 is closed."]
    state = EndpointState.objects.get()
    assert (state.breaker, state.failures) == ("CLOSED", 0)
    assert events() == ["endpoint.recovered"]


def test_the_report_secret_is_written_and_never_shown(boss, server):
    assert boss.post(page("endpoint_add"), endpoint_form(new_report_secret=REPORTS)).status_code == 302
    row = Endpoint.objects.get(slug="vps-9")
    assert (row.secret, row.report_secret) == (SECRET, REPORTS)
    url = page("endpoint_change", row.pk)
    assert boss.post(url, endpoint_form(new_secret="", new_report_secret="", timeout_seconds=7)).status_code == 302
    row.refresh_from_db()
    assert (row.secret, row.report_secret, row.timeout_seconds) == (SECRET, REPORTS, 7)
    refused = boss.post(url, endpoint_form(new_secret="", new_report_secret=SECRET))
    assert "must not be the one that messages are signed with" in refused.content.decode()
    row.refresh_from_db()
    assert row.report_secret == REPORTS


# Groups ---------------------------------------------------------------------------------------------------------------


def group_form(*members: tuple[Endpoint, int], **changes: object) -> dict[str, object]:
    form: dict[str, object] = {
        "slug": "pair", "mode": "failover", "active": "on", "groupmember_set-TOTAL_FORMS": len(members),
        "groupmember_set-INITIAL_FORMS": 0, "groupmember_set-MIN_NUM_FORMS": 1, **changes,
    }  # fmt: skip
    for number, (endpoint, position) in enumerate(members):
        form[f"groupmember_set-{number}-endpoint"] = endpoint.pk
        form[f"groupmember_set-{number}-position"] = position
    return form


def test_a_group_is_made_with_its_members(boss, vps):
    other = factories.endpoint("vps-8")
    answered = boss.post(page("endpointgroup_add"), group_form((vps, 1), (other, 0)))
    assert answered.status_code == 302, answered.context["errors"]
    rows = GroupMember.objects.order_by("position").values_list("endpoint__slug", flat=True)
    assert list(rows) == ["vps-8", "vps-7"]
    text = boss.get(page("endpointgroup_changelist")).content.decode()
    assert "vps-8, vps-7" in text


@pytest.mark.parametrize(
    ("members", "changes", "told"), [(1, {"slug": "vps-7"}, "an endpoint already"), (0, {}, "at least 1")]
)
def test_a_group_that_would_not_work_is_not_made(boss, vps, members, changes, told):
    answered = boss.post(page("endpointgroup_add"), group_form(*[(vps, 0)][:members], **changes))
    assert answered.status_code == 200
    assert told in answered.content.decode()
    assert not EndpointGroup.objects.exists()


def test_an_endpoint_does_not_take_a_groups_name(boss, server):
    EndpointGroup.objects.create(slug="vps-9")
    answered = boss.post(page("endpoint_add"), endpoint_form())
    assert "an endpoint group already" in answered.content.decode()
    assert not Endpoint.objects.filter(slug="vps-9").exists()


@pytest.fixture
def pair(vps):
    other = factories.endpoint("vps-8", url="http://127.0.0.1:9/")
    group = EndpointGroup.objects.create(slug="pair", mode="failover")
    groups.set_members(group=group, slugs=["vps-7", "vps-8"])
    configuration.changed()
    return group, other


def test_a_leader_is_chosen_confirmed_and_told(boss, pair):
    group, other = pair
    url = page("endpointgroup_leader_action", group.pk)
    assert "vps-7 leads now" in boss.get(url).content.decode()
    confirm = boss.post(url, {"endpoint": other.pk}).content.decode()
    assert "From now on each message to pair goes to vps-8." in confirm
    boss.post(url, {"endpoint": other.pk, "confirm_password": "wrong"})
    assert EndpointGroup.objects.get().leader is None
    answered = boss.post(url, {"endpoint": other.pk, "confirm_password": PASSWORD})
    assert told(answered) == ["vps-8 leads pair now."]
    assert EndpointGroup.objects.get().leader == other
    assert events() == ["endpoint.leader"]


def dead(endpoint: Endpoint, *, minutes_left: float = 10, **fields) -> Delivery:
    now = clock.now()
    number = Delivery.objects.count()
    message = Message.objects.create(
        event="signal.approved", level="info", title="buy", strategy="trend", symbol="BTC/USDT", created_at=now,
        body={"data": {"action": "buy"}},
    )  # fmt: skip
    given = {
        "type": "signal", "subject": f"0195-{number}", "lane": "trend|BTC/USDT", "status": "DEAD", "tries": 6,
        "reason": "the deadline passed after 6 tries", "created_at": now, "due_at": now,
        "expires_at": now + timedelta(minutes=minutes_left),
    }  # fmt: skip
    return Delivery.objects.create(message=message, endpoint=endpoint, **{**given, **fields})


def test_a_leader_does_not_change_while_an_outcome_is_unknown(boss, pair, vps):
    group, other = pair
    dead(vps, status="RETRYING", group=group, unknown=True)
    url = page("endpointgroup_leader_action", group.pk)
    assert "1 messages that other members have not taken" in boss.post(url, {"endpoint": other.pk}).content.decode()
    [said] = told(boss.post(url, {"endpoint": other.pk, "confirm_password": PASSWORD}))
    assert said.startswith("vps-8 does not lead: another member of pair may have acted on a message")
    assert EndpointGroup.objects.get().leader is None
    assert events() == []


# Dead letters ---------------------------------------------------------------------------------------------------------


def test_only_what_was_given_up_is_listed(boss, vps):
    dead(vps, reason="the receiver answered 410 Gone")
    dead(vps, status="DELIVERED", reason="not shown")
    dead(vps, reason="superseded by 0195")
    text = boss.get(page("deadletter_changelist")).content.decode()
    assert "the receiver answered 410 Gone" in text
    assert "superseded by 0195" in text
    assert "not shown" not in text
    assert "superseded by 0195" not in boss.get(page("deadletter_changelist"), {"why": "lost"}).content.decode()
    assert boss.get(page("deadletter_change", Delivery.objects.get(status="DELIVERED").pk)).status_code == 302
    assert boss.get(page("deadletter_add")).status_code == 403
    assert boss.post(page("deadletter_delete", Delivery.objects.first().pk)).status_code == 403


def test_replay_shows_what_is_stale_and_asks_who_it_is(boss, vps):
    fresh, stale = dead(vps), dead(vps, minutes_left=-5, lane="trend|ETH/USDT")
    preview = boss.post(
        page("deadletter_changelist"), {"action": "replay_selected", "_selected_action": [fresh.pk, stale.pk]}
    )
    assert preview.status_code == 200
    context = preview.context
    assert (context["fresh"], context["stale"], context["refused"]) == (1, 1, 0)
    ids = f"{fresh.pk},{stale.pk}"
    url = page("deadletter_replay")
    assert boss.post(url, {"ids": ids, "confirm_password": "wrong"}).status_code == 200
    assert not Delivery.objects.filter(replay_of__isnull=False).exists()
    done = boss.post(url, {"ids": ids, "confirm_password": PASSWORD})
    assert done.context["sent"] == 1
    assert "past its deadline" in done.content.decode()
    [again] = Delivery.objects.filter(replay_of__isnull=False)
    assert (again.replay_of_id, again.subject, again.status) == (fresh.pk, fresh.subject, "PENDING")


def test_stale_ones_go_only_when_that_is_said(boss, vps):
    stale = dead(vps, minutes_left=-5)
    boss.post(page("deadletter_replay"), {"ids": str(stale.pk), "force": "on", "confirm_password": PASSWORD})
    again = Delivery.objects.get(replay_of=stale)
    assert again.expires_at > clock.now()
    # A second time, it is under way already.
    twice = boss.post(page("deadletter_replay"), {"ids": str(stale.pk), "force": "on", "confirm_password": PASSWORD})
    assert twice.context["sent"] == 0
    assert Delivery.objects.filter(replay_of=stale).count() == 1


def test_all_again_takes_what_is_fresh_and_was_not_sent_again(boss, vps):
    fresh = [dead(vps, lane=f"trend|{number}") for number in range(3)]
    dead(vps, minutes_left=-5)
    dead(vps, status="DELIVERED")
    dead(vps, reason="superseded by 0195")
    dead(vps, reason="passed on to vps-8: HTTP 503")
    preview = boss.get(page("deadletter_replay_all"))
    assert [each.delivery.pk for each in preview.context["candidates"]] == [row.pk for row in fresh]
    boss.post(page("deadletter_replay"), {"ids": ",".join(str(row.pk) for row in fresh), "confirm_password": PASSWORD})
    assert Delivery.objects.filter(replay_of__isnull=False).count() == 3
    assert told(boss.get(page("deadletter_replay_all"))) == [
        "Nothing is dead that is not stale or sent again already. Choose stale ones by hand."
    ]


@pytest.mark.parametrize("ids", ["", "1;2", "x", "9" * 30, ",".join(["1"] * 1001)])
def test_a_forged_list_is_refused(boss, vps, ids):
    dead(vps)
    answered = boss.post(page("deadletter_replay"), {"ids": ids, "confirm_password": PASSWORD})
    assert answered.status_code == 302
    assert not Delivery.objects.filter(replay_of__isnull=False).exists()


def test_nobody_replays_what_is_not_theirs(staff, home, vps):
    theirs = dead(vps)
    staff.post(page("deadletter_replay"), {"ids": str(theirs.pk), "confirm_password": PASSWORD})
    assert not Delivery.objects.filter(replay_of__isnull=False).exists()


def test_a_page_of_dead_letters_costs_the_same_for_many(boss, vps, django_assert_max_num_queries):
    for number in range(30):
        Attempt.objects.create(delivery=dead(vps, lane=str(number)), at=clock.now(), ms=1)
    boss.get(page("deadletter_changelist"))
    with django_assert_max_num_queries(7):
        boss.get(page("deadletter_changelist"))


def test_the_prune_command_knows_of_the_checks(vps):
    HealthCheck.objects.create(endpoint=vps, at=clock.now() - timedelta(days=2), ok=True, ms=1)
    call_command("prune", stdout=io.StringIO())
    assert not HealthCheck.objects.exists()


# The dashboard --------------------------------------------------------------------------------------------------------


def test_the_dashboard_says_which_endpoint_is_in_trouble(boss, home):
    second, third = factories.endpoint("vps-2"), factories.endpoint("vps-3")
    now = clock.now()
    EndpointState.objects.create(endpoint=second, since=now, breaker="OPEN", failures=6)
    EndpointState.objects.create(endpoint=third, since=now, healthy=False, check_error="HTTP 503", checked_at=now)
    found = {
        each["row"].slug: (each["state"], each["trouble"])
        for each in dashboard.facts(accounts=None, now=now)["endpoints"]
    }
    assert found == {
        "vps-1": ("good", ""),
        "vps-2": ("bad", "its breaker is open: 6 failures in a row"),
        "vps-3": ("bad", "health check: HTTP 503"),
    }
    assert "its breaker is open: 6 failures in a row" in boss.get("/admin/").content.decode()
