"""A message's bytes, never more than 64 KiB of them, and never so slowly that the others wait."""

from __future__ import annotations

import time

from django.http import UnreadablePostError

from tradeops.core.errors import InvalidPayload, Throttled, TooLarge

from .arrival import Arrival

MAX_BODY = 64 * 1024
_CHUNK = 16 * 1024
# Who sends a byte now and then holds a thread, and the server gives no way to interrupt the read. One address may
# hold this many in a process; what many addresses do together is for the proxy in front.
SLOW_SECONDS = 1.0
SLOW_AT_ONCE = 16
RETRY_SECONDS = 5

_being_read: dict[int, tuple[float, object]] = {}  # of this process: begin and address


def check_length(arrival: Arrival) -> None:
    """Raises TooLarge by what the sender announced, before anything is read."""
    declared = _declared(arrival)
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise TooLarge(_TOO_LARGE)


def read(arrival: Arrival) -> bytes:
    """Raises TooLarge, InvalidPayload, or Throttled for an address with too many unfinished ones."""
    _refuse_slow(arrival)
    _being_read[id(arrival)] = (time.monotonic(), arrival.address)
    try:
        return _read(arrival, chunked=not _declared(arrival) and "HTTP_TRANSFER_ENCODING" in arrival.request.META)
    finally:
        del _being_read[id(arrival)]


def _declared(arrival: Arrival) -> str:
    return arrival.request.META.get("CONTENT_LENGTH") or ""


def _refuse_slow(arrival: Arrival) -> None:
    if len(_being_read) < SLOW_AT_ONCE:
        return
    long_ago = time.monotonic() - SLOW_SECONDS
    slow = [begin for begin, address in list(_being_read.values()) if address == arrival.address and begin < long_ago]
    if len(slow) >= SLOW_AT_ONCE:
        raise Throttled(
            f"{len(slow)} messages from your address are unfinished; finish them first",
            code="too_many_unfinished",
            retry_after=RETRY_SECONDS,
        )


def _read(arrival: Arrival, *, chunked: bool) -> bytes:
    # Django reads nothing from a body without a length; the server's own stream ends where the chunks do.
    stream = arrival.request.environ["wsgi.input"] if chunked else arrival.request  # type: ignore[attr-defined]
    pieces, size = [], 0
    try:
        # Joined once, if it is not too large: a growing text would be copied with each piece, and leave holes behind.
        while size <= MAX_BODY and (piece := stream.read(_CHUNK)):
            pieces.append(piece)
            size += len(piece)
    except (UnreadablePostError, OSError):
        raise InvalidPayload("the body ended before its announced length") from None
    if size > MAX_BODY:
        raise TooLarge(_TOO_LARGE)
    return b"".join(pieces)


_TOO_LARGE = f"a message may have {MAX_BODY // 1024} KiB"
