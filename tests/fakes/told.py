"""What a venue was last told, as all processes of a test see it: the shared store without a database."""

from __future__ import annotations

import itertools


class Shared:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._tellers: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def known(self, what: str) -> str:
        return self.values.get(what, "")

    def begin(self, what: str) -> str:
        self.values.pop(what, None)
        self._tellers[what] = f"teller-{next(self._numbers)}"
        return self._tellers[what]

    def done(self, what: str, token: str, value: str) -> None:
        if self._tellers.get(what) == token:
            self.values[what] = value

    def forget(self) -> None:
        self.values.clear()
