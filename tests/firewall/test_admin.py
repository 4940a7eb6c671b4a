"""The firewall's pages in the admin."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import FirewallBan, FirewallRule, FirewallSettings, Operator
from relay.models import Message
from signals.models import AddressList
from tests import factories
from tests.factories import NOW
from tests.firewall.conftest import HOUR, fail, put, rules, settings, verdict, write
from tradeops.core.models import ConfigurationVersion

PASSWORD = "the-password-of-this-test"
HERE = "203.0.113.9"


@pytest.fixture
def boss(db):
    client = Client(REMOTE_ADDR=HERE)
    client.force_login(Operator.objects.create_superuser("boss", password=PASSWORD))
    return client


def rule_form(**changes: object) -> dict[str, object]:
    return {
        "network": "198.51.100.0/24", "country": "", "action": "deny", "note": "a scanner", "expires_at_0": "",
        "expires_at_1": "", **changes,
    }  # fmt: skip


def errors(answer) -> str:
    assert answer.status_code == 200, "the form was accepted"
    return str(answer.context["adminform"].form.errors)


def told(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def add(boss, **changes: object):
    return boss.post(reverse("admin:accounts_firewallrule_add"), rule_form(**changes))


def test_a_rule_is_made_changed_and_taken_away(boss):
    before = ConfigurationVersion.objects.get().version
    assert add(boss, network="198.51.100.7").status_code == 302
    rule = FirewallRule.objects.get()
    assert (str(rule), rule.created_by, rule.note) == ("deny 198.51.100.7/32", "boss", "a scanner")
    assert verdict("198.51.100.7") == "firewall_network"
    assert ConfigurationVersion.objects.get().version > before
    url = reverse("admin:accounts_firewallrule_change", args=[rule.pk])
    assert boss.post(url, rule_form(network="198.51.100.7", action="allow")).status_code == 302
    rule.refresh_from_db()
    assert (rule.action, rule.changed_by) == ("allow", "boss")
    url = reverse("admin:accounts_firewallrule_delete", args=[rule.pk])
    assert boss.post(url, {"post": "yes"}).status_code == 302
    assert rules() == []
    assert list(Message.objects.order_by("pk").values_list("event", flat=True)) == [
        "firewall.added", "firewall.changed", "firewall.removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": HERE}, f"This would lock you out: you are at {HERE}"),
        ({"network": "0.0.0.0/0"}, "This would lock you out"),
        ({"network": "198.51.100.7/24"}, "host bits set"),
        ({"network": "127.0.0.1"}, "always passes"),
        ({"network": ""}, "one of the two"),
        ({"country": "DE"}, "one of the two"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "over already"),
        ({"action": "shrug"}, "not one of the available choices"),
    ],
)
def test_a_rule_that_makes_no_sense_or_locks_out_is_not_made(boss, changes, said):
    assert said in errors(add(boss, **changes))
    assert (rules(), Message.objects.count()) == ([], 0)


def test_two_rules_for_one_network_are_refused(boss):
    add(boss)
    assert "a rule for 198.51.100.0/24 already" in errors(add(boss, action="allow"))
    assert rules() == ["deny 198.51.100.0/24"]


def test_a_rule_that_keeps_tradingview_out_says_so(boss):
    AddressList.objects.update_or_create(slug="tradingview", defaults={"networks": ["52.89.214.238/32"]})
    factories.source("tv", allowed_ips=["tradingview"])
    answer = add(boss, network="52.0.0.0/8")
    assert answer.status_code == 302
    assert "keeps TradingView (source tv) out: 52.89.214.238/32" in told(answer)


def test_the_dashboard_says_so_until_it_is_mended(boss):
    AddressList.objects.update_or_create(slug="tradingview", defaults={"networks": ["52.89.214.238/32"]})
    factories.source("tv", allowed_ips=["tradingview"])
    sentence = "The firewall keeps TradingView (source tv) out: 52.89.214.238/32. Those signals are lost."
    put("deny US")
    assert sentence in boss.get("/admin/").content.decode()
    put("allow 52.89.214.238")
    assert sentence not in boss.get("/admin/").content.decode()


def test_the_rule_that_lets_the_operator_in_stays(boss):
    put(f"allow {HERE}", "deny 203.0.113.0/24")
    rule = FirewallRule.objects.get(action="allow")
    answer = boss.post(reverse("admin:accounts_firewallrule_delete", args=[rule.pk]), {"post": "yes"}, follow=True)
    assert "The rule stays: this would lock you out" in answer.content.decode()
    assert FirewallRule.objects.filter(pk=rule.pk).exists()


def settings_form(**changes: object) -> dict[str, object]:
    return {
        "default": "allow", "ban_after": 20, "within_seconds": 600, "ban_seconds": 3600, "longest_seconds": 86400,
        **changes,
    }  # fmt: skip


def test_the_settings_are_one_page(boss):
    answer = boss.get(reverse("admin:accounts_firewallsettings_changelist"), follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/accounts/firewallsettings/1/change/"
    assert boss.get("/admin/accounts/firewallsettings/add/").status_code == 403
    url = answer.redirect_chain[-1][0]
    assert boss.post(url, settings_form(ban_after=5)).status_code == 302
    assert FirewallSettings.objects.get().ban_after == 5
    assert "would lock you out" in errors(boss.post(url, settings_form(default="deny")))
    assert "longest ban" in errors(boss.post(url, settings_form(longest_seconds=60)))
    assert FirewallSettings.objects.get().default == "allow"


def test_a_ban_is_lifted_after_the_password_only(boss):
    fail("198.51.100.7", times=30)
    write()
    ban = FirewallBan.objects.get()
    url = f"/admin/accounts/firewallban/{ban.pk}/lift/"
    assert boss.get(url).status_code == 200
    boss.post(url, {"confirm_password": "wrong"})
    assert verdict("198.51.100.7") == "banned"
    answer = boss.post(url, {"confirm_password": PASSWORD}, follow=True)
    assert "is lifted" in answer.content.decode()
    ban.refresh_from_db()
    assert (ban.lifted_by, verdict("198.51.100.7")) == ("boss", "in")
    answer = boss.post(url, {"confirm_password": PASSWORD}, follow=True)
    assert "over already" in answer.content.decode()


def test_bans_are_not_written_by_hand(boss):
    fail("198.51.100.7", times=30)
    write()
    ban = FirewallBan.objects.get()
    assert boss.get("/admin/accounts/firewallban/add/").status_code == 403
    boss.post(f"/admin/accounts/firewallban/{ban.pk}/change/", {"until_0": "2020-01-01", "until_1": "00:00"})
    assert boss.post(f"/admin/accounts/firewallban/{ban.pk}/delete/", {"post": "yes"}).status_code == 403
    ban.refresh_from_db()
    assert verdict("198.51.100.7") == "banned"


def test_it_asks_for_permission(boss):
    fail("198.51.100.7", times=30)
    write()
    viewer = Client(REMOTE_ADDR=HERE)
    viewer.force_login(Operator.objects.create_user("viewer", password=PASSWORD, is_staff=True))
    ban = FirewallBan.objects.get()
    for path in ("firewallrule/", "firewallban/", "firewallsettings/", f"firewallban/{ban.pk}/lift/"):
        assert viewer.post(f"/admin/accounts/{path}", {"confirm_password": PASSWORD}).status_code == 403
    assert (verdict("198.51.100.7"), FirewallSettings.objects.count()) == ("banned", 0)


def test_what_holds_is_shown(boss):
    settings(ban_after=3)
    fail("198.51.100.7", times=3)
    write()
    FirewallBan.objects.create(network="192.0.2.1", reason="x", failures=3, banned_at=NOW - 2 * HOUR, until=NOW - HOUR)
    answer = boss.get("/admin/accounts/firewallban/")
    assert [row.network for row in answer.context["cl"].result_list] == ["192.0.2.1", "198.51.100.7"]
    answer = boss.get("/admin/accounts/firewallban/?state=in-force")
    assert [row.network for row in answer.context["cl"].result_list] == ["198.51.100.7"]
    assert "in force" in answer.content.decode()
