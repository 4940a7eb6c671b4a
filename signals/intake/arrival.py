"""One request on its way through the layers: what it carries and what is known of it so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime

from django.http import HttpRequest

from tradeops.core.network import Address

from .address import client_address as client_address  # where the view looks for it
from .sources import Sender


@dataclass(kw_only=True)
class Arrival:
    """`slug` and `url_token` come from the path; `sender` is set as soon as the source is known, even if refused."""

    request: HttpRequest
    request_id: str
    received_at: datetime
    slug: str = ""
    url_token: str = ""
    address: Address | None = None
    body: bytes = b""
    sender: Sender | None = None
    token: str = ""  # as presented, so that it can be kept out of the log
    signed_id: str = ""  # of a Standard Webhooks message: what makes it unique, whatever its body says
    started: float = field(default_factory=time.perf_counter)

    def header(self, name: str) -> str:
        """A header by its WSGI name without `HTTP_`; empty if it is not there."""
        value: str = self.request.META.get("HTTP_" + name, "")
        return value

    @property
    def milliseconds(self) -> int:
        return round((time.perf_counter() - self.started) * 1000)
