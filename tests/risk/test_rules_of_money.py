"""Exposure, leverage, losses and premiums: at the limit, just under, just over, and without what they are told by."""

from datetime import timedelta
from decimal import Decimal

import pytest

from signals.portfolio.equity import Worth
from signals.risk import registry
from tests.factories import NOW, quote
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import Side

D = Decimal


def worth(equity="10000", *, opening="10000", peak="10000", transfers="0", at=NOW, problem=""):
    return Worth(
        equity=D(equity), at=at, peak=D(peak), opening=D(opening), transfers=D(transfers), problem=problem
    )  # fmt: skip


class TestMaxExposure:
    @pytest.mark.parametrize(("bound", "said"), [("1499.99", "FAIL"), ("1500", "PASS"), ("1500.01", "PASS")])
    def test_gross_counts_what_is_held_on_its_way_and_proposed(self, ask, entry, book, bound, said):
        given = entry(book=book(("short", "0.02", "50000", "ETH/USDT")))
        found = ask("max_exposure", given, ("global", {"gross": bound}))
        assert (found.verdict, found.value, found.limit) == (said, "gross 1500", f"gross {bound}")

    @pytest.mark.parametrize(("bound", "said"), [("499.99", "FAIL"), ("500", "PASS"), ("500.01", "PASS")])
    def test_net_is_longs_less_shorts(self, ask, entry, book, bound, said):
        given = entry(book=book(("short", "0.02", "50000", "ETH/USDT")))
        found = ask("max_exposure", given, ("global", {"net": bound}))
        assert (found.verdict, found.value) == (said, "net 500")

    @pytest.mark.parametrize(("bound", "said"), [("999.99", "FAIL"), ("1000", "PASS"), ("1000.01", "PASS")])
    def test_per_symbol_counts_this_symbol_on_every_account_of_the_scope(self, ask, entry, book, bound, said):
        given = entry(book=book(("long", "0.01", "50000", "BTC/USDT", 2, 2), ("long", "9", "50000", "ETH/USDT")))
        found = ask("max_exposure", given, ("global", {"per_symbol": bound}))
        assert (found.verdict, found.value) == (said, "per_symbol 1000")

    def test_a_scope_counts_its_own(self, ask, entry, book):
        held = book(
            ("long", "1", "50000", "BTC/USDT", 2, 1), ("long", "2", "50000", "BTC/USDT", 1, 2)
        )  # another strategy here, this one elsewhere  # fmt: skip
        values = {
            scope: ask("max_exposure", entry(book=held), (scope, {"gross": "1000000"})).value
            for scope in ("global", "strategy", "account")
        }
        assert values == {"global": "gross 150500", "strategy": "gross 100500", "account": "gross 50500"}

    @pytest.mark.parametrize(
        ("limit", "value"), [("gross", "9000"), ("net", "net 9000"), ("per_symbol", "per_symbol 9000")]
    )
    def test_a_reversal_is_what_is_held_after_it(self, ask, entry, book, limit, value):
        """Long 0.08, then short 0.18."""
        given = entry(
            side=Side.SELL, position_side="short", quantity=D("0.18"), closes=D("0.08"),
            book=book(("long", "0.08", "50000")),
        )  # fmt: skip
        found = ask("max_exposure", given, ("account", {limit: "8999.99"}))
        assert (found.verdict, found.value.removeprefix("gross ")) == ("FAIL", value)
        assert ask("max_exposure", given, ("account", {limit: "9000"})).passed

    def test_only_what_it_closes_is_taken_off_and_only_of_its_own(self, ask, entry, book):
        """0.02 of the long stays, and all that is another strategy's."""
        given = entry(
            side=Side.SELL, position_side="short", quantity=D("0.01"), closes=D("0.06"),
            book=book(("long", "0.08", "50000"), ("long", "1", "50000", "BTC/USDT", 2, 1)),
        )  # fmt: skip
        found = ask("max_exposure", given, ("account", {"gross": "1000000", "net": "50500"}))
        assert found.value == "net 50500"
        assert ask("max_exposure", given, ("account", {"gross": "51500"})).passed
        assert not ask("max_exposure", given, ("account", {"gross": "51499"})).passed

    def test_the_least_room_is_shown(self, ask, entry):
        found = ask(
            "max_exposure", entry(), ("global", {"gross": "10000"}), ("account", {"net": "600", "gross": "900"})
        )
        assert (found.verdict, found.value, found.limit) == ("PASS", "net 500", "net 600")

    def test_what_was_never_priced_raises(self, ask, entry, book):
        with pytest.raises(ValueError, match="what ETH/USDT is worth is not known"):
            ask("max_exposure", entry(book=book(("long", "1", None, "ETH/USDT"))), ("global", {"gross": "1"}))

    def test_without_a_price_of_its_own_it_raises(self, ask, entry):
        with pytest.raises(ValueError, match="not known without a price"):
            ask("max_exposure", entry(price=None), ("global", {"gross": "1"}))

    def test_another_currency_is_not_guessed(self, ask, entry, book):
        with pytest.raises(ValueError, match="no rate from EUR to the account's USDT"):
            ask("max_exposure", entry(book=book(("long", "1", "1", "ETH/EUR"))), ("global", {"gross": "1"}))

    @pytest.mark.parametrize(
        ("given", "stored"),
        [("1000.0", {"gross": "1000"}), ({"net": "5", "per_symbol": "0.50"}, {"net": "5", "per_symbol": "0.5"})],
    )
    def test_parse(self, given, stored):
        assert registry.parse_limit("max_exposure", given) == stored

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "give one or more of gross, net, per_symbol"),
            ({"total": "5"}, "there is no 'total'"),
            ({"net": "-1"}, "net: use a number, zero or more"),
            ({"net": "x"}, "net: 'x' is not a number"),
            (["5"], "gross: .* is not a number"),
        ],
    )
    def test_a_bad_limit_names_the_part(self, given, message):
        with pytest.raises(ConfigurationError, match=message):
            registry.parse_limit("max_exposure", given)


class TestMaxLeverage:
    @pytest.mark.parametrize(("held", "said"), [("0.18", "PASS"), ("0.19", "PASS"), ("0.1901", "FAIL")])
    def test_all_that_is_held_over_equity(self, ask, entry, book, held, said):
        given = entry(book=book(("long", held, "50000")), worth=worth("5000"))
        assert ask("max_leverage", given, ("account", "2")).verdict == said

    @pytest.mark.parametrize(("leverage", "said"), [("4.99", "PASS"), ("5", "PASS"), ("5.01", "FAIL")])
    def test_the_leverage_it_is_sent_with(self, ask, entry, leverage, said):
        found = ask("max_leverage", entry(worth=worth(), leverage=D(leverage)), ("account", "5"))
        assert (found.verdict, found.value) == (said, leverage)

    def test_a_reversal_is_what_is_held_after_it(self, ask, entry, book):
        given = entry(
            side=Side.SELL, position_side="short", quantity=D("0.18"), closes=D("0.08"), worth=worth(),
            book=book(("long", "0.08", "50000")),
        )  # fmt: skip
        assert ask("max_leverage", given, ("account", "0.9")).value == "0.9"

    def test_other_accounts_do_not_count(self, ask, entry, book):
        given = entry(book=book(("long", "9", "50000", "BTC/USDT", 1, 2)), worth=worth())
        assert ask("max_leverage", given, ("global", "1")).value == "0.05"

    def test_the_last_digit_is_not_rounded_away(self, ask, entry):
        given = entry(quantity=D("0.00020002"), price=D(5), worth=worth("10"))
        found = ask("max_leverage", given, ("account", "0.0001"))
        assert (found.verdict, found.value) == ("FAIL", "0.00010001")

    def test_without_equity_it_raises(self, ask, entry):
        with pytest.raises(ValueError, match="the account's equity is not known yet"):
            ask("max_leverage", entry(), ("account", "5"))

    def test_nothing_stands_behind_it(self, ask, entry):
        with pytest.raises(ValueError, match="nothing stands behind"):
            ask("max_leverage", entry(worth=worth("0")), ("account", "5"))


class TestDailyLoss:
    @pytest.mark.parametrize(("equity", "said"), [("9500.01", "PASS"), ("9500", "PASS"), ("9499.99", "FAIL")])
    @pytest.mark.parametrize("bound", ["500", "5%"])
    def test_at_under_and_over(self, ask, entry, equity, said, bound):
        assert ask("daily_loss", entry(worth=worth(equity)), ("global", bound)).verdict == said

    def test_it_shows_both_numbers(self, ask, entry):
        found = ask("daily_loss", entry(worth=worth("9400")), ("global", "5%"))
        assert (found.value, found.limit) == ("6%", "5%")
        assert found.reason == "daily loss: 6% is over the global limit of 5%"
        found = ask("daily_loss", entry(worth=worth("9400")), ("account", "500"))
        assert found.reason == "daily loss: 600 USDT is over the account limit of 500 USDT"

    def test_a_withdrawal_is_no_loss_and_a_deposit_no_gain(self, ask, entry):
        taken = worth("4000", transfers="-6000")
        assert ask("daily_loss", entry(worth=taken), ("global", "0")).value == "0"
        put_in = worth("14000", transfers="5000")
        assert ask("daily_loss", entry(worth=put_in), ("global", "999")).value == "1000"

    def test_the_strictest_scope_that_fails_is_shown(self, ask, entry):
        found = ask("daily_loss", entry(worth=worth("9000")), ("global", "20%"), ("account", "100"))
        assert (found.verdict, found.limit) == ("FAIL", "100")

    def test_equity_that_is_too_old_raises_and_says_why(self, ask, entry):
        fresh = worth(at=NOW - timedelta(seconds=150))
        assert ask("daily_loss", entry(worth=fresh), ("global", "1")).passed
        old = worth(at=NOW - timedelta(seconds=150.1), problem="the venue is down")
        with pytest.raises(ValueError, match="equity is 150 s old; the limit is 150 s: the venue is down"):
            ask("daily_loss", entry(worth=old), ("global", "1"))

    def test_unknown_equity_raises(self, ask, entry):
        with pytest.raises(ValueError, match="not known yet"):
            ask("daily_loss", entry(), ("global", "5%"))

    def test_without_a_limit_nothing_is_asked(self, ask, entry):
        assert ask("daily_loss", entry()).passed

    @pytest.mark.parametrize(
        ("given", "stored"), [("5%", "5%"), ("0.50 %", "0.5%"), ("250.0", "250"), (100, "100"), ("100%", "100%")]
    )
    def test_parse(self, given, stored):
        assert registry.parse_limit("daily_loss", given) == stored

    @pytest.mark.parametrize("given", ["-5%", "five", "5 percent", "%", "-1"])
    def test_a_bad_limit_is_told(self, given):
        with pytest.raises(ConfigurationError, match=r"^daily_loss: "):
            registry.parse_limit("daily_loss", given)


class TestMaxDrawdown:
    @pytest.mark.parametrize(("equity", "said"), [("18000.01", "PASS"), ("18000", "PASS"), ("17999.99", "FAIL")])
    @pytest.mark.parametrize("bound", ["2000", "10%"])
    def test_from_the_most_it_ever_was(self, ask, entry, equity, said, bound):
        given = entry(worth=worth(equity, opening="100", peak="20000"))
        assert ask("max_drawdown", given, ("account", bound)).verdict == said

    def test_unknown_equity_raises(self, ask, entry):
        with pytest.raises(ValueError, match="not known yet"):
            ask("max_drawdown", entry(), ("global", "5%"))


class TestPriceCollar:
    @pytest.mark.parametrize(
        ("price", "said"),
        [("51000", "PASS"), ("50999.99", "PASS"), ("51000.01", "FAIL"), ("49000", "PASS"), ("48999.99", "FAIL")],
    )
    def test_either_way_from_the_last_price(self, ask, entry, price, said):
        assert ask("price_collar", entry(price=D(price)), ("global", "2%")).verdict == said

    def test_the_strictest_wins(self, ask, entry):
        found = ask("price_collar", entry(price=D(50500)), ("global", "2%"), ("account", "0.5%"))
        assert (found.verdict, found.value, found.limit) == ("FAIL", "1%", "0.5%")

    @pytest.mark.parametrize("fields", [{"quote": None}, {"price": None}])
    def test_without_a_price_it_raises(self, ask, entry, fields):
        with pytest.raises(ValueError, match="is not known"):
            ask("price_collar", entry(**fields), ("global", "2%"))

    @pytest.mark.parametrize("given", ["2", "0.02", "-2%", "wide"])
    def test_only_a_percentage_is_no_riddle(self, given):
        with pytest.raises(ConfigurationError, match=r"^price_collar: "):
            registry.parse_limit("price_collar", given)


class TestMaxSpread:
    @pytest.mark.parametrize(("spread", "said"), [("49.99", "PASS"), ("50", "PASS"), ("50.01", "FAIL")])
    def test_at_under_and_over(self, ask, entry, spread, said):
        assert ask("max_spread", entry(quote=quote(spread=spread)), ("global", "0.1%")).verdict == said

    def test_without_a_quote_it_raises(self, ask, entry):
        with pytest.raises(ValueError, match="bid and ask are not known"):
            ask("max_spread", entry(quote=None), ("global", "0.1%"))

    def test_a_crossed_quote_raises(self, ask, entry):
        with pytest.raises(ValueError, match="bid and ask are not known"):
            ask("max_spread", entry(quote=quote(spread="-1")), ("global", "0.1%"))


class TestMaxPremium:
    @pytest.mark.parametrize(("bound", "said"), [("499.99", "FAIL"), ("500", "PASS"), ("500.01", "PASS")])
    def test_what_is_paid(self, ask, entry, bound, said):
        assert ask("max_premium", entry(is_option=True), ("global", bound)).verdict == said

    def test_only_options_have_one(self, ask, entry):
        assert ask("max_premium", entry(price=None), ("global", "1")).passed

    def test_without_a_price_it_raises(self, ask, entry):
        with pytest.raises(ValueError, match="not known without a price"):
            ask("max_premium", entry(is_option=True, price=None), ("global", "1"))
