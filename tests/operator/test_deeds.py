"""What operators may change by Telegram: by role, within what is theirs, asked first, done once."""

from __future__ import annotations

from base64 import b32decode
from decimal import Decimal

import pytest
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from accounts.models import Account, Operator, TelegramCommand, TelegramLink
from relay.models import Message
from signals.models import Order, Position
from signals.risk import halts, switch
from tests import factories
from tests.factories import NOW
from tests.operator.conftest import person

KILL = "Stop new entries on everything? Orders that only reduce pass; open positions stay."
TREND = "Stop new entries on strategy trend? Orders that only reduce pass; open positions stay."
RESUME = "Let new entries pass again on strategy trend?\nSend the one-time code of your authenticator, or /cancel."


def on() -> list[str]:
    return [f"{row.scope} {row.key}".strip() for row in switch.states() if row.kill_switch]


def enrol(operator: Operator, *, at) -> str:
    secret = second_factor.begin(person=operator).secret
    second_factor.confirm(person=operator, code=code(secret, at.replace(minute=20)), now=at.replace(minute=20))
    return secret


def code(secret: str, at) -> str:
    totp = TOTP(b32decode(secret))
    totp.time = at.timestamp()
    return f"{totp.token():06d}"


def wrong(secret: str, at) -> str:
    return f"{(int(code(secret, at)) + 1) % 1_000_000:06d}"


def last() -> TelegramCommand:
    return TelegramCommand.objects.order_by("-pk")[0]


# Stopping


def test_a_kill_waits_for_its_button(bot, api, boss):
    assert bot.ask("/kill") == [KILL]
    assert api.buttons() == [["Yes", "No"]]
    assert on() == []
    assert bot.push("Yes") == ["New entries are stopped: everything."]
    assert api.buttons() == [["Cancel open entries", "Flatten"]]
    assert on() == ["global"]
    row = last()
    assert (row.verb, row.arguments, row.status, row.operator) == ("kill", ["global", "", ""], "DONE", boss)
    told = Message.objects.get(event="kill_switch.on")
    assert (told.level, told.title) == ("critical", "Kill switch on (global) by boss (Telegram)")


def test_no_is_no(bot, boss):
    bot.ask("/kill")
    assert bot.push("No") == ["Cancelled."]
    assert on() == []
    assert last().status == "REFUSED"


def test_a_reason_goes_with_it(bot, boss):
    assert bot.ask("/kill strategy trend news at 14:30")[0] == TREND
    bot.push("Yes")
    assert on() == ["strategy trend"]
    assert switch.states()[0].reason == "news at 14:30"


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("/pause trend", "strategy trend"),
        ("/pause Trend", "strategy trend"),
        ("/pause account paper-2", "account paper-2"),
        ("/kill@ops_bot paper-1", "account paper-1"),
        ("/pause all", "global"),
    ],
)
def test_what_may_be_stopped(bot, boss, text, stopped):
    bot.ask(text)
    bot.push("Yes")
    assert on() == [stopped]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/pause", "Say what to pause: /pause STRATEGY, or /pause account ACCOUNT."),
        ("/pause nobody", "There is no strategy or account 'nobody' among yours."),
        ("/kill account trend", "There is no account 'trend' among yours."),
        ("/kill strategy", "Name the strategy."),
        ("/kill <b>", "There is no strategy or account '&lt;b&gt;' among yours."),
    ],
)
def test_what_is_not_understood_is_not_asked_about(bot, api, boss, text, said):
    assert bot.ask(text) == [said]
    assert api.buttons() == [[]]
    assert on() == []


def test_a_name_of_both_must_be_said_clearly(bot, boss, home):
    factories.account("trend")
    assert bot.ask("/kill trend") == ["'trend' is a strategy and an account: say which."]
    assert bot.ask("/kill strategy trend") == [TREND]


def test_too_late(bot, clock, boss):
    bot.ask("/kill")
    clock.forward(60)
    assert bot.push("Yes") == ["Too late: nothing was done. Ask again."]
    assert on() == []
    assert last().status == "EXPIRED"


def test_a_button_counts_once(bot, api, boss):
    bot.ask("/kill")
    yes = api.messages[max(api.messages)]["buttons"]["Yes"]
    bot.push("Yes")
    switch.set(scope="global", on=False, reason="", by="ann", now=NOW)
    bot.push("", data=yes)
    bot.push("", data=yes.replace("y:", "n:"))
    assert on() == []
    assert Message.objects.filter(event="kill_switch.on").count() == 1
    assert last().status == "DONE"


def test_a_button_is_for_the_one_who_asked(bot, api, boss, home):
    person("otto", "operator", clients=[], chat=77)
    bot.ask("/kill")
    yes = api.messages[max(api.messages)]["buttons"]["Yes"]
    before = api.said(77)
    bot.push("", data=yes, chat=77)
    assert on() == []
    assert api.said(77) == before
    assert last().status == "ASKED"
    bot.push("Yes")
    assert on() == ["global"]


@pytest.mark.parametrize("data", ["y:", "n:", "o::flatten", "x", "y:ffffffffffffffffffffffffffffffff", "-", "o:a:kill"])
def test_a_forged_button_does_nothing(bot, api, boss, data):
    bot.ask("/kill")
    assert bot.push("", data=data) == [KILL]
    assert on() == []
    assert len(api.toasts) == 1


def test_asked_and_then_demoted(bot, boss, home):
    bot.ask("/kill")
    Operator.objects.update(is_superuser=False, role="viewer")
    assert bot.push("Yes") == ["Nothing was done: that takes the role operator; yours is viewer."]
    assert on() == []
    assert last().status == "FAILED"


# Who may


@pytest.mark.parametrize("role", ["viewer", "client"])
@pytest.mark.parametrize("text", ["/pause trend", "/kill", "/approve 1", "/resume trend"])
def test_who_only_looks_changes_nothing(bot, api, home, role, text):
    person("vera", role, clients=[a.client for a in home.accounts], chat=42)
    takes = "admin" if text.startswith("/resume") else "operator"
    assert bot.ask(text) == [f"That takes the role {takes}; yours is {role}."]
    assert api.buttons() == [[]]
    assert last().status == "REFUSED"


def test_an_operator_stops_and_does_not_let_go_on(bot, home):
    person("otto", "operator", clients=[a.client for a in home.accounts], chat=42)
    bot.ask("/kill")
    bot.push("Yes")
    assert on() == ["global"]
    assert bot.ask("/resume all") == ["That takes the role admin; yours is operator."]
    assert on() == ["global"]


def test_within_what_is_theirs(bot, home):
    person("otto", "operator", clients=[home.accounts[0].client], chat=42)
    assert bot.ask("/kill") == ["Everything is more than the clients assigned to you: name a strategy or an account."]
    assert bot.ask("/kill trend") == [
        "Strategy trend also trades for clients that are not yours: name your accounts instead."
    ]
    assert bot.ask("/kill paper-2") == ["There is no strategy or account 'paper-2' among yours."]
    bot.ask("/kill paper-1")
    bot.push("Yes")
    assert on() == ["account paper-1"]


# Letting go on


def test_resume_takes_a_code_which_counts_once(bot, clock, boss):
    secret = enrol(boss, at=NOW)
    switch.set(scope="strategy", key="trend", on=True, reason="", by="ann", now=NOW)
    assert halts.halt(strategy="trend", reason="too many orders", now=NOW)
    assert bot.ask("/resume trend") == [RESUME]
    assert bot.ask(wrong(secret, NOW)) == [
        "That code is wrong, late or used already. Nothing was done: send a new code, or /cancel."
    ]
    assert on() == ["strategy trend"]
    clock.forward(1)
    right = code(secret, clock())
    assert bot.ask(right) == ["Entries pass again: strategy trend."]
    assert on() == []
    assert halts.halted() == []
    switch.set(scope="strategy", key="trend", on=True, reason="", by="ann", now=NOW)
    bot.ask("/resume trend")
    assert bot.ask(right) == [
        "That code is wrong, late or used already. Nothing was done: send a new code, or /cancel."
    ]
    assert on() == ["strategy trend"]
    assert not TelegramCommand.objects.filter(arguments__icontains=right).exists()
    assert not TelegramCommand.objects.filter(answer__icontains=right).exists()


def test_resume_with_its_code_in_one_message(bot, boss):
    secret = enrol(boss, at=NOW)
    switch.set(scope="global", on=True, reason="", by="ann", now=NOW)
    assert bot.ask(f"/resume all it was a drill {code(secret, NOW)}") == ["Entries pass again: everything."]
    row = last()
    assert (row.arguments, row.status) == (["global", "", "it was a drill"], "DONE")
    assert Message.objects.get(event="kill_switch.off").title == (
        "Kill switch off (global) by boss (Telegram): it was a drill"
    )


def test_without_an_authenticator_it_says_what_to_do(bot, boss):
    switch.set(scope="global", on=True, reason="", by="ann", now=NOW)
    assert bot.ask("/resume all") == [
        "You have no authenticator yet; sign in to the portal and set one up under Authenticator."
    ]
    assert on() == ["global"]


def test_guessing_a_code_is_slowed_down(bot, clock, boss):
    secret = enrol(boss, at=NOW)
    switch.set(scope="global", on=True, reason="", by="ann", now=NOW)
    bot.ask("/resume all")
    for _ in range(2):
        bot.ask(wrong(secret, clock()))
        clock.forward(1)
    assert bot.ask(code(secret, clock())) == [
        "Too many wrong codes: wait 1 s, then use a new one. Nothing was done: send a new code, or /cancel."
    ]
    assert on() == ["global"]
    assert TOTPDevice.objects.get().throttling_failure_count == 2


def test_a_code_for_nothing_is_not_looked_at(bot, boss):
    secret = enrol(boss, at=NOW)
    right = code(secret, NOW)
    assert bot.ask(right) == ["Nothing waits for a code."]
    switch.set(scope="global", on=True, reason="", by="ann", now=NOW)
    bot.ask("/resume all")
    assert bot.ask(right) == ["Entries pass again: everything."]


def test_a_question_for_a_code_is_forgotten(bot, clock, boss):
    secret = enrol(boss, at=NOW)
    switch.set(scope="global", on=True, reason="", by="ann", now=NOW)
    bot.ask("/resume all")
    assert bot.ask("/cancel") == ["Cancelled."]
    assert bot.ask(code(secret, clock())) == ["Nothing waits for a code."]
    bot.ask("/resume all")
    clock.forward(120)
    assert bot.ask(code(secret, clock())) == ["Nothing waits for a code."]
    assert bot.ask("/cancel") == ["Nothing was asked."]
    assert on() == ["global"]


# After a kill


def entry(home, number, *, status="OPEN"):
    return factories.order(home.accounts[0], home.strategy, number=number, status=status, now=NOW)


def test_open_entries_are_cancelled_after_another_yes(bot, api, boss, home):
    resting = entry(home, 1)
    bot.ask("/kill")
    bot.push("Yes")
    assert bot.push("Cancel open entries")[-1] == "Cancel 1 entry under way on everything?"
    resting.refresh_from_db()
    assert resting.cancel_asked_at is None
    assert bot.push("Yes")[-1] == "1 entry is being cancelled on everything."
    resting.refresh_from_db()
    assert resting.cancel_asked_at == NOW
    assert Order.objects.filter(intent="close").count() == 0
    assert (last().verb, last().status) == ("entries", "DONE")


def test_flatten_closes_each_position_once(bot, api, boss, home):
    bot.ask("/kill trend")
    bot.push("Yes")
    assert bot.push("Flatten")[-1] == (
        "Close 2 positions at the market and cancel 0 entries on strategy trend (2 accounts)?"
    )
    assert not Order.objects.filter(intent="close").exists()
    yes = api.messages[max(api.messages)]["buttons"]["Yes"]
    assert bot.push("Yes")[-1] == "2 positions are being closed and 0 entries cancelled on strategy trend."
    bot.push("", data=yes)
    closes = Order.objects.filter(intent="close").order_by("account__slug")
    assert [(row.account.slug, row.side, row.quantity) for row in closes] == [
        ("paper-1", "sell", Decimal("0.01")),
        ("paper-2", "sell", Decimal("0.01")),
    ]
    assert Message.objects.filter(event="account.flattened").count() == 2


def test_flatten_of_ones_own_accounts_only(bot, home):
    person("otto", "operator", clients=[home.accounts[1].client], chat=42)
    bot.ask("/kill paper-2")
    bot.push("Yes")
    bot.push("Flatten")
    bot.push("Yes")
    assert [row.account.slug for row in Order.objects.filter(intent="close")] == ["paper-2"]


def test_an_offer_ends(bot, clock, boss):
    bot.ask("/kill")
    bot.push("Yes")
    clock.forward(601)
    assert bot.push("Flatten") == ["New entries are stopped: everything."]
    assert not TelegramCommand.objects.filter(verb="flatten").exists()


def test_nothing_to_flatten(bot, boss):
    Position.objects.update(is_open=False, quantity=0)
    bot.ask("/kill")
    bot.push("Yes")
    assert bot.push("Flatten")[-1] == "Nothing is open and nothing is under way on everything."


# Leaving


def test_unlink(bot, api, boss):
    assert bot.ask("/unlink") == ["This chat is linked no longer."]
    assert TelegramLink.objects.get().ended_at == NOW
    assert bot.ask("/status") == ["This bot answers its own people only."]
    assert Message.objects.filter(event="telegram.unlinked").count() == 1


def test_a_former_operator_is_a_stranger(bot, boss):
    bot.ask("/kill")
    Operator.objects.update(is_active=False)
    bot.push("Yes")
    assert on() == []
    assert bot.ask("/status") == ["This bot answers its own people only."]
    assert Account.objects.count() == 2
