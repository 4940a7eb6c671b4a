"""A venue's prices: one question for all who ask at once, and a plain sentence where there is no answer."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.brokers.base import BrokerRejected, BrokerTemporary, Quote
from signals.market import cache
from signals.market.base import NoPrice, price_source
from signals.receive import Alert
from tests import factories
from tests.factories import NOW
from tests.fakes import scripted_broker
from tests.fakes.scripted_broker import ScriptedBroker

D = Decimal
ALERT = Alert(symbol="BTCUSDT", action="buy", price=D(1))


class Prices(ScriptedBroker):
    """Answers `quote` from a list: a price, or an exception to raise."""

    capabilities = replace(ScriptedBroker.capabilities, prices=True)
    answers: list = []
    asked: list = []

    def quote(self, symbol, *, now):
        self.asked.append((self._access.slug, self._access.base_url, symbol))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Quote(symbol=symbol, bid=answer, ask=answer + 1, last=answer, at=now, source="venue")


@pytest.fixture
def asked(settings, monkeypatch):
    settings.BROKERS = {
        **settings.BROKERS,
        "priced": f"{__name__}.Prices",
        "mute": "tests.fakes.scripted_broker.ScriptedBroker",
    }
    monkeypatch.setattr(scripted_broker, "VENUE", scripted_broker.Venue())
    monkeypatch.setattr(Prices, "answers", [])
    monkeypatch.setattr(Prices, "asked", [])
    cache.forget()
    yield Prices.asked
    cache.forget()


def quote(account, name="venue", symbol="BTC/USDT"):
    return price_source(name).quote(symbol=symbol, alert=ALERT, account=account, received_at=NOW, now=NOW)


@pytest.mark.django_db
class TestVenue:
    def test_the_accounts_own_venue_is_asked_once_for_all_its_accounts(self, asked):
        Prices.answers[:] = [D(100)]
        one, other = (factories.account(slug, broker="priced", sandbox=True) for slug in ("one", "other"))
        assert (quote(one).bid, quote(one).ask, quote(other).last) == (100, 101, 100)
        assert asked == [("one", "", "BTC/USDT")]

    def test_symbols_markets_addresses_and_environments_are_asked_apart(self, asked):
        Prices.answers[:] = [D(number) for number in range(5)]
        given = [
            factories.account("a", broker="priced"),
            factories.account("b", broker="priced", sandbox=True),
            factories.account("c", broker="priced", market="swap"),
            factories.account("d", broker="priced", base_url="http://127.0.0.1:9"),
        ]
        assert [quote(account).bid for account in given] == [0, 1, 2, 3]
        assert quote(given[0], symbol="ETH/USDT").bid == 4

    def test_a_paper_account_on_the_prices_of_a_named_venue(self, asked):
        Prices.answers[:] = [D(100)]
        paper = factories.account("paper-1", base_url="http://127.0.0.1:9")
        assert quote(paper, "venue:priced").bid == 100
        assert asked == [("prices of priced", "http://127.0.0.1:9", "BTC/USDT")]

    def test_a_broker_without_prices_says_what_to_do(self, asked):
        with pytest.raises(NoPrice, match=r"paper has no prices of its own; say `prices: \{venue: okx\}`"):
            quote(factories.account("paper-1"))
        with pytest.raises(NoPrice, match="mute has no prices"):
            quote(factories.account("m", broker="mute"))

    @pytest.mark.parametrize(
        "error", [BrokerTemporary("too many requests"), BrokerRejected("no such symbol", code="unknown_instrument")]
    )
    def test_a_venue_that_gives_none_is_not_asked_again_at_once(self, asked, error):
        Prices.answers[:] = [error]
        account = factories.account("a", broker="priced")
        for _ in range(3):
            with pytest.raises(NoPrice, match=f"priced gives no price of BTC/USDT: {error}"):
                quote(account)
        assert len(asked) == 1


class TestRecent:
    def test_an_answer_is_kept_for_a_second(self):
        now = [10.0]
        recent, answers = cache.Recent(clock=lambda: now[0]), iter("abc")
        assert [recent.get("k", lambda: next(answers)) for _ in range(2)] == ["a", "a"]
        now[0] = 10.99
        assert recent.get("k", lambda: next(answers)) == "a"
        now[0] = 11.0
        assert recent.get("k", lambda: next(answers)) == "b"
        assert recent.get("other", lambda: next(answers)) == "c"

    def test_a_second_counts_from_the_answer_not_from_the_question(self):
        now = [10.0]
        recent = cache.Recent(clock=lambda: now[0])

        def slow():
            now[0] += 5
            return "a"

        assert recent.get("k", slow) == "a"
        now[0] += 0.5
        assert recent.get("k", lambda: "b") == "a"

    def test_who_comes_while_it_is_asked_waits_for_the_same_answer(self):
        recent, asked, go_on, got = cache.Recent(), [], threading.Event(), []

        def ask():
            asked.append(1)
            assert go_on.wait(10)
            return "a"

        threads = [threading.Thread(target=lambda: got.append(recent.get("k", ask))) for _ in range(5)]
        for thread in threads:
            thread.start()
        go_on.set()
        for thread in threads:
            thread.join()
        assert (got, asked) == (["a"] * 5, [1])

    def test_what_is_long_over_is_dropped(self, monkeypatch):
        monkeypatch.setattr(cache, "MOST", 3)
        now = [0.0]
        recent = cache.Recent(clock=lambda: now[0])
        for number in range(10):
            recent.get(number, lambda: "a")
            now[0] += 10
        assert len(recent._flights) <= 4
