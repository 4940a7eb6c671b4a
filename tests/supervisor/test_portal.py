"""`manage.py bootstrap` and `manage.py portal` as a newcomer runs them (R1), with their real processes."""

import json
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.faults.portal import Portal
from tests.installation import free_port, installation
from tests.processes import alive, command_line, descendants, wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def three_free_ports():
    """Two for the receivers and the next one for the Telegram stand-in."""
    for _ in range(100):
        first = free_port()
        try:
            for port in (first + 1, first + 2):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no three free ports in a row")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    first = three_free_ports()
    folder = tmp_path_factory.mktemp("portal")
    with installation(
        folder / "data",
        PORT=str(free_port()),
        TRADEOPS_DEMO="1",
        TRADEOPS_DEMO_PORTS=f"{first},{first + 1}",
        TELEGRAM_BOT_TOKEN="",
    ) as made:
        said = made.manage("bootstrap")
        assert "operator: created" in said
        assert "demo: " in said
        yield made


@pytest.fixture
def running(demo, tmp_path):
    portal = Portal(demo, int(demo.variables["PORT"]), tmp_path / "portal.log")
    yield portal
    portal.kill()


def line(portal, word):
    """The rest of the one line that begins with `word`."""
    [found] = re.findall(rf"^{word} (.*)$", portal.log(), re.M)
    return found


def send(portal):
    done = subprocess.run(["sh", "-c", line(portal, "Try")], capture_output=True, text=True, timeout=20)
    return json.loads(done.stdout)


def test_the_second_bootstrap_changes_nothing_and_the_second_start_is_quick(demo, running):
    files = {path.name: path.read_text() for path in demo.data_dir.glob("*.env")}
    assert set(files) == {"secrets.env", "operator.env", "demo.env"}
    assert all(oct(path.stat().st_mode)[-3:] == "600" for path in demo.data_dir.glob("*.env"))
    begun = time.monotonic()
    assert demo.manage("bootstrap").strip() == ""
    running.start()
    # The promise is 10 s; the suite shares its two cores with a second worker.
    assert time.monotonic() - begun < 20
    assert {path.name: path.read_text() for path in demo.data_dir.glob("*.env")} == files
    assert running.stop() == 0


def test_a_newcomers_first_alert(demo, running):
    running.start()
    url, user, password = (line(running, word) for word in ("URL", "User", "Password"))
    assert url == f"http://127.0.0.1:{running.port}/"
    assert user == "operator"
    status, tokens = running.post("/api/v1/auth/token", {"username": user, "password": password})
    assert status == 200

    first = send(running)
    assert first["status"] == "ACCEPTED", first
    time.sleep(1.1)  # the alert bears the second it was sent in
    second = send(running)
    assert second["status"] == "ACCEPTED", second
    assert second["signal_id"] != first["signal_id"]

    def settled():
        trace = running.get(
            f"/api/v1/signals/{first['signal_id']}/trace", headers={"Authorization": f"Bearer {tokens['access']}"}
        )[1]
        told = [notification["status"] for notification in trace["notifications"]]
        return trace if trace["signal"]["relay"] == "DELIVERED" and told and set(told) == {"SENT"} else None

    trace = wait_until(settled, what="a trace with everything in it")
    assert trace["signal"]["status"] == "APPROVED"
    assert sorted((order["account"], order["status"]) for order in trace["orders"]) == [
        ("paper-1", "FILLED"),
        ("paper-2", "FILLED"),
    ]
    assert sorted((delivery["endpoint"], delivery["status"]) for delivery in trace["deliveries"]) == [
        ("vps-1", "DELIVERED"),
        ("vps-2", "DELIVERED"),
    ]

    beside = demo.popen("manage.py", "portal", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, said = beside.communicate(timeout=30)
    assert beside.returncode == 1
    assert "another portal" in said
    assert str(demo.data_dir) in said
    assert running.get("/health/ready")[0] == 200

    assert running.stop(signal.SIGINT) == 0
    assert first["signal_id"] in running.log()  # the receivers' own lines, with their name before them
    assert re.search(r"^demo +\| vps-1: accepted", running.log(), re.M)


def test_a_taken_port_is_told_before_anything_starts(demo):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = demo.popen(
            "manage.py", "portal", env={"PORT": str(port)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said, error = done.communicate(timeout=30)
    assert done.returncode == 1
    assert f"PORT: cannot listen on 127.0.0.1:{port}" in error
    assert said == ""


def test_a_killed_portal_leaves_no_process_and_can_start_again(running):
    running.start()
    below = descendants(running.process.pid)
    assert len(below) > 10
    with socket.create_connection(("127.0.0.1", running.port)) as unfinished:
        # A body that never ends: the web worker that waits for it must not outlive the portal for its sake.
        unfinished.sendall(b"POST /webhook HTTP/1.1\r\nHost: portal\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.5)
        running.process.kill()
        running.process.wait()
        wait_until(
            lambda: not [command_line(pid) for pid in below if alive(pid)], seconds=20, what="the end of every process"
        )
    running.start("--no-demo")
    assert not re.search("^Try ", running.log(), re.M)
    assert running.pid("demo_vps") is None
    assert running.stop() == 0
