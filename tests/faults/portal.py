"""A whole portal of its own under test: started, fed over HTTP, killed in places, and stopped."""

import http.client
import json
import re
import signal
import subprocess
from contextlib import contextmanager

from tests.installation import free_port, installation
from tests.processes import alive, children, command_line, descendants, wait_until


class Portal:
    """`port` is the web address; the log holds what the portal printed."""

    def __init__(self, installation, port, log):
        self.installation = installation
        self.port = port
        self._log = log
        self.process = None

    def start(self, *arguments):
        with self._log.open("w") as output:
            self.process = self.installation.popen(
                "manage.py", "portal", *arguments, stdout=output, stderr=subprocess.STDOUT
            )
        wait_until(self._greeted, seconds=60, what="the portal's greeting")

    def _greeted(self):
        assert self.process.poll() is None, self.log()
        return re.search(r"^Password ", self.log(), re.M)

    def log(self):
        return self._log.read_text()

    def stop(self, number=signal.SIGTERM):
        """Asks it to stop; returns the exit code. Fails when a process is left."""
        below = descendants(self.process.pid)
        self.process.send_signal(number)
        code = self.process.wait(timeout=40)
        left = [command_line(pid) for pid in below if alive(pid)]
        assert not left, left
        return code

    def kill(self):
        """As a test's last resort: the children follow by themselves."""
        if self.process is not None and self.process.poll() is None:
            below = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            wait_until(lambda: not any(alive(pid) for pid in below), seconds=20, what="the end of every process")

    def pid(self, command):
        """The child that runs `command`, such as `cluster --queue trade`, or None between two lives."""
        found = [pid for pid in children(self.process.pid) if command_line(pid).endswith(command)]
        return found[0] if found else None

    def cluster_process(self, word):
        """One process of the trade cluster whose title ends in `word` (idle, monitor, pusher), or None."""
        main = self.pid("cluster --queue trade")
        found = [pid for pid in descendants(main) if command_line(pid).endswith(word)] if main else []
        return found[0] if found else None

    def post(self, path, body):
        """(status, JSON) of one request."""
        return self._ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def get(self, path, headers=None):
        return self._ask("GET", path, None, headers or {})

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@contextmanager
def portal(tmp_path, **variables):
    """Migrated, without the demo, and not started yet."""
    port = free_port()
    with installation(tmp_path / "data", PORT=str(port), HOST="127.0.0.1", TRADEOPS_DEMO="0", **variables) as made:
        running = Portal(made, port, tmp_path / "portal.log")
        try:
            yield running
        finally:
            running.kill()
