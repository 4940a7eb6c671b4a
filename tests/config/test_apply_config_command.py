"""The command: exit codes, what goes where, and other processes learning of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from signals.models import Source
from tests.config.portal import FULL, SIGNING, TOKEN
from tradeops.core import configuration
from tradeops.core.models import ConfigurationVersion

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def portal(tmp_path):
    def write(text: str) -> str:
        path = tmp_path / "portal.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.django_db
def test_it_applies_and_prints_the_difference(portal, capsys):
    path = portal(FULL)
    call_command("apply_config", path, "--dry-run")
    promised = capsys.readouterr().out.splitlines()
    assert promised[0] == "+ private network 127.0.0.0/8"
    assert promised[-1] == "dry run: nothing was changed"
    assert Source.objects.count() == 0
    call_command("apply_config", path)
    assert capsys.readouterr().out.splitlines() == promised[:-1]
    call_command("apply_config", path)
    assert capsys.readouterr().out == "= nothing to do\n"


@pytest.mark.django_db
def test_it_answers_programs_in_json(portal, capsys):
    path = portal(f"sources: [{{slug: tv, auth: token, secret: {TOKEN}}}]")
    call_command("apply_config", path, "--json")
    assert json.loads(capsys.readouterr().out) == {
        "file": path,
        "dry_run": False,
        "changes": [{"action": "create", "kind": "source", "slug": "tv", "field": "", "before": None, "after": None}],
    }
    path = portal(f"sources:\n  - {{slug: tv, secrt: {SIGNING}}}")
    with pytest.raises(CommandError):
        call_command("apply_config", path, "--json")
    printed = capsys.readouterr().out
    assert SIGNING not in printed
    (fault,) = json.loads(printed)["errors"]
    assert (fault["file"], fault["line"], fault["path"]) == (path, 2, "sources[tv].secrt")
    assert fault["message"].startswith("there is no field 'secrt'; did you mean 'secret'?")


@pytest.mark.django_db
def test_a_running_process_sees_the_change_at_once(portal, capsys):
    seen = configuration.Cached(lambda: sorted(Source.objects.values_list("slug", flat=True)))
    assert seen() == []
    call_command("apply_config", portal(f"sources: [{{slug: tv, auth: token, secret: {TOKEN}}}]"))
    assert seen() == ["tv"]
    with pytest.raises(CommandError):
        call_command("apply_config", portal("sources: [{slug: other}]"))
    assert ConfigurationVersion.objects.get().version == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "reason"), [("none.yaml", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_another_failure(tmp_path, name, reason):
    with pytest.raises(CommandError) as caught:
        call_command("apply_config", str(tmp_path / name))
    assert caught.value.returncode == 1
    assert str(caught.value) == f"cannot read {tmp_path / name}: {reason}"


@pytest.mark.django_db
def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"sources: []  # \xe9t\xe9\n")
    with pytest.raises(CommandError) as caught:
        call_command("apply_config", str(path))
    assert caught.value.returncode == 2
    assert str(caught.value).endswith(f"{path}:1: not UTF-8 text: invalid continuation byte")


@pytest.mark.processes
def test_as_a_process_it_exits_with_2_and_names_every_line(tmp_path):
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    env["TRADEOPS_DATA_DIR"] = str(tmp_path / "data")

    def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert manage("migrate", "-v0").returncode == 0
    (tmp_path / "good.yaml").write_text(FULL)
    (tmp_path / "bad.yaml").write_text(
        f"sources:\n  - {{slug: tv, auth: token, secret: {TOKEN}, rate_limit: fast}}\n  - {{slug: tv2, auth: hmac}}\n"
    )
    bad = manage("apply_config", "bad.yaml")
    assert bad.returncode == 2
    assert bad.stderr.splitlines()[-3:] == [
        "CommandError: 2 errors in bad.yaml; nothing was changed",
        "bad.yaml:2: sources[tv].rate_limit: must be a whole number from 0 to 1000000, not 'fast'",
        "bad.yaml:3: sources[tv2].secret: is required for a new source",
    ]
    good = manage("apply_config", "good.yaml", "--dry-run")
    assert good.returncode == 0
    assert "+ source tv\n" in good.stdout  # so the bad file had stored nothing
    assert TOKEN not in bad.stdout + bad.stderr + good.stdout + good.stderr
