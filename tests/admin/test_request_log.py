"""The request log's page: filters by index, and one click from an address to a rule for it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import FirewallRule
from signals.models import RefusedAttempt
from tests import factories
from tests.factories import NOW

URL = "/admin/signals/refusedattempt/"


def refused(count: int = 1, **fields: object) -> None:
    usual = {
        "at": NOW, "address": "203.0.113.9", "country": "DE", "source_slug": "", "outcome": 401,
        "reason": "no_credential", "path": "/webhook", "request_id": "0" * 32, "ms": 1, "size": 40,
    }  # fmt: skip
    RefusedAttempt.objects.bulk_create(RefusedAttempt(**{**usual, **fields}) for _ in range(count))


@pytest.fixture
def rows(db):
    factories.source("tv")
    refused()
    refused(source_slug="tv", outcome=400, reason="invalid_payload", detail="price: must be a number")
    refused(address="2001:db8:1:2::9", country="", outcome=429, reason="banned", times=312)
    refused(address=None, outcome=403, reason="firewall_country", country="")


def shown(boss, query: str = "") -> list[str]:
    """The reasons of the rows, newest first."""
    answer = boss.get(f"{URL}{query}")
    assert answer.status_code == 200
    return [row.reason for row in answer.context["cl"].result_list]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["firewall_country", "banned", "invalid_payload", "no_credential"]),
        ("?answer=401", ["no_credential"]),
        ("?why=banned", ["banned"]),
        ("?of=tv", ["invalid_payload"]),
        ("?of=-", ["firewall_country", "banned", "no_credential"]),
        ("?of=-&answer=429", ["banned"]),
        ("?q=203.0.113.9", ["invalid_payload", "no_credential"]),
        ("?q=2001:DB8:1:2:0::9", ["banned"]),
        ("?q=::ffff:203.0.113.9", ["invalid_payload", "no_credential"]),
        ("?q=" + "0" * 32, ["firewall_country", "banned", "invalid_payload", "no_credential"]),
        ("?q=nonsense", []),
    ],
)
def test_it_is_filtered_by_answer_reason_source_and_address(boss, rows, query, expected):
    assert shown(boss, query) == expected


def test_the_reasons_offered_are_those_there_are(boss, rows):
    page = boss.get(URL).content.decode()
    offered = set(re.findall(r"why=(\w+)", page))
    assert offered == {"banned", "firewall_country", "invalid_payload", "no_credential"}


def links(boss, word: str) -> list[str]:
    page = boss.get(URL).content.decode()
    return [unescape(found) for found in re.findall(rf'href="([^"]+)">{word}</a>', page)]


def test_one_click_leads_to_a_rule_that_only_has_to_be_saved(boss, rows):
    deny = links(boss, "Deny")
    assert len(deny) == 3, "where the address was not kept there is nothing to click on"
    page = boss.get(deny[0]).content.decode()
    assert 'value="2001:db8:1:2::/64"' in page
    form = boss.get(deny[-1]).context["adminform"].form.initial
    assert (form["network"], form["action"]) == ("203.0.113.9", "deny")
    assert form["note"] == "no credential, 2026-03-02 14:30 UTC"
    fields = {"network": form["network"], "action": form["action"], "note": form["note"]}
    assert boss.post(deny[-1], {**fields, "expires_at_0": "", "expires_at_1": ""}).status_code == 302
    rule = FirewallRule.objects.get()
    assert (str(rule), rule.created_by) == ("deny 203.0.113.9/32", "boss")


def test_whoever_may_not_make_rules_is_not_offered_them(rows):
    from django.contrib.auth.models import Permission
    from django.test import Client

    from accounts.models import Operator

    viewer = Operator.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_refusedattempt"))
    client = Client()
    client.force_login(viewer)
    assert shown(client) == ["firewall_country", "banned", "invalid_payload", "no_credential"]
    assert links(client, "Deny") == []


def test_a_list_of_any_length_asks_the_same_and_by_an_index(boss, rows):
    """A row more is a row more on the page; the plans name an index, and no statement counts."""
    refused(120, at=NOW - timedelta(hours=1), reason="unknown")
    for query in ("", "?answer=401", "?why=banned", "?of=tv", "?of=-", "?q=203.0.113.9", "?q=" + "1" * 32):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            boss.get(f"{URL}{query}")
        asked = [one["sql"] for one in captured.captured_queries if "signals_refusedattempt" in one["sql"]]
        assert not [sql for sql in asked if "COUNT(" in sql.upper()]
        assert len(asked) <= 8


def test_the_page_of_a_row_says_everything(boss, rows):
    row = RefusedAttempt.objects.get(reason="invalid_payload")
    page = boss.get(reverse("admin:signals_refusedattempt_change", args=[row.pk])).content.decode()
    assert "price: must be a number" in page
    assert "203.0.113.9" in page
