"""`GET /results`, `POST /analyze` and the list of runs (A4)."""

from datetime import UTC, date, datetime

import jsonschema
import pytest
from django.test import Client
from django_q.models import OrmQ
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Operator
from signals.analysis import runner, runs
from signals.models import AnalysisPlan, AnalysisRun
from tests import factories
from tradeops.core import clock

from .schema import RESULTS

pytestmark = pytest.mark.django_db


def signed_in(name="quant", role="operator", *, sees=(), **fields):
    person = Operator.objects.create_user(name, password="pw", role=role, **fields)
    person.clients.set(sees)
    return Client(headers={"authorization": f"Bearer {AccessToken.for_user(person)}"})


@pytest.fixture
def api(db):
    return signed_in()


def completed(plan, day=None):
    run = runs.begin(plan, cause="demand", now=clock.now())
    runner.execute(run)
    if day:
        AnalysisRun.objects.filter(pk=run.pk).update(trading_day=day)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("path", ["/results", "/results/"])
def test_the_latest_run_of_the_day(api, plan, path):
    completed(plan)
    latest = completed(plan)
    answer = api.get(path)
    assert answer.status_code == 200
    jsonschema.validate(answer.json(), RESULTS)
    assert answer.json()["run_id"] == latest.public_id


def test_results_of_a_day(api, plan):
    run = completed(plan, day=date(2026, 11, 18))
    assert api.get("/results?date=2026-11-18").json()["run_id"] == run.public_id
    assert api.get("/results?date=2026-11-17").status_code == 404
    assert api.get("/results?date=2026-11-18&plan=other").status_code == 404
    refused = api.get("/results?date=yesterday")
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "date")


def test_none_is_404_and_a_run_without_results_is_none(api, plan):
    runs.begin(plan, cause="demand", now=clock.now())
    answer = api.get("/results")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("path", ["/analyze", "/analyze/"])
def test_a_run_now(api, plan, path):
    answer = api.post(path, {}, content_type="application/json")
    assert answer.status_code == 202
    run = AnalysisRun.objects.get()
    assert answer.json() == {"run_id": run.public_id, "status": "WAITING"}
    again = api.post(path, {}, content_type="application/json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_running")
    assert AnalysisRun.objects.count() == 1


def test_which_plan(api, plan):
    assert api.post("/analyze", {"plan": "none"}, content_type="application/json").status_code == 404
    AnalysisPlan.objects.create(slug="other", symbols=["AAPL"], data="simulated")
    refused = api.post("/analyze", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "plan")
    assert api.post("/analyze", {"plan": "other"}, content_type="application/json").status_code == 202


def refused(answer):
    assert answer.status_code == 403
    assert (AnalysisRun.objects.count(), OrmQ.objects.count()) == (0, 0)
    error = answer.json()["error"]
    assert error["code"] == "forbidden"
    return error["message"]


@pytest.mark.parametrize("role", ["viewer", "client"])
def test_it_does_not_run_for_whoever_only_reads(plan, role):
    account = factories.account()
    plan.strategy = factories.strategy(accounts=[account])
    plan.save()
    reader = signed_in(role=role, sees=[account.client])
    said = f"Running an analysis takes the role operator; yours is {role}."
    assert refused(reader.post("/analyze", {}, content_type="application/json")) == said
    # Not even whether there is such a plan.
    assert refused(reader.post("/analyze", {"plan": "none"}, content_type="application/json")) == said


def test_it_does_not_run_for_a_viewer_where_nothing_is_fed_either(plan):
    refused(signed_in(role="viewer").post("/analyze", {}, content_type="application/json"))


@pytest.mark.parametrize("role", ["operator", "admin"])
def test_it_does_not_trade_for_another_client(plan, role):
    mine, theirs = factories.account(), factories.account("paper-2", client=factories.client("other"))
    plan.strategy = factories.strategy(accounts=[mine, theirs])
    plan.save()
    said = "The plan feeds a strategy that also trades for clients that are not yours."
    answer = signed_in(role=role, sees=[mine.client]).post("/analyze", {}, content_type="application/json")
    assert refused(answer) == said


def test_it_does_not_trade_where_the_person_sees_nothing(plan):
    plan.strategy = factories.strategy(endpoints=[factories.endpoint()])
    plan.save()
    said = "The plan feeds a strategy that trades for none of the clients assigned to you."
    assert refused(signed_in().post("/analyze", {}, content_type="application/json")) == said


def test_it_trades_for_those_who_may(plan):
    mine, theirs = factories.account(), factories.account("paper-2", client=factories.client("other"))
    plan.strategy = factories.strategy(accounts=[mine])
    plan.save()
    answer = signed_in(sees=[mine.client]).post("/analyze", {}, content_type="application/json")
    assert answer.status_code == 202
    AnalysisRun.objects.all().delete()
    plan.strategy.accounts.add(theirs)
    owner = signed_in("owner", "viewer", is_superuser=True)  # who is an admin whatever the field says
    assert owner.post("/analyze", {}, content_type="application/json").status_code == 202


def test_strangers_learn_nothing(plan):
    completed(plan)
    for answer in (Client().get("/results"), Client().post("/analyze"), Client().get("/api/v1/analysis")):
        assert answer.status_code == 401
    assert AnalysisRun.objects.count() == 1


def test_past_runs_are_listed_with_their_schedule(api, plan):
    slot = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
    AnalysisRun.objects.create(
        public_id="r-1", plan=plan, cause="schedule", status="MISSED", scheduled_for=slot,
        trading_day=date(2026, 11, 20), requested_at=slot, error="nobody was there at its time",
    )  # fmt: skip
    run = completed(plan)
    listed = api.get("/api/v1/analysis").json()["results"]
    assert [row["run_id"] for row in listed] == [run.public_id, "r-1"]
    assert listed[1]["status"] == "MISSED"
    assert listed[1]["scheduled_for"] == "2026-11-20T11:30:00.000Z"
    assert "results" not in listed[0]
    assert api.get("/api/v1/analysis/r-1").json()["error"] == "nobody was there at its time"
