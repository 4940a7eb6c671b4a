"""I4: whoever fails cannot tell an unknown source from a wrong, a disabled or an expired credential, not by its cost.

The second part is statistics, not a timing mark: whatever the machine does meanwhile, it does to all kinds alike. The
samples of the kinds are taken in turn, in a new random order each round, in processor time with the garbage collector
off; what is compared is the rank of each sample among all, so that no outlier weighs more than any other.
"""

import gc
import hashlib
import hmac
import json
import random
import secrets
import time
from bisect import bisect_left, bisect_right
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.intake import arrival, authenticate, sources
from signals.models import Source
from tests.intake.conftest import ALERT, stored
from tradeops.core import clock, configuration, network, signing
from tradeops.core.errors import NotAuthenticated

AUTHS = ("token", "hmac", "standard")
KINDS = ("unknown", "wrong", "disabled", "expired")
BODY = json.dumps({**ALERT, "timestamp": "2026-11-21T10:00:00Z"}).encode()


def _headers(auth, secret, message_id="msg"):
    if auth == "token":
        return {"x_webhook_token": secret}
    if auth == "hmac":
        return {"x_webhook_signature": signing.hex_signature(secret, BODY)}
    at = str(int(clock.now().timestamp()))
    signature = signing.standard_signature(secret, message_id=message_id, timestamp=at, body=BODY)
    return {"webhook_id": message_id, "webhook_timestamp": at, "webhook_signature": signature}


@pytest.fixture
def failures(portal):
    """auth → kind → (slug, headers), the slugs of one length; `expired` shows what was good until a minute ago."""

    def make(auth, *, default=False):
        given = {}
        default = default and auth != "token"
        for slug in ("there", "is-off", "turns"):
            portal.source(f"{auth[0]}-{slug:-<6}", auth=auth, secret=sources.generate(auth), default=default)
            given[slug] = portal.secret[f"{auth[0]}-{slug:-<6}"]
        Source.objects.filter(slug=f"{auth[0]}-is-off").update(active=False)
        turns = Source.objects.get(slug=f"{auth[0]}-turns-")
        sources.rotate(source=turns, overlap=timedelta(minutes=1), now=clock.now() - timedelta(minutes=2))
        configuration.changed()
        nobodys = sources.generate(auth)
        return {
            "unknown": (f"{auth[0]}-nobody", _headers(auth, nobodys)),
            "wrong": (f"{auth[0]}-there-", _headers(auth, nobodys)),
            "disabled": (f"{auth[0]}-is-off", _headers(auth, given["is-off"])),
            "expired": (f"{auth[0]}-turns-", _headers(auth, given["turns"])),
        }

    return make


@pytest.fixture
def hashes(monkeypatch):
    """Every HMAC and digest that is begun."""
    found = []
    for module, name in ((hmac, "new"), (hmac, "digest"), (hashlib, "sha256")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, real=real, n=name, **k: found.append(n) or real(*a, **k))
    return found


@pytest.mark.parametrize("by_slug", [True, False], ids=["with the slug", "without"])
@pytest.mark.parametrize("auth", AUTHS)
def test_the_same_bytes_queries_and_hashes(portal, failures, hashes, auth, by_slug):
    cases = failures(auth, default=True)
    portal.post("/webhook", ALERT)  # fills this process's caches
    seen = {}
    for number, (kind, (slug, headers)) in enumerate(cases.items()):
        hashes.clear()
        with CaptureQueriesContext(connection) as queries:
            sent = portal.post(
                f"/webhook/{slug}" if by_slug else "/webhook", BODY, address=f"203.0.113.{number}", **headers
            )
        kept = {name: value for name, value in sent.headers.items() if name != "X-Request-ID"}
        content = sent.content.replace(sent.body["request_id"].encode(), b"")
        seen[kind] = (sent.status, content, str(kept), len(queries), tuple(hashes))
    assert list(seen) == list(KINDS)
    assert len(set(seen.values())) == 1, seen
    status, _, _, queries, begun = seen["wrong"]
    assert (status, queries) == (401, 0)
    # A token's digest and the last blur; and two keys for each signature, of the source that is named or of each tried.
    assert begun.count("digest") == 2 + {"token": 0, "hmac": 2, "standard": 2}[auth] * (1 if by_slug else 2)
    assert stored() == (0, 0)


ROUNDS = 2_500  # of four samples each
EACH = 12  # sources of each kind: what is measured is the kind, not where in memory one of its sources came to lie
BOUND = 0.03


@pytest.fixture
def many_failures(portal):
    """auth → kind → as many (slug, headers) as `EACH`, the slugs of one length and without a pattern."""

    def make(auth):
        found = {kind: [] for kind in KINDS}
        now = clock.now()
        for kind in KINDS:
            for _ in range(EACH):
                slug, presented = secrets.token_hex(4), sources.generate(auth)
                if kind == "disabled":
                    portal.source(slug, auth=auth, secret=presented, active=False)
                elif kind == "wrong":
                    portal.source(slug, auth=auth, secret=sources.generate(auth))
                elif kind == "expired":
                    row = portal.source(slug, auth=auth, secret=presented)
                    sources.rotate(source=row, overlap=timedelta(minutes=1), now=now - timedelta(minutes=2))
                found[kind].append((slug, _headers(auth, presented)))
        return found

    return make


@pytest.mark.parametrize("auth", AUTHS)
def test_no_kind_of_failure_can_be_told_by_its_time(many_failures, auth):
    cases = many_failures(auth)
    directory = sources.directory()
    aucs = {}
    for _attempt in range(3):  # a real difference shows in each; what else runs on the machine does not
        samples = _sampled(cases, directory)
        aucs = {
            (one, other): round(_auc(samples[one], samples[other]), 3)
            for number, one in enumerate(KINDS)
            for other in KINDS[number + 1 :]
        }
        if all(abs(auc - 0.5) <= BOUND for auc in aucs.values()):
            return
    pytest.fail(f"{auth}: {aucs}")


def _arrival(slug, headers):
    """As a request makes it: of new objects."""
    meta = {f"HTTP_{name.upper()}": _new(value) for name, value in headers.items()}
    return arrival.Arrival(
        request=SimpleNamespace(META=meta),
        request_id="r",
        received_at=clock.now(),
        slug=_new(slug),
        body=bytes(bytearray(BODY)),
        token=meta.get("HTTP_X_WEBHOOK_TOKEN", ""),
        address=network.parse("203.0.113.9"),
    )


def _new(text):
    return text[:1] + text[1:]


def _sampled(cases, directory):
    found = {kind: [] for kind in cases}
    order = list(cases)
    chance = random.Random(secrets.randbits(64))
    gc.collect()
    gc.disable()
    try:
        for number in range(ROUNDS + 100):
            chance.shuffle(order)
            arrivals = [_arrival(*chance.choice(cases[kind])) for kind in order]
            for kind, one in zip(order, arrivals, strict=True):
                took = _one(one, directory)
                if number >= 100:  # the interpreter has warmed up
                    found[kind].append(took)
    finally:
        gc.enable()
    return found


def _one(one, directory):
    began = time.process_time_ns()
    with suppress(NotAuthenticated):
        authenticate.authenticate(arrival=one, directory=directory)
    return time.process_time_ns() - began


def _auc(ones, others):
    """How probably a sample of the one kind is above one of the other's; equal ones count half (Mann-Whitney)."""
    others = sorted(others)
    wins = sum(bisect_left(others, one) + bisect_right(others, one) for one in ones)
    return wins / 2 / len(ones) / len(others)
