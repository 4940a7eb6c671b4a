"""Public identifiers: UUID version 7 (RFC 9562 §5.7), so that new rows land at the end of an index."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> str:
    """A new UUIDv7 in its 36-character text form."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def request_id() -> str:
    """Follows one request through every log line, row and answer: 32 hex digits."""
    return uuid7().replace("-", "")
