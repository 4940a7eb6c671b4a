"""Updates that Telegram brings: behind a secret, answered by the rows in the request, said by a worker (N3)."""

from __future__ import annotations

import asyncio
import importlib
import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django_q.models import OrmQ

from accounts import linking
from accounts.models import Operator, TelegramCommand
from relay.models import Message
from signals.operator.telegram import confirm, door, library, webhook
from signals.risk import switch
from tests.factories import NOW
from tests.fakes.receivers import refuse
from tradeops.core import clock
from tradeops.core.errors import ConfigurationError

PATH = "/telegram/webhook"


@pytest.fixture(autouse=True)
def _webhook(settings):
    settings.TELEGRAM_COMMANDS = "webhook"


@pytest.fixture
def boss(db):
    boss = Operator.objects.create_superuser("boss", password="a-password-of-this-test")
    linking.link(code=linking.new_code(person=boss, now=NOW), chat_id=42, name="", now=NOW)
    return boss


def update(number: int, text: str, *, chat: int = 42):
    message = {
        "message_id": number,
        "date": 1772461800,
        "chat": {"id": chat, "type": "private"},
        "from": {"id": chat, "is_bot": False, "first_name": "Ann"},
        "text": text,
    }
    return {"update_id": number, "message": message}


def pressed(number: int, data: str):
    return {
        "update_id": number,
        "callback_query": {
            "id": "p", "from": {"id": 42, "is_bot": False, "first_name": "Ann"}, "chat_instance": "1", "data": data,
            "message": {"message_id": 5, "date": 1, "chat": {"id": 42, "type": "private"}},
        },
    }  # fmt: skip


def post(body, *, secret=None):
    headers = {door.HEADER: door.secret() if secret is None else secret}
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return Client().post(PATH, data, content_type="application/json", headers=headers)


def tasks():
    return [row.task["func"] for row in OrmQ.objects.all()]


def work():
    """What the worker of the queue does with each task, in its order."""
    for row in OrmQ.objects.order_by("pk"):
        task = row.task
        folder, _, name = task["func"].rpartition(".")
        getattr(importlib.import_module(folder), name)(*task["args"], **task["kwargs"])
        row.delete()


def test_an_update_is_answered_by_a_worker(boss, api):
    assert post(update(1, "/positions")).status_code == 200
    assert tasks() == ["signals.tasks.say_on_telegram"]
    assert api.calls == []  # the web process has asked nobody
    work()
    assert api.said() == ["No position is open."]
    assert post(update(1, "/positions")).status_code == 200  # Telegram sends again what it takes for lost
    assert tasks() == []
    assert TelegramCommand.objects.count() == 1


def test_what_is_dangerous_is_done_in_the_request_once_its_button_is_pressed(boss, api):
    post(update(1, "/kill"))
    work()
    assert api.buttons() == [["Yes", "No"]]
    yes = next(iter(api.messages.values()))["buttons"]["Yes"]
    assert post(pressed(2, yes)).status_code == 200
    assert [str(row) for row in switch.states() if row.kill_switch] == ["global"]
    assert post(pressed(2, yes)).status_code == 200
    work()
    assert api.said()[-1] == "New entries are stopped: everything."
    assert TelegramCommand.objects.get().status == "DONE"


@pytest.mark.parametrize("secret", ["", "wrong", "é", None], ids=["none", "wrong", "not ascii", "bot token"])
def test_without_the_secret_there_is_no_such_page(boss, api, secret):
    given = settings.TELEGRAM_BOT_TOKEN if secret is None else secret
    answer = post(update(1, "/kill"), secret=given)
    assert answer.status_code == 404
    assert not TelegramCommand.objects.exists()
    assert tasks() == []


@pytest.mark.parametrize("mode", ["polling", "off"])
def test_in_another_mode_there_is_no_such_page(boss, settings, mode):
    settings.TELEGRAM_COMMANDS = mode
    assert post(update(1, "/kill")).status_code == 404
    assert not TelegramCommand.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"5", b"[" * 50_000, b'{"update_id": "x"}', b'{"message": {}}',
        b'{"update_id": 1, "message": 5}', b'{"update_id": 1, "callback_query": {}}', b"\xff\xfe", b" " * 70_000,
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_update_is_taken_and_forgotten(boss, body):
    assert post(body).status_code == 200
    assert not TelegramCommand.objects.exists()
    assert tasks() == []


def test_a_stranger_gets_the_same_words_here(boss, api):
    post(update(1, "/status", chat=9))
    work()
    assert api.said(9) == ["This bot answers its own people only."]


def test_the_secret_tells_nothing_of_the_token():
    assert settings.TELEGRAM_BOT_TOKEN not in door.secret()
    assert len(door.secret()) == 64
    assert door.secret().isalnum()


def test_the_command_tells_telegram_where_to_call_and_ends(api, settings, capsys):
    from dataclasses import replace

    settings.ENV = replace(settings.ENV, public_url="https://desk.example")
    call_command("telegram_bot")
    assert api.webhook == {
        "url": "https://desk.example/telegram/webhook",
        "secret_token": door.secret(),
        "allowed_updates": '["message", "callback_query"]',
    }
    assert capsys.readouterr().out == "Telegram calls https://desk.example/telegram/webhook from now on.\n"
    api.faults["setWebhook"] = [refuse(400, f"Bad Request: bad webhook for {settings.TELEGRAM_BOT_TOKEN}")]
    with pytest.raises(CommandError, match=r"did not take https://desk\.example/telegram/webhook") as caught:
        call_command("telegram_bot")
    assert settings.TELEGRAM_BOT_TOKEN not in str(caught.value)
    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("mode", "token", "told"),
    [("off", "1:x", "TELEGRAM_COMMANDS is off"), ("polling", "", "TELEGRAM_BOT_TOKEN is not")],
)
def test_the_command_says_what_is_missing(settings, mode, token, told):
    settings.TELEGRAM_COMMANDS, settings.TELEGRAM_BOT_TOKEN = mode, token
    with pytest.raises(CommandError, match=told):
        call_command("telegram_bot")


def test_a_worker_whose_answer_does_not_get_through_leaves_it_open(boss, api):
    from signals.operator.telegram import library, webhook

    post(update(1, "/positions"))
    row = OrmQ.objects.get()
    api.faults["sendMessage"] = [refuse(401, "Unauthorized")]
    webhook.say(*row.task["args"])
    assert TelegramCommand.objects.get().ended_at is None

    async def without_a_token():
        async with library.connected():
            pass

    settings.TELEGRAM_BOT_TOKEN, token = "", settings.TELEGRAM_BOT_TOKEN
    with pytest.raises(ConfigurationError, match="TELEGRAM_BOT_TOKEN is not set"):
        asyncio.run(without_a_token())
    settings.TELEGRAM_BOT_TOKEN = token


def keys():
    return [row.key for row in OrmQ.objects.all()]


def pause_nothing(monkeypatch):
    monkeypatch.setattr(webhook, "PAUSE_SECONDS", 0)


def test_answers_wait_for_nobody_else_s_work(boss, api):
    post(update(1, "/kill"))
    assert keys() == ["telegram"]


def test_the_time_to_confirm_runs_from_when_the_question_was_said(boss, api):
    post(update(1, "/kill"))
    TelegramCommand.objects.update(at=clock.now() - timedelta(minutes=5))
    [row] = TelegramCommand.objects.all()
    assert row.expires_at > clock.now() + timedelta(minutes=15)
    post(update(2, "/positions"))  # ends what has expired
    before = clock.now()
    work()
    row.refresh_from_db()
    assert before + timedelta(seconds=60) <= row.expires_at <= clock.now() + timedelta(seconds=60)
    yes = next(m for m in api.messages.values() if m["buttons"])["buttons"]["Yes"]
    post(pressed(3, yes))
    assert [str(each) for each in switch.states() if each.kill_switch] == ["global"]


def test_what_telegram_does_not_take_is_said_later(boss, api, monkeypatch):
    pause_nothing(monkeypatch)
    monkeypatch.setattr(library, "TRIES", 1)
    api.faults["sendMessage"] = [refuse(502, "Bad Gateway")] * 2
    post(update(1, "/kill"))
    for tries in (1, 2):
        work()
        assert (api.said(), keys()) == ([], ["telegram"]), tries
    work()
    assert api.buttons() == [["Yes", "No"]]
    assert keys() == []
    [row] = TelegramCommand.objects.all()
    assert timedelta(seconds=50) < row.expires_at - clock.now() <= timedelta(seconds=60)


def test_what_was_cancelled_meanwhile_is_not_asked(boss, api):
    post(update(1, "/kill"))
    post(update(2, "/cancel"))
    work()
    assert api.said() == ["Cancelled.", "Cancelled."]
    assert api.buttons() == [[], []]


def test_what_cannot_be_said_is_given_up_and_told(boss, api, monkeypatch):
    pause_nothing(monkeypatch)
    monkeypatch.setattr(library, "TRIES", 1)
    api.faults["sendMessage"] = [refuse(502, "Bad Gateway")]
    post(update(1, "/kill"))
    [queued] = OrmQ.objects.all()
    incoming, replies, since = queued.task["args"]
    queued.delete()
    webhook.say(incoming, replies, since - timedelta(minutes=10))
    assert keys() == []
    [row] = TelegramCommand.objects.all()
    assert (row.status, row.answer) == ("EXPIRED", confirm.NEVER_ASKED)
    [told] = Message.objects.filter(event="telegram.unsaid")
    assert (told.level, told.title) == (
        "error",
        "Telegram could not be reached: the answer to /kill of boss was not said. Telegram commands says what was done",
    )
    assert not any(each.kill_switch for each in switch.states())
