"""Telegram: each person's own page with the one-time code, whose chat is whose, and every command with its outcome."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import display

from accounts import linking, roles, second_factor
from accounts.models import TelegramCommand, TelegramLink
from tradeops.core import clock, heartbeat
from tradeops.core.admin import confirm
from tradeops.core.admin.base import LedgerAdmin, describe

PROCESS = "telegram"  # whose sign of life bears the bot's name


@admin.register(TelegramLink)
class TelegramLinkAdmin(LedgerAdmin):
    list_display = ("operator", "name", "chat_id", "linked_at", "state")
    list_filter = ("operator",)
    list_select_related = ("operator",)
    fields = (*describe(TelegramLink), "state")
    readonly_fields = ("state",)
    change_form_outer_before_template = "admin/accounts/telegram_link.html"

    def seen_by(self, user: Any, queryset: QuerySet[TelegramLink]) -> QuerySet[TelegramLink]:
        return queryset.filter(operator=user)

    @display(description="State", label={"linked": "success", "former operator": "warning"})
    def state(self, row: TelegramLink) -> str:
        if row.ended_at:
            return "ended"
        return "linked" if row.operator.is_active else "former operator"

    # Each person's own page, whatever else they may see -------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("mine/", view(self.mine), name="accounts_telegramlink_mine"),
            path("mine/code/", view(self.code), name="accounts_telegramlink_code"),
            path("<int:number>/unlink/", view(self.unlink), name="accounts_telegramlink_unlink"),
            *super().get_urls(),
        ]

    def mine(self, request: HttpRequest) -> HttpResponse:
        person: Any = request.user
        links = TelegramLink.objects.filter(operator=person, ended_at=None).order_by("pk")
        shown = {
            "title": "My Telegram",
            "links": links,
            "role": roles.of(person).value,
            "enrolled": second_factor.enrolled(person),
        }
        return TemplateResponse(request, "admin/accounts/telegram_mine.html", {**self._page(request), **shown})

    def code(self, request: HttpRequest) -> HttpResponse:
        """Asks for the password, then shows the code: once."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        person: Any = request.user
        if "confirm_password" not in request.POST:
            return self._ask(request, confirm.PasswordForm(request=request))
        password = confirm.PasswordForm(request.POST, request=request)
        if not password.is_valid():
            return self._ask(request, password)
        made = linking.new_code(person=person, now=clock.now())
        minutes = int(linking.GOOD_FOR.total_seconds() // 60)
        shown = {"title": "Link a chat", "code": made, "minutes": minutes}
        return TemplateResponse(request, "admin/accounts/telegram_code.html", {**self._page(request), **shown})

    def unlink(self, request: HttpRequest, number: int) -> HttpResponse:
        """Without a password: it only takes away."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        person: Any = request.user
        row = TelegramLink.objects.select_related("operator").filter(pk=number).first()
        if row is None:
            raise Http404
        if row.operator_id != person.pk and not person.is_superuser:
            raise PermissionDenied
        if linking.unlink(row=row, by=person.get_username(), now=clock.now()):
            messages.success(request, f"The chat {row.name or row.chat_id} commands no longer.")
        own = row.operator_id == person.pk
        back = "accounts_telegramlink_mine" if own else "accounts_telegramlink_changelist"
        return HttpResponseRedirect(reverse(f"admin:{back}"))

    def _ask(self, request: HttpRequest, password: confirm.PasswordForm) -> HttpResponse:
        return confirm.page(
            request,
            context=self._page(request),
            form=forms.Form(),
            password=password,
            title="Make a code for Telegram?",
            consequences=[
                "Whoever sends it to the bot within ten minutes commands in your name, as far as your role goes.",
                "It is shown once, and a code that was made before is good no longer.",
            ],
            button="Make a code",
            danger=False,
        )

    def _page(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "back": reverse("admin:accounts_telegramlink_mine"),
            "commands": settings.TELEGRAM_COMMANDS if settings.TELEGRAM_BOT_TOKEN else "",
            "bot": bot_name(),
        }


@admin.register(TelegramCommand)
class TelegramCommandAdmin(LedgerAdmin):
    list_display = ("at", "who", "verb", "said", "status_label", "answer")
    list_filter = ("status", "verb", "operator")
    list_select_related = ("operator",)
    fields = describe(TelegramCommand, "token")

    def seen_by(self, user: Any, queryset: QuerySet[TelegramCommand]) -> QuerySet[TelegramCommand]:
        return queryset.filter(operator=user)

    @display(description="Who", ordering="operator")
    def who(self, row: TelegramCommand) -> str:
        return str(row.operator) if row.operator else f"stranger, chat {row.chat_id}"

    @display(description="With")
    def said(self, row: TelegramCommand) -> str:
        return " ".join(str(word) for word in row.arguments)

    @display(
        description="Status",
        label={"DONE": "success", "ASKED": "info", "REFUSED": "warning", "EXPIRED": "warning", "FAILED": "danger"},
    )
    def status_label(self, row: TelegramCommand) -> str:
        return row.status


def bot_name() -> str:
    """`@name` of the bot that answers now; empty when none does."""
    found = [life.detail for life in heartbeat.lives(now=clock.now()) if life.process == PROCESS and life.alive]
    return found[0] if found else ""
