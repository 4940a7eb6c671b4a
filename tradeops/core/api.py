"""What every read-only part of `/api/v1/` shares: its views, its paths with and without the last slash, its errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.filters import OrderingFilter
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ReadOnlyModelViewSet

ERROR = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {}, "field": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
REFUSALS = {
    "400": "A parameter was not understood; the message names it.",
    "401": "No token, or one that is expired or revoked.",
    "404": "There is no such thing, or it is not yours to see.",
    "429": "Too many requests; wait for Retry-After seconds.",
}


class Schema(AutoSchema):
    """Adds the refusals that every operation may answer with."""

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for status, description in REFUSALS.items():
            content = {"application/json": {"schema": ERROR}}
            operation["responses"].setdefault(status, {"description": description, "content": content})
        return operation


class ExactDecimalSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Found by drf-spectacular because it exists."""

    target_class = "tradeops.core.drf.ExactDecimal"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "example": "0.0123"}


class ReadOnlyViewSet(ReadOnlyModelViewSet, ABC):
    """Lists and single items that the person may see; `visible` is asked for both, so an id reveals no more.

    `ordering_fields` are those with an index.
    """

    schema = Schema()
    filter_backends = [DjangoFilterBackend, OrderingFilter]
    ordering_fields: list[str] = []

    @abstractmethod
    def visible(self, user: Any) -> QuerySet[Any]:
        """The rows that the person may see."""

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the schema is made without a person
            return super().get_queryset().none()
        return self.visible(self.request.user)


class Router(SimpleRouter):
    """Each path with and without the last `/`, so that nothing redirects (I1)."""

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
