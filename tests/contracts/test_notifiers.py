"""What every notifier in settings.NOTIFIERS must do. A new one adds its side of the wire to `SIDES`."""

import base64
import json
import secrets
import time

import pytest
import standardwebhooks
from aiohttp import web
from django.conf import settings

from relay.models import PrivateNetwork
from relay.notify import registry
from relay.notify.base import Destination, NotifierFinal, NotifierMessage, NotifierTemporary
from tests.fakes import smtp
from tests.fakes.receivers import Server, Telegram, answer, hang, refuse, reset
from tests.relay.conftest import NOW
from tradeops.core import configuration, signing
from tradeops.core.errors import ConfigurationError
from tradeops.core.events import Level

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = secrets.token_hex(12)


class TelegramSide:
    """The other side, and how it says what a notifier must understand."""

    to = Destination("123")
    unknown = Destination("missing")
    secret = settings.TELEGRAM_BOT_TOKEN
    waits = 7.0
    escaped = "&lt;script&gt;"
    busy = staticmethod(refuse(429, "Too Many Requests: retry after 7", retry_after=7))
    down = staticmethod(refuse(502, "Bad Gateway"))
    forbidden = staticmethod(refuse(403, "Forbidden: bot was blocked by the user"))
    unauthorized = staticmethod(refuse(401, "Unauthorized"))
    echo = staticmethod(refuse(400, f"Bad Request: {secret} is not understood"))
    reset, hang = staticmethod(reset()), staticmethod(hang())

    def __init__(self, server):
        self.server = server

    def texts(self):
        return [sent["text"] for sent in self.server.sent]


class SlackSide:
    secret = TOKEN
    waits = 7.0
    escaped = "&lt;script&gt;"
    busy = staticmethod(answer(429, text="rate_limited", headers={"Retry-After": "7"}))
    down = staticmethod(answer(500, text="rollup_error"))
    forbidden = staticmethod(answer(403, text="action_prohibited"))
    unauthorized = staticmethod(answer(403, text="invalid_token"))
    echo = staticmethod(answer(400, text=f"{secret} is not understood"))
    reset, hang = staticmethod(reset()), staticmethod(hang())

    def __init__(self, server):
        self.server = server
        server.default = self._answer
        self.to = Destination("", f"http://127.0.0.1:{server.port}/services/T1/B1/{TOKEN}")
        self.unknown = Destination("", f"http://127.0.0.1:{server.port}/services/T1/B1/gone")
        self.taken = []

    async def _answer(self, request):
        if not request.path.endswith(TOKEN):
            return web.Response(status=404, text="no_service")
        self.taken.append(await request.json())
        return web.Response(text="ok")

    def texts(self):
        return [json.dumps(taken, ensure_ascii=False) for taken in self.taken]


class WebhookSide:
    secret = TOKEN
    waits = 7.0
    escaped = "<script>"  # JSON has no markup
    busy = staticmethod(answer(429, headers={"Retry-After": "7"}))
    down = staticmethod(answer(503))
    forbidden = staticmethod(answer(403))
    unauthorized = staticmethod(answer(401))
    echo = staticmethod(answer(400, text=f"{secret} is not understood"))
    reset, hang = staticmethod(reset()), staticmethod(hang())

    def __init__(self, server):
        self.server = server
        server.default = self._answer
        self.to = Destination(f"http://127.0.0.1:{server.port}/told", TOKEN)
        self.unknown = Destination(f"http://127.0.0.1:{server.port}/gone", TOKEN)
        self.taken = []

    async def _answer(self, request):
        if request.path != "/told":
            return web.Response(status=404)
        self.taken.append(await request.text())
        return web.Response()

    def texts(self):
        return self.taken


class EmailSide:
    to = Destination("ops@example.com")
    unknown = Destination("missing@example.com")
    secret = TOKEN
    waits = None  # SMTP has no word for it
    escaped = "&lt;script&gt;"
    busy = staticmethod(smtp.says("MAIL", "451 try again later"))
    down = staticmethod(smtp.says("connect", "421 closing"))
    forbidden = staticmethod(smtp.says("MAIL", "550 not from there"))
    unauthorized = staticmethod(smtp.says("AUTH", "535 who are you"))
    echo = staticmethod(smtp.says("body", f"554 {secret} is not understood"))
    reset, hang = staticmethod(smtp.slammed), staticmethod(smtp.silent)

    def __init__(self, server):
        self.server = server

    def texts(self):
        found = []
        for mail in self.server.mails:
            plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
            found.append(html.get_content() + plain.get_content().replace("<", "&lt;").replace(">", "&gt;"))
        return found


@pytest.fixture
def telegram(settings):
    with Telegram(token=settings.TELEGRAM_BOT_TOKEN) as server:
        settings.TELEGRAM_API_URL = server.api_url
        yield TelegramSide(server)


@pytest.fixture
def loopback():
    """The operator has allowed the loopback network."""
    PrivateNetwork.objects.create(cidr="127.0.0.0/8")
    configuration.changed()


@pytest.fixture
def slack(loopback):
    with Server() as server:
        yield SlackSide(server)


@pytest.fixture
def webhook(loopback):
    with Server() as server:
        yield WebhookSide(server)


@pytest.fixture
def email(settings):
    with smtp.MailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = smtp.HOST, server.port
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "desk", TOKEN
        settings.DEFAULT_FROM_EMAIL = "desk@example.com"
        yield EmailSide(server)


SIDES = {"telegram": "telegram", "slack": "slack", "webhook": "webhook", "email": "email"}


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
    given = {
        "id": "ntf-1",
        "event": "order.filled",
        "level": Level.INFO,
        "at": NOW,
        "details": (("Account", "paper-1"),),
        **fields,
    }
    return NotifierMessage(title=title, **given)


def test_it_brings_title_details_and_time(notifier, side):
    notifier.send(message(), to=side.to)
    [text] = side.texts()
    for part in ("BTC/USDT was bought", "Account", "paper-1", "order.filled", "2026-03-02T14:30:00.000Z"):
        assert part in text


def test_it_can_be_used_again_and_closed_twice_over(notifier, side):
    notifier.send(message("one"), to=side.to)
    notifier.send(message("two"), to=side.to)
    assert ["one" in side.texts()[0], "two" in side.texts()[1]] == [True, True]


def test_markup_in_a_text_is_text(notifier, side):
    notifier.send(message("<b>a & b</b> <script>", details=(("<i>", "</code>"),)), to=side.to)
    [text] = side.texts()
    assert side.escaped in text
    assert side.escaped == "<script>" or "<script>" not in text


@pytest.mark.parametrize("title", ["x" * 50_000, "🚀" * 5_000, "&" * 5_000, ""])
def test_any_length_arrives(notifier, side, title):
    notifier.send(message(title, details=tuple((f"n{i}", "v" * 5_000) for i in range(100))), to=side.to)
    assert len(side.texts()) == 1


def test_asked_to_wait_it_says_for_how_long(notifier, side):
    side.server.script = [side.busy]
    with pytest.raises(NotifierTemporary) as caught:
        notifier.send(message(), to=side.to)
    assert caught.value.retry_after == side.waits
    assert side.texts() == []


@pytest.mark.parametrize("trouble", ["down", "reset"])
def test_trouble_on_the_way_is_temporary(notifier, side, trouble):
    side.server.script = [getattr(side, trouble)]
    with pytest.raises(NotifierTemporary):
        notifier.send(message(), to=side.to)
    notifier.send(message(), to=side.to)
    assert len(side.texts()) == 1, "and it works again afterwards"


def test_silence_is_temporary_and_bounded(notifier, side):
    side.server.script = [side.hang]
    started = time.monotonic()
    with pytest.raises(NotifierTemporary):
        notifier.send(message(), to=side.to)
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("refusal", ["forbidden", "unauthorized"])
def test_what_a_person_must_mend_is_final(notifier, side, refusal):
    side.server.script = [getattr(side, refusal)]
    with pytest.raises(NotifierFinal) as caught:
        notifier.send(message(), to=side.to)
    assert caught.value.permanent
    assert caught.value.mend, "what waits is kept until it is mended"


def test_an_unknown_target_is_final(notifier, side):
    with pytest.raises(NotifierFinal) as caught:
        notifier.send(message(), to=side.unknown)
    assert caught.value.mend


def test_a_message_that_is_refused_is_no_fault_of_the_channel(notifier, side):
    side.server.script = [side.echo]
    with pytest.raises(NotifierFinal) as caught:
        notifier.send(message(), to=side.to)
    assert not caught.value.mend


@pytest.mark.parametrize("trouble", ["busy", "down", "forbidden", "unauthorized", "echo", "reset"])
def test_no_error_and_no_log_names_the_secret(notifier, side, trouble, caplog):
    caplog.set_level("DEBUG")
    side.server.script = [getattr(side, trouble)]
    with pytest.raises((NotifierTemporary, NotifierFinal)) as caught:
        notifier.send(message(), to=side.to)
    assert side.secret not in str(caught.value)
    for record in caplog.records:
        if record.name.startswith(("relay", "tradeops")) or record.levelname in ("WARNING", "ERROR"):
            assert side.secret not in record.getMessage()


@pytest.mark.parametrize("kind", ["slack", "webhook"], indirect=True)
def test_a_private_address_is_not_connected_to_unless_allowed(notifier, side):
    PrivateNetwork.objects.all().delete()
    configuration.changed()
    with pytest.raises(NotifierFinal, match="private or special address") as caught:
        notifier.send(message(), to=side.to)
    assert caught.value.mend
    assert side.server.requests == []


@pytest.mark.parametrize("kind", ["slack", "webhook"], indirect=True)
def test_a_redirect_is_not_followed(notifier, side):
    side.server.script = [answer(307, headers={"Location": "/elsewhere"})]
    with pytest.raises(NotifierFinal, match="redirects are not followed"):
        notifier.send(message(), to=side.to)
    assert len(side.server.requests) == 1


@pytest.mark.parametrize("kind", ["webhook"], indirect=True)
def test_the_webhook_is_signed_both_ways(notifier, side):
    notifier.send(message(), to=side.to)
    [request] = side.server.requests
    assert signing.hex_signature_matches(TOKEN, request.body, request.headers["X-Webhook-Signature"])
    raw = base64.b64encode(TOKEN.encode()).decode()
    read = standardwebhooks.Webhook(raw).verify(request.body, {k.lower(): v for k, v in request.headers.items()})
    assert (read["id"], request.headers["webhook-id"]) == ("ntf-1", "ntf-1")
    assert (read["event"], read["level"], read["title"]) == ("order.filled", "info", "BTC/USDT was bought")
    assert read["details"] == [{"label": "Account", "value": "paper-1"}]


@pytest.mark.parametrize("kind", ["slack"], indirect=True)
@pytest.mark.parametrize(
    ("level", "colour"), [("info", "#2eb67d"), ("warning", "#ecb22e"), ("error", "#e01e5a"), ("critical", "#8b0000")]
)
def test_slack_shows_the_level_by_colour(notifier, side, level, colour):
    notifier.send(message("<!channel> look", level=Level(level)), to=side.to)
    assert side.taken[0]["attachments"][0]["color"] == colour
    assert "<!channel>" not in side.texts()[0]


@pytest.mark.parametrize("kind", ["slack"], indirect=True)
def test_slack_takes_the_url_of_the_environment_for_a_channel_without_one(notifier, side, settings):
    with pytest.raises(NotifierFinal, match="SLACK_WEBHOOK_URL is not set"):
        notifier.send(message(), to=Destination(""))
    PrivateNetwork.objects.all().delete()
    settings.SLACK_WEBHOOK_URL = side.to.secret
    notifier.send(message(), to=Destination(""))
    assert len(side.taken) == 1


@pytest.mark.parametrize("kind", ["email"], indirect=True)
def test_a_mail_bears_level_and_title_and_a_batch_is_one_connection(notifier, side, settings):
    settings.ALERT_EMAIL = "night@example.com"
    notifier.send(message("one\nBcc: x@example.com", level=Level.CRITICAL), to=Destination(""))
    notifier.send(message("two"), to=side.to)
    first, second = side.server.mails
    assert (first["Subject"], first["To"], first["From"]) == (
        "[CRITICAL] one Bcc: x@example.com", "night@example.com", "desk@example.com",
    )  # fmt: skip
    assert first["Bcc"] is None
    assert (second["Subject"], second["To"]) == ("[INFO] two", "ops@example.com")
    assert first["Message-ID"] == "<ntf-1@tradeops>"
    assert side.server.conversations == 1


@pytest.mark.parametrize("kind", ["email"], indirect=True)
def test_without_a_mail_server_it_says_so(notifier, side, settings):
    settings.EMAIL_HOST = ""
    with pytest.raises(NotifierFinal, match="EMAIL_URL"):
        notifier.send(message(), to=side.to)
    assert side.server.conversations == 0


def test_an_unknown_kind_is_told_with_what_there_is():
    with pytest.raises(ConfigurationError, match="this installation has email, slack, telegram, webhook"):
        registry.notifier_for("pigeon")
