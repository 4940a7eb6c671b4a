"""A worker is killed at each named place of an exit; whoever comes next closes the position once, and no more."""

import os
import shutil
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test import TestCase

from tests.exits.conftest import Told

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="each process needs a copy of one prepared database"),
]
# A second of a monitor's and a worker's life; the clock is the monitor's, given as seconds from now.
WORKER = """
import os, sys
from datetime import timedelta
import django
django.setup()
from signals.execution import runner as execution
from signals.exits import runner
from signals.models import Order
from tradeops.core import clock, failpoints
failpoints.arm(os.environ)
ahead = timedelta(seconds=int(sys.argv[1]))
runner.run([int(sys.argv[2])], now=clock.now() + ahead)
Order.objects.filter(status="PENDING").update(due_at=clock.now())
execution.run(now=clock.now() + ahead)
"""
PLACES = ["exits.taken", "exits.stored", "exits.committed", "apply.before_commit"]


@pytest.fixture
def prepared(transactional_db, tmp_path):
    """A database file with a position whose stop has been passed, and the account's key."""
    here = Told(TestCase.captureOnCommitCallbacks, {"stop_loss": "2%"})
    here.enter()
    here.say("97", "97")
    path = tmp_path / "prepared.sqlite3"
    with sqlite3.connect(path) as target:
        connection.connection.backup(target)
    target.close()
    return path, here.account.pk


def work(path: Path, account: int, *, ahead: int, failpoint: str = "") -> int:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TRADEOPS_FAILPOINTS")}
    variables |= {
        "DJANGO_SETTINGS_MODULE": "tradeops.settings",
        "DATABASE_URL": f"sqlite:///{path}",
        "TRADEOPS_DATA_DIR": str(path.parent / "data"),
        "TRADEOPS_FAILPOINTS": failpoint,
    }
    command = [sys.executable, "-c", WORKER, str(ahead), str(account)]
    return subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, timeout=200, check=False).returncode


def rows(path: Path, query: str) -> list[tuple]:
    database = sqlite3.connect(path)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def test_a_kill_at_any_named_place_closes_it_once(prepared):
    source, account = prepared
    for place in PLACES:
        path = source.with_name(f"{place}.sqlite3")
        shutil.copy(source, path)
        assert work(path, account, ahead=2, failpoint=f"{place}=kill") == -9, f"{place} was not reached"
        for ahead in (20, 40):
            assert work(path, account, ahead=ahead) == 0
        sold = rows(path, "SELECT quantity, price FROM signals_fill WHERE side = 'sell'")
        assert [(Decimal(quantity), Decimal(price)) for quantity, price in sold] == [(1, 97)], place
        assert rows(path, "SELECT count(*) FROM signals_order WHERE origin = 'exit'") == [(1,)], place
        assert rows(path, "SELECT state, reason FROM signals_exitplan") == [("CLOSED", "stop_loss")], place
        assert rows(path, "SELECT count(*) FROM signals_roundtrip WHERE closed_at IS NOT NULL") == [(1,)], place
