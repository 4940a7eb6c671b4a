"""Messages that share a commit: each has its own answer, and none sinks the others."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from signals.intake import commit, normalise, payload, sources, writer
from signals.intake.arrival import Arrival
from signals.intake.entry import Entry
from signals.models import DedupKey, Signal, Source
from tests.intake.conftest import ALERT, Portal, stored
from tradeops.core import clock, ids
from tradeops.core.errors import InvalidPayload, Throttled, Unavailable

pytestmark = pytest.mark.django_db(transaction=True)


def entry(rf, slug, **fields):
    """An authenticated message of the source, as it stands before the last layers."""
    arrival = Arrival(request=rf.post("/webhook"), request_id=ids.request_id(), received_at=clock.now())
    reading = payload.read(payload.strict_json.canonical({**ALERT, **fields}))
    return Entry(
        arrival=arrival,
        sender=sources.directory().by_slug[slug],
        message=reading.message,
        alert=normalise.alert(reading.message.fields),
    )


@pytest.fixture
def portal():
    made = Portal()
    made.source("tv", rate_limit=0)
    return made


def outcomes(entries):
    return [(one.outcome.signal_id, one.outcome.duplicate) for one in entries]


def test_many_are_stored_in_the_order_of_their_arrival_in_one_transaction(portal, rf):
    entries = [entry(rf, "tv", comment=str(number)) for number in range(20)]
    commit.commit([entry(rf, "tv")])  # caches and statements are there
    with CaptureQueriesContext(connection) as asked:
        commit.commit(entries)
    assert sum(query["sql"].startswith("BEGIN") for query in asked) == 1
    assert len(asked) < 10
    rows = list(Signal.objects.order_by("pk"))[1:]
    assert [row.data["comment"] for row in rows] == [str(number) for number in range(20)]
    assert outcomes(entries) == [(row.public_id, False) for row in rows]
    assert DedupKey.objects.count() == 21


def test_equal_ones_among_them_are_one_signal(portal, rf):
    entries = [entry(rf, "tv", comment=one) for one in ("a", "b", "a", "a")]
    commit.commit(entries)
    a, b = Signal.objects.order_by("pk")
    assert outcomes(entries) == [(a.public_id, False), (b.public_id, False), (a.public_id, True), (a.public_id, True)]
    assert (a.repeats, b.repeats) == (2, 0)


def test_repeats_of_what_is_stored_are_counted_on_it(portal, rf):
    portal.strategy("trend", feeds=Source.objects.get())
    commit.commit([entry(rf, "tv", comment="a")])
    entries = [entry(rf, "tv", comment=one) for one in ("a", "new", "a")]
    commit.commit(entries)
    a, new = Signal.objects.order_by("pk")
    assert outcomes(entries) == [(a.public_id, True), (new.public_id, False), (a.public_id, True)]
    assert [one.outcome.routes for one in entries] == [["trend"]] * 3
    assert (a.repeats, new.repeats) == (2, 0)


def test_those_over_the_sources_limit_are_told_and_the_others_stored(portal, rf):
    portal.source("slow", rate_limit=3)
    entries = [entry(rf, "slow", comment=str(number)) for number in range(5)]
    others = [entry(rf, "tv", comment=str(number)) for number in range(5)]
    commit.commit([*entries, *others])
    assert [isinstance(one.error, Throttled) for one in entries] == [False, False, False, True, True]
    assert [one.outcome.duplicate for one in entries[:3] + others] == [False] * 8
    assert stored() == (8, 8)


def test_the_limit_is_told_before_the_payload(portal, rf):
    portal.source("slow", rate_limit=1)
    bad = entry(rf, "slow", comment="x")
    bad.refusal = InvalidPayload("is wrong", field="price")
    over = entry(rf, "slow", comment="y")
    over.refusal = InvalidPayload("is wrong", field="price")
    commit.commit([bad, over])
    assert isinstance(bad.error, InvalidPayload)
    assert isinstance(over.error, Throttled)
    assert stored() == (0, 0)


def test_one_that_the_database_refuses_does_not_sink_the_others(portal, rf):
    entries = [entry(rf, "tv", comment=str(number)) for number in range(3)]
    gone = Source(slug="gone", auth="token", rate_limit=0)
    gone.pk = 987654
    entries[1].sender = replace(entries[1].sender, row=gone)  # violates a foreign key, at the commit
    commit.commit(entries)
    assert isinstance(entries[1].error, IntegrityError)
    assert [one.data["comment"] for one in Signal.objects.order_by("pk")] == ["0", "2"]
    assert outcomes([entries[0], entries[2]]) == [(row.public_id, False) for row in Signal.objects.order_by("pk")]


@pytest.fixture
def running():
    made = writer.Writer()
    yield made
    made.stop()


def test_threads_share_the_writers_connection_and_commits(portal, rf, running):
    entries = [entry(rf, "tv", comment=str(number % 40)) for number in range(120)]
    with ThreadPoolExecutor(60) as pool:
        found = list(pool.map(running.take, entries))
    assert stored() == (40, 40)
    assert sum(not one.duplicate for one in found) == 40
    assert {one.signal_id for one in found} == set(Signal.objects.values_list("public_id", flat=True))
    assert sum(Signal.objects.values_list("repeats", flat=True)) == 80


def test_who_waited_in_vain_sends_again_and_is_stored_once(portal, rf, monkeypatch):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.2)
    running = writer.Writer()
    first, second = entry(rf, "tv", comment="1"), entry(rf, "tv", comment="2")
    with transaction.atomic():  # holds the first in its commit, and with it the writer, and the second behind it
        DedupKey.objects.create(
            source_id=first.sender.row.pk,
            key=commit.dedup.key(message=first.message, alert=first.alert),
            signal_public_id="a transaction that is rolled back",
            expires_at=clock.now(),
        )
        with ThreadPoolExecutor(1) as pool:
            for one in (first, second):
                assert type(pool.submit(running.take, one).exception(timeout=5)) is Unavailable
        transaction.set_rollback(True)
    running.stop()
    assert not Signal.objects.filter(data__comment="2").exists()  # given up before the database was asked
    running = writer.Writer()
    for comment in ("1", "2"):
        outcome = running.take(entry(rf, "tv", comment=comment))
        assert Signal.objects.get(data__comment=comment).public_id == outcome.signal_id
    running.stop()
