"""The benchmark's own instruments: a wrong one would quote wrong figures."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

from benchmarks import load, report
from benchmarks.figures import median, percentile


def test_percentiles_are_by_nearest_rank():
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 1) == percentile([3.0], 99) == 3.0
    assert percentile([2.0, 1.0], 50) == 1.0
    assert math.isnan(percentile([], 50))
    assert (median([3.0, 1.0, 2.0]), median([4.0, 1.0])) == (2.0, 2.5)


@pytest.mark.parametrize(
    ("head", "rest", "body"),
    [
        (b"content-length: 5\r\nserver: x", b"hello", b"hello"),
        (b"server: x\r\ncontent-length: 5", b"hell", None),
        (b"transfer-encoding: chunked", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"transfer-encoding: chunked", b"3\r\nabc\r\n", None),
        (b"transfer-encoding: chunked", b"a\r\nabc", None),
    ],
)
def test_an_answer_counts_only_when_it_is_all_there(head, rest, body):
    assert load.complete(b"http/1.1 201 created\r\n" + head, rest) == body


class Server:
    """Answers 201 and keeps what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, str]] = []
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.append(json.loads(await reader.readexactly(length)))
                answer = json.dumps({"signal_id": self.bodies[-1]["n"]}).encode()
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()
            self.open -= 1


def run(job, kind) -> tuple[dict, list[dict[str, str]]]:
    async def main():
        server = Server()
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            common = {"port": port, "path": "/", "headers": {}, "bodies": ['{"n": "a{n}"}', '{"n": "b{n}"}']}
            result = await kind({**common, **job})
            while server.open:
                await asyncio.sleep(0.01)
            return result, server.bodies

    return asyncio.run(main())


def test_the_closed_loop_counts_every_answer_and_sends_nothing_twice():
    result, bodies = run({"connections": 4, "warm_seconds": 0.1, "seconds": 0.3}, load.closed)
    assert result["answers"] == {201: len(bodies)}
    assert result["total"] == len(bodies) == len({body["n"] for body in bodies})
    assert 0 < result["rate"] * 0.3 < len(bodies)  # the warm-up is not in the rate
    assert 0 < result["p50"] <= result["p95"] <= result["p99"]


def test_the_open_loop_keeps_its_rate_and_pairs_each_answer_with_its_message():
    result, bodies = run({"connections": 4, "rate": 50, "seconds": 0.4}, load.open_loop)
    assert result["answers"] == {201: 20}
    assert {one["signal"] for one in result["sent"]} == {body["n"] for body in bodies}
    times = sorted(one["sent_at"] for one in result["sent"])
    assert 0.3 < times[-1] - times[0] < 1.5
    assert all(one["acked_at"] >= one["sent_at"] for one in result["sent"])


def test_a_page_keeps_its_words_and_gets_the_new_table(tmp_path):
    page = tmp_path / "performance.md"
    report.write(page, ["first"])
    page.write_text(page.read_text() + "\nWhat it means.\n")
    report.write(page, ["second", "line"])
    assert page.read_text() == (f"# Performance\n\n{report.BEGIN}\nsecond\nline\n{report.END}\n\nWhat it means.\n")
