"""/api/v1/accounts: how an account stands at its venue, and never a key."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import credentials
from accounts.models import AccountBalance, AccountPosition, AccountSync, Credential, Operator
from tests import factories
from tests.accounts.conftest import VALUES
from tests.factories import NOW
from tests.statements import asked


@pytest.fixture
def boss(db):
    client = APIClient()
    token = AccessToken.for_user(Operator.objects.create_superuser("boss", password="pw"))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_an_account_at_a_venue_tells_its_holdings_and_what_its_key_may_do(boss, account):
    credentials.store(account=account, values=VALUES, by="ann", now=NOW)
    Credential.objects.update(
        facts={"read": True, "trade": True, "withdraw": None, "notes": ["x"]}, checked_at=NOW, tested_at=NOW,
        test_result="it works; the key may read, trade",
    )  # fmt: skip
    AccountSync.objects.create(account=account, due_at=NOW, synced_at=NOW, equity=Decimal("1500.10"))
    AccountBalance.objects.create(account=account, currency="USDT", total="1000.50", free="900", at=NOW)
    AccountPosition.objects.create(account=account, symbol="BTC/USDT:USDT", side="long", quantity="0.50", at=NOW)
    answer = boss.get("/api/v1/accounts/real-1")
    found = answer.json()
    assert found["connection"] == {
        "set_at": "2026-03-02T14:30:00.000Z",
        "tested_at": "2026-03-02T14:30:00.000Z",
        "test_result": "it works; the key may read, trade",
        "checked_at": "2026-03-02T14:30:00.000Z",
        "problem": "",
        "permissions": {"read": True, "trade": True, "withdraw": None, "ip_bound": None},
    }
    assert (found["equity"], found["synced_at"], found["sync_problem"]) == ("1500.1", "2026-03-02T14:30:00.000Z", "")
    assert found["balances"] == [{"currency": "USDT", "total": "1000.5", "free": "900"}]
    assert found["venue_positions"] == [
        {
            "symbol": "BTC/USDT:USDT", "side": "long", "quantity": "0.5", "average_price": None, "mark_price": None,
            "unrealised_pnl": None, "liquidation_price": None, "leverage": None, "margin_mode": "",
        }
    ]  # fmt: skip
    stored = Credential.objects.get()
    for value in (*VALUES.values(), stored.sealed, stored.fingerprint):
        assert value not in answer.content.decode()


def test_one_without_a_venue_has_none_of_it(boss, db):
    factories.account("paper-1")
    found = boss.get("/api/v1/accounts/paper-1").json()
    assert (found["connection"], found["equity"], found["synced_at"], found["sync_problem"]) == (None, None, None, None)
    assert (found["balances"], found["venue_positions"]) == ([], [])


def test_many_cost_as_few_queries_as_one(boss, venue, db):
    def make(number):
        row = factories.account(f"real-{number}", broker="keyed", market="swap", sandbox=True)
        AccountSync.objects.create(account=row, due_at=NOW + timedelta(seconds=number))
        AccountBalance.objects.create(account=row, currency="USDT", total="1", free="1", at=NOW)

    make(1)
    boss.get("/api/v1/accounts")
    with CaptureQueriesContext(connection) as one:
        assert len(boss.get("/api/v1/accounts").json()["results"]) == 1
    for number in range(2, 9):
        make(number)
    with CaptureQueriesContext(connection) as many:
        assert len(boss.get("/api/v1/accounts").json()["results"]) == 8
    assert len(asked(many)) == len(asked(one))
