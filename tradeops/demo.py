"""The demo of `make run`: paper accounts, a strategy, a source, two receivers and a Telegram stand-in (R1).

Its secrets are generated once into `<data dir>/demo.env`; the portal hands them to its processes as environment.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import datetime
from pathlib import Path
from string import Template

from signals.models import Source
from tradeops.config import apply
from tradeops.core import envfile
from tradeops.core.env import Environment
from tradeops.core.errors import ConfigurationError

SOURCE = "tv"
DEFAULT_PORTS = "9101,9102"
_TEMPLATE = Path(__file__).with_name("demo.yaml")


def ports() -> tuple[int, int]:
    """Where the two receivers listen, from TRADEOPS_DEMO_PORTS. Raises ConfigurationError."""
    text = os.environ.get("TRADEOPS_DEMO_PORTS") or DEFAULT_PORTS
    numbers = [int(item) for item in text.split(",") if item.strip().isdecimal()]
    if len(numbers) != 2 or len(set(numbers)) != 2 or not all(0 < number < 65535 for number in numbers):
        raise ConfigurationError(f"TRADEOPS_DEMO_PORTS={text!r}: give two different ports, such as {DEFAULT_PORTS}")
    return numbers[0], numbers[1]


def telegram_port() -> int:
    """The Telegram stand-in listens on the port after the receivers'."""
    return max(ports()) + 1


def variables(env: Environment) -> dict[str, str]:
    """The environment of the demo's processes: its secrets, and where Telegram is, unless that is set."""
    made = envfile.keep(
        env.data_dir / "demo.env",
        make={
            "DEMO_SOURCE_TOKEN": lambda: secrets.token_urlsafe(24),
            "DEMO_VPS_1_SECRET": lambda: secrets.token_urlsafe(24),
            "DEMO_VPS_2_SECRET": lambda: secrets.token_urlsafe(24),
            "TELEGRAM_BOT_TOKEN": lambda: f"1:{secrets.token_hex(20)}",
        },
        comment="Generated for the demo of this data directory.",
    )
    given = {
        "TELEGRAM_BOT_TOKEN": env.telegram_bot_token,
        "TELEGRAM_API_URL": env.telegram_api_url,
    }
    found = {**made, **{name: value for name, value in given.items() if value}}
    if not env.telegram_bot_token:  # a bot of one's own is at Telegram
        found.setdefault("TELEGRAM_API_URL", f"http://127.0.0.1:{telegram_port()}")
        found["TELEGRAM_COMMANDS"] = "off"  # the stand-in only listens
    return {**found, "TRADEOPS_DEMO_PORTS": ",".join(map(str, ports()))}


def seed(env: Environment, *, now: datetime) -> bool:
    """Applies the demo's configuration. Does nothing, and returns False, when this very one was applied before:
    what the operator has changed since stays."""
    first, second = ports()
    text = Template(_TEMPLATE.read_text()).substitute(port_1=first, port_2=second)
    copy = env.data_dir / "demo.yaml"
    had_secrets = (env.data_dir / "demo.env").exists()
    os.environ.update(variables(env))
    unchanged = copy.exists() and copy.read_text() == text
    if unchanged and had_secrets and Source.objects.filter(slug=SOURCE).exists():
        return False
    copy.write_text(text)
    apply.apply_file(copy, dry_run=False, now=now)
    return True


def sample_command(env: Environment) -> str:
    """One line for a shell that sends an alert; each second's is another alert."""
    body = json.dumps(
        {
            "token": variables(env)["DEMO_SOURCE_TOKEN"],
            "symbol": "BTCUSDT",
            "action": "buy",
            "price": "65000",
            "timestamp": "@",
        }
    ).replace("@", "'\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"'")
    url = f"{env.base_url}/webhook/tradingview"
    return f"curl -sS -X POST '{url}' -H 'Content-Type: application/json' -d '{body}'"
