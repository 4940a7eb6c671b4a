"""I7: a guesser on TradingView's own address, 50 guesses for each second with an alert in it."""

import secrets

from accounts.models import FirewallBan
from signals.models import Signal
from tests.intake.conftest import ALERT, TRADINGVIEW_ADDRESS
from tradeops.core import clock

SECONDS, GUESSES = 12, 50


def test_every_valid_alert_beside_a_guesser_is_accepted(portal):
    from accounts.firewall import bans

    portal.source("tv", allowed_ips=["tradingview"])
    guesses, alerts = [], []
    for second in range(SECONDS):
        for _ in range(GUESSES):
            path = f"/webhook/tv/{secrets.token_urlsafe(24)}"
            guesses.append(portal.post(path, ALERT, address=TRADINGVIEW_ADDRESS).status)
        alerts.append(portal.send("tv", {**ALERT, "id": f"a{second}"}, address=TRADINGVIEW_ADDRESS).status)
    bans.flush(now=clock.now())
    assert alerts == [201] * SECONDS
    assert set(guesses) == {401}
    assert (Signal.objects.count(), FirewallBan.objects.count()) == (SECONDS, 0)


def test_the_same_guesser_elsewhere_is_stopped_and_the_alerts_still_come(portal):
    portal.source("tv")
    guesses = [
        portal.post("/webhook/tv/wrong-wrong-wrong", ALERT, address="203.0.113.50").status for _ in range(GUESSES)
    ]
    assert guesses[:10] == [401] * 10
    assert set(guesses[10:]) == {429}
    assert portal.send("tv", address=TRADINGVIEW_ADDRESS).status == 201
