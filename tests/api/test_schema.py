"""The manual of the API, and what is said where there is nothing."""

from __future__ import annotations

import re

import pytest
import yaml
from django.core.management import call_command

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema(client):
    answer = client.get("/api/schema/")
    assert answer.status_code == 200
    return yaml.safe_load(answer.content)


def test_it_describes_every_path_once(schema):
    expected = {
        f"/api/v1/{name}/"
        for name in (
            "signals", "signals/{public_id}", "signals/{public_id}/trace", "decisions", "decisions/{id}", "orders",
            "orders/{client_order_id}", "fills", "fills/{id}", "executions", "executions/{id}", "positions",
            "positions/{id}", "trades", "trades/{id}", "strategies", "strategies/{slug}", "endpoints",
            "endpoints/{slug}", "deliveries", "deliveries/{id}", "accounts",
            "accounts/{slug}", "auth/token", "auth/refresh", "auth/revoke", "analysis", "analysis/{run_id}",
            "events", "events/{id}", "accounts/{slug}/state",
        )
    }  # fmt: skip
    expected |= {"/results/", "/analyze/"}
    found = {path.rstrip("?/") + "/" for path in schema["paths"]}
    assert {path for path in found if not path.startswith("/webhook")} - {"/api/schema/"} == expected


def test_it_is_made_and_valid_without_a_warning(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))


def test_it_describes_refusals(schema):
    answers = schema["paths"]["/api/v1/signals/"]["get"]["responses"]
    assert {"200", "400", "401", "404", "429"} <= set(answers)


def test_it_says_whom_a_run_of_the_analysis_is_refused(schema):
    (path,) = [path for path in schema["paths"] if path.startswith("/analyze")]
    refusal = schema["paths"][path]["post"]["responses"]["403"]
    assert refusal["description"].startswith("Your role is below operator")
    assert refusal["content"]["application/json"]["schema"]["required"] == ["error", "request_id"]


def test_the_page_works_offline_under_its_policy(client):
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert re.findall(r'(?:src|href)="(https?:)?//', page) == []
    assert "script-src 'self';" in answer["Content-Security-Policy"] + ";"
    assert re.findall(r"<script>[^<]", page) == []


@pytest.mark.parametrize("path", ["/api/nothing", "/api/v1/nothing/", "/webhook/a/b/c/d\x00"])
def test_machines_are_told_in_json_that_there_is_nothing(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 405)
    assert answer["Content-Type"] == "application/json"


def test_people_are_told_on_a_page(client):
    answer = client.get("/nothing")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_the_root_leads_to_the_admin(client):
    assert client.get("/")["Location"] == "/admin/"
