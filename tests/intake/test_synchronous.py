"""Sources whose answer waits for the endpoints (L6): `respond: delivery`."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from relay.models import Delivery, EndpointGroup
from signals.intake import respond
from signals.models import Signal
from signals.pipeline.drain import drain
from tests import factories
from tests.intake.conftest import ALERT
from tradeops.core import clock

FIELDS = ["status", "signal_id", "strategy", "experiment_id", "variant", "request_id", "processing_time_ms"]


def relay_to(*endpoints):
    return factories.strategy(endpoints=[factories.endpoint(slug) for slug in endpoints])


def decided(*endpoints):
    """A signal that is decided and has a PENDING delivery to each endpoint."""
    signal = factories.signal(relay_to(*endpoints))
    drain()
    return signal


def settle(**statuses):
    """Delivery states by endpoint: DELIVERED, DEAD, or RETRYING after one try in vain."""
    for slug, status in statuses.items():
        rows = Delivery.objects.filter(endpoint__slug=slug.replace("_", "-"))
        rows.update(status=status, tries=1, delivered_at=clock.now() if status == "DELIVERED" else None)


@pytest.mark.django_db
class TestOutcome:
    @pytest.mark.parametrize(
        ("statuses", "delivered", "pending", "status"),
        [
            ({"vps_1": "DELIVERED", "vps_2": "DELIVERED"}, 2, False, 201),
            ({"vps_1": "DELIVERED", "vps_2": "DEAD"}, 1, False, 201),
            ({"vps_1": "DELIVERED", "vps_2": "RETRYING"}, 1, True, 201),
            ({"vps_1": "DEAD", "vps_2": "DEAD"}, 0, False, 502),
            ({"vps_1": "DEAD", "vps_2": "RETRYING"}, 0, True, 502),
            ({"vps_1": "RETRYING", "vps_2": "RETRYING"}, 0, True, 502),
            ({"vps_1": "DEAD"}, 0, True, 201),  # the other has not said no
            ({}, 0, True, 201),
        ],
    )
    def test_it_counts_the_endpoints_that_took_it(self, statuses, delivered, pending, status):
        signal = decided("vps-1", "vps-2")
        settle(**statuses)
        found = respond.outcome(signal.public_id, seconds=0)
        assert found.fields() == {"delivered": delivered, "endpoints": 2, "pending": pending}
        assert found.http_status(201) == status

    def test_an_undecided_signal_is_pending(self):
        found = respond.outcome(factories.signal(relay_to("vps-1")).public_id, seconds=0)
        assert found.fields() == {"delivered": 0, "endpoints": 0, "pending": True}
        assert found.http_status(201) == 201

    def test_a_signal_for_no_endpoint_has_not_failed(self):
        signal = factories.signal(factories.strategy(accounts=[factories.account()]))
        drain()
        found = respond.outcome(signal.public_id, seconds=60)
        assert found.fields() == {"delivered": 0, "endpoints": 0, "pending": False}
        assert found.http_status(201) == 201

    def test_what_is_settled_is_not_waited_for(self):
        signal = decided("vps-1")
        settle(vps_1="DELIVERED")
        assert respond.outcome(signal.public_id, seconds=3600).progress.delivered == 1

    def test_a_failover_group_is_one(self):
        signal = decided("vps-1", "vps-2")
        group = EndpointGroup.objects.create(slug="pair", mode="failover")
        settle(vps_1="DEAD", vps_2="DELIVERED")
        Delivery.objects.update(group=group)
        assert respond.outcome(signal.public_id, seconds=0).fields() == {
            "delivered": 1, "endpoints": 1, "pending": False,
        }  # fmt: skip

    def test_a_replay_counts_instead_of_what_it_replays(self):
        signal = decided("vps-1")
        settle(vps_1="DEAD")
        dead = Delivery.objects.get()
        Delivery.objects.create(
            message=dead.message, endpoint=dead.endpoint, type="signal", subject=dead.subject, lane=dead.lane,
            replay_of=dead, status="DELIVERED", tries=1, created_at=dead.created_at, due_at=dead.due_at,
            expires_at=dead.expires_at + timedelta(seconds=60),
        )  # fmt: skip
        found = respond.outcome(signal.public_id, seconds=0)
        assert (found.progress.endpoints, found.progress.delivered) == (1, 1)


class Endpoints:
    """Decides whatever signal comes and gives its deliveries the states that a test wants, from another thread."""

    def __init__(self, **statuses):
        self._statuses, self._stop, self.problem = statuses, threading.Event(), None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        assert self.problem is None

    def _run(self):
        try:
            while not self._stop.wait(0.02):
                if drain():
                    settle(**self._statuses)
        except Exception as error:
            self.problem = error
        finally:
            connection.close()


@pytest.fixture
def waiting(transactional_db, portal, settings):
    """A source that waits, for a strategy with two endpoints; long enough for a machine that is busy."""
    settings.RESPOND_SECONDS = 30
    source = portal.source("sync", respond="delivery")
    strategy = relay_to("vps-1", "vps-2")
    strategy.sources.add(source)
    return portal


@pytest.fixture
def observer(transactional_db):
    """As in a web process."""
    respond.start()
    yield
    respond.stop()


class TestTheAnswer:
    def test_it_tells_how_many_took_it(self, waiting):
        with Endpoints(vps_1="DELIVERED", vps_2="DEAD"):
            sent = waiting.send("sync")
        assert sent.status == 201
        assert list(sent.body) == [*FIELDS, "delivered", "endpoints", "pending"]
        assert (sent.body["status"], sent.body["delivered"], sent.body["endpoints"]) == ("ACCEPTED", 1, 2)
        assert sent.body["pending"] is False

    def test_a_502_leaves_the_signal_stored_and_its_resend_tells_the_outcome(self, waiting):
        with Endpoints(vps_1="DEAD", vps_2="DEAD"):
            first = waiting.send("sync")
        assert (first.status, first.body["delivered"], first.body["endpoints"]) == (502, 0, 2)
        settle(vps_1="DELIVERED")  # a replay got through meanwhile
        again = waiting.send("sync")
        assert (again.status, again.body["status"]) == (200, "DUPLICATE")
        assert (again.body["signal_id"], again.body["delivered"]) == (first.body["signal_id"], 1)
        assert Signal.objects.count() == 1
        assert Delivery.objects.count() == 2

    def test_who_does_not_ask_for_it_is_answered_at_once(self, waiting):
        waiting.source("plain")
        sent = waiting.send("plain")
        assert list(sent.body) == FIELDS

    def test_a_tradingview_source_is_answered_at_once_whatever_its_row_says(self, waiting):
        waiting.source("tv", respond="delivery", allowed_ips=["tradingview"])
        sent = waiting.send("tv", address="52.89.214.238")
        assert list(sent.body) == FIELDS

    def test_one_observer_serves_all_that_wait(self, waiting, observer):
        answers = []

        def send(price):
            try:
                answers.append(waiting.send("sync", {**ALERT, "price": price}))
            finally:
                connection.close()

        with Endpoints(vps_1="DELIVERED", vps_2="DELIVERED"):
            threads = [threading.Thread(target=send, args=(price,)) for price in (1, 2, 3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [(sent.status, sent.body["delivered"], sent.body["pending"]) for sent in answers] == [
            (201, 2, False)
        ] * 3
        assert len({sent.body["signal_id"] for sent in answers}) == 3

    def test_nothing_decided_in_time_is_a_201_that_says_pending(self, waiting, observer, settings):
        settings.RESPOND_SECONDS = 0.05
        sent = waiting.send("sync")
        assert (sent.status, sent.body["delivered"], sent.body["pending"]) == (201, 0, True)
