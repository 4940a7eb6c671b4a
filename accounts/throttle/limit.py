"""What a limit is, and what a place under it costs.

Whoever calls reserves a place: the moment at which the call may be made, now or later. Two kinds:

- `Window`: the venue counts calls in a sliding window. A place is never nearer than a window to the one `count` places
  before it. This is exact, where a bucket of the same rate lets nearly twice the count through.
- `Rate`: the venue has a rate and a burst: the generic cell rate algorithm (ITU-T I.371; `full_at` is the theoretical
  arrival time), which holds whatever the order in which places are used.

The venue counts arrivals, and of two calls the earlier may travel longer than the later, or its process may be held up.
So a place moves: when its caller wakes up it is now, if the window still allows; when the call is answered it is then,
and the venue cannot have counted it later. Those who wait look again when they wake up. What is not moved for, the
`MARGIN`, is added to the window; and a burst is spread over some milliseconds instead of racing for one processor.
"""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 0.03
SPREAD_SHARE, LONGEST_SPAN, SHORTEST_SPAN = 0.06, 0.005, 0.000002  # the shortest tells places apart
RATE_SHARE, BURST_SHARE = 0.975, 0.95


@dataclass(frozen=True)
class Window:
    """`count` calls in any `seconds`."""

    count: int
    seconds: float

    def place(self, name: str, cost: int) -> Place:
        return Place(
            name=name,
            cost=min(cost, self.count),
            count=self.count,
            window=self.seconds + MARGIN,
            span=min(self.seconds * SPREAD_SHARE / self.count, LONGEST_SPAN),
        )


@dataclass(frozen=True)
class Rate:
    """`per_second` on average, and up to `burst` at once after a pause."""

    per_second: float
    burst: int

    def place(self, name: str, cost: int) -> Place:
        interval = 1 / (self.per_second * RATE_SHARE)
        burst = max(1, int(self.burst * BURST_SHARE))
        return Place(name=name, cost=min(cost, burst), interval=interval, window=(burst - 1) * interval)


@dataclass(frozen=True)
class Free:
    """No limit of its own; the venue may still say that nobody is to call for a while."""

    def place(self, name: str, cost: int) -> Place:
        return Place(name=name, cost=cost)


@dataclass(frozen=True, kw_only=True)
class Place:
    """`cost` places under the limit of that name, as the stores count them; seconds.

    A window: `count` in `window`, `span` apart at least. A rate: `interval` > 0 between places, `window` is how far
    behind its theoretical time a place may be taken (a burst of `window / interval + 1`).
    """

    name: str
    cost: int
    count: int = 0
    window: float = 0.0
    span: float = SHORTEST_SPAN
    interval: float = 0.0


@dataclass(frozen=True)
class Limit:
    """A line of the table. `public`: counted for the venue's address, which sees where we call from; else for the key's
    owner."""

    bound: Window | Rate | Free
    public: bool = False


FREE = Limit(Free())
