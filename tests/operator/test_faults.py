"""Telegram away, slow, in conflict or refusing; processes killed between doing and saying; tokens in no log (N3)."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from dataclasses import replace

import pytest
from django.conf import settings
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import TelegramCommand
from relay.models import Message
from signals.models import Order
from signals.operator.telegram import desk
from signals.operator.telegram.base import Incoming
from signals.operator.telegram.poller import LEASE, Poller
from signals.risk import switch
from tests.factories import NOW
from tests.fakes.bot_api import BotApi
from tests.fakes.receivers import answer, hang, refuse, reset
from tests.installation import installation
from tests.operator.conftest import person
from tests.operator.test_deeds import code, enrol
from tradeops.core import lease
from tradeops.core.models import Lease


def kills() -> int:
    return Message.objects.filter(event="kill_switch.on").count()


# Done, and not said


def test_what_was_done_and_not_said_is_said_when_the_update_comes_again(bot, api, boss):
    bot.ask("/kill")
    number = api.press("Yes")
    [row] = TelegramCommand.objects.all()
    pressed = Incoming(update_id=number, chat_id=42, sender_id=42, private=True, press=f"y:{row.token}", press_id="p")
    desk.answer(pressed, now=NOW)  # as a process that was killed then
    assert kills() == 1
    switch.set(scope="global", on=False, reason="", by="ann", now=NOW)
    bot.hear()
    assert api.said() == ["New entries are stopped: everything."]
    assert kills() == 1
    assert not any(row.kill_switch for row in switch.states())


def test_a_flatten_that_was_confirmed_and_not_carried_out_is_taken_up(bot, api, clock, boss):
    for label in ("/kill", "Yes", "Flatten"):
        bot.ask(label) if label.startswith("/") else bot.push(label)
    TelegramCommand.objects.filter(verb="flatten").update(expires_at=None)  # as a process that was killed then
    clock.forward(300)
    assert bot.push("Yes")[-1] == "2 positions are being closed and 0 entries cancelled on everything."
    assert Order.objects.filter(intent="close").count() == 2
    assert TelegramCommand.objects.get(verb="flatten").status == "DONE"


def test_an_update_that_comes_twice_is_answered_once(bot, api, boss):
    api.write("/positions")
    update = dict(api.updates[0])
    bot.hear()
    api.updates.append(update)  # as after a restart before it was confirmed
    bot.hear()
    assert len(api.said()) == 1
    assert TelegramCommand.objects.count() == 1


def test_updates_are_confirmed_after_they_were_done(bot, api, boss):
    """Telegram forgets an update when it is confirmed: until then a killed process has lost nothing."""
    there = []

    async def look(request):
        there.extend(update["update_id"] for update in api.updates)
        return await refuse(500, "try again")(request)

    api.faults["sendMessage"] = [look]
    number = api.write("/status")
    bot.hear()
    assert there == [number]
    assert len(api.said()) == 1
    assert api.updates == []


@pytest.mark.processes
@pytest.mark.timeout(300)  # starts six programs
def test_a_bot_that_is_killed_between_doing_and_saying(tmp_path):
    token = "7:" + "secretsecretsecretsecretsecret12345"
    with (
        BotApi(token=token) as api,
        installation(
            tmp_path / "data", TELEGRAM_BOT_TOKEN=token, TELEGRAM_API_URL=api.api_url, TELEGRAM_COMMANDS="polling"
        ) as made,
    ):
        made.python(
            "from accounts import linking; from accounts.models import Operator; from tradeops.core import clock;"
            "boss = Operator.objects.create_superuser('boss', password='x' * 20);"
            "code = linking.new_code(person=boss, now=clock.now());"
            "linking.link(code=code, chat_id=42, name='Boss', now=clock.now())"
        )
        log = tmp_path / "log"
        api.write("/kill")
        _run(made, api, log, until=lambda: api.said() != [])
        api.press("Yes")
        with log.open("a") as out:
            killed = made.popen(
                "manage.py", "telegram_bot", stdout=out, stderr=out,
                env={"TRADEOPS_FAILPOINTS": "telegram.after_deed=kill"},
            )  # fmt: skip
            assert killed.wait(60) == -signal.SIGKILL
        assert api.said()[0].startswith("Stop new entries")
        _run(made, api, log, until=lambda: api.said()[0].startswith("New entries are stopped"))
        assert made.python(
            "from relay.models import Message; print(Message.objects.filter(event='kill_switch.on').count())"
        ).split() == ["1"]
        assert token not in log.read_text()
        assert token.partition(":")[2] not in log.read_text()


def _run(made, api, log, *, until):
    """The bot's process until something is so; its command line and its log bear no token."""
    with log.open("a") as out:
        process = made.popen("manage.py", "telegram_bot", stdout=out, stderr=out)
        try:
            for _ in range(600):
                if until():
                    break
                assert process.poll() is None, log.read_text()
                _pause(0.1)
            assert until(), log.read_text()
            if os.path.exists(f"/proc/{process.pid}/cmdline"):
                with open(f"/proc/{process.pid}/cmdline") as file:
                    assert api.token not in file.read()
        finally:
            process.terminate()
            try:
                assert process.wait(20) == 0, log.read_text()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _pause(seconds: float) -> None:
    asyncio.run(asyncio.sleep(seconds))


# Telegram's moods


def test_another_poller_of_the_bot_is_told_once(bot, api, boss):
    api.conflicts = 3
    assert bot.ask("/positions all-of-it") == ["No such position is open."]
    told = Message.objects.get(event="telegram.conflict")
    assert (told.level, told.title[:71]) == (
        "error", "Telegram commands do not get here: another program asks for this bot's ",
    )  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [
        refuse(500, "Internal Server Error"),
        refuse(502, "Bad Gateway"),
        refuse(429, "Too Many Requests: retry after 1", retry_after=1),
        reset(),
        hang(),
        answer(200, text="<html>no JSON</html>"),
    ],
    ids=["500", "502", "429", "reset", "hang", "garbage"],
)
@pytest.mark.parametrize("method", ["getMe", "getUpdates", "sendMessage"])
def test_a_command_is_answered_once_telegram_is_well(bot, api, boss, fault, method):
    bot.waits = replace(bot.waits, poll=1, answer=0.3)
    api.faults[method] = [fault]
    assert bot.ask("/positions none") == ["No such position is open."]
    assert TelegramCommand.objects.count() == 1


def test_a_chat_that_has_blocked_the_bot_keeps_nobody_waiting(bot, api, boss, home):
    person("ann", chat=43)
    api.faults["sendMessage"] = [refuse(403, "Forbidden: bot was blocked by the user")]
    api.write("/status", chat=42)
    bot.hear()
    assert bot.ask("/positions", chat=43) == ["No position is open."]
    assert api.calls.count("sendMessage") == 2


def test_a_webhook_is_taken_away_since_updates_come_one_way_only(bot, api, boss):
    api.webhook = {"url": "https://elsewhere.example"}
    assert bot.ask("/positions none") == ["No such position is open."]
    assert api.webhook == {}


def test_an_update_that_cannot_be_answered_keeps_no_other_waiting(bot, api, boss):
    """The authenticator's secret was damaged: nothing that a person at a phone could mend."""
    secret = enrol(boss, at=NOW)
    TOTPDevice.objects.update(key="v1:damaged")
    bot.ask("/resume all")
    api.write(code(secret, NOW))
    api.write("/positions none")
    bot.hear()
    assert api.said()[1:] == [
        "That failed here. The portal's log says why; /status says how it stands.",
        "No such position is open.",
    ]
    assert not TelegramCommand.objects.filter(verb="code").exists()


def test_a_wrong_token_is_told_without_it(bot, api, boss, caplog, capsys):
    bot.api.token = "another"
    stop_after = len(api.calls)

    async def main():
        stop = asyncio.Event()
        running = asyncio.create_task(Poller(now=bot.clock, waits=bot.waits).run(stop))
        for _ in range(400):
            if len(api.requests) > stop_after + 2:
                break
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(main())
    said = caplog.text + "".join(capsys.readouterr())
    assert "Telegram does not know the bot: check TELEGRAM_BOT_TOKEN" in said
    assert len(re.findall("no Telegram commands", caplog.text)) == 1
    assert settings.TELEGRAM_BOT_TOKEN.partition(":")[2] not in said


def test_no_log_line_bears_the_token(bot, api, boss, caplog, capsys):
    caplog.set_level("DEBUG", logger="signals")
    api.faults["sendMessage"] = [refuse(400, f"Bad Request: {settings.TELEGRAM_BOT_TOKEN} is not understood")]
    bot.ask("/status")
    api.faults["getUpdates"] = [refuse(500, f"at /bot{settings.TELEGRAM_BOT_TOKEN}/getUpdates")]
    bot.ask("/status")
    said = caplog.text + "".join(capsys.readouterr())
    assert "a Telegram answer was refused" in said
    assert settings.TELEGRAM_BOT_TOKEN.partition(":")[2] not in said


# One poller at a time


def test_while_another_process_polls_this_one_does_not_ask(bot, api, boss):
    held = lease.acquire(name=LEASE, seconds=30, now=bot.clock(), holder="another-host:1")
    assert held is not None
    api.write("/status")

    async def main():
        stop = asyncio.Event()
        running = asyncio.create_task(Poller(now=bot.clock, waits=bot.waits).run(stop))
        await asyncio.sleep(0.5)
        assert api.calls == []
        bot.clock.forward(31)
        for _ in range(1000):
            if api.idle_polls:
                break
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(main())
    assert len(api.said()) == 1
    assert Lease.objects.get(name=LEASE).holder == ""  # given back
