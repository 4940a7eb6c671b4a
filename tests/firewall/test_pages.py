"""The firewall before pages and the API, and failed sign-ins, which it counts."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from accounts.firewall import bans
from accounts.models import FirewallBan, Operator
from signals.intake import request_log
from signals.models import RefusedAttempt
from tests.firewall.conftest import put, settings, write

STRANGER = "203.0.113.9"
PASSWORD = "the-password-of-this-test"


@pytest.fixture
def ann(db):
    return Operator.objects.create_superuser("ann", password=PASSWORD)


def get(path: str, address: str = STRANGER, **headers: str):
    return Client().get(path, REMOTE_ADDR=address, **headers)


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/api/docs/", "/static/tradeops/portal.css", "/nothing"])
def test_a_denied_address_gets_no_page(path):
    put("deny 203.0.113.0/24")
    answer = get(path)
    assert answer.status_code == 403
    assert "keeps your address out" in answer.content.decode()
    assert "manage.py firewall allow" in answer.content.decode()
    assert answer["X-Request-ID"] in answer.content.decode()
    assert get(path, "198.51.100.1").status_code != 403


def test_the_request_log_has_it_counted_and_without_the_path(db):
    request_log.discard()
    put("deny 203.0.113.0/24")
    for path in ("/admin/login/", "/webhok/a-secret-in-the-wrong-place", "/admin/"):
        get(path)
    get("/a-secret-in-the-wrong-place", "203.0.113.10")
    request_log.flush()
    rows = RefusedAttempt.objects.order_by("pk")
    assert [(row.address, row.outcome, row.reason, row.path, row.times) for row in rows] == [
        ("203.0.113.9", 403, "firewall_network", "/admin/…", 3),
        ("203.0.113.10", 403, "firewall_network", "/…", 1),
    ]
    assert "a-secret" not in str([vars(row) for row in rows])


def test_the_api_answers_in_its_own_shape():
    put("deny 203.0.113.0/24")
    answer = get("/api/v1/signals")
    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "request_id"}
    assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("path", ["/health", "/health/", "/health/ready"])
def test_whoever_watches_the_portal_still_sees_it(path):
    put("deny 0.0.0.0/0")
    assert get(path).status_code != 403


def test_a_path_that_only_begins_like_it_is_no_way_around():
    put("deny 0.0.0.0/0")
    assert get("/healthy").status_code == 403


def test_a_session_is_no_way_around(ann):
    client = Client()
    client.force_login(ann)
    put("deny 203.0.113.0/24")
    assert client.get("/admin/", REMOTE_ADDR=STRANGER).status_code == 403
    assert client.get("/admin/", REMOTE_ADDR="198.51.100.1").status_code == 200


FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "198.51.100.1",
    "HTTP_X_REAL_IP": "198.51.100.1",
    "HTTP_FORWARDED": "for=198.51.100.1",
    "HTTP_CF_CONNECTING_IP": "198.51.100.1",
    "HTTP_TRUE_CLIENT_IP": "198.51.100.1",
    "HTTP_X_CLIENT_IP": "198.51.100.1",
    "HTTP_CF_IPCOUNTRY": "DE",
}


@pytest.mark.parametrize("header", FORWARDED)
def test_a_stranger_cannot_say_that_they_are_somebody_else(header):
    put("deny 203.0.113.0/24")
    assert get("/admin/login/", **{header: FORWARDED[header]}).status_code == 403


def test_a_stranger_cannot_choose_their_country():
    put("deny RU")
    assert get("/admin/login/", "77.88.55.60", HTTP_CF_IPCOUNTRY="DE").status_code == 403


def test_behind_a_trusted_proxy_it_is_the_forwarded_address_that_counts():
    put("deny 203.0.113.0/24")
    with override_settings(TRUSTED_PROXIES=("10.0.0.0/8",)):
        assert get("/admin/login/", "10.0.0.1", HTTP_X_FORWARDED_FOR=STRANGER).status_code == 403
        assert get("/admin/login/", "10.0.0.1", HTTP_X_FORWARDED_FOR=f"198.51.100.1, {STRANGER}").status_code == 403
        assert get("/admin/login/", "10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.1").status_code == 200


def sign_in(client: Client, password: str, address: str = STRANGER):
    return client.post("/admin/login/", {"username": "ann", "password": password}, REMOTE_ADDR=address)


def test_wrong_passwords_at_the_sign_in_page_ban(ann):
    settings(ban_after=3)
    client = Client()
    for _ in range(3):
        assert sign_in(client, "wrong").status_code == 200
    write()
    answer = sign_in(client, PASSWORD)
    assert answer.status_code == 429
    assert 3590 <= int(answer["Retry-After"]) <= 3601
    assert "manage.py firewall lift" in answer.content.decode()
    row = FirewallBan.objects.get()
    assert (row.network, row.reason) == (STRANGER, "wrong password at the sign-in page")
    assert sign_in(client, PASSWORD, "198.51.100.1").status_code == 302


def test_a_right_password_counts_nothing(ann):
    settings(ban_after=1)
    assert sign_in(Client(), PASSWORD).status_code == 302
    assert bans.fresh == {}


def test_an_unfinished_form_counts_nothing(ann):
    settings(ban_after=1)
    Client().post("/admin/login/", {"username": "ann"}, REMOTE_ADDR=STRANGER)
    assert bans.fresh == {}


def test_wrong_passwords_at_the_api_ban(ann):
    settings(ban_after=3)
    body = {"username": "ann", "password": "wrong"}
    for _ in range(3):
        answer = Client().post("/api/v1/auth/token", body, content_type="application/json", REMOTE_ADDR=STRANGER)
        assert answer.status_code == 401
    write()
    body["password"] = PASSWORD
    answer = Client().post("/api/v1/auth/token", body, content_type="application/json", REMOTE_ADDR=STRANGER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "banned")
    assert int(answer["Retry-After"]) > 3500
