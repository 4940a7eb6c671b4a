"""django-q2's ORM broker with two changes: it wakes up on a commit instead of polling, and it rides out a database
that does not answer (upstream's pusher sleeps for 10 s and dies, which would take the whole cluster with it).
"""

from __future__ import annotations

import time

from django.db import Error, connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf

from tradeops.core import logs, wake

logger = logs.get(__name__)
_RETRY_SECONDS = 0.5
_SWEEP_SECONDS = 0.25  # rows whose lock has run out make no commit; and the pusher asks this often whether to stop
_BETWEEN_LOOKS = 0.02  # most commits are not for this queue: a burst of them makes one look, not one each


class Broker(ORM):
    """`last_row` is the primary key of the row that `enqueue` wrote last."""

    last_row: int | None = None
    _failing = False
    _watcher: wake.Watcher | None = None

    def enqueue(self, task: str) -> int:
        self.last_row = int(super().enqueue(task))
        wake.notify(wake.TASKS)
        return self.last_row

    def dequeue(self) -> list[tuple[int, str]]:
        """What is due, locked for `retry` seconds. Empty after a quarter of a second without work."""
        try:
            tasks = self._take()
            if not tasks:
                # Made here, in the pusher: a connection must not be shared over a fork.
                self._watcher = self._watcher or wake.watcher(wake.TASKS)
                time.sleep(_BETWEEN_LOOKS)
                self._watcher.wait(_SWEEP_SECONDS)
        except Error as error:
            if not self._failing:
                logger.warning("the database does not answer; trying again", queue=self.list_key, error=str(error))
            self._failing = True
            connections[Conf.ORM].close()
            time.sleep(_RETRY_SECONDS)
            return []
        self._failing = False
        return tasks

    def _take(self) -> list[tuple[int, str]]:
        if not self._anything():
            return []
        rows = self.get_connection().filter(key=self.list_key, lock__lt=timezone.now()).order_by("pk")
        return [
            (row.pk, row.payload)
            for row in rows[: Conf.BULK]
            # Conditional: another cluster may have been faster.
            if self.get_connection().filter(pk=row.pk, lock=row.lock).update(lock=self.timeout(row))
        ]

    def _anything(self) -> bool:
        """Asked at every commit, mostly for nothing: without the ORM's overhead."""
        database = self.get_connection().db
        now = connections[database].ops.adapt_datetimefield_value(timezone.now())
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_q_ormq WHERE key = %s AND lock < %s LIMIT 1", [self.list_key, now])
            return cursor.fetchone() is not None
