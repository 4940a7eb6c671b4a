"""Whatever the format can say survives export and import, on whatever YAML thinks of the words in it."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.models import Source
from tests.config.portal import apply, lines
from tests.config.test_export import empty
from tradeops.config import export
from tradeops.core import configuration, sealed

SECRETS = [secrets.token_hex(12) for _ in range(8)]
# What a careless reader turns into something else.
TRAPS = ["off", "null", "~", "1e3", "0x1F", "010", "1_000", "12:30", "2026-01-02", "true", ".5", "<<", "=", "!", "%TAG"]
words = st.one_of(
    st.sampled_from(TRAPS),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12).filter(
        lambda text: text.strip() and text.isprintable()
    ),
)
slugs = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True), min_size=3, max_size=3, unique=True)
amounts = st.decimals(min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=8).map(
    lambda value: format(value, "f")
)
positive = amounts.filter(lambda text: float(text) > 0)
networks = st.lists(st.sampled_from(["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"]), unique=True)
targets = st.one_of(
    words,
    st.fixed_dictionaries(
        {"symbol": words},
        optional={"quantity_unit": st.sampled_from(["base", "contracts", "lots", "quote"]), "multiplier": positive},
    ),
)
headers = st.dictionaries(
    st.from_regex(r"X-[A-Za-z0-9-]{1,8}", fullmatch=True), st.from_regex(r"[!-~]([ -~]{0,8}[!-~])?", fullmatch=True),
    max_size=2,
)  # fmt: skip

engines = st.one_of(
    st.sampled_from(["A", "B"]),
    st.fixed_dictionaries(
        {"A": st.integers(1, 100), "B": st.integers(0, 100)}, optional={"mode": st.sampled_from(["route", "shadow"])}
    ).map(lambda given: {"experiment": given}),
)
agents = st.fixed_dictionaries(
    {},
    optional={
        "threshold": st.sampled_from(["0", "0.350", "1"]), "quorum": st.integers(1, 20),
        "timeframe": st.sampled_from(["1m", "1d"]), "source": st.sampled_from(["simulated", "venue:okx", ""]),
        "trend": st.fixed_dictionaries({}, optional={"weight": st.integers(0, 100), "fast": st.integers(1, 500)}),
    },
)  # fmt: skip


@st.composite
def portals(draw: st.DrawFn) -> dict[str, Any]:
    token, signed, _ = draw(slugs)
    ours, theirs, group = draw(slugs)
    first, second, _ = draw(slugs)
    endpoint = {
        "tags": draw(st.lists(words, max_size=3, unique=True)),
        "headers": draw(headers),
        "symbols": draw(st.dictionaries(words, words, max_size=2)),
        "timeout_seconds": draw(st.integers(1, 60)),
    }
    return {
        "private_networks": ["127.0.0.0/8"],
        "address_lists": {"office": draw(networks)},
        "sources": [
            {"slug": token, "auth": "token", "secret": SECRETS[0], "allowed_ips": ["office", *draw(networks)]},
            {"slug": signed, "auth": draw(st.sampled_from(["hmac", "standard"])), "secret": SECRETS[1],
             "active": draw(st.booleans()), "default": draw(st.booleans()), "require": draw(st.just(["timeframe"]))},
        ],
        "accounts": [
            {"slug": first, "broker": "paper", "fee_bps": draw(amounts), "balances": {"USDT": draw(amounts)}},
            {"slug": second, "broker": "paper", "client": draw(st.sampled_from(["acme", "off"]))},
        ],
        "endpoints": [
            {"slug": ours, "url": "http://127.0.0.1:9101/a?b=%20c&d=é", "secret": SECRETS[2], **endpoint},
            {"slug": theirs, "url": "https://192.88.98.1/x", "secret": SECRETS[3], "report_secret": SECRETS[4]},
        ],
        "endpoint_groups": [
            {"slug": group, "mode": draw(st.sampled_from(["fan_out", "failover"])),
             "members": draw(st.permutations([ours, theirs]))},
        ],
        "strategies": [
            {"slug": "trend", "sources": [token], "symbols": draw(st.dictionaries(words, targets, max_size=3)),
             "mode": draw(st.sampled_from(["off", "dry_run", "paper", "live"])),
             "sizing": {"mode": "fixed_quantity", "value": draw(positive)},
             "engine": draw(engines), "agents": draw(agents),
             "accounts": draw(st.lists(st.sampled_from([first, second]), unique=True)),
             "endpoints": draw(st.lists(st.sampled_from([ours, theirs, group]), unique=True)),
             "expect_every": draw(st.one_of(st.none(), st.integers(1, 10_000))),
             "alert_expires_on": draw(st.one_of(st.none(), st.dates().map(str)))},
        ],
        "risk": {
            "global": {"max_order_notional": draw(positive)},
            "strategies": {"trend": {"allowed_symbols": draw(st.lists(words, min_size=1, max_size=2, unique=True))}},
        },
        "channels": [{"slug": "ops", "kind": "telegram", "chat_id": "-100", "events": ["*", "order.*"]}],
    }  # fmt: skip


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(portal=portals())
def test_what_is_exported_and_applied_is_the_same(portal):
    with transaction.atomic():
        configuration.forget()
        empty()
        apply(json.dumps(portal, ensure_ascii=False))
        open_text, text = export.as_yaml(with_secrets=False), export.as_yaml(with_secrets=True)
        assert lines(open_text) == ["= nothing to do"]
        assert lines(text) == ["= nothing to do"]
        assert not [secret for secret in SECRETS if secret in open_text or secret in text]
        empty()
        apply(text)
        assert export.as_yaml(with_secrets=True) == text
        assert Source.objects.get(auth="token").token_digest == sealed.token_digest(SECRETS[0])
        transaction.set_rollback(True)
