"""N2: criticals are told once for their kind, again until a person acknowledges, and to others when nobody does."""

from datetime import timedelta

import pytest

from relay import outbox
from relay.models import Alarm, AlarmEvent, Channel, Message, Notification
from relay.notify import alarms, sender
from tests import factories
from tests.fakes.receivers import Telegram
from tradeops.core import configuration
from tradeops.core.events import Event, Level

from .conftest import NOW

S = Notification.Status
MINUTE = timedelta(minutes=1)


@pytest.fixture
def telegram(settings, transactional_db):
    with Telegram(token=settings.TELEGRAM_BOT_TOKEN) as server:
        settings.TELEGRAM_API_URL = server.api_url
        yield server


@pytest.fixture
def ops(transactional_db):
    return channel("ops", "1")


def channel(slug, target, **fields):
    made = Channel.objects.create(
        slug=slug, kind="telegram", target=target, **{"events": ["*"], "level": "warning", **fields}
    )
    configuration.changed()
    return made


def critical(name="endpoint.down", **fields):
    title = fields.pop("title", f"{name} happened")
    return outbox.record(Event(name=name, at=fields.pop("at", NOW), title=title, level=Level.CRITICAL, **fields))


def drain(clock):
    return sender.drain(now=clock, seconds=20)


def heard(telegram):
    """Who was told which sentence, in order."""
    return [(sent["chat_id"], sent["text"].split("<b>")[1].split("</b>")[0]) for sent in telegram.sent]


def test_a_thousand_of_a_kind_are_told_once_and_counted(ops, telegram, clock):
    for number in range(1000):
        critical(endpoint="vps-1", title=f"down {number}", at=NOW + timedelta(seconds=number / 20))
    assert sender.waiting(now=NOW)
    assert drain(clock) == 1
    assert heard(telegram) == [("1", "down 0")]
    [alarm] = Alarm.objects.all()
    assert (alarm.event, alarm.subject, alarm.times, alarm.title) == ("endpoint.down", "vps-1", 1000, "down 999")
    assert (alarm.first_at, alarm.remind_at) == (NOW, NOW + 10 * MINUTE)
    assert Notification.objects.filter(status=S.GROUPED).count() == 999
    assert not AlarmEvent.objects.filter(alarm=None).exists()
    assert not sender.waiting(now=NOW + 9 * MINUTE)


def test_another_subject_or_venue_or_event_is_another_alarm(ops, telegram, clock):
    factories.account("paper-1")
    critical(endpoint="vps-1")
    critical(endpoint="vps-2")
    critical("order.stuck", account="paper-1", symbol="BTC/USDT")
    critical("order.stuck", account="paper-1", symbol="ETH/USDT")
    critical("order.stuck", account="paper-1", symbol="BTC/USDT")
    assert drain(clock) == 4
    assert [str(alarm) for alarm in Alarm.objects.order_by("pk")] == [
        "endpoint.down · vps-1", "endpoint.down · vps-2",
        "order.stuck · paper-1 BTC/USDT · paper", "order.stuck · paper-1 ETH/USDT · paper",
    ]  # fmt: skip
    assert len(telegram.sent) == 4


def test_quiet_hours_and_digests_do_not_hold_it(ops, telegram, clock):
    Channel.objects.update(quiet_from="00:00", quiet_to="23:59", digest_minutes=60)
    configuration.changed()
    critical(endpoint="vps-1")
    assert drain(clock) == 1


def test_it_is_repeated_until_a_person_acknowledges(ops, telegram, clock):
    critical(endpoint="vps-1", title="vps-1 is down")
    drain(clock)
    clock.forward(599)
    alarms.remind(now=clock())
    assert Message.objects.count() == 1
    for _ in range(2):
        clock.forward(600)
        alarms.remind(now=clock())
        alarms.remind(now=clock())
        drain(clock)
    reminder = "Not acknowledged since 2026-03-02 14:30 UTC: vps-1 is down"
    assert heard(telegram) == [("1", "vps-1 is down"), ("1", reminder), ("1", reminder)]
    assert "endpoint.down: <code>vps-1 (since 2026-03-02 14:30 UTC)</code>" in telegram.sent[-1]["text"]
    assert "/admin/relay/alarm/" in telegram.sent[-1]["text"]
    [alarm] = Alarm.objects.all()
    assert (alarm.reminders, alarm.escalated_at) == (2, None)

    assert alarms.acknowledge([alarm.pk], by="anna", now=clock(), note="on it") == 1
    assert alarms.acknowledge([alarm.pk], by="otto", now=clock()) == 0
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by, alarm.acknowledged_at, alarm.note) == ("anna", clock(), "on it")
    [told] = Message.objects.filter(event="alarm.acknowledged")
    assert told.title == "anna acknowledged: vps-1 is down"
    clock.forward(3600)
    alarms.remind(now=clock())
    assert drain(clock) == 0

    critical(endpoint="vps-1", title="down again", at=clock())
    assert drain(clock) == 1
    assert heard(telegram)[-1] == ("1", "down again")
    assert Alarm.objects.filter(acknowledged_at=None).count() == 1


def test_reminders_of_many_alarms_are_one_message_by_cause_and_venue(ops, telegram, clock):
    factories.account("paper-1")
    factories.account("paper-2")
    for account in ("paper-1", "paper-2", "paper-2"):
        critical("order.stuck", account=account)
    critical(endpoint="vps-1", at=NOW + timedelta(seconds=50))
    drain(clock)
    before = len(telegram.sent)
    clock.forward(600)
    alarms.remind(now=clock())
    drain(clock)
    assert len(telegram.sent) == before + 1
    text = telegram.sent[-1]["text"].splitlines()
    assert text[0] == "🚨 <b>3 critical alerts are not acknowledged, the oldest since 2026-03-02 14:30 UTC</b>"
    since = "(since 2026-03-02 14:30 UTC"
    assert text[1] == f"order.stuck at paper: <code>paper-1 {since}); paper-2 {since}, 2 times)</code>"
    assert text[2] == f"endpoint.down: <code>vps-1 {since})</code>"


def test_after_ten_minutes_others_are_told_too(ops, telegram, clock):
    channel("boss", "2", events=[], escalation=True)
    channel("quiet", "3", events=["order.*"])
    critical(endpoint="vps-1", title="vps-1 is down")
    drain(clock)
    assert [chat for chat, _ in heard(telegram)] == ["1"]
    clock.forward(600)
    alarms.remind(now=clock())
    drain(clock)
    assert sorted(chat for chat, _ in heard(telegram)[1:]) == ["1", "2"]
    assert Alarm.objects.get().escalated_at == clock()


def test_the_trace_of_a_counted_one_says_where_it_was_told(ops, telegram, clock):
    critical(endpoint="vps-1")
    critical(endpoint="vps-1")
    drain(clock)
    alarm = Alarm.objects.get()
    assert [(row.status, row.error) for row in Notification.objects.order_by("message")] == [
        (S.SENT, ""),
        (S.GROUPED, f"counted in alarm {alarm.pk}, which is told already"),
    ]


def test_without_a_channel_that_wants_it_there_is_an_alarm_all_the_same(clock, transactional_db):
    critical(endpoint="vps-1")
    drain(clock)
    assert Alarm.objects.get().times == 1
    assert Notification.objects.count() == 0


# Channels of one strategy or account -------------------------------------------------------------------------------


def test_a_channel_of_a_strategy_is_told_though_another_strategy_had_the_same_trouble(telegram, clock):
    factories.account("paper-1")
    channel("anna", "1", strategies=["trend"])
    channel("otto", "2", strategies=["mean"])
    for strategy in ("trend", "mean", "mean"):
        critical("order.stuck", account="paper-1", strategy=strategy, symbol="BTC/USDT", title=f"{strategy} is stuck")
    assert drain(clock) == 2
    assert sorted(heard(telegram)) == [("1", "trend is stuck"), ("2", "mean is stuck")]
    assert [(str(alarm), alarm.times) for alarm in Alarm.objects.order_by("pk")] == [
        ("order.stuck · paper-1 trend BTC/USDT · paper", 1),
        ("order.stuck · paper-1 mean BTC/USDT · paper", 2),
    ]
    clock.forward(600)
    alarms.remind(now=clock())
    assert drain(clock) == 2
    since = "Not acknowledged since 2026-03-02 14:30 UTC"
    assert sorted(heard(telegram)[2:]) == [("1", f"{since}: trend is stuck"), ("2", f"{since}: mean is stuck")]

    # Whoever acknowledges one ends the reminders of that one only, and what comes next of it is a new alarm.
    alarms.acknowledge([Alarm.objects.get(times=1).pk], by="anna", now=clock())
    drain(clock)
    before = len(telegram.sent)
    critical("order.stuck", account="paper-1", strategy="trend", symbol="BTC/USDT", title="again", at=clock())
    drain(clock)
    clock.forward(600)
    alarms.remind(now=clock())
    drain(clock)
    chats = sorted(chat for chat, _ in heard(telegram)[before:])
    assert chats == ["1", "1", "2"]


def test_two_accounts_behind_one_endpoint_are_two_alarms(telegram, clock):
    channel("anna", "1", accounts=["paper-1"])
    channel("otto", "2", accounts=["paper-2"])
    for account in ("paper-1", "paper-2"):
        critical("execution.refused", endpoint="vps-1", account=account, title=f"of {account}")
    assert drain(clock) == 2
    assert sorted(heard(telegram)) == [("1", "of paper-1"), ("2", "of paper-2")]


def test_wrong_codes_of_two_people_are_two_alarms(ops, telegram, clock):
    for name in ("anna", "otto", "otto"):
        critical("operator.wrong_codes", title=f"10 wrong codes for {name}", body={"operator": name, "count": 10})
    assert drain(clock) == 2
    assert [(alarm.subject, alarm.times) for alarm in Alarm.objects.order_by("pk")] == [("anna", 1), ("otto", 2)]


def test_names_that_are_too_long_together_stay_apart(ops, telegram, clock):
    for symbol in ("BTC/USDT", "ETH/USDT"):
        critical("order.stuck", account="a" * 60, strategy="s" * 60, symbol=symbol)
    assert drain(clock) == 2
    assert {len(alarm.subject) for alarm in Alarm.objects.all()} == {120}


def test_a_channel_that_was_not_told_of_an_open_alarm_is_told_of_the_next(ops, telegram, clock):
    critical(endpoint="vps-1", title="first")
    drain(clock)
    channel("late", "2")
    for number in range(3):
        critical(endpoint="vps-1", title=f"more {number}", at=NOW + timedelta(seconds=number))
    assert drain(clock) == 1
    critical(endpoint="vps-1", title="even more")
    assert drain(clock) == 0
    assert heard(telegram) == [("1", "first"), ("2", "more 0")]
    statuses = Notification.objects.order_by("channel", "message").values_list("status", flat=True)
    assert list(statuses) == [S.SENT, *[S.GROUPED] * 4, S.SENT, *[S.GROUPED] * 3]
    clock.forward(600)
    alarms.remind(now=clock())
    assert drain(clock) == 2


def test_what_a_channel_could_not_be_told_is_told_with_the_next(ops, telegram, clock):
    critical(endpoint="vps-1", title="first")
    drain(clock)
    Notification.objects.update(status=S.DEAD)
    critical(endpoint="vps-1", title="second")
    assert drain(clock) == 1
    assert heard(telegram)[-1] == ("1", "second")


def test_an_alarm_from_before_that_holds_two_strategies_reminds_the_channels_of_both(telegram, clock):
    """As it was kept when the strategy was no part of what it is about: the second was counted and told to nobody."""
    channel("anna", "1", strategies=["trend"])
    otto = channel("otto", "2", strategies=["mean"])
    critical("order.stuck", account="paper-1", strategy="trend", title="trend is stuck")
    critical("order.stuck", account="paper-1", strategy="mean", title="mean is stuck")
    AlarmEvent.objects.update(subject="paper-1")
    drain(clock)
    [alarm] = Alarm.objects.all()
    assert sorted(heard(telegram)) == [("1", "trend is stuck"), ("2", "mean is stuck")]
    Notification.objects.filter(channel=otto).update(status=S.GROUPED)
    clock.forward(600)
    alarms.remind(now=clock())
    assert drain(clock) == 2
    assert sorted(chat for chat, _ in heard(telegram)[2:]) == ["1", "2"]
    # What comes from now on is an alarm of its own, told at once; the old one stays until somebody acknowledges it.
    critical("order.stuck", account="paper-1", strategy="mean", title="mean again", at=clock())
    assert drain(clock) == 1
    assert heard(telegram)[-1] == ("2", "mean again")
    assert alarms.acknowledge([alarm.pk], by="otto", now=clock()) == 1
