"""The pages of channels and critical alerts: rules checked as the file's are, a real test message, Acknowledge."""

from __future__ import annotations

import secrets

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import Operator
from relay import outbox
from relay.models import Alarm, Channel, ChannelState, Message, Notification
from relay.notify import alarms
from tests.factories import NOW
from tests.fakes.receivers import Telegram, refuse
from tradeops.core import configuration
from tradeops.core.events import Event, Level
from tradeops.core.models import ConfigurationVersion

SECRET = f"https://hooks.slack.com/services/T1/B1/{secrets.token_hex(12)}"
LIST = "/admin/relay/alarm/"


@pytest.fixture
def telegram(settings):
    with Telegram(token=settings.TELEGRAM_BOT_TOKEN) as server:
        settings.TELEGRAM_API_URL = server.api_url
        yield server


@pytest.fixture
def ops(db):
    row = Channel.objects.create(slug="ops", kind="telegram", target="1", events=["order.*"], level="warning")
    configuration.changed()
    return row


def form(**changes):
    return {
        "slug": "desk", "kind": "slack", "active": "on", "target": "", "new_secret": SECRET, "level": "warning",
        "events": '["*"]', "strategies": "[]", "accounts": "[]", "time_zone": "UTC", "digest_minutes": 0,
        "rate_cap": 5, "quiet_from": "", "quiet_to": "", **changes,
    }  # fmt: skip


def change(row):
    return reverse("admin:relay_channel_change", args=[row.pk])


def told(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def version():
    return ConfigurationVersion.objects.values_list("version", flat=True).first() or 0


def test_a_secret_is_stored_never_shown_and_kept_by_an_empty_field(boss):
    before = version()
    assert boss.post(reverse("admin:relay_channel_add"), form()).status_code == 302
    row = Channel.objects.get(slug="desk")
    assert (row.secret, version()) == (SECRET, before + 1)
    assert SECRET not in boss.get(change(row)).content.decode()
    assert boss.post(change(row), form(new_secret="", rate_cap=9)).status_code == 302
    row.refresh_from_db()
    assert (row.secret, row.rate_cap) == (SECRET, 9)


def test_another_kind_does_not_take_the_secret_over(boss):
    boss.post(reverse("admin:relay_channel_add"), form())
    row = Channel.objects.get(slug="desk")
    assert boss.post(change(row), form(kind="telegram", target="7", new_secret="")).status_code == 302
    row.refresh_from_db()
    assert (row.kind, row.secret) == ("telegram", "")


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"new_secret": ""}, "new_secret", "webhook URL, or set SLACK_WEBHOOK_URL"),
        ({"new_secret": "http://10.0.0.1/x"}, "new_secret", "10.0.0.1 is a private or special address"),
        ({"kind": "telegram", "target": "me"}, "target", "Telegram needs a chat id"),
        ({"kind": "webhook", "target": "https://example.com/", "new_secret": "short"}, "__all__", "12 characters"),
        ({"events": '["or*"]'}, "events", "is no event"),
        ({"accounts": '{"a": 1}'}, "accounts", "must be a list"),
        ({"quiet_from": "22:00"}, "quiet_from", "need both"),
        ({"time_zone": "Mars"}, "time_zone", "is no time zone"),
    ],
)
def test_what_could_tell_nobody_anything_is_not_saved(boss, changes, field, sentence):
    answer = boss.post(reverse("admin:relay_channel_add"), form(**changes))
    assert answer.status_code == 200
    assert sentence in str(answer.context["adminform"].form.errors[field])
    assert not Channel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_test_message_really_goes_and_its_answer_is_shown(boss, ops, telegram):
    answer = boss.post(reverse("admin:relay_channel_test", args=[ops.pk]))
    [sent] = telegram.sent
    assert "A test message of ops, sent by boss" in sent["text"]
    assert told(answer)[0].startswith("ops took the test message after ")
    [row] = Notification.objects.all()
    assert (row.status, row.message.event, row.held) == ("SENT", "channel.test", "test")
    telegram.script = [refuse(401, "Unauthorized")]
    answer = boss.post(reverse("admin:relay_channel_test", args=[ops.pk]))
    assert told(answer)[-1].startswith("Not sent: Telegram does not know the bot: check TELEGRAM_BOT_TOKEN.")
    assert ChannelState.objects.get(channel=ops).failures == 1
    page = boss.get(change(ops)).content.decode()
    assert "It fails since" in page


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_by_get_or_through_a_channel_that_is_off(boss, ops, telegram):
    assert boss.get(reverse("admin:relay_channel_test", args=[ops.pk])).status_code == 405
    Channel.objects.update(active=False)
    assert "switched off" in told(boss.post(reverse("admin:relay_channel_test", args=[ops.pk])))[0]
    assert telegram.requests == []
    assert not Message.objects.exists()


def test_the_page_says_what_it_would_get(boss, ops):
    outbox.record(Event(name="order.rejected", at=NOW, title="too big", level=Level.WARNING))
    outbox.record(Event(name="order.filled", at=NOW, title="bought", level=Level.INFO))
    outbox.record(Event(name="signal.rejected", at=NOW, title="stale", level=Level.WARNING))
    shown = boss.get(change(ops)).context
    assert [(message.title, when) for message, when in shown["preview"]] == [("too big", "at once")]
    assert (shown["would_get"], shown["looked_at"]) == (1, 3)
    assert shown["sentences"][0] == "Gets warning and worse of order.*."


@pytest.fixture
def open_alarms(ops):
    for endpoint in ("vps-1", "vps-2"):
        outbox.record(Event(name="endpoint.down", at=NOW, title=f"{endpoint} is down", level=Level.CRITICAL,
                            endpoint=endpoint))  # fmt: skip
    alarms.gather(now=NOW)
    return list(Alarm.objects.order_by("pk"))


def test_an_alert_is_acknowledged_with_who_when_and_why(boss, open_alarms):
    first, second = open_alarms
    assert "2 critical alerts wait" in boss.get(LIST).content.decode()
    assert "vps-1 is down" in boss.get(reverse("admin:relay_alarm_change", args=[first.pk])).content.decode()
    answer = boss.post(reverse("admin:relay_alarm_acknowledge", args=[first.pk]), {"note": "restarting it"})
    assert told(answer) == ["Acknowledged: 1 alert. No more reminders."]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.acknowledged_by, first.note, second.acknowledged_at) == ("boss", "restarting it", None)
    assert [row.pk for row in boss.get(LIST).context["cl"].result_list] == [second.pk]
    boss.post(reverse("admin:relay_alarm_acknowledge_all"))
    assert not Alarm.objects.filter(acknowledged_at=None).exists()
    assert "No critical alert is open" in boss.get(LIST).content.decode()


def test_it_takes_the_right_and_a_post(boss, open_alarms):
    viewer = Client()
    viewer.force_login(Operator.objects.create_user("viewer", password=secrets.token_hex(8), is_staff=True))
    for url in (
        reverse("admin:relay_alarm_acknowledge_all"),
        reverse("admin:relay_alarm_acknowledge", args=[open_alarms[0].pk]),
    ):
        assert viewer.post(url).status_code == 403
        assert boss.get(url).status_code == 405
    assert Alarm.objects.filter(acknowledged_at=None).count() == 2
