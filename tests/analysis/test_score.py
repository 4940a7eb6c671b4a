"""Forecasts against what came (A3)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from signals.analysis import prune, results, score
from signals.models import AnalysisRun, Bar, Forecast
from tradeops.core.ids import uuid7

from .conftest import NOW

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 11, 16)


@pytest.fixture
def run(plan):
    return AnalysisRun.objects.create(
        public_id=uuid7(), plan=plan, cause="demand", status="COMPLETED", trading_day=MONDAY, requested_at=NOW,
        finished_at=NOW, results={"run_id": "x"},
    )  # fmt: skip


def forecast(run, symbol, predicted, *, direction="UP", confidence=0.6, model="Statistical", horizon=1, base=100.0):
    """`base`: what the close that it knew is now said to have been; None: nothing."""
    if base is not None:
        bar(symbol, MONDAY, base)
    return Forecast.objects.create(
        run=run, source="x", symbol=symbol, model=model, made_at=NOW, base_date=MONDAY, base_price=100.0,
        due_on=score.due_on(MONDAY, horizon),
        horizon_days=horizon, predicted_price=predicted, low=90.0, high=110.0, direction=direction,
        confidence=confidence, latency_ms=1,
    )  # fmt: skip


def bar(symbol, day, close, *, final=True):
    Bar.objects.create(
        source="x", symbol=symbol, date=day, open=close, high=close, low=close, close=close, final=final
    )  # fmt: skip


def test_it_waits_until_the_day_of_its_horizon_is_over(run):
    row = forecast(run, "A", 101.0)
    bar("A", MONDAY + timedelta(days=1), 102.0, final=False)
    tuesday = datetime(2026, 11, 17, 22, 0, tzinfo=UTC)
    assert score.score(now=tuesday) == 0  # the bar may still change
    assert score.score(now=tuesday + timedelta(days=1)) == 0  # and it was not read again since
    Bar.objects.filter(date=MONDAY + timedelta(days=1)).update(final=True)
    assert score.score(now=tuesday + timedelta(days=1)) == 1
    row.refresh_from_db()
    assert row.actual_price == 102.0
    assert score.score(now=tuesday + timedelta(days=2)) == 0


def test_a_horizon_is_counted_in_bars_not_days(run):
    row = forecast(run, "A", 101.0, horizon=2)
    bar("A", MONDAY + timedelta(days=1), 102.0)
    bar("A", MONDAY + timedelta(days=4), 104.0)
    score.score(now=NOW + timedelta(days=9))
    row.refresh_from_db()
    assert row.actual_price == 104.0


def test_what_a_split_has_changed_since_then_is_taken_out_of_the_price(run):
    """Two for one: 100 became 50, and what came, 51, is 102 of the forecast's money."""
    forecast(run, "A", 101.0, base=50.0)
    bar("A", MONDAY + timedelta(days=1), 51.0)
    assert score.score(now=NOW) == 1
    assert Forecast.objects.get().actual_price == 102.0
    [standing] = score.standings()
    assert (standing.hit_rate, standing.error, standing.naive_error) == (1.0, pytest.approx(1), pytest.approx(2))


def test_without_the_day_it_was_made_from_there_is_no_scale(run):
    forecast(run, "A", 101.0, base=None)
    bar("A", MONDAY + timedelta(days=1), 102.0)
    assert score.score(now=NOW) == 0
    assert Forecast.objects.get().actual_price is None


def test_standings_beside_the_naive_forecast(run):
    for symbol, predicted, direction, came in (
        ("A", 101.0, "UP", 102.0), ("B", 99.0, "DOWN", 103.0), ("C", 102.0, "UP", 100.0),
    ):  # fmt: skip
        forecast(run, symbol, predicted, direction=direction)
        bar(symbol, MONDAY + timedelta(days=1), came)
    score.score(now=NOW + timedelta(days=3))
    [standing] = score.standings()
    assert (standing.model, standing.count) == ("Statistical", 3)
    assert standing.hit_rate == pytest.approx(1 / 3)  # a price that stayed was nobody's direction
    assert standing.error == pytest.approx((1 + 4 + 2) / 3)
    assert standing.naive_error == pytest.approx((2 + 3 + 0) / 3)
    assert standing.ratio == pytest.approx(7 / 5)


def test_calibration_holds_confidence_against_outcomes(run):
    for number, (confidence, came) in enumerate([(0.55, 101.0), (0.58, 99.0), (0.95, 101.0), (1.0, 105.0)]):
        forecast(run, f"S{number}", 101.0, confidence=confidence, model="Combined")
        bar(f"S{number}", MONDAY + timedelta(days=1), came)
    score.score(now=NOW + timedelta(days=3))
    found = [(round(each.low, 1), each.count, each.hit_rate) for each in score.calibration("Combined")]
    assert found == [(0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert score.calibration("N-HITS") == []


def test_results_go_after_their_time_and_the_run_stays(run):
    forecast(run, "A", 101.0)
    assert prune.results(now=NOW + timedelta(hours=23)) == 0
    assert prune.results(now=NOW + timedelta(hours=25), dry_run=True) == 1
    assert results.latest(day=MONDAY) == run
    assert prune.results(now=NOW + timedelta(hours=25)) == 1
    assert results.latest(day=MONDAY) is None
    run.refresh_from_db()
    assert (run.status, run.results, run.expired_at) == ("COMPLETED", None, NOW + timedelta(hours=25))
    assert Forecast.objects.count() == 1


def outcome(row):
    row.refresh_from_db()
    return row.actual_price, row.scored_at is not None, row.due_on, row.unscorable_at is not None


class TestWhatIsStillMissing:
    @pytest.fixture
    def asked(self):
        return []

    @pytest.fixture
    def ask(self, asked):
        def ask(source, symbol):
            asked.append((source, symbol))
            return True

        return ask

    def test_it_is_asked_for_once_a_day(self, run, ask, asked):
        row = forecast(run, "A", 101.0)
        tuesday = datetime(2026, 11, 17, 11, 30, tzinfo=UTC)
        assert score.score(now=tuesday - timedelta(days=1), ask=ask) == 0
        assert asked == []  # not before it is due
        assert score.score(now=tuesday, ask=ask) == 0
        assert score.score(now=tuesday + timedelta(hours=2), ask=ask) == 0
        assert asked == [("x", "A")]
        assert outcome(row) == (None, False, date(2026, 11, 18), False)
        bar("A", MONDAY + timedelta(days=1), 102.0)
        assert score.score(now=tuesday + timedelta(days=1), ask=ask) == 1
        assert outcome(row) == (102.0, True, None, False)
        assert asked == [("x", "A")]  # what is stored is not asked for

    def test_what_is_read_then_counts_at_once(self, run):
        forecast(run, "A", 101.0)

        def ask(source, symbol):
            bar(symbol, MONDAY + timedelta(days=1), 102.0)
            return True

        assert score.score(now=NOW, ask=ask) == 1

    def test_whose_turn_it_was_not_is_due_still(self, run):
        row = forecast(run, "A", 101.0)
        assert score.score(now=NOW + timedelta(days=90), ask=lambda *_: False) == 0
        assert outcome(row) == (None, False, date(2026, 11, 17), False)

    def test_weeks_after_its_horizon_it_is_unscorable(self, run, ask):
        row = forecast(run, "A", 101.0, horizon=5)
        last = datetime(2026, 12, 24, tzinfo=UTC)  # 10 days and four weeks after its base
        score.score(now=last, ask=ask)
        assert outcome(row) == (None, False, date(2026, 12, 25), False)
        score.score(now=last + timedelta(days=1), ask=ask)
        assert outcome(row) == (None, False, None, True)
        assert score.unscorable() == 1
        bar("A", MONDAY + timedelta(days=9), 102.0)
        assert score.score(now=last + timedelta(days=99), ask=ask) == 0
        assert score.standings() == []

    def test_thousands_that_never_come_keep_nobody_waiting(self, run, ask):
        gone = forecast(run, "GONE", 101.0)
        rows = []
        for number in range(2001):
            gone.pk, gone.model = None, f"M{number}"
            rows.append(Forecast(**{name: value for name, value in vars(gone).items() if name[0] != "_"}))
        Forecast.objects.bulk_create(rows)
        row = forecast(run, "A", 101.0)
        bar("A", MONDAY + timedelta(days=1), 102.0)
        assert score.score(now=NOW, ask=ask) == 1
        assert outcome(row)[0] == 102.0
