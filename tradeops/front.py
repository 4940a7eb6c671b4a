"""What the web server calls: webhooks at once in the thread they came in, everything else in a few threads.

A webhook's thread only waits (for the sender's body, for the commit that it shares), so there may be many of them and
slow senders hold nobody up. Pages and the API read the database, and each thread that does has a connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections

from tradeops.core.middleware import ShortPath

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PAGE_THREADS = 4


class Front:
    """A WSGI application (PEP 3333)."""

    def __init__(self, django: WSGIHandler) -> None:
        self._django = django
        self._short = ShortPath(django.get_response)  # type: ignore[arg-type]
        self._pages = ThreadPoolExecutor(PAGE_THREADS, thread_name_prefix="page")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not ShortPath.is_for(environ.get("PATH_INFO", "")):
            return self._pages.submit(self._page, environ, start_response).result()
        response = self._short(WSGIRequest(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]

    def _page(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return self._django(environ, start_response)
        finally:
            close_old_connections()  # this thread's; the server ends the request in another one
