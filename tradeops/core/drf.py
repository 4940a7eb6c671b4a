"""Shared by every API: errors in one shape, cursor pages, exact decimals, times with milliseconds."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, pagination, serializers
from rest_framework.response import Response
from rest_framework.views import exception_handler as default_handler

from . import clock, errors, money


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """`{"error": {"code", "message", "field"?}, "request_id"}` for our errors and DRF's alike."""
    request_id = getattr(context["request"], "request_id", "")
    if isinstance(error, errors.TradeOpsError):
        detail: dict[str, Any] = {"code": error.code, "message": str(error)}
        if isinstance(error, errors.InvalidPayload) and error.field:
            detail["field"] = error.field
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, errors.Throttled) else {}
        return Response({"error": detail, "request_id": request_id}, status=error.http_status, headers=headers)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    response = default_handler(error, context)
    if response is not None:
        code, message = _said(error)
        response.data = {"error": {"code": code, "message": message}, "request_id": request_id}
    return response


def _said(error: Exception) -> tuple[str, Any]:
    """Code and message of one of DRF's errors; a validation error's message is a map of fields."""
    if not isinstance(error, exceptions.APIException):
        return "error", str(error)
    detail, codes = error.detail, error.get_codes()
    if isinstance(codes, str):
        return codes, detail
    if isinstance(detail, dict) and "code" in detail and "detail" in detail:  # simplejwt's form
        return str(detail["code"]), str(detail["detail"])
    return "invalid", detail


class CursorPagination(pagination.CursorPagination):
    """Newest first, by the index; `{"results", "next", "previous"}`; `page_size` up to 200."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.get_next_link(), "previous": self.get_previous_link()})


class ExactDecimal(serializers.Field):
    """A decimal as text, without exponent or trailing zeros."""

    def to_representation(self, value: Any) -> str | None:
        return money.plain(value)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return money.exact(data)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from error


class Moment(serializers.DateTimeField):
    """ISO 8601 in UTC with milliseconds."""

    def to_representation(self, value: Any) -> Any:
        return clock.iso_ms(value)
