"""E6: which rule decides. The most specific network rule alone; else country; else the default."""

from __future__ import annotations

import sys
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.firewall import book
from accounts.firewall import verdict as verdicts
from accounts.models import FirewallRule, FirewallSettings
from tests.factories import NOW
from tests.firewall.conftest import HOUR, put, settings, verdict
from tradeops.core import configuration

ANYBODY = "198.51.100.9"


@pytest.mark.parametrize(
    ("given_rules", "default", "address", "country", "expected"),
    [
        # no rule names it
        ([], "allow", ANYBODY, "", "in"),
        ([], "deny", ANYBODY, "", "firewall_default"),
        (["deny 203.0.113.0/24"], "allow", ANYBODY, "", "in"),
        (["allow 203.0.113.0/24"], "deny", ANYBODY, "", "firewall_default"),
        # a network
        (["deny 203.0.113.0/24"], "allow", "203.0.113.0", "", "firewall_network"),
        (["deny 203.0.113.0/24"], "allow", "203.0.113.255", "", "firewall_network"),
        (["deny 203.0.113.0/24"], "allow", "203.0.114.0", "", "in"),
        (["allow 203.0.113.0/24"], "deny", "203.0.113.7", "", "in"),
        (["deny 203.0.113.7"], "allow", "203.0.113.7", "", "firewall_network"),
        (["deny 203.0.113.7"], "allow", "203.0.113.8", "", "in"),
        (["deny 0.0.0.0/0"], "allow", ANYBODY, "", "firewall_network"),
        (["deny 0.0.0.0/0"], "allow", "2001:db8::1", "", "in"),
        (["deny ::/0"], "allow", "2001:db8::1", "", "firewall_network"),
        # the most specific one, whichever it is and whenever it came
        (["deny 203.0.113.0/24", "allow 203.0.113.7"], "allow", "203.0.113.7", "", "in"),
        (["allow 203.0.113.7", "deny 203.0.113.0/24"], "allow", "203.0.113.8", "", "firewall_network"),
        (["allow 203.0.113.0/24", "deny 203.0.113.7"], "deny", "203.0.113.7", "", "firewall_network"),
        (
            ["deny 0.0.0.0/0", "allow 203.0.0.0/8", "deny 203.0.113.0/24"],
            "allow",
            "203.0.113.1",
            "",
            "firewall_network",
        ),
        (["deny 0.0.0.0/0", "allow 203.0.0.0/8", "deny 203.0.113.0/24"], "allow", "203.0.112.1", "", "in"),
        # IPv6, and IPv4 in its clothes
        (["deny 2001:db8::/32"], "allow", "2001:db8:ffff::1", "", "firewall_network"),
        (["deny 2001:db8::/32", "allow 2001:db8:1::/48"], "allow", "2001:db8:1::9", "", "in"),
        (["deny 203.0.113.0/24"], "allow", "::ffff:203.0.113.9", "", "firewall_network"),
        (["deny ::ffff:203.0.113.0/120"], "allow", "203.0.113.9", "", "firewall_network"),
        # countries
        (["deny RU"], "allow", ANYBODY, "RU", "firewall_country"),
        (["deny RU"], "allow", ANYBODY, "DE", "in"),
        (["deny RU"], "allow", ANYBODY, "", "in"),
        (["allow DE"], "deny", ANYBODY, "DE", "in"),
        (["allow DE"], "deny", ANYBODY, "RU", "firewall_default"),
        (["allow DE"], "deny", ANYBODY, "", "firewall_default"),
        # a network rule goes before any country
        (["deny RU", "allow 203.0.113.7"], "allow", "203.0.113.7", "RU", "in"),
        (["allow DE", "deny 203.0.113.7"], "deny", "203.0.113.7", "DE", "firewall_network"),
        # this machine
        (["deny 0.0.0.0/0", "deny ::/0"], "deny", "127.0.0.1", "", "in"),
        (["deny 0.0.0.0/0", "deny ::/0"], "deny", "::1", "", "in"),
        # an address that nobody could read
        ([], "allow", "", "", "in"),
        ([], "deny", "", "", "firewall_default"),
        (["deny RU"], "allow", "", "RU", "in"),
    ],
)
def test_who_comes_in(given_rules, default, address, country, expected):
    put(*given_rules)
    settings(default=default)
    assert verdict(address, country=country) == expected


def test_a_rule_ends_by_itself_and_the_wider_one_holds_again():
    put("deny 203.0.113.0/24")
    put("allow 203.0.113.7", until=NOW + HOUR)
    assert verdict("203.0.113.7", at=NOW + HOUR * 0.999) == "in"
    assert verdict("203.0.113.7", at=NOW + HOUR) == "firewall_network"


def test_a_country_rule_ends_by_itself():
    put("deny RU", until=NOW + HOUR)
    assert verdict(ANYBODY, country="RU", at=NOW) == "firewall_country"
    assert verdict(ANYBODY, country="RU", at=NOW + HOUR) == "in"


def test_the_registries_tables_are_asked_where_the_header_says_nothing():
    put("deny RU")
    assert verdict("2a02:6b8::1") == "firewall_country"
    assert verdict("8.8.8.8") == "in"
    assert verdict("2a02:6b8::1", country="DE") == "in", "Cloudflare knows better"


def test_without_a_country_rule_nobody_asks_for_the_country():
    put("deny 203.0.113.0/24")
    asked = []
    verdicts.check(address=ip_address(ANYBODY), country=lambda: asked.append(1) or "RU", now=NOW)
    assert asked == []


def test_a_request_asks_the_database_nothing(django_assert_num_queries, monkeypatch):
    put("deny 203.0.113.0/24", "deny RU")
    assert verdict(ANYBODY) == "in"
    monkeypatch.setattr(configuration, "CHECK_SECONDS", 600)
    verdict(ANYBODY)
    with django_assert_num_queries(0):
        for _ in range(100):
            assert verdict(ANYBODY, country="DE") == "in"
            assert verdict("203.0.113.9") == "firewall_network"


def test_a_thousand_rules_cost_no_more_steps_than_ten(monkeypatch):
    """Counted in Python calls, since the time of a busy machine says nothing."""

    def steps(count: int) -> int:
        FirewallRule.objects.all().delete()
        FirewallRule.objects.bulk_create(
            FirewallRule(network=f"10.{number // 250}.{number % 250}.0/24", action="deny", created_at=NOW)
            for number in range(count)
        )
        configuration.changed()
        found = book.current()
        calls = []
        sys.setprofile(lambda frame, event, arg: calls.append(event))
        try:
            refused = verdicts.refusal(found, address=ip_address("10.0.9.1"), country=str, now=NOW)
        finally:
            sys.setprofile(None)
        assert str(refused) == "firewall_network"
        return len(calls)

    assert steps(10) == steps(1000)


V4 = st.integers(0, 2**32 - 1)
RULES = st.lists(st.tuples(V4, st.integers(0, 32), st.sampled_from(["allow", "deny"])), max_size=30)


@given(rules=RULES, address=V4)
def test_it_agrees_with_asking_every_rule(rules, address):
    unique = {}
    for number, length, action in rules:
        kept = number >> (32 - length) << (32 - length)
        unique[f"{ip_address(kept)}/{length}"] = action
    made = book.make(
        rules=[FirewallRule(network=net, action=action) for net, action in unique.items()],
        bans={},
        settings=FirewallSettings(pk=1),
    )
    where = ip_address(address)
    matching = [(book.network(net).prefixlen, action) for net, action in unique.items() if where in book.network(net)]
    expected = max(matching)[1] if matching else "allow"
    refused = verdicts.refusal(made, address=where, country=str, now=NOW)
    if where.is_loopback:
        assert refused is None
    else:
        assert (refused is None) == (expected == "allow")
