"""The task that proves that a cluster works: whoever runs it writes the heartbeat of its queue.

A cluster's own status says `Idle` while it is wedged.
"""

from __future__ import annotations

import os

from tradeops.core import clock, heartbeat

# The module is loaded by the cluster's main process, before its workers are forked.
_LOADED_AT = clock.now()


def sing(queue: str) -> None:
    heartbeat.beat(
        process=f"cluster:{queue}",
        started_at=_LOADED_AT,
        now=clock.now(),
        detail=f"cluster {os.getppid()}",
    )
