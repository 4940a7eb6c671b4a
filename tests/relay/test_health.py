"""L4: each endpoint is asked each 30 seconds, once for all hosts, and what it says is kept, summed and told once."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from relay.health import claim, prune, selectors, url
from relay.health.loop import Checker
from relay.models import Delivery, Endpoint, EndpointState, HealthCheck, PrivateNetwork, UptimeHour
from tests.fakes.receivers import Canary, Server, answer, drip, hang, oversized, reset
from tradeops.core import configuration

from .conftest import NOW, Clock, endpoint, send


class ByHand:
    """The checker's rounds, one at a time."""

    def __init__(self, clock: Clock, **options) -> None:
        self._runner = asyncio.Runner()
        self.checker = self._runner.run(self._make(clock, options))

    async def _make(self, clock, options) -> Checker:
        return Checker(now=clock, jitter=options.pop("jitter", lambda low, high: 1.0), **options)

    def start(self) -> None:
        self._runner.run(self.checker.turn())

    def round(self) -> None:
        self._runner.run(self._round())

    async def _round(self) -> None:
        await self.checker.turn()
        await self.checker.settle()

    def close(self) -> None:
        self._runner.run(self.checker.close())
        self._runner.close()


@pytest.fixture
def make_checker(clock, loopback):
    made = []

    def make(**options) -> ByHand:
        made.append(ByHand(clock, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def checker(make_checker):
    return make_checker()


def state(row: Endpoint) -> EndpointState:
    return EndpointState.objects.get(endpoint=row)


def names(published) -> list[str]:
    return [event.name for event in published]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://vps.example.com/hook", "https://vps.example.com/health"),
        ("https://vps.example.com:8443/a/b?token=x", "https://vps.example.com:8443/health"),
        ("http://127.0.0.1:9101/webhook", "http://127.0.0.1:9101/health"),
        ("http://[::1]:9101/", "http://[::1]:9101/health"),
    ],
)
def test_it_asks_at_the_origin(given, asked):
    assert url.of(given) == asked


def test_a_check_is_kept_summed_and_shown(checker, clock, published):
    with Server() as server:
        row = endpoint(server, headers={"X-Door": "open", "Host": "elsewhere"})
        checker.round()
    [asked] = server.checks
    assert (asked.path, asked.body, asked.headers["User-Agent"]) == ("/health", b"", "TradeOps")
    assert (asked.headers["X-Door"], asked.headers["Host"]) == ("open", f"127.0.0.1:{server.port}")
    assert not [name for name in asked.headers if name.lower().startswith(("webhook-", "x-webhook-"))]
    [check] = HealthCheck.objects.all()
    assert (check.endpoint, check.at, check.ok, check.status_code, check.error) == (row, NOW, True, 200, "")
    [hour] = UptimeHour.objects.all()
    assert (hour.hour, hour.checks, hour.ok, hour.ms) == (NOW.replace(minute=0), 1, 1, check.ms)
    assert (state(row).healthy, state(row).checked_at, state(row).check_ms) == (True, NOW, check.ms)
    assert names(published) == []  # a first good answer is no news
    assert server.requests == []


def test_it_is_asked_once_an_interval_whoever_asks(make_checker, clock):
    first, second = make_checker(), make_checker()
    with Server() as server:
        endpoint(server)
        first.round()
        second.round()
        assert len(server.checks) == 1
        clock.forward(29)
        first.round()
        second.round()
        assert len(server.checks) == 1
        clock.forward(1)
        second.round()
        first.round()
        assert len(server.checks) == 2
    assert HealthCheck.objects.count() == 2


@pytest.mark.parametrize(("low", "seconds"), [(True, 27), (False, 33)])
def test_the_interval_has_jitter(make_checker, clock, low, seconds):
    checker = make_checker(jitter=min if low else max)
    with Server() as server:
        row = endpoint(server)
        checker.round()
    assert state(row).check_due_at == NOW + timedelta(seconds=seconds)


def test_what_is_switched_off_or_retired_is_not_asked(checker, clock):
    with Server() as server:
        row = endpoint(server, active=False)
        endpoint(server, "vps-2", retired_at=NOW)
        checker.round()
        assert server.checks == []
        Endpoint.objects.filter(pk=row.pk).update(active=True)
        configuration.changed()
        checker.round()
        assert len(server.checks) == 1


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (answer(500), "HTTP 500"),
        (answer(302, headers={"Location": "/"}), "HTTP 302"),
        (answer(429), "HTTP 429"),
        (reset(), "the connection was closed before an answer came"),
        (drip(), "no complete answer within 1 s"),
        (hang(), "no complete answer within 1 s"),
    ],
)
def test_it_is_unhealthy_and_told_once(checker, clock, published, health, said):
    with Server(health=health) as server:
        row = endpoint(server, timeout_seconds=1)
        checker.round()
        clock.forward(30)
        checker.round()
    assert HealthCheck.objects.filter(ok=False).count() == 2
    assert names(published) == ["endpoint.unhealthy"]
    [event] = published
    assert (event.level, event.endpoint) == ("warning", "vps-1")
    assert event.title == f"vps-1 does not answer its health check: {said}. Messages to it are still tried."
    assert (state(row).healthy, state(row).check_error) == (False, said)
    assert (state(row).breaker, state(row).failures) == ("CLOSED", 0)  # a check alone opens no breaker
    hour = UptimeHour.objects.get()
    assert (hour.checks, hour.ok, hour.ms) == (2, 0, 0)


def test_nobody_listens(checker, clock, published):
    with Server() as server:
        row = endpoint(server)
    checker.round()
    assert state(row).healthy is False
    assert state(row).check_error.startswith("could not connect")


def test_its_recovery_is_told_once(checker, clock, published):
    with Server(health=answer(503)) as server:
        endpoint(server)
        checker.round()
        server.health = answer()
        for _ in range(2):
            clock.forward(30)
            checker.round()
    assert names(published) == ["endpoint.unhealthy", "endpoint.healthy"]
    assert published[1].title == "vps-1 is well again"
    assert published[1].level == "info"


@pytest.mark.parametrize(("status", "why"), [(404, "it has no /health"), (401, "it does not let us ask for /health")])
def test_an_endpoint_without_health_is_unknown_and_no_alarm(checker, clock, published, status, why):
    with Server(health=answer(status)) as server:
        row = endpoint(server)
        checker.round()
    assert names(published) == []
    assert (state(row).healthy, state(row).check_error) == (None, f"HTTP {status}: {why}")
    assert HealthCheck.objects.get().ok is None
    assert not UptimeHour.objects.exists()
    standing = selectors.standings([row], now=NOW)[row.pk]
    assert (standing.health, standing.uptime_24h, standing.checked_at) == ("unknown", None, NOW)


def test_a_long_answer_is_not_read_to_its_end(checker, clock):
    with Server(health=oversized(50 * 1024 * 1024)) as server:
        row = endpoint(server)
        checker.round()
    assert state(row).healthy is True


def test_one_that_hangs_does_not_hold_up_the_others(checker, clock):
    with Server(health=hang()) as sick, Server() as well:
        endpoint(sick, timeout_seconds=5)
        second = endpoint(well, "vps-2")
        checker.start()

        async def until_written() -> None:
            while not await checker.checker._database.run(HealthCheck.objects.filter(endpoint=second).exists):
                await checker.checker._pause()
                await checker.checker.turn()

        checker._runner.run(asyncio.wait_for(until_written(), 4))
        assert not HealthCheck.objects.filter(endpoint__slug="vps-1").exists()


def test_checks_go_nowhere_that_messages_do_not_go(checker, clock):
    with Canary() as canary:
        row = endpoint(f"http://127.0.0.1:{canary.port}/webhook")
        PrivateNetwork.objects.all().delete()
        configuration.changed()
        checker.round()
        assert canary.connections == 0
    assert state(row).healthy is False
    assert "private" in state(row).check_error


def test_a_late_answer_does_not_undo_a_newer_one(checker, clock, published):
    from relay.delivery import endpoints
    from relay.health import record
    from relay.health.ask import Health

    row = endpoint("http://127.0.0.1:9/")
    receiver = endpoints.routing().receivers[row.pk]
    record.write({row.pk: (receiver, Health(at=NOW, ok=True, ms=1))})
    record.write({row.pk: (receiver, Health(at=NOW - timedelta(seconds=5), ok=False, ms=5000, error="late"))})
    assert state(row).healthy is True
    assert names(published) == []
    assert UptimeHour.objects.get().checks == 2  # it was a check all the same


def test_a_good_check_brings_the_probe_of_an_open_breaker_forward_and_closes_nothing(checker, clock, published):
    with Server() as server:
        row = endpoint(server)
        claim.make_states([row.pk], now=NOW)
        EndpointState.objects.update(breaker="OPEN", failures=9, probe_at=NOW + timedelta(seconds=30))
        checker.round()
    found = state(row)
    assert (found.breaker, found.failures, found.healthy) == ("OPEN", 9, True)
    assert NOW <= found.probe_at < NOW + timedelta(seconds=5)
    assert names(published) == []


def hours(row, *entries: tuple[int, int, int, int]) -> None:
    for ago, checks, ok, ms in entries:
        UptimeHour.objects.create(
            endpoint=row, hour=NOW.replace(minute=0) - timedelta(hours=ago), checks=checks, ok=ok, ms=ms
        )


def test_uptime_over_a_day_and_a_month(loopback):
    row = endpoint("http://127.0.0.1:9/")
    hours(row, (0, 60, 60, 600), (24, 120, 119, 1190), (25, 120, 0, 0), (720, 60, 60, 60), (721, 1000, 0, 0))
    standing = selectors.standings([row], now=NOW)[row.pk]
    assert (standing.uptime_24h, standing.uptime_30d) == (Decimal("99.44"), Decimal("66.38"))
    assert (standing.average_ms, standing.health) == (10, "unknown")


def test_a_single_failure_is_never_a_hundred_per_cent(loopback):
    row = endpoint("http://127.0.0.1:9/")
    hours(row, (1, 100_000, 99_999, 0))
    assert selectors.standings([row], now=NOW)[row.pk].uptime_24h == Decimal("99.99")


def test_standings_take_two_queries_for_any_number(loopback, django_assert_num_queries):
    rows = [endpoint("http://127.0.0.1:9/", f"vps-{number}") for number in range(5)]
    claim.make_states([row.pk for row in rows], now=NOW)
    with django_assert_num_queries(2):
        found = selectors.standings(rows, now=NOW)
    assert [found[row.pk].breaker for row in rows] == ["CLOSED"] * 5


def test_old_checks_are_deleted_and_their_sums_stay_for_a_month(loopback):
    row = endpoint("http://127.0.0.1:9/")
    for hours_ago in (1, 23, 25, 48):
        HealthCheck.objects.create(endpoint=row, at=NOW - timedelta(hours=hours_ago), ok=True, ms=1)
    hours(row, (1, 1, 1, 1), (24 * 31 - 1, 1, 1, 1), (24 * 31, 1, 1, 1))
    assert (prune.checks(now=NOW, dry_run=True), prune.hours(now=NOW, dry_run=True)) == (2, 1)
    assert (prune.checks(now=NOW), prune.hours(now=NOW)) == (2, 1)
    assert [NOW - check.at for check in HealthCheck.objects.order_by("-at")] == [
        timedelta(hours=1), timedelta(hours=23),
    ]  # fmt: skip
    assert UptimeHour.objects.count() == 2


def command(*args: str) -> tuple[str, int]:
    out = io.StringIO()
    try:
        call_command("check_endpoints", *args, stdout=out)
    except CommandError as error:
        return out.getvalue() or str(error), error.returncode
    return out.getvalue(), 0


def test_the_command_asks_now_and_says_so_by_its_exit_code(loopback):
    with Server() as well, Server(health=answer(500)) as sick, Server(health=answer(404)) as plain:
        endpoint(well, "vps-1")
        endpoint(plain, "vps-3")
        text, code = command()
        assert code == 0
        assert [line.split()[:3] for line in text.splitlines()[1:]] == [
            ["vps-1", "healthy", "CLOSED"], ["vps-3", "unknown", "CLOSED"],
        ]  # fmt: skip
        endpoint(sick, "vps-2")
        text, code = command("--json")
        assert code == 1
        keys = ("endpoint", "health", "status_code", "uptime_24h")
        assert [tuple(each[key] for key in keys) for each in json.loads(text)] == [
            ("vps-1", "healthy", 200, "100.00"), ("vps-2", "unhealthy", 500, "0.00"), ("vps-3", "unknown", 404, None),
        ]  # fmt: skip
        assert command("vps-1")[1] == 0
        assert [len(each.checks) for each in (well, sick, plain)] == [3, 1, 2]
    assert Delivery.objects.count() == 0


def test_the_command_asks_what_is_off_only_by_name_and_keeps_nothing_of_it(loopback):
    with Server() as server:
        endpoint(server, active=False)
        assert command() == ("No endpoint is switched on.\n", 0)
        text, code = command("vps-1")
        assert (code, "vps-1 (off)" in text, len(server.checks)) == (0, True, 1)
    assert not HealthCheck.objects.exists()


def test_the_command_names_what_there_is(loopback):
    endpoint("http://127.0.0.1:9/")
    endpoint("http://127.0.0.1:9/", "gone", retired_at=NOW)
    assert command("vps-9") == ("There is no endpoint vps-9. There are: vps-1.", 2)
    assert command("gone") == ("There is no endpoint gone. There are: vps-1.", 2)


def test_a_sender_asks_beside_its_deliveries(by_hand, checker, clock):
    with Server(health=hang()) as server:
        row = endpoint(server)
        [delivery] = send(row)
        checker.start()
        by_hand.round()
        assert server.ids() == [delivery.subject]  # delivered while the check hangs
    delivery.refresh_from_db()
    assert delivery.status == "DELIVERED"


def test_the_loop_stops_when_it_is_told_to_and_closes_what_it_opened(clock, loopback):
    async def main() -> None:
        stop = asyncio.Event()
        checks = asyncio.create_task(Checker(now=clock).run(stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(checks, 4)  # not after the grace of the start

    with Server() as server:
        endpoint(server)
        asyncio.run(main())
        assert server.checks == []
