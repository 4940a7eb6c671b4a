"""Tokens: signed in for, refreshed once, revoked (E2)."""

from __future__ import annotations

import pytest

from accounts.models import Operator

pytestmark = pytest.mark.django_db
PASSWORD = "the-password-of-this-test"


@pytest.fixture
def operator():
    return Operator.objects.create_user("ann", password=PASSWORD)


def post(client, path, **body):
    return client.post(f"/api/v1/auth/{path}", body, content_type="application/json")


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_password_gives_a_token_that_opens_the_api(client, operator, slash):
    pair = post(client, f"token{slash}", username="ann", password=PASSWORD)
    assert pair.status_code == 200
    assert set(pair.json()) == {"access", "refresh"}
    answer = client.get("/api/v1/signals", headers={"Authorization": f"Bearer {pair.json()['access']}"})
    assert answer.status_code == 200


def test_a_wrong_password_gives_nothing(client, operator):
    answer = post(client, "token", username="ann", password="wrong")
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "request_id"}
    assert answer.json()["error"]["code"] == "no_active_account"


def test_a_refresh_token_works_once(client, operator):
    first = post(client, "token", username="ann", password=PASSWORD).json()["refresh"]
    second = post(client, "refresh", refresh=first)
    assert second.status_code == 200
    assert second.json()["refresh"] != first
    assert post(client, "refresh", refresh=first).status_code == 401
    assert post(client, "refresh/", refresh=second.json()["refresh"]).status_code == 200


def test_a_revoked_token_does_not_refresh(client, operator):
    refresh = post(client, "token", username="ann", password=PASSWORD).json()["refresh"]
    assert post(client, "revoke", refresh=refresh).status_code == 200
    answer = post(client, "refresh", refresh=refresh)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_not_valid"
    assert isinstance(answer.json()["error"]["message"], str)


def test_a_broken_token_is_a_401_in_our_shape(client, operator):
    answer = client.get("/api/v1/signals", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_not_valid"


def test_a_guesser_is_stopped_and_somebody_else_is_not(client, operator):
    for _ in range(10):
        assert post(client, "token", username="ann", password="guess").status_code == 401
    answer = post(client, "token", username="ann", password=PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    Operator.objects.create_user("bob", password=PASSWORD)
    assert post(client, "token", username="bob", password=PASSWORD).status_code == 200
