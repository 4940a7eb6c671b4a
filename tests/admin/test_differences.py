"""Differences with venues: shown with what to do, settled by a person with a name and a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.urls import reverse

from relay.models import Message
from signals.models import ExternalPosition, ExternalTrade, Reconciliation, ReconciliationCursor, SymbolBlock
from signals.models import VenueDifference as Difference
from signals.portfolio import blocked
from signals.reconciliation import settle
from tests import factories
from tests.admin.conftest import PASSWORD
from tradeops.core import configuration
from tradeops.core.errors import Conflict

SWAP = "ETH/USDT:USDT"


def now() -> datetime:
    return datetime.now(UTC)


def page(row, name="change") -> str:
    return reverse(f"admin:signals_{row._meta.model_name}_{name}", args=[row.pk])


@pytest.fixture
def account(home, settings):
    settings.BROKERS = {**settings.BROKERS, "memory": "tests.reconciliation.venue.MemoryBroker"}
    return factories.account("okx-1", broker="memory", market="swap", sandbox=True)


@pytest.fixture
def difference(account):
    return Difference.objects.create(
        account=account, kind="position", symbol=SWAP, ours="0", venue="2.5", detail="Here: strategies 0, external 0.",
        first_seen_at=now(), last_seen_at=now(),
    )  # fmt: skip


def test_the_list_shows_the_open_ones_with_what_to_do(boss, difference, account):
    Difference.objects.create(
        account=account, kind="order", symbol=SWAP, reference="a" * 32, ours="OPEN", venue="not there",
        first_seen_at=now(), last_seen_at=now(), resolved_at=now(), resolution="both agree again",
    )  # fmt: skip
    url = reverse("admin:signals_venuedifference_changelist")
    shown = boss.get(url).context["cl"].result_list
    assert [row.pk for row in shown] == [difference.pk]
    text = boss.get(url).content.decode()
    assert "Here: strategies 0, external 0." in text
    assert len(boss.get(url, {"state": "all"}).context["cl"].result_list) == 2


def test_a_persons_word_counts_it_as_external(boss, difference, account):
    url = reverse("admin:signals_venuedifference_external_action", args=[difference.pk])
    boss.post(url, {"reason": "moved in from the other account"})
    assert not ExternalPosition.objects.exists()
    boss.post(url, {"reason": "moved in from the other account", "confirm_password": PASSWORD})
    assert ExternalPosition.objects.get(account=account, symbol=SWAP).quantity == Decimal("2.5")
    difference.refresh_from_db()
    assert difference.resolution == "2.5 counted as external by boss: moved in from the other account"
    assert Message.objects.filter(event="reconciliation.agrees").count() == 1


def test_what_has_changed_since_is_not_counted(difference, account):
    ExternalPosition.objects.create(account=account, symbol=SWAP, quantity=1, updated_at=now())
    with pytest.raises(Conflict, match="here it is 1 by now"):
        settle.as_external(difference, by="op", reason="x", now=now())
    assert ExternalPosition.objects.get().quantity == 1


def test_an_order_that_will_not_agree_is_closed_by_hand_and_a_position_is_not(boss, difference, account):
    other = Difference.objects.create(
        account=account, kind="order", symbol=SWAP, reference="a" * 32, ours="no such order", venue="OPEN buy 1",
        first_seen_at=now(), last_seen_at=now(),
    )  # fmt: skip
    for row in (difference, other):
        url = reverse("admin:signals_venuedifference_close_action", args=[row.pk])
        boss.post(url, {"reason": "cancelled at the venue", "confirm_password": PASSWORD})
        row.refresh_from_db()
    assert difference.resolved_at is None
    assert other.resolution == "closed by boss: cancelled at the venue"


def test_compare_now_asks_for_the_accounts_that_one_sees(boss, staff, account):
    mine = factories.account("okx-2", broker="memory", market="swap", client=factories.client("other"))
    configuration.changed()
    url = reverse("admin:signals_reconciliation_ask")
    staff.post(url)
    assert [row.account for row in ReconciliationCursor.objects.filter(asked_at__isnull=False)] == [account]
    boss.post(url, {"account": "okx-2"})
    assert ReconciliationCursor.objects.get(account=mine).asked_at is not None
    boss.post(url, {"account": "paper-1"})
    assert not ReconciliationCursor.objects.filter(account__slug="paper-1").exists()


def test_a_block_is_lifted_with_a_reason(boss, account):
    trade = ExternalTrade.objects.create(
        account=account, trade_id="t1", symbol=SWAP, side="buy", quantity=1, price=3000, cause="hand", at=now(),
        recorded_at=now(),
    )  # fmt: skip
    block = SymbolBlock.objects.create(account=account, symbol=SWAP, trade=trade, since=now())
    url = reverse("admin:signals_symbolblock_lift_action", args=[block.pk])
    boss.post(url, {"reason": "it was me"})
    assert blocked.among([account.pk]) == {(account.pk, SWAP)}
    boss.post(url, {"reason": "it was me", "confirm_password": PASSWORD})
    assert blocked.among([account.pk]) == set()
    block.refresh_from_db()
    assert (block.lifted_by, block.reason) == ("boss", "it was me")
    with pytest.raises(Conflict):
        settle.lift(block, by="op", reason="again", now=now())


def test_every_page_opens(boss, difference, account):
    Reconciliation.objects.create(account=account, cause="regular", started_at=now(), finished_at=now())
    for name in ("venuedifference", "reconciliation", "externaltrade", "externalposition", "symbolblock",
                 "reconciliationcursor", "orderanswer"):  # fmt: skip
        assert boss.get(reverse(f"admin:signals_{name}_changelist")).status_code == 200
    assert boss.get(page(difference)).status_code == 200
