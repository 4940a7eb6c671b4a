"""Secrets in a configuration file: by preference named, `{env: NAME}` or `{file: PATH}`, and never shown.

An export also has `{encrypted: …}`, which the same key ring opens, and `{stored: true}` for an optional secret that was
left out: it keeps what is stored and is refused where nothing is, so that no bridge loses its voice unnoticed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from tradeops.core import signing
from tradeops.core.errors import ConfigurationError

from . import encrypted
from .reader import Mapping, Node
from .schema import At, Flag, Record, Text, scalar


@dataclass(frozen=True)
class SecretValue:
    """`pepper` is set for a token that is known only by its digest under it: then `text` is that digest."""

    text: str = field(repr=False)
    pepper: str = field(default="", repr=False)

    def to_json(self) -> dict[str, str]:
        return {"digest": self.text, "pepper": self.pepper} if self.pepper else {"secret": self.text}

    @classmethod
    def from_json(cls, opened: dict[str, str]) -> SecretValue:
        return cls(opened["secret"]) if "secret" in opened else cls(opened["digest"], opened["pepper"])


class Stored:
    """`{stored: true}`: whatever the row has."""


STORED = Stored()


@dataclass(frozen=True)
class Secret:
    """Relative `file` paths are seen from `folder`, the configuration file's own. A final line break is dropped."""

    folder: Path

    def read(self, node: Node, at: At) -> SecretValue | Stored:
        if isinstance(node, Mapping):
            keys = {key.text for key, _ in node.entries}
            if keys & {"encrypted", "stored"}:
                return self._exported(node, at)
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

    def _exported(self, node: Mapping, at: At) -> SecretValue | Stored:
        given = Record({"encrypted": Text(8192, wanted="an encrypted value"), "stored": Flag()}).read(node, at)
        if len(given) != 1 or given.get("stored") is False:
            at.fail(node, "give one of {encrypted: …} and {stored: true}, as export_config writes them")
        if "stored" in given:
            return STORED
        try:
            return SecretValue.from_json(encrypted.open_(given["encrypted"], place=at.path))
        except ConfigurationError as error:
            at.fail(node, str(error))
        except KeyError:
            at.fail(node, "the encrypted value is of a newer version")

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
