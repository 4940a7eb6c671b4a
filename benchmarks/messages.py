"""What the load generator sends, as bytes."""

from __future__ import annotations

import hmac
import itertools
import time
from typing import Any


class Messages:
    """The job's bodies in turn, each with a number of its own, and signed where the job has a key."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._head = (
            f"POST {job['path']} HTTP/1.1\r\nHost: 127.0.0.1:{job['port']}\r\nContent-Type: application/json\r\n"
        ).encode()
        self._bodies = itertools.cycle([body.encode() for body in job["bodies"]])
        self._numbers = itertools.count(time.time_ns())
        self._key = job.get("sign", "").encode()

    def next(self) -> tuple[int, bytes]:
        """Its number and the whole request."""
        number = next(self._numbers)
        body = next(self._bodies).replace(b"{n}", b"%d" % number)
        signature = b""
        if self._key:
            signature = b"X-Webhook-Signature: %s\r\n" % hmac.digest(self._key, body, "sha256").hex().encode()
        return number, b"%s%sContent-Length: %d\r\n\r\n%s" % (self._head, signature, len(body), body)
