"""Words of venues that do not say whether a request was taken: the backstop where a code is in no adapter's table (X6).

A question too many costs a question; an order that was taken and is booked as refused is at the venue unseen.
"""

from __future__ import annotations

import re

# What happened to the request is not told, whatever else is said.
_LOST = re.compile(
    r"time[ -]?out|timed[ -]out"
    r"|(internal|system|server|service|network|gateway|backend) (\w+ )?(error|exception|fail\w*)"
    r"|(system|server|service)( is)?( currently| too)? (busy|overloaded|abnormal\w*)"
    r"|unknown (\w+ )?error|unexpected (\w+ )?(response|error|exception)|status (is )?unknown"
    r"|(being|is|under|while|for) process(ed|ing)",
    re.IGNORECASE,
)
# Asked to come again; where a reason is given too, the reason decides.
_COME_AGAIN = re.compile(r"try (it )?again|retry|re-?submit", re.IGNORECASE)


def is_lost(words: str) -> bool:
    return _LOST.search(words.replace("_", " ")) is not None


def asks_to_come_again(words: str) -> bool:
    return _COME_AGAIN.search(words) is not None
