"""The outbox, replay and secrets, as the rest of the portal calls them."""

from datetime import timedelta

import pytest
from django.db import transaction

from relay import outbox, selectors, services
from relay.models import AlarmEvent, Attempt, Channel, Delivery, Endpoint, Message, Notification
from tests.fakes.receivers import Server, answer
from tradeops.core import configuration, events
from tradeops.core.errors import ConfigurationError, Conflict
from tradeops.core.events import Event, Level

from .conftest import NOW, SECRET, endpoint, fresh, send


def channel(slug, patterns, level, **fields):
    row = Channel.objects.create(slug=slug, kind="telegram", target="1", events=patterns, level=level, **fields)
    configuration.changed()
    return row


def event(name="order.filled", level=Level.INFO, **fields):
    return Event(name=name, at=NOW, level=level, title="something happened", **fields)


@pytest.fixture
def server():
    with Server() as running:
        yield running


def test_an_event_becomes_a_message_word_for_word(db):
    told = event(signal="s", strategy="trend", account="paper-1", symbol="BTC/USDT", request_id="r", body={"a": "1"})
    row = Message.objects.get(pk=outbox.record(told).pk)
    assert (row.event, row.level, row.title) == ("order.filled", "info", "something happened")
    assert (row.signal, row.strategy, row.account, row.symbol) == ("s", "trend", "paper-1", "BTC/USDT")
    assert (row.request_id, row.body, row.created_at) == ("r", {"a": "1"}, NOW)
    assert Notification.objects.count() == 0


@pytest.mark.parametrize(
    ("patterns", "level", "name", "event_level", "told"),
    [
        (["*"], "info", "order.filled", Level.INFO, True),
        (["*"], "warning", "order.filled", Level.INFO, False),
        (["*"], "warning", "order.unknown", Level.CRITICAL, True),
        (["*"], "critical", "order.rejected", Level.ERROR, False),
        (["order.*"], "info", "order.filled", Level.INFO, True),
        (["order.*"], "info", "orders.filled", Level.INFO, False),
        (["signal.rejected", "kill_switch.*"], "info", "kill_switch.on", Level.CRITICAL, True),
        (["signal.rejected"], "info", "signal.approved", Level.INFO, False),
        ([], "info", "order.filled", Level.CRITICAL, False),
    ],
)
def test_rules_by_event_and_level(db, patterns, level, name, event_level, told):
    channel("ops", patterns, level)
    outbox.record(event(name, event_level))
    if event_level is Level.CRITICAL:  # gathered with its like first: relay.notify.alarms
        assert (Notification.objects.count(), AlarmEvent.objects.count()) == (0, 1)
    else:
        assert (Notification.objects.count(), AlarmEvent.objects.count()) == (told, 0)


def test_each_matching_channel_once_and_no_closed_one(db):
    channel("a", ["*", "order.*"], "info")
    channel("b", ["order.filled"], "info")
    channel("off", ["*"], "info", active=False)
    channel("old", ["*"], "info", retired_at=NOW)
    message = outbox.record(event())
    rows = message.notifications.order_by("channel__slug")
    assert [(row.channel.slug, row.status, row.due_at) for row in rows] == [
        ("a", "PENDING", NOW + timedelta(seconds=1)),  # a moment to be bundled with others
        ("b", "PENDING", NOW + timedelta(seconds=1)),
    ]


def test_what_is_rolled_back_was_never_told(transactional_db, server):
    channel("ops", ["*"], "info")
    row = endpoint(server)

    with transaction.atomic():
        send(row)
        assert Delivery.objects.count() == Notification.objects.count() == 1
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()
    assert not Notification.objects.exists()


def test_a_message_goes_to_one_delivery_for_each_target(db, server):
    first, second = endpoint(server, "vps-1"), endpoint(server, "vps-2")
    message = services.relay(
        event=event("signal.approved", signal="s"),
        subject="s",
        type="exit",
        lane="l",
        endpoints=[services.Target(endpoint_id=first.pk), services.Target(endpoint_id=second.pk, dry_run=True)],
        reduces=True,
        expires_at=NOW + timedelta(hours=1),
        now=NOW,
    )
    rows = list(message.deliveries.order_by("pk"))
    assert [(row.endpoint_id, row.dry_run) for row in rows] == [(first.pk, False), (second.pk, True)]
    for row in rows:
        assert (row.type, row.subject, row.lane, row.reduces, row.status) == ("exit", "s", "l", True, "PENDING")
        assert (row.created_at, row.due_at, row.expires_at) == (NOW, NOW, NOW + timedelta(hours=1))


def test_a_signal_for_no_endpoint_is_told_all_the_same(db):
    channel("ops", ["*"], "info")
    send()
    assert Message.objects.count() == Notification.objects.count() == 1
    assert Delivery.objects.count() == 0


# Replay ------------------------------------------------------------------------------------------------------------


def settled(by_hand, server, **fields):
    [delivery] = send(endpoint(server), **fields)
    by_hand.round()
    return fresh(delivery)


def test_a_replay_is_sent_under_the_same_id_and_says_so(by_hand, server, published):
    delivery = settled(by_hand, server)
    again = services.replay(delivery=delivery, by="ann", force=False, now=NOW + timedelta(seconds=5))
    by_hand.clock.forward(6)
    by_hand.round()
    assert [(request.json["id"], request.json["replay"]) for request in server.requests] == [
        (delivery.subject, False),
        (delivery.subject, True),
    ]
    assert (again.lane, again.type, again.expires_at) == (delivery.lane, delivery.type, delivery.expires_at)
    [told] = [event for event in published if event.name == "delivery.replayed"]
    assert told.body == {"delivery": again.pk, "replay_of": delivery.pk, "by": "ann", "forced": False}
    assert fresh(again).status == Delivery.Status.DELIVERED


def test_a_stale_one_is_refused_unless_forced(by_hand, server):
    delivery = settled(by_hand, server, seconds=60)
    later = NOW + timedelta(seconds=61)
    with pytest.raises(Conflict, match="61 s old") as caught:
        services.replay(delivery=delivery, by="ann", force=False, now=later)
    assert caught.value.code == "stale"
    assert Delivery.objects.count() == 1
    again = services.replay(delivery=delivery, by="ann", force=True, now=later)
    assert again.expires_at == later + timedelta(seconds=60)
    by_hand.clock.forward(62)
    by_hand.round()
    assert server.requests[1].json["replay"] is True


def test_what_is_still_under_way_is_not_replayed(by_hand, server):
    server.script = [answer(500)]
    delivery = settled(by_hand, server)
    with pytest.raises(Conflict) as caught:
        services.replay(delivery=delivery, by="ann", force=True, now=NOW)
    assert caught.value.code == "still_open"


def test_a_second_click_makes_no_second_replay(by_hand, server):
    delivery = settled(by_hand, server)
    services.replay(delivery=delivery, by="ann", force=False, now=NOW)
    with pytest.raises(Conflict) as caught:
        services.replay(delivery=delivery, by="ann", force=False, now=NOW)
    assert caught.value.code == "still_open"
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize("closed", [{"active": False}, {"retired_at": NOW}])
def test_a_closed_endpoint_gets_no_replay(by_hand, server, closed):
    delivery = settled(by_hand, server)
    Endpoint.objects.update(**closed)
    with pytest.raises(Conflict) as caught:
        services.replay(delivery=delivery, by="ann", force=True, now=NOW)
    assert caught.value.code == "endpoint_closed"
    assert Delivery.objects.count() == 1


# Secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_is_stored_encrypted_and_used(by_hand, server):
    row = endpoint(server)
    services.set_secret(endpoint=row, secret="another-strong-secret")
    send(row)
    by_hand.round()
    assert Endpoint.objects.get(pk=row.pk).secret == "another-strong-secret"
    from tradeops.core import signing

    [request] = server.requests
    given = request.headers["X-Webhook-Signature"]
    assert signing.hex_signature_matches("another-strong-secret", request.body, given)
    assert not signing.hex_signature_matches(SECRET, request.body, given)


@pytest.mark.parametrize("secret", ["", "short", "12345678901", "whsec_not base64!"])
def test_a_weak_or_malformed_secret_is_refused(db, server, secret):
    row = endpoint(server)
    with pytest.raises(ConfigurationError) as caught:
        services.set_secret(endpoint=row, secret=secret)
    assert secret == "" or secret not in str(caught.value)
    assert Endpoint.objects.get(pk=row.pk).secret == SECRET


def test_a_new_endpoint_gets_its_secret_before_it_is_stored(db):
    row = Endpoint(slug="new", url="https://vps.example.com/")
    services.set_secret(endpoint=row, secret=SECRET)
    row.save()
    assert Endpoint.objects.get(slug="new").secret == SECRET


# Reading -----------------------------------------------------------------------------------------------------------


def test_a_replay_counts_instead_of_what_it_replays(by_hand, server):
    server.script = [answer(410)]
    with Server() as healthy:
        row, other = endpoint(server), endpoint(healthy, "vps-2")
        dead, _ = send(row, other)
        by_hand.round()
        assert selectors.summary(dead.subject) == {"DEAD": 1, "DELIVERED": 1}
        Endpoint.objects.update(active=True, disabled_reason="")
        configuration.changed()
        services.replay(delivery=dead, by="ann", force=False, now=NOW)
        assert selectors.summary(dead.subject) == {"PENDING": 1, "DELIVERED": 1}
        by_hand.clock.forward(1)
        by_hand.round()
    assert selectors.summary(dead.subject) == {"DELIVERED": 2}
    assert selectors.summary("another") == selectors.summary("") == {}


def test_a_signals_deliveries_are_read_in_three_queries(by_hand, server, django_assert_num_queries):
    delivery = settled(by_hand, server)
    settled_too = send(Endpoint.objects.get())
    with django_assert_num_queries(2):
        [found] = selectors.deliveries_of(delivery.subject)
        assert (found.endpoint.slug, found.message.signal) == ("vps-1", delivery.subject)
        assert [attempt.status_code for attempt in found.attempts.all()] == [200]
    assert "relay_message_by_signal" in selectors.deliveries_of("x").prefetch_related(None).explain() or _postgresql()
    assert settled_too


def _postgresql():
    from django.db import connection

    return connection.vendor == "postgresql"


def test_active_endpoints_follow_the_configuration(db, server):
    on, off = endpoint(server, "on"), endpoint(server, "off", active=False)
    retired = endpoint(server, "retired", retired_at=NOW)
    ids = [retired.pk, off.pk, on.pk, 999]
    assert [row.slug for row in selectors.active_endpoints(ids)] == ["on"]
    Endpoint.objects.filter(pk=off.pk).update(active=True)
    configuration.changed()
    assert [row.slug for row in selectors.active_endpoints(ids)] == ["off", "on"]


def test_a_listener_that_fails_undoes_only_its_own_result(by_hand, server, monkeypatch):
    first, second = endpoint(server, "vps-1"), endpoint(server, "vps-2")
    bad, good = send(first, second)

    def listener(told):
        if told.endpoint == "vps-1":
            raise ValueError("a bug")

    monkeypatch.setattr(events, "_listeners", [("*", listener)])
    by_hand.round()
    assert fresh(good).status == Delivery.Status.DELIVERED
    assert fresh(bad).status == Delivery.Status.PENDING
    assert Attempt.objects.filter(delivery=bad).count() == 0
    monkeypatch.setattr(events, "_listeners", [])
    by_hand.clock.forward(20)  # its lease has ended
    by_hand.round()
    assert fresh(bad).status == Delivery.Status.DELIVERED
