"""Whatever fails in between: a close never arrives before its open, and nothing is lost without a reason (L2, L3).

Real loopback receivers answer as hypothesis says; the sender is the real one, at a time that the test sets.
"""

import socket
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relay import groups, services
from relay.delivery import breaker
from relay.models import Attempt, Delivery, Endpoint, EndpointGroup, PrivateNetwork
from tests.fakes.receivers import HOST, Server, answer, hang, reset
from tradeops.core import configuration
from tradeops.core.events import Event

from .conftest import NOW, ByHand, Clock, endpoint

S = Delivery.Status
LANES = ("trend|BTC/USDT", "trend|ETH/USDT")
# What a receiver does with one try. `refused` is said of the moment: nobody listens.
ANSWERS = {
    "200": answer(200), "500": answer(500), "429": answer(429), "429 later": answer(429, headers={"Retry-After": "7"}),
    "reset": reset(), "hang": hang(2.0), "302": answer(302, headers={"Location": "/"}), "404": answer(404),
    "410": answer(410),
}  # fmt: skip
FAILING = st.sampled_from([name for name in ANSWERS if name not in ("hang", "410")])
# A hang costs a second of real time and 410 ends an endpoint, so they are rare.
SCRIPT = st.lists(st.one_of(FAILING, FAILING, FAILING, FAILING, st.sampled_from(["hang", "410"])), max_size=8)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["post", "post", "post", "wait", "wait", "vanish", "return"]),
        st.sampled_from(LANES),
        st.sampled_from([0.3, 1.0, 2.5, 9.0, 31.0]),
    ),
    min_size=2,
    max_size=9,
)


@dataclass
class Post:
    subject: str
    lane: str


class Play:
    """One sequence of faults over one or two receivers."""

    def __init__(self, hand, servers, *, failover):
        self.hand, self.servers, self.posts = hand, servers, []
        self.rows = [endpoint(each, f"vps-{number}", timeout_seconds=1) for number, each in enumerate(servers, 1)]
        self.group = None
        if failover:
            self.group = EndpointGroup.objects.create(slug="pair")
            groups.set_members(group=self.group, slugs=[row.slug for row in self.rows])
            configuration.changed()

    def post(self, lane):
        subject = f"{lane[6:9]}-{sum(post.lane == lane for post in self.posts):02}"
        at = self.hand.clock()
        group = self.group.pk if self.group else None
        rows = self.rows[:1] if self.group else self.rows
        services.relay(
            event=Event(name="signal.approved", at=at, title="x", signal=subject, body={"data": {}, "raw": None}),
            subject=subject,
            type="signal",
            lane=lane,
            endpoints=[services.Target(endpoint_id=row.pk, group_id=group) for row in rows],
            reduces=False,
            expires_at=at + timedelta(seconds=60),
            now=at,
        )
        self.posts.append(Post(subject, lane))

    def step(self, what, lane, seconds):
        if what == "post":
            self.post(lane)
        elif what in ("vanish", "return"):
            Endpoint.objects.filter(pk=self.rows[0].pk).update(url=NOBODY if what == "vanish" else self.servers[0].url)
            configuration.changed()
        self.hand.round()
        self.hand.clock.forward(seconds)

    def to_the_end(self):
        """Until nothing is undelivered: a deadline after the last post at the latest."""
        for _ in range(80):
            self.hand.round()
            if not Delivery.objects.filter(status__in=(S.PENDING, S.RETRYING)).exists():
                return
            self.hand.clock.forward(2)
        raise AssertionError("something is neither delivered nor dead long after its deadline")

    def check(self):
        for server in self.servers:
            first_arrivals = list(dict.fromkeys(server.ids()))
            for lane in LANES:
                posted = [post.subject for post in self.posts if post.lane == lane]
                arrived = [subject for subject in first_arrivals if subject in posted]
                assert arrived == [subject for subject in posted if subject in arrived], "one overtook another"
        settled = Delivery.objects.select_related("endpoint").prefetch_related("attempts")
        found = defaultdict(list)
        for row in settled:
            took = any(200 <= (each.status_code or 0) < 300 for each in row.attempts.all())
            assert (row.status == S.DELIVERED) == took, "DELIVERED exactly when a 2xx came"
            assert row.status == S.DELIVERED or (row.status == S.DEAD and row.reason)
            assert row.tries == row.attempts.count()
            assert row.claim_token == ""
            found[row.subject].append(row)
        assert set(found) == {post.subject for post in self.posts}, "nothing is lost"
        if self.group:
            self._check_group(found)

    def _check_group(self, found):
        """Across the members too: in order, and a second one only where the first certainly had nothing."""
        for rows in found.values():
            assert Counter(row.status for row in rows)[S.DELIVERED] <= 1
            for row in rows:
                if row.reason.startswith("passed on"):
                    assert not any(may_have_acted(each) for each in row.attempts.all())
        taken = Attempt.objects.filter(status_code__gte=200, status_code__lt=300).order_by("at", "pk")
        order = list(dict.fromkeys(taken.values_list("delivery__subject", flat=True)))
        for lane in LANES:
            posted = [post.subject for post in self.posts if post.lane == lane]
            assert [each for each in order if each in posted] == [each for each in posted if each in order]


with socket.socket() as _unused:
    _unused.bind((HOST, 0))
    NOBODY = f"http://{HOST}:{_unused.getsockname()[1]}/webhook"


@contextmanager
def play(*scripts, failover):
    call_command("flush", verbosity=0, interactive=False)  # hypothesis plays many in one test
    PrivateNetwork.objects.create(cidr="127.0.0.0/8")
    configuration.changed()
    servers = [Server(script=[ANSWERS[name] for name in script]) for script in scripts]
    hand = ByHand(Clock(NOW))
    for server in servers:
        server.__enter__()
    try:
        yield Play(hand, servers, failover=failover)
    finally:
        hand.close()
        for server in servers:
            server.__exit__()


FEW = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.django_db(transaction=True)
@FEW
@given(first=SCRIPT, second=SCRIPT, steps=STEPS)
def test_at_every_receiver_a_lane_arrives_in_its_order(transactional_db, first, second, steps):
    with play(first, second, failover=False) as played:
        for step in steps:
            played.step(*step)
        played.to_the_end()
        played.check()


@pytest.mark.django_db(transaction=True)
@FEW
@given(first=SCRIPT, second=SCRIPT, steps=STEPS)
def test_across_a_failover_too_and_no_order_is_doubled(transactional_db, first, second, steps):
    with play(first, second, failover=True) as played:
        for step in steps:
            played.step(*step)
        played.to_the_end()
        played.check()
        assert not accepted(played.rows[0]) & accepted(played.rows[1])


def may_have_acted(attempt):
    """Everything but an answer that refuses, and a connection that never was."""
    if attempt.status_code is not None:
        return 200 <= attempt.status_code < 300 or attempt.status_code >= 500
    return not attempt.error.startswith("could not connect")


def accepted(row):
    """The ids that the endpoint may have acted on."""
    attempts = Attempt.objects.filter(delivery__endpoint=row).select_related("delivery")
    return {each.delivery.subject for each in attempts if may_have_acted(each)}


def test_the_breaker_is_part_of_the_play():
    """The sequences above are long enough to open it."""
    assert breaker.OPENS_AFTER <= 8
