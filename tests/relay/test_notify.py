"""N1: each channel on its own, retried for a day, then given up; a storm is one message."""

import itertools
import threading
from datetime import time, timedelta

import pytest

from relay import outbox, tasks
from relay.models import Channel, ChannelState, Message, Notification
from relay.notify import claim, sender
from relay.notify.bundle import Form
from tests.fakes.receivers import Telegram, hang, refuse
from tradeops.core import configuration
from tradeops.core.errors import Conflict
from tradeops.core.events import Event, Level

from .conftest import NOW, Clock

S = Notification.Status


@pytest.fixture
def telegram(settings):
    with Telegram(token=settings.TELEGRAM_BOT_TOKEN) as server:
        settings.TELEGRAM_API_URL = server.api_url
        yield server


@pytest.fixture
def channel(transactional_db):
    row = Channel.objects.create(slug="ops", kind="telegram", target="123", events=["*"], level="info", rate_cap=0)
    configuration.changed()
    return row


def tell(title="something happened", **fields):
    outbox.record(Event(name="order.filled", at=fields.pop("at", NOW), title=title, **fields))


def rows():
    return list(Notification.objects.order_by("pk"))


def drain(clock):
    return sender.drain(now=clock, seconds=20)


def test_what_is_due_is_sent_in_order_and_once(channel, telegram, clock):
    for title in ("one", "two", "three"):
        tell(title, level=Level.ERROR, strategy="trend", account="paper-1", symbol="BTC/USDT", body={"price": "50000"})
    assert sender.waiting(now=NOW)
    assert drain(clock) == 3
    assert not sender.waiting(now=NOW)
    assert drain(clock) == 0
    assert [sent["chat_id"] for sent in telegram.sent] == ["123"] * 3
    assert [sent["text"].splitlines()[0] for sent in telegram.sent] == [
        f"🔴 <b>{t}</b>" for t in ("one", "two", "three")
    ]
    for part in ("Strategy: <code>trend</code>", "Account: <code>paper-1</code>", "Price: <code>50000</code>"):
        assert part in telegram.sent[0]["text"]
    assert {sent["mode"] for sent in telegram.sent} == {"HTML"}
    assert [(row.status, row.sent_at, row.tries, row.claim_token) for row in rows()] == [(S.SENT, NOW, 1, "")] * 3


def test_the_task_drains(channel, telegram):
    tell(at=NOW - timedelta(days=365))
    assert tasks.notify() == 1


def test_nested_data_and_raw_bodies_are_not_told(channel, telegram, clock):
    tell(body={"data": {"symbol": "hidden"}, "raw": {"x": "hidden"}, "rule": "stale"})
    drain(clock)
    assert "hidden" not in telegram.sent[0]["text"]
    assert "Rule: <code>stale</code>" in telegram.sent[0]["text"]


def test_asked_to_wait_the_whole_channel_rests_until_then(channel, telegram, clock):
    telegram.script = [refuse(429, "Too Many Requests", retry_after=7)]
    tell("one")
    tell("two")
    assert drain(clock) == 0
    assert len(telegram.requests) == 1
    assert [(row.status, row.tries) for row in rows()] == [(S.PENDING, 1), (S.PENDING, 0)]
    state = ChannelState.objects.get()
    assert (state.rest_until, state.failures, state.told_at) == (NOW + timedelta(seconds=7), 1, None)
    tell("three")
    assert not sender.waiting(now=NOW + timedelta(seconds=6))
    clock.forward(7)
    assert drain(clock) == 3
    assert [sent["text"].split("<b>")[1].split("</b>")[0] for sent in telegram.sent] == ["one", "two", "three"]
    assert ChannelState.objects.get().failures == 0


def test_the_waits_grow_and_after_a_day_it_is_dead(channel, telegram, clock):
    telegram.default = refuse(502, "Bad Gateway")
    tell()
    Notification.objects.update(created_at=NOW - timedelta(hours=23, minutes=55))
    tried = []
    while not tried or rows()[0].status == S.PENDING:
        tried.append((clock() - NOW).total_seconds())
        drain(clock)
        clock.moment = max(rows()[0].due_at, clock())
    assert tried == [0, 1, 3, 7, 15, 30, 60, 120, 180, 240, 300]
    [row] = rows()
    assert row.tries == len(tried)
    assert row.error == f"given up after {len(tried)} tries in a day; the last: Telegram could not be reached"
    assert not sender.waiting(now=clock() + timedelta(days=1))


def test_a_final_refusal_is_dead_at_once_and_the_next_is_still_sent(channel, telegram, clock):
    telegram.script = [refuse(400, "Bad Request: can't parse entities")]
    tell("bad")
    tell("good")
    assert drain(clock) == 1
    assert [row.status for row in rows()] == [S.DEAD, S.SENT]
    assert rows()[0].error == "Telegram refused the message: Can't parse entities"
    assert len(telegram.requests) == 2


def test_a_failing_channel_delays_no_other(channel, telegram, clock):
    """Both are due; the first one's service says nothing for as long as it is let."""
    slow = Channel.objects.create(slug="slow", kind="telegram", target="456", events=["*"], level="info", rate_cap=0)
    configuration.changed()

    async def by_chat(request):
        form = await request.post()
        return await (hang() if form["chat_id"] == "456" else telegram._answer)(request)

    telegram.default = by_chat
    tell("one")

    told = []
    alone = threading.Lock()

    def late():
        """While the slow one hangs, a new message for the other comes, and goes. Each channel's thread asks."""
        with alone:
            if not told and len(telegram.sent) == 1 and Notification.objects.count() == 2:
                told.append(tell("two"))
        return clock()

    assert sender.drain(now=late, seconds=20) >= 2
    assert [sent["text"].split("<b>")[1].split("</b>")[0] for sent in telegram.sent] == ["one", "two"]
    assert {row.status for row in rows() if row.channel_id == channel.pk} == {S.SENT}
    assert {row.status for row in rows() if row.channel_id == slow.pk} == {S.PENDING}


@pytest.mark.parametrize(
    ("closed", "says"),
    [({"active": False}, "the channel ops is switched off"), ({"retired_at": NOW}, "the channel ops was retired")],
)
def test_a_closed_channel_gets_nothing(channel, telegram, clock, closed, says):
    tell()
    Channel.objects.update(**closed)
    assert drain(clock) == 0
    assert [(row.status, row.error) for row in rows()] == [(S.DEAD, says)]
    assert telegram.requests == []


def test_what_a_person_must_mend_keeps_what_waits_and_is_told_elsewhere_once(channel, telegram, clock, settings):
    """A channel whose chat is gone, beside one that works."""
    gone = Channel.objects.create(
        slug="gone", kind="telegram", target="missing", events=["order.*"], level="info", rate_cap=0
    )
    configuration.changed()
    tell("one")
    assert drain(clock) == 2  # the other one gets the news, and that this one failed
    assert [sent["text"].split("<b>")[1].split("</b>")[0] for sent in telegram.sent] == [
        "one", "Channel gone cannot tell anybody anything: Telegram refused the message: Chat not found",
    ]  # fmt: skip
    state = ChannelState.objects.get(channel=gone)
    assert (state.failures, state.failing_since, state.told_at) == (1, NOW, NOW)
    clock.forward(60)
    assert drain(clock) == 0
    assert ChannelState.objects.get(channel=gone).failures == 2
    assert len(telegram.sent) == 2, "told once"
    Channel.objects.filter(pk=gone.pk).update(target="456")
    clock.forward(60)
    assert drain(clock) == 2
    assert [sent["chat_id"] for sent in telegram.sent[2:]] == ["456", "123"]
    assert "one" in telegram.sent[2]["text"]
    assert "Channel gone works again, after 2 min" in telegram.sent[3]["text"]


def test_without_a_token_it_says_so(channel, telegram, clock, settings):
    token, settings.TELEGRAM_BOT_TOKEN = settings.TELEGRAM_BOT_TOKEN, ""
    tell()
    drain(clock)
    assert [(row.status, row.error) for row in rows()] == [
        (S.PENDING, "Telegram does not know the bot: check TELEGRAM_BOT_TOKEN")
    ]
    assert telegram.requests == []
    settings.TELEGRAM_BOT_TOKEN = token
    clock.forward(60)
    assert drain(clock) == 2  # and that it works again


def test_trouble_that_lasts_is_told_elsewhere_after_ten_minutes(channel, telegram, clock):
    telegram.default = refuse(502, "Bad Gateway")
    tell()
    failing = []
    while clock() <= NOW + timedelta(minutes=11):
        drain(clock)
        failing.append((ChannelState.objects.get().told_at is not None, (clock() - NOW).total_seconds()))
        clock.moment = ChannelState.objects.get().rest_until
    assert [at for told, at in failing if told] == [600, 660]
    # There is no other channel: it is only shown.
    assert Notification.objects.count() == 1
    assert Message.objects.filter(event="channel.failing").count() == 1


def test_a_kind_that_is_gone_is_told_and_stops_nobody(channel, telegram, clock):
    odd = Channel.objects.create(slug="odd", kind="pigeon", target="x", events=["*"], level="info", rate_cap=0)
    configuration.changed()
    tell()
    assert drain(clock) == 1
    [row] = Notification.objects.filter(channel=odd)
    assert row.status == S.DEAD
    assert "there is no notifier 'pigeon'" in row.error


def test_what_somebody_is_sending_is_not_waiting_and_a_dead_holders_lease_ends(channel, telegram, clock):
    tell()
    assert len(claim.take(channel=channel, now=NOW)) == 1
    assert not sender.waiting(now=NOW + timedelta(seconds=19))
    assert claim.take(channel=channel, now=NOW + timedelta(seconds=19)) == []
    assert sender.waiting(now=NOW + timedelta(seconds=20))
    clock.forward(20)
    assert drain(clock) == 1


def test_one_who_lost_the_lease_writes_nothing(channel, telegram, clock):
    tell()
    [first] = claim.take(channel=channel, now=NOW)
    [second] = claim.take(channel=channel, now=NOW + timedelta(seconds=20))
    claim.dead(first.rows, error="late")
    claim.later(first, error="late", after=1, now=NOW)
    assert (rows()[0].status, rows()[0].claim_token, rows()[0].tries) == (S.PENDING, second.lead.claim_token, 0)
    claim.sent([(second, NOW)])
    assert rows()[0].status == S.SENT


@pytest.mark.parametrize(("source", "target"), list(itertools.product(S, S)))
def test_only_a_pending_one_changes(channel, source, target):
    tell()
    Notification.objects.update(status=source)
    [row] = Notification.objects.select_related("channel")
    taken = claim.Taken(Form.SINGLE, [row])
    change = {
        S.SENT: lambda: claim.sent([(taken, NOW)]),
        S.DEAD: lambda: claim.dead([row], error="x"),
        S.PENDING: lambda: claim.later(taken, error="x", after=1, now=NOW),
        S.GROUPED: lambda: claim._move([row], S.GROUPED),
    }[target]
    if source == S.PENDING and target != S.GROUPED:
        change()
        assert rows()[0].status == target
    else:
        with pytest.raises(Conflict):
            change()
        assert rows()[0].status == source


def test_what_a_failing_channel_had_taken_and_not_tried_is_free_again(channel, telegram, clock):
    for _ in range(3):
        tell()
    batch = claim.take(channel=channel, now=NOW)
    claim.give_back(batch[1:])
    assert [row.lease_until is None for row in rows()] == [False, True, True]
    until = claim.later(batch[0], error="busy", after=1, now=NOW)
    assert (until, rows()[0].due_at, rows()[1].due_at) == (NOW + timedelta(seconds=1), until, NOW)


def test_the_budget_ends_a_drain(channel, telegram):
    for _ in range(3):
        tell()
    assert sender.drain(now=Clock(), seconds=0) == 0
    assert {row.status for row in rows()} == {S.PENDING}


@pytest.fixture
def capped(channel):
    Channel.objects.filter(pk=channel.pk).update(rate_cap=5)
    configuration.changed()
    return channel


def test_a_storm_of_a_thousand_within_a_minute_is_one_message(capped, telegram, clock):
    """As it comes: some each second, with the sender at work all the time."""
    for second in range(60):
        clock.moment = NOW + timedelta(seconds=second)
        for number in range(17 if second % 3 else 16):
            tell(f"order {second * 17 + number}", at=clock.moment, account=f"okx-{second % 2}")
        drain(clock)
    assert telegram.sent == [], "a storm is told when it is over, or after a minute"
    clock.moment = NOW + timedelta(seconds=60)
    total = Notification.objects.count()
    assert total == 1000
    assert drain(clock) == 1000
    [sent] = telegram.sent
    assert sent["text"].splitlines()[0] == "🟢 <b>order 0 – and 999 more like it</b>"
    assert "First: <code>2026-03-02T14:30:00.000Z order 0</code>" in sent["text"]
    assert "Last: <code>2026-03-02T14:30:59.000Z order 1019</code>" in sent["text"]
    assert "Accounts: <code>okx-0 (500), okx-1 (500)</code>" in sent["text"]
    lead = Notification.objects.get(together=1000)
    assert Notification.objects.filter(status=S.SENT, together=0, told_with=lead).count() == 999
    clock.forward(600)
    assert drain(clock) == 0
    assert len(telegram.requests) == 1


def test_a_burst_is_told_as_one_when_it_has_paused_and_few_are_told_at_once(capped, telegram, clock):
    for number in range(12):
        tell(f"fill {number}")
    clock.forward(1)
    assert drain(clock) == 0
    clock.forward(4)
    assert drain(clock) == 12
    assert len(telegram.sent) == 1
    clock.forward(120)
    for number in range(5):
        tell(f"fill {number}", at=clock())
    clock.forward(1)
    assert drain(clock) == 5
    assert len(telegram.sent) == 6


def test_quiet_hours_end_with_one_digest(channel, telegram, clock):
    Channel.objects.update(quiet_from=time(14), quiet_to=time(15), time_zone="UTC")
    configuration.changed()
    tell("bought", level=Level.INFO)
    tell("sold", level=Level.ERROR, at=NOW + timedelta(minutes=5))
    outbox.record(Event(name="signal.rejected", at=NOW, title="refused", level=Level.WARNING))
    assert not sender.waiting(now=NOW + timedelta(minutes=29))
    clock.forward(30 * 60)
    assert drain(clock) == 3
    [sent] = telegram.sent
    assert sent["text"].splitlines()[:3] == [
        "🔴 <b>3 messages since 2026-03-02 14:30 UTC</b>",
        "🔴 2 × order.filled: <code>14:35 UTC sold</code>",
        "🟡 1 × signal.rejected: <code>14:30 UTC refused</code>",
    ]
