"""The request log: who was turned away, when and why (I11). What was accepted is under Signals."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.firewall import book
from signals.models import RefusedAttempt, Source
from tradeops.core import network
from tradeops.core.admin.base import LedgerAdmin, describe

STRANGER = "-"


class _Indexed(admin.SimpleListFilter):
    """A filter by one column, whose choices are known without looking through the rows."""

    column = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.column: "" if value == STRANGER else value}) if value else queryset


class OutcomeFilter(_Indexed):
    title, parameter_name, column = "answer", "answer", "outcome"
    ANSWERS = {
        "400": "400 not understood",
        "401": "401 not authenticated",
        "403": "403 from a wrong place",
        "405": "405 wrong method",
        "413": "413 too large",
        "429": "429 too many",
        "503": "503 told to send again",
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.ANSWERS.items())


class ReasonFilter(_Indexed):
    title, parameter_name, column = "reason", "why", "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(reason, reason.replace("_", " ")) for reason in _reasons()]


class SourceFilter(_Indexed):
    title, parameter_name, column = "source", "of", "source_slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        slugs = Source.objects.order_by("slug").values_list("slug", flat=True)
        return [(STRANGER, "strangers"), *((slug, slug) for slug in slugs)]


def _reasons() -> list[str]:
    """Every reason there is a row of, each found with one step into the index however many rows have it."""
    found: list[str] = []
    rows = RefusedAttempt.objects.order_by("reason").values_list("reason", flat=True)
    while len(found) < 50:
        following = rows.filter(reason__gt=found[-1]).first() if found else rows.first()
        if following is None:
            break
        found.append(following)
    return found


@admin.register(RefusedAttempt)
class RefusedAttemptAdmin(LedgerAdmin):
    list_display = (
        "at", "answer", "why", "of", "from_where", "country", "what_now", "path", "times", "ms", "size", "detail",
    )  # fmt: skip
    list_filter = (OutcomeFilter, ReasonFilter, SourceFilter)
    search_fields = ("address",)
    search_help_text = "An address, or a request id"
    fields = describe(RefusedAttempt)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RefusedAttempt], search_term: str
    ) -> tuple[QuerySet[RefusedAttempt], bool]:
        """Exact, by an index; what is neither an address nor an id finds nothing."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(address=str(network.parse(term))), False
        except ValueError:
            return queryset.filter(request_id=term[:32]), False

    def get_list_display(self, request: HttpRequest) -> Any:
        if request.user.has_perm("accounts.add_firewallrule"):
            return self.list_display
        return [name for name in self.list_display if name != "what_now"]

    @display(description="Answer", label={"429": "warning", "503": "danger"})
    def answer(self, row: RefusedAttempt) -> str:
        return str(row.outcome)

    @display(description="Reason")
    def why(self, row: RefusedAttempt) -> str:
        return row.reason.replace("_", " ")

    @display(description="Source")
    def of(self, row: RefusedAttempt) -> str:
        return row.source_slug or "stranger"

    @display(description="Address")
    def from_where(self, row: RefusedAttempt) -> SafeString | str:
        if row.address is None:
            return "many"
        query = urlencode({"q": row.address})
        return format_html(
            '<span class="to-links"><a href="?{}" title="All of this address">{}</a></span>', query, row.address
        )

    @display(description="Firewall")
    def what_now(self, row: RefusedAttempt) -> SafeString | str:
        """One click to a rule for the address, or the /64 of an IPv6 one, ready to be saved."""
        if row.address is None:
            return ""
        target = book.neighbourhood(network.parse(row.address))
        base = reverse("admin:accounts_firewallrule_add")
        note = f"{row.reason.replace('_', ' ')}, {row.at:%Y-%m-%d %H:%M} UTC"
        deny, allow = (
            f"{base}?{urlencode({'network': target, 'action': action, 'note': note})}" for action in ("deny", "allow")
        )
        return format_html('<span class="to-links"><a href="{}">Deny</a> <a href="{}">Allow</a></span>', deny, allow)
