"""What operators may ask by Telegram, and exactly what they are told: each of what they see, and no more."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Account, TelegramCommand
from signals.models import Decision, Order, PnlDay, Position
from signals.risk import halts, switch
from tests import factories
from tests.factories import NOW
from tests.operator.conftest import person


@pytest.fixture
def marked(home):
    """paper-1's part is worth 51000, paper-2's has no mark."""
    row = Position.objects.get(account__slug="paper-1")
    row.mark_price, row.marked_at, row.realised_pnl, row.funding = Decimal(51000), NOW, Decimal("2.5"), Decimal("-0.1")
    row.save()
    return row


def test_status(bot, boss):
    assert bot.ask("/status") == [
        "<b>Paper trading only</b>, 14:30:00 UTC\n"
        "Nothing is stopped: entries pass.\n"
        "Signals today: 1, approved 1, not traded 0\n"
        "Open positions: 2\n"
        "Orders under way: 0\n"
        "Critical alerts not acknowledged: 0"
    ]


def test_status_tells_what_is_stopped(bot, boss, home):
    switch.set(scope="global", on=True, reason="<news>", by="ann", now=NOW - timedelta(days=1))
    switch.set(scope="strategy", key="trend", on=False, reason="", by="ann", now=NOW)
    halts_now = NOW - timedelta(minutes=5)
    switch.set(scope="strategy", key="trend", on=True, reason="", by="bob", now=halts_now)
    assert halts.halt(strategy="trend", reason="60 orders a minute", now=halts_now)
    Account.objects.filter(slug="paper-2").update(frozen_reason="in doubt", frozen_at=NOW, frozen_by="portal")
    Order.objects.filter(account__slug="paper-1").update(status="UNKNOWN")
    assert bot.ask("/status")[0].splitlines()[1:-1] == [
        "<b>Kill switch ON: everything</b> since 2026-03-01 14:30 UTC by ann: &lt;news&gt;",
        "<b>Kill switch ON: strategy trend</b> since 14:25 UTC by bob",
        "<b>Halted: strategy trend</b> since 14:25 UTC: 60 orders a minute",
        "<b>Frozen: account paper-2</b> since 14:30 UTC by portal: in doubt",
        "Signals today: 1, approved 1, not traded 0",
        "Open positions: 2",
        "Orders under way: 1, 1 in doubt",
    ]


def test_who_sees_a_part_is_told_of_that_part(bot, home):
    person("ann", clients=[home.accounts[1].client], chat=42)
    Account.objects.filter(slug="paper-1").update(frozen_reason="somebody else's")
    switch.set(scope="account", key="paper-1", on=True, reason="", by="boss", now=NOW)
    assert bot.ask("/status") == [
        "<b>Paper trading only</b>, 14:30:00 UTC\n"
        "Nothing is stopped: entries pass.\n"
        "Signals today: 1, approved 1, not traded 0\n"
        "Open positions: 1\n"
        "Orders under way: 0"
    ]


def test_positions(bot, boss, marked):
    assert bot.ask("/positions") == [
        "<b>2 open</b>\n"
        "paper-1 · trend: <b>BTC/USDT long 0.01</b> at 50000, mark 51000, +10 USDT\n"
        "paper-2 · trend: <b>BTC/USDT long 0.01</b> at 50000, mark ?, ? USDT"
    ]
    assert bot.ask("/positions PAPER-1") == [
        "<b>1 open</b>\npaper-1 · trend: <b>BTC/USDT long 0.01</b> at 50000, mark 51000, +10 USDT"
    ]
    assert bot.ask("/positions ETH/USDT") == ["No such position is open."]


def test_a_short_position_loses_when_the_mark_rises(bot, boss, marked):
    Position.objects.filter(pk=marked.pk).update(side="short", quantity=Decimal("0.000000000123456789"))
    [said] = bot.ask("/positions paper-1")
    assert said.endswith("<b>BTC/USDT short 0.000000000123456789</b> at 50000, mark 51000, -0.000000123456789 USDT")


def test_positions_pnl_and_trace_of_ones_own_clients_only(bot, home, marked):
    person("ann", clients=[home.accounts[1].client], chat=42)
    assert bot.ask("/positions") == [
        "<b>1 open</b>\npaper-2 · trend: <b>BTC/USDT long 0.01</b> at 50000, mark ?, ? USDT"
    ]
    assert bot.ask("/pnl")[0].splitlines()[-1] == "Total: <b>-0.5</b> USDT"
    [trace] = bot.ask(f"/trace {home.traded.public_id}")
    assert "paper-2: buy 0.01 BTC/USDT" in trace
    assert "paper-1" not in trace


def test_somebody_without_clients_sees_nothing(bot, home):
    person("ann", chat=42)
    assert bot.ask("/positions") == ["No position is open."]
    assert bot.ask(f"/trace {home.traded.public_id}") == ["There is no such signal."]
    assert bot.ask("/trace") == ["There is no signal yet."]
    assert bot.ask("/pnl") == [
        "<b>Today</b> (realised, after fees and funding)\nNothing was traded today.\n\n"
        "<b>Since the first fill</b>\nNothing was ever traded."
    ]


def test_pnl(bot, boss, home, marked):
    for account, day, zone in zip(home.accounts, (NOW.date(), NOW.date()), ("UTC", "Pacific/Auckland"), strict=True):
        Account.objects.filter(pk=account.pk).update(time_zone=zone)
        PnlDay.objects.create(
            strategy=home.strategy, account=account, symbol="BTC/USDT", day=day, currency="USDT",
            realised_pnl=Decimal("2.5"), fees=Decimal("0.4"), funding=Decimal("-0.1"), fills=3,
        )  # fmt: skip
    # It is the next day in Auckland already: what paper-2 made is yesterday's there.
    assert bot.ask("/pnl") == [
        "<b>Today</b> (realised, after fees and funding)\n"
        "trend: <b>+2.2</b> USDT, 3 fills\n"
        "\n"
        "<b>Since the first fill</b>\n"
        "trend: <b>+11.6</b> USDT (realised +2.5, fees 1, funding -0.1, open +10, 1 without a mark)\n"
        "Total: <b>+11.6</b> USDT"
    ]


def test_trace(bot, boss, home):
    [said] = bot.ask("/trace")
    assert said.splitlines()[:6] == [
        "<b>buy BTCUSDT</b> APPROVED, relay DELIVERED",
        f"2026-03-02T14:30:00.000Z <code>{home.traded.public_id}</code>",
        "It traded: buy BTC/USDT filled on paper-1 and paper-2 at 50000.",
        "+0 ms received buy BTCUSDT from tv",
        "+0 ms routed trend",
        "+10 ms decided paper-1: APPROVED",
    ]
    assert said.splitlines()[-1] == "+540 ms delivered vps-1 on try 2"
    assert bot.ask("/trace nonsense") == ["There is no such signal."]


def test_what_others_have_written_is_no_markup(bot, boss, home):
    home.traded.symbol = "<b>X&Y"
    home.traded.save()
    Decision.objects.filter(signal=home.traded).update(reason="<script>alert(1)</script>", outcome="REJECTED")
    [said] = bot.ask("/trace")
    assert "<b>buy &lt;b&gt;X&amp;Y</b>" in said
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in said


def test_an_answer_that_is_too_long_says_how_much_is_missing(bot, boss, home):
    strategy = home.strategy
    for number in range(120):
        account = factories.account(f"long-name-of-account-{number:03}")
        Position.objects.create(
            strategy=strategy, account=account, symbol="BTC/USDT", side="long", quantity=1, is_open=True, updated_at=NOW
        )
    [said] = bot.ask("/positions")
    assert len(said) <= 4096
    lines = said.splitlines()
    assert lines[0] == "<b>122 open</b>"
    assert lines[-1] == f"… and {123 - (len(lines) - 1)} lines more"


def test_help_lists_what_the_role_may(bot, home):
    person("vera", "viewer", chat=1)
    person("otto", "operator", chat=2)
    person("clio", "client", chat=4)
    told = {chat: bot.ask("/help", chat=chat)[0].splitlines() for chat in (1, 2, 4)}
    verbs = {chat: [line.split()[0].rstrip(":") for line in lines[1:]] for chat, lines in told.items()}
    reads = ["/status", "/positions", "/pnl", "/trace"]
    assert verbs[1] == verbs[4] == [*reads, "/cancel", "/unlink"]
    assert verbs[2] == [*reads, "/pause", "/kill", "/approve", "/cancel", "/unlink"]
    assert told[2][0] == "This chat is linked to <b>otto</b> (operator)."


def test_every_command_is_a_row(bot, boss):
    bot.ask("/positions trend")
    bot.ask("what <is> this")
    rows = [(r.operator, r.verb, r.arguments, r.status, r.answer) for r in TelegramCommand.objects.order_by("pk")]
    assert rows == [
        (boss, "positions", ["trend"], "DONE", "2 positions"),
        (boss, "unknown", [], "REFUSED", "I do not know that. /help says what you may do here."),
    ]
    assert all(row.at == NOW and row.ended_at == NOW for row in TelegramCommand.objects.all())
