"""The analysis' pages in a browser: they open and fit, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from datetime import time, timedelta

import pytest
from django.urls import reverse

from signals.analysis import runner, runs, score
from signals.models import AnalysisPlan, Bar, Forecast
from tradeops.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def run(work):
    plan = AnalysisPlan.objects.create(
        slug="premarket", symbols=["AAPL", "TSLA", "MSFT"], data="simulated", first_at=time(6, 30), last_at=time(9, 0)
    )
    found = runs.begin(plan, cause="demand", now=clock.now())
    runner.execute(found)
    base = Bar.objects.filter(date__lte=clock.now().date() - timedelta(days=30)).latest("date").date
    Forecast.objects.update(base_date=base, due_on=base)
    score.score(now=clock.now())
    return found


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_they_fit_into_the_window(sign_in, run, width, dark):
    page = sign_in(width=width, height=844 if width < 500 else 1000, dark=dark)
    for name, path in {
        "plans": reverse("admin:signals_analysisplan_changelist"),
        "plan": reverse("admin:signals_analysisplan_change", args=[run.plan_id]),
        "runs": reverse("admin:signals_analysisrun_changelist"),
        "run": reverse("admin:signals_analysisrun_change", args=[run.pk]),
        "forecasts": reverse("admin:signals_forecast_changelist"),
    }.items():
        page.open(path)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the window"
        if folder := os.environ.get("SCREENSHOTS"):
            page.page.wait_for_timeout(300)
            page.page.screenshot(path=f"{folder}/analysis-{name}-{width}{'-dark' if dark else ''}.png", full_page=True)
