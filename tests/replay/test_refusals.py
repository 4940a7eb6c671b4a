"""What cannot be replayed is refused with what it means and what to do, before any process is started."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from signals.replay import child, scratch
from tests import factories
from tradeops.core.errors import ConfigurationError

from .conftest import replay

AT = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


@pytest.fixture
def trend(db):
    """Two signals, a minute apart."""
    made = factories.strategy(accounts=[factories.account()])
    for number in range(2):
        at = AT + timedelta(minutes=number)
        signal = factories.signal(made, received_at=at)
        signal.work.create(strategy=made, lane="trend:BTC/USDT", state="done", due_at=at)
    return made


def refused(*arguments: str) -> str:
    said, error = replay(*arguments)
    assert error is not None
    assert error.returncode == 2
    assert said == ""
    return str(error)


def test_a_strategy_that_is_not_there(db):
    factories.strategy("other")
    assert refused() == "there is no strategy 'trend' (there are: other)"


def test_a_strategy_without_signals(db):
    factories.strategy(accounts=[factories.account()])
    assert refused() == "no signal of trend is stored, so there is nothing to replay; send one, or choose another"


def test_a_time_without_signals(trend):
    assert refused("--from", "2026-03-03", "--to", "2026-03-04") == (
        "no signal of trend was received from 2026-03-03T00:00:00.000Z to 2026-03-04T00:00:00.000Z; those that are"
        " stored are from 2026-03-02T14:30:00.000Z to 2026-03-02T14:31:00.000Z"
    )


def test_the_end_does_not_count(trend):
    assert "no signal of trend was received" in refused("--from", "2026-03-02", "--to", "2026-03-02T14:30")


@pytest.mark.parametrize(("since", "until"), [("2026-03-04", "2026-03-03"), ("2026-03-03", "2026-03-03")])
def test_an_end_before_the_beginning(trend, since, until):
    assert "is not before --to 2026-03-03T00:00:00.000Z" in refused("--from", since, "--to", until)


def test_times_and_balances_that_cannot_be_read(trend):
    assert refused("--from", "yesterday") == (
        "--from 'yesterday' is no time; write 2026-11-02 or 2026-11-02T14:30, with +01:00 if not UTC"
    )
    assert "write it as USDT=100000" in refused("--balance", "USDT")
    assert "write a currency" in refused("--balance", "=5")
    assert "write a currency" in refused("--balance", "USDT=-5")


def test_a_strategy_that_only_relays(trend):
    trend.accounts.clear()
    assert refused() == "trend trades on no account: it only relays, and a replay relays nothing"


def test_accounts_that_no_paper_account_can_stand_for(trend):
    trend.accounts.set([factories.account("options", broker="okx", market="option")])
    assert refused() == (
        "none of the accounts of trend can be replayed: options is left out: the paper venue has no option."
    )


def test_a_strategy_must_be_named(db):
    with pytest.raises(CommandError, match="one of the arguments --strategy"):
        call_command("replay")


def test_another_database_is_never_replayed_into(trend, tmp_path):
    """Whoever calls the inner command by hand, in a process with the live database."""
    (tmp_path / child.MATERIAL).write_text("{}")
    with pytest.raises(CommandError, match="writes to a database of its own only") as refusal:
        call_command("replay", "--in", str(tmp_path))
    assert refusal.value.returncode == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [child.MATERIAL]
    with pytest.raises(ConfigurationError):
        scratch.prepare(tmp_path)
    assert trend.decisions.count() == 0


def test_a_replay_that_falls_over_says_so(db):
    with pytest.raises(child.ReplayFailed, match=r"it ended with exit code 1 before it was done: .*KeyError: 'rows'"):
        child.run({"strategy": "trend"}, say=lambda done, total: None)
