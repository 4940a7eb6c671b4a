"""Secrets in a configuration file: by preference named, `{env: NAME}` or `{file: PATH}`, and never shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from tradeops.core import signing
from tradeops.core.errors import ConfigurationError

from .reader import Mapping, Node
from .schema import At, Record, Text, scalar


@dataclass(frozen=True)
class SecretValue:
    text: str = field(repr=False)


@dataclass(frozen=True)
class Secret:
    """Relative `file` paths are seen from `folder`, the configuration file's own. A final line break is dropped."""

    folder: Path

    def read(self, node: Node, at: At) -> SecretValue:
        if isinstance(node, Mapping):
            text = self._named(node, at)
        else:
            text = scalar(node, at, wanted="a secret: {env: NAME} or {file: PATH}").text
            if settings.PRODUCTION:
                at.fail(node, "a secret written out is refused in production; use {env: NAME} or {file: PATH}")
        try:
            signing.check_strength(text)
        except ConfigurationError as error:
            at.fail(node, str(error))
        return SecretValue(text)

    def _named(self, node: Mapping, at: At) -> str:
        places = Record({"env": Text(wanted="a variable's name"), "file": Text(4096, wanted="a path")}).read(node, at)
        if len(places) != 1:
            at.fail(node, "give either {env: NAME} or {file: PATH}")
        if "env" in places:
            text = os.environ.get(places["env"], "")
            if not text:
                at.fail(node, f"the environment variable {places['env']} is not set")
            return text
        path = self.folder / places["file"]
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            at.fail(node, f"cannot read the secret's file {path}: {reason}")
