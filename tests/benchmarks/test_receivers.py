"""The endpoints of the relay's benchmark, and what is concluded from what they saw."""

from __future__ import annotations

import socket

import pytest

from benchmarks.processes import Failed, Processes
from benchmarks.relay import sick, stream
from benchmarks.relay.setting import Endpoints


def post(port: int, body: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return sock


def message(number: int, identity: str = "") -> bytes:
    return b'{"id": "%s", "data": {"comment": "breakout %d"}}' % ((identity or f"id-{number}").encode(), number)


def test_each_receiver_has_its_manner_and_tells_what_came(tmp_path):
    with Processes(tmp_path) as processes:
        endpoints = Endpoints(processes, "well", "error", "reset", "hang", "drip")
        well, error, reset, hang, drip = endpoints.ports
        with post(well, message(1)) as sock:
            assert sock.recv(100).startswith(b"HTTP/1.1 200 OK")
        with post(error, message(1)) as sock:
            assert sock.recv(100).startswith(b"HTTP/1.1 503")
        with post(reset, message(1)) as sock, pytest.raises(ConnectionResetError):
            sock.recv(100)
        with post(hang, message(1)) as sock:
            sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                sock.recv(100)
        with post(drip, message(1)) as sock:
            assert b"Content-Length: 100000" in sock.recv(1000)
        arrivals = endpoints.ask("/arrivals")
        assert {port: [one[1:] for one in came] for port, came in arrivals.items()} == {
            str(port): [["1", "id-1"]] for port in endpoints.ports
        }
        assert endpoints.all_have(1, seconds=5) == max(came[0][0] for came in arrivals.values())
        endpoints.forget()
        with pytest.raises(Failed, match="of 1 messages"):
            endpoints.all_have(1, seconds=0)


def test_a_repeat_is_not_another_message(tmp_path):
    with Processes(tmp_path) as processes:
        endpoints = Endpoints(processes, "well")
        for number in (1, 1, 2):
            with post(endpoints.ports[0], message(number)) as sock:
                assert sock.recv(100)
        assert [count for count, _ in endpoints.ask("/progress").values()] == [2]
        assert len(endpoints.ask("/arrivals")[str(endpoints.ports[0])]) == 3


SENT = [
    {"number": "1", "signal": "a", "sent_at": 10.0, "acked_at": 10.01},
    {"number": "2", "signal": "b", "sent_at": 20.0, "acked_at": 20.01},
]


def test_times_are_of_first_arrivals_in_milliseconds():
    came = [[10.03, "1", "a"], [10.5, "1", "a"], [20.05, "2", "b"], [30.0, "99", "z"]]
    times = stream.pair(SENT, {"9101": came})
    assert [round(ms) for ms in times.received] == [30, 50]
    assert [round(ms) for ms in times.after_ack] == [20, 40]
    assert [round(ms) for ms in times.acknowledged] == [10, 10]


def test_a_message_that_did_not_reach_a_receiver_fails_the_measure():
    with pytest.raises(Failed, match="1 first arrivals of 2 messages"):
        stream.pair(SENT, {"9101": [[10.03, "1", "a"]]})


def row(signal: str, end: str) -> dict[str, str]:
    return {"endpoint": "well", "signal": signal, "end": end}


CAME = [[10.0, "1", "a"], [20.0, "2", "b"]]


@pytest.mark.parametrize(
    ("came", "rows", "expected"),
    [
        (CAME, [row("a", "DELIVERED"), row("b", "DELIVERED")], []),
        (CAME, [row("a", "DELIVERED"), row("b", "DEAD: the deadline passed")], []),
        (CAME, [row("a", "DELIVERED")], ["b has no delivery to well"]),
        (CAME, [row("a", "DELIVERED"), row("b", "DEAD")], ["b to well is dead without a reason"]),
        (CAME[:1], [row("a", "DELIVERED"), row("b", "DELIVERED")], ["b is told delivered to well and did not arrive"]),
        (
            [*CAME, [21.0, "2", "c"]],
            [row("a", "DELIVERED"), row("b", "DELIVERED")],
            ["b came to well under ['b', 'c']"],
        ),
    ],
)
def test_what_must_not_be_is_found(came, rows, expected):
    assert sick.problems(SENT, {"well": came}, rows) == expected
