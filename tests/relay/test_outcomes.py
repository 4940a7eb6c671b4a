"""What a receiver can do to a try, over real connections, and what is stored of it."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from relay.models import Attempt, Delivery, Endpoint
from tests.fakes.receivers import Server, answer, drip, hang, oversized, reset

from .conftest import NOW, endpoint, fresh, send


@pytest.fixture
def server():
    with Server() as running:
        yield running


def one_round(by_hand, server, *, timeout=10):
    [delivery] = send(endpoint(server, timeout_seconds=timeout))
    by_hand.round()
    [attempt] = Attempt.objects.filter(delivery=delivery)
    return fresh(delivery), attempt


def test_a_failure_is_stored_and_tried_again_later(by_hand, server):
    server.script = [answer(500, text="boom")]
    delivery, attempt = one_round(by_hand, server)
    assert delivery.status == Delivery.Status.RETRYING
    assert delivery.tries == 1
    assert delivery.due_at == attempt.at + timedelta(milliseconds=attempt.ms + 500)
    assert (attempt.status_code, attempt.answer, attempt.error) == (500, "boom", "")
    by_hand.round()
    assert len(server.requests) == 1, "not before it is due"
    by_hand.clock.forward(5)
    by_hand.round()
    assert fresh(delivery).status == Delivery.Status.DELIVERED
    assert fresh(delivery).tries == 2
    assert server.ids() == [delivery.subject] * 2


def test_a_redirect_is_a_failure_and_is_not_followed(by_hand, server):
    with Server() as elsewhere:
        server.script = [answer(307, headers={"Location": elsewhere.url})]
        delivery, attempt = one_round(by_hand, server)
        assert elsewhere.requests == []
    assert attempt.status_code == 307
    assert delivery.status == Delivery.Status.RETRYING


def test_silence_ends_at_the_endpoints_time_out(by_hand, server):
    server.script = [hang()]
    delivery, attempt = one_round(by_hand, server, timeout=1)
    assert attempt.status_code is None
    assert attempt.error == "no complete answer within 1 s"
    assert delivery.status == Delivery.Status.RETRYING


def test_a_2xx_whose_body_never_ends_is_delivered_and_cut_off(by_hand, server):
    server.script = [drip()]
    delivery, attempt = one_round(by_hand, server, timeout=1)
    assert delivery.status == Delivery.Status.DELIVERED
    assert attempt.status_code == 200
    assert attempt.error == "no complete answer within 1 s"


def test_a_500_whose_body_never_ends_is_a_failure(by_hand, server):
    server.script = [drip(500)]
    delivery, attempt = one_round(by_hand, server, timeout=1)
    assert delivery.status == Delivery.Status.RETRYING
    assert attempt.status_code == 500


def test_an_oversized_answer_is_not_read_to_its_end(by_hand, server):
    server.script = [oversized(50 * 1024 * 1024)]
    delivery, attempt = one_round(by_hand, server)
    assert delivery.status == Delivery.Status.DELIVERED
    assert attempt.answer == "x" * 500
    assert attempt.error == "the answer is longer than 65536 bytes; the rest was not read"


def test_an_answer_is_stored_printable(by_hand, server):
    server.script = [answer(200, text="ok\x00\x1b[31m\r\nfin")]
    _, attempt = one_round(by_hand, server)
    assert attempt.answer == "ok  [31m  fin"


def test_a_reset_is_a_failure(by_hand, server):
    server.script = [reset()]
    delivery, attempt = one_round(by_hand, server)
    assert attempt.status_code is None
    assert attempt.error in ("the connection was closed before an answer came", "the connection broke off")
    assert delivery.status == Delivery.Status.RETRYING


def test_nobody_listening_is_a_failure(by_hand, server):
    port = server.port
    server.__exit__()
    [delivery] = send(endpoint(f"http://127.0.0.1:{port}/"))
    by_hand.round()
    server.__enter__()
    [attempt] = Attempt.objects.all()
    assert attempt.error.startswith("could not connect: ")
    assert fresh(delivery).status == Delivery.Status.RETRYING


def test_the_query_of_an_address_is_in_no_attempt(by_hand):
    send(endpoint("http://127.0.0.1:9/?key=hidden"), endpoint("http://no-such-host.invalid/?key=hidden", "vps-2"))
    by_hand.round()
    assert Attempt.objects.count() == 2
    assert not Attempt.objects.filter(error__contains="hidden").exists()


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(by_hand, server, form):
    value = "20" if form == "seconds" else format_datetime(NOW + timedelta(seconds=20), usegmt=True)
    server.script = [answer(503, headers={"Retry-After": value})]
    delivery, attempt = one_round(by_hand, server)
    assert delivery.due_at == attempt.at + timedelta(milliseconds=attempt.ms, seconds=20)


@pytest.mark.parametrize("value", ["soon", "-5", "²", "9" * 400, ""])
def test_a_senseless_retry_after_does_no_harm(by_hand, server, value):
    server.script = [answer(429, headers={"Retry-After": value})]
    delivery, _ = one_round(by_hand, server)
    assert delivery.status == Delivery.Status.RETRYING
    assert delivery.due_at < delivery.expires_at


def test_at_the_deadline_it_is_dead_with_the_reason(by_hand, server, published):
    server.default = answer(500)
    [delivery] = send(endpoint(server), seconds=60)
    for _ in range(20):
        by_hand.round()
        by_hand.clock.forward(5)
    delivery = fresh(delivery)
    assert delivery.status == Delivery.Status.DEAD
    assert delivery.tries == delivery.attempts.count() > 5
    assert delivery.reason == f"the deadline passed while vps-1 was down, after {delivery.tries} tries"
    [event] = [event for event in published if event.name.startswith("delivery.")]
    assert (event.name, event.level, event.endpoint) == ("delivery.dead", "error", "vps-1")
    assert (event.signal, event.strategy) == (delivery.subject, "trend")
    assert event.body["delivery"] == delivery.pk
    tried = len(server.requests)
    by_hand.clock.forward(60)
    by_hand.round()
    assert len(server.requests) == tried, "the dead stay dead"


def test_410_disables_the_endpoint_and_gives_up_what_waits_for_it(by_hand, server, published):
    server.script = [answer(410)]
    with Server() as healthy:
        row, other = endpoint(server), endpoint(healthy, "vps-2")
        [first, kept] = send(row, other)
        [second] = send(row)  # the same lane: waits for the first
        by_hand.round()
        by_hand.clock.forward(1.1)
        by_hand.round()
        [third] = send(row)
        by_hand.clock.forward(1.1)
        by_hand.round()
    row = Endpoint.objects.get(pk=row.pk)
    assert (row.active, row.disabled_reason) == (False, "it answered 410 Gone")
    assert [fresh(each).status for each in (first, second, third)] == [Delivery.Status.DEAD] * 3
    assert fresh(first).reason == "the receiver answered 410 Gone"
    assert fresh(second).reason == fresh(third).reason == "vps-1 is disabled: it answered 410 Gone"
    assert fresh(kept).status == Delivery.Status.DELIVERED
    assert len(server.requests) == 1
    disabled = [event for event in published if event.name == "endpoint.disabled"]
    assert [(event.level, event.endpoint) for event in disabled] == [("error", "vps-1")]


def test_410_from_an_address_that_the_operator_has_left_disables_nothing(by_hand, server):
    with Server() as new:
        row = endpoint(server)

        async def moved_meanwhile(request):
            return await answer(410)(request)

        server.script = [moved_meanwhile]
        send(row)
        by_hand.start()  # claimed and sent to the old address
        Endpoint.objects.filter(pk=row.pk).update(url=new.url)
        by_hand.round()
    row.refresh_from_db()
    assert row.active
