"""The process of a replay has nothing of this installation, reaches nobody, and ends with who started it."""

from __future__ import annotations

import subprocess
import sys

from signals.replay import child
from tradeops.core import env


def test_its_environment_holds_no_secret_and_no_address(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://user:secret@db/live")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:secret")
    monkeypatch.setenv("TRADEOPS_TRADING", "live")
    monkeypatch.setenv("SOMETHING_NEW", "secret")
    found = env.apart(tmp_path)
    assert (found["DATABASE_URL"], found["TELEGRAM_BOT_TOKEN"], found["SOMETHING_NEW"]) == ("", "", "")
    assert (found["TRADEOPS_TRADING"], found["TRADEOPS_ENV"]) == ("paper", "embedded")
    assert found["TRADEOPS_DATA_DIR"] == str(tmp_path)
    assert not [name for name, value in found.items() if "secret" in value]


def test_it_has_no_broker_but_paper_and_opens_no_connection(tmp_path):
    code = """
import socket
from pathlib import Path
import django
django.setup()
from django.conf import settings
from signals.replay import scratch
here = socket.socket()
here.bind(("127.0.0.1", 0))
here.listen()
scratch.prepare(Path(settings.ENV.data_dir))
print(sorted(settings.BROKERS), settings.DATABASES["default"]["NAME"])
for name, attempt in (
    ("connect", lambda: socket.create_connection(here.getsockname(), timeout=5)),
    ("resolve", lambda: socket.getaddrinfo("localhost", 80)),
):
    try:
        attempt()
    except PermissionError as error:
        print(name, error)
here.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=env.ROOT, env=env.apart(tmp_path), capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == [
        f"['paper'] {tmp_path / 'tradeops.sqlite3'}",
        "connect a replay opens no connection to anybody",
        "resolve a replay opens no connection to anybody",
    ], done.stderr


def test_it_ends_with_its_parent_and_takes_the_directory_away(tmp_path):
    directory = tmp_path / "replay"
    directory.mkdir()
    (directory / child.MATERIAL).write_text("{}")
    done = subprocess.run(
        [sys.executable, "manage.py", "replay", "--in", str(directory)],
        cwd=env.ROOT, env=env.apart(directory), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 75, done.stderr
    assert not directory.exists()
