"""Which addresses may be connected to: public ones, and what the operator has allowed."""

import ipaddress

import pytest

from tradeops.core import network

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_may(text):
    assert network.may_connect(text, allowed=[])


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "2002:7f00:1::",
        "2001::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "localhost",
        "127.1",
        "0x7f000001",
        "",
    ],
)
def test_everything_else_may_not(text):
    assert not network.may_connect(text, allowed=[])


def test_an_allowed_network_opens_exactly_itself():
    assert network.may_connect("127.0.0.1", allowed=LOOPBACK)
    assert network.may_connect("::ffff:127.0.0.1", allowed=LOOPBACK)
    assert not network.may_connect("10.0.0.1", allowed=LOOPBACK)
    assert not network.may_connect("::1", allowed=LOOPBACK)
    assert not network.may_connect("64:ff9b::7f00:1", allowed=LOOPBACK)
