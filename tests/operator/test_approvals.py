"""A person's yes or no by Telegram (D6): who may, what it takes, and what becomes of the signal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import TelegramCommand
from signals.models import Approval, Decision, WorkItem
from tests import factories
from tests.factories import NOW
from tests.operator.conftest import person
from tests.operator.test_deeds import code, enrol

ORDER = {
    "side": "buy",
    "position_side": "long",
    "symbol": "BTC/USDT",
    "quantity": "0.01",
    "type": "market",
    "price": "1",
}


@pytest.fixture
def asked(home):
    """A signal that waits until 14:35 for a yes to one order on paper-1."""
    signal = factories.signal(home.strategy, received_at=NOW)
    item = WorkItem.objects.create(
        signal=signal, strategy=home.strategy, lane="trend BTCUSDT", state="asking", due_at=NOW
    )
    preview = [{"account": "paper-1", "closes_first": False, "mode": "live", "orders": [ORDER], "rules": []}]
    return Approval.objects.create(
        item=item, signal=signal, strategy=home.strategy, preview=preview, asked_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
    )  # fmt: skip


def question(row, verb="Approve", end=" All rules and the price are looked at again."):
    return f"{verb} buy BTCUSDT by trend (buy 0.01 BTC/USDT on paper-1)?{end}"


def test_what_waits(bot, boss, asked):
    assert bot.ask("/approve") == [
        "<b>1 waiting</b>: /approve NUMBER, or /approve NUMBER no\n"
        f"<b>{asked.pk}</b> buy BTCUSDT by trend, until 14:35:00 UTC"
    ]
    assert bot.ask("/status")[0].splitlines()[-2] == "<b>Waiting for an answer: 1</b> (/approve)"


def test_a_yes_takes_a_code(bot, boss, asked):
    secret = enrol(boss, at=NOW)
    assert bot.ask(f"/approve {asked.pk} looks right") == [
        f"{question(asked)}\nSend the one-time code of your authenticator, or /cancel."
    ]
    asked.refresh_from_db()
    assert asked.status == "ASKED"
    assert bot.ask(code(secret, NOW)) == ["Approved: buy BTCUSDT by trend."]
    asked.refresh_from_db()
    assert (asked.status, asked.answered_by, asked.reason) == ("GIVEN", "boss (Telegram)", "looks right")
    assert asked.item.state == "waiting"
    assert bot.ask("/approve") == ["Nothing waits for an answer."]


def test_a_yes_with_its_code_in_one_message(bot, boss, asked):
    secret = enrol(boss, at=NOW)
    assert bot.ask(f"/approve {asked.pk} {code(secret, NOW)}") == ["Approved: buy BTCUSDT by trend."]
    asked.refresh_from_db()
    assert asked.status == "GIVEN"


def test_a_yes_is_an_admins_and_a_no_an_operators(bot, api, home, asked):
    person("otto", "operator", clients=[a.client for a in home.accounts], chat=42)
    assert bot.ask(f"/approve {asked.pk}") == ["That takes the role admin; yours is operator."]
    assert bot.ask(f"/approve {asked.pk} no too risky") == [question(asked, "Refuse", "")]
    assert api.buttons()[-1] == ["Yes", "No"]
    assert bot.push("Yes")[-1] == "Refused: buy BTCUSDT by trend."
    asked.refresh_from_db()
    assert (asked.status, asked.answered_by, asked.reason) == ("REFUSED", "otto (Telegram)", "too risky")
    assert Decision.objects.get(signal=asked.signal).outcome == "REJECTED"


def test_ones_own_only(bot, home, asked):
    person("otto", "operator", clients=[home.accounts[0].client], chat=42)
    person("uma", "operator", chat=43)
    assert bot.ask(f"/approve {asked.pk} no") == [
        "Strategy trend also trades for clients that are not yours: name your accounts instead."
    ]
    assert bot.ask("/approve", chat=43) == ["Nothing waits for an answer."]
    assert bot.ask(f"/approve {asked.pk} no", chat=43) == [f"Nothing waits for an answer under '{asked.pk}'."]
    asked.refresh_from_db()
    assert asked.status == "ASKED"


def test_somebody_was_first(bot, boss, asked):
    secret = enrol(boss, at=NOW)
    bot.ask(f"/approve {asked.pk}")
    Approval.objects.update(status="REFUSED", answered_by="ann")
    assert bot.ask(code(secret, NOW)) == [f"Nothing was done: nothing waits for an answer under '{asked.pk}'."]
    assert WorkItem.objects.get(pk=asked.item_id).state == "asking"
    assert TelegramCommand.objects.get(verb="approve").status == "FAILED"
