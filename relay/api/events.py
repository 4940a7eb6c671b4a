"""What happened, to look up and to follow (E1). The live feed will give the same events by the same ids."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.selectors import scope
from relay import visibility
from relay.feed import cursor
from relay.models import Message
from tradeops.core.api import ReadOnlyViewSet
from tradeops.core.drf import CursorPagination, Moment
from tradeops.core.errors import InvalidPayload
from tradeops.core.events import Level

MOST = 500
USUAL = 100
HIGHEST = 2**63 - 1
NOW = "now"
NOTHING_NEW = OpenApiResponse(description="Nothing new since the answer whose ETag was given.")
GONE = OpenApiResponse(description="Events after `after` are gone, or there was no such event yet.")


class EventSerializer(serializers.ModelSerializer[Message]):
    """`signal` is its public id; strategy and account are slugs; empty where the event is not about one."""

    at = Moment(source="created_at", read_only=True)

    class Meta:
        model = Message
        fields = (
            "id", "event", "level", "title", "at", "signal", "strategy", "account", "symbol", "request_id", "body",
        )  # fmt: skip


class EventFilter(django_filters.FilterSet):
    event = django_filters.CharFilter(method="named", help_text="A name, or a beginning: `order.*`.")
    level = django_filters.MultipleChoiceFilter(choices=[(level.value, level.value) for level in Level])
    signal = django_filters.CharFilter()
    strategy = django_filters.CharFilter()
    account = django_filters.CharFilter()
    symbol = django_filters.CharFilter()
    since = django_filters.IsoDateTimeFilter("created_at", "gte")
    until = django_filters.IsoDateTimeFilter("created_at", "lt")

    def named(self, queryset: QuerySet[Message], name: str, value: str) -> QuerySet[Message]:
        begins = Q(event__startswith=value[:-1]) if value.endswith(".*") else Q(event=value)
        return queryset.filter(begins)


class EventPages(CursorPagination):
    """Newest first, as every list. The view adds `cursor`."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        described["properties"]["cursor"] = {
            "type": "integer", "nullable": True,
            "description": "The `after` from which to follow; null if it is not known just now: ask again.",
        }  # fmt: skip
        return described


class EventViewSet(ReadOnlyViewSet):
    """Events, newest first; with `after`, those that came after that id, oldest first, to be followed."""

    serializer_class = EventSerializer
    queryset = Message.objects.all()
    filterset_class = EventFilter
    pagination_class = EventPages
    lookup_value_regex = r"\d{1,18}"

    def visible(self, user: Any) -> QuerySet[Message]:
        return visibility.messages(scope(user))

    @extend_schema(
        responses={200: EventSerializer(many=True), 304: NOTHING_NEW, 410: GONE},
        parameters=[
            OpenApiParameter(
                "after", OpenApiTypes.STR, description="The `cursor` of the last answer, or the id of the last event "
                "seen; 0 is the oldest that is kept; `now` gives the `cursor` of this moment and nothing else. Each "
                "event comes once and none is left out. 410 where events after it are gone. Answers bear an ETag: ask "
                "with If-None-Match, and nothing new is a 304.",
            ),
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"With `after`: at most so many, up to {MOST}."),
        ],
    )  # fmt: skip
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "after" in request.query_params:
            return self._follow(request)
        upto = cursor.settled.upto()  # before the rows are read: what comes between is told twice rather than never
        answer = super().list(request, *args, **kwargs)
        answer.data["cursor"] = upto
        return answer

    def _follow(self, request: Request) -> Response:
        upto = cursor.settled.upto()
        if request.query_params["after"] == NOW:
            return Response({"results": [], "next": None, "previous": None, "cursor": upto})
        after = _number(request, "after", usual=0, most=HIGHEST)
        limit = _number(request, "limit", usual=USUAL, least=1, most=MOST)
        tag = f'"{after}-{upto}"'
        if upto is not None and request.headers.get("If-None-Match") == tag:
            return Response(status=304, headers={"ETag": tag})
        page = cursor.after(self.filter_queryset(self.get_queryset()), after=after, upto=upto, limit=limit)
        following = replace_query_param(request.build_absolute_uri(), "after", page.cursor) if page.more else None
        content = {
            "results": self.get_serializer(page.messages, many=True).data,
            "next": following,
            "previous": None,
            "cursor": page.cursor,
        }
        return Response(content, headers={"ETag": tag, "Cache-Control": "private, no-cache"})


def _number(request: Request, name: str, *, usual: int, most: int, least: int = 0) -> int:
    text = request.query_params.get(name)
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most):
        raise InvalidPayload(f"{name}: a whole number from {least} to {most}", field=name)
    return int(text)
