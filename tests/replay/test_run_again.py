"""What was run once more by a person is replayed at the time when it was first decided (U2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from signals.pipeline import rerun
from signals.pipeline.drain import drain
from signals.replay import asked as asking
from signals.replay import material
from signals.risk import switch
from tests import factories
from tradeops.core import clock

from .conftest import as_json, stored

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SAID = "asked for again by a person"


def was_run_again(signal, account, *, before: bool, open: bool = False) -> None:
    """Its decision, as it is after a person has asked for it four hours later."""
    row = signal.decisions.get(account=account)
    first = {"decided_at": clock.iso_ms(row.decided_at), "outcome": row.outcome, "reason": "spread", "rules": row.rules}
    told = {"by": "ann", "reason": "x", "at": clock.iso_ms(AT), "request": "r1", "open": open}
    row.enrichment = {**row.enrichment, "asked": told, **({"before": [first]} if before else {})}
    if not open:
        row.outcome, row.reason, row.rules = "APPROVED", "", [{"rule": "run_again", "verdict": "PASS"}]
        row.decided_at = AT + timedelta(hours=4)
    row.save()


def times(strategy) -> list[str]:
    wanted = asking.Asked(strategy=strategy, since=AT - timedelta(hours=1), until=clock.now())
    return [one["at"] for one in material._signals(wanted)]


@pytest.fixture
def rejected(db):
    account = factories.account()
    trend = factories.strategy(accounts=[account])
    return trend, account, stored(trend, AT, on=account, quote=("50000", "50001"), price=Decimal(50000))


def test_it_is_not_stale_and_that_is_said(rejected):
    _, account, signal = rejected
    was_run_again(signal, account, before=True)

    found, _ = as_json("--from", "2026-03-02", "--to", "2026-03-03")

    [trip] = found["trips"]["now"]
    assert trip["opened_at"] == "2026-03-02T10:00:00.300Z"
    [said] = [one for one in found["unknown"] if SAID in one]
    assert said.startswith("1 decision was ")


def test_one_that_is_asked_for_and_not_decided_yet_was_decided_when_it_was(rejected):
    trend, account, signal = rejected
    was_run_again(signal, account, before=False, open=True)
    assert times(trend) == [(AT + timedelta(milliseconds=300)).isoformat()]


def test_one_that_the_ask_made_counts_from_when_it_was_received(rejected):
    trend, account, signal = rejected
    was_run_again(signal, account, before=False)
    assert times(trend) == [AT.isoformat()]


def test_what_other_accounts_decided_counts_more_than_one_that_the_ask_made(rejected):
    trend, account, signal = rejected
    other = factories.account("paper-2")
    first = signal.decisions.get()
    first.pk, first.account = None, other
    first.save()
    was_run_again(signal, account, before=False)
    assert times(trend) == [(AT + timedelta(milliseconds=300)).isoformat()]


def test_twice_asked_for_is_decided_first_the_first_time(past):
    was = past()
    switch.set(scope="account", key="paper-1", on=True, reason="test", by="bob", now=clock.now())
    signal = was.say("buy", "50000")
    at = signal.decisions.get().decided_at
    for number in (1, 2):
        if number == 2:
            switch.set(scope="account", key="paper-1", on=False, reason="over", by="bob", now=clock.now())
        signal.refresh_from_db()
        [result] = rerun.ask(
            signal=signal, wanted={"trend": ["paper-1"]}, by="ann", reason="now", request_id=f"r{number}",
            now=clock.now(),
        )  # fmt: skip
        assert result.problem == ""
        drain()
    decision = signal.decisions.get()
    assert (decision.outcome, len(decision.enrichment["before"])) == ("APPROVED", 2)
    assert decision.decided_at > at
    wanted = asking.Asked(strategy=was.strategy, since=AT, until=clock.now())
    [replayed] = material._signals(wanted)
    assert clock.iso_ms(datetime.fromisoformat(replayed["at"])) == clock.iso_ms(at)


def test_nothing_is_said_where_nobody_asked(rejected):
    found, _ = as_json("--from", "2026-03-02", "--to", "2026-03-03")
    assert not any(SAID in one for one in found["unknown"])
