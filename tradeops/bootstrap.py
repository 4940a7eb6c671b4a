"""Sets an installation up, or does nothing where that is done: tables, static files, the operator, the demo (R1)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import vault
from accounts.models import Operator
from signals.analysis import plans
from signals.tending import curves
from tradeops import demo, prune
from tradeops.core import clock, envfile, vault_key
from tradeops.core.env import Environment, make_vault

OPERATOR = "operator"
# Packages bring them along; no page of ours uses them.
UNSERVED = ["redoc", "rest_framework"]


def run(env: Environment, *, say: Callable[[str], None]) -> None:
    """Idempotent; tells `say` what it did, a line each."""
    if _migrate():
        say("database: tables are up to date now")
    if _collect_static():
        say("static files: collected")
    if prune.schedule():
        say("schedule: what has outlived its keeping is deleted each hour")
    if plans.schedule():
        say("schedule: analyses are begun at their times")
    if curves.schedule():
        say("schedule: the accounts' equity curves are drawn on each minute")
    vault.check_installation()
    if env.kind == "production":
        return  # people are made by `createsuperuser`, with a password that no file holds
    if make_vault(env):
        say(f"vault: key pair for accounts' credentials made, in {vault_key.files(env.data_dir)[0]} and beside it")
    if _create_operator(env):
        say(f"operator: created, password in {operator_file(env)}")
    if env.demo and demo.seed(env, now=clock.now()):
        say("demo: two paper accounts, a strategy, a source and two receivers are set up")


def _migrate() -> bool:
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def _collect_static() -> bool:
    """Compressing takes seconds, so it is done when a file's path, size or time has changed."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = Path(storage.path(path)).stat()
            digest.update(f"{storage.path(path)} {status.st_size} {status.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return False
    call_command("collectstatic", interactive=False, clear=True, verbosity=0, ignore_patterns=UNSERVED)
    stamp.write_text(digest.hexdigest())
    return True


def operator_file(env: Environment) -> Path:
    return env.data_dir / "operator.env"


def operator_password(env: Environment) -> str:
    """The generated password; made at the first call."""
    made = envfile.keep(
        operator_file(env),
        make={"OPERATOR_PASSWORD": lambda: secrets.token_urlsafe(15)},
        comment=f"The first password of {OPERATOR!r}, generated for this data directory.",
    )
    return made["OPERATOR_PASSWORD"]


def password_is_the_generated_one(env: Environment) -> bool:
    operator = Operator.objects.filter(username=OPERATOR, is_active=True).first()
    return operator is not None and operator.check_password(operator_password(env))


def _create_operator(env: Environment) -> bool:
    """Also when the file was lost: then nobody knows the old password, and the operator gets a new one."""
    known = operator_file(env).exists()
    operator = Operator.objects.filter(username=OPERATOR).first()
    if operator is not None and known:
        return False
    operator = operator or Operator(username=OPERATOR, is_staff=True, is_superuser=True)
    operator.set_password(operator_password(env))
    operator.save()
    return True
