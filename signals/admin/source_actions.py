"""What an operator does with a source beside changing it: rotate its secret, end the previous one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from signals.intake import sources
from signals.models import Source
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import TradeOpsError

from . import source_setup

_OVERLAPS = {
    "86400": "a day",
    "3600": "an hour",
    "604800": "a week",
    "0": "not at all: the present one ends at once",
}


class RotateForm(forms.Form):
    overlap = forms.ChoiceField(
        label="The present secret stays good for",
        choices=list(_OVERLAPS.items()),
        widget=UnfoldAdminSelectWidget,
        help_text="Until then both are accepted, so that senders can be changed one by one.",
    )


class SourceActions(RetirableAdmin):
    actions_detail = ["rotate_action", "end_previous_action", "retire_action"]

    def has_rotate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(description="Rotate secret", url_path="rotate", icon="key", permissions=["rotate"])
    def rotate_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        form = RotateForm(request.POST or None)
        step, password = confirm.step(request, form)
        if step is confirm.Step.CONFIRM:
            return confirm.page(
                request,
                context=self.context(request, row),
                form=form,
                password=password,
                title=f"Rotate the secret of {row}?",
                consequences=[
                    "The new secret is shown once, on the next page: have the sender's settings at hand.",
                    f"The present one stays good for {_OVERLAPS[form.cleaned_data['overlap']]}.",
                    "An older one that is still good ends now.",
                ],
                button="Rotate secret",
                danger=form.cleaned_data["overlap"] == "0",
            )
        if step is confirm.Step.GO:
            return self._rotate(request, row, form)
        return self._ask(request, row, form)

    def _rotate(self, request: HttpRequest, row: Source, form: RotateForm) -> HttpResponse:
        overlap = timedelta(seconds=int(form.cleaned_data["overlap"]))
        try:
            secret = sources.rotate(source=row, overlap=overlap, now=clock.now())
        except TradeOpsError as error:
            form.add_error(None, f"The secret was not rotated: {error}.")
            return self._ask(request, row, form)
        self.log_change(
            request,
            row,
            f"Secret rotated; the previous one is good for {_OVERLAPS[str(int(overlap.total_seconds()))]}.",
        )
        answer = TemplateResponse(
            request,
            "admin/signals/source_secret.html",
            {
                **self.context(request, row),
                "title": f"New secret of {row}",
                "secret": secret,
                "texts": source_setup.texts(row, secret=secret),
                "previous_until": row.previous_until,
            },
        )
        answer["Cache-Control"] = "no-store"  # shown once: not from a cache, not by the back button
        return answer

    def _ask(self, request: HttpRequest, row: Source, form: RotateForm) -> HttpResponse:
        return TemplateResponse(
            request,
            "admin/ask.html",
            {
                **self.context(request, row),
                "title": f"Rotate the secret of {row}",
                "intro": "A new secret of 256 random bits is made and shown once. To use one that the sender gave you, "
                "set it in the form of the source: it counts at once.",
                "form": form,
                "button": "Continue",
            },
        )

    def has_end_previous_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Only where there is one: the button would be in the way for all the others."""
        row = self.get_object(request, object_id)
        until = None if row is None else row.previous_until
        return self.has_change_permission(request) and until is not None and until > clock.now()

    @action(
        description="End previous secret", url_path="end-previous", icon="key_off", variant=ActionVariant.WARNING,
        permissions=["end_previous"],
    )  # fmt: skip
    def end_previous_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        asked = self.ask_first(
            request,
            row,
            title=f"End the previous secret of {row} now?",
            consequences=[
                f"It would have been good until {row.previous_until:%Y-%m-%d %H:%M} UTC.",
                "A sender that still has it is refused from now on.",
            ],
            button="End it",
        )
        if asked is not None:
            return asked
        sources.end_previous(source=row, now=clock.now())
        self.log_change(request, row, "Previous secret ended.")
        messages.success(request, f"{row} is known by its new secret only.")
        return self.back(row)

    def context(self, request: HttpRequest, row: Source) -> dict[str, Any]:
        return {**super().context(request, row), "source": row}
