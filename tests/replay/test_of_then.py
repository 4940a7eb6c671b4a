"""What a replay knows of the time: prices that were stored, times that passed, engines, contracts, paper twins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from accounts.models import AccountGroup
from signals.models import StoredQuote
from signals.pipeline.drain import drain
from signals.replay.tape import Tape
from signals.risk import switch
from tests import factories
from tradeops.core import clock, configuration

from .conftest import as_json, stored

AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def test_a_stop_at_the_venue_is_hit_by_the_first_stored_price_beyond_it(db):
    account = factories.account(prices="venue:okx", slippage_bps=Decimal(5))
    trend = factories.strategy(accounts=[account], exits={"stop_loss": "2%"})
    stored(trend, AT, on=account, quote=("49990", "50000"), price=None)
    for seconds, bid in ((60, "49900"), (120, "49200"), (180, "48790"), (240, "60000")):
        StoredQuote.objects.create(
            source="venue:okx", symbol="BTC/USDT", at=AT + timedelta(seconds=seconds),
            bid=Decimal(bid), ask=Decimal(bid) + 10, last=Decimal(bid),
        )  # fmt: skip

    found, error = as_json("--from", "2026-03-02", "--to", "2026-03-03")

    assert error is not None
    [trip] = found["trips"]["now"]
    assert (trip["reason"], trip["closed_at"]) == ("stop_loss", "2026-03-02T14:33:00.000Z")
    # In at 50000 and out at 48790, each 5 basis points worse: (48765.605 - 50025) × 0.01.
    assert trip["realised_pnl"] == "-12.59395"
    filled = [one for one in found["exits"]["now"] if one["status"] == "FILLED"]
    assert [(one["type"], one["average_price"]) for one in filled] == [("stop", "48765.605")]
    # The one of the decision and four of the venue; nothing was open any more at the last.
    assert any(
        "5 stored prices of that time are known, and 3 came while something was open" in one for one in found["unknown"]
    )


def test_time_passes_between_signals(db):
    """Prices come with messages: what is left by time goes at its time, at the last price that was said."""
    trend = factories.strategy(accounts=[factories.account()], exits={"time_stop": "1h"})
    stored(trend, AT, price=Decimal(50000))
    stored(trend, AT + timedelta(hours=2), action="buy", price=Decimal(60000))

    found, error = as_json("--from", "2026-03-02", "--to", "2026-03-03")

    assert error is not None
    assert [one["because"] for one in found["differences"]] == ["missing", "missing"]
    first, second = found["trips"]["now"]
    assert (first["reason"], first["opened_at"], first["closed_at"], first["realised_pnl"]) == (
        "time_stop", "2026-03-02T14:30:00.000Z", "2026-03-02T15:30:00.000Z", "0",
    )  # fmt: skip
    assert (second["opened_at"], second["closed_at"]) == ("2026-03-02T16:30:00.000Z", "2026-03-02T17:30:00.000Z")


def test_contracts_are_funded_while_they_are_held(db):
    account = factories.account(
        "okx-1", broker="okx", market="swap", prices="", initial_balances={}, leverage=Decimal(5)
    )
    trend = factories.strategy(accounts=[account], symbols={"BTCUSDT": "BTC/USDT:USDT"})
    at = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    stored(trend, at, on=account, quote=("50000", "50000"), action="sell", price=None)
    stored(trend, at + timedelta(minutes=2), on=account, quote=("49000", "49000"), action="flat", price=None)

    found, error = as_json("--from", "2026-03-02", "--to", "2026-03-03", "--balance", "USDT=1000")

    assert error is not None
    [trip] = found["trips"]["now"]
    assert (trip["side"], trip["realised_pnl"]) == ("short", "10")
    # 0.01 × 49000 × 0.01 %, got by who is short.
    assert (trip["funding"], trip["net"]) == ("-0.049", "10.049")


def test_an_experiment_gives_each_signal_to_the_engine_that_it_had_then(past):
    was = past(account={"prices": "simulated"}, experiment={"A": 50, "B": 50, "mode": "route"})
    for _ in range(6):
        was.say("buy", "50000")
        was.say("close", "50000")

    found, error = as_json()

    assert error is None
    assert found["decisions"]["same"] == 12
    [account] = found["accounts"]
    assert account["then"] == account["now"]
    assert account["now"]["orders"] > 0
    assert {one["reason"] for one in found["trips"]["now"]} <= {"signal"}
    assert any(one.startswith("Agents saw what is stored of that time") for one in found["unknown"])


def test_twins_trade_in_mode_paper_and_groups_have_their_parts(transactional_db):
    """The symbol is the one that is named for the real account, which nothing else is taken from."""
    real = factories.account("okx-1", broker="okx", prices="message", initial_balances={})
    factories.account("okx-1-paper", twin_of=real, initial_balances={"USDC": "1000"})
    group = AccountGroup.objects.create(slug="friends")
    group.members.create(account=factories.account("friend"), multiplier=Decimal(2))
    trend = factories.strategy(
        accounts=[real], mode="paper",
        symbols={"BTCUSDT": {"symbol": "BTC/USDT", "accounts": {"okx-1": "BTC/USDC"}}},
    )  # fmt: skip
    trend.groups.add(group)
    configuration.changed()
    factories.signal(trend, action="buy", price=Decimal(50000))
    drain()

    found, error = as_json()

    assert error is None
    assert found["decisions"] == {"then": 2, "now": 2, "same": 2, "different": 0}
    assert [(one["account"], one["symbol"], one["entered"]) for one in found["trips"]["now"]] == [
        ("friend", "BTC/USDT", "0.02"), ("okx-1-paper", "BTC/USDC", "0.01"),
    ]  # fmt: skip
    assert [account["then"] == account["now"] for account in found["accounts"]] == [True, True]


def test_what_was_switched_and_held_when_the_time_began_is_said(past):
    was = past(pyramiding=1)
    was.say("buy", "50000")
    turn = {"scope": "strategy", "key": "trend", "reason": "news", "by": "test"}
    switch.set(on=True, now=clock.now(), **turn)
    second = was.say("buy", "50500")
    switch.set(on=False, now=clock.now(), **turn)
    was.say("close", "51000")

    found, error = as_json("--from", second.received_at.isoformat())

    assert error is not None
    [entry] = found["differences"]
    assert (entry["signal"], entry["because"], entry["then"]["rule"]["rule"]) == (
        second.public_id, "outcome", "kill_switch",
    )  # fmt: skip
    assert entry["now"]["outcome"] == "APPROVED"
    assert [one["realised_pnl"] for one in found["trips"]["now"]] == ["5"]
    assert found["trips"]["then"] == []
    assert (
        "Held when the time began, and not in the replay, which begins flat: long BTC/USDT on paper-1."
        in found["unknown"]
    )
    assert any("switched at the time (kill_switch 1)" in one for one in found["unknown"])


def test_a_later_price_is_never_known():
    def price(at: datetime, last: str, **more: str) -> dict[str, object]:
        quote = {"symbol": "BTC/USDT", "bid": last, "ask": last, "last": last, "at": at.isoformat(), "source": "okx"}
        return {"place": "venue:okx", "at": at.isoformat(), "quote": quote, **more}

    tape, received = Tape(), AT - timedelta(seconds=1)
    tape.put(
        [price(AT, "1"), price(AT + timedelta(seconds=5), "2", signal="s1", account="paper-1")],
        received={"s1": received.isoformat()},
    )
    assert tape.latest("venue:okx", "BTC/USDT", now=AT - timedelta(milliseconds=1)) is None
    last = [tape.latest("venue:okx", "BTC/USDT", now=AT + timedelta(seconds=number)) for number in (0, 4, 5)]
    assert [quote and quote.last for quote in last] == [Decimal(1), Decimal(1), Decimal(2)]
    assert tape.latest("venue:other", "BTC/USDT", now=AT) is None
    asked = {"symbol": "BTC/USDT", "received_at": received}
    seen = tape.seen(account="paper-1", now=AT + timedelta(seconds=5), **asked)
    assert seen is not None
    assert seen.last == Decimal(2)
    assert tape.seen(account="paper-1", now=AT + timedelta(seconds=4), **asked) is None
    assert tape.seen(account="paper-2", now=AT + timedelta(seconds=5), **asked) is None
