"""N1: whatever one channel's service does, the others are told at once, and it is told everything when it is well."""

import json
import secrets
from datetime import timedelta

import pytest

from relay import outbox
from relay.models import Channel, ChannelState, Notification, PrivateNetwork
from relay.notify import sender
from tests.fakes.receivers import Server, Telegram, answer, hang, refuse, reset
from tests.relay.conftest import NOW, Clock
from tradeops.core import configuration
from tradeops.core.events import Event, Level

S = Notification.Status
TROUBLES = {
    "hangs": (hang(), refuse(502, "Bad Gateway")),
    "asks to wait": (answer(429, text="", headers={"Retry-After": "7"}), refuse(429, "Too Many", retry_after=7)),
    "is broken": (answer(500, text="rollup_error"), refuse(500, "Internal")),
    "is reset": (reset(), reset()),
    "knows no such token": (answer(403, text="invalid_token"), refuse(401, "Unauthorized")),
}


@pytest.fixture
def desk(transactional_db, settings):
    """Slack and a webhook on one side, Telegram on the other; each wants everything."""
    PrivateNetwork.objects.create(cidr="127.0.0.0/8")
    with Server() as slack, Server() as hook, Telegram(token=settings.TELEGRAM_BOT_TOKEN) as telegram:
        settings.TELEGRAM_API_URL = telegram.api_url
        every = {"events": ["order.*"], "level": "info"}
        Channel.objects.create(slug="slack", kind="slack", secret=slack.url, **every)
        Channel.objects.create(slug="hook", kind="webhook", target=hook.url, secret=secrets.token_hex(12), **every)
        Channel.objects.create(slug="chat", kind="telegram", target="1", **every)
        configuration.changed()
        yield slack, hook, telegram


def tell(title, at):
    outbox.record(Event(name="order.filled", at=at, title=title, level=Level.INFO))


def status(slug):
    rows = Notification.objects.filter(channel__slug=slug, message__event="order.filled")
    return sorted(rows.values_list("status", flat=True))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_others_are_told_at_once_and_it_is_told_when_it_recovers(desk, trouble):
    slack, hook, telegram = desk
    slack.default = TROUBLES[trouble][0]
    clock = Clock()
    tell("one", clock())
    clock.forward(1)
    sender.drain(now=clock, seconds=30)
    assert (status("hook"), status("chat"), status("slack")) == ([S.SENT], [S.SENT], [S.PENDING])
    tell("two", clock())
    clock.forward(1)
    sender.drain(now=clock, seconds=30)
    assert (status("hook"), status("chat")) == ([S.SENT, S.SENT], [S.SENT, S.SENT])
    assert [json.loads(request.body)["title"] for request in hook.requests if b"order.filled" in request.body] == [
        "one", "two",
    ]  # fmt: skip
    assert len(telegram.sent) >= 2

    slack.default, before = answer(text="ok"), len(slack.requests)
    clock.moment = max(clock(), ChannelState.objects.get(channel__slug="slack").rest_until) + timedelta(seconds=1)
    sender.drain(now=clock, seconds=30)
    assert status("slack") == [S.SENT, S.SENT]
    arrived = [json.loads(request.body)["text"] for request in slack.requests[before:]]
    assert arrived == ["🟢 one", "🟢 two"]
    titles = [json.loads(request.body)["title"] for request in hook.requests]
    failing = "Channel slack cannot tell anybody anything: Slack answered 403: invalid_token"
    assert titles.count(failing) == (1 if trouble == "knows no such token" else 0), "told once, through another"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_same_of_telegram(desk, trouble):
    _slack, hook, telegram = desk
    telegram.script = [TROUBLES[trouble][1]]
    clock = Clock()
    tell("one", clock())
    clock.forward(1)
    sender.drain(now=clock, seconds=30)
    assert (status("slack"), status("hook"), status("chat")) == ([S.SENT], [S.SENT], [S.PENDING])
    clock.moment = ChannelState.objects.get(channel__slug="chat").rest_until
    sender.drain(now=clock, seconds=30)
    assert status("chat") == [S.SENT]
    assert len(telegram.sent) == 1
    assert len([request for request in hook.requests if b"order.filled" in request.body]) == 1, "told once"


def test_a_storm_while_a_channel_is_down_is_one_message_when_it_is_back(desk):
    slack, hook, telegram = desk
    slack.default = answer(500)
    clock = Clock(NOW)
    for number in range(1000):
        tell(f"fill {number}", NOW + timedelta(milliseconds=50 * number))
    clock.forward(60)
    assert sender.drain(now=clock, seconds=60) == 2000
    assert (len(hook.requests), len(telegram.sent)) == (1, 1)
    assert json.loads(hook.requests[0].body)["title"] == "fill 0 – and 999 more like it"
    slack.default = answer(text="ok")
    clock.forward(60)
    assert sender.drain(now=clock, seconds=60) == 1000
    assert [json.loads(request.body)["text"] for request in slack.requests[-1:]] == ["🟢 fill 0 – and 999 more like it"]
    assert Notification.objects.filter(status=S.SENT).count() == 3000
