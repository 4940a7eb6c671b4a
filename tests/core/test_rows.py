"""Rows written and read with prepared statements are what the ORM would have written and read."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Account
from signals.models import Decision, PaperBalance, Signal, WorkItem
from signals.pipeline import route
from tests import factories
from tradeops.core import clock, rows
from tradeops.core.models import Cursor

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def account():
    return factories.account()


def test_inserted_rows_have_their_keys_in_order(account):
    made = [PaperBalance(account=account, currency=name, amount=D("0.10")) for name in ("A", "B", "C")]
    rows.insert_all(made)
    assert [PaperBalance.objects.get(pk=row.pk).currency for row in made] == ["A", "B", "C"]
    assert PaperBalance.objects.get(currency="A").amount == D("0.10")


def test_a_broken_constraint_is_raised_and_insert_new_leaves_it_out(account):
    rows.insert(PaperBalance(account=account, currency="A", amount=D(1)))
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(PaperBalance(account=account, currency="A", amount=D(2)))
    rows.insert_new([PaperBalance(account=account, currency=name, amount=D(3)) for name in ("A", "B")])
    assert dict(PaperBalance.objects.values_list("currency", "amount")) == {"A": D(1), "B": D(3)}


@pytest.mark.parametrize("number", [1, rows.COPY_FROM, 200])
def test_any_number_of_rows_is_stored_as_given(account, number):
    made = [
        Decision(
            signal=factories.signal(routes=[]), account=account, outcome="APPROVED",
            rules=[{"rule": "ü\\\t\n'", "n": n}],
            reason="a\tb\\N\n", decided_at=factories.NOW,
        )
        for n in range(number)
    ]  # fmt: skip
    rows.insert_all(made)
    stored = {row.pk: row for row in Decision.objects.all()}
    assert len(stored) == number
    for n, row in enumerate(made):
        assert stored[row.pk].rules == [{"rule": "ü\\\t\n'", "n": n}]
        assert stored[row.pk].signal_id == row.signal_id
        assert (stored[row.pk].reason, stored[row.pk].enrichment) == ("a\tb\\N\n", {})
        assert (stored[row.pk].decided_at, stored[row.pk].strategy_id) == (factories.NOW, None)


@pytest.mark.parametrize("number", [2, rows.COPY_FROM])
def test_a_broken_constraint_leaves_none_of_many(account, number):
    made = [PaperBalance(account=account, currency="A", amount=D(1)) for _ in range(number)]
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert_all(made)
    assert not PaperBalance.objects.exists()


def test_more_values_than_a_statement_takes(account):
    made = [PaperBalance(account=account, currency=f"C{n}", amount=D(1)) for n in range(25_000)]
    rows.insert_all(made)
    rows.insert_new(made)
    assert PaperBalance.objects.count() == 25_000
    assert PaperBalance.objects.get(pk=made[-1].pk).currency == "C24999"


def test_update_all_writes_the_same_into_many(account):
    made = [PaperBalance(account=account, currency=name, amount=D(1)) for name in "ABC"]
    rows.insert_all(made)
    assert rows.update_all(PaperBalance, [made[0].pk, made[2].pk, 0], amount=D("2.5")) == 2
    assert rows.update_all(PaperBalance, [], amount=D(9)) == 0
    assert dict(PaperBalance.objects.values_list("currency", "amount")) == {"A": D("2.5"), "B": D(1), "C": D("2.5")}


def test_update_writes_the_named_fields_only(account):
    account.fee_bps, account.broker = D("7.5"), "other"
    rows.update(account, "fee_bps")
    stored = Account.objects.get()
    assert (stored.fee_bps, stored.broker) == (D("7.5"), "paper")


def test_select_gives_python_values(account):
    found = rows.select(
        Account, "slug", "fee_bps", "initial_balances", "active", "created_at", where="id = %s", params=[account.pk]
    )
    assert found == [(account.slug, D(0), {"USDT": "100000"}, True, account.created_at)]
    assert rows.select(Account, "id", where="slug = %s", params=["none"]) == []


def test_a_router_whose_cursor_was_lost_routes_nothing_twice():
    strategy = factories.strategy(accounts=[factories.account()])
    factories.signal(strategy)
    route.route(now=clock.now())
    Cursor.objects.all().delete()
    factories.signal(strategy)
    assert route.route(now=clock.now()) == 2
    assert WorkItem.objects.count() == 2


def test_a_made_instance_is_as_the_model_makes_it(account):
    given = {"signal_id": 1, "account_id": account.pk, "outcome": "APPROVED", "decided_at": factories.NOW}
    made, usual = rows.make(Decision, **given), Decision(**given)
    assert {**made.__dict__, "_state": None} == {**usual.__dict__, "_state": None}
    assert (made._state.adding, made._state.db, made.account) == (True, None, account)
    assert rows.make(Decision, **given).rules is not made.rules
    assert rows.make(Signal, symbol="A").public_id != rows.make(Signal, symbol="A").public_id
    with pytest.raises(TypeError, match="Decision has no singal"):
        rows.make(Decision, singal=1)


@pytest.mark.django_db
def test_put_all_inserts_and_overwrites_by_its_constraint():
    from accounts.models import AccountBalance

    account = factories.account()
    now = factories.NOW

    def put(**amounts):
        rows.put_all(
            [
                rows.make(AccountBalance, account_id=account.pk, currency=name, total=amount, free=amount, at=now)
                for name, amount in amounts.items()
            ],
            unique=("account", "currency"),
        )

    put(USDT=Decimal(5), BTC=Decimal(1))
    put(USDT=Decimal("7.000000000000000001"), ETH=Decimal(2))
    assert dict(AccountBalance.objects.values_list("currency", "total")) == {
        "USDT": Decimal("7.000000000000000001"),
        "BTC": Decimal(1),
        "ETH": Decimal(2),
    }
