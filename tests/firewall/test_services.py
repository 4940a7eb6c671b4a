"""Editing the firewall: one spelling of each rule, nobody locks themselves out, everything is told."""

from __future__ import annotations

import pytest

from accounts.firewall import concerns, services
from accounts.firewall.concerns import Concern
from accounts.firewall.services import Asker
from accounts.models import FirewallRule, FirewallSettings
from relay.models import Message
from signals.intake import expected
from signals.models import AddressList
from tests import factories
from tests.factories import NOW
from tests.firewall.conftest import AT_THE_MACHINE, HOUR, put, rules, settings, verdict
from tradeops.core import network
from tradeops.core.errors import ConfigurationError, Refused
from tradeops.core.models import ConfigurationVersion

HERE = Asker(name="ann", address=network.parse("203.0.113.9"), country="DE")


def save(target: str, action: str = "deny", *, asker: Asker = HERE, **fields: object) -> FirewallRule:
    rule = FirewallRule(action=action, **{**services.named(target), **fields})
    return services.save_rule(rule, asker=asker, now=NOW)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("198.51.100.7", "198.51.100.7/32"),
        (" 198.51.100.0/24 ", "198.51.100.0/24"),
        ("2001:DB8:0:0::1", "2001:db8::1/128"),
        ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
        ("ru", "RU"),
    ],
)
def test_a_rule_has_one_spelling(written, kept):
    assert save(written).target == kept
    with pytest.raises(ConfigurationError, match=f"a rule for {kept} already"):
        save(written, "allow")
    assert rules() == [f"deny {kept}"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"network": "198.51.100.7/24"}, "has host bits set"),
        ({"network": "198.51.100"}, "not an address or a network"),
        ({"network": "127.0.0.0/8"}, r"this machine \(loopback\) always passes"),
        ({"network": "::1"}, r"this machine \(loopback\) always passes"),
        ({"country": "DEU"}, "two letters"),
        ({"country": "1D"}, "two letters"),
        ({}, "one of the two"),
        ({"network": "198.51.100.7", "country": "DE"}, "one of the two"),
        ({"network": "198.51.100.7", "expires_at": NOW}, "is over already"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, told):
    with pytest.raises(ConfigurationError, match=told):
        services.save_rule(FirewallRule(action="deny", **fields), asker=HERE, now=NOW)
    assert (rules(), Message.objects.count()) == ([], 0)


@pytest.mark.parametrize("target", ["203.0.113.9", "203.0.113.0/24", "0.0.0.0/0", "DE"])
def test_nobody_locks_themselves_out(target):
    version = ConfigurationVersion.objects.get().version
    with pytest.raises(Refused, match=r"would lock you out: you are at 203\.0\.113\.9.*Add a rule that allows"):
        save(target)
    assert (rules(), Message.objects.count()) == ([], 0)
    assert ConfigurationVersion.objects.get().version == version


def test_with_a_rule_that_lets_them_in_they_may():
    save("203.0.113.9", "allow")
    save("203.0.113.0/24")
    save("DE")
    services.save_settings(FirewallSettings(pk=1, default="deny"), asker=HERE, now=NOW)
    assert (verdict("203.0.113.9"), verdict("203.0.113.10")) == ("in", "firewall_network")
    with pytest.raises(Refused, match="would lock you out"):
        services.delete_rule(FirewallRule.objects.get(network="203.0.113.9/32"), asker=HERE, now=NOW)
    rule = FirewallRule.objects.get(network="203.0.113.9/32")
    rule.action = "deny"
    with pytest.raises(Refused, match="would lock you out"):
        services.save_rule(rule, asker=HERE, now=NOW)
    assert verdict("203.0.113.9") == "in"


def test_the_default_does_not_lock_them_out_either():
    with pytest.raises(Refused, match="would lock you out"):
        services.save_settings(FirewallSettings(pk=1, default="deny"), asker=HERE, now=NOW)
    assert FirewallSettings.objects.count() == 0
    assert verdict("203.0.113.9") == "in"


def test_at_the_machine_itself_everything_may_be_done():
    save("203.0.113.0/24", asker=AT_THE_MACHINE)
    assert verdict("203.0.113.9") == "firewall_network"


def test_the_longest_ban_is_no_shorter_than_the_first():
    with pytest.raises(ConfigurationError, match="longest ban"):
        settings(ban_seconds=60, longest_seconds=59)


def test_who_did_what_is_kept_and_told():
    rule = save("198.51.100.7", note="a scanner", expires_at=NOW + HOUR)
    assert (rule.created_by, rule.created_at, rule.changed_by) == ("ann", NOW, "")
    rule.action = "allow"
    services.save_rule(rule, asker=Asker(name="bob"), now=NOW + HOUR / 2)
    rule.refresh_from_db()
    assert (rule.created_by, rule.changed_by, rule.changed_at) == ("ann", "bob", NOW + HOUR / 2)
    services.delete_rule(rule, asker=Asker(name="bob"), now=NOW + HOUR / 2)
    services.save_settings(FirewallSettings(pk=1, ban_after=5), asker=HERE, now=NOW)
    assert list(Message.objects.order_by("pk").values_list("event", "title")) == [
        ("firewall.added", "Firewall rule added: deny 198.51.100.7/32 until 2026-03-02 15:30 UTC (by ann)"),
        ("firewall.changed", "Firewall rule changed: allow 198.51.100.7/32 until 2026-03-02 15:30 UTC (by bob)"),
        ("firewall.removed", "Firewall rule removed: allow 198.51.100.7/32 (by bob)"),
        ("firewall.settings", "Firewall settings changed: allow whom no rule names; a ban after 5 failures"),
    ]
    assert Message.objects.first().body == {
        "target": "198.51.100.7/32", "action": "deny", "until": "2026-03-02T15:30:00.000Z", "note": "a scanner",
        "by": "ann",
    }  # fmt: skip


def test_a_sender_that_is_kept_out_is_named():
    networks = (network_of("52.89.214.238/32"), network_of("34.212.75.30/32"))
    concerns.connect(provider := lambda: [Concern("TradingView", networks)], expected.in_good_standing)
    try:
        put("deny 52.0.0.0/8")
        assert services.warnings(now=NOW) == [
            "The firewall keeps TradingView out: 52.89.214.238/32. Those signals are lost."
        ]
        put("allow 52.89.214.238")
        assert services.warnings(now=NOW) == []
        put("deny US")
        assert services.warnings(now=NOW) == [
            "The firewall keeps TradingView out: 34.212.75.30/32. Those signals are lost."
        ]
    finally:
        concerns._providers.remove(provider)


def test_the_portals_own_senders_are_among_them():
    AddressList.objects.update_or_create(slug="tradingview", defaults={"networks": ["52.89.214.238/32"]})
    factories.source("tv", allowed_ips=["tradingview"])
    factories.source("quant", allowed_ips=["198.51.100.0/24"])
    factories.source("open", allowed_ips=[])
    factories.source("off", allowed_ips=["52.0.0.1/32"], active=False)
    put("deny 0.0.0.0/0")
    assert services.warnings(now=NOW) == [
        "The firewall keeps TradingView (source tv) out: 52.89.214.238/32. Those signals are lost.",
        "The firewall keeps its sender (source quant) out: 198.51.100.0/24. Those signals are lost.",
    ]


def network_of(text: str) -> network.Network:
    import ipaddress

    return ipaddress.ip_network(text)
