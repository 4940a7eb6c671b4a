"""What one order costs at least: a bare chain of 18 ORM statements in 3 transactions, on the portal's own tables.

`python -m benchmarks.execution.chain PROCESSES SECONDS`, in the portal's environment, prints how many a second.
The rows are marked and taken away again at the end.
"""

from __future__ import annotations

import json
import multiprocessing
import secrets
import sys
import time
from decimal import Decimal
from typing import Any


def write(of: Any, number: int) -> None:
    """Decide, claim, apply: as few statements as an order can be told in, each as the ORM makes it."""
    from django.db import transaction
    from django.utils import timezone

    from relay.models import Message
    from signals.models import Decision, Fill, Order, OrderStep, Position, RiskScope, Signal

    now = timezone.now()
    with transaction.atomic():  # 7
        list(RiskScope.objects.filter(scope="global").select_for_update(no_key=True))
        signal = Signal.objects.create(
            request_id="bench-chain", received_at=now, symbol="BTCUSDT", action="buy", data={}, raw={}
        )
        list(Position.objects.filter(is_open=True, symbol="none"))
        decision = Decision.objects.create(
            signal=signal, strategy=of.strategy, account=of.account, engine="A", outcome="APPROVED", decided_at=now
        )
        order = Order.objects.create(
            client_order_id=f"bench{of.run}{number}"[:32], origin="manual", origin_id=f"bench{of.run}{number}"[:36],
            signal=signal, decision=decision, strategy=of.strategy, account=of.account, mode="paper",
            symbol="BENCH/USDT", side="buy", position_side="long", intent="open", quantity=Decimal("0.01"),
            created_at=now, expires_at=now, due_at=now, status="CANCELED", finished_at=now,
        )  # fmt: skip
        OrderStep.objects.create(order=order, step="created", at=now)
        Message.objects.create(event="bench.chain", title="decided", signal=signal.public_id, created_at=now)
    with transaction.atomic():  # 4
        list(RiskScope.objects.filter(scope="global").select_for_update(no_key=True))
        Order.objects.filter(pk=order.pk).exists()
        Order.objects.filter(pk=order.pk).update(sent_at=now, sent_quantity=Decimal("0.01"))
        OrderStep.objects.create(order=order, step="sent", at=now)
    with transaction.atomic():  # 7
        Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        Fill.objects.filter(account=of.account, symbol="BENCH/USDT", trade_id=str(number)).exists()
        Fill.objects.create(
            order=order, account=of.account, trade_id=order.client_order_id, symbol="BENCH/USDT", side="buy",
            quantity=Decimal("0.01"), price=Decimal(50000), at=now,
        )  # fmt: skip
        Position.objects.filter(pk=of.position.pk).update(quantity=Decimal("0.01"), updated_at=now)
        Order.objects.filter(pk=order.pk).update(filled_quantity=Decimal("0.01"), average_price=Decimal(50000))
        OrderStep.objects.create(order=order, step="filled", at=now)
        Message.objects.create(event="bench.chain", title="filled", signal=signal.public_id, created_at=now)


class _Of:
    """The rows that a chain refers to; each process has a position of its own."""

    def __init__(self, number: int) -> None:
        from django.utils import timezone

        from accounts.models import Account
        from signals.models import Position, Strategy

        self.run = secrets.token_hex(6)
        self.account, self.strategy = Account.objects.order_by("pk").first(), Strategy.objects.order_by("pk").first()
        self.position = Position.objects.create(
            strategy=self.strategy, account=self.account, symbol=f"BENCH{self.run}", side="long",
            updated_at=timezone.now(),
        )  # fmt: skip


def _work(number: int, seconds: float, results: Any) -> None:
    import django

    django.setup()
    of = _Of(number)
    write(of, 0)
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        done += 1
        write(of, done)
    results.put(done / (time.perf_counter() - begun))


def _clear() -> None:
    import django

    django.setup()
    from relay.models import Message
    from signals.models import Decision, Fill, Order, OrderStep, Position, Signal

    orders = Order.objects.filter(symbol="BENCH/USDT")
    for model in (OrderStep, Fill):
        model.objects.filter(order__in=orders).delete()
    orders.delete()
    Decision.objects.filter(signal__request_id="bench-chain").delete()
    Signal.objects.filter(request_id="bench-chain").delete()
    Message.objects.filter(event="bench.chain").delete()
    Position.objects.filter(symbol__startswith="BENCH").delete()


def main() -> None:
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_work, args=(number, seconds, results)) for number in range(count)]
    for worker in workers:
        worker.start()
    rate = sum(results.get(timeout=seconds + 60) for _ in workers)
    for worker in workers:
        worker.join()
    _clear()
    print(json.dumps(rate))


if __name__ == "__main__":
    main()
