"""Automatic bans: 30 failures within 10 minutes, an hour, then longer; written once, told once, over by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection

from accounts import firewall
from accounts.firewall import bans, services
from accounts.models import FirewallBan
from relay.models import Message
from signals.models import Signal
from tests import factories
from tests.factories import NOW
from tests.firewall.conftest import AT_THE_MACHINE, HOUR, MINUTE, fail, put, settings, verdict, write
from tradeops.core import network
from tradeops.core.errors import Conflict, Throttled

GUESSER = "203.0.113.9"


def told() -> list[tuple[str, str]]:
    return list(Message.objects.filter(event__startswith="firewall.").order_by("pk").values_list("event", "level"))


def test_the_thirtieth_failure_bans_and_the_twenty_ninth_does_not():
    fail(GUESSER, times=29)
    assert (verdict(GUESSER), write()) == ("in", 0)
    fail(GUESSER)
    assert write() == 1
    row = FirewallBan.objects.get()
    assert (row.network, row.failures, row.strikes, row.reason) == (GUESSER, 30, 1, "wrong webhook secret")
    assert (row.banned_at, row.until) == (NOW, NOW + HOUR)
    assert verdict(GUESSER) == "banned"
    assert verdict("203.0.113.10") == "in"
    assert bans.fresh == {}


def test_it_says_how_long_to_wait():
    fail(GUESSER, times=30)
    write()
    with pytest.raises(Throttled) as refused:
        firewall.check(address=network.parse(GUESSER), country=str, now=NOW + 59 * MINUTE)
    assert (refused.value.http_status, refused.value.code, refused.value.retry_after) == (429, "banned", 61)


def test_it_ends_by_itself():
    fail(GUESSER, times=30)
    write()
    assert verdict(GUESSER, at=NOW + HOUR - timedelta(seconds=1)) == "banned"
    assert verdict(GUESSER, at=NOW + HOUR) == "in"


def test_it_is_told_once_as_a_warning():
    fail(GUESSER, times=30)
    write()
    write()
    assert told() == [("firewall.banned", "warning")]
    message = Message.objects.get()
    assert message.title == (
        "203.0.113.9 is banned until 2026-03-02 15:30 UTC: 30 failed attempts (wrong webhook secret)"
    )
    assert message.body["network"] == GUESSER


def test_a_repeat_is_twice_as_long_up_to_a_day():
    lengths, at = [], NOW
    for _ in range(7):
        from django.core.cache import caches

        caches["limits"].clear()  # as after its window
        fail(GUESSER, times=30, at=at)
        write(at)
        row = FirewallBan.objects.get()
        lengths.append((row.until - row.banned_at) // HOUR)
        at = row.until + MINUTE
    assert lengths == [1, 2, 4, 8, 16, 24, 24]
    assert row.strikes == 7


def test_after_a_quiet_week_it_is_a_first_ban_again():
    from django.core.cache import caches

    fail(GUESSER, times=30)
    write()
    caches["limits"].clear()
    later = NOW + timedelta(days=8)
    fail(GUESSER, times=30, at=later)
    write(later)
    row = FirewallBan.objects.get()
    assert (row.strikes, row.until - row.banned_at) == (1, HOUR)


def test_what_two_processes_saw_is_one_ban():
    """Both had their thirtieth failure before either knew of the other's ban."""
    fail(GUESSER, times=30)
    write()
    fail(GUESSER, times=30, at=NOW + MINUTE)
    assert write() == 0
    row = FirewallBan.objects.get()
    assert (row.strikes, row.until) == (1, NOW + HOUR)
    assert told() == [("firewall.banned", "warning")]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_never_banned(address):
    fail(address, times=100)
    assert (write(), verdict(address)) == (0, "in")


def test_whom_the_caller_exempts_is_never_banned():
    fail("52.89.214.238", times=100, exempt=True)
    assert (write(), verdict("52.89.214.238")) == (0, "in")


def test_whom_a_rule_allows_is_neither_banned_nor_kept_out_by_an_older_ban():
    fail(GUESSER, times=30)
    write()
    put("allow 203.0.113.0/24")
    assert verdict(GUESSER) == "in"
    fail("203.0.113.77", times=100)
    assert (write(), verdict("203.0.113.77")) == (0, "in")


def test_a_country_that_is_let_in_may_still_be_banned():
    put("allow DE")
    settings(default="deny")
    fail(GUESSER, times=30)
    write()
    assert verdict(GUESSER, country="DE") == "banned"


def test_a_whole_ipv6_64_counts_as_one():
    for number in range(30):
        fail(f"2001:db8:1:2::{number:x}")
    assert write() == 1
    assert FirewallBan.objects.get().network == "2001:db8:1:2::/64"
    assert verdict("2001:db8:1:2:ffff::9") == "banned"
    assert verdict("2001:db8:1:3::1") == "in"


def test_ipv4_in_ipv6_clothes_is_the_same_address():
    fail("::ffff:203.0.113.9", times=15)
    fail(GUESSER, times=15)
    assert write() == 1
    assert verdict("::ffff:203.0.113.9") == "banned"


def test_an_ipv4_address_and_an_ipv6_one_of_equal_number_are_two():
    fail("0.0.0.9", times=30)
    write()
    assert verdict("0.0.0.9") == "banned"
    assert verdict("0:0:0:9::1") == "in"


def test_the_numbers_are_the_operators():
    settings(ban_after=3, ban_seconds=60, longest_seconds=90)
    fail(GUESSER, times=3)
    write()
    row = FirewallBan.objects.get()
    assert row.until - row.banned_at == MINUTE


def test_it_can_be_switched_off():
    settings(ban_after=0)
    fail(GUESSER, times=1000)
    assert (write(), verdict(GUESSER)) == (0, "in")


def test_a_lifted_ban_is_over_and_the_next_is_a_first_one():
    from django.core.cache import caches

    fail(GUESSER, times=30)
    write()
    services.lift(FirewallBan.objects.get(), asker=AT_THE_MACHINE, now=NOW + MINUTE)
    assert verdict(GUESSER, at=NOW + MINUTE) == "in"
    row = FirewallBan.objects.get()
    assert (row.lifted_at, row.lifted_by) == (NOW + MINUTE, "root (command line)")
    assert told()[-1] == ("firewall.lifted", "info")
    fail(GUESSER, at=NOW + MINUTE)
    assert write() == 0, "its failures so far do not ban it again"
    caches["limits"].clear()
    fail(GUESSER, times=30, at=NOW + 2 * MINUTE)
    write()
    row.refresh_from_db()
    assert (row.strikes, row.lifted_at, verdict(GUESSER, at=NOW + 2 * MINUTE)) == (1, None, "banned")


def test_a_ban_that_is_over_cannot_be_lifted():
    fail(GUESSER, times=30)
    write()
    with pytest.raises(Conflict, match="over already"):
        services.lift(FirewallBan.objects.get(), asker=AT_THE_MACHINE, now=NOW + HOUR)
    assert told() == [("firewall.banned", "warning")]


def test_bans_in_a_network_are_lifted_together():
    for address in ("203.0.113.1", "203.0.113.2", "198.51.100.1"):
        fail(address, times=30)
    write()
    lifted = services.lift_network("203.0.113.0/24", asker=AT_THE_MACHINE, now=NOW)
    assert sorted(lifted) == ["203.0.113.1", "203.0.113.2"]
    assert (verdict("203.0.113.1"), verdict("198.51.100.1")) == ("in", "banned")


def test_a_ban_that_cannot_be_written_waits():
    fail(GUESSER, times=30)

    def broken(*_args):
        raise DatabaseError("gone")

    with connection.execute_wrapper(broken), pytest.raises(DatabaseError):
        write()
    assert (FirewallBan.objects.count(), verdict(GUESSER)) == (0, "in")
    assert write() == 1
    assert verdict(GUESSER) == "banned"


def test_a_storm_of_bans_is_listed_in_full_and_told_in_part():
    for number in range(40):
        fail(f"198.51.100.{number}", times=30)
    assert write() == 40
    assert FirewallBan.objects.count() == 40
    assert len(told()) == bans.TOLD_A_MINUTE


def test_memory_is_bounded_however_many_guess():
    settings(ban_after=1)
    for number in range(bans.MOST_FRESH + 50):
        fail(f"198.18.{number // 250}.{number % 250}")
    assert len(bans.fresh) == bans.MOST_FRESH


def test_charging_asks_the_database_nothing(django_assert_num_queries, monkeypatch):
    from tradeops.core import configuration

    verdict(GUESSER)
    monkeypatch.setattr(configuration, "CHECK_SECONDS", 600)
    verdict(GUESSER)
    with django_assert_num_queries(0):
        fail(GUESSER, times=30)
    assert write() == 1


def test_prune_forgets_what_no_longer_counts():
    fail(GUESSER, times=30)
    write()
    assert services.prune(now=NOW + timedelta(days=7)) == 0
    assert services.prune(now=NOW + timedelta(days=7, hours=2)) == 1
    assert FirewallBan.objects.count() == 0


def test_where_valid_messages_come_from_a_guesser_is_told_of_and_not_banned():
    """A valid credential passes even beside a guesser on the same address (I7)."""
    factories.source("tv")
    for address in (GUESSER, "2001:db8:1:2::77"):
        signal = factories.signal(received_at=NOW - 23 * HOUR)
        Signal.objects.filter(pk=signal.pk).update(address=address)
    fail(GUESSER, times=30)
    fail("2001:db8:1:2::1", times=30)
    fail("203.0.113.10", times=30)
    assert write() == 1
    assert (verdict(GUESSER), verdict("2001:db8:1:2::1"), verdict("203.0.113.10")) == ("in", "in", "banned")
    assert [event for event, _ in told()] == ["firewall.banned", "firewall.spared", "firewall.spared"]
    assert FirewallBan.objects.get().network == "203.0.113.10"


def test_a_valid_message_of_the_day_before_spares_nobody():
    factories.source("tv")
    signal = factories.signal(received_at=NOW - 25 * HOUR)
    Signal.objects.filter(pk=signal.pk).update(address=GUESSER)
    fail(GUESSER, times=30)
    assert write() == 1
    assert verdict(GUESSER) == "banned"
