"""*Run for missing accounts*: who has no order of a signal and why, what today's rules say, and the ask (U2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts.selectors import scope
from signals.models import Signal
from signals.pipeline import rerun
from signals.pipeline.preview import Shown
from signals.pipeline.rerun import Missing, Part, Result
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.errors import ConfigurationError
from tradeops.core.ids import uuid7

RUN, ANSWER = "signals.change_order", "signals.change_approval"


class RunForm(forms.Form):
    """`request_id` is made with the first page: sent twice, it is carried out once."""

    request_id = forms.UUIDField(widget=forms.HiddenInput)
    accounts = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget, error_messages={"required": "Choose at least one account."}
    )
    reason = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Kept with your name, and told to everybody."
    )

    def __init__(self, *args: Any, parts: list[Part], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is being decided already is a valid answer: the very same request, sent twice, is told so.
        parts = [part for part in parts if self.is_bound or not part.refused]
        keys = [f"{part.strategy} {one.account.slug}" for part in parts for one in part.accounts]
        chosen: dict[str, Any] = dict(self.fields)
        chosen["accounts"].choices = [(key, " on ".join(key.split())) for key in keys]
        chosen["accounts"].initial = keys

    def wanted(self) -> dict[str, list[str]]:
        """Strategy → accounts."""
        found: dict[str, list[str]] = {}
        for key in self.cleaned_data["accounts"]:
            strategy, account = key.split()
            found.setdefault(strategy, []).append(account)
        return found


@dataclass(frozen=True)
class Row:
    """An account, and what would become of the signal there now; None where that was not asked."""

    missing: Missing
    shown: Shown | None

    @property
    def failed(self) -> list[dict[str, str | None]]:
        return [rule for rule in self.shown.rules if rule["verdict"] != "PASS"] if self.shown else []


@dataclass(frozen=True)
class Card:
    part: Part
    rows: list[Row]
    problem: str = ""


def may(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(RUN))


def parts(request: HttpRequest, signal: Signal) -> list[Part]:
    """What this person may see of it. Where the strategy asks for a yes, running it is that yes."""
    mine = scope(request.user)
    found = rerun.parts(signal, seen=None if mine is None else set(mine.values_list("pk", flat=True)))
    return [part if _may_run(request, part) else _without_a_yes(part) for part in found]


def _may_run(request: HttpRequest, part: Part) -> bool:
    return not part.plan.strategy.approval_seconds or bool(request.user.has_perm(ANSWER))


def _without_a_yes(part: Part) -> Part:
    why = f"{part.strategy} asks for a person's yes, and you may not give it"
    return replace(part, refused=part.refused or why)


def view(request: HttpRequest, signal: Signal, *, context: dict[str, Any]) -> HttpResponse:
    """The whole way; whoever calls has checked the permission."""
    found = parts(request, signal)
    allowed = [part for part in found if _may_run(request, part)]
    form = RunForm(request.POST or None, parts=allowed, initial={"request_id": uuid7()})
    step, password = confirm.step(request, form)
    if step is confirm.Step.GO:
        data = form.cleaned_data
        results = rerun.ask(
            signal=signal,
            wanted=form.wanted(),
            by=request.user.get_username(),
            reason=data["reason"],
            request_id=str(data["request_id"]),
            now=clock.now(),
        )
        _say(request, results)
        return HttpResponseRedirect(context["back"])
    asked = form.wanted() if step is confirm.Step.CONFIRM else None
    cards = [_card(request, part, asked) for part in found]
    shown = {
        "title": f"Run {signal.action} {signal.symbol} for missing accounts?",
        "original": signal,
        "cards": [card for card in cards if card.rows or asked is None],
        "form": form,
        "password": password if asked is not None else None,
        "can_run": any(not part.refused for part in found if asked is None or part.strategy in asked),
    }
    return TemplateResponse(request, "admin/signals/run_again.html", {**context, **shown})


def _card(request: HttpRequest, part: Part, asked: dict[str, list[str]] | None) -> Card:
    """`asked` None: all of them are shown."""
    slugs = [one.account.slug for one in part.accounts]
    slugs = slugs if asked is None else asked.get(part.strategy, [])
    chosen = [one for one in part.accounts if one.account.slug in slugs]
    if part.refused or not chosen:
        return Card(part, [Row(one, None) for one in chosen])
    try:
        found = rerun.show(part, slugs, by=request.user.get_username(), now=clock.now())
    except ConfigurationError as error:
        return Card(part, [Row(one, None) for one in chosen], str(error))
    shown = {one.look.account.pk: one for one in found}
    return Card(part, [Row(one, shown.get(one.account.pk)) for one in chosen])


def _say(request: HttpRequest, results: list[Result]) -> None:
    for result in results:
        where = f"{result.strategy} on {', '.join(result.accounts)}"
        if result.problem:
            messages.error(request, f"{result.strategy} was not run: {result.problem}.")
        elif result.again:
            messages.info(request, f"{where}: this very request was carried out before, nothing was added.")
        else:
            messages.success(request, f"{where} is being decided; below is what becomes of it.")
