"""The analysis' pages: what a run found, what runs next, and a plan that could never run."""

from datetime import time, timedelta

import pytest
from django.urls import reverse

from signals.analysis import runner, runs
from signals.models import AnalysisPlan, AnalysisRun
from tradeops.core import clock

from .conftest import PASSWORD


@pytest.fixture
def plan(db):
    return AnalysisPlan.objects.create(
        slug="premarket", symbols=["AAPL", "TSLA"], data="simulated", first_at=time(6, 30), last_at=time(9, 0)
    )


@pytest.fixture
def run(plan):
    run = runs.begin(plan, cause="demand", now=clock.now())
    runner.execute(run)
    run.refresh_from_db()
    return run


def page(client, name, row):
    return client.get(reverse(f"admin:signals_{name}_change", args=[row.pk])).content.decode()


def test_a_run_shows_each_symbol_with_its_chart_and_reason(boss, run):
    shown = page(boss, "analysisrun", run)
    assert shown.count("to-line") == 2
    assert shown.count("to-band") == 2
    for signal in run.results["trading_signals"].values():
        assert signal["reasoning"].split(";")[0] in shown
    assert "100 % of the symbols have an answer" in shown


def test_a_run_without_results_says_why(boss, plan, run):
    AnalysisRun.objects.filter(pk=run.pk).update(status="FAILED", results=None, error="RuntimeError: it fell over")
    shown = page(boss, "analysisrun", run)
    assert "It failed: RuntimeError: it fell over" in shown
    assert "to-line" not in shown


def test_a_plan_shows_the_next_ten_in_both_zones(boss, plan):
    from signals.analysis import schedule

    shown = page(boss, "analysisplan", plan)
    found = schedule.upcoming(plan, now=clock.now(), count=10)
    for slot in found:
        assert f"{slot:%a %d %b %H:%M}" in shown
    assert shown.count("06:30</td>") + shown.count("07:00</td>") >= 2
    assert "No forecast has reached its horizon yet." in shown


def test_run_now_asks_for_the_password_first(boss, plan):
    path = reverse("admin:signals_analysisplan_run_action", args=[plan.pk])
    asked = boss.get(path)
    assert "2 symbols are asked of simulated" in asked.content.decode()
    boss.post(path, {"confirm_password": "wrong"})
    assert not AnalysisRun.objects.exists()
    answer = boss.post(path, {"confirm_password": PASSWORD})
    run = AnalysisRun.objects.get()
    assert answer.url == reverse("admin:signals_analysisrun_change", args=[run.pk])
    assert (run.status, run.cause) == ("WAITING", "demand")
    boss.post(path, {"confirm_password": PASSWORD})
    assert AnalysisRun.objects.count() == 1


FORM = {
    "slug": "late", "symbols": "AAPL, MSFT", "provider": "statistical", "data": "simulated", "strategy": "",
    "active": "on", "calendar": "XNYS", "time_zone": "America/New_York", "first_at": "07:00", "last_at": "08:00",
    "every_minutes": "30", "horizon_days": "1", "sentiment_weight": "0.3", "buy_above": "0.2", "strong_above": "0.6",
    "keep_hours": "24",
}  # fmt: skip


def test_a_plan_is_made(boss, db):
    answer = boss.post(reverse("admin:signals_analysisplan_add"), FORM)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    plan = AnalysisPlan.objects.get()
    assert (plan.symbols, plan.first_at) == (["AAPL", "MSFT"], time(7, 0))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("symbols", " , ", "cannot be blank"),
        ("symbols", "AAPL, AAPL", "each once"),
        ("data", "bloomberg", "no data source"),
        ("calendar", "XNOP", "there is no calendar"),
        ("time_zone", "Mars/Base", "there is no &#x27;Mars/Base&#x27;"),
        ("last_at", "06:00", "must not be before first_at"),
        ("buy_above", "0.9", "violated"),
    ],
)
def test_one_that_could_never_run_is_refused(boss, db, field, value, says):
    answer = boss.post(reverse("admin:signals_analysisplan_add"), {**FORM, field: value})
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not AnalysisPlan.objects.exists()


@pytest.mark.parametrize(
    ("changed", "marked"), [({"last_at": "12:00"}, True), ({"active": ""}, True), ({"symbols": "AAPL"}, False)]
)
def test_when_its_times_changed_is_kept(boss, db, changed, marked):
    boss.post(reverse("admin:signals_analysisplan_add"), FORM)
    AnalysisPlan.objects.update(timed_at=None)
    plan = AnalysisPlan.objects.get()
    form = {**FORM, **changed}
    if not form["active"]:
        del form["active"]
    answer = boss.post(reverse("admin:signals_analysisplan_change", args=[plan.pk]), form)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    plan.refresh_from_db()
    assert (plan.timed_at is not None) == marked


def test_what_was_missed_is_said(boss, plan):
    slot = clock.now() - timedelta(hours=3)
    run = AnalysisRun.objects.create(
        public_id="m", plan=plan, cause="schedule", status="MISSED", scheduled_for=slot, trading_day=slot.date(),
        requested_at=clock.now(), error="nobody was there at its time",
    )  # fmt: skip
    assert "It was missed: nobody was there at its time. It is not caught up." in page(boss, "analysisrun", run)
    assert "MISSED" in boss.get(reverse("admin:signals_analysisrun_changelist")).content.decode()
