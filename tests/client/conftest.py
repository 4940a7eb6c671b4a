"""The client against the portal's own WSGI application on loopback, and against a server that follows a script."""

from __future__ import annotations

import pytest

from accounts.models import Operator
from tests import life
from tests.client import scripted
from tests.client.scripted import PASSWORD
from tests.factories import NOW
from tradeops.client import Client, Closed


class Turns:
    """A client's pauses: what is waited is noted, and something happens meanwhile; the last ends the client."""

    def __init__(self, *happenings) -> None:
        self.waited: list[float] = []
        self._happenings = list(happenings)

    def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        if not self._happenings:
            raise Closed("the test has seen enough")
        self._happenings.pop(0)()


def nothing() -> None:
    """Happens."""


@pytest.fixture
def script():
    with scripted.serving() as server:
        yield server


@pytest.fixture
def scripted_client(script):
    """Makes a client of the scripted server; pauses are `turns`."""
    made = []

    def make(turns=None, **options):
        given = {"username": "ann", "password": PASSWORD, "timeout": 5.0, **options}
        made.append(Client(script.url, pause=turns or Turns(), **given))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def home(transactional_db):
    """Two accounts of two clients, one signal that traded on both and one that was rejected."""
    home = life.house()
    home.traded = life.traded(home, at=NOW)
    home.rejected = life.rejected(home, at=NOW.replace(minute=31))
    Operator.objects.create_superuser("boss", password=PASSWORD)
    of_house = Operator.objects.create_user("house", password=PASSWORD)
    of_house.clients.add(home.accounts[0].client)
    return home


@pytest.fixture
def portal(home, live_server):
    """Makes a client of a real portal, which has `home` in it."""
    made = []

    def make(turns=None, username="boss", **options):
        given = {"username": username, "password": PASSWORD, **options}
        made.append(Client(live_server.url, pause=turns or Turns(), **given))
        return made[-1]

    yield make
    for client in made:
        client.close()
