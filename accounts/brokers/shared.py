"""What all processes and hosts share about an account at a venue: its limits, and what it was last told."""

from __future__ import annotations

from typing import Protocol


class Throttle(Protocol):
    """The venue's rate limits, shared by all processes and hosts (X5); see `accounts.throttle`."""

    def wait(self, *keys: str) -> None:
        """Returns when a call counted under all of these keys may be made, having reserved its place.

        Raises BrokerTemporary with `retry_after` instead of waiting for longer than 5 s.
        """

    def done(self) -> None:
        """The call that this thread last waited for is through: the venue has counted it by now, and not later.

        May be left out; then a call that took long is counted from when it was let go.
        """

    def hold(self, *keys: str, seconds: float) -> None:
        """Nobody calls under these keys for so long: the venue said `Retry-After`."""


class Told(Protocol):
    """What an account at a venue was last told (leverage, margin mode), by any process; see `accounts.told`.

    Keys say what, such as `leverage BTC-USDT-SWAP`. What is not known is read from the venue, or told it again.
    """

    def known(self, what: str) -> str:
        """Empty = not known."""

    def begin(self, what: str) -> str:
        """Before the venue is told: nobody knows it now. Returns the token for `done`, which is left out on failure."""

    def done(self, what: str, token: str, value: str) -> None:
        """The venue has taken it."""

    def forget(self) -> None:
        """The venue has contradicted it: nothing of this account is known."""


class Untold:
    """Nothing is ever known: every order has its venue asked, or told again."""

    def known(self, what: str) -> str:
        return ""

    def begin(self, what: str) -> str:
        return ""

    def done(self, what: str, token: str, value: str) -> None:
        pass

    def forget(self) -> None:
        pass
