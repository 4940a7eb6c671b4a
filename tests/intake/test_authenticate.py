"""I6: each way to prove oneself, and that failures cannot be told apart (I4)."""

import json

import pytest

from signals.intake import sources
from signals.models import Signal, Source
from tests.intake.conftest import ALERT, TRADINGVIEW_ADDRESS, refusals, stored
from tradeops.core import configuration
from tradeops.core.errors import ConfigurationError

SIGNED = {**ALERT, "timestamp": "2026-11-21T10:00:00Z"}


@pytest.mark.parametrize("path", ["/webhook", "/webhook/tradingview", "/webhook/tv"])
@pytest.mark.parametrize("where", ["x_webhook_token", "authorization", "token", "secret"])
def test_a_token_is_found_wherever_it_may_stand(portal, path, where):
    source = portal.source("tv")
    token = portal.secret["tv"]
    headers = {"x_webhook_token": {where: token}, "authorization": {where: f"Bearer {token}"}}.get(where, {})
    body = {**ALERT, where: token} if where in ("token", "secret") else ALERT
    sent = portal.post(path, body, **headers)
    assert sent.status == 201
    signal = Signal.objects.get()
    assert signal.source == source
    assert signal.raw == ALERT  # the same, whichever way: the credential is gone
    assert token not in json.dumps([signal.raw, signal.data])


def test_a_token_in_the_url(portal):
    portal.source("tv")
    assert portal.post(f"/webhook/tv/{portal.secret['tv']}", ALERT).status == 201
    assert portal.post("/webhook/tv/wrong-wrong-wrong", ALERT).status == 401


def test_a_token_with_slashes_in_the_url(portal):
    portal.source("tv", secret="a+/b/c/d+efghijkl=")
    assert portal.post("/webhook/tv/a+/b/c/d+efghijkl=", ALERT).status == 201


def test_a_token_in_a_text_line_is_kept_out_of_the_stored_line(portal):
    portal.source("tv", secret="a-secret with spaces")
    assert portal.post("/webhook", "buy BTCUSDT 'token=a-secret with spaces' qty=0.01").status == 201
    signal = Signal.objects.get()
    assert signal.raw == "buy BTCUSDT qty=0.01"
    assert "a-secret" not in json.dumps(signal.data)


def test_the_stored_form_of_a_token_is_not_the_token(portal):
    source = portal.source("tv")
    assert len(source.token_digest) == 64
    assert portal.secret["tv"] not in source.token_digest
    assert source.secret == ""


@pytest.mark.parametrize("prefix", ["", "sha256="])
@pytest.mark.parametrize("path", ["/webhook", "/webhook/tradingview", "/webhook/quant"])
def test_a_signature_over_the_exact_bytes(portal, path, prefix):
    portal.source("other", auth="hmac", default=True)
    portal.source("quant", auth="hmac", default=True)
    body = json.dumps(SIGNED).encode()
    sent = portal.post(path, body, x_webhook_signature=prefix + portal.sign("quant", body))
    assert sent.status == 201
    assert Signal.objects.get().source.slug == "quant"


def test_a_signature_without_a_slug_is_for_default_sources_only(portal):
    portal.source("quant", auth="hmac")
    body = json.dumps(SIGNED).encode()
    assert portal.post("/webhook", body, x_webhook_signature=portal.sign("quant", body)).status == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body, good: (body + b" ", good),
        lambda body, good: (body, good.upper()),
        lambda body, good: (body, good[:-1]),
        lambda body, good: (body, ""),
        lambda body, good: (body, "sha256=sha256=" + good),
        lambda body, good: (body, "é" * 64),
    ],
    ids=["other bytes", "upper case", "short", "none", "prefix twice", "not ASCII"],
)
def test_a_spoilt_signature_is_401(portal, spoil):
    portal.source("quant", auth="hmac")
    body = json.dumps(SIGNED).encode()
    sent_body, signature = spoil(body, portal.sign("quant", body))
    assert portal.post("/webhook/quant", sent_body, x_webhook_signature=signature).status == 401
    assert stored() == (0, 0)


def test_one_method_does_not_stand_in_for_the_other(portal):
    """The HMAC key sent as a token proves nothing, and neither does a signature made with a token."""
    portal.source("quant", auth="hmac", default=True)
    portal.source("tv")
    body = json.dumps(SIGNED).encode()
    assert portal.post("/webhook/quant", body, x_webhook_token=portal.secret["quant"]).status == 401
    assert portal.post("/webhook", body, x_webhook_token=portal.secret["quant"]).status == 401
    assert portal.post("/webhook/tv", body, x_webhook_signature=portal.sign("tv", body)).status == 401
    assert portal.post("/webhook/quant", body, x_webhook_token=portal.secret["tv"]).status == 401
    assert stored() == (0, 0)


def test_a_signed_body_must_carry_timestamp_or_id(portal):
    portal.source("quant", auth="hmac")
    for body, status in ((ALERT, 400), ({**ALERT, "id": "a"}, 201), (SIGNED, 201)):
        data = json.dumps(body).encode()
        sent = portal.post("/webhook/quant", data, x_webhook_signature=portal.sign("quant", data))
        assert sent.status == status
        if status == 400:
            assert sent.body["field"] == "timestamp"


def test_an_old_signed_body_is_stored_for_the_pipeline_to_expire(portal):
    portal.source("quant", auth="hmac")
    data = json.dumps({**ALERT, "timestamp": "2020-01-01T00:00:00Z"}).encode()
    assert portal.post("/webhook/quant", data, x_webhook_signature=portal.sign("quant", data)).status == 201


def _failures(portal):
    """name → (path, headers): every way to fail, for a token source, `disabled` with its right credential."""
    portal.source("tv")
    portal.source("off")
    portal.source("quant", auth="hmac", default=True)
    portal.source("quant-off", auth="hmac", default=True)
    Source.objects.filter(slug__in=["off", "quant-off"]).update(active=False)
    configuration.changed()
    body = json.dumps(SIGNED).encode()
    wrong = {"x_webhook_token": "x" * len(portal.secret["off"])}
    right = {"x_webhook_token": portal.secret["off"]}
    bad, good = {"x_webhook_signature": "0" * 64}, {"x_webhook_signature": portal.sign("quant-off", body)}
    return {
        "slug": [("/webhook/nobody", wrong), ("/webhook/tv", wrong), ("/webhook/off", right)],
        "token": [("/webhook", wrong), ("/webhook", right)],
        "signature": [("/webhook/nobody", bad), ("/webhook/quant", bad), ("/webhook/quant-off", good)],
        "default": [("/webhook", bad), ("/webhook", good)],
    }


def test_the_log_knows_what_the_sender_is_not_told(portal):
    cases = _failures(portal)["slug"]
    for path, headers in [*cases, ("/webhook", {})]:
        portal.post(path, ALERT, **headers)
    assert {(row.source_slug, row.reason, row.path) for row in refusals()} == {
        ("", "unknown_source", "/webhook/…"),
        ("tv", "wrong_credential", "/webhook/tv"),
        ("off", "source_disabled", "/webhook/off"),
        ("", "no_credential", "/webhook"),
    }


def test_a_retired_source_is_unknown(portal):
    from tradeops.core import clock

    portal.source("tv", retired_at=clock.now())
    assert portal.send("tv").status == 401
    assert refusals()[0].reason == "unknown_source"


def test_a_change_of_the_secret_counts_at_once(portal):
    source = portal.source("tv")
    old = portal.secret["tv"]
    sources.set_secret(source=source, secret="another-secret-value")
    source.save()
    configuration.changed()
    assert portal.post("/webhook/tv", ALERT, x_webhook_token=old).status == 401
    assert portal.post("/webhook/tv", ALERT, x_webhook_token="another-secret-value").status == 201


def test_weak_taken_and_malformed_secrets_are_refused(portal):
    portal.source("tv")
    with pytest.raises(ConfigurationError, match="at least 12 characters"):
        sources.set_secret(source=Source(slug="b", auth="token"), secret="elevenchars")
    with pytest.raises(ConfigurationError, match="another source has this token"):
        sources.set_secret(source=Source(slug="b", auth="token"), secret=portal.secret["tv"])
    with pytest.raises(ConfigurationError, match="base64"):
        sources.set_secret(source=Source(slug="b", auth="hmac"), secret="whsec_not base64!")


def test_has_secret_tells_the_present_one(portal):
    for slug, auth in (("tv", "token"), ("quant", "hmac")):
        source = portal.source(slug, auth=auth)
        assert sources.has_secret(source=source, secret=portal.secret[slug])
        assert not sources.has_secret(source=source, secret=portal.secret[slug] + "x")


def test_behind_a_trusted_proxy_the_rightmost_untrusted_hop_is_the_client(portal, settings):
    portal.source("tv", allowed_ips=["tradingview"])
    forwarded = {"x_forwarded_for": f"198.51.100.1, {TRADINGVIEW_ADDRESS}"}
    assert portal.send("tv", address="10.0.0.1", **forwarded).status == 403
    settings.TRUSTED_PROXIES = ("10.0.0.0/8",)
    assert portal.send("tv", address="10.0.0.1", **forwarded).status == 201
    # What the client wrote itself stands further left and is not believed; neither is an untrusted peer.
    forged = {"x_forwarded_for": f"{TRADINGVIEW_ADDRESS}, 198.51.100.1"}
    assert portal.send("tv", address="10.0.0.1", **forged).status == 403
    assert portal.send("tv", address="203.0.113.9", **forwarded).status == 403
