"""The firewall before webhooks: in the place that I4 gives it, and never in the way of TradingView."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import override_settings

from accounts.models import FirewallBan
from signals.models import RefusedAttempt, Signal
from tests.factories import NOW
from tests.firewall.conftest import put, settings, write
from tests.intake.conftest import (
    ALERT,
    TRADINGVIEW_ADDRESS,
    Portal,
    _empty_request_log,
    portal,
    refusals,
    stored,
)
from tradeops.core import configuration

__all__ = ["_empty_request_log", "portal"]  # fixtures
GUESSER = "203.0.113.9"
WRONG = "wrong-wrong-wrong-wrong"


def guess(portal: Portal, times: int, *, address: str = GUESSER, **headers: str) -> list[int]:
    return [
        portal.post("/webhook/tv", ALERT, address=address, x_webhook_token=WRONG, **headers).status
        for _ in range(times)
    ]


def test_a_denied_address_is_refused_before_its_credential_and_body_are_looked_at(portal):
    portal.source("tv")
    put("deny 203.0.113.0/24")
    sent = portal.send("tv", address=GUESSER)
    assert (sent.status, set(sent.body)) == (403, {"status", "code", "request_id"})
    broken = portal.post("/webhook/tv", b"\xff\xfe", address=GUESSER)
    assert broken.status == 403
    assert stored() == (0, 0)
    row = refusals()[0]
    assert (row.outcome, row.reason, row.address, row.size) == (403, "firewall_network", GUESSER, 0)


def test_too_large_is_told_before_the_firewall_is_asked(portal):
    put("deny 203.0.113.0/24")
    assert portal.post("/webhook/tv", b"x" * 70_000, address=GUESSER).status == 413


def test_a_country_is_refused_and_the_log_says_which(portal):
    portal.source("tv")
    put("deny US")
    assert portal.send("tv", address="8.8.8.8").status == 403
    assert portal.send("tv", address=GUESSER).status == 201
    assert [(row.reason, row.country) for row in refusals()] == [("firewall_country", "US")]


def test_eleven_failures_are_limited_and_thirty_heard_ones_banned(portal):
    """Ten a minute are heard, so a ban takes guessing into a third minute at least."""
    portal.source("tv")
    at = NOW
    for minute in range(3):
        with time_machine.travel(at + minute * timedelta(minutes=1), tick=False):
            configuration.forget()
            statuses = guess(portal, 15)
            assert statuses == [401] * 10 + [429] * 5
    assert write(at) == 1
    with time_machine.travel(at + timedelta(minutes=4), tick=False):
        configuration.forget()
        sent = portal.send("tv", address=GUESSER)
        assert (sent.status, sent.body["code"]) == (429, "banned")
        assert int(sent.headers["Retry-After"]) > 3000
        assert portal.send("tv", address="203.0.113.10").status == 201
    assert Signal.objects.count() == 1
    ban = FirewallBan.objects.get()
    assert (ban.network, ban.failures) == (GUESSER, 30)
    assert ban.reason.startswith("webhook: ")
    assert WRONG not in str(vars(ban)) + str(list(RefusedAttempt.objects.values()))


def test_beside_a_guesser_a_valid_credential_passes(portal):
    portal.source("tv")
    for number in range(40):
        guess(portal, 3)
        assert portal.send("tv", {**ALERT, "id": str(number)}, address=GUESSER).status == 201
        write()
    assert Signal.objects.count() == 40


def test_a_guesser_on_tradingviews_address_bans_nobody(portal):
    settings(ban_after=1)
    portal.source("tv", allowed_ips=["tradingview"])
    assert set(guess(portal, 200, address=TRADINGVIEW_ADDRESS)) == {401}
    assert write() == 0
    assert portal.send("tv", address=TRADINGVIEW_ADDRESS).status == 201


def test_forwarded_headers_lead_around_neither_rule_nor_ban(portal):
    settings(ban_after=3)
    portal.source("tv")
    guess(portal, 3)
    write()
    forged = {
        "x_forwarded_for": "198.51.100.1",
        "x_real_ip": "198.51.100.1",
        "forwarded": "for=198.51.100.1",
        "cf_connecting_ip": "198.51.100.1",
        "true_client_ip": "198.51.100.1",
    }
    for name, value in forged.items():
        assert portal.send("tv", address=GUESSER, **{name: value}).body["code"] == "banned", name
    with override_settings(TRUSTED_PROXIES=("10.0.0.0/8",)):
        for name, value in {**forged, "x_forwarded_for": f"198.51.100.1, {GUESSER}"}.items():
            headers = {"x_forwarded_for": GUESSER, name: value}
            assert portal.send("tv", address="10.0.0.1", **headers).body["code"] == "banned", name
        assert portal.send("tv", address="10.0.0.1", x_forwarded_for="198.51.100.1").status == 201
    assert Signal.objects.count() == 1


def test_a_guesser_cannot_ban_somebody_else_by_a_forged_header(portal):
    settings(ban_after=3)
    portal.source("tv")
    guess(portal, 9, x_forwarded_for="198.51.100.1")
    write()
    assert FirewallBan.objects.get().network == GUESSER
    assert portal.send("tv", address="198.51.100.1").status == 201


@pytest.mark.parametrize("rule", ["allow 203.0.113.9", "allow 203.0.113.0/24"])
def test_an_allowed_address_is_limited_but_not_banned(portal, rule):
    settings(ban_after=3)
    put(rule)
    portal.source("tv")
    assert guess(portal, 12) == [401] * 10 + [429] * 2
    assert write() == 0
    assert portal.send("tv", address=GUESSER).status == 201
