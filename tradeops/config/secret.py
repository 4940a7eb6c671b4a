"""Secrets in a configuration file: by preference named, `{env: NAME}` or `{file: PATH}`, and never shown.

An export also has `{encrypted: …}`, which the same key ring opens, and `{stored: true}` for an optional secret that was
left out: it keeps what is stored and is refused where nothing is, so that no bridge loses its voice unnoticed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from accounts import vault
from tradeops.core import signing
from tradeops.core.errors import ConfigurationError

from . import encrypted
from .reader import Mapping, Node
from .schema import At, Choice, Flag, ListOf, Record, Text, Type, Unreadable, entries, one_of, scalar


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
        if _keys(node) & {"encrypted", "stored"}:
            assert isinstance(node, Mapping)
            return self._exported(node, at)
        text = self.text(node, at)
        try:
            signing.check_strength(text)
        except ConfigurationError as error:
            at.fail(node, str(error))
        return SecretValue(text)

    def text(self, node: Node, at: At) -> str:
        """What is named or written out, whatever it is."""
        if isinstance(node, Mapping):
            return self._named(node, at)
        text = scalar(node, at, wanted="a secret: {env: NAME} or {file: PATH}").text
        if settings.PRODUCTION:
            at.fail(node, "a secret written out is refused in production; use {env: NAME} or {file: PATH}")
        return text

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


@dataclass(frozen=True)
class CredentialsValue(SecretValue):
    """An account's keys: `parts` by name, or as an instance with the same vault exported them: `text` is sealed."""

    parts: dict[str, str] = field(default_factory=dict, repr=False)
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Credentials(Secret):
    """A map of parts, each a secret of its own; or `{sealed: …, names: […]}` of an export, which only trade workers
    with the same vault can open, for this account at this address."""

    def read(self, node: Node, at: At) -> CredentialsValue | Stored:
        keys = _keys(node)
        if "sealed" in keys:
            given = Record(_SEALED, required=tuple(_SEALED)).read(node, at)
            return CredentialsValue(given["sealed"], names=tuple(given["names"]))
        if "stored" in keys:
            if not Record({"stored": Flag()}).read(node, at)["stored"]:
                at.fail(node, "leave `stored` out, or give it as true")
            return STORED
        return CredentialsValue("", parts=self._parts(node, at))

    def _parts(self, node: Node, at: At) -> dict[str, str]:
        found: dict[str, str] = {}
        failed = False
        for key, value in entries(node, at, wanted="a map such as {api_key: {env: NAME}, secret: {env: NAME}}"):
            inner = at.field(key.text)
            try:
                if key.text not in vault.NAMES:
                    inner.fail(node, one_of(key.text, vault.NAMES, noun="credential"))
                found[key.text] = self.text(value, inner)
            except Unreadable:
                failed = True
        if failed:
            raise Unreadable
        return found


_SEALED: dict[str, Type] = {
    "sealed": Text(32_768, wanted="sealed credentials"),
    "names": ListOf(Choice(lambda: vault.NAMES, "credential"), ordered=False),
}


def _keys(node: Node) -> set[str]:
    return {key.text for key, _ in node.entries} if isinstance(node, Mapping) else set()
