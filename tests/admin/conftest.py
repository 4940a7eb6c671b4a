from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Operator
from tests import life
from tests.factories import NOW

PASSWORD = "the-password-of-this-test"


@pytest.fixture
def home(db):
    home = life.house()
    home.traded = life.traded(home, at=NOW)
    home.rejected = life.rejected(home, at=NOW.replace(minute=31), raw={"note": "<img src=x onerror=alert(1)>"})
    return home


@pytest.fixture
def boss(db):
    client = Client()
    client.force_login(Operator.objects.create_superuser("boss", password=PASSWORD))
    return client


@pytest.fixture
def staff(home):
    """Somebody of the client `house` with every permission, but no superuser."""
    from django.contrib.auth.models import Permission

    operator = Operator.objects.create_user("staff", password=PASSWORD, is_staff=True)
    operator.user_permissions.set(Permission.objects.all())
    operator.clients.add(home.accounts[0].client)
    client = Client()
    client.force_login(operator)
    return client
