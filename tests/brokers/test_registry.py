"""Which brokers there are, and that each account keeps its own for as long as nothing about it changes."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from accounts import throttle
from accounts.brokers import kinds, registry
from accounts.models import Account
from tests import factories
from tests.fakes.scripted_broker import ScriptedBroker
from tradeops.core.errors import ConfigurationError


class Keeping(ScriptedBroker):
    @property
    def access(self):
        return self._access


class Remote(Keeping):
    capabilities = replace(ScriptedBroker.capabilities, local=False)


def named(exchange):
    if exchange == "kraken":
        raise ImportError("No module named 'kraken'")
    return Remote


@pytest.fixture
def brokers(settings):
    settings.BROKERS = {
        "ccxt": f"{__name__}.named",
        "zeta": f"{__name__}.Keeping",
        "alpaca": "not.there.Alpaca",
        "okx": f"{__name__}.Remote",
        "paper": f"{__name__}.Keeping",
    }


class TestKinds:
    def test_our_own_first_and_then_the_exchanges_by_ccxts_names(self, brokers):
        found = kinds.kinds()
        assert found[:4] == ["paper", "okx", "alpaca", "zeta"]
        assert {"binance", "bybit"} <= set(found)
        assert len(set(found)) == len(found)
        assert "ccxt" not in found

    def test_only_those_that_can_be_traded_are_offered_and_the_others_have_a_reason(self, brokers):
        assert "kraken" not in kinds.kinds()
        assert kinds.known("kraken")

    def test_the_names_are_those_that_ccxt_lists(self, brokers):
        """In a process of its own: nothing else of the suite needs the library."""
        code = "import ccxt; print(' '.join(ccxt.exchanges))"
        listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert sorted(kinds.exchanges()) == sorted(listed)

    def test_they_are_listed_without_importing_it(self):
        code = (
            "import django, sys; django.setup(); from accounts.brokers import kinds, registry;"
            " kinds.kinds(); registry.capabilities('paper'); print('ccxt' in sys.modules)"
        )
        env = {**os.environ, "TRADEOPS_ENV": "embedded"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        assert done.stdout.strip() == "False"

    def test_where_there_is_no_broker_for_them_there_are_none(self, settings):
        settings.BROKERS = {"paper": f"{__name__}.Keeping"}
        assert kinds.kinds() == ["paper"]
        assert not kinds.known("binance")

    def test_an_unknown_one_is_told_with_those_there_are(self, brokers):
        for kind in ("ftx2", "ccxt", ""):
            with pytest.raises(ConfigurationError) as error:
                kinds.capabilities(kind)
            assert f"there is no broker {kind!r}; this installation has paper, okx, alpaca, zeta, and " in str(
                error.value
            )

    def test_one_whose_package_is_missing_is_told(self, brokers):
        for kind in ("alpaca", "kraken"):
            with pytest.raises(
                ConfigurationError, match=f"the broker '{kind}' cannot be loaded: No module named"
            ) as error:
                kinds.capabilities(kind)
            assert error.value.code == "not_installed"


@pytest.mark.django_db
class TestBrokers:
    def test_an_account_keeps_its_broker(self, brokers):
        account = factories.account("a", broker="okx")
        first = registry.broker_for(account)
        assert registry.broker_for(Account.objects.get(pk=account.pk)) is first
        assert registry.broker_for(factories.account("b", broker="okx")) is not first

    @pytest.mark.parametrize(
        ("field", "value"),
        [("base_url", "http://127.0.0.1:9"), ("sandbox", True), ("market", "swap"), ("leverage", 3),
         ("initial_balances", {"USDT": "5"}), ("broker", "zeta")],
    )  # fmt: skip
    def test_until_something_about_it_changes(self, brokers, field, value):
        account = factories.account("a", broker="okx")
        first = registry.broker_for(account)
        setattr(account, field, value)
        second = registry.broker_for(account)
        assert second is not first
        assert getattr(second.access, field) == value

    def test_limits_are_the_venues_and_what_is_local_has_none(self, brokers):
        remote = registry.broker_for(factories.account("a", broker="okx")).access.throttle
        local = registry.broker_for(factories.account("b", broker="paper")).access.throttle
        assert isinstance(remote, throttle.Shared)
        assert isinstance(local, throttle.Unlimited)

    def test_a_broker_that_needs_no_credentials_gets_none(self, brokers):
        assert registry.broker_for(factories.account("a", broker="okx")).access.credentials == {}

    def test_one_for_public_questions_has_no_account(self, brokers):
        found = registry.public_broker("okx", market="swap", base_url="http://127.0.0.1:9")
        assert (found.access.account_id, found.access.market, found.access.base_url) == (
            0,
            "swap",
            "http://127.0.0.1:9",
        )
        assert registry.public_broker("okx", market="swap", base_url="http://127.0.0.1:9") is found
        assert registry.public_broker("okx", market="spot") is not found

    def test_an_unknown_kind_is_told(self, brokers):
        with pytest.raises(ConfigurationError, match="there is no broker 'gone'"):
            registry.broker_for(factories.account("a", broker="gone"))
