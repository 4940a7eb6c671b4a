"""I6: Standard Webhooks senders, and two live secrets of every kind while one is rotated."""

import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks

from signals.intake import arrival, authenticate, sources
from signals.models import Signal, Source
from tests.intake.conftest import ALERT, refusals, stored
from tradeops.core import clock, configuration, events, network, signing
from tradeops.core.errors import ConfigurationError, Conflict, NotAuthenticated

AUTHS = ("token", "hmac", "standard")


def _standard(secret, body, *, message_id="msg_1", at=None):
    at = at or clock.now()
    signature = standardwebhooks.Webhook(secret).sign(message_id, at, body.decode())
    return {
        "webhook_id": message_id,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": signature,
    }


def _credentials(portal, auth, secret, body, **kwargs):
    """Headers that prove `secret` in the way of `auth`; each message signed anew."""
    if auth == "token":
        return {"x_webhook_token": secret}
    if auth == "hmac":
        portal.secret["signer"] = secret
        return {"x_webhook_signature": portal.sign("signer", body)}
    return _standard(secret, body, message_id=kwargs.get("message_id") or secrets.token_hex(8))


def _post(portal, auth, secret, *, path="/webhook/src", **extra):
    body = json.dumps({**ALERT, "timestamp": clock.iso_ms(clock.now()), "id": secrets.token_hex(8), **extra}).encode()
    return portal.post(path, body, **_credentials(portal, auth, secret, body)).status


@pytest.fixture
def new(portal):
    """A source of some kind, with the secret that its senders have."""

    def make(auth, slug="src", **fields):
        secret = sources.generate(auth)
        portal.source(slug, auth=auth, secret=secret, **fields)
        return Source.objects.get(slug=slug), secret

    return make


# Standard Webhooks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/webhook", "/webhook/tradingview", "/webhook/src"])
def test_a_message_of_the_reference_library_is_accepted(portal, new, path):
    new("standard", "other", default=True)
    _, secret = new("standard", default=True)
    body = json.dumps(ALERT).encode()
    assert portal.post(path, body, **_standard(secret, body)).status == 201
    assert Signal.objects.get().source.slug == "src"


def test_without_a_slug_only_default_sources_are_tried(portal, new):
    _, secret = new("standard")
    assert _post(portal, "standard", secret, path="/webhook") == 401


def test_the_message_id_is_what_makes_it_unique_and_a_copy_is_a_duplicate(portal, new):
    _, secret = new("standard")
    body = json.dumps(ALERT).encode()
    first = portal.post("/webhook/src", body, **_standard(secret, body, message_id="a"))
    again = portal.post("/webhook/src", body, **_standard(secret, body, message_id="a"))
    other = portal.post("/webhook/src", body, **_standard(secret, body, message_id="b"))
    assert (first.status, again.status, other.status) == (201, 200, 201)
    assert again.body["signal_id"] == first.body["signal_id"] != other.body["signal_id"]
    assert stored() == (2, 2)


def test_the_signed_id_stands_in_for_the_bodys_which_is_kept(portal, new):
    _, secret = new("standard")
    for number, message_id in enumerate(["a", "a", "b"]):
        body = json.dumps({**ALERT, "id": "of the body", "comment": str(number)}).encode()
        portal.post("/webhook/src", body, **_standard(secret, body, message_id=message_id))
    assert [(one.data["sender_id"], one.data["extra"]) for one in Signal.objects.order_by("pk")] == [
        ("a", {"id": "of the body"}),
        ("b", {"id": "of the body"}),
    ]


NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def _arrival(rf, body, headers, *, slug="src", token="", now=NOW):
    request = rf.post(
        "/webhook", body, content_type="text/plain", **{f"HTTP_{k.upper()}": v for k, v in headers.items()}
    )
    return arrival.Arrival(
        request=request, request_id="r", received_at=now, slug=slug, body=body, token=token,
        address=network.parse("203.0.113.9"),
    )  # fmt: skip


def _proven(rf, body, headers, **kwargs):
    """Whether the message is let in, and the id under which; else the reason in the log."""
    one = _arrival(rf, body, headers, **kwargs)
    try:
        authenticate.authenticate(arrival=one, directory=sources.directory())
    except NotAuthenticated as error:
        assert one.signed_id == ""
        return str(error)
    return one.signed_id


BODY = json.dumps(ALERT).encode()


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [(-301, "timestamp_too_far"), (-299, "msg_1"), (0, "msg_1"), (299, "msg_1"), (301, "timestamp_too_far")],
)
def test_five_minutes_either_way(rf, new, seconds, wanted):
    _, secret = new("standard")
    assert _proven(rf, BODY, _standard(secret, BODY, at=NOW + timedelta(seconds=seconds))) == wanted


@pytest.mark.parametrize(
    "value", ["", "-1795188600", "1795188600.0", "1e9", "9" * 400, "soon", "１７９５１８８６００", None]
)
def test_a_time_that_is_none_is_refused(rf, new, value):
    _, secret = new("standard")
    headers = _standard(secret, BODY, at=NOW)
    headers.pop("webhook_timestamp")
    assert (
        _proven(rf, BODY, headers if value is None else {**headers, "webhook_timestamp": value}) == "wrong_credential"
    )


@pytest.mark.parametrize("missing", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_each_header_is_needed(portal, new, missing):
    _, secret = new("standard")
    headers = _standard(secret, BODY)
    headers.pop(missing)
    assert portal.post("/webhook/src", BODY, **headers).status == 401
    assert stored() == (0, 0)


@pytest.mark.parametrize("name", ["webhook_id", "webhook_timestamp", "webhook_signature", "body"])
def test_every_single_bit_flip_is_refused(rf, new, name):
    _, secret = new("standard")
    headers = _standard(secret, BODY, at=NOW)
    assert _proven(rf, BODY, headers) == "msg_1"
    text = BODY if name == "body" else headers[name].encode()
    for bit in range(len(text) * 8):
        flipped = bytearray(text)
        flipped[bit // 8] ^= 1 << bit % 8
        body = bytes(flipped) if name == "body" else BODY
        changed = headers if name == "body" else {**headers, name: flipped.decode("latin-1")}
        assert _proven(rf, body, changed) in ("wrong_credential", "no_credential"), bit


def test_one_way_to_sign_does_not_stand_in_for_another(portal):
    secret = sources.generate("standard")
    signed = {
        "hmac": {"x_webhook_signature": signing.hex_signature(secret, BODY)},
        "standard": _standard(secret, BODY),
    }
    for auth, other in (("hmac", "standard"), ("standard", "hmac")):
        portal.source(auth, auth=auth, secret=secret)
        assert portal.post(f"/webhook/{auth}", BODY, **signed[other]).status == 401
        assert portal.post(f"/webhook/{auth}", BODY, x_webhook_token=secret).status == 401
    assert stored() == (0, 0)
    assert portal.post("/webhook/standard", BODY, **signed["standard"]).status == 201


# Rotation ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", AUTHS)
@pytest.mark.parametrize("path", ["/webhook/src", "/webhook"])
def test_both_secrets_are_good_until_the_overlap_ends(portal, new, auth, path):
    source, old = new(auth, default=auth != "token")
    now = clock.now()
    fresh = sources.rotate(source=source, overlap=timedelta(hours=1), now=now)
    assert [_post(portal, auth, secret, path=path) for secret in (old, fresh)] == [201, 201]
    sources.rotate(source=source, overlap=timedelta(seconds=1), now=now - timedelta(hours=2))
    assert [_post(portal, auth, secret, path=path) for secret in (old, fresh)] == [401, 401]


@pytest.mark.parametrize("auth", AUTHS)
def test_the_end_needs_nobody_to_act(rf, new, auth, portal):
    source, old = new(auth)
    sources.rotate(source=source, overlap=timedelta(minutes=10), now=NOW)
    for seconds, good in ((599, True), (600, False), (601, False)):
        now = NOW + timedelta(seconds=seconds)
        body = json.dumps({**ALERT, "id": str(seconds)}).encode()
        headers = _standard(old, body, at=now) if auth == "standard" else _credentials(portal, auth, old, body)
        token = old if auth == "token" else ""
        one = _arrival(rf, body, headers, token=token, now=now)
        if good:
            authenticate.authenticate(arrival=one, directory=sources.directory())
        else:
            with pytest.raises(NotAuthenticated, match="wrong_credential"):
                authenticate.authenticate(arrival=one, directory=sources.directory())


@pytest.mark.parametrize("auth", AUTHS)
def test_without_an_overlap_the_old_one_ends_at_once(portal, new, auth):
    source, old = new(auth)
    fresh = sources.rotate(source=source, overlap=timedelta(), now=clock.now())
    assert [_post(portal, auth, secret) for secret in (old, fresh)] == [401, 201]
    source.refresh_from_db()
    assert (source.previous_token_digest, source.previous_secret, source.previous_until) == ("", "", None)


@pytest.mark.parametrize("auth", AUTHS)
def test_the_previous_one_can_be_ended_early(portal, new, auth):
    source, old = new(auth)
    fresh = sources.rotate(source=source, overlap=timedelta(days=1), now=clock.now())
    sources.end_previous(source=source, now=clock.now())
    assert [_post(portal, auth, secret) for secret in (old, fresh)] == [401, 201]


def test_setting_a_secret_ends_a_rotation(portal, new):
    source, old = new("token")
    sources.rotate(source=source, overlap=timedelta(days=1), now=clock.now())
    sources.set_secret(source=source, secret="an-entirely-new-one")
    source.save()
    configuration.changed()
    assert [_post(portal, "token", secret) for secret in (old, "an-entirely-new-one")] == [401, 201]


def test_a_generated_secret_has_the_form_of_its_kind(new):
    forms = {}
    for auth in AUTHS:
        source, old = new(auth, slug=auth)
        forms[auth] = sources.rotate(source=source, overlap=timedelta(), now=clock.now())
        assert forms[auth] != old
        assert sources.has_secret(source=source, secret=forms[auth])
        assert sources.had_secret(source=source, secret=old) is False  # without an overlap it is not kept
    assert forms["standard"].startswith("whsec_")
    assert {len(forms["token"]), len(forms["hmac"])} == {43}


def test_a_rotation_tells_who_listens_and_not_what(new, monkeypatch):
    heard = []
    monkeypatch.setattr(events, "_listeners", [("source.*", heard.append)])
    source, old = new("hmac")
    fresh = sources.rotate(source=source, overlap=timedelta(hours=1), now=NOW)
    sources.end_previous(source=source, now=NOW)
    assert [(one.name, one.body["source"]) for one in heard] == [
        ("source.rotated", "src"),
        ("source.rotation_ended", "src"),
    ]
    assert heard[0].title == "The secret of source src was rotated; the previous one is good until 2026-11-20 16:30 UTC"
    assert all(secret not in repr(heard) for secret in (old, fresh))


def test_what_cannot_be_rotated_says_why_and_changes_nothing(new):
    source, old = new("token")
    _, taken = new("token", slug="other")
    for kwargs, reason in (
        ({"secret": "short"}, "at least 12 characters"),
        ({"secret": old}, "present secret"),
        ({"secret": taken}, "another source has this token"),
        ({"overlap": timedelta(days=31)}, "up to 30 days"),
        ({"overlap": -timedelta(seconds=1)}, "up to 30 days"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            sources.rotate(source=source, now=NOW, **{"overlap": timedelta(hours=1), **kwargs})
    Source.objects.filter(slug="other").update(retired_at=NOW)
    with pytest.raises(Conflict, match="retired"):
        sources.rotate(source=Source.objects.get(slug="other"), overlap=timedelta(), now=NOW)
    assert sources.has_secret(source=Source.objects.get(slug="src"), secret=old)


def test_a_previous_token_is_taken_too(new):
    source, old = new("token")
    sources.rotate(source=source, overlap=timedelta(hours=1), now=clock.now())
    with pytest.raises(ConfigurationError, match="another source has this token"):
        sources.set_secret(source=Source(slug="b", auth="token"), secret=old)


def test_a_previous_secret_in_the_log_is_that_of_the_source(portal, new):
    source, old = new("token")
    sources.rotate(source=source, overlap=timedelta(seconds=1), now=clock.now() - timedelta(hours=1))
    assert _post(portal, "token", old, path="/webhook") == 401
    [row] = refusals()
    assert (row.source_slug, row.reason) == ("src", "wrong_credential")
