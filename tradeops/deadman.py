"""The dead-man's call (N2): each minute, as long as the portal is well, an address outside is asked for.

Whoever watches that address sounds the alarm when the calls stop: the portal cannot tell that it is dead. Well means
that every process has shown a sign of life within 20 s; a cluster's comes out of its own queue, so it works, too.
"""

from __future__ import annotations

import threading
from datetime import datetime

from django.conf import settings

from relay.notify import wire
from relay.notify.base import NotifierError
from tradeops import health
from tradeops.core import heartbeat, logs

logger = logs.get(__name__)
EVERY_SECONDS = 60
NEEDED = ("web", *health.PROCESSES)


class DeadMan:
    """Calls in a thread of its own, one at a time: whoever looks after signals meanwhile does not wait for it."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._trouble = ""

    def look(self, *, now: datetime) -> None:
        if not settings.DEADMAN_URL or (self._thread is not None and self._thread.is_alive()):
            return
        silent = unwell(now=now)
        if silent:
            self._note(f"not called, since these show no sign of life: {', '.join(silent)}")
            return
        self._thread = threading.Thread(target=self._call, name="deadman", daemon=True)
        self._thread.start()

    def _call(self) -> None:
        line = wire.Wire("the dead-man's address")
        try:
            wire.judge(line.get(settings.DEADMAN_URL, networks=wire.ANYWHERE), "the dead-man's address")
            self._note("")
        except NotifierError as error:
            self._note(str(error))
        except Exception:
            logger.exception("the dead-man's call failed in a way it should not")
        finally:
            line.close()

    def _note(self, trouble: str) -> None:
        """Each trouble is logged once, and so is its end. The address may be a secret: it is not named."""
        if trouble == self._trouble:
            return
        if trouble:
            logger.error("the dead-man's call was not made", reason=trouble)
        else:
            logger.info("the dead-man's call is made again")
        self._trouble = trouble


def unwell(*, now: datetime) -> list[str]:
    """Which processes show no fresh sign of life on any host."""
    alive = {life.process for life in heartbeat.lives(now=now) if life.alive}
    return [name for name in NEEDED if name not in alive]


man = DeadMan()
