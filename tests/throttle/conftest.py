import secrets

import pytest
from django.core.cache import caches
from django.db import connection

from accounts.throttle.database import DatabaseStore
from accounts.throttle.file import FileStore
from accounts.throttle.redis import RedisStore
from tradeops.core.limits import RedisCounters


@pytest.fixture(params=["file", pytest.param("database", marks=pytest.mark.django_db(transaction=True)), "redis"])
def a_store(request, tmp_path):
    """Each store that this run has, and names that nobody else uses."""
    if request.param == "file":
        return FileStore(tmp_path / "throttle.sqlite3")
    if request.param == "database":
        if connection.vendor != "postgresql":
            pytest.skip("PostgreSQL only")
        return DatabaseStore()
    if not isinstance(caches["limits"], RedisCounters):
        pytest.skip("Redis only")
    return RedisStore(caches["limits"])


@pytest.fixture
def name():
    return f"venue|{secrets.token_hex(6)}"
