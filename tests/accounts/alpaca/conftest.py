from collections.abc import Iterator

import pytest

from accounts.brokers.alpaca import AlpacaBroker
from tests.fakes.alpaca import Venue, running_alpaca


@pytest.fixture
def venue() -> Iterator[Venue]:
    with running_alpaca() as running:
        yield running


@pytest.fixture
def broker(venue: Venue) -> AlpacaBroker:
    return AlpacaBroker(venue.access())
