"""Every answer bears `X-Request-ID`, and every log line of the request too; webhooks take a shorter path."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve

from . import ids, logs

logger = logs.get(__name__)


class RequestIdMiddleware:
    """The id is ours, never the caller's: it is written into rows and must be unique."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = ids.request_id()  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class ShortPath:
    """First in the list: answers /webhook* with a request id and its view alone.

    Sessions, cookies, CSP, static files and the rest are for people and cost more than the view itself. What
    they would do when a view fails is done here: a JSON answer with the request id, and a log line.
    """

    ROOT = "/webhook"

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._long = get_response
        self._short = RequestIdMiddleware(self._view)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._short(request) if self.is_for(request.path_info) else self._long(request)

    @classmethod
    def is_for(cls, path: str) -> bool:
        return path.startswith(cls.ROOT) and path[len(cls.ROOT) :][:1] in ("", "/")

    def _view(self, request: HttpRequest) -> HttpResponse:
        request_id: str = request.request_id  # type: ignore[attr-defined]
        try:
            view, args, kwargs = resolve(request.path_info, urlconf=settings.WEBHOOK_URLCONF)
            response: HttpResponse = view(request, *args, **kwargs)
            render = getattr(response, "render", None)
            if callable(render):
                response = render()
            response.headers.setdefault("Content-Length", str(len(response.content)))
            return response
        except Resolver404:
            return JsonResponse({"status": "REFUSED", "code": "not_found", "request_id": request_id}, status=404)
        except Exception:
            # The path may hold a token; the id finds the request.
            logger.exception("a webhook view failed")
            return JsonResponse({"status": "REFUSED", "code": "error", "request_id": request_id}, status=500)
