"""The client itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import date
from types import TracebackType
from typing import TypeVar

from . import watch
from .errors import Closed
from .paper import PaperAccount
from .patience import until_answered, until_closed
from .reading import Row
from .shapes import Account, Event, Fill, Order, Position
from .shapes_of_analysis import Analysis
from .transport import Secret, SignIn, Transport

T = TypeVar("T")


class Client:
    """Signs in when it is first used, and again when it has to. For any number of threads.

    What asks once (`latest_analysis`, `positions` …) raises ClientError when it fails. What follows the portal
    (`events`, `watch_results`, `PaperAccount.follow`) goes on through outages, waiting as the portal says or for half
    a second and up to 30 s, and raises only what will not pass.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str = "",
        password: str = "",
        otp: str = "",
        token: str = "",
        timeout: float = 10.0,
        ca_file: str | None = None,
        plain_http: bool = False,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """Give `username` and `password`, with `otp` where the person has a device, or an access `token` as it is.

        `timeout` in seconds, for a connection and each wait for data. `ca_file`: whose certificates are accepted
        instead of the public ones. `plain_http`: without TLS to another machine too. `pause` waits so many seconds.
        Raises ValueError for a URL or a combination that makes no sense.
        """
        if bool(token) == bool(username and password):
            raise ValueError("give username and password, or a token")
        self._username = username
        sign_in = SignIn(
            username=username,
            password=Secret(password) if password else None,
            otp=Secret(otp) if otp else None,
            token=Secret(token) if token else None,
        )
        self._transport = Transport(url, sign_in, timeout=timeout, ca_file=ca_file, plain_http=plain_http)
        self._closed = threading.Event()
        self._wait = pause or self._closed.wait

    def __repr__(self) -> str:
        return f"Client({self._transport.url!r}, username={self._username!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every wait: what follows the portal comes to its end."""
        self._closed.set()
        self._transport.close()

    # Analysis ---------------------------------------------------------------------------------------------------

    def latest_analysis(self, *, plan: str = "") -> Analysis:
        """The latest run of today in New York, of `plan` or of any. Raises NotFound where there is none (yet)."""
        return self._results({"plan": plan})

    def analysis(self, day: date | str, *, plan: str = "") -> Analysis:
        """The latest run of that day in New York, a date or YYYY-MM-DD. Raises NotFound where there is none, or it is
        not kept any more."""
        return self._results({"date": str(day), "plan": plan})

    def watch_results(self, after: str | None = None, *, plan: str = "", every: float = 5.0) -> Iterator[Analysis]:
        """Each run's results once, in the order in which they ended, as they come; without end.

        Begins with the newest that is there; with `after`, the `run_id` of the last one seen, with whatever has ended
        since. Results that are no longer kept when they are asked for are passed over. Raises NotFound for an unknown
        `after`.
        """
        return until_closed(watch.results(self._transport, after=after, plan=plan, every=every, pause=self._pause))

    def _results(self, asked: dict[str, str]) -> Analysis:
        return Analysis.of(self._transport.body("/results", {key: value for key, value in asked.items() if value}))

    # Events -----------------------------------------------------------------------------------------------------

    def events(
        self,
        after: int | None = None,
        *,
        event: str = "",
        strategy: str = "",
        account: str = "",
        symbol: str = "",
        every: float = 1.0,
    ) -> Iterator[Event]:
        """Each event once, in the order of their ids, as they happen; without end.

        `after` is the id of the last one seen: none is lost or repeated, whoever restarted meanwhile. 0 is the oldest
        that is kept, None is the moment when the first is asked for. `event` is a name or a beginning, `order.*`.
        Raises EventsGone where some after `after` are not kept any more.
        """
        given = {"event": event, "strategy": strategy, "account": account, "symbol": symbol}
        only = {name: value for name, value in given.items() if value}
        return until_closed(watch.events(self._transport, after=after, only=only, every=every, pause=self._pause))

    def event_cursor(self) -> int:
        """The place after the newest event: `events(after=it)` gives what comes from now on."""
        return until_answered(lambda: watch.place(self._transport), self._pause)

    # Trading ----------------------------------------------------------------------------------------------------

    def sync_paper(self, account: str, *, fills_after: int | None = None) -> PaperAccount:
        """A copy of a paper account as it stands now; its `update` and `follow` keep it up.

        `fills_after`: the `fills_cursor` of an earlier copy, 0 for all fills there were, None for those from now on.
        Waits through outages. Raises NotFound, and NotPaper for an account that is a real one.
        """
        copy = PaperAccount(self._transport, _slug(account), fills_after=fills_after, pause=self._pause)
        until_answered(copy.load, self._pause)
        return copy

    def accounts(self) -> list[Account]:
        return self._all("accounts", {}, Account.of)

    def positions(self, *, account: str = "", strategy: str = "", only_open: bool = True) -> list[Position]:
        asked = {"account": account, "strategy": strategy, "open": "true" if only_open else ""}
        return self._all("positions", asked, Position.of)

    def orders(self, *, account: str = "", strategy: str = "", status: str = "") -> Iterator[Order]:
        """Newest first, page by page as they are taken."""
        return self._each("orders", {"account": account, "strategy": strategy, "status": status}, Order.of)

    def fills(self, *, account: str = "", strategy: str = "", order: str = "") -> Iterator[Fill]:
        """Newest first, page by page as they are taken."""
        return self._each("fills", {"account": account, "strategy": strategy, "order": order}, Fill.of)

    def _all(self, name: str, asked: dict[str, str], read: Callable[[Row], T]) -> list[T]:
        return list(self._each(name, asked, read))

    def _each(self, name: str, asked: dict[str, str], read: Callable[[Row], T]) -> Iterator[T]:
        only = {key: value for key, value in asked.items() if value}
        for page in self._transport.listed(f"/api/v1/{name}", {**only, "page_size": 200}):
            yield from map(read, page)

    def _pause(self, seconds: float) -> None:
        self._wait(seconds)
        if self._closed.is_set():
            raise Closed("The client was closed.")


def _slug(text: str) -> str:
    if not re.fullmatch(r"[-\w]+", text):
        raise ValueError("account: its slug")
    return text
