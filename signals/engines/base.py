"""What an engine is: it turns an alert into an instruction, or says why not (S4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from signals.receive import Alert
from signals.strategies.actions import Instruction
from tradeops.core.errors import ConfigurationError


@dataclass(frozen=True)
class Opinion:
    """`instruction` is None when the engine would not act; `reason` is one sentence either way."""

    instruction: Instruction | None
    reason: str = ""

    @property
    def sells(self) -> bool:
        """Whether it may sell what the strategy does not hold: then the account's free balance matters."""
        return self.instruction is not None and self.instruction.sells


class Engine(Protocol):
    name: str

    def read(self, alert: Alert) -> Opinion: ...


def kinds() -> list[str]:
    return sorted(settings.ENGINES)


def engine(name: str) -> Engine:
    """Raises ConfigurationError for a name that this installation does not have."""
    try:
        found: Engine = import_string(settings.ENGINES[name])()
    except KeyError:
        raise ConfigurationError(f"there is no engine {name!r}; there are {', '.join(kinds())}") from None
    return found
