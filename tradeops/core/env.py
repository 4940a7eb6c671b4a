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

from . import cloudflare, crypto, envfile, failpoints, vault_key
from .errors import ConfigurationError

ROOT: Path = Path(__file__).resolve().parent.parent.parent
PLACEHOLDER = re.compile(r"change[-_ ]?me|placeholder|insecure|example|your[-_ ]|^(secret|password|test|x+)$", re.I)

# python-telegram-bot's opt-in to its coming major version: `retry_after` is a timedelta, without a warning at each use.
os.environ.setdefault("PTB_TIMEDELTA", "1")


# What a program needs to run at all.
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class Environment:
    kind: str  # embedded | production
    trading: str  # paper | live
    role: str  # web | keyless | worker: the time-outs of the database (web), and who may open the vault (workers)
    debug: bool
    demo: bool
    data_dir: Path
    host: str
    port: int
    secret_key: str
    encryption_keys: tuple[str, ...]
    vault_public_key: str
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
    telegram_commands: str  # polling | webhook | off: how what operators write to the bot gets here
    slack_webhook_url: str
    alert_email: str
    email_url: str
    alert_repeat_minutes: int
    alert_escalate_minutes: int
    deadman_url: str
    yahoo_url: str
    modelscope_url: str
    modelscope_token: str
    sentiment_url: str

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
        role=_one_of(variables, "TRADEOPS_ROLE", ("worker", "web", "keyless")),
        debug=_flag(variables, "DEBUG", default=False),
        demo=_flag(variables, "TRADEOPS_DEMO", default=kind == "embedded"),
        data_dir=data_dir,
        host=variables.get("HOST") or "127.0.0.1",
        port=_integer(variables, "PORT", default=8000, low=1, high=65535),
        secret_key=_secret(variables, "TRADEOPS_SECRET_KEY"),
        encryption_keys=tuple(_items(_secret(variables, "TRADEOPS_ENCRYPTION_KEYS"))),
        vault_public_key=variables.get(vault_key.PUBLIC, "").strip(),
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
        telegram_commands=_one_of(variables, "TELEGRAM_COMMANDS", ("polling", "webhook", "off")),
        slack_webhook_url=_url(variables, "SLACK_WEBHOOK_URL", schemes=("https", "http")),
        alert_email=_mail_address(variables, "ALERT_EMAIL"),
        email_url=_url(variables, "EMAIL_URL", schemes=("smtp", "smtps", "smtp+tls", "smtp+ssl")),
        alert_repeat_minutes=_integer(variables, "TRADEOPS_ALERT_REPEAT_MINUTES", default=10, low=1, high=1440),
        alert_escalate_minutes=_integer(variables, "TRADEOPS_ALERT_ESCALATE_MINUTES", default=10, low=1, high=1440),
        deadman_url=_url(variables, "TRADEOPS_DEADMAN_URL", schemes=("https", "http")),
        yahoo_url=_url(variables, "TRADEOPS_YAHOO_URL", schemes=("https", "http")),
        modelscope_url=_url(variables, "MODELSCOPE_API_URL", schemes=("https", "http")),
        modelscope_token=variables.get("MODELSCOPE_API_TOKEN", ""),
        sentiment_url=_url(variables, "TRADEOPS_SENTIMENT_URL", schemes=("https", "http")),
    )
    for key in result.encryption_keys:
        crypto.parse_key(key)
    if result.telegram_commands == "webhook" and not result.public_url:
        raise ConfigurationError(
            "TELEGRAM_COMMANDS=webhook: Telegram calls TRADEOPS_PUBLIC_URL, which is not set; set it, or use polling"
        )
    _check_vault(result, variables.get(vault_key.PRIVATE, ""))
    failpoints.parse(variables)
    if kind == "production":
        _refuse_unsafe(result)
    return result


def apart(data_dir: Path) -> dict[str, str]:
    """The environment of a process that has nothing of this installation: no secret, key, address or database.

    All that is set here is set and empty there, or `.env` would bring it back.
    """
    return {
        **dict.fromkeys(os.environ, ""),
        **{name: os.environ[name] for name in _NEEDED if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "tradeops.settings",
        "TRADEOPS_ENV": "embedded",
        "TRADEOPS_TRADING": "paper",
        "TRADEOPS_DEMO": "0",
        "TRADEOPS_DATA_DIR": str(data_dir),
    }


def vault_private_key(env: Environment) -> str:
    """`TRADEOPS_VAULT_KEY`, or what the data directory's own file holds; read when it is needed and kept nowhere.

    Empty in a process that may not open the vault. In the embedded mode the pair is made at its first use.
    """
    if env.role != "worker":
        return ""
    given = os.environ.get(vault_key.PRIVATE, "").strip()
    if given or env.kind == "production":
        return given
    vault_key.generate(env.data_dir)
    return envfile.read(vault_key.files(env.data_dir)[0]).get(vault_key.PRIVATE, "")


def make_vault(env: Environment) -> bool:
    """The embedded mode's key pair, where there is none yet; whether anything was written."""
    return vault_key.generate(env.data_dir, given=os.environ.get(vault_key.PRIVATE, "").strip())


def vault_public_key(env: Environment) -> str:
    """`TRADEOPS_VAULT_PUBLIC_KEY`, else the public half of what `vault_private_key` gives; empty = there is none."""
    if env.vault_public_key:
        return env.vault_public_key
    private = vault_key.parse(vault_private_key(env), name=vault_key.PRIVATE)
    if private:
        return vault_key.as_text(*(vault_key.public_of(key) for key in private))
    if env.kind == "production":
        return ""
    return envfile.read(vault_key.files(env.data_dir)[1]).get(vault_key.PUBLIC, "")


def _check_vault(env: Environment, private: str) -> None:
    """What starts a web process should not have given it the private half; it is put away before anything reads it."""
    if env.role != "worker":
        os.environ.pop(vault_key.PRIVATE, None)
        private = ""
    vault_key.check_pair(private=private, public=env.vault_public_key)


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
