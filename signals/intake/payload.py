"""From the body's bytes to a message, read once: strictly for what it says, leniently for its token alone (I4)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradeops.core.errors import InvalidPayload

from . import parsers, readers, strict_json

# Top-level names, in this order; the last two are those of 3Commas and OKX.
CREDENTIALS = ("token", "secret", "email_token", "signalToken")


@dataclass(frozen=True, kw_only=True)
class Message:
    """`fields` has the names of I3 and exact numbers, `raw` is the body as sent, JSON-ready; neither the credential."""

    fields: dict[str, Any]
    raw: Any


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a body gave. Its error is kept, to be told only to who is authenticated."""

    token: str
    message: Message | None = None
    error: InvalidPayload | None = None


def read(body: bytes) -> Reading:
    """Never raises. The token is found also in a body that is not valid."""
    content: parsers.Content = ""
    try:
        content = _decoded(body)
        fields = parsers.fields(content)
        kept = {name: value for name, value in fields.items() if name not in CREDENTIALS}
        message = Message(fields=kept, raw=strict_json.storable(_without_credentials(content)))
    except InvalidPayload as error:
        return Reading(token=_token(content) if isinstance(content, dict) else _token_in(body), error=error)
    return Reading(token=_token(fields), message=message)


def _token(fields: Mapping[str, Any]) -> str:
    return next((one for one in map(fields.get, CREDENTIALS) if one and isinstance(one, str)), "")


def _decoded(body: bytes) -> parsers.Content:
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidPayload("the body is not UTF-8 text") from None
    if not text:
        raise InvalidPayload("the body is empty")
    if text[0] not in '{["':
        if "\x00" in text:
            raise InvalidPayload("holds a NUL character, which no database stores")
        return text
    try:
        content = strict_json.loads(text)
    except InvalidPayload as error:
        if readers.is_template(text):
            raise InvalidPayload(f"{readers.PLACEHOLDER}; {error}") from None
        raise
    if not isinstance(content, dict):
        raise InvalidPayload("must be a JSON object, not a list or a single value")
    return content


def _without_credentials(content: parsers.Content) -> Any:
    if isinstance(content, dict):
        return {name: value for name, value in content.items() if name not in CREDENTIALS}
    # Put together again from its words: quoting can hide a pair from any pattern, not from the splitting itself.
    words = parsers.text.split(content)
    return shlex.join(word for word in words if word.partition("=")[0] not in CREDENTIALS)


# A string after "token": or a word after token=; bounded, since a stranger wrote the text.
_NAMES = "|".join(CREDENTIALS)
_TOKEN = re.compile(rf'"(?:{_NAMES})"\s*:\s*("(?:[^"\\]|\\.){{1,300}}")|(?:^|\s)(?:{_NAMES})=(\S{{1,300}})')


def _token_in(body: bytes) -> str:
    found = _TOKEN.search(body.decode("utf-8", "replace"))
    if found is None:
        return ""
    if found[2]:
        return found[2].strip("'\"")
    try:
        return str(json.loads(found[1]))
    except ValueError:
        return ""
