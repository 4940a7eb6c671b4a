"""N1: each channel on its own, retried for an hour, then given up."""

import itertools
from datetime import timedelta

import pytest

from relay import outbox, tasks
from relay.models import Channel, Notification
from relay.notify import claim, sender
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
    row = Channel.objects.create(slug="ops", kind="telegram", target="123", events=["*"], level="info")
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
    assert [(row.status, row.due_at, row.tries) for row in rows()] == [
        (S.PENDING, NOW + timedelta(seconds=7), 1),
        (S.PENDING, NOW + timedelta(seconds=7), 0),
    ]
    assert not sender.waiting(now=NOW + timedelta(seconds=6))
    clock.forward(7)
    assert drain(clock) == 2
    assert [sent["text"].split("<b>")[1].split("</b>")[0] for sent in telegram.sent] == ["one", "two"]


def test_the_waits_grow_and_after_an_hour_it_is_dead(channel, telegram, clock):
    telegram.default = refuse(502, "Bad Gateway")
    tell()
    tried = []
    while not tried or rows()[0].status == S.PENDING:
        tried.append((clock() - NOW).total_seconds())
        drain(clock)
        clock.moment = max(rows()[0].due_at, clock())
    assert tried[:9] == [0, 1, 3, 7, 15, 30, 60, 120, 180]
    assert tried[-1] <= 3600 < tried[-1] + 60
    [row] = rows()
    assert row.tries == len(tried)
    assert row.error == f"given up after {len(tried)} tries in an hour; the last: Telegram could not be reached"
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
    slow = Channel.objects.create(slug="slow", kind="telegram", target="456", events=["*"], level="info")
    configuration.changed()

    async def by_chat(request):
        form = await request.post()
        return await (hang() if form["chat_id"] == "456" else telegram._answer)(request)

    telegram.default = by_chat
    tell("one")

    def late():
        """While the slow one hangs, a new message for the other comes, and goes."""
        if len(telegram.sent) == 1 and Notification.objects.count() == 2:
            tell("two")
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


def test_without_a_token_it_says_so(channel, telegram, clock, settings):
    settings.TELEGRAM_BOT_TOKEN = ""
    tell()
    drain(clock)
    assert [(row.status, row.error) for row in rows()] == [
        (S.DEAD, "Telegram does not know the bot: check TELEGRAM_BOT_TOKEN")
    ]
    assert telegram.requests == []


def test_a_kind_that_is_gone_is_told_and_stops_nobody(channel, telegram, clock):
    odd = Channel.objects.create(slug="odd", kind="pigeon", target="x", events=["*"], level="info")
    configuration.changed()
    tell()
    assert drain(clock) == 1
    [row] = Notification.objects.filter(channel=odd)
    assert row.status == S.DEAD
    assert "there is no notifier 'pigeon'" in row.error


def test_what_somebody_is_sending_is_not_waiting_and_a_dead_holders_lease_ends(channel, telegram, clock):
    tell()
    assert len(claim.take(channel=channel.pk, now=NOW)) == 1
    assert not sender.waiting(now=NOW + timedelta(seconds=19))
    assert claim.take(channel=channel.pk, now=NOW + timedelta(seconds=19)) == []
    assert sender.waiting(now=NOW + timedelta(seconds=20))
    clock.forward(20)
    assert drain(clock) == 1


def test_one_who_lost_the_lease_writes_nothing(channel, telegram, clock):
    tell()
    [first] = claim.take(channel=channel.pk, now=NOW)
    [second] = claim.take(channel=channel.pk, now=NOW + timedelta(seconds=20))
    claim.dead(first, error="late")
    claim.later(first, error="late", retry_after=None, now=NOW)
    assert (rows()[0].status, rows()[0].claim_token, rows()[0].tries) == (S.PENDING, second.claim_token, 0)
    claim.sent([(second, NOW)])
    assert rows()[0].status == S.SENT


@pytest.mark.parametrize(("source", "target"), list(itertools.product(S, S)))
def test_only_a_pending_one_changes(channel, source, target):
    tell()
    Notification.objects.update(status=source)
    [row] = Notification.objects.select_related("channel")
    change = {
        S.SENT: lambda: claim.sent([(row, NOW)]),
        S.DEAD: lambda: claim.dead(row, error="x"),
        S.PENDING: lambda: claim.later(row, error="x", retry_after=None, now=NOW),
    }[target]
    if source == S.PENDING:
        change()
        assert rows()[0].status == target
    else:
        with pytest.raises(Conflict):
            change()
        assert rows()[0].status == source


def test_what_a_failing_channel_had_taken_and_not_tried_is_free_again(channel, telegram, clock):
    for _ in range(3):
        tell()
    batch = claim.take(channel=channel.pk, now=NOW)
    claim.give_back(batch[1:])
    assert [row.lease_until is None for row in rows()] == [False, True, True]
    claim.later(batch[0], error="busy", retry_after=None, now=NOW)
    # All of the channel waits: what failed for one would fail for the next.
    assert {row.due_at for row in rows()} == {NOW + timedelta(seconds=1)}


def test_the_budget_ends_a_drain(channel, telegram):
    for _ in range(3):
        tell()
    assert sender.drain(now=Clock(), seconds=0) == 0
    assert {row.status for row in rows()} == {S.PENDING}
