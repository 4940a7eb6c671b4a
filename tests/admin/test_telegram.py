"""People link their own chats and set up their own authenticators; secrets are shown once (N3, U5)."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import linking, second_factor
from accounts.models import Operator, TelegramCode, TelegramCommand, TelegramLink
from tests.admin.conftest import PASSWORD
from tests.factories import NOW
from tradeops.core import clock, heartbeat

MINE = reverse("admin:accounts_telegramlink_mine")
CODE = reverse("admin:accounts_telegramlink_code")
AUTHENTICATOR = reverse("admin:accounts_operator_authenticator")


@pytest.fixture
def ann(db):
    """Staff without any permission."""
    return Operator.objects.create_user("ann", password=PASSWORD, is_staff=True)


@pytest.fixture
def page(ann):
    client = Client()
    client.force_login(ann)
    return client


def text(answer) -> str:
    assert answer.status_code == 200
    return answer.content.decode()


def linked(person, chat=7):
    return linking.link(code=linking.new_code(person=person, now=NOW), chat_id=chat, name="Ann <i>", now=NOW)


def code_of(secret: str, *, seconds: int = 0) -> str:
    totp = TOTP(b32decode(secret))
    totp.time = (clock.now() + timedelta(seconds=seconds)).timestamp()
    return f"{totp.token():06d}"


def test_a_code_is_shown_once_after_the_password(page, ann):
    assert "Link a chat" in text(page.get(MINE))
    assert "Make a code for Telegram?" in text(page.post(CODE))
    assert "That is not your password" in text(page.post(CODE, {"confirm_password": "wrong"}))
    assert not TelegramCode.objects.exists()
    shown = text(page.post(CODE, {"confirm_password": PASSWORD}))
    [code] = re.findall(r"/start ([2-9A-Z]{12})", shown)
    assert linking.link(code=code, chat_id=7, name="", now=clock.now()).operator == ann
    assert code not in text(page.get(MINE))
    assert page.get(CODE).status_code == 405


def test_the_page_says_what_the_bot_does(page, settings):
    settings.TELEGRAM_COMMANDS = "polling"
    assert "The bot does not answer now" in text(page.get(MINE))
    heartbeat.beat(process="telegram", started_at=clock.now(), now=clock.now(), detail="@ops_bot")
    assert "@ops_bot answers." in text(page.get(MINE))
    settings.TELEGRAM_COMMANDS = "off"
    assert "Commands are switched off" in text(page.get(MINE))
    settings.TELEGRAM_BOT_TOKEN = ""
    assert "TELEGRAM_BOT_TOKEN is not set" in text(page.get(MINE))


def test_ones_own_chats_and_no_others(page, ann, boss):
    own, other = linked(ann), linked(Operator.objects.get(username="boss"), chat=8)
    shown = text(page.get(MINE))
    assert "Ann &lt;i&gt;" in shown
    assert "chat 8" not in shown
    unlink = "admin:accounts_telegramlink_unlink"
    assert page.post(reverse(unlink, args=[other.pk])).status_code == 403
    assert page.get(reverse(unlink, args=[own.pk])).status_code == 405
    assert page.post(reverse(unlink, args=[own.pk])).status_code == 302
    assert list(TelegramLink.objects.filter(ended_at=None)) == [other]


def test_a_superuser_unlinks_anybody(boss, ann):
    row = linked(ann)
    assert "Unlink" in text(boss.get(reverse("admin:accounts_telegramlink_change", args=[row.pk])))
    assert boss.post(reverse("admin:accounts_telegramlink_unlink", args=[row.pk])).status_code == 302
    assert linking.of_chat(7) is None


def test_commands_are_listed_to_who_may_see_them(boss, staff, page, ann):
    row = TelegramCommand.objects.create(
        update_id=1, chat_id=7, operator=ann, verb="kill", arguments=["global", "", "<b>"], status="DONE",
        answer="New entries are stopped: everything.", token="f" * 32, at=NOW,
    )  # fmt: skip
    TelegramCommand.objects.create(update_id=2, chat_id=9, verb="stranger", status="REFUSED", at=NOW)
    url = reverse("admin:accounts_telegramcommand_changelist")
    shown = text(boss.get(url))
    assert "global  &lt;b&gt;" in shown
    assert "stranger, chat 9" in shown
    assert "f" * 32 not in shown + text(boss.get(reverse("admin:accounts_telegramcommand_change", args=[row.pk])))
    assert "New entries are stopped" not in text(staff.get(url))
    assert page.get(url).status_code == 403


def test_an_authenticator_is_set_up_and_its_secret_shown_once(page, ann):
    assert "You have no authenticator." in text(page.get(AUTHENTICATOR))
    assert "That is not your password" in text(page.post(AUTHENTICATOR, {"step": "begin", "confirm_password": "x"}))
    assert not TOTPDevice.objects.exists()
    shown = text(page.post(AUTHENTICATOR, {"step": "begin", "confirm_password": PASSWORD}))
    [secret] = re.findall(r">([A-Z2-7]{32})<", shown)
    assert "data:image/svg+xml" in shown
    again = text(
        page.post(AUTHENTICATOR, {"step": "confirm", "code": "000000" if code_of(secret) != "000000" else "1"})
    )
    assert "That code is wrong" in again
    assert secret not in again
    assert not second_factor.enrolled(ann)
    TOTPDevice.objects.update(throttling_failure_count=0)
    assert page.post(AUTHENTICATOR, {"step": "confirm", "code": code_of(secret)}).status_code == 302
    assert second_factor.enrolled(ann)
    after = text(page.get(AUTHENTICATOR))
    assert "Your authenticator is set up." in after
    assert secret not in after


def test_whoever_has_the_session_only_does_not_replace_it(page, ann):
    made = second_factor.begin(person=ann)
    second_factor.confirm(person=ann, code=code_of(made.secret), now=clock.now())
    before = TOTPDevice.objects.values().get()
    shown = text(page.post(AUTHENTICATOR, {"step": "begin", "confirm_password": PASSWORD}))
    assert "There is an authenticator already" in shown
    page.post(AUTHENTICATOR, {"step": "remove", "confirm_password": PASSWORD, "code": code_of(made.secret)})  # used
    assert TOTPDevice.objects.get().key == before["key"]
    TOTPDevice.objects.update(throttling_failure_count=0)
    fresh = {"step": "remove", "confirm_password": PASSWORD, "code": code_of(made.secret, seconds=30)}
    assert page.post(AUTHENTICATOR, {**fresh, "confirm_password": "wrong"}).status_code == 200
    assert second_factor.enrolled(ann)
    assert page.post(AUTHENTICATOR, fresh).status_code == 302
    assert not TOTPDevice.objects.exists()


def test_a_superuser_removes_it_for_a_lost_phone(boss, staff, ann):
    made = second_factor.begin(person=ann)
    second_factor.confirm(person=ann, code=code_of(made.secret), now=clock.now())
    assert "Remove the authenticator" in text(boss.get(reverse("admin:accounts_operator_change", args=[ann.pk])))
    url = reverse("admin:accounts_operator_remove_authenticator", args=[ann.pk])
    assert staff.post(url, {"confirm_password": PASSWORD}).status_code in (403, 404)
    assert "Remove the authenticator of ann?" in text(boss.post(url))
    assert second_factor.enrolled(ann)
    assert boss.post(url, {"confirm_password": PASSWORD}).status_code == 302
    assert not second_factor.enrolled(ann)


def test_a_role_is_given_by_superusers_only(boss, staff, ann):
    url = reverse("admin:accounts_operator_change", args=[ann.pk])
    assert 'name="role"' in text(boss.get(url))
    assert staff.post(url, {"username": "ann", "role": "admin"}).status_code in (302, 403)
    ann.refresh_from_db()
    assert ann.role == "viewer"


def test_the_menu_speaks_of_telegram_where_there_are_commands(boss, settings):
    def menu():
        return text(boss.get(reverse("admin:index")))

    settings.TELEGRAM_COMMANDS = "polling"
    assert MINE in menu()
    settings.TELEGRAM_COMMANDS = "off"
    assert MINE not in menu()
    settings.TELEGRAM_COMMANDS, settings.TELEGRAM_BOT_TOKEN = "polling", ""
    assert MINE not in menu()
    assert AUTHENTICATOR in menu()
