"""The few pages that belong to no app: the way in, the API's manual, and what is said when something is not there."""

from __future__ import annotations

from typing import Any

from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

MACHINE_PATHS = ("/api/", "/webhook")


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:index"))


class Schema(SpectacularAPIView):
    """OpenAPI 3. It says nothing of anybody's data, so it is open, like its page."""

    permission_classes = []
    authentication_classes = []


# The page's script is a file of its own, so that the policy need not allow inline ones here.
docs = csp_replace({"script-src": ["'self'"]})(
    SpectacularSwaggerSplitView.as_view(url_name="schema", permission_classes=[], authentication_classes=[])
)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if request.path.startswith(MACHINE_PATHS):
        return _refusal(request, status=404, code="not_found", message="There is nothing at this address.")
    return render(request, "404.html", status=404)


def kept_out(request: HttpRequest, *, status: int, code: str, message: str) -> HttpResponse:
    """For the firewall: a page without style sheets, which would be refused as well."""
    if request.path.startswith(MACHINE_PATHS):
        return _refusal(request, status=status, code=code, message=message)
    return HttpResponse(_PLAIN.format(title="Not from here", message=message, **_id(request)), status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without database, session or template context: any of them may be what failed."""
    message = "Something failed on our side; the log has it under this request id."
    if request.path.startswith(MACHINE_PATHS):
        return _refusal(request, status=500, code="error", message=message)
    plain = _PLAIN.format(title="That did not work", message=message, **_id(request)) + _BACK
    return HttpResponse(plain, status=500)


def _id(request: HttpRequest) -> dict[str, str]:
    return {"request_id": getattr(request, "request_id", "")}


def _refusal(request: HttpRequest, *, status: int, code: str, message: str) -> JsonResponse:
    body: dict[str, Any] = {
        "error": {"code": code, "message": message},
        "request_id": getattr(request, "request_id", ""),
    }
    return JsonResponse(body, status=status)


_PLAIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>TradeOps: {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<body style="font:16px/1.5 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem">
<h1 style="font-size:1.25rem">{title}</h1><p>{message}</p><p>Request <code>{request_id}</code></p>
"""
_BACK = """<p><a href="/admin/">Back to the dashboard</a></p>"""
