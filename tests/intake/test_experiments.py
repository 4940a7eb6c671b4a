"""I9: the experiment and the variant in the answer, chosen before the commit, stored with it, the same for a repeat."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.models import Signal
from signals.strategies.experiments import assign, read
from tests.intake.conftest import ALERT

HALVES = {"A": 50, "B": 50, "mode": "route"}


def answered(sent):
    return sent.status, sent.body["strategy"], sent.body["experiment_id"], sent.body["variant"]


def test_the_answer_names_what_is_stored(portal):
    source = portal.source("tv")
    portal.strategy("trend", feeds=source, experiment=HALVES)
    seen = set()
    for number in range(12):
        sent = portal.send("tv", {**ALERT, "id": str(number)})
        signal = Signal.objects.get(public_id=sent.body["signal_id"])
        variant = assign(read("trend", HALVES), signal=signal.public_id)
        assert signal.variants == {"trend": variant}
        assert answered(sent) == (201, "trend", "trend", variant)
        seen.add(variant)
    assert seen == {"A", "B"}


def test_a_repeat_is_answered_as_the_first_was_whatever_has_changed_since(portal):
    source = portal.source("tv")
    strategy = portal.strategy("trend", feeds=source, experiment={"A": 0, "B": 1})
    first = portal.send("tv")
    strategy.experiment = {}
    strategy.save()
    portal.strategy("other", feeds=source)
    again = portal.send("tv")
    assert answered(first) == (201, "trend", "trend", "B")
    assert answered(again) == (200, "trend", "trend", "B")
    assert again.body["signal_id"] == first.body["signal_id"]


def test_the_first_strategy_under_an_experiment_is_named(portal):
    source = portal.source("tv")
    portal.strategy("a-plain", feeds=source)
    portal.strategy("b-tried", feeds=source, experiment={"A": 0, "B": 1})
    assert answered(portal.send("tv")) == (201, "a-plain", "b-tried", "B")


@pytest.mark.parametrize("experiment", [{}, HALVES])
def test_it_costs_no_statement(portal, experiment):
    source = portal.source("tv")
    portal.strategy("trend", feeds=source, experiment=experiment)
    portal.send("tv")  # fills this process's caches
    with CaptureQueriesContext(connection) as queries:
        assert portal.send("tv", {**ALERT, "id": "2"}).status == 201
    said = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [one.split()[0] for one in said[:2]] == ["INSERT", "INSERT"]
    assert len(said) == (3 if connection.vendor == "postgresql" else 2)  # with pg_notify
