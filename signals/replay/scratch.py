"""The database that a replay happens in: empty, in a directory of its own, thrown away afterwards.

Only a process that was started for it may do this: `check` refuses any other, before the first write. There is no other
broker than paper, whatever a row says, and no connection leaves the process.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import serializers
from django.db import connection

from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError
from tradeops.core.sqlite import statistics

_HERE = "signals.replay.tape"
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")


def prepare(directory: Path) -> None:
    """Tables as the models say, for this process alone. Raises ConfigurationError anywhere else than in `directory`."""
    check(directory)
    sys.addaudithook(_no_network)
    random.seed(0)  # pauses before an order is tried again have a random part
    settings.BROKERS = {"paper": settings.BROKERS["paper"]}
    settings.PRICE_SOURCES = {
        "message": settings.PRICE_SOURCES["message"], "simulated": f"{_HERE}.KnownSimulated",
        "venue": f"{_HERE}.KnownVenue", "yahoo": f"{_HERE}.KnownYahoo",
    }  # fmt: skip
    settings.BAR_SOURCES = {
        "simulated": settings.BAR_SOURCES["simulated"], "stored": f"{_HERE}.BarsOfThen",
        "venue": f"{_HERE}.NoBarsOfThen", "yahoo": f"{_HERE}.NoBarsOfThen",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")  # nothing here outlives the process
    with connection.schema_editor() as editor:
        for model in apps.get_models():
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)
    statistics.write(using=connection.alias)


def check(directory: Path) -> None:
    name = Path(str(connection.settings_dict["NAME"]))
    if connection.vendor != "sqlite" or name.parent != directory or settings.ENV.data_dir != directory:
        raise ConfigurationError("a replay writes to a database of its own only, and this process has another one")
    if name.exists() and name.stat().st_size:
        raise ConfigurationError(f"{name} is there already: a replay begins with an empty database")


def _no_network(event: str, _: tuple[Any, ...]) -> None:
    if event in _NETWORK:
        raise PermissionError("a replay opens no connection to anybody")


def load(rows: list[Mapping[str, Any]]) -> None:
    for found in serializers.deserialize("python", rows):
        found.save()
    configuration.changed()
