"""What an operator does with an account beside changing it: its keys, a look at the venue, freezing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts import credentials, services, sync, vault
from accounts.models import Account, Credential
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import TradeOpsError

_LABELS = {"api_key": "API key", "secret": "Secret", "passphrase": "Passphrase", "sub_account": "Sub-account",
           "extra": "Extra"}  # fmt: skip


class CredentialsForm(confirm.PasswordForm):
    """All parts at once, on one page with the person's password: no page in between carries them along."""

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        self.parts = {}
        for names, required in zip(credentials.names(account.broker), (True, False), strict=True):
            for name in names:
                self.parts[f"part_{name}"] = name
                self.fields[f"part_{name}"] = forms.CharField(
                    label=_LABELS.get(name, name) + ("" if required else " (optional)"),
                    required=required,
                    strip=True,
                    max_length=credentials.LONGEST,
                    widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
                )
        self.order_fields([*self.parts, "confirm_password"])
        self.fields["confirm_password"].widget.attrs.pop("autofocus", None)
        self.fields[next(iter(self.parts), "confirm_password")].widget.attrs["autofocus"] = True

    @sensitive_variables()
    def values(self) -> dict[str, str]:
        return {name: self.cleaned_data[field] for field, name in self.parts.items() if self.cleaned_data.get(field)}


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Kept with your name, and told to everybody."
    )


class AccountActions(RetirableAdmin):
    actions_detail = ["credentials_action", "freeze_action", "unfreeze_action", "retire_action"]

    def get_urls(self) -> list[URLPattern]:
        views = {"test": require_POST(self.test), "read": require_POST(self.read_now), "erase": self.erase}
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"accounts_account_{name}")
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    # At once -------------------------------------------------------------------------------------------------------

    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Only trade workers have the keys, so it is a wish here; the page shows the answer when it is there."""
        row = self.row(request, object_id)
        if credentials.ask_test(account=row, now=clock.now()):
            messages.success(request, "The connection is tested by a trade worker; this page shows the result.")
        else:
            messages.error(request, f"{row} has no credentials to test: set them first.")
        return self.back(row)

    def read_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        if Credential.objects.filter(account=row).exists():
            sync.ask(account=row, now=clock.now())
            messages.success(request, "It is read from its venue within a second or two.")
        else:
            messages.error(request, f"{row} has no credentials: there is nothing to read it with.")
        return self.back(row)

    # Credentials ---------------------------------------------------------------------------------------------------

    def has_credentials_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = self.get_object(request, object_id)
        wanted = row is not None and row.retired_at is None and vault.needs_credentials(row)
        return self.has_change_permission(request) and wanted

    @action(
        description="Set credentials", url_path="credentials", icon="key", variant=ActionVariant.PRIMARY,
        permissions=["credentials"],
    )  # fmt: skip
    @sensitive_variables()
    def credentials_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        form = CredentialsForm(request.POST or None, account=row, request=request)
        if request.method == "POST" and form.is_valid():
            try:
                credentials.store(account=row, values=form.values(), by=request.user.get_username(), now=clock.now())
            except TradeOpsError as error:
                form.add_error(None, f"Nothing was stored: {error}.")
            else:
                self.log_change(request, row, "Set its credentials.")
                messages.success(request, "The credentials are sealed and stored; their test follows at once.")
                return self.back(row)
        answer = TemplateResponse(
            request,
            "admin/ask.html",
            {
                **self.context(request, row),
                "title": f"Credentials of {row}",
                "intro": "They are sealed as they arrive: from here on only trade workers can open them, and nobody "
                "can read them again. Give the key permission to read and to trade, never to withdraw, and bind it to "
                "this portal's address. All parts are given anew; those that are stored now are replaced.",
                "form": form,
                "button": "Seal and store",
            },
        )
        answer["Cache-Control"] = "no-store"
        return answer

    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        page = self.ask_first(
            request,
            row,
            title=f"Erase the credentials of {row}?",
            consequences=[
                "Nothing can be sent to its venue any more, exits and cancels neither: close what is open first.",
                "What rests at the venue stays there. Delete the key at the venue too.",
            ],
            button="Erase credentials",
        )
        if page is not None:
            return page
        by = request.user.get_username()
        if credentials.erase(account=row, reason=f"{by} asked for it", by=by, now=clock.now()):
            self.log_change(request, row, "Erased its credentials.")
            messages.success(request, f"The credentials of {row} are erased.")
        return self.back(row)

    # Freezing ------------------------------------------------------------------------------------------------------

    def has_freeze_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = self.get_object(request, object_id)
        thawed = row is not None and row.retired_at is None and not row.frozen_reason
        return self.has_change_permission(request) and thawed

    def has_unfreeze_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        row = self.get_object(request, object_id)
        return self.has_change_permission(request) and row is not None and bool(row.frozen_reason)

    @action(
        description="Freeze", url_path="freeze", icon="ac_unit", variant=ActionVariant.WARNING, permissions=["freeze"]
    )
    def freeze_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._freeze(
            request,
            object_id,
            word="Freeze",
            change=services.freeze,
            consequences=["No entry is opened on it from now on; orders that only reduce a position pass."],
            done="is frozen",
        )

    @action(
        description="Unfreeze", url_path="unfreeze", icon="sunny", variant=ActionVariant.WARNING,
        permissions=["unfreeze"],
    )  # fmt: skip
    def unfreeze_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        by = f" by {row.frozen_by}" if row.frozen_by else ""
        return self._freeze(
            request,
            object_id,
            word="Unfreeze",
            change=services.unfreeze,
            consequences=[
                f"It was frozen{by}: {row.frozen_reason}",
                "The next signal may open positions on it again. What was rejected stays rejected.",
            ],
            done="is not frozen any more",
        )

    def _freeze(
        self, request: HttpRequest, object_id: str, *, word: str, change: Any, consequences: list[str], done: str
    ) -> HttpResponse:
        row = self.row(request, object_id)
        form = ReasonForm(request.POST or None)
        step, password = confirm.step(request, form)
        title = f"{word} {row}"
        if step is confirm.Step.GO:
            reason = form.cleaned_data["reason"]
            if change(account=row, reason=reason, by=request.user.get_username(), now=clock.now()):
                self.log_change(request, row, f"{word}: {reason}")
                messages.success(request, f"{row} {done}.")
            else:
                messages.info(request, f"Nothing to do: {row} {done} already.")
            return self.back(row)
        if step is confirm.Step.CONFIRM:
            return confirm.page(
                request,
                context=self.context(request, row),
                form=form,
                password=password,
                title=f"{title}?",
                consequences=consequences,
                button=word,
                danger=word == "Unfreeze",
            )
        return TemplateResponse(
            request,
            "admin/ask.html",
            {
                **self.context(request, row),
                "title": title,
                "intro": " ".join(consequences),
                "form": form,
                "button": "Continue",
            },
        )
