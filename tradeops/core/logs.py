"""Logs: one line an event, `key=value`, on standard error; what looks like a secret is masked before it is written."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_NAMES = re.compile(r"token|secret|password|passphrase|api_?key|authorization|signature|credential", re.I)
_SECRET_IN_TEXT = re.compile(
    r"(?P<name>(?:token|secret|password|passphrase|api_?key)[\"']?\s*[:=]\s*[\"']?)(?P<value>[^\s\"',&}]+)"
    r"|(?P<path>/webhook/[a-z0-9-]+/)(?P<pathvalue>[^\s/?\"']+)"
    r"|(?P<bot>/bot)(?P<botvalue>\d+:[\w-]+)",
    re.I,
)
MASK = "********"


def mask(text: str) -> str:
    """`text` with the values after secret-looking names, webhook URL tokens and bot tokens replaced."""
    return _SECRET_IN_TEXT.sub(lambda m: (m["name"] or m["path"] or m["bot"] or "") + MASK, text)


def _masked(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if SECRET_NAMES.search(name) and value:
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = mask(value)
    return event


def configure() -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _masked,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.KeyValueRenderer(
                            key_order=["timestamp", "level", "logger", "event"], drop_missing=True
                        )
                        if not sys.stderr.isatty()
                        else structlog.dev.ConsoleRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                "django.server": {"handlers": [], "propagate": False},
                "django.request": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},  # logs request URLs, which bear the bot token
                "django-q": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            },
        }
    )


def get(name: str) -> Any:
    return structlog.get_logger(name)
