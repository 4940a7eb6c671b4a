"""`sources`: each way to authenticate, how it answers, and what a rotation means for the file."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signals.intake import sources
from signals.models import AddressList, Source
from tests.config.portal import apply, faults, lines
from tradeops.core import clock

pytestmark = pytest.mark.django_db

OLD, NEW = "the-first-secret", "the-second-secret"


def text(auth: str = "token", secret: str = OLD, more: str = "") -> str:
    return f"sources: [{{slug: s, auth: {auth}, secret: {secret}{more}}}]"


def test_a_standard_source_with_everything():
    more = ", default: true, respond: delivery, expect_every: 3600, require: [timeframe, timestamp]"
    assert lines(text("standard", sources.generate("standard"), more)) == ["+ source s"]
    row = Source.objects.get()
    assert (row.auth, row.respond, row.expect_every) == ("standard", "delivery", 3600)
    assert (row.default, row.require) == (True, ["timeframe", "timestamp"])
    assert lines("sources: [{slug: s, respond: at_once, expect_every: null, require: []}]") == [
        "~ source s: require [timeframe, timestamp] → none",
        "~ source s: respond delivery → at_once",
        "~ source s: expect_every 3600 → none",
    ]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (", respond: later", "respond: "),
        (", expect_every: 0", "expect_every: must be a whole number from 1"),
        (", default: true", "`default` is for sources that sign"),
    ],
)
def test_what_cannot_be(more, fault):
    assert fault in faults(text(more=more))[0]
    assert Source.objects.count() == 0


def test_tradingview_is_answered_at_once():
    AddressList.objects.get_or_create(slug="tradingview", defaults={"networks": []})
    [fault] = faults(text(more=", allowed_ips: [tradingview], respond: delivery"))
    assert "not for TradingView" in fault
    apply(text(more=", allowed_ips: [tradingview]"))
    [fault] = faults("sources: [{slug: s, respond: delivery}]")
    assert "not for TradingView" in fault


def test_a_new_secret_in_the_file_counts_at_once_and_ends_a_rotation():
    apply(text())
    sources.rotate(source=Source.objects.get(), secret="one-in-between", overlap=timedelta(days=1), now=clock.now())
    assert lines(text(secret=NEW)) == ["~ source s: secret (changed)"]
    row = Source.objects.get()
    assert sources.has_secret(source=row, secret=NEW)
    assert (row.previous_token_digest, row.previous_until) == ("", None)


@pytest.mark.parametrize("auth", ["token", "hmac", "standard"])
def test_a_file_that_was_not_told_of_a_rotation_does_not_undo_it(auth):
    apply(text(auth))
    sources.rotate(source=Source.objects.get(), secret=NEW, overlap=timedelta(days=1), now=clock.now())
    [fault] = faults(text(auth))
    assert "sources[s]: secret: this one was replaced when the source's secret was rotated" in fault
    assert OLD not in fault
    row = Source.objects.get()
    assert sources.has_secret(source=row, secret=NEW)
    assert row.previous_until is not None
    # With the new one, or without any, the file is as good as before and the overlap goes on.
    assert lines(text(auth, NEW)) == lines("sources: [{slug: s}]") == ["= nothing to do"]
    assert Source.objects.get().previous_until == row.previous_until
