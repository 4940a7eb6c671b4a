"""The firewall before pages and the API; webhooks take the short path, whose view asks it itself.

It stands at the composition root since it needs the firewall (accounts) and the sender's address (intake).
`/health` is open: whoever watches the portal must see it whatever the rules say.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts import firewall
from signals.intake import request_log
from signals.intake.address import client_address, client_country
from tradeops import pages
from tradeops.core import clock
from tradeops.core.errors import Forbidden, Throttled

OPEN = "/health"


class Gate:
    """Puts the sender's address on the request (`client_address`, `client_country`), or answers 403 or 429."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = client_address(request)
        request.client_address = address  # type: ignore[attr-defined]
        request.client_country = lambda: client_country(request)  # type: ignore[attr-defined]
        path, now = request.path_info, clock.now()
        if not (path.startswith(OPEN) and path[len(OPEN) :][:1] in ("", "/")):
            try:
                firewall.check(address=address, country=request.client_country, now=now)  # type: ignore[attr-defined]
            except (Forbidden, Throttled) as error:
                request_log.record_page(request, error, address=address, now=now)
                return _refusal(request, error)
        return self._get_response(request)


def _refusal(request: HttpRequest, error: Forbidden | Throttled) -> HttpResponse:
    if not isinstance(error, Throttled):
        return pages.kept_out(request, status=error.http_status, code=error.code, message=_KEPT_OUT)
    answer = pages.kept_out(request, status=error.http_status, code=error.code, message=_BANNED)
    answer["Retry-After"] = str(error.retry_after)
    return answer


_KEPT_OUT = (
    "The firewall keeps your address out. An operator can let it in: at the machine itself, with "
    "`manage.py firewall allow ADDRESS`."
)
_BANNED = (
    "Too many failed attempts came from your address; it is banned for now. An operator can lift the ban: at the "
    "machine itself, with `manage.py firewall lift ADDRESS`."
)
