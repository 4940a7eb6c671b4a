"""Signals at a steady rate for as long as a `with` goes, whatever the answers do."""

from __future__ import annotations

import json
import threading
import time

from benchmarks import targets
from benchmarks.faults.execution.plan import EVERY_CLOSE, Plan
from benchmarks.processes import Failed, Processes

PATH = "/webhook/quant"
CONNECTIONS = 8
PIECE_SECONDS = 1.0


class Stream:
    """`acknowledged` counts those with a 201. Raises Failed at the end when one was refused or not answered."""

    def __init__(self, processes: Processes, portal: targets.Portal, plan: Plan, *, rate: int) -> None:
        # Every symbol bought, all but once in a round, and then closed; each at its own turn, so that something is held
        # whenever the switch comes. Else nothing is between two rounds, and a piece may end there.
        numbers = [
            symbol + plan.symbols * ((turn + symbol) % EVERY_CLOSE)
            for turn in range(EVERY_CLOSE)
            for symbol in range(plan.symbols)
        ]
        messages = [plan.message(portal.token, number) | {"id": f"s{time.time_ns()}-{{n}}"} for number in numbers]
        self._job = {
            "kind": "open", "port": portal.port, "path": PATH, "bodies": [json.dumps(one) for one in messages],
            "connections": CONNECTIONS, "rate": rate, "seconds": PIECE_SECONDS, "sign": "",
        }  # fmt: skip
        self._processes = processes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._pieces = 0
        self._problem = ""
        self.acknowledged = 0

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._problem and kind is None:
            raise Failed(self._problem)

    def go_on(self, *, seconds: float) -> None:
        """Until signals of so long were sent from now on."""
        until = self._pieces + 1 + round(seconds / PIECE_SECONDS)
        while self._pieces < until and self._thread.is_alive():
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            while not self._over.is_set() and not self._problem:
                self._piece()
        except Failed as error:
            self._problem = str(error)

    def _piece(self) -> None:
        bodies = self._job["bodies"]
        assert isinstance(bodies, list)
        result = self._processes.load(self._job)
        sent = round(self._job["rate"] * PIECE_SECONDS)  # type: ignore[operator]
        self._job = {**self._job, "bodies": bodies[sent % len(bodies) :] + bodies[: sent % len(bodies)]}
        self.acknowledged += result["answers"].get(201, 0)
        self._pieces += 1
        # A 503 is a busy database: nothing was stored, and senders try again.
        if set(result["answers"]) - {201, 503} or result["broken"] or result["unanswered"]:
            self._problem = f"signals were not taken: {result['answers']}, {result['broken']} broken off"
