"""What passes between Telegram and the desk: frozen values that know nothing of the library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One update: a message (`text`) or the press of a button (`press`, with the id that must be answered)."""

    update_id: int
    chat_id: int
    sender_id: int
    private: bool
    name: str = ""
    text: str = ""
    press: str = ""
    press_id: str = ""
    message_id: int = 0


@dataclass(frozen=True)
class Button:
    label: str
    data: str  # at most 64 bytes, core.telegram.org/bots/api#inlinekeyboardbutton


@dataclass(frozen=True, kw_only=True)
class Reply:
    """`html` is Telegram's HTML, at most 4,096 long. `edit` names the message that it takes the place of, 0 = none;
    `press_id` the press that it answers. Without `html` only the press is answered."""

    chat_id: int
    html: str = ""
    buttons: tuple[Button, ...] = ()
    edit: int = 0
    press_id: str = ""
