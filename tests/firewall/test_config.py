"""The section `firewall` of the configuration file."""

from __future__ import annotations

from accounts.models import FirewallRule, FirewallSettings
from relay.models import Message
from tests.config.portal import faults, lines
from tests.firewall.conftest import put, rules, verdict
from tradeops.config import export

FILE = """\
firewall:
  default: deny
  bans: {after: 10, within_seconds: 300, first_seconds: 600, longest_seconds: 7200}
  rules:
    - {cidr: 203.0.113.0/24, action: allow, note: "the office"}
    - {cidr: 2001:db8::/32, action: deny, until: 2026-12-01T01:00:00+01:00}
    - {country: de, action: allow}
"""


def test_it_is_applied_and_then_there_is_nothing_to_do():
    assert lines(FILE) == [
        "~ firewall: bans.after 30 → 10",
        "~ firewall: bans.within_seconds 600 → 300",
        "~ firewall: bans.first_seconds 3600 → 600",
        "~ firewall: bans.longest_seconds 86400 → 7200",
        "~ firewall: default allow → deny",
        "+ firewall rule 203.0.113.0/24",
        "+ firewall rule 2001:db8::/32",
        "+ firewall rule DE",
    ]
    assert lines(FILE) == ["= nothing to do"]
    row = FirewallSettings.objects.get()
    assert (row.default, row.ban_after, row.within_seconds) == ("deny", 10, 300)
    assert (row.ban_seconds, row.longest_seconds) == (600, 7200)
    assert (verdict("203.0.113.9"), verdict("198.51.100.1", country="DE")) == ("in", "in")
    assert verdict("198.51.100.1") == "firewall_default"
    assert FirewallRule.objects.get(country="DE").created_by == "configuration file"


def test_a_dry_run_changes_and_tells_nothing():
    assert lines(FILE, dry_run=True)[-1] == "dry run: nothing was changed"
    assert (rules(), Message.objects.count(), verdict("198.51.100.1")) == ([], 0, "in")


def test_rules_that_it_does_not_name_stay():
    put("deny 198.51.100.0/24", "deny 203.0.113.0/24")
    assert lines("firewall: {rules: [{cidr: 203.0.113.0/24, action: allow, note: now ours}]}") == [
        "~ firewall rule 203.0.113.0/24: action deny → allow",
        "~ firewall rule 203.0.113.0/24: note none → now ours",
    ]
    assert rules() == ["deny 198.51.100.0/24", "allow 203.0.113.0/24"]


def test_an_absent_one_is_taken_away():
    put("deny 198.51.100.0/24")
    text = "firewall: {rules: [{cidr: 198.51.100.0/24, state: absent}, {country: RU, state: absent}]}"
    assert lines(text) == ["- firewall rule 198.51.100.0/24"]
    assert lines(text) == ["= nothing to do"]
    assert rules() == []


def test_a_file_stays_applicable_after_a_rule_of_it_has_ended():
    text = "firewall: {rules: [{cidr: 198.51.100.0/24, action: deny, until: 2020-01-01T00:00:00Z}]}"
    assert lines(text) == ["+ firewall rule 198.51.100.0/24"]
    assert lines(text) == ["= nothing to do"]
    assert verdict("198.51.100.1") == "in"


def test_what_is_wrong_is_said_with_its_line():
    text = """\
firewall:
  default: maybe
  bans: {after: -1}
  rules:
    - {cidr: 203.0.113.9/24, action: deny}
    - {cidr: 127.0.0.1, action: deny}
    - {country: DEU, action: deny}
    - {action: deny}
    - {country: DE}
    - {country: DE, action: deny, until: tomorrow}
    - {country: DE, action: deny, until: 2026-12-01T00:00:00}
"""
    found = faults(text)
    assert [fault.split(": ")[0] for fault in found] == [
        f"portal.yaml:{line}" for line in (2, 3, 5, 6, 7, 8, 9, 10, 11)
    ]
    assert "there is no default 'maybe'" in found[0]
    assert "has host bits set" in found[2]
    assert "always passes" in found[3]
    assert "needs `cidr` or `country`" in found[5]
    assert "action: is required" in found[6]
    assert "needs its time zone" in found[8]
    assert rules() == []


def test_the_same_target_twice_is_refused():
    [fault] = faults("firewall: {rules: [{country: DE, action: deny}, {country: de, action: allow}]}")
    assert "two rules for DE" in fault


def test_what_is_exported_is_what_is_applied():
    lines(FILE)
    text = export.as_yaml(with_secrets=False)
    assert lines(text) == ["= nothing to do"]
    FirewallRule.objects.all().delete()
    FirewallSettings.objects.all().delete()
    lines(text)
    assert export.as_yaml(with_secrets=False) == text
    assert sorted(rules()) == ["allow 203.0.113.0/24", "allow DE", "deny 2001:db8::/32"]
