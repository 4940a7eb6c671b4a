"""What was given up: why, and to be sent again after a look at what is stale by now (L3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldBooleanWidget

from accounts.selectors import scope
from relay import replays, visibility
from relay.models import Attempt, DeadLetter, Delivery
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.base import KeysetChangeList, LedgerAdmin, LedgerInline, describe
from tradeops.core.colours import COLOURS

MOST = 1000  # at once
REACH = 10_000
NEEDS_FORCE = frozenset({"stale", "superseded"})  # the market, or a newer target, has moved on
LISTED = 100


class ReplayForm(forms.Form):
    ids = forms.CharField(widget=forms.HiddenInput)
    force = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget,
        label="Send the stale and superseded ones too: I have looked at each of them.",
    )  # fmt: skip

    def clean_ids(self) -> list[int]:
        parts = str(self.cleaned_data["ids"]).split(",")
        if not all(part.isdecimal() and len(part) < 19 for part in parts) or len(parts) > MOST:
            raise forms.ValidationError(f"Choose up to {MOST} messages from the list.")
        return [int(part) for part in parts]


@dataclass(frozen=True)
class Candidate:
    """`code` and `problem` say why it would not be sent; both are empty where it would."""

    delivery: Delivery
    code: str
    problem: str
    force_helps: bool


def _lost(queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
    return queryset.exclude(reason__startswith="superseded by ").exclude(reason__startswith="passed on to ")


class Expected(admin.SimpleListFilter):
    """Nothing is wrong with what a newer target replaced, or what another member of the group took."""

    title = "reason"
    parameter_name = "why"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("lost", "Not superseded, not passed on")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        return _lost(queryset) if self.value() == "lost" else queryset


class DeadLetterChangeList(KeysetChangeList):
    """Rows can be chosen, and say whether they were sent again."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.show_admin_actions = True
        latest = _latest_replays([row.pk for row in self.result_list])
        now = clock.now()
        for row in self.result_list:
            row.latest_replay = latest.get(row.pk, "")
            row.is_stale = row.expires_at <= now


class AttemptInline(LedgerInline):
    model = Attempt
    fk_name = "delivery"
    fields = ("at", "status_code", "ms", "error", "answer")
    ordering = ("id",)


@admin.register(DeadLetter)
class DeadLetterAdmin(LedgerAdmin):
    list_display = ("created_at", "endpoint", "type", "symbol", "strategy", "reason", "tries", "age", "sent_again")
    list_filter = ("endpoint", "type", Expected)
    list_select_related = ("endpoint", "message")
    search_fields = ("subject",)
    search_help_text = "The id it was sent under: the signal's or the order's"
    list_per_page = LISTED
    actions = ("replay_selected",)
    actions_list = ("replay_all",)
    inlines = (AttemptInline,)
    fields = describe(Delivery, "claim_token", "lease_until")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        found = super().get_queryset(request).filter(status=Delivery.Status.DEAD)
        return found.defer("endpoint__secret", "endpoint__report_secret")

    def seen_by(self, user: Any, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        return queryset.filter(pk__in=visibility.deliveries(scope(user)).values("pk"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return DeadLetterChangeList

    # Sending again ------------------------------------------------------------------------------------------------

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """To send again is to change what became of a delivery."""
        return bool(request.user.has_perm("relay.change_delivery"))

    def get_urls(self) -> list[URLPattern]:
        replay = path("replay/", self.admin_site.admin_view(self.replay), name="relay_deadletter_replay")
        return [replay, *super().get_urls()]

    @admin.action(description="Send again…", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse:
        return self._preview(request, list(queryset.order_by("pk").values_list("pk", flat=True)[:MOST]))

    @action(description="Send all again…", url_path="replay-all", icon="replay", variant=ActionVariant.PRIMARY,
            permissions=["replay"])  # fmt: skip
    def replay_all(self, request: HttpRequest) -> HttpResponse:
        """Everything that was lost, is not stale, and has not been sent again: after an outage."""
        lost = _lost(self._recent(request)).filter(expires_at__gt=clock.now(), replays=None)
        ids = list(lost.order_by("pk").values_list("pk", flat=True)[:MOST])
        if not ids:
            messages.info(
                request, "Nothing is dead that is not stale or sent again already. Choose stale ones by hand."
            )
            return HttpResponseRedirect(reverse("admin:relay_deadletter_changelist"))
        return self._preview(request, ids)

    def _recent(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """The newest `REACH`: what is stale is not looked at, however much of it there is."""
        dead = self.get_queryset(request)
        before = dead.order_by("-pk").values_list("pk", flat=True)[REACH : REACH + 1].first()
        return dead if before is None else dead.filter(pk__gt=before)

    def replay(self, request: HttpRequest) -> HttpResponse:
        """The preview's own form: the password, and `force` for what is stale."""
        if not self.has_replay_permission(request):
            raise PermissionDenied
        form = ReplayForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            for error in form.errors.get("ids", []):
                messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:relay_deadletter_changelist"))
        step, password = confirm.step(request, form)
        rows = self._rows(request, form.cleaned_data["ids"])
        if step is not confirm.Step.GO:
            return self._page(request, rows, form, password)
        done = replays.replay_many(
            deliveries=[row.pk for row in rows],
            by=request.user.get_username(),
            force=form.cleaned_data["force"],
            now=clock.now(),
        )
        return self._results(request, rows, done)

    def _results(self, request: HttpRequest, rows: list[Delivery], done: list[replays.Replayed]) -> HttpResponse:
        row_of = {row.pk: row for row in rows}
        results = [(row_of[each.delivery], each) for each in done]
        context = {"title": "Sent again", "results": results, "sent": sum(1 for each in done if each.again is not None)}
        return TemplateResponse(request, "admin/relay/replayed.html", {**self._context(request), **context})

    def _preview(self, request: HttpRequest, ids: list[int]) -> HttpResponse:
        form = ReplayForm(initial={"ids": ",".join(map(str, ids))})
        return self._page(request, self._rows(request, ids), form, confirm.PasswordForm(request=request))

    def _page(
        self, request: HttpRequest, rows: Sequence[Delivery], form: forms.Form, password: confirm.PasswordForm
    ) -> HttpResponse:
        candidates = _judged(rows, now=clock.now())
        return TemplateResponse(
            request,
            "admin/relay/replay.html",
            {
                **self._context(request),
                "title": "Send again?",
                "form": form,
                "password": password,
                "candidates": candidates,
                "fresh": sum(1 for each in candidates if not each.code),
                "stale": sum(1 for each in candidates if each.force_helps),
                "refused": sum(1 for each in candidates if each.code and not each.force_helps),
            },
        )

    def _rows(self, request: HttpRequest, ids: Sequence[int]) -> list[Delivery]:
        """Oldest first, so that a close follows its open; only those that this person may see and that are dead."""
        return list(self.get_queryset(request).filter(pk__in=ids).select_related("endpoint", "message").order_by("pk"))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        back = reverse("admin:relay_deadletter_changelist")
        return {**self.admin_site.each_context(request), "opts": self.opts, "back": back}

    # Columns ------------------------------------------------------------------------------------------------------

    @display(description="Symbol")
    def symbol(self, row: DeadLetter) -> str:
        return row.message.symbol

    @display(description="Strategy")
    def strategy(self, row: DeadLetter) -> str:
        return row.message.strategy

    @display(description="Age", label={"stale": "warning", "fresh": "success"})
    def age(self, row: Any) -> str:
        return "stale" if row.is_stale else "fresh"

    @display(description="Sent again", label=COLOURS)
    def sent_again(self, row: Any) -> str:
        return str(row.latest_replay)


def _latest_replays(ids: Sequence[int]) -> dict[int, str]:
    """What became of the last replay of each: its status."""
    replays = Delivery.objects.filter(replay_of__in=ids).order_by("pk")
    return dict(replays.values_list("replay_of_id", "status"))


def _judged(rows: Sequence[Delivery], *, now: datetime) -> list[Candidate]:
    told = {each.delivery: each for each in replays.preview(deliveries=[row.pk for row in rows], force=False, now=now)}
    found = [(row, told[row.pk]) for row in rows]
    return [Candidate(row, each.code, each.problem, force_helps=each.code in NEEDS_FORCE) for row, each in found]
