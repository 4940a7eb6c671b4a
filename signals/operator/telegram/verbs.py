"""Every verb, who may say it, and what it is for: the list that /help shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts import roles
from accounts.models import Operator

from . import queries
from .deeds import DEEDS, Deed
from .queries import Shown

Role = Operator.Role


@dataclass(frozen=True)
class Verb:
    """`say` is the verb with what may follow it. Either `show` or `deed`; approve has both, and shows what waits when
    nothing follows it. What takes a one-time code takes an admin besides."""

    name: str
    say: str
    does: str
    role: Operator.Role
    show: Callable[[Operator, Sequence[str], datetime], Shown] | None = None
    deed: Deed | None = None


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("status", "/status", "how it stands", Role.VIEWER, queries.show_status),
        Verb("positions", "/positions [NAME]", "what is open", Role.VIEWER, queries.show_positions),
        Verb("pnl", "/pnl", "profit and loss", Role.VIEWER, queries.show_pnl),
        Verb("trace", "/trace [ID]", "the life of a signal, or of the last one", Role.VIEWER, queries.show_trace),
        Verb("pause", "/pause NAME [WHY]", "stop NAME's entries", Role.OPERATOR, None, DEEDS["pause"]),
        Verb("kill", "/kill [NAME] [WHY]", "stop entries: all, or NAME's", Role.OPERATOR, None, DEEDS["kill"]),
        Verb("resume", "/resume NAME|all [WHY]", "let entries pass again", Role.ADMIN, None, DEEDS["resume"]),
        Verb(
            "approve", "/approve [NUMBER [no] [WHY]]", "answer what waits for a yes", Role.OPERATOR,
            queries.show_waiting, DEEDS["approve"],
        ),
    )
}  # fmt: skip
# Said by a button only, after a kill.
FOLLOWING: dict[str, Verb] = {
    name: Verb(name, "", "", Role.OPERATOR, None, DEEDS[name]) for name in ("entries", "flatten")
}


def known(name: str) -> Verb | None:
    return VERBS.get(name) or FOLLOWING.get(name)


def helped(person: Operator) -> list[str]:
    """The lines of /help: what this person may say."""
    may = [f"{verb.say}: {verb.does}" for verb in VERBS.values() if roles.at_least(person, verb.role)]
    return [*may, "/cancel: forget what was asked", "/unlink: this chat commands no longer"]
