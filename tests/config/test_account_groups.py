"""Account groups, target sizes, and symbols by account, in the configuration file (S1, S5, S7)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import AccountGroup, AccountGroupMember
from signals.models import Strategy
from tests.config.portal import FULL, NOW, apply, faults, lines
from tradeops.config import export

pytestmark = pytest.mark.django_db
D = Decimal

DESK = """
accounts:
  - {slug: paper-3, broker: paper}
  - {slug: paper-4, broker: paper}
account_groups:
  - slug: desk
    members:
      paper-3:
      paper-4: {multiplier: "2.5", cap: "5000", paused: true, start: next_flat}
strategies:
  - {slug: trend, groups: [desk]}
"""


@pytest.fixture(autouse=True)
def _applied():
    apply(FULL)


def members():
    rows = AccountGroupMember.objects.order_by("account__slug")
    return list(rows.values_list("account__slug", "multiplier", "cap", "paused", "start", "started_at"))


def test_a_group_has_its_members_and_the_strategy_the_group():
    assert lines(DESK) == [
        "+ account paper-3", "+ account paper-4", "+ account group desk", "~ strategy trend: groups none → [desk]",
    ]  # fmt: skip
    assert members() == [
        ("paper-3", D(1), None, False, "now", NOW),
        ("paper-4", D("2.5"), D(5000), True, "next_flat", None),
    ]
    assert [row.slug for row in Strategy.objects.get().groups.all()] == ["desk"]
    assert lines(DESK) == ["= nothing to do"]


def test_a_list_of_accounts_is_enough_and_each_change_is_said():
    apply(DESK)
    assert lines("account_groups: [{slug: desk, members: [paper-4]}]") == [
        "~ account group desk: members.paper-3 {cap: none, multiplier: 1, paused: false, start: now} → none",
        "~ account group desk: members.paper-4.cap 5000 → none",
        "~ account group desk: members.paper-4.multiplier 2.5 → 1",
        "~ account group desk: members.paper-4.paused true → false",
        "~ account group desk: members.paper-4.start next_flat → now",
    ]
    assert members() == [("paper-4", D(1), None, False, "now", NOW)]


def test_who_has_begun_does_not_wait_again_when_something_else_changes():
    apply(DESK)
    AccountGroupMember.objects.filter(account__slug="paper-4").update(started_at=NOW)
    apply('account_groups: [{slug: desk, members: {paper-4: {multiplier: "3", start: next_flat}}}]')
    assert members() == [("paper-4", D(3), None, False, "next_flat", NOW)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("account_groups: [{slug: none, members: []}]",
         "account_groups[none].members: a group needs at least one member; to take it out of use, say `state: absent`"),
        ("account_groups: [{slug: new}]", "account_groups[new].members: is required for a new account group"),
        ("account_groups: [{slug: new, members: [nobody]}]",
         "account_groups[new].members: there is no account 'nobody' (there are: paper-1, paper-2)"),
        ("account_groups: [{slug: new, members: {paper-1: {multiplier: 0}}}]",
         "account_groups[new].members.paper-1.multiplier: must be a number above zero, not 0"),
        ("account_groups: [{slug: new, members: {paper-1: {start: later}}}]",
         "account_groups[new].members.paper-1.start: there is no start 'later' (there are: next_flat, now)"),
        ("account_groups: [{slug: new, members: {paper-1: {share: 2}}}]",
         "account_groups[new].members.paper-1.share: there is no field 'share'; did you mean 'start'? "
         "(there are: cap, multiplier, paused, start)"),
        ("strategies: [{slug: trend, groups: [nobody]}]",
         "strategies[trend].groups: there is no account group 'nobody'"),
        ("account_groups: [{slug: new, members: [paper-1]}]\nstrategies: [{slug: trend, groups: [new]}]",
         "strategies[trend]: account paper-1 is named itself and in group new: it would be traded twice; "
         "leave one out"),
        ("account_groups: [{slug: a, members: [paper-1]}, {slug: b, members: [paper-1]}]\n"
         "strategies: [{slug: trend, accounts: [], groups: [a, b]}]",
         "strategies[trend]: account paper-1 is in group a and in group b: it would be traded twice; leave one out"),
        ("strategies: [{slug: trend, target_size: proportional}]",
         "strategies[trend]: proportional target sizes need a unit_size above zero"),
        ("strategies: [{slug: trend, target_size: some}]",
         "strategies[trend].target_size: there is no meaning of a target's size 'some' "
         "(there are: absolute, direction, proportional)"),
        ('strategies: [{slug: trend, sizing: {mode: risk_percent, value: "101"}}]',
         "strategies[trend].sizing.value: the mode risk_percent takes percent: at most 100"),
        ("strategies: [{slug: trend, symbols: {X: {symbol: A, accounts: {nobody: B}}}}]",
         "strategies[trend]: symbols: there is no account 'nobody' for which one could be different"),
        ("strategies: [{slug: trend, symbols: {X: {symbol: A, accounts: {paper-1: {unit: lots}}}}}]",
         "strategies[trend].symbols.X: accounts.paper-1: unknown field unit; "
         "there are market, multiplier, quantity_unit, symbol"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_changes_nothing(text, fault):
    found = faults(text)
    assert [line.partition(" ")[2] if line.startswith("portal") else line for line in found] == [fault]
    assert not AccountGroup.objects.exists()
    assert Strategy.objects.get().target_size == "direction"


def test_a_member_that_a_strategy_has_already_is_told_at_the_group():
    apply(DESK)
    [found] = faults("account_groups: [{slug: desk, members: [paper-1]}]")
    assert found.endswith(
        "account_groups[desk]: strategy trend: account paper-1 is named itself and in group desk: "
        "it would be traded twice; leave one out"
    )


def test_nothing_in_use_is_retired():
    apply(DESK)
    assert (
        "'desk' would be retired while strategy 'trend' (live) still uses it"
        in faults("account_groups: [{slug: desk, state: absent}]")[0]
    )
    assert (
        "'paper-4' would be retired while account group 'desk' still has it"
        in faults("accounts: [{slug: paper-4, state: absent}]")[0]
    )
    assert lines("strategies: [{slug: trend, groups: []}]\naccount_groups: [{slug: desk, state: absent}]") == [
        "- account group desk", "~ strategy trend: groups [desk] → none",
    ]  # fmt: skip


def test_it_is_exported_as_it_is_applied():
    apply(DESK)
    apply(
        """
strategies:
  - slug: trend
    target_size: proportional
    unit_size: "0.50"
    symbols:
      BTCUSDT: {symbol: BTC/USDT, accounts: {paper-4: {symbol: "BTC/USDT:USDT", market: swap}, paper-3: BTC/USDC}}
"""
    )
    text = export.as_yaml(with_secrets=False)
    assert "account_groups:" in text
    assert lines(text) == ["= nothing to do"]
    assert export.check(text, name="x") == []
