"""A mail is sent within its lease or not at all: else another host would send it too."""

import time

import pytest

from relay.notify import claim, email
from relay.notify.base import Destination, NotifierMessage, NotifierTemporary
from tests.fakes import smtp
from tradeops.core.events import Level

from .conftest import NOW

TO = Destination("ops@example.com")


@pytest.fixture
def server(settings):
    with smtp.MailServer() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = smtp.HOST, server.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield server


@pytest.fixture
def notifier():
    made = email.EmailNotifier()
    yield made
    made.close()


def message():
    return NotifierMessage(id="ntf-1", event="order.filled", level=Level.INFO, title="BTC was bought", at=NOW)


def trickles(step):
    """Answers a byte at a time and never ends: no wait for a byte is ever long."""

    def fault(conversation, at):
        if at != step:
            return False
        while not conversation.server.ended.wait(0.2):
            conversation.peer.sendall(b"2")
        raise ConnectionError

    return fault


def slow(seconds):
    """Every step is answered, late; how many there were is told."""

    def fault(conversation, at):
        conversation.server.ended.wait(seconds)
        return False

    return fault


def seconds_until_given_up(notifier):
    began = time.monotonic()
    with pytest.raises(NotifierTemporary, match="did not answer in time"):
        notifier.send(message(), to=TO)
    return time.monotonic() - began


def test_twice_the_time_of_a_mail_is_no_longer_than_a_lease():
    assert claim.LEASE.total_seconds() >= 2 * email.TOTAL_SECONDS
    assert email.TOTAL_SECONDS == 10


@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "body"])
def test_a_server_that_trickles_is_left_in_time(server, notifier, monkeypatch, step):
    monkeypatch.setattr(email, "TOTAL_SECONDS", 1.0)
    server.script = [trickles(step)]
    assert 0.9 < seconds_until_given_up(notifier) < 4
    server.script = []
    notifier.send(message(), to=TO)
    assert len(server.mails) == 1


def test_steps_that_are_each_in_time_are_too_long_together(server, notifier, monkeypatch):
    monkeypatch.setattr(email, "TOTAL_SECONDS", 1.0)
    server.script = [slow(0.4)]
    assert 0.9 < seconds_until_given_up(notifier) < 4
    time.sleep(1)
    assert server.mails == [], "nothing goes out after it was given up"


def test_the_end_of_one_mail_is_not_that_of_the_next(server, notifier, monkeypatch):
    monkeypatch.setattr(email, "TOTAL_SECONDS", 1.5)
    for _ in range(4):
        notifier.send(message(), to=TO)
        time.sleep(0.6)
    assert (len(server.mails), server.conversations) == (4, 1)


def test_a_handshake_that_hangs_is_cut_off_too(server, notifier, monkeypatch, settings):
    """TLS takes the socket over: it is cut off by a handle of its own."""
    monkeypatch.setattr(email, "TOTAL_SECONDS", 1.0)
    settings.EMAIL_USE_SSL = True
    server.script = [smtp.silent]
    assert 0.9 < seconds_until_given_up(notifier) < 4
    assert server.mails == []
