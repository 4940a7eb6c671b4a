"""Rules of the house that no linter knows."""

import ast
import configparser
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tradeops", "accounts", "relay", "signals")
MODULES = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in path.parts and "static" not in path.parts
]
MOST_LINES = 400
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def name(path):
    return str(path.relative_to(ROOT))


def imported(path):
    """The dotted names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 100


def test_no_module_is_longer_than_400_lines():
    long = {name(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > MOST_LINES}
    assert long == {}


def test_no_module_is_a_drawer_for_everything():
    assert [name(path) for path in MODULES if NO_NAMES & {path.stem, path.parent.name}] == []


def test_effects_go_through_events_and_not_through_django_signals():
    senders = ("django.dispatch", "django.db.models.signals", "django.core.signals")
    assert [name(path) for path in MODULES if any(module.startswith(senders) for module in imported(path))] == []


def test_only_settings_wsgi_and_process_starters_read_the_environment():
    """Settings come from the environment in one place (R5); what starts a process also hands it one."""
    allowed = {
        "tradeops/core/env.py",
        "tradeops/core/envfile.py",
        "tradeops/core/failpoints.py",  # what a test asks for, before there are settings
        "tradeops/wsgi.py",
        "tradeops/demo.py",
        "tradeops/config/secret.py",
        "tradeops/supervisor/child.py",
        "tradeops/management/commands/cluster.py",
        "relay/management/commands/demo_vps.py",
        "signals/forecast/networks.py",  # puts back the seed that its library leaves there
        "relay/notify/telegram.py",  # sets a switch of its library
        "relay/management/commands/relay_sender.py",  # sets a size of its event loop
        "signals/management/commands/send_alert.py",
    }
    readers = {name(path) for path in MODULES if "os.environ" in path.read_text() or "getenv(" in path.read_text()}
    assert readers - allowed == set()


def test_every_module_of_the_composition_root_stands_in_the_import_contract():
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter")
    top, *_, bottom = contract["importlinter:contract:apps"]["layers"].strip().splitlines()
    listed = {item.strip() for item in top.split(":")} | {bottom}
    there = {
        f"tradeops.{path.stem}"
        for path in (ROOT / "tradeops").iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert listed == there


@pytest.mark.django_db
def test_the_migrations_are_complete():
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO(), stderr=StringIO())
