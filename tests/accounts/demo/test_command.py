"""`manage.py demo_venue`: an exchange to try the portal on, without an exchange."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.fakes.venue import RunningVenue
from tests.processes import wait_until

from .asking import SPOT, SWAP, Asking

ROOT = Path(__file__).resolve().parents[3]
KEYS = [{name: secrets.token_hex(8) for name in ("api_key", "secret", "passphrase")} for _ in range(2)]
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venue")
    (folder / "keys.json").write_text(json.dumps(KEYS))
    command = [sys.executable, str(ROOT / "manage.py"), "demo_venue", "--port", "0", "--hedge", "--binance",
               "--credentials", str(folder / "keys.json"), "--balance", "USDT=5000", "--instruments", "2",
               "--ledger", str(folder / "ledger.jsonl"), "--error-after-accept", "1"]  # fmt: skip
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=log, stderr=subprocess.STDOUT)

        def text():
            log.seek(0)
            return log.read()

        wait_until(lambda: "okx-demo-2" in text() and text().endswith("}\n"), seconds=30, what="the venue")
        yield {"text": text, "ledger": folder / "ledger.jsonl"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.fixture
def running(started):
    return RunningVenue(started["text"]().splitlines()[0].removeprefix("URL "), KEYS)


def test_it_prints_what_to_put_into_the_configuration_file(started, running):
    printed = yaml.safe_load(started["text"]().partition("\n")[2].partition("\naccount-")[0])
    assert [account["slug"] for account in printed["accounts"]] == ["okx-demo-1", "okx-demo-2"]
    first = printed["accounts"][0]
    assert (first["broker"], first["sandbox"], first["base_url"]) == ("okx", True, running.url)
    assert first["credentials"] == KEYS[0]


def test_it_does_as_its_options_say(started, running):
    ask = Asking(running)
    assert ask.get("account/config")[0]["posMode"] == "long_short_mode"
    assert running.ledger.balances["account-1"] == {"USDT": "5000"}
    assert "F02-USDT-SWAP" in {row["instId"] for row in ask.get("public/instruments", instType="SWAP")}
    body = json.dumps({**SPOT, "clOrdId": "lost"})
    assert ask.send("POST", "/api/v5/trade/order", body, expTime="1597026383085")[0] == 502
    assert len(running.ledger.placed("lost")) == 1
    running.faults.set(error_after_accept=0)
    assert ask.order({**SWAP, "posSide": "long", "sz": "0.1"})[1] == "0"
    assert started["ledger"].read_text().count("\n") == len(running.ledger.entries)
    wait_until(lambda: "account-1: POST /api/v5/trade/order" in started["text"](), what="a line for each order")
    assert KEYS[0]["secret"] not in started["text"]().partition("\naccount-1")[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--accept-then-timeout", "2"], "a probability between 0 and 1"),
        (["--balance", "USDT"], "USDT=1000000"),
        (["--credentials", "/nowhere.json"], "No such file"),
    ],
)
def test_wrong_options_are_said(options, said):
    command = [sys.executable, str(ROOT / "manage.py"), "demo_venue", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
