"""What goes wrong, when it is told to: scripted for the next requests, or by seeded probability."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields, replace
from typing import Any

# What may happen to one request. The first three of AFTER do happen at the venue; only the answer is lost.
AFTER = ("accept_then_timeout", "error_after_accept", "reset_after_send")
BEFORE = ("reset_before_accept", "error_before_accept", "answer", "slow")
WHEN_TRADED = ("late", "partial", "rest", "reject")
KINDS = (*BEFORE, *WHEN_TRADED, *AFTER)
ORDERS = ("POST /api/v5/trade/order", "POST /api/v5/trade/batch-orders", "POST /api/v5/trade/order-algo")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`path` is a part of "METHOD /path"; empty = placing orders. Only the fields of its kind are looked at."""

    kind: str
    path: str = ""
    account: str = ""
    times: int = 1
    code: str = "50011"  # answer, reject: what is said
    status: int = 0  # answer, error_…: the HTTP status; 0 = the usual one
    retry_after: str = ""
    ms: int = 0  # slow
    seconds: float = 0  # late: exactly; partial: until the rest fills, 0 = never by itself; accept_then_timeout
    share: str = "0.5"  # partial: what fills at once
    pieces: int = 2  # partial: in how many trades
    hide: float = 0  # partial: by how many seconds the first of them is shown later than the others

    def fits(self, call: str, account: str) -> bool:
        where = self.path in call if self.path else call in ORDERS
        return where and self.account in ("", account)


@dataclass(kw_only=True)
class Modes:
    """What holds until it is changed."""

    late_seconds: float = 0  # orders and trades show after a random time of up to so long
    slow_ms: int = 0
    rest: bool = False  # orders rest until told
    partial_seconds: float = 0  # every market order fills in two halves, so far apart
    reuse_ids: bool = False  # a client order id is free again once its order is filled (Binance)
    ignore_expiry: bool = False  # expTime means nothing (Binance)
    hang_seconds: float = 30  # how long a lost answer keeps the caller waiting
    enforce_limits: bool = False  # 60 orders in 2 s per account and instrument, as OKX; then 50011


@dataclass
class Faults:
    seed: int = 0
    modes: Modes = field(default_factory=Modes)
    chances: dict[str, float] = field(default_factory=dict)
    _script: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 – faults are repeatable, not secret

    def script(self, **facts: Any) -> None:
        """The next `times` requests that fit. Raises ValueError for an unknown kind."""
        fault = Fault(**facts)
        if fault.kind not in KINDS:
            raise ValueError(f"there is no fault {fault.kind!r}; there are {', '.join(KINDS)}")
        self._script.append(fault)

    def change(self, **facts: Any) -> None:
        """Modes and probabilities by name: late_seconds=3, accept_then_timeout=0.05. Raises ValueError."""
        modes = {one.name for one in fields(Modes)}
        for name, value in facts.items():
            if name in modes:
                setattr(self.modes, name, value)
            elif name in KINDS:
                self.chances[name] = float(value)
            else:
                raise ValueError(f"there is neither a mode nor a fault {name!r}")

    def clear(self) -> None:
        self.modes, self.chances, self._script = Modes(), {}, []

    def pick(self, call: str, account: str) -> dict[str, Fault]:
        """What befalls this request, by kind. A scripted fault is used up by it."""
        found: dict[str, Fault] = {}
        for fault in list(self._script):
            if fault.kind not in found and fault.fits(call, account):
                found[fault.kind] = fault
                self._use(fault)
        if call in ORDERS:
            self._by_chance(found)
        if self.modes.slow_ms and "slow" not in found:
            found["slow"] = Fault(kind="slow", ms=self.modes.slow_ms)
        return found

    def _use(self, fault: Fault) -> None:
        place = self._script.index(fault)
        if fault.times > 1:
            self._script[place] = replace(fault, times=fault.times - 1)
        else:
            del self._script[place]

    def _by_chance(self, found: dict[str, Fault]) -> None:
        """At most one of what loses the answer: one throw decides among them. What happens to a trade has its own."""
        if (chance := self.chances.get("partial")) and self.random.random() < chance:
            found.setdefault("partial", Fault(kind="partial", seconds=0.5, hide=0.3))
        throw = self.random.random()
        for kind in (*BEFORE, *AFTER, "rest"):
            chance = self.chances.get(kind, 0.0)
            if throw < chance:
                found.setdefault(kind, Fault(kind=kind))
                return
            throw -= chance

    def late(self, fault: Fault | None) -> float:
        """By how many seconds what happens now is shown late."""
        if fault is not None:
            return fault.seconds
        return self.random.uniform(0, self.modes.late_seconds) if self.modes.late_seconds else 0.0
