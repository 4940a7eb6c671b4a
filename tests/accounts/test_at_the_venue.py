"""The vault, the test of the connection and the look at the holdings with OKX's adapter and OKX's answers."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts import connection, credentials, services, sync, vault
from accounts.models import Account, AccountBalance, AccountPosition, AccountSync, Credential
from tests import factories
from tests.fakes.venue import running_venue
from tradeops.core import clock


@pytest.fixture
def okx():
    with running_venue() as venue:
        yield venue


@pytest.fixture
def account(okx, db):
    return factories.account("okx-1", broker="okx", market="swap", sandbox=True, base_url=okx.url, prices="")


def store(account, okx, **changes):
    credentials.store(account=account, values={**okx.credentials, **changes}, by="ann", now=clock.now())
    connection.run_asked(now=clock.now())
    return Credential.objects.get()


def test_a_good_key_works_and_its_account_is_read(okx, account):
    found = store(account, okx)
    assert (found.problem, found.facts["trade"], found.facts["withdraw"]) == ("", True, False)
    assert found.test_result.startswith("it works; the key may read, trade")
    okx.trade("BTC-USDT-SWAP", "buy", "1")
    assert sync.run(now=clock.now()) == 1
    assert AccountSync.objects.get().problem == ""
    assert AccountSync.objects.get().equity > 140_000  # 100,000 USDT and a bitcoin, less the fee
    assert AccountBalance.objects.get(currency="USDT").total > 0
    position = AccountPosition.objects.get()
    assert (position.symbol, position.side, position.quantity) == ("BTC/USDT:USDT", "long", Decimal("0.01"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"api_key": "00000000-0000-0000-0000-000000000000"}, ("key",)),
        ({"secret": "another-secret-than-the-venue-knows"}, ("secret",)),
        ({"passphrase": "another-one"}, ("passphrase",)),
    ],
)
def test_what_is_wrong_with_a_key_is_named_and_the_account_takes_no_entries(okx, account, changes, words):
    found = store(account, okx, **changes)
    assert all(word in found.problem.lower() for word in words), found.problem
    assert not any(
        value in found.problem + found.test_result for value in (*okx.credentials.values(), *changes.values())
    )
    row = Account.objects.select_related("credential").get()
    assert credentials.problem_of(row) == f"without usable credentials: {found.problem}"
    assert sync.run(now=clock.now()) == 0  # not asked again with a key that it refuses
    asked = len(okx.ledger.requests)
    assert connection.run_asked(now=clock.now() + timedelta(minutes=30)) == 0
    assert len(okx.ledger.requests) == asked


@pytest.mark.parametrize(
    ("change", "word"),
    [({"permissions": "read_only,trade,withdraw"}, "withdraw"), ({"permissions": "read_only"}, "trade"),
     ({"addresses": ["9.9.9.9"]}, "address")],
)  # fmt: skip
def test_what_the_venue_says_of_a_key_is_kept(okx, account, change, word):
    okx.change(**change)
    found = store(account, okx)
    assert word in found.problem.lower(), found.problem


def test_a_key_that_is_bound_to_no_address_is_warned_about(okx, account):
    okx.change(addresses=[])
    found = store(account, okx)
    assert found.problem == ""
    assert [text[:38] for text in credentials.warnings(found.facts)] == ["The key is bound to no IP address: whoe"[:38]]


def test_nothing_is_sent_to_another_address_than_the_one_they_were_given_for(okx, account):
    with running_venue() as elsewhere:
        store(account, okx)
        Account.objects.update(base_url=elsewhere.url)  # behind the services' back
        credentials.ask_test(account=account, now=clock.now())
        connection.run_asked(now=clock.now())
        assert "they are not sent there" in Credential.objects.get().problem
        assert list(elsewhere.ledger.requests) == []
        services.update(account=Account.objects.get(), changes={"base_url": okx.url}, by="ann", now=clock.now())
        assert vault.open_for(Account.objects.get()) == {}
