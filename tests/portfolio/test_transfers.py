"""A withdrawal from a venue is no loss and a deposit no gain, in whatever order readings come (D3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts import credentials, sync
from accounts.models import AccountSync, AccountTransfer
from signals.models import AccountEquity, EquityDay
from signals.portfolio import equity
from signals.risk import losses
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import clock, configuration

D = Decimal
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account("okx-1", broker="okx", market="swap", sandbox=True)


def reads(account, worth, *, minutes, transferred=()):
    """The venue is read: balances, and the transfers that are in them."""
    at = NOON + timedelta(minutes=minutes)
    AccountSync.objects.update_or_create(
        account=account, defaults={"due_at": at, "synced_at": at, "equity": D(worth)}, create_defaults={
            "due_at": at, "synced_at": at, "equity": D(worth), "transfers_from": at,
        },
    )  # fmt: skip
    for number, amount in enumerate(transferred):
        AccountTransfer.objects.create(
            account=account, transfer_id=f"t{minutes}-{number}", currency="USDT", amount=D(amount), worth=D(amount),
            at=at, recorded_at=at,
        )  # fmt: skip
    return equity.refresh(account, now=at)


def test_a_withdrawal_is_no_loss_and_a_loss_beside_it_is(account):
    reads(account, 1000, minutes=0)
    found = reads(account, 390, minutes=1, transferred=[-600])
    assert (found.equity, found.loss, found.drawdown) == (D(390), D(10), D(10))
    day = EquityDay.objects.get()
    assert (day.opening, day.transfers, day.latest) == (D(1000), D(-600), D(390))


def test_a_deposit_is_no_gain_and_hides_no_loss(account):
    reads(account, 1000, minutes=0)
    found = reads(account, 1400, minutes=1, transferred=[300, 200])
    assert (found.loss, found.drawdown) == (D(100), D(100))


def test_each_counts_once_however_often_it_is_valued(account):
    reads(account, 1000, minutes=0)
    reads(account, 500, minutes=1, transferred=[-500])
    for seconds in (61, 62, 100):
        equity.refresh(account, now=NOON + timedelta(seconds=seconds))
    reads(account, 500, minutes=2)
    found = equity.read({account.pk: account})[account.pk]
    assert (found.loss, found.drawdown, found.transfers) == (D(0), D(0), D(-500))


def test_what_came_before_the_first_valuation_is_in_it(account):
    AccountSync.objects.create(account=account, due_at=NOON, transfers_from=NOON - timedelta(hours=1))
    found = reads(account, 500, minutes=0, transferred=[-500])
    assert (found.loss, found.peak, found.transfers) == (D(0), D(500), D(0))


def test_readings_that_nobody_valued_are_made_up_for_by_the_next(account):
    """The portal's risk was not looked at for a while; the venue was read all the same."""
    reads(account, 1000, minutes=0)
    for minutes, amount in ((1, -100), (2, -50)):
        at = NOON + timedelta(minutes=minutes)
        AccountTransfer.objects.create(
            account=account, transfer_id=f"m{minutes}", currency="USDT", amount=D(amount), worth=D(amount), at=at,
            recorded_at=at,
        )  # fmt: skip
    found = reads(account, 850, minutes=3)
    assert (found.loss, found.drawdown) == (D(0), D(0))


def test_a_transfer_of_yesterday_is_not_todays(account):
    reads(account, 1000, minutes=0)
    found = reads(account, 400, minutes=24 * 60, transferred=[-600])  # read for the first time since
    assert (found.opening, found.transfers, found.loss, found.drawdown) == (D(400), D(0), D(0), D(0))


def test_at_okx_itself_across_a_restart():
    with running_venue(balances={"USDT": "10000"}) as venue:
        account = factories.account(
            "okx-1", broker="okx", market="swap", sandbox=True, base_url=venue.url, fee_bps=0, initial_balances={}
        )
        values = {name: venue.accounts[0][name] for name in ("api_key", "secret", "passphrase")}
        credentials.store(account=account, values=values, by="test", now=clock.now())
        configuration.changed()
        factories.limit("daily_loss", "5%")

        def look(minutes):
            assert sync.run(now=clock.now() + timedelta(minutes=minutes)) == 1
            losses.refresh(account, now=clock.now())
            return equity.read({account.pk: account})[account.pk]

        venue.deposit("USDT", "500")  # before anybody looked
        assert look(0).equity == D(10500)
        venue.deposit("USDT", "-6000")
        found = look(2)
        assert (found.equity, found.loss, found.drawdown) == (D(4500), D(0), D(0))
        configuration.forget()  # another process, with nothing in its memory
        found = look(4)
        assert (found.loss, found.transfers) == (D(0), D(-6000))
        assert AccountTransfer.objects.count() == 2
        assert AccountEquity.objects.get().peak == D(4500)
        from relay.models import Message

        assert not Message.objects.filter(event__startswith="account.daily_loss").exists()
