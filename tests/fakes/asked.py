"""A service on loopback that is asked by POST, and is well or unwell in several ways.

`manner`: well (`answer` as JSON), hang (no answer), drip (headers, then a byte each 50 ms without end), reset, huge
(two megabytes), garbage (half a JSON), moved (a redirect to itself), or a status such as 503.
"""

import json
import threading
from contextlib import contextmanager

from tests.fakes import loopback


class Service:
    def __init__(self):
        self.url = ""
        self.manner = "well"
        self.answer = {}
        self.asked = []
        self.stopping = threading.Event()


class _Handler(loopback.Handler):
    def answer(self):
        service = self.server.venue
        service.asked.append(json.loads(self.body()))
        self.close_connection = True
        manner = service.manner
        if isinstance(manner, int):
            return self.say(manner, b"")
        if manner == "hang":
            return service.stopping.wait(20)
        if manner == "reset":
            return self.reset()
        if manner == "drip":
            return self._drip()
        if manner == "moved":
            return self.say(307, b"", Location="/again")
        bodies = {"huge": b" " * 2_000_000, "garbage": b'{"forecasts": {"AAPL": '}
        return self.say(200, bodies.get(manner) or service.answer)

    def _drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.venue.stopping.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()


@contextmanager
def running_service():
    service = Service()
    with loopback.serving(_Handler, service) as service.url:
        try:
            yield service
        finally:
            service.stopping.set()
