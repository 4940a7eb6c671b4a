"""Decides signals in a process of its own and tells what that cost it: `python -m benchmarks.decisions.worker`, in the
portal's environment. A job is JSON on a line of its standard input, the answer one on its output.

A job `{"strategy", "rounds"}`: in each round every symbol is bought, one signal after the other, and closed again.
Measured is what a drain does from a stored signal to its committed decisions and PENDING orders, the database's client
included; what stores the signal before, and what fills the orders on paper afterwards, is not. `"hold": true` buys what
is to stay open, `"statements": true` counts them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from benchmarks.decisions.setting import HELD, SLUGS, SYMBOLS


def main() -> None:
    import django

    django.setup()
    from signals.pipeline.drain import drain

    drain()  # whatever an earlier worker has left
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def answer(*, strategy: str, rounds: int = 0, hold: bool = False, statements: bool = False) -> dict[str, Any]:
    """`entries` and `exits`: milliseconds of processor time of each signal, its routing and its decision. Raises
    RuntimeError, as `_decide`."""
    found: dict[str, Any] = {"entries": [], "exits": []}
    if hold:
        _all_of(strategy, "buy", HELD)
    for _ in range(rounds):
        found["entries"] += _all_of(strategy, "buy", SYMBOLS)
        found["exits"] += _all_of(strategy, "close", SYMBOLS)
    if statements:
        symbol, *_ = SYMBOLS
        found["statements"] = _counted(lambda: _store(strategy, symbol, "buy"), lambda: _decided(_routed()))
        _all_of(strategy, "close", [symbol])
    return found


def _all_of(strategy: str, action: str, symbols: Iterable[str]) -> list[tuple[float, float]]:
    [accounts] = [count for count, slug in SLUGS.items() if slug == strategy]
    return [_decide(_store(strategy, symbol, action), accounts) for symbol in symbols]


def _decide(signal: Any, accounts: int) -> tuple[float, float]:
    """Raises RuntimeError unless an order came of it on every account, and all are filled."""
    from signals.execution import runner
    from signals.models import Order

    begun = time.process_time_ns()
    item = _routed()
    between = time.process_time_ns()
    made = _decided(item)
    spent = (between - begun) / 1e6, (time.process_time_ns() - between) / 1e6
    runner.start(made)
    filled = Order.objects.filter(signal=signal, status=Order.Status.FILLED).count()
    if filled != accounts:
        what = f"{signal.action} {signal.symbol} on {accounts} accounts"
        raise RuntimeError(f"{what}: {len(made)} orders, {filled} filled; {_why(signal)}")
    return spent


def _routed() -> Any:
    """The first half of a drain's turn: the signal goes to its strategies, and one of them is taken."""
    from signals.pipeline import drain, work

    _, _, item = drain.take(work.there())
    return item


def _decided(item: Any) -> list[Any]:
    """The second, without the orders."""
    from signals.pipeline import decide

    return [] if item is None else decide.decide(item)


def _store(strategy: str, symbol: str, action: str) -> Any:
    from django.db import transaction

    from signals import receive
    from signals.models import Source
    from tradeops.core import clock

    now = clock.now()
    ticker, price = f"{symbol}USDT", {**SYMBOLS, **HELD}[symbol]
    # With a day of expiry it is an option to the rules, and those of options have something to compare.
    expiration = "2030-01-18" if action == "buy" else ""
    alert = receive.Alert(
        symbol=ticker, action=action, price=Decimal(price), confidence=Decimal("0.9"), sent_at=now, timeframe="5",
        comment="breakout", expiration=expiration,
    )  # fmt: skip
    raw = {"ticker": ticker, "action": action, "price": price, "confidence": "0.9", "comment": "breakout"}
    signal = receive.new(
        source_id=Source.objects.values_list("pk", flat=True).get(slug="tv"), alert=alert, raw=raw, routes=[strategy],
        request_id=secrets.token_hex(16), address="127.0.0.1", size=len(json.dumps(raw)), received_at=now,
    )  # fmt: skip
    with transaction.atomic():
        receive.store([signal])
    return signal


def _why(signal: Any) -> str:
    from signals.models import Decision

    refused = Decision.objects.filter(signal=signal, outcome=Decision.Outcome.REJECTED)
    return "; ".join(refused.values_list("reason", flat=True)[:2])


def _counted(before: Callable[[], Any], counted: Callable[[], list[Any]]) -> int:
    """How many statements it takes, with those that begin and end a transaction."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from signals.execution import runner

    before()
    with CaptureQueriesContext(connection) as captured:
        made = counted()
    runner.start(made)
    return len(captured)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
