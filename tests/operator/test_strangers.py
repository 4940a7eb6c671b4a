"""A chat that is nobody's learns nothing: byte-equal answers, then silence; groups never get one (N3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts import linking
from accounts.models import Operator, TelegramCode, TelegramCommand, TelegramLink
from relay.models import Message
from signals.operator.telegram import strangers
from tests.factories import NOW
from tests.operator.conftest import person

NEUTRAL = "This bot answers its own people only."


@pytest.fixture
def ann(transactional_db):
    return Operator.objects.create_user("ann", password="a-password-of-this-test", is_active=True)


def test_every_answer_is_the_same_bytes(bot, api, ann, home):
    used = linking.new_code(person=ann, now=NOW)
    linking.link(code=used, chat_id=1, name="", now=NOW)
    late = linking.new_code(person=ann, now=NOW - timedelta(minutes=10))
    gone = person("gone", is_active=True)
    former = linking.new_code(person=gone, now=NOW)
    Operator.objects.filter(pk=gone.pk).update(is_active=False)
    texts = [
        "hello", "/start", "/start WRONGCODE222", f"/start {used}", f"/start {late}", f"/start {former}",
        "/status", f"/trace {home.traded.public_id}", "/kill",
    ]  # fmt: skip
    for chat, text in enumerate(texts, start=100):
        assert bot.ask(text, chat=chat) == [NEUTRAL]
        assert api.buttons(chat) == [[]]
    assert TelegramLink.objects.count() == 1
    rows = TelegramCommand.objects.order_by("pk")
    assert {(row.operator, row.status) for row in rows} == {(None, "REFUSED")}
    assert [row.answer for row in rows[2:6]] == [
        "no such code", "the code was used", "the code came too late", "gone is not active",
    ]  # fmt: skip
    assert not rows.exclude(arguments=[]).exists()


def test_a_right_code_links_the_chat_at_once(bot, ann):
    code = linking.new_code(person=ann, now=NOW)
    assert bot.ask(f"/start {code}", chat=9) == ["Linked to ann. /help says what you may do here."]
    row = TelegramLink.objects.get()
    assert (row.operator, row.chat_id, row.name, row.linked_at) == (ann, 9, "Ann", NOW)
    assert bot.ask("/positions", chat=9) == ["No position is open."]
    assert bot.ask(f"/start {code}", chat=10) == [NEUTRAL]
    assert code not in str(list(TelegramCommand.objects.values()))


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
def test_groups_are_met_with_silence_even_with_a_right_code(bot, ann, kind):
    code = linking.new_code(person=ann, now=NOW)
    linking.link(code=code, chat_id=42, name="", now=NOW)
    another = linking.new_code(person=ann, now=NOW)
    for text in ("/status", "/kill", f"/start {another}"):
        assert bot.ask(text, chat=-500, kind=kind, sender=42) == []
    assert not TelegramCommand.objects.exists()
    assert TelegramCode.objects.filter(used_at=None).count() == 1


def test_after_ten_tries_there_is_silence_also_for_a_right_code(bot, clock, ann):
    for number in range(strangers.TRIES):
        assert bot.ask(f"/start GUESS{number}", chat=9) == [NEUTRAL]
    code = linking.new_code(person=ann, now=NOW)
    assert bot.ask(f"/start {code}", chat=9) == []
    assert bot.ask("hello?", chat=9) == []
    assert not TelegramLink.objects.exists()
    assert TelegramCommand.objects.count() == strangers.TRIES
    told = Message.objects.get(event="telegram.strangers")
    assert (told.level, told.title) == ("warning", "A stranger wrote to the Telegram bot 10 times: chat 9")
    assert bot.ask("hello?", chat=10) == [NEUTRAL]
    clock.forward(3601)
    assert bot.ask("hello?", chat=9) == [NEUTRAL]


def test_a_flood_of_strangers_fills_no_table_and_keeps_nobody_out(bot, ann):
    TelegramCommand.objects.bulk_create(
        TelegramCommand(update_id=number, chat_id=number, verb="stranger", status="REFUSED", at=NOW)
        for number in range(strangers.KEPT - 1)
    )
    assert bot.ask("hello", chat=901) == [NEUTRAL]
    told = Message.objects.get(event="telegram.strangers")
    assert (told.level, told.title) == ("critical", "Strangers wrote to the Telegram bot 200 times within the hour")
    assert bot.ask("hello", chat=902) == []
    assert TelegramCommand.objects.count() == strangers.KEPT
    code = linking.new_code(person=ann, now=NOW)
    assert bot.ask(f"/start {code}", chat=903) == ["Linked to ann. /help says what you may do here."]


def test_what_is_no_text_is_met_as_any_other(bot, api, ann):
    api.update(
        message={
            "message_id": 1,
            "date": 1772461800,
            "chat": {"id": 9, "type": "private"},
            "from": {"id": 9, "is_bot": False, "first_name": "A"},
            "sticker": {
                "file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1,
                "is_animated": False, "is_video": False,
            },
        }
    )  # fmt: skip
    bot.hear()
    assert api.said(9) == [NEUTRAL]
