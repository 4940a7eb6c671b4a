"""A mail server on loopback: enough of RFC 5321 for a client to be content, and faults by script."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage

HOST = "127.0.0.1"

# What to do at a step ("connect", "AUTH", "MAIL", "RCPT", "DATA", "body"): None goes on as usual.
Fault = Callable[["Conversation", str], bool]


def says(step: str, line: str) -> Fault:
    """Answers `line` at that step of one conversation, and goes on listening."""

    def fault(conversation: Conversation, at: str) -> bool:
        if at != step:
            return False
        conversation.say(line)
        return True

    return fault


def silent(conversation: Conversation, at: str) -> bool:
    """Takes the connection and says nothing until the server ends."""
    conversation.server.ended.wait(30)
    raise ConnectionError


def slammed(conversation: Conversation, at: str) -> bool:
    raise ConnectionError


class Conversation:
    def __init__(self, server: MailServer, peer: socket.socket) -> None:
        self.server, self.peer = server, peer
        self.lines = peer.makefile("rb")

    def say(self, line: str) -> None:
        self.peer.sendall(line.encode() + b"\r\n")

    def run(self) -> None:
        if not self._fault("connect"):
            self.say("220 loopback ready")
        while line := self.lines.readline():
            verb = line.split()[0].decode().upper() if line.split() else ""
            if verb == "QUIT":
                self.say("221 bye")
                return
            if not self._fault(verb):
                self._answer(verb, line)

    def _fault(self, step: str) -> bool:
        script = self.server.script
        try:
            done = bool(script) and script[0](self, step)
        except ConnectionError:
            script.pop(0)
            raise
        if done:
            script.pop(0)
        return done

    def _answer(self, verb: str, line: bytes) -> None:
        if verb == "EHLO":
            self.say("250-loopback\r\n250-8BITMIME\r\n250 AUTH PLAIN")
        elif verb == "AUTH":
            self.say("235 welcome")
        elif verb == "RCPT" and b"missing@" in line:
            self.say("550 no such user")
        elif verb == "DATA":
            self.say("354 go on")
            self._body()
        else:
            self.say("250 ok")

    def _body(self) -> None:
        found = b""
        while (line := self.lines.readline()) not in (b".\r\n", b""):
            found += line.removeprefix(b".") if line.startswith(b"..") else line
        if not self._fault("body"):
            self.server.mails.append(email.message_from_bytes(found, policy=email.policy.default))
            self.say("250 taken")


class MailServer:
    def __init__(self) -> None:
        self.script: list[Fault] = []
        self.mails: list[EmailMessage] = []
        self.conversations = 0
        self.ended = threading.Event()
        self._open: list[socket.socket] = []

    def __enter__(self) -> MailServer:
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.conversations += 1
            self._open.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        conversation = Conversation(self, peer)
        try:
            with suppress(OSError):
                conversation.run()
        finally:
            conversation.lines.close()
            peer.close()
