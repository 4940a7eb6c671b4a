"""Email, by Django's mail over EMAIL_URL. The channel's target is the address; without one it is ALERT_EMAIL."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from tradeops.core import clock
from tradeops.core.events import Level

from . import text
from .base import Destination, NotifierFinal, NotifierMessage, NotifierTemporary
from .smtp import Backend, Limit

STEP_SECONDS = 5  # each step of the conversation with the mail server …
TOTAL_SECONDS = 10.0  # … and all of them
COLOURS = {Level.INFO: "#15803d", Level.WARNING: "#b45309", Level.ERROR: "#b91c1c", Level.CRITICAL: "#7f1d1d"}


class EmailNotifier:
    """One connection for all that it sends until `close`."""

    def __init__(self) -> None:
        self._connection: Backend | None = None
        self._limit = Limit()

    def send(self, message: NotifierMessage, *, to: Destination) -> None:
        address = to.target or settings.ALERT_EMAIL
        if not settings.EMAIL_HOST:
            raise NotifierFinal("no mail server is set: give EMAIL_URL, e.g. smtp+tls://user:…@host:587", mend=True)
        if not address:
            raise NotifierFinal("the channel has no address, and ALERT_EMAIL is not set", mend=True)
        with self._limit.within(TOTAL_SECONDS):
            try:
                self._deliver(mail(message, to=address))
            except (smtplib.SMTPException, OSError, UnicodeError) as error:
                late = self._limit.over
                self._drop()
                raise _understood(TimeoutError() if late else error) from None
        if self._limit.over:  # at the very last moment: it was taken
            self._drop()

    def _deliver(self, message: EmailMultiAlternatives) -> None:
        if self._connection is None:
            # Not Django's choice: a host without EMAIL_URL must not fall back to a backend that only pretends.
            self._connection = Backend(step_seconds=STEP_SECONDS, limit=self._limit)
            self._connection.open()
        message.connection = self._connection
        message.send()

    def _drop(self) -> None:
        """A conversation that went wrong is not taken up again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.fail_silently = True
            connection.close()
        self._limit.forget()

    def close(self) -> None:
        with self._limit.within(STEP_SECONDS):
            self._drop()


def mail(message: NotifierMessage, *, to: str) -> EmailMultiAlternatives:
    """Plain text and HTML; its Message-ID is the same on each try."""
    title = " ".join(message.title.split())
    details = [(text.cut(label, 80), text.cut(value, 1000)) for label, value in message.details]
    when = f"{message.event} · {clock.iso_ms(message.at)}"
    lines = [text.cut(title, 2000), "", *(f"{label}: {value}" for label, value in details), "", when]
    made = EmailMultiAlternatives(
        subject=f"[{message.level.value.upper()}] {text.cut(title, 150)}".strip(),
        body="\n".join(lines),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        headers={"Message-ID": f"<{message.id}@tradeops>", "Auto-Submitted": "auto-generated"},
    )
    context = {"title": text.cut(title, 2000), "details": details, "when": when, "colour": COLOURS[message.level],
               "level": message.level.value}  # fmt: skip
    made.attach_alternative(render_to_string("relay/mail.html", context), "text/html")
    return made


def _understood(error: Exception) -> NotifierTemporary | NotifierFinal:
    """By the code of the answer (RFC 5321 §4.2.1): 4yz may go better later, 5yz will not. Its text is not repeated."""
    if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
        return NotifierFinal("the mail server does not accept the user or password of EMAIL_URL", mend=True)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((code for code, _ in error.recipients.values()), default=0)
        told = f"the mail server does not take mail for this address ({code})"
        return NotifierFinal(told, mend=True) if code >= 500 else NotifierTemporary(told)
    if isinstance(error, smtplib.SMTPResponseException):
        told = f"the mail server answered {error.smtp_code}"
        if error.smtp_code >= 500:
            # About the sender or the connection: any other message would fare the same.
            return NotifierFinal(told, mend=not isinstance(error, smtplib.SMTPDataError))
        return NotifierTemporary(told)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotifierFinal("the mail server lacks what EMAIL_URL asks for (TLS or a password)", mend=True)
    if isinstance(error, TimeoutError):
        return NotifierTemporary("the mail server did not answer in time")
    return NotifierTemporary("the mail server could not be reached")
