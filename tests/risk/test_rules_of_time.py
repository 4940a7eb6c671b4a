"""Rules of when and how often, of confidence and direction: at the limit, just under, just over, and missing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from signals.risk import registry
from signals.risk.base import OrderCount
from tests.factories import NOW
from tradeops.core.errors import ConfigurationError

D = Decimal


class TestHalted:
    def test_going_and_halted(self, ask, entry):
        assert ask("halted", entry()).passed
        found = ask("halted", entry(halted=True))
        assert (found.verdict, found.reason) == ("FAIL", "trend is halted until a person lets it go on")


class TestMaintenance:
    def test_none_and_some(self, ask, entry):
        assert ask("maintenance", entry()).passed
        assert ask("maintenance", entry(maintenance="venue okx")).reason == "maintenance of venue okx"


class TestTradingWindow:
    MORNING = [{"days": "mon-sun", "from": "09:00", "to": "12:00", "time_zone": "UTC"}]

    @pytest.mark.parametrize(
        ("time", "said"), [("08:59:59.999999", "FAIL"), ("09:00", "PASS"), ("11:59:59", "PASS"), ("12:00", "FAIL")]
    )
    def test_the_strategys_own(self, ask, entry, time, said):
        now = datetime.fromisoformat(f"2026-07-01T{time}").replace(tzinfo=UTC)
        assert ask("trading_window", entry(now=now, windows=self.MORNING)).verdict == said

    def test_those_of_every_scope_must_be_open(self, ask, entry):
        now = datetime(2026, 7, 1, 10, tzinfo=UTC)
        evening = [{"days": "mon-sun", "from": "18:00", "to": "20:00", "time_zone": "UTC"}]
        found = ask("trading_window", entry(now=now, windows=self.MORNING), ("account", evening))
        assert (found.verdict, found.value) == ("FAIL", "Wed 10:00 UTC")
        assert found.limit == "mon-sun 18:00-20:00 UTC"
        assert found.reason == "Wed 10:00 UTC is outside the account trading windows"

    def test_without_one_it_is_always_open(self, ask, entry):
        assert ask("trading_window", entry()).to_json() == {
            "rule": "trading_window", "verdict": "PASS", "value": None, "limit": None,
        }  # fmt: skip


@pytest.mark.django_db
class TestMarketHours:
    @pytest.mark.parametrize(
        ("now", "said"),
        [
            ("2026-07-01T13:29:59.999999", "FAIL"),
            ("2026-07-01T13:30", "PASS"),  # at open
            ("2026-07-01T19:59:59.999999", "PASS"),
            ("2026-07-01T20:00", "FAIL"),  # at close
            ("2026-01-07T14:29:59", "FAIL"),  # winter
            ("2026-01-07T14:30", "PASS"),
            ("2026-07-03T15:00", "FAIL"),  # Independence Day is kept on the Friday
            ("2026-11-27T17:59:59", "PASS"),  # the day after Thanksgiving closes at 13:00
            ("2026-11-27T18:00", "FAIL"),
            ("2026-07-04T15:00", "FAIL"),  # Saturday
        ],
    )
    def test_holidays_early_closes_and_clock_changes(self, ask, entry, now, said):
        at = datetime.fromisoformat(now).replace(tzinfo=UTC)
        assert ask("market_hours", entry(now=at), ("global", "XNYS")).verdict == said

    def test_it_says_when_it_opens(self, ask, entry):
        found = ask("market_hours", entry(now=datetime(2026, 7, 1, 4, tzinfo=UTC)), ("global", "XNYS"))
        assert found.reason == "XNYS is closed until 2026-07-01 13:30 UTC"

    def test_a_lunch_break_is_closed_and_says_until_when(self, ask, entry):
        found = ask("market_hours", entry(now=datetime(2026, 7, 1, 3, tzinfo=UTC)), ("global", "XTKS"))
        assert (found.verdict, found.value) == ("FAIL", "break")
        assert found.reason == "XTKS is in its lunch break until 2026-07-01 03:30 UTC"
        assert ask("market_hours", entry(now=datetime(2026, 7, 1, 3, 30, tzinfo=UTC)), ("global", "XTKS")).passed

    def test_a_day_that_the_calendar_does_not_know_raises(self, ask, entry):
        with pytest.raises(ConfigurationError, match="does not know all days"):
            ask("market_hours", entry(now=datetime(2045, 7, 1, 15, tzinfo=UTC)), ("global", "XNYS"))

    def test_parse(self):
        assert registry.parse_limit("market_hours", "XNYS") == "XNYS"
        with pytest.raises(ConfigurationError, match="market_hours: there is no calendar 'XNOPE'"):
            registry.parse_limit("market_hours", "XNOPE")


class TestConfidenceFloor:
    @pytest.mark.parametrize(("given", "said"), [("0.5999", "FAIL"), ("0.6", "PASS"), ("0.6001", "PASS")])
    def test_at_under_and_over(self, ask, entry, given, said):
        assert ask("confidence_floor", entry(confidence=D(given)), ("global", "0.6")).verdict == said

    def test_one_that_does_not_say_fails(self, ask, entry):
        found = ask("confidence_floor", entry(), ("strategy", "0.6"))
        assert (found.verdict, found.reason) == ("FAIL", "it says no confidence; the strategy floor is 0.6")

    def test_the_strictest_wins(self, ask, entry):
        found = ask("confidence_floor", entry(confidence=D("0.7")), ("global", "0.6"), ("account", "0.8"))
        assert (found.verdict, found.limit) == ("FAIL", "0.8")

    @pytest.mark.parametrize(("given", "stored"), [("0.60", "0.6"), ("60%", "0.6"), ("1", "1")])
    def test_parse(self, given, stored):
        assert registry.parse_limit("confidence_floor", given) == stored

    @pytest.mark.parametrize("given", ["60", "-0.1", "101%", "high"])
    def test_a_bad_floor_is_told(self, given):
        with pytest.raises(ConfigurationError, match=r"^confidence_floor: "):
            registry.parse_limit("confidence_floor", given)


class TestMaxOrdersPerMinute:
    @pytest.mark.parametrize(("made", "said"), [(8, "PASS"), (9, "PASS"), (10, "FAIL")])
    def test_the_proposal_counts(self, ask, entry, made, said):
        found = ask("max_orders_per_minute", entry(last_minute=OrderCount(made, 0)), ("global", "10"))
        assert (found.verdict, found.value) == (said, str(made + 1))

    def test_a_reversal_is_two_orders(self, ask, entry):
        given = entry(last_minute=OrderCount(9, 0), orders=2)
        assert (ask("max_orders_per_minute", given, ("global", "10")).value) == "11"
        assert not ask("max_orders_per_minute", given, ("global", "10")).passed

    def test_an_accounts_limit_counts_the_orders_there(self, ask, entry):
        given = entry(last_minute=OrderCount(50, 3))
        assert ask("max_orders_per_minute", given, ("account", "4")).passed
        assert not ask("max_orders_per_minute", given, ("account", "3")).passed

    def test_an_unknown_count_raises(self, ask, entry):
        with pytest.raises(ValueError, match="not known"):
            ask("max_orders_per_minute", entry(), ("global", "10"))


class TestCooldownAfterLoss:
    @pytest.mark.parametrize(("ago", "said"), [(299.999, "FAIL"), (300, "PASS"), (300.001, "PASS")])
    def test_at_under_and_over(self, ask, entry, ago, said):
        given = entry(last_loss_at=NOW - timedelta(seconds=ago))
        assert ask("cooldown_after_loss", given, ("strategy", "300")).verdict == said

    def test_no_loss_passes_and_an_unknown_one_raises(self, ask, entry):
        assert ask("cooldown_after_loss", entry(), ("strategy", "300")).passed
        with pytest.raises(ValueError, match="when the last loss was is not known"):
            ask("cooldown_after_loss", entry(losses_known=False), ("strategy", "300"))

    def test_the_longest_wins(self, ask, entry):
        given = entry(last_loss_at=NOW - timedelta(seconds=100))
        found = ask("cooldown_after_loss", given, ("global", "60"), ("account", "600"))
        assert (found.verdict, found.limit) == ("FAIL", "600 s")

    @pytest.mark.parametrize("given", ["0", "-5", "1.5", "an hour", "²", str(31 * 86400)])
    def test_a_bad_one_is_told(self, given):
        with pytest.raises(ConfigurationError, match=r"^cooldown_after_loss: give whole seconds"):
            registry.parse_limit("cooldown_after_loss", given)


class TestDuplicateDirection:
    def test_the_same_way_fails_and_the_other_passes(self, ask, entry, book):
        held = book(("long", "0.01", "50000", "BTC/USDT", 2))
        assert ask("duplicate_direction", entry(book=held), ("global", "reject")).value == "long"
        assert not ask("duplicate_direction", entry(book=held), ("global", "reject")).passed
        assert ask("duplicate_direction", entry(book=held, position_side="short"), ("global", "reject")).passed

    def test_a_strategys_rule_looks_at_its_own(self, ask, entry, book):
        assert ask(
            "duplicate_direction", entry(book=book(("long", "1", "1", "BTC/USDT", 2))), ("strategy", "reject")
        ).passed
        assert not ask("duplicate_direction", entry(book=book(("long", "1", "1"))), ("strategy", "reject")).passed

    def test_other_symbols_and_accounts_do_not_count(self, ask, entry, book):
        held = book(("long", "1", "1", "ETH/USDT"), ("long", "1", "1", "BTC/USDT", 1, 2))
        assert ask("duplicate_direction", entry(book=held), ("global", "reject")).passed

    def test_without_the_setting_it_passes(self, ask, entry, book):
        assert ask("duplicate_direction", entry(book=book(("long", "1", "1")))).passed

    def test_parse(self):
        assert registry.parse_limit("duplicate_direction", True) == "reject"
        with pytest.raises(ConfigurationError, match="the only setting is reject"):
            registry.parse_limit("duplicate_direction", "allow")


class TestNetting:
    def test_the_other_side_of_another_strategy_needs_leave(self, ask, entry, book):
        given = {"market": "swap", "book": book(("short", "1", "1", "BTC/USDT", 2))}
        found = ask("netting", entry(**given))
        assert (found.verdict, found.value, found.limit) == ("FAIL", "short", "reject")
        assert ask("netting", entry(**given, netting=True)).to_json()["verdict"] == "PASS"

    @pytest.mark.parametrize(
        "line", [("short", "1", "1"), ("long", "1", "1", "BTC/USDT", 2), ("short", "1", "1", "BTC/USDT", 2, 2)]
    )
    def test_its_own_the_same_side_and_other_accounts_do_not(self, ask, entry, book, line):
        assert ask("netting", entry(market="swap", book=book(line))).passed

    def test_an_account_that_hedges_does_not_net(self, ask, entry, book):
        given = {"market": "swap", "book": book(("short", "1", "1", "BTC/USDT", 2))}
        assert ask("netting", entry(**given, hedged=True)).passed

    def test_spot_does_not_net(self, ask, entry, book):
        assert ask("netting", entry(book=book(("short", "1", "1", "BTC/USDT", 2)))).passed


class TestDteRange:
    TODAY = date(2026, 7, 1)

    @pytest.mark.parametrize(("days", "said"), [(6, "FAIL"), (7, "PASS"), (8, "PASS"), (45, "PASS"), (46, "FAIL")])
    def test_both_ends_are_included(self, ask, entry, days, said):
        given = entry(is_option=True, today=self.TODAY, expiration=self.TODAY + timedelta(days=days))
        found = ask("dte_range", given, ("global", {"min": 7, "max": 45}))
        assert (found.verdict, found.value, found.limit) == (said, str(days), "7 to 45")

    def test_the_narrowest_wins(self, ask, entry):
        given = entry(is_option=True, today=self.TODAY, expiration=self.TODAY + timedelta(days=20))
        assert not ask("dte_range", given, ("global", {"min": 7}), ("account", {"max": 14})).passed

    def test_an_unknown_expiration_fails_and_what_is_no_option_passes(self, ask, entry):
        found = ask("dte_range", entry(is_option=True, today=self.TODAY), ("global", {"min": 7}))
        assert (found.verdict, found.reason) == ("FAIL", "the option's expiration is not known")
        assert ask("dte_range", entry(), ("global", {"min": 7})).passed

    @pytest.mark.parametrize("given", ["7-45", {}, {"least": 7}, {"min": "-1"}, {"min": 9, "max": 8}, {"min": "²"}])
    def test_a_bad_range_is_told(self, given):
        with pytest.raises(ConfigurationError, match=r"^dte_range: "):
            registry.parse_limit("dte_range", given)
