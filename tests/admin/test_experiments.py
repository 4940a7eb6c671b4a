"""An experiment's results: every number from the rows, and no more rows than the newest."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from signals.models import Decision, Fill, Order, RoundTrip, Strategy
from signals.operator import experiments
from signals.operator.experiments import Interval, wilson
from tests import factories
from tests.factories import NOW
from tradeops.core import configuration

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        # Newcombe (1998), «Two-sided confidence intervals for the single proportion», table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilsons_interval_as_published(hits, count, low, high):
    found = wilson(hits, count)
    assert (found.rate, round(found.low, 4), round(found.high, 4)) == (hits / count, low, high)


def test_without_a_trial_there_is_no_rate():
    assert wilson(0, 0) is None


@pytest.fixture
def paper():
    return factories.account("trial-1")


@pytest.fixture
def strategy(paper):
    return factories.strategy("tried", accounts=[paper], experiment={"A": 50, "B": 50, "mode": "route"})


def decided(strategy, account, variant, outcome="APPROVED", *, shadow=False, of=None, fills=0):
    row = Decision.objects.create(
        signal=of or factories.signal(strategy), strategy=strategy, account=account, engine=variant, variant=variant,
        shadow=shadow, outcome=outcome, decided_at=NOW,
    )  # fmt: skip
    if fills:
        order = factories.order(account, strategy, number=row.pk, decision=row, signal=row.signal)
        for number in range(fills):
            Fill.objects.create(
                order=order, account=account, trade_id=f"{row.pk}-{number}", symbol="BTC/USDT", side="buy",
                quantity=1, price=1, fee=0, fee_currency="USDT", at=NOW,
            )  # fmt: skip
    return row


def trip(strategy, account, variant, pnl, *, fees="0", symbol="BTC/USDT", closed_at=NOW):
    return RoundTrip.objects.create(
        strategy=strategy, account=account, symbol=symbol, side="long", variant=variant, realised_pnl=D(pnl),
        fees=D(fees), opened_at=NOW, closed_at=closed_at,
    )  # fmt: skip


def sides(strategy, **given):
    return {one.variant: one for one in experiments.of(strategy, **given).sides}


def test_each_side_has_its_own_numbers(strategy, paper):
    decided(strategy, paper, "A", fills=2)
    decided(strategy, paper, "A", "REJECTED")
    decided(strategy, paper, "B", fills=1)
    for pnl in ("10.00000001", "-4", "0"):
        trip(strategy, paper, "A", pnl)
    trip(strategy, paper, "B", "3", fees="3")  # what fees eat up is no hit
    trip(strategy, paper, "B", "7", symbol="AAPL")
    trip(strategy, paper, "A", "100", closed_at=None)
    trip(strategy, paper, "", "100")  # from before the experiment
    found = sides(strategy)
    a, b = found["A"], found["B"]
    assert (a.decisions, a.approved, a.rejected, a.fills, a.trips, a.wins) == (2, 1, 1, 2, 3, 1)
    assert a.pnl == {"USDT": D("6.00000001")}
    assert a.hit_rate == Interval(1 / 3, pytest.approx(0.0615, abs=1e-4), pytest.approx(0.7923, abs=1e-4))
    assert (b.decisions, b.fills, b.trips, b.wins) == (1, 1, 2, 1)
    assert b.pnl == {"USDT": D(7)}  # a share is counted in its account's currency
    assert experiments.of(strategy).compared == 0


def test_agreement_is_of_pairs(strategy, paper):
    other = factories.account("trial-2")
    for account, yes, no in ((paper, "APPROVED", "APPROVED"), (other, "APPROVED", "REJECTED")):
        signal = factories.signal(strategy)
        decided(strategy, account, "A", yes, of=signal)
        decided(strategy, account, "B", no, of=signal, shadow=True)
    decided(strategy, paper, "A")  # alone
    found = experiments.of(strategy)
    assert (found.compared, found.agreed) == (2, 1)
    assert [(one.variant, one.shadow, one.decisions) for one in found.sides] == [("A", False, 3), ("B", True, 2)]


def test_of_some_accounts_only(strategy, paper):
    other = factories.account("trial-2")
    decided(strategy, paper, "A", fills=1)
    decided(strategy, other, "B", fills=1)
    trip(strategy, other, "B", "5")
    found = sides(strategy, accounts=[paper.pk])
    assert (found["A"].decisions, found["A"].fills) == (1, 1)
    assert (found["B"].decisions, found["B"].fills, found["B"].trips) == (0, 0, 0)


def test_the_newest_are_read_by_the_index(strategy):
    """Among a strategy's many decisions those of an experiment are few: it was tried for some days."""
    of = factories.signal(strategy)
    Decision.objects.bulk_create(
        Decision(
            signal=of, strategy=strategy, engine="A", variant="" if number % 50 else "A",
            outcome="APPROVED", decided_at=NOW,
        )
        for number in range(2000)
    )  # fmt: skip
    if connection.vendor == "postgresql":  # else it goes by what some other test left there
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE signals_decision")
    assert "signals_decision_variant" in plan(experiments._NEWEST, strategy)


def test_only_the_newest_are_read(strategy, paper, monkeypatch):
    for _ in range(6):
        decided(strategy, paper, "A")
    monkeypatch.setattr(experiments, "_NEWEST", experiments._NEWEST.replace("LIMIT 5000", "LIMIT 4"))
    monkeypatch.setattr(experiments, "DECISIONS", 4)
    found = experiments.of(strategy)
    assert (found.seen, found.all_seen, found.sides[0].decisions) == (4, False, 4)


def plan(where, strategy):
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} SELECT id FROM signals_decision WHERE {where}", [strategy.pk])
        return " ".join(str(part) for row in cursor.fetchall() for part in row)


class TestPages:
    def page(self, client, **query):
        return client.get(reverse("admin:signals_strategy_experiments"), query)

    def test_side_by_side(self, boss, strategy, paper):
        decided(strategy, paper, "A", fills=2)
        trip(strategy, paper, "A", "12.5")
        text = self.page(boss).content.decode()
        assert "12.5 USDT" in text
        assert "100 %" in text
        assert "route, A 50, B 50" in text
        assert "Experiments" in boss.get("/admin/").content.decode()

    def test_without_an_experiment_there_is_no_menu_and_the_page_says_how(self, boss, strategy):
        Strategy.objects.update(experiment={})
        configuration.changed()
        assert "No experiment is running" in self.page(boss).content.decode()
        assert reverse("admin:signals_strategy_experiments") not in boss.get("/admin/").content.decode()

    def test_one_of_several_is_chosen_by_its_slug(self, boss, strategy, paper):
        factories.strategy("other", accounts=[paper], experiment={"A": 1, "B": 9})
        assert "A 1, B 9" in self.page(boss).content.decode()  # the first
        assert "A 50, B 50" in self.page(boss, strategy="tried").content.decode()
        assert "A 1, B 9" in self.page(boss, strategy="nobodys").content.decode()

    def test_who_sees_no_account_of_it_does_not_see_it(self, staff, strategy, client):
        Strategy.objects.filter(slug="tried").update(slug="unseen-one")
        stranger = factories.account("theirs", client=factories.client("acme"))
        Strategy.objects.get(slug="unseen-one").accounts.set([stranger])
        configuration.changed()
        assert "unseen-one" not in self.page(staff).content.decode()
        assert self.page(client).status_code == 302

    def test_the_decisions_page_shows_every_view_and_every_rule(self, boss, strategy, paper):
        row = decided(strategy, paper, "B", "REJECTED", shadow=True)
        row.views = [
            {"agent": "trend", "view": "sell", "confidence": "0.61", "weight": "2", "reason": "<b>EMA 12</b> is below"}
        ]
        row.rules = [{"rule": "max_spread", "verdict": "FAIL", "value": "0.7%", "limit": "0.5%"}]
        row.confidence, row.reason = D("0.6100"), "the vote is against it"
        row.enrichment = {"quote": {"last": "50000", "spread": "3"}, "session": "24h"}
        row.save()
        for address in (
            reverse("admin:signals_decision_change", args=[row.pk]),
            reverse("admin:signals_signal_change", args=[row.signal_id]),
        ):
            text = boss.get(address).content.decode()
            for part in (
                "trend", "0.61", "&lt;b&gt;EMA 12&lt;/b&gt; is below", "max_spread", "0.7%", "0.5%", "shadow",
                "the vote is against it", "50000", "24h",
            ):  # fmt: skip
                assert part in text, (address, part)
            assert "<b>EMA 12</b>" not in text

    def test_a_decision_of_others_is_not_found(self, staff, strategy):
        stranger = factories.account("theirs", client=factories.client("acme"))
        row = decided(factories.strategy("theirs", accounts=[stranger]), stranger, "")
        assert staff.get(reverse("admin:signals_decision_change", args=[row.pk])).status_code == 404

    @pytest.mark.parametrize(
        ("field", "given", "told"),
        [
            ("experiment", '{"A": 50}', "name two engines at least"),
            ("agents", '{"trend": {"fast": 0}}', "agents.trend.fast: use a number from 1 to 500"),
        ],
    )
    def test_the_strategys_form_refuses_what_does_not_fit(self, boss, strategy, field, given, told):
        address = reverse("admin:signals_strategy_change", args=[strategy.pk])
        text = boss.post(address, {field: given}).content.decode()
        assert told in text
        assert getattr(Strategy.objects.get(pk=strategy.pk), field) == getattr(strategy, field)


def test_closed_trips_of_long_ago_count_too(strategy, paper):
    decided(strategy, paper, "A")
    trip(strategy, paper, "A", "1", closed_at=NOW - timedelta(days=400))
    assert sides(strategy)["A"].trips == 1
    assert Order.objects.count() == 0
