"""What is wrong with a configuration file, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradeops.core.errors import ConfigurationError


@dataclass(frozen=True)
class Located:
    """One fault. `line` counts from 1; `path` is the field, such as `strategies[trend].sizing.mode`, or empty."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: " + (f"{self.path}: " if self.path else "") + self.message

    def to_json(self) -> dict[str, object]:
        return {"file": self.file, "line": self.line, "path": self.path, "message": self.message}


class ConfigurationFileError(ConfigurationError):
    """Every fault of one file, in the order of its lines. Nothing was changed."""

    code = "configuration_file"

    def __init__(self, errors: Sequence[Located]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.line))
        count = f"{len(self.errors)} errors" if len(self.errors) > 1 else "1 error"
        heading = f"{count} in {self.errors[0].file}; nothing was changed"
        super().__init__("\n".join([heading, *map(str, self.errors)]))
