"""The environment, read in one place and validated with messages that name the variable (R5).

`embedded` (default) is one machine on loopback: its secrets are generated once into `<data dir>/secrets.env`.
`production` generates nothing and refuses what would be unsafe.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ

from . import cloudflare, crypto, envfile
from .errors import ConfigurationError

ROOT: Path = Path(__file__).resolve().parent.parent.parent
PLACEHOLDER = re.compile(r"change[-_ ]?me|placeholder|insecure|example|your[-_ ]|^(secret|password|test|x+)$", re.I)


@dataclass(frozen=True)
class Environment:
    kind: str  # embedded | production
    trading: str  # paper | live
    role: str  # web | worker: which time-outs the database connection gets
    debug: bool
    demo: bool
    data_dir: Path
    host: str
    port: int
    secret_key: str
    encryption_keys: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    client_address_header: str
    cors_origins: tuple[str, ...]
    public_url: str
    database_url: str
    redis_url: str
    web_workers: int
    refused_kept_hours: int
    refused_known_kept_days: int
    telegram_bot_token: str
    telegram_api_url: str
    slack_webhook_url: str
    alert_email: str
    email_url: str
    alert_repeat_minutes: int
    alert_escalate_minutes: int
    deadman_url: str

    @property
    def base_url(self) -> str:
        """Where senders and people reach this portal: the public address, else the loopback one."""
        return self.public_url or f"http://{self.host}:{self.port}"


def read(variables: Mapping[str, str] | None = None) -> Environment:
    """The validated environment. Raises ConfigurationError naming the variable and what to do."""
    if variables is None:
        variables = dict(_dotenv(ROOT / ".env"), **os.environ)
    kind = _one_of(variables, "TRADEOPS_ENV", ("embedded", "production"))
    data_dir = Path(variables.get("TRADEOPS_DATA_DIR") or ROOT / "var").resolve()
    if kind == "embedded":
        variables = {**_generated_secrets(data_dir), **{k: v for k, v in variables.items() if v != ""}}
    result = Environment(
        kind=kind,
        trading=_one_of(variables, "TRADEOPS_TRADING", ("paper", "live")),
        role=_one_of(variables, "TRADEOPS_ROLE", ("worker", "web")),
        debug=_flag(variables, "DEBUG", default=False),
        demo=_flag(variables, "TRADEOPS_DEMO", default=kind == "embedded"),
        data_dir=data_dir,
        host=variables.get("HOST") or "127.0.0.1",
        port=_integer(variables, "PORT", default=8000, low=1, high=65535),
        secret_key=_secret(variables, "TRADEOPS_SECRET_KEY"),
        encryption_keys=tuple(_items(_secret(variables, "TRADEOPS_ENCRYPTION_KEYS"))),
        allowed_hosts=tuple(_items(variables.get("TRADEOPS_ALLOWED_HOSTS", ""))),
        trusted_proxies=_networks(variables, "TRADEOPS_TRUSTED_PROXIES"),
        client_address_header=_header_name(variables, "TRADEOPS_CLIENT_ADDRESS_HEADER", default="X-Forwarded-For"),
        cors_origins=tuple(_items(variables.get("TRADEOPS_CORS_ORIGINS", ""))),
        public_url=_url(variables, "TRADEOPS_PUBLIC_URL", schemes=("https",)),
        database_url=_url(variables, "DATABASE_URL", schemes=("postgres", "postgresql", "sqlite")),
        redis_url=_url(variables, "REDIS_URL", schemes=("redis", "rediss", "unix")),
        web_workers=_integer(variables, "TRADEOPS_WEB_WORKERS", default=0, low=0, high=64),
        refused_kept_hours=_integer(variables, "TRADEOPS_REFUSED_KEPT_HOURS", default=24, low=1, high=8760),
        refused_known_kept_days=_integer(variables, "TRADEOPS_REFUSED_KNOWN_KEPT_DAYS", default=90, low=1, high=3650),
        telegram_bot_token=variables.get("TELEGRAM_BOT_TOKEN", ""),
        telegram_api_url=_url(variables, "TELEGRAM_API_URL", schemes=("https", "http")),
        slack_webhook_url=_url(variables, "SLACK_WEBHOOK_URL", schemes=("https", "http")),
        alert_email=_mail_address(variables, "ALERT_EMAIL"),
        email_url=_url(variables, "EMAIL_URL", schemes=("smtp", "smtps", "smtp+tls", "smtp+ssl")),
        alert_repeat_minutes=_integer(variables, "TRADEOPS_ALERT_REPEAT_MINUTES", default=10, low=1, high=1440),
        alert_escalate_minutes=_integer(variables, "TRADEOPS_ALERT_ESCALATE_MINUTES", default=10, low=1, high=1440),
        deadman_url=_url(variables, "TRADEOPS_DEADMAN_URL", schemes=("https", "http")),
    )
    for key in result.encryption_keys:
        crypto.parse_key(key)
    if kind == "production":
        _refuse_unsafe(result)
    return result


def _refuse_unsafe(env: Environment) -> None:
    if env.debug:
        raise ConfigurationError("DEBUG is on: error pages would show secrets; unset it in production")
    if not env.allowed_hosts or "*" in env.allowed_hosts:
        raise ConfigurationError(
            "TRADEOPS_ALLOWED_HOSTS: name the host names you serve, separated by commas; '*' is refused in production"
        )
    if env.demo:
        raise ConfigurationError("TRADEOPS_DEMO is on: the demo's accounts and receivers are for the embedded mode")


def _dotenv(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    before = set(os.environ)
    environ.Env.read_env(str(path))  # sets os.environ for names that are not set
    for name in set(os.environ) - before:
        found[name] = os.environ[name]
    return found


def _generated_secrets(data_dir: Path) -> dict[str, str]:
    """What `<data dir>/secrets.env` holds; made on the first call."""
    return envfile.keep(
        data_dir / "secrets.env",
        make={
            "TRADEOPS_SECRET_KEY": lambda: secrets.token_urlsafe(48),
            "TRADEOPS_ENCRYPTION_KEYS": crypto.new_key,
        },
        comment="Generated for this data directory. Keep it with your backups' keys, not with the backups:\n"
        "without TRADEOPS_ENCRYPTION_KEYS the stored secrets cannot be read again.",
    )


def _secret(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set: it has no default; generate one and keep it safe")
    if PLACEHOLDER.search(value) or len(value) < 32:
        raise ConfigurationError(
            f"{name} looks like a placeholder or is shorter than 32 characters; generate a real one"
        )
    return value


def _one_of(variables: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = (variables.get(name) or allowed[0]).strip().lower()
    if value not in allowed:
        raise ConfigurationError(f"{name}={value!r}: use one of {', '.join(allowed)}")
    return value


def _flag(variables: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = (variables.get(name) or "").strip().lower()
    if not value:
        return default
    if value not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise ConfigurationError(f"{name}={value!r}: use 1 or 0")
    return value in {"1", "true", "yes", "on"}


def _integer(variables: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    value = (variables.get(name) or str(default)).strip()
    if not value.isdecimal() or not low <= int(value) <= high:
        raise ConfigurationError(f"{name}={value!r}: use a whole number from {low} to {high}")
    return int(value)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _networks(variables: Mapping[str, str], name: str) -> tuple[str, ...]:
    """CIDRs; the word `cloudflare` stands for those of Cloudflare's edge."""
    found: list[str] = []
    for item in _items(variables.get(name, "")):
        if item.lower() == "cloudflare":
            found += cloudflare.CIDRS
            continue
        try:
            found.append(str(ipaddress.ip_network(item)))
        except ValueError:
            raise ConfigurationError(
                f"{name}: {item!r} is not a network such as 10.0.0.0/8, nor the word cloudflare"
            ) from None
    return tuple(found)


def _header_name(variables: Mapping[str, str], name: str, *, default: str) -> str:
    """In the spelling of the ones we know, whatever the case it was given in."""
    value = (variables.get(name) or default).strip()
    if not re.fullmatch(r"[A-Za-z0-9-]{1,60}", value):
        raise ConfigurationError(f"{name}={value!r}: use a header's name, such as X-Forwarded-For")
    known = {one.lower(): one for one in ("X-Forwarded-For", "CF-Connecting-IP")}
    return known.get(value.lower(), value)


def _mail_address(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if value and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", value):
        raise ConfigurationError(f"{name}={value!r}: use one address, such as ops@example.com")
    return value


def _url(variables: Mapping[str, str], name: str, *, schemes: tuple[str, ...]) -> str:
    value = variables.get(name, "").strip().rstrip("/")
    if value and urlsplit(value).scheme not in schemes:
        raise ConfigurationError(f"{name} must start with {' or '.join(scheme + '://' for scheme in schemes)}")
    return value
