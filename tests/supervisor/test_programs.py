"""What each program of the portal is given: the vault's private key goes to trade workers and nobody else (X9)."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from django.conf import settings

from tests.installation import ROOT
from tradeops.core import vault_key
from tradeops.supervisor.programs import programs

KEY = vault_key.new()
LOOKS = (
    "from django.conf import settings; import os; from tradeops.core import env;"
    "print(bool(env.vault_private_key(settings.ENV)), repr(os.environ.get('TRADEOPS_VAULT_KEY', '')))"
)


def environment_of(program, tmp_path):
    """As the supervisor starts it, with the private key in its own environment."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tradeops.settings",
        "TRADEOPS_DATA_DIR": str(tmp_path),
        "TRADEOPS_VAULT_KEY": KEY,
        **program.environment,
    }


@pytest.mark.parametrize("demo", [None, {"TRADEOPS_DEMO_PORTS": "9101,9102"}])
def test_only_trade_workers_are_handed_the_private_key(demo, tmp_path):
    found = programs(settings.ENV, demo=demo)
    given = {program.name: environment_of(program, tmp_path)["TRADEOPS_VAULT_KEY"] for program in found}
    assert {name for name, key in given.items() if key} == {"trade"}
    assert len(found) == (5 if demo is None else 6)


def test_the_bot_runs_only_where_it_is_configured_and_is_asked_for():
    def names(token, commands):
        env = replace(settings.ENV, telegram_bot_token=token, telegram_commands=commands)
        return {program.name for program in programs(env, demo=None)}

    assert "telegram" in names("1:x", "polling")
    assert names("1:x", "polling") - names("", "polling") == {"telegram"}
    assert names("", "polling") == names("1:x", "off") == names("", "webhook")


def test_answers_to_operators_have_a_cluster_of_their_own_where_telegram_calls():
    """On the cluster of notifications a question that is good for a minute would wait behind them."""
    env = replace(settings.ENV, telegram_bot_token="1:x", telegram_commands="webhook")
    found = {program.name: program for program in programs(env, demo=None)}
    without = {program.name for program in programs(replace(env, telegram_commands="off"), demo=None)}
    assert found.keys() - without == {"telegram"}
    assert found["telegram"].arguments[-3:] == ("cluster", "--queue", "telegram")
    assert found["telegram"].environment["TRADEOPS_ROLE"] == "keyless"


def test_a_web_process_that_was_given_the_private_key_puts_it_away(tmp_path):
    [web] = [program for program in programs(settings.ENV, demo=None) if program.name == "web"]
    careless = {**environment_of(web, tmp_path), "TRADEOPS_VAULT_KEY": KEY}
    done = subprocess.run([sys.executable, "-c", LOOKS], env=careless, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("False ''", "")
    assert not (tmp_path / "vault.key").exists()


def test_a_trade_worker_has_it(tmp_path):
    [trade] = [program for program in programs(settings.ENV, demo=None) if program.name == "trade"]
    done = subprocess.run(
        [sys.executable, "-c", LOOKS], env=environment_of(trade, tmp_path), cwd=ROOT, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == (f"True '{KEY}'", "")
