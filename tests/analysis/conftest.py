"""A plan on data that a test controls."""

from datetime import UTC, datetime, time

import pytest

from signals.models import AnalysisPlan

SYMBOLS = ["AAPL", "TSLA", "MSFT", "GOOGL", "NVDA"]
NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)  # a Friday, half past six in New York


@pytest.fixture
def plan(db):
    return AnalysisPlan.objects.create(
        slug="premarket", symbols=list(SYMBOLS), data="simulated", first_at=time(6, 30), last_at=time(9, 0)
    )
