"""`manage.py firewall`: also the way back in."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import FirewallBan, FirewallRule
from tests.firewall.conftest import fail, put, rules, settings, verdict, write


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("firewall", *args, stdout=out, stderr=io.StringIO(), no_color=True)
    return out.getvalue()


def test_rules_are_made_changed_shown_and_taken_away():
    assert run("deny", "203.0.113.0/24", "--note", "scanners") == "deny 203.0.113.0/24.\n"
    assert run("allow", "203.0.113.0/24") == "allow 203.0.113.0/24.\n"
    assert (rules(), FirewallRule.objects.get().note) == (["allow 203.0.113.0/24"], "scanners")
    run("deny", "ru")
    assert [" ".join(line.split()) for line in run("list").splitlines()] == [
        "allow 203.0.113.0/24 scanners",
        "deny RU",
        "Whom no rule names: allow.",
    ]
    assert run("remove", "RU") == "Removed: deny RU.\n"
    assert rules() == ["allow 203.0.113.0/24"]


def test_it_lets_a_locked_out_operator_back_in():
    settings(default="deny")
    fail("203.0.113.9", times=30)
    write()
    assert verdict("203.0.113.9") == "firewall_default"
    assert "Its ban is lifted." in run("allow", "203.0.113.9")
    assert verdict("203.0.113.9") == "in"
    assert FirewallBan.objects.get().lifted_by.endswith("(command line)")


def test_it_lifts():
    fail("203.0.113.9", times=30)
    write()
    assert run("lift", "203.0.113.0/24") == "Lifted: 203.0.113.9.\n"
    assert run("lift", "203.0.113.9") == "No ban is in force on 203.0.113.9.\n"
    assert verdict("203.0.113.9") == "in"


def test_for_programs():
    put("deny 203.0.113.0/24", "allow DE")
    fail("198.51.100.9", times=30)
    write()
    state = json.loads(run("list", "--json"))
    assert state["default"] == "allow"
    assert [(rule["network"], rule["country"], rule["action"]) for rule in state["rules"]] == [
        ("203.0.113.0/24", None, "deny"),
        (None, "DE", "allow"),
    ]
    [ban] = state["bans"]
    assert (ban["network"], ban["strikes"]) == ("198.51.100.9", 1)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("allow",), "allow whom"),
        (("deny", "203.0.113.0/99"), "not an address or a network"),
        (("deny", "127.0.0.1"), "always passes"),
        (("remove", "203.0.113.9"), "there is no rule"),
        (("lift", "nonsense!"), "not an address or a network"),
    ],
)
def test_what_makes_no_sense_is_refused(args, told):
    with pytest.raises(CommandError, match=told) as refused:
        run(*args)
    assert refused.value.returncode == 2
    assert rules() == []
