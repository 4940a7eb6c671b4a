"""What intake forgets, and what it never does (I8, I11)."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django_q.models import Schedule

from signals.intake import prune
from signals.models import DedupKey, RefusedAttempt, Signal
from tests import factories
from tests.intake.conftest import ALERT
from tradeops import prune as portal_prune
from tradeops.core import clock
from tradeops.core import prune as core_prune

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def refused(*rows: tuple[str, float], now: datetime) -> None:
    """(source's slug, age in hours) each."""
    RefusedAttempt.objects.bulk_create(
        RefusedAttempt(
            at=now - age * HOUR, source_slug=slug, outcome=401, reason="x", path="/", request_id="", ms=0, size=0
        )
        for slug, age in rows
    )


def left(now: datetime) -> set[tuple[str, int]]:
    return {(row.source_slug, round((now - row.at) / HOUR)) for row in RefusedAttempt.objects.all()}


def test_strangers_are_kept_for_a_day_and_known_sources_for_90():
    now = clock.now()
    refused(("", 23), ("", 25), ("tv", 25), ("tv", 24 * 89), ("tv", 24 * 91), now=now)
    assert prune.refusals(now=now, dry_run=True) == 2
    assert len(left(now)) == 5
    assert prune.refusals(now=now) == 2
    assert left(now) == {("", 23), ("tv", 25), ("tv", 24 * 89)}


def test_both_retentions_can_be_set(settings):
    settings.REFUSED_KEPT, settings.REFUSED_KNOWN_KEPT = timedelta(hours=48), timedelta(hours=24)
    now = clock.now()
    refused(("", 47), ("", 49), ("tv", 23), ("tv", 25), now=now)
    assert prune.refusals(now=now) == 2
    assert left(now) == {("", 47), ("tv", 23)}


def test_more_than_one_batch_goes():
    now = clock.now()
    refused(*[("", 25)] * (core_prune.BATCH * 2 + 3), ("", 1), now=now)
    assert prune.refusals(now=now) == core_prune.BATCH * 2 + 3
    assert left(now) == {("", 1)}


def test_keys_go_an_hour_after_their_window_and_a_signed_one_never():
    now, source = clock.now(), factories.source()
    ends = {
        "long over": now - 25 * HOUR,
        "over": now - 1.1 * HOUR,
        "just over": now - 0.9 * HOUR,
        "in force": now + HOUR,
        "signed": datetime(9999, 1, 1, tzinfo=UTC),
    }
    DedupKey.objects.bulk_create(
        DedupKey(source=source, key=key, signal_public_id="s", expires_at=at) for key, at in ends.items()
    )
    assert prune.duplicate_keys(now=now) == 2
    assert set(DedupKey.objects.values_list("key", flat=True)) == {"just over", "in force", "signed"}


def test_a_signed_message_is_a_duplicate_after_any_prune(portal):
    portal.source("quant", auth="hmac")
    body = json.dumps({**ALERT, "id": "one"}).encode()
    headers = {"x_webhook_signature": portal.sign("quant", body)}
    first = portal.post("/webhook/quant", body, **headers)
    assert first.status == 201
    prune.duplicate_keys(now=clock.now() + timedelta(days=3650))
    again = portal.post("/webhook/quant", body, **headers)
    assert (again.status, again.body["signal_id"]) == (200, first.body["signal_id"])
    assert Signal.objects.count() == 1


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("prune", *args, stdout=out)
    return out.getvalue()


def test_the_command_says_what_went():
    now = clock.now()
    refused(("", 25), ("", 1), now=now)
    assert json.loads(run("--dry-run", "--json")) == {
        "dry_run": True,
        "gone": dict.fromkeys(portal_prune.PARTS, 0) | {"request log": 1},
    }
    assert len(left(now)) == 2
    assert run().splitlines()[0].split() == ["request", "log", "1", "gone"]
    assert left(now) == {("", 1)}


def test_the_portal_does_it_each_hour():
    assert portal_prune.schedule() is True
    assert portal_prune.schedule() is False
    row = Schedule.objects.get(name="prune")
    assert (row.func, row.schedule_type, row.cluster) == ("tradeops.prune.hourly", Schedule.HOURLY, "slow")
    now = clock.now()
    refused(("", 25), now=now)
    portal_prune.hourly()
    assert left(now) == set()
