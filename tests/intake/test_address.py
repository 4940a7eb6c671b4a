"""I5: headers are believed as far as a trusted proxy wrote them; nobody gets in, past a limit or past a ban by one."""

import pytest
from django.test import RequestFactory

from signals.intake.address import client_address, client_country
from tests.intake.conftest import ALERT, TRADINGVIEW_ADDRESS, stored

STRANGER, FORGED = "198.51.100.7", TRADINGVIEW_ADDRESS
PROXY, SECOND, EDGE = "10.0.0.1", "10.0.0.2", "173.245.48.5"
TRUSTED = ("10.0.0.0/8", "173.245.48.0/20")

# Every header by which somebody, somewhere, tells a client's address. The names' own writing is the stranger's.
ALL = (
    "x_forwarded_for", "cf_connecting_ip", "cf_connecting_ipv6", "cf_pseudo_ipv4", "true_client_ip", "x_real_ip",
    "x_client_ip", "x_cluster_client_ip", "x_original_forwarded_for", "x_originating_ip", "x_remote_ip",
    "x_remote_addr", "x_forwarded", "forwarded_for", "forwarded", "client_ip", "fastly_client_ip", "via",
    "x_envoy_external_address", "x_azure_clientip", "x_proxyuser_ip", "remote_addr", "remote_host", "host",
)  # fmt: skip

# The way in → what the peer is, and what its proxies write: each appends whom it was asked by.
WAYS = {
    "direct": (STRANGER, ()),
    "one proxy": (PROXY, (STRANGER,)),
    "two proxies": (PROXY, (STRANGER, SECOND)),
    "Cloudflare": (EDGE, (STRANGER,)),
    "Cloudflare in front of a proxy": (PROXY, (STRANGER, EDGE)),
    "Cloudflare in front of a proxy that starts its list anew": (PROXY, (EDGE,)),
}


def _written(way, header, value):
    """Peer and headers as they arrive when the stranger writes `header: value` and comes that way."""
    peer, appended = WAYS[way]
    headers = {header: value}
    if appended:
        anew = way.endswith("anew")
        own = [headers["x_forwarded_for"]] if "x_forwarded_for" in headers and not anew else []
        headers["x_forwarded_for"] = ", ".join([*own, *appended])
    if way.startswith("Cloudflare"):
        headers["cf_connecting_ip"], headers["cf_ipcountry"] = STRANGER, "NZ"  # it replaces what was there
    return peer, headers


def _request(peer, headers):
    return RequestFactory().post("/webhook", REMOTE_ADDR=peer, **{f"HTTP_{n.upper()}": v for n, v in headers.items()})


def _value(header):
    return {"forwarded": f"for={FORGED}", "via": f"1.1 {FORGED}"}.get(header, FORGED)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("header", ALL)
def test_no_header_makes_a_stranger_somebody_else(settings, way, header):
    settings.TRUSTED_PROXIES = TRUSTED
    peer, headers = _written(way, header, _value(header))
    assert str(client_address(_request(peer, headers))) == STRANGER


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("header", ALL)
def test_no_header_passes_an_allow_list(portal, settings, way, header):
    settings.TRUSTED_PROXIES = TRUSTED
    portal.source("tv", allowed_ips=["tradingview"])
    peer, headers = _written(way, header, _value(header))
    assert portal.send("tv", address=peer, **headers).status == 403
    assert stored() == (0, 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("header", ["x_forwarded_for", "cf_connecting_ip", "forwarded", "x_real_ip", "true_client_ip"])
def test_a_new_name_for_each_guess_does_not_start_the_limit_anew(portal, settings, way, header):
    settings.TRUSTED_PROXIES = TRUSTED
    portal.source("tv")
    answers = []
    for number in range(12):
        peer, headers = _written(way, header, f"203.0.113.{number}")
        answers.append(portal.post("/webhook/tv/wrong-wrong-wrong", ALERT, address=peer, **headers).status)
    assert answers == [401] * 10 + [429] * 2


@pytest.mark.parametrize("way", WAYS)
def test_tradingview_comes_in_by_every_way(portal, settings, way, monkeypatch):
    settings.TRUSTED_PROXIES = TRUSTED
    portal.source("tv", allowed_ips=["tradingview"])
    peer, headers = _written(way, "x_unread", "")
    swap = {STRANGER: TRADINGVIEW_ADDRESS}
    headers = {name: value.replace(STRANGER, TRADINGVIEW_ADDRESS) for name, value in headers.items()}
    assert portal.send("tv", address=swap.get(peer, peer), **headers).status == 201


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        (PROXY, {}, PROXY),
        (PROXY, {"x_forwarded_for": f"{STRANGER}:50123"}, STRANGER),
        (PROXY, {"x_forwarded_for": "[2001:db8::1]:443"}, "2001:db8::1"),
        (PROXY, {"x_forwarded_for": "[2001:db8::1]"}, "2001:db8::1"),
        (PROXY, {"x_forwarded_for": "::ffff:198.51.100.7"}, STRANGER),
        ("::ffff:10.0.0.1", {"x_forwarded_for": STRANGER}, STRANGER),
        (PROXY, {"x_forwarded_for": "2001:db8::1%eth0"}, "2001:db8::1"),
        (PROXY, {"x_forwarded_for": f"{SECOND}, {SECOND}"}, SECOND),
        (PROXY, {"cf_connecting_ip": STRANGER}, STRANGER),
        # What is no address is nobody's, rather than the proxy's or the next one's to the left.
        (PROXY, {"x_forwarded_for": f"{FORGED}, unknown"}, None),
        (PROXY, {"x_forwarded_for": f"{FORGED},"}, None),
        (PROXY, {"x_forwarded_for": f"{FORGED}, _hidden, {SECOND}"}, None),
        (PROXY, {"x_forwarded_for": "198.51.100.7:http"}, None),
        (PROXY, {"x_forwarded_for": "127.1"}, None),
        (PROXY, {"cf_connecting_ip": f"{FORGED}, {STRANGER}"}, None),
        ("", {"x_forwarded_for": FORGED}, None),
        # A proxy of ours names a client, and Cloudflare is nowhere: the header is the client's own.
        (PROXY, {"x_forwarded_for": STRANGER, "cf_connecting_ip": FORGED}, STRANGER),
        # Somebody's program at Cloudflare writes the list as it likes, and cannot write this one.
        (EDGE, {"x_forwarded_for": FORGED, "cf_connecting_ip": STRANGER}, STRANGER),
        ("203.0.113.9", {"x_forwarded_for": FORGED, "cf_connecting_ip": FORGED}, "203.0.113.9"),
    ],
)
def test_the_address(settings, peer, headers, address):
    settings.TRUSTED_PROXIES = TRUSTED
    found = client_address(_request(peer, headers))
    assert (None if found is None else str(found)) == address


def test_without_trusted_proxies_no_header_counts(settings):
    settings.TRUSTED_PROXIES = ()
    headers = dict.fromkeys(ALL, FORGED) | {"cf_ipcountry": "NZ"}
    for peer in (STRANGER, PROXY, EDGE, "127.0.0.1"):
        assert str(client_address(_request(peer, headers))) == peer
        assert client_country(_request(peer, headers)) == ""


def test_a_list_without_end_is_read_from_the_right_and_not_far(settings):
    settings.TRUSTED_PROXIES = TRUSTED
    request = _request(PROXY, {"x_forwarded_for": ", ".join([FORGED] * 5000 + [STRANGER])})
    assert str(client_address(request)) == STRANGER


@pytest.mark.parametrize(
    ("peer", "headers", "country"),
    [
        (EDGE, {"x_forwarded_for": STRANGER, "cf_connecting_ip": STRANGER, "cf_ipcountry": "nz"}, "NZ"),
        (PROXY, {"x_forwarded_for": f"{STRANGER}, {EDGE}", "cf_ipcountry": "NZ"}, "NZ"),
        (PROXY, {"x_forwarded_for": EDGE, "cf_connecting_ip": STRANGER, "cf_ipcountry": "NZ"}, "NZ"),
        (PROXY, {"cf_connecting_ip": STRANGER, "cf_ipcountry": "NZ"}, "NZ"),
        (EDGE, {"x_forwarded_for": STRANGER, "cf_ipcountry": "T1"}, "T1"),
        (EDGE, {"x_forwarded_for": STRANGER, "cf_ipcountry": "XX"}, ""),
        (EDGE, {"x_forwarded_for": STRANGER, "cf_ipcountry": "NZ, DE"}, ""),
        (EDGE, {"x_forwarded_for": STRANGER, "cf_ipcountry": "é1"}, ""),
        (EDGE, {"x_forwarded_for": STRANGER}, ""),
        # A stranger's own word, handed on by a proxy that knows nothing of Cloudflare, or said straight to us.
        (PROXY, {"x_forwarded_for": STRANGER, "cf_connecting_ip": STRANGER, "cf_ipcountry": "NZ"}, ""),
        (STRANGER, {"x_forwarded_for": EDGE, "cf_ipcountry": "NZ"}, ""),
        ("", {"cf_ipcountry": "NZ"}, ""),
    ],
)
def test_the_country(settings, peer, headers, country):
    settings.TRUSTED_PROXIES = TRUSTED
    assert client_country(_request(peer, headers)) == country


def test_cloudflares_header_may_be_declared_the_only_one(settings):
    """A tunnel's daemon runs on this machine: nothing but the operator's word tells it from any other proxy."""
    settings.TRUSTED_PROXIES, settings.CLIENT_ADDRESS_HEADER = TRUSTED, "CF-Connecting-IP"
    tunnel = _request(PROXY, {"x_forwarded_for": FORGED, "cf_connecting_ip": STRANGER, "cf_ipcountry": "NZ"})
    assert (str(client_address(tunnel)), client_country(tunnel)) == (STRANGER, "NZ")
    watch = _request(PROXY, {"x_forwarded_for": FORGED, "cf_ipcountry": "NZ"})
    assert (str(client_address(watch)), client_country(watch)) == (PROXY, "")
    direct = _request(STRANGER, {"cf_connecting_ip": FORGED, "cf_ipcountry": "NZ"})
    assert (str(client_address(direct)), client_country(direct)) == (STRANGER, "")


def test_a_header_of_the_operators_own_is_read_alone(settings):
    """A name without a hyphen cannot be imitated with an underscore, as X_Forwarded_For imitates X-Forwarded-For."""
    settings.TRUSTED_PROXIES, settings.CLIENT_ADDRESS_HEADER = TRUSTED, "Clientaddress"
    forged = {"x_forwarded_for": FORGED, "cf_connecting_ip": FORGED, "cf_ipcountry": "NZ"}
    request = _request(PROXY, {"clientaddress": STRANGER, **forged})
    assert (str(client_address(request)), client_country(request)) == (STRANGER, "")
    assert str(client_address(_request(PROXY, forged))) == PROXY
