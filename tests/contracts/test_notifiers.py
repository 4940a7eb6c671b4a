"""What every notifier in settings.NOTIFIERS must do. A new one adds its side of the wire to `SIDES`."""

import time

import pytest
from django.conf import settings

from relay.notify import registry
from relay.notify.base import NotifierFinal, NotifierMessage, NotifierTemporary
from tests.fakes.receivers import Telegram, hang, refuse, reset
from tests.relay.conftest import NOW
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Level


class TelegramSide:
    """The other side, and how it says what a notifier must understand."""

    target = "123"
    unknown_target = "missing"
    secret = settings.TELEGRAM_BOT_TOKEN
    busy = staticmethod(refuse(429, "Too Many Requests: retry after 7", retry_after=7))
    down = staticmethod(refuse(502, "Bad Gateway"))
    forbidden = staticmethod(refuse(403, "Forbidden: bot was blocked by the user"))
    unauthorized = staticmethod(refuse(401, "Unauthorized"))

    def __init__(self, server):
        self.server = server

    def texts(self):
        return [sent["text"] for sent in self.server.sent]


@pytest.fixture
def telegram(settings):
    with Telegram(token=settings.TELEGRAM_BOT_TOKEN) as server:
        settings.TELEGRAM_API_URL = server.api_url
        yield TelegramSide(server)


SIDES = {"telegram": "telegram"}


@pytest.fixture(params=sorted(settings.NOTIFIERS))
def kind(request):
    return request.param


@pytest.fixture
def side(kind, request):
    return request.getfixturevalue(SIDES[kind])


@pytest.fixture
def notifier(kind, side):
    made = registry.notifier_for(kind)
    yield made
    made.close()


def message(title="BTC/USDT was bought", **fields):
    given = {"event": "order.filled", "level": Level.INFO, "at": NOW, "details": (("Account", "paper-1"),), **fields}
    return NotifierMessage(title=title, **given)


def test_it_brings_title_details_and_time(notifier, side):
    notifier.send(message(), target=side.target)
    [text] = side.texts()
    for part in ("BTC/USDT was bought", "Account", "paper-1", "order.filled", "2026-03-02T14:30:00.000Z"):
        assert part in text


def test_it_can_be_used_again_and_closed_twice_over(notifier, side):
    notifier.send(message("one"), target=side.target)
    notifier.send(message("two"), target=side.target)
    assert ["one" in side.texts()[0], "two" in side.texts()[1]] == [True, True]


def test_markup_in_a_text_is_text(notifier, side):
    notifier.send(message("<b>a & b</b> <script>", details=(("<i>", "</code>"),)), target=side.target)
    [text] = side.texts()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("title", ["x" * 50_000, "🚀" * 5_000, "&" * 5_000, ""])
def test_any_length_arrives(notifier, side, title):
    notifier.send(message(title, details=tuple((f"n{i}", "v" * 5_000) for i in range(100))), target=side.target)
    assert len(side.texts()) == 1


def test_asked_to_wait_it_says_for_how_long(notifier, side):
    side.server.script = [side.busy]
    with pytest.raises(NotifierTemporary) as caught:
        notifier.send(message(), target=side.target)
    assert caught.value.retry_after == 7.0
    assert side.texts() == []


@pytest.mark.parametrize("trouble", ["down", "reset"])
def test_trouble_on_the_way_is_temporary(notifier, side, trouble):
    side.server.script = [reset() if trouble == "reset" else side.down]
    with pytest.raises(NotifierTemporary):
        notifier.send(message(), target=side.target)
    notifier.send(message(), target=side.target)
    assert len(side.texts()) == 1, "and it works again afterwards"


def test_silence_is_temporary_and_bounded(notifier, side):
    side.server.script = [hang()]
    started = time.monotonic()
    with pytest.raises(NotifierTemporary):
        notifier.send(message(), target=side.target)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("refusal", ["forbidden", "unauthorized"])
def test_what_a_person_must_mend_is_final(notifier, side, refusal):
    side.server.script = [getattr(side, refusal)]
    with pytest.raises(NotifierFinal) as caught:
        notifier.send(message(), target=side.target)
    assert caught.value.permanent


def test_an_unknown_target_is_final(notifier, side):
    with pytest.raises(NotifierFinal):
        notifier.send(message(), target=side.unknown_target)


@pytest.mark.parametrize("answer", ["busy", "down", "forbidden", "unauthorized", "echo"])
def test_no_error_and_no_log_names_the_secret(notifier, side, answer, caplog):
    caplog.set_level("DEBUG")
    echo = refuse(400, f"Bad Request: {side.secret} is not understood")
    side.server.script = [echo if answer == "echo" else getattr(side, answer)]
    with pytest.raises((NotifierTemporary, NotifierFinal)) as caught:
        notifier.send(message(), target=side.target)
    assert side.secret not in str(caught.value)
    for record in caplog.records:
        if record.name.startswith(("relay", "tradeops")) or record.levelname in ("WARNING", "ERROR"):
            assert side.secret not in record.getMessage()


def test_an_unknown_kind_is_told_with_what_there_is():
    with pytest.raises(ConfigurationError, match="there is no notifier 'pigeon'; this installation has telegram"):
        registry.notifier_for("pigeon")
