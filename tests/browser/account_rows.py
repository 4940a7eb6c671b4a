"""Accounts at venues in every state, for the account's pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

from accounts import credentials, services
from accounts.models import Account, AccountBalance, AccountPosition, AccountSync, Credential
from signals.models import RiskLimit
from tests import factories

VALUES = {"api_key": "the-api-key", "secret": "the-secret-value", "passphrase": "the-passphrase"}


def fill(*, now: datetime) -> SimpleNamespace:
    well, frozen, withdraws, bare = (
        factories.account(slug, broker="keyed", market="swap", sandbox=slug != "okx-real", prices="")
        for slug in ("okx-main", "okx-frozen", "okx-real", "okx-new")
    )
    for row in (well, frozen, withdraws):
        credentials.store(account=row, values=VALUES, by="op", now=now - timedelta(days=3))
    facts = {"read": True, "trade": True, "withdraw": False, "ip_bound": False, "position_mode": "one_way",
             "account": "uid 76543210", "notes": []}  # fmt: skip
    Credential.objects.update(
        test_asked_at=None, tested_at=now - timedelta(hours=2), checked_at=now - timedelta(hours=2), facts=facts,
        test_result="it works; the key may read, trade", next_check_at=now + timedelta(hours=22),
    )  # fmt: skip
    Credential.objects.filter(account=withdraws).update(
        facts={**facts, "withdraw": True}, problem=credentials.WITHDRAWS, test_result=credentials.WITHDRAWS
    )
    services.freeze(account=frozen, reason="the venue holds 0.5 BTC more than our books", by="reconciliation", now=now)
    _holdings(well, now=now)
    AccountSync.objects.create(
        account=frozen, due_at=now, synced_at=now - timedelta(minutes=9), problem_since=now - timedelta(minutes=8),
        problem="the venue did not answer within 5 s (GET /api/v5/account/balance)",
    )  # fmt: skip
    RiskLimit.objects.create(scope="account", key=well.slug, rule="max_leverage", value=5)
    return SimpleNamespace(well=well, frozen=frozen, withdraws=withdraws, bare=bare)


def _holdings(row: Account, *, now: datetime) -> None:
    AccountSync.objects.create(
        account=row, due_at=now, synced_at=now - timedelta(seconds=14), equity=Decimal("105230.118273")
    )
    for currency, total, free in (("USDT", "98120.4471", "61000.12"), ("BTC", "0.1412", "0.1412")):
        AccountBalance.objects.create(account=row, currency=currency, total=total, free=free, at=now)
    for symbol, side, quantity, average, mark, pnl in (
        ("BTC/USDT:USDT", "long", "1.25", "50211.4", "50350.2", "173.5"),
        ("ETH/USDT:USDT", "short", "14.5", "3211.08", "3190.4", "299.86"),
    ):
        AccountPosition.objects.create(
            account=row, symbol=symbol, side=side, quantity=quantity, average_price=average, mark_price=mark,
            unrealised_pnl=pnl, liquidation_price="41000", leverage="3", margin_mode="cross", at=now,
        )  # fmt: skip
