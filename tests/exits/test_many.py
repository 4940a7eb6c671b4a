"""More plans on one account than one round looks at (P2)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from signals.exits import runner
from signals.models import ExitPlan, Position
from tests import factories


def test_those_that_a_round_has_no_place_for_stay_due_and_come_first(db):
    now = datetime.now(UTC)
    account = factories.account()
    strategy = factories.strategy(accounts=[account])
    positions = Position.objects.bulk_create(
        Position(account=account, strategy=strategy, symbol=f"C{number}/USDT", side="long", quantity=Decimal(1),
                 average_price=Decimal(100), is_open=True, updated_at=now)
        for number in range(runner.MOST + 2)
    )  # fmt: skip
    plans = ExitPlan.objects.bulk_create(
        ExitPlan(position=position, rules={"exits": {}}, entry_price=Decimal(100), opened_at=now, due_at=now)
        for position in positions
    )
    last = plans[-1]
    ExitPlan.objects.filter(pk=last.pk).update(due_at=now - timedelta(seconds=1))
    assert runner.run([account.pk], now=now) == runner.MOST
    left = ExitPlan.objects.filter(due_at__lte=now).order_by("id")
    assert [plan.pk for plan in left] == [plan.pk for plan in plans[-3:-1]]
    assert runner.due(now=now) == [account.pk]
    assert runner.run([account.pk], now=now) == 2
    assert not ExitPlan.objects.filter(due_at__lte=now).exists()
    assert runner.run([account.pk], now=now) == 0
