"""A look into merged ranges says what a walk over the networks says."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeops.core import network
from tradeops.core.network import Ranges

NETWORKS = st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network((address, length), strict=False)
    )
), max_size=8)  # fmt: skip


@given(NETWORKS, st.ip_addresses())
def test_it_agrees_with_the_walk(networks, address):
    edges = [one for net in networks for one in (net.network_address, net.broadcast_address)]
    near = [one + step for one in edges for step in (-1, 1) if 0 <= int(one) + step < 2**one.max_prefixlen]
    ranges = Ranges(networks)
    for one in (address, *edges, *near):
        assert (one in ranges) == network.inside(one, networks)


@pytest.mark.parametrize("text", ["0.0.0.0", "255.255.255.255", "::", "ffff::1"])
def test_nowhere_and_everywhere(text):
    address = ipaddress.ip_address(text)
    assert address not in Ranges([])
    assert address in network.EVERYWHERE
