"""Each rule at its limit, just under, just over, without data, and raising; and an exit that passes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from signals.portfolio.exposure import Book, Exposure, Key
from signals.risk import gate, registry
from signals.risk.base import Limit, Proposal, Verdict
from signals.risk.registry import BY_SLUG
from tests.factories import NOW, limit, quote
from tradeops.core.errors import ConfigurationError
from tradeops.core.money import Side

D = Decimal


# A limit of each rule that nothing keeps.
TIGHT = {
    "trading_window": [{"days": "mon", "from": "00:00", "to": "00:01", "time_zone": "UTC"}],
    "market_hours": "XTKS",
    "allowed_symbols": ["ETH/USDT"],
    "max_spread": "0%",
    "price_collar": "0%",
    "confidence_floor": "1",
    "max_orders_per_minute": "0",
    "cooldown_after_loss": "86400",
    "daily_loss": "0",
    "max_drawdown": "0",
    "max_open_positions": "0",
    "max_positions_per_symbol": "0",
    "duplicate_direction": "reject",
    "max_position_size": "0",
    "max_order_notional": "0",
    "max_exposure": {"gross": "0"},
    "max_leverage": "0",
    "dte_range": {"max": 0},
    "max_premium": "0",
}


class StubBook(Book):
    """A book with what the test says is in it."""

    def __init__(self, *, others=0, own_pending="0"):
        super().__init__(Key(1, 1, "BTC/USDT"), Exposure([]))
        self._others = {Key(1, 1, f"COIN{n}/USDT") for n in range(others)}
        self._in_symbol = {Key(2 + n, 1, "BTC/USDT") for n in range(others)}
        self._own_pending = D(own_pending)

    def open_positions(self, scope):
        return self._others

    def positions_in_symbol(self, scope):
        return self._in_symbol

    def own_pending_quantity(self):
        return self._own_pending


def proposal(**fields):
    defaults = {
        "now": NOW,
        "reduces": False,
        "strategy": "trend",
        "account": "paper-1",
        "age_seconds": 1.0,
        "max_age_seconds": 60,
        "ticker": "BTCUSDT",
        "symbol": "BTC/USDT",
        "quote_currency": "USDT",
        "account_currency": "USDT",
        "side": Side.BUY,
        "quantity": D("0.01"),
        "price": D(50000),
        "quote": quote(),
        "book": StubBook(),
    }
    return Proposal(**{**defaults, **fields})


def verdict(rule, given, *limits):
    return BY_SLUG[rule].check(given, [Limit(scope, value) for scope, value in limits])


class TestStale:
    @pytest.mark.parametrize(("age", "said"), [(59.999, "PASS"), (60.0, "PASS"), (60.001, "FAIL")])
    def test_at_under_and_over(self, age, said):
        assert verdict("stale", proposal(age_seconds=age)).verdict == said

    def test_it_shows_both_numbers(self):
        found = verdict("stale", proposal(age_seconds=61.25))
        assert (found.value, found.limit) == ("61.250 s", "60 s")


class TestPrice:
    @pytest.mark.parametrize(("age", "said"), [(59, "PASS"), (60, "PASS"), (61, "FAIL")])
    def test_at_under_and_over(self, age, said):
        given = proposal(quote=quote(at=NOW - timedelta(seconds=age)))
        assert verdict("price", given).verdict == said

    def test_a_missing_price_fails_and_says_why(self):
        found = verdict("price", proposal(quote=None, quote_problem="the venue is down"))
        assert found.verdict == "FAIL"
        assert found.reason == "there is no price: the venue is down"


class TestKillSwitch:
    def test_on_and_off(self):
        assert verdict("kill_switch", proposal()) == Verdict("kill_switch", "PASS", "off", "off")
        found = verdict("kill_switch", proposal(switches_on=("global",)))
        assert found == Verdict("kill_switch", "FAIL", "on (global)", "off")


class TestAccount:
    def test_a_problem_fails(self):
        assert verdict("account", proposal()).passed
        assert verdict("account", proposal(account_problem="paused")).value == "paused"


class TestAllowedSymbols:
    def test_an_unmapped_ticker_fails(self):
        found = verdict("allowed_symbols", proposal(symbol="", ticker="DOGEUSDT"))
        assert (found.verdict, found.value) == ("FAIL", "DOGEUSDT")

    def test_every_scope_must_allow(self):
        both = [("global", ["BTC/USDT", "ETH/USDT"]), ("account", ["ETH/USDT"])]
        assert verdict("allowed_symbols", proposal(), both[0]).passed
        assert verdict("allowed_symbols", proposal(), *both).value == "BTC/USDT"


class TestCounts:
    @pytest.mark.parametrize("rule", ["max_open_positions", "max_positions_per_symbol"])
    @pytest.mark.parametrize(("others", "said"), [(1, "PASS"), (2, "PASS"), (3, "FAIL")])
    def test_the_proposal_counts(self, rule, others, said):
        found = verdict(rule, proposal(book=StubBook(others=others)), ("global", "3"))
        assert (found.verdict, found.value, found.limit) == (said, str(others + 1), "3")

    def test_the_strictest_scope_is_shown(self):
        given = proposal(book=StubBook(others=2))
        found = verdict("max_open_positions", given, ("global", "20"), ("account", "2"))
        assert (found.verdict, found.limit) == ("FAIL", "2")

    def test_without_a_limit_it_passes(self):
        assert verdict("max_open_positions", proposal()).to_json() == {
            "rule": "max_open_positions",
            "verdict": "PASS",
            "value": None,
            "limit": None,
        }


class TestMaxPositionSize:
    @pytest.mark.parametrize(("held", "said"), [("0.0199", "PASS"), ("0.02", "PASS"), ("0.0201", "FAIL")])
    def test_held_pending_and_proposed_count(self, held, said):
        given = proposal(position_quantity=D(held), book=StubBook(own_pending="0.01"))
        assert verdict("max_position_size", given, ("global", "0.04")).verdict == said


class TestMaxOrderNotional:
    @pytest.mark.parametrize(("bound", "said"), [("499.99", "FAIL"), ("500", "PASS"), ("500.01", "PASS")])
    def test_at_under_and_over(self, bound, said):
        found = verdict("max_order_notional", proposal(), ("global", bound))
        assert (found.verdict, found.value) == (said, "500")


@pytest.mark.django_db
class TestGate:
    def test_a_rule_that_raises_rejects(self):
        limit("max_order_notional", "1000")
        found = {v.rule: v for v in gate.judge(proposal(quote=None, price=None))}
        assert found["max_order_notional"].verdict == "ERROR"
        assert not found["max_order_notional"].passed

    def test_an_amount_in_another_currency_is_not_guessed(self):
        limit("max_order_notional", "1000")
        found = {v.rule: v for v in gate.judge(proposal(account_currency="EUR"))}
        assert found["max_order_notional"].reason.endswith("no rate from USDT to the account's EUR")

    def test_every_rule_is_shown_for_an_entry(self):
        assert [v.rule for v in gate.judge(proposal())] == [rule.slug for rule in registry.RULES]

    def test_an_exit_passes_with_every_limit_exceeded(self):
        for rule, value in TIGHT.items():
            limit(rule, value)
        given = proposal(
            reduces=True,
            switches_on=("global",),
            halted=True,
            maintenance="venue okx",
            windows=[{"days": "mon", "from": "00:00", "to": "00:01", "time_zone": "UTC"}],
            account_problem="frozen (audit)",
            quote=None,
            price=None,
            confidence=None,
            worth=None,
        )
        assert [v.verdict for v in gate.judge(given)] == ["PASS", "PASS"]
        bare = {"quote": None, "price": None, "losses_known": False, "is_option": True}
        entry = gate.judge(proposal(halted=True, maintenance="venue okx", **bare))
        passed = {v.rule for v in entry if v.passed}
        assert passed == {"kill_switch", "account", "stale", "netting", "duplicate_direction"}

    def test_every_rule_that_takes_a_limit_is_among_the_tight_ones(self):
        takes_none = {"kill_switch", "halted", "account", "maintenance", "stale", "price", "netting"}
        assert set(TIGHT) == set(BY_SLUG) - takes_none

    def test_an_exit_passes_everything_but_age_and_a_missing_mapping(self):
        limit("max_open_positions", "0")
        limit("max_order_notional", "0")
        limit("allowed_symbols", ["ETH/USDT"])
        given = proposal(
            reduces=True,
            switches_on=("global",),
            account_problem="frozen (audit)",
            quote=None,
            max_age_seconds=3600,
            age_seconds=3600.0,
        )
        found = gate.judge(given)
        assert [v.rule for v in found] == ["stale", "allowed_symbols"]
        assert all(v.passed for v in found)
        assert not gate.judge(proposal(reduces=True, age_seconds=61.0))[0].passed

    def test_limits_of_other_strategies_and_accounts_do_not_count(self):
        limit("max_order_notional", "1", scope="strategy", key="other")
        limit("max_order_notional", "1", scope="account", key="other")
        limit("max_order_notional", "600", scope="account", key="paper-1")
        found = {v.rule: v for v in gate.judge(proposal())}
        assert (found["max_order_notional"].verdict, found["max_order_notional"].limit) == ("PASS", "600")

    def test_an_endpoint_is_asked_only_what_binds_endpoints(self):
        found = gate.judge(proposal(account="", book=None, quote=None))
        # L2: mode (asked elsewhere), kill switch, windows, age and symbols bind it as they bind an account.
        assert [v.rule for v in found] == [
            "kill_switch", "halted", "maintenance", "stale", "trading_window", "market_hours", "allowed_symbols",
        ]  # fmt: skip


class TestParse:
    @pytest.mark.parametrize(
        ("rule", "value", "message"),
        [
            ("max_moons", "1", "there is no rule 'max_moons'"),
            ("max_open_positions", "1.5", "whole number"),
            ("max_open_positions", "-1", "zero or more"),
            ("max_order_notional", "much", "not a number"),
            ("allowed_symbols", "BTC/USDT", "give a list"),
            ("kill_switch", "on", "takes no limit"),
        ],
    )
    def test_a_bad_limit_is_told(self, rule, value, message):
        with pytest.raises(ConfigurationError, match=message):
            registry.parse_limit(rule, value)

    def test_amounts_are_kept_as_text(self):
        assert registry.parse_limit("max_order_notional", "10000.50") == "10000.5"
        assert registry.parse_limit("max_open_positions", 20) == "20"
