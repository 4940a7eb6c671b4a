"""One JSON question to a service of the operator's own, at low rate: bounded as a whole in time and in size, whatever
the other side does. Redirects are not followed, and no proxy is taken from the environment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

MOST_BYTES = 1_000_000
_PIECE = 65_536


class NoAnswer(Exception):
    """There is none; the message says in what way, for people."""


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes


def post(url: str, body: Any, *, headers: Mapping[str, str], seconds: float) -> Answer:
    """Raises NoAnswer for none within `seconds`, and for one of more than a megabyte."""
    ends = time.monotonic() + seconds
    try:
        with requests.Session() as session:
            session.trust_env = False
            asked = session.post(
                url, json=body, headers=dict(headers), timeout=seconds, allow_redirects=False, stream=True
            )
            with asked:
                return Answer(asked.status_code, _content(asked, ends=ends))
    except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
        raise NoAnswer(f"did not answer in {seconds:g} s") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswer(f"does not answer ({type(error).__name__})") from error


def _content(asked: requests.Response, *, ends: float) -> bytes:
    """As it comes: a body of a byte a second would keep a plain read waiting for ever."""
    found = b""
    while piece := asked.raw.read1(_PIECE, decode_content=True):
        found += piece
        if len(found) > MOST_BYTES:
            raise NoAnswer(f"answers with more than {MOST_BYTES:,} bytes")
        if time.monotonic() > ends:
            raise requests.Timeout
    return found
