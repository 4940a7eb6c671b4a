"""Positions with exits, trade records and days, as fills would leave them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from signals.models import ExitPlan, PnlDay, Position, RoundTrip

D = Decimal


def fill(work, *, now) -> Position:
    """An open position with a stop and targets, one that is UNPROTECTED, and sixty days of results."""
    account = work.accounts[0]
    common = {"strategy": work.strategy, "account": account}
    held, bare = (
        Position.objects.create(
            **common, symbol=symbol, side="long", quantity=D("1.5"), average_price=D(3000), mark_price=D("3054.2"),
            marked_at=now - timedelta(seconds=4), is_open=True, opened_at=now, updated_at=now, realised_pnl=D("12.5"),
        )
        for symbol in ("ETH/USDT", "SOL/USDT")
    )  # fmt: skip
    targets = [{"at": "3090", "share": "0.5", "done": True}, {"at": "3180", "share": "0.5", "done": False}]
    for position, state, problem in ((held, "ACTIVE", ""), (bare, "UNPROTECTED", "the venue takes no stops now")):
        ExitPlan.objects.create(
            position=position, state=state, rules={"exits": {"stop_loss": "2%"}}, entry_price=D(3000),
            entered_quantity=D(3), initial_stop=D(2940), stop_price=D(2940), targets=targets, due_at=now,
            opened_at=now, problem=problem, closes_at=now + timedelta(hours=3), closes_because="session_close",
        )  # fmt: skip
    for back in range(60):
        made = D((back * 37) % 41 - 18)
        PnlDay.objects.create(
            **common, symbol="ETH/USDT", day=(now - timedelta(days=back)).date(), currency="USDT", realised_pnl=made,
            fees=D("1.25"), fills=2,
        )  # fmt: skip
        RoundTrip.objects.create(
            **common, symbol="ETH/USDT", side="long", entered=D(1), entry_value=D(3000), left=D(1),
            exit_value=D(3000) + made, realised_pnl=made, fees=D("1.25"), initial_stop=D(2940), risked=D(60),
            opened_at=now - timedelta(days=back, hours=5), closed_at=now - timedelta(days=back), reason="take_profit",
        )  # fmt: skip
    return held
