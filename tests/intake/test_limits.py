"""I7: a guesser is slowed down, nobody else is; a TradingView alert is never lost to a limit."""

import json

import pytest

from signals.models import Signal, Source
from tests.intake.conftest import ALERT, TRADINGVIEW_ADDRESS, refusals, stored
from tradeops.core import events


def _guess(portal, **kwargs):
    return portal.post("/webhook/tv", ALERT, x_webhook_token="wrong-wrong-wrong", **kwargs)


def test_the_eleventh_failure_of_an_address_is_429(portal):
    portal.source("tv")
    answers = [_guess(portal) for _ in range(12)]
    assert [one.status for one in answers] == [401] * 10 + [429] * 2
    assert answers[-1].body["code"] == "too_many_failures"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert _guess(portal, address="203.0.113.10").status == 401


def test_a_valid_credential_passes_beside_a_guesser_and_after_many_of_its_own(portal):
    portal.source("tv")
    for number in range(15):
        _guess(portal)
        assert portal.send("tv", {**ALERT, "id": str(number)}).status == 201
    assert _guess(portal).status == 429
    assert Signal.objects.count() == 15


def test_tradingviews_addresses_are_never_banned(portal):
    portal.source("tv")
    assert {_guess(portal, address=TRADINGVIEW_ADDRESS).status for _ in range(20)} == {401}


def test_an_ipv6_neighbourhood_counts_as_one_address(portal):
    portal.source("tv")
    answers = [_guess(portal, address=f"2001:db8:1:1::{n:x}").status for n in range(11)]
    assert answers[-1] == 429
    assert _guess(portal, address="2001:db8:1:2::1").status == 401


@pytest.fixture
def heard(monkeypatch):
    """What was published, as `wiring` would hear it."""
    found = []
    monkeypatch.setattr(events, "_listeners", [("source.*", found.append)])
    return found


@pytest.mark.parametrize(
    ("allowed", "address"), [(["tradingview", "203.0.113.0/24"], "203.0.113.9"), ([], TRADINGVIEW_ADDRESS)]
)
def test_tradingview_over_its_limit_gets_503_and_one_critical_event(portal, heard, allowed, address):
    portal.source("tv", rate_limit=1, allowed_ips=allowed)
    portal.send("tv", address=address)
    for number in range(3):
        sent = portal.send("tv", {**ALERT, "id": str(number)}, address=address)
        assert (sent.status, sent.body["code"]) == (503, "rate_limited")
        refusals()  # three flushes, one event: at most once a minute
    assert stored() == (1, 1)
    assert [(one.name, one.level.value, one.body["source"]) for one in heard] == [("source.limited", "critical", "tv")]


def test_a_refusal_of_a_known_source_is_told_once_a_minute_and_a_strangers_not(portal, heard):
    portal.source("tv")
    for _ in range(3):
        portal.send("tv", "{")
        portal.post("/webhook/nobody", ALERT, x_webhook_token="wrong-wrong-wrong")
        refusals()
    [event] = heard
    assert (event.name, event.level.value) == ("source.refused", "warning")
    assert event.body == {
        "source": "tv",
        "address": "203.0.113.9",
        "outcome": 400,
        "reason": "invalid_payload",
        "times": 1,
    }
    assert portal.secret["tv"] not in json.dumps([event.title, event.body])


def test_a_refused_tradingview_address_is_told_although_the_source_is_unknown(portal, heard):
    portal.post("/webhook/nobody", ALERT, address=TRADINGVIEW_ADDRESS, x_webhook_token="wrong-wrong-wrong")
    refusals()
    assert [(one.name, one.body["source"], one.body["reason"]) for one in heard] == [
        ("source.refused", "", "unknown_source")
    ]


def test_a_limit_of_another_source_is_its_own(portal):
    portal.source("a", rate_limit=1)
    portal.source("b", rate_limit=1)
    assert [portal.send("a").status, portal.send("b").status] == [201, 201]
    assert Source.objects.count() == 2
