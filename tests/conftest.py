"""Every test: no network but loopback, no shared state between workers, secrets made for this run only."""

import os
import shutil
import time

import pytest


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["TRADEOPS_DATA_DIR"], ignore_errors=True)


def pytest_runtest_setup() -> None:
    from pytest_socket import socket_allow_hosts

    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _fresh_process_caches():
    """Caches that outlive a test's transaction in this process start empty."""
    from django.core.cache import caches

    from accounts.firewall import bans
    from tradeops.core import configuration

    configuration.forget()
    caches["limits"].clear()
    bans.fresh.clear()
    yield
    configuration.forget()


@pytest.fixture(autouse=True)
def _windows_begin_with_the_test(monkeypatch):
    """django-ratelimit's windows end by the wall clock, now and then in the middle of a test; here none does."""
    began = int(time.time())

    def window(_value, period):
        return began + period * (1 + (int(time.time()) - began) // period)

    monkeypatch.setattr("django_ratelimit.core._get_window", window)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """As pytest-django does it; before the end, the sessions of processes that tests have killed are ended.

    PostgreSQL notices a killed client only when it next writes to it, and refuses to drop a database in use.
    """
    yield
    from django.db import connection

    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            connection.close()
