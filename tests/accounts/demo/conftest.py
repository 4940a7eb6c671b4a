import pytest

from tests.fakes.venue import running_venue

from .asking import Asking


@pytest.fixture
def venue():
    with running_venue(accounts=2) as running:
        yield running


@pytest.fixture
def ask(venue):
    return Asking(venue)


@pytest.fixture
def hedged():
    with running_venue(position_mode="long_short_mode") as running:
        yield Asking(running)
