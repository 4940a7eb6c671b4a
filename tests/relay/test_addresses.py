"""L7 and L1: nothing reaches an address that the operator has not allowed, whatever the URL looks like."""

import socket

import pytest
from aiohttp.abc import AbstractResolver

from relay import services
from relay.models import Attempt, Delivery, PrivateNetwork
from tests.fakes.receivers import Canary, Server, answer
from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError

from .conftest import endpoint, fresh, send

HOSTILE_HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7f.1", "0177.0.0.1", "2130706433", "017700000001",
    "0", "0.0.0.0", "localhost", "LOCALHOST.", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127.0.0.1.",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
    "127.0.0.0x1", "00000177.0.0.1", "0x7f.0x0.0x0.0x1", "127.000.000.001", "0x7f000001.",
    "user@127.0.0.1", "public.example@127.0.0.1", "public.example:443@127.0.0.1", "127.0.0.2", "127.255.255.254",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[::7f00:1]", "[64:ff9b:1::7f00:1]", "[fe80::1]", "[fc00::1]",
    "[fec0::1]", "[5f00::1]", "[2001:db8::1]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "ip6-localhost", "localhost.localdomain",
]  # fmt: skip


class Resolver(AbstractResolver):
    """A name server in hostile hands: each question gets the next of its answers."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked.append(host)
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": kind, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


@pytest.fixture
def canary():
    with Canary() as listening:
        yield listening


@pytest.fixture
def loopback(transactional_db):
    """Here nothing is allowed."""
    configuration.changed()


def allow(cidr):
    PrivateNetwork.objects.create(cidr=cidr)
    configuration.changed()


SCHEMES = ["http", "https"]


def test_there_are_enough_of_them():
    assert len(set(HOSTILE_HOSTS)) == len(HOSTILE_HOSTS)
    assert len(SCHEMES) * len(HOSTILE_HOSTS) >= 60


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_hostile_address_is_never_connected_to(by_hand, canary, scheme):
    tried = {}
    for number, host in enumerate(HOSTILE_HOSTS):
        row = endpoint(f"{scheme}://{host}:{canary.port}/webhook", f"vps-{number}", timeout_seconds=2)
        [tried[host]] = send(row)
    by_hand.round()
    assert canary.connections == 0
    for host, delivery in tried.items():
        assert fresh(delivery).status == Delivery.Status.RETRYING, host
        [attempt] = delivery.attempts.all()
        assert attempt.status_code is None, host
        assert attempt.error, host


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "fec0::1", "64:ff9b::a00:1"]
)
def test_a_public_looking_name_that_resolves_inside_is_refused(make_sender, canary, address):
    sender = make_sender(resolver=lambda: Resolver(address))
    send(endpoint(f"https://127-0-0-1.nip.example:{canary.port}/"))
    sender.round()
    assert canary.connections == 0
    [attempt] = Attempt.objects.all()
    assert attempt.error == (
        f"could not connect: {address} is a private or special address, and no private_networks entry allows it"
    )


def test_a_name_that_changes_its_address_gains_nothing(make_sender, canary):
    allow("127.0.0.1/32")
    resolver = Resolver("127.0.0.1", "127.0.0.2")
    with Server() as server:
        row = endpoint(f"http://rebind.example:{server.port}/")
        [delivery] = send(row)
        make_sender(resolver=lambda: resolver).round()
        assert fresh(delivery).status == Delivery.Status.DELIVERED
    row.url = f"http://rebind.example:{canary.port}/"
    row.save()
    configuration.changed()
    [delivery] = send(row)
    make_sender(resolver=lambda: resolver).round()
    assert resolver.asked == ["rebind.example"] * 2
    assert canary.connections == 0
    assert "127.0.0.2 is a private or special address" in fresh(delivery).attempts.get().error


def test_a_name_with_a_good_and_a_bad_address_reaches_only_the_good_one(make_sender, canary):
    """All addresses of a name are tried in turn: each is looked at by itself."""

    class Both(Resolver):
        async def resolve(self, host, port=0, family=socket.AF_INET):
            bad = await super().resolve(host, port, family)
            return [*bad, {**bad[0], "host": "127.0.0.1"}]

    allow("127.0.0.1/32")
    [delivery] = send(endpoint(f"http://both.example:{canary.port}/", timeout_seconds=2))
    make_sender(resolver=lambda: Both("127.0.0.2")).round()
    assert canary.connections == 1, "the allowed one"
    assert fresh(delivery).status == Delivery.Status.RETRYING


def test_an_allowed_network_is_reached_and_only_that(by_hand):
    allow("127.0.0.0/8")
    with Server() as server:
        [delivery] = send(endpoint(server))
        by_hand.round()
        assert fresh(delivery).status == Delivery.Status.DELIVERED
        PrivateNetwork.objects.all().delete()
        configuration.changed()
        [later] = send(endpoint(server, "vps-2"))
        by_hand.clock.forward(1)
        by_hand.round()
        assert len(server.requests) == 1, "not even over the open connection"
    assert fresh(later).status == Delivery.Status.RETRYING


def test_plain_http_goes_to_allowed_networks_only(make_sender):
    """A public address over http: no connection is tried at all."""
    sender = make_sender(resolver=lambda: Resolver("8.8.8.8"))
    send(endpoint("http://public.example:9/", timeout_seconds=1))
    sender.round()
    [attempt] = Attempt.objects.all()
    assert attempt.error == (
        "could not connect: 8.8.8.8 is outside private_networks: plain http is refused there, use https"
    )


def test_a_redirect_inside_reaches_nobody(by_hand, canary):
    allow("127.0.0.1/32")
    with Server(default=answer(302, headers={"Location": f"http://127.0.0.1:{canary.port}/"})) as server:
        send(endpoint(server))
        by_hand.round()
        assert len(server.requests) == 1
    assert canary.connections == 0


def test_no_proxy_of_the_environment_is_used(make_sender, canary, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    allow("127.0.0.0/8")
    with Server() as server:
        [delivery] = send(endpoint(server))
        make_sender().round()
    assert canary.connections == 0
    assert fresh(delivery).status == Delivery.Status.DELIVERED


@pytest.mark.parametrize(
    "url", ["https://vps.example.com/webhook", "https://vps.example.com:8443/a?b=c", "https://8.8.8.8/"]
)
def test_an_acceptable_address(db, url):
    services.check_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9101/webhook", "http://localhost:9101/", "https://127.0.0.1/"])
def test_an_allowed_network_makes_these_acceptable(db, url):
    with pytest.raises(ConfigurationError):
        services.check_url(url)
    for cidr in ("127.0.0.0/8", "::1/128"):
        PrivateNetwork.objects.create(cidr=cidr)
    services.check_url(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://8.8.8.8/", "use https"),
        ("http://no-such-host.invalid/", "use https"),
        ("ftp://vps.example.com/", "must be https"),
        ("file:///etc/passwd", "must be https"),
        ("vps.example.com", "must be https"),
        ("https:///path", "must be https|not a valid"),
        ("", "must be https"),
        ("https://user:pass@vps.example.com/", "user name or password"),
        ("https://user@vps.example.com/", "user name or password"),
        ("https://vps.example.com/#part", "after #"),
        ("https://vps.example.com/#", "after #"),
        ("https://vps.example.com/a b", "space"),
        ("https://vps.example.com:99999/", "not a valid"),
        ("https://vps.example.com/" + "a" * 300, "longer than 300"),
        ("https://10.0.0.1/", "private or special"),
        ("https://169.254.169.254/latest", "private or special"),
        ("https://[::1]/", "private or special"),
        ("https://[::ffff:127.0.0.1]/", "private or special"),
        ("https://2130706433/", "is a number"),
        ("https://127.1/", "is a number"),
        ("https://0x7f000001/", "is a number"),
        ("https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", "private or special|not a valid"),
    ],
)
def test_an_address_that_is_refused(db, url, says):
    with pytest.raises(ConfigurationError, match=says):
        services.check_url(url)


def test_networks_that_are_not_stored_yet_can_be_given(db):
    import ipaddress

    services.check_url("http://127.0.0.1:9101/", networks=[ipaddress.ip_network("127.0.0.0/8")])
