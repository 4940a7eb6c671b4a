from __future__ import annotations

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import Operator
from tests import life
from tests.factories import NOW


@pytest.fixture
def home(db):
    """Two accounts of two clients, one signal that traded on both and one that was rejected."""
    home = life.house()
    home.traded = life.traded(home, at=NOW)
    home.rejected = life.rejected(home, at=NOW.replace(minute=31))
    return home


def client_of(operator: Operator) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(operator)}")
    return client


@pytest.fixture
def boss(db):
    return client_of(Operator.objects.create_superuser("boss", password="pw"))


@pytest.fixture
def of_house(home):
    """Somebody who sees the client `house`, whose account is paper-1."""
    operator = Operator.objects.create_user("house", password="pw")
    operator.clients.add(home.accounts[0].client)
    return client_of(operator)


@pytest.fixture
def of_nobody(db):
    return client_of(Operator.objects.create_user("nobody", password="pw"))
