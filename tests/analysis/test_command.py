"""`manage.py run_analysis` and the section `analysis` of the configuration file."""

import json
from io import StringIO

import jsonschema
import pytest
from django.core.management import CommandError, call_command

from signals.analysis import runs
from signals.models import AnalysisPlan, AnalysisRun
from tests import factories
from tradeops.config.apply import apply_text
from tradeops.config.errors import ConfigurationFileError
from tradeops.core import clock

from .schema import RESULTS

pytestmark = pytest.mark.django_db
FILE = """
analysis:
  - slug: premarket
    symbols: [AAPL, TSLA]
    provider: statistical
    data: simulated
    strategy: null
"""


def command(*arguments):
    out = StringIO()
    call_command("run_analysis", *arguments, stdout=out)
    return out.getvalue()


def apply(text):
    return apply_text(text, name="a.yaml", dry_run=False, now=clock.now())


class TestTheCommand:
    def test_it_shows_a_table(self, plan):
        shown = command("premarket")
        assert "Analysis premarket of" in shown
        assert "100% of the symbols" in shown
        assert "AAPL" in shown

    def test_json_is_what_the_api_gives(self, plan):
        jsonschema.validate(json.loads(command("--json")), RESULTS)

    def test_it_works_off_a_run_that_was_begun(self, plan):
        run = runs.begin(plan, cause="schedule", now=clock.now())
        command("--run", run.public_id)
        run.refresh_from_db()
        assert run.status == "COMPLETED"
        assert AnalysisRun.objects.count() == 1

    @pytest.mark.parametrize(
        ("arguments", "code", "says"),
        [(["other"], 2, "there is no plan 'other' \\(premarket\\)"), (["--run", "x"], 2, "there is no run 'x'")],
    )
    def test_what_is_not_there_is_said(self, plan, arguments, code, says):
        with pytest.raises(CommandError, match=says) as raised:
            command(*arguments)
        assert raised.value.returncode == code

    def test_while_one_runs_it_refuses(self, plan):
        runs.begin(plan, cause="demand", now=clock.now())
        with pytest.raises(CommandError, match="is running") as raised:
            command()
        assert raised.value.returncode == 3

    def test_without_a_plan_it_says_where_to_add_one(self, db):
        with pytest.raises(CommandError, match="add one to the section `analysis`"):
            command()


class TestTheFile:
    def test_a_plan_is_made_and_stays(self, db):
        apply(FILE)
        plan = AnalysisPlan.objects.get()
        assert (plan.symbols, plan.provider, plan.data) == (["AAPL", "TSLA"], "statistical", "simulated")
        assert (f"{plan.first_at:%H:%M}", f"{plan.last_at:%H:%M}", plan.every_minutes) == ("06:30", "09:00", 30)
        assert apply(FILE).changes == ()

    def test_it_changes_and_is_retired(self, db):
        strategy = factories.strategy("morning")
        apply(FILE)
        apply(FILE.replace("strategy: null", "strategy: morning\n    first_at: '07:00'\n    buy_above: 0.35"))
        plan = AnalysisPlan.objects.get()
        assert (plan.strategy, f"{plan.first_at:%H:%M}", plan.buy_above) == (strategy, "07:00", 0.35)
        apply("analysis: [{slug: premarket, state: absent}]")
        plan.refresh_from_db()
        assert plan.retired_at is not None
        assert not plan.active

    @pytest.mark.parametrize(
        ("before", "after", "marked"),
        [
            ("active: false", "active: true", True),
            ("last_at: '09:00'", "last_at: '12:00'", True),
            ("every_minutes: 30", "every_minutes: 15", True),
            ("time_zone: Europe/London", "time_zone: Europe/Berlin", True),
            ("buy_above: 0.2", "buy_above: 0.3", False),
            ("last_at: '09:00'", "last_at: '09:00'", False),
        ],
    )
    def test_when_it_was_switched_on_or_got_its_times_is_kept(self, db, before, after, marked):
        apply(FILE.replace("strategy: null", before))
        AnalysisPlan.objects.update(timed_at=None)
        apply(FILE.replace("strategy: null", after))
        assert (AnalysisPlan.objects.get().timed_at is not None) == marked

    def test_one_that_is_taken_out_of_retirement_is_switched_on(self, db):
        apply(FILE)
        apply("analysis: [{slug: premarket, state: absent}]")
        AnalysisPlan.objects.update(timed_at=None)
        before = clock.now()
        apply(FILE)
        plan = AnalysisPlan.objects.get()
        assert plan.active
        assert plan.timed_at >= before

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ("data: simulated", "data: bloomberg", "no data source 'bloomberg'"),
            ("strategy: null", "strategy: nobody", "nobody"),
            ("strategy: null", "calendar: XNOP", "there is no calendar 'XNOP'"),
            ("strategy: null", "time_zone: Mars/Base", "there is no 'Mars/Base'"),
            ("strategy: null", "first_at: '10:00'", "must not be before first_at"),
            ("symbols: [AAPL, TSLA]", "symbols: []", "name from 1 to 50"),
            ("provider: statistical", "provider: oracle", "oracle"),
            ("strategy: null", "buy_above: 2", "a number from 0 to 1"),
        ],
    )
    def test_what_could_never_run_is_refused_with_its_line(self, db, old, new, says):
        with pytest.raises(ConfigurationFileError) as raised:
            apply(FILE.replace(old, new))
        assert says in str(raised.value)
        assert not AnalysisPlan.objects.exists()
