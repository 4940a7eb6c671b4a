"""The paper venue keeps books of its own: they, too, come to what strategies hold."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from signals.execution import submit
from signals.models import ExternalTrade, PaperBalance, VenueDifference
from signals.reconciliation import cursor
from signals.reconciliation import run as reconciliation
from signals.tending.duties import at_venues
from tests import factories


def compare(account):
    now = datetime.now(UTC)
    cursor.ask([account.pk], now=now)
    found = reconciliation.run(account, now=now, pause=lambda seconds: None)
    assert found is not None
    assert found.problem == ""
    return found


def test_papers_own_books_agree_with_ours(db):
    account = factories.account(fee_bps=Decimal(10))
    strategy = factories.strategy(accounts=[account])
    submit.submit(factories.order(account, strategy, number=1, quantity=Decimal("0.3")))
    assert compare(account).differences == 0
    sell = factories.order(
        account, strategy, number=2, side="sell", intent="close", quantity=Decimal("0.1"), position_side="long"
    )
    submit.submit(sell)
    assert compare(account).differences == 0
    assert (ExternalTrade.objects.count(), VenueDifference.objects.count()) == (0, 0)
    PaperBalance.objects.filter(account=account, currency="BTC").update(amount=Decimal("0.25"))
    assert compare(account).differences == 1
    found = VenueDifference.objects.get()
    assert (found.symbol, found.venue) == ("BTC", "0.25")
    assert found.ours == format(account.positions.get().quantity.normalize(), "f")


def test_in_production_paper_is_left_alone(db):
    factories.account()
    assert at_venues() == []
