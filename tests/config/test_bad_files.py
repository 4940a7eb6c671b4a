"""A bad file: every fault at once, each with line and field, and nothing changed."""

from __future__ import annotations

import pytest

from accounts.models import Account
from relay.models import Endpoint, PrivateNetwork
from signals.models import RiskLimit, Source, Strategy
from tests.config.portal import FULL, SIGNING, TOKEN, apply, faults
from tradeops.core.models import ConfigurationVersion

pytestmark = pytest.mark.django_db


def test_all_faults_are_listed_at_once_and_nothing_is_changed():
    found = faults(
        f"""\
private_networks: [10.0.0.0/8]
sources:
  - {{slug: good, auth: token, secret: {TOKEN}}}
  - slug: tv
    auth: token
    rate_limit: lots
    allow_ips: []
  - slug: good
    auth: hmac
    secret: short
strategies:
  - slug: trend
    sources: [tvv]
    sizing: {{mode: fixd_quantity, value: 1}}
    accounts: [good]
sources:
  - nonsense
markets: []
upstreams: [{{slug: backend}}]
"""
    )
    assert found == [
        "portal.yaml:4: sources[tv].secret: is required for a new source",
        "portal.yaml:6: sources[tv].rate_limit: must be a whole number from 0 to 1000000, not 'lots'",
        "portal.yaml:7: sources[tv].allow_ips: there is no field 'allow_ips'; did you mean 'allowed_ips'? (there are: "
        "active, allowed_ips, auth, dedup_seconds, default, expect_every, rate_limit, require, respond, secret, slug, "
        "state)",
        "portal.yaml:8: sources[good].slug: used twice in this section; the first is on line 3",
        "portal.yaml:10: sources[good].secret: a secret needs at least 12 characters; this one has 5",
        "portal.yaml:13: strategies[trend].sources: there is no source 'tvv'; did you mean 'tv'? (there are: good, tv)",
        "portal.yaml:14: strategies[trend].sizing.mode: there is no sizing mode 'fixd_quantity'; did you mean "
        "'fixed_quantity'? (there are: fixed_quantity, message, percent_available, "
        "percent_equity, percent_margin, quote_amount, risk_percent)",
        "portal.yaml:15: strategies[trend].accounts: there is no account 'good'",
        "portal.yaml:16: sources: given twice; the first is on line 2",
        "portal.yaml:18: markets: there is no section 'markets' (there are: account_groups, accounts, address_lists, "
        "analysis, channels, endpoint_groups, endpoints, firewall, private_networks, risk, sources, strategies)",
        "portal.yaml:19: upstreams: is not available in this version; leave the section out",
    ]
    assert Source.objects.count() == Strategy.objects.count() == PrivateNetwork.objects.count() == 0
    assert not ConfigurationVersion.objects.filter(version__gt=0).exists()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # the file
        ("- a", "must be a map of sections, not a list"),
        ("sources: {tv: 1}", "sources: must be a list, not a map"),
        ("sources: [tv]", "sources[#1]: must be a map with a slug, not text"),
        ("sources: [{auth: hmac, secret: S}]", "sources[#1].slug: is required"),
        ("sources: [{slug: TV, auth: hmac, secret: S}]",
         "sources[TV].slug: must be a slug (small letters, digits and hyphens), not 'TV'"),
        ("sources: [{slug: test, auth: hmac, secret: S}]",
         "sources[test].slug: 'test' is a path of the portal itself; choose another"),
        ("sources: [{slug: a, state: gone, auth: hmac, secret: S}]",
         "sources[a].state: there is no state 'gone' (there are: absent, present)"),
        # sources
        ("sources: [{slug: a, auth: basic, secret: S}]",
         "sources[a].auth: there is no kind of authentication 'basic' (there are: hmac, standard, token)"),
        ("sources: [{slug: a, auth: hmac, secret: [S]}]",
         "sources[a].secret: must be a secret: {env: NAME} or {file: PATH}, not a list"),
        ("sources: [{slug: a, auth: hmac, secret: {env: TRADEOPS_NO_SUCH_NAME}}]",
         "sources[a].secret: the environment variable TRADEOPS_NO_SUCH_NAME is not set"),
        ("sources: [{slug: a, auth: hmac, secret: {file: no-such-file}}]",
         "sources[a].secret: cannot read the secret's file no-such-file: No such file or directory"),
        ("sources: [{slug: a, auth: hmac, secret: {env: A, file: B}}]",
         "sources[a].secret: give either {env: NAME} or {file: PATH}"),
        ("sources: [{slug: a, auth: hmac, secret: S, allowed_ips: [10.0.0.1/8]}]",
         "sources[a].allowed_ips: not a network: 10.0.0.1/8 has host bits set"),
        ("sources: [{slug: a, auth: hmac, secret: S, allowed_ips: [nobody-s-list]}]", "PREFIX sources[a].allowed_ips: "
         "there is no address list 'nobody-s-list'"),
        ("sources: [{slug: a, auth: hmac, secret: S, dedup_seconds: 0}]",
         "sources[a].dedup_seconds: must be a whole number from 1 to 2592000, not 0"),
        ("sources: [{slug: a, auth: token, secret: S, default: true}]",
         "sources[a]: `default` is for sources that sign; a token names its source by itself"),
        ("sources: [{slug: a, auth: token, secret: S}, {slug: b, auth: token, secret: S}]",
         "sources[b]: another source has this token already; a token names one source"),
        # accounts
        ("accounts: [{slug: a}]", "accounts[a].broker: is required for a new account"),
        ("accounts: [{slug: a, broker: papper}]",
         "PREFIX accounts[a].broker: there is no broker 'papper'; did you mean 'paper'? (there are: "),
        ("accounts: [{slug: a, broker: paper, market: option}]",
         "accounts[a]: the broker 'paper' trades spot, swap, not option"),
        ("accounts: [{slug: a, broker: paper, sandbox: true}]",
         "accounts[a]: the broker 'paper' has no sandbox; leave `sandbox` out"),
        ("accounts: [{slug: a, broker: paper, balances: {USDT: much}}]",
         "accounts[a].balances.USDT: must be a number, zero or more, such as 0.01, not 'much'"),
        ("accounts: [{slug: a, broker: paper, leverage: 3}]",
         "accounts[a]: leverage cannot be set on spot; leave `leverage` out"),
        ("accounts: [{slug: a, broker: paper, credentials: {api_key: k}}]",
         "accounts[a]: the broker 'paper' takes no credentials"),
        ("accounts: [{slug: a, broker: paper, prices: {venue: nowhere}}]",
         "PREFIX accounts[a].prices.venue: there is no venue 'nowhere'"),
        ("accounts: [{slug: a, broker: paper, prices: reuters}]",
         "accounts[a].prices: there is no source of prices 'reuters' (there are: message, simulated, venue, yahoo)"),
        # endpoints
        ("endpoints: [{slug: a, url: ftp://example.com, secret: S}]",
         "endpoints[a].url: must be https://host/path (http only within private_networks)"),
        ("endpoints: [{slug: a, url: 'http://127.0.0.1:1/', secret: S}]",
         "endpoints[a].url: 127.0.0.1 is a private or special address; "
         "add its network to private_networks to allow it"),
        ("{private_networks: [10.0.0.0/8], endpoints: [{slug: a, url: 'http://127.0.0.1:1/', secret: S}]}",
         "endpoints[a].url: 127.0.0.1 is a private or special address; "
         "add its network to private_networks to allow it"),
        ("endpoints: [{slug: a, url: 'https://example.com/', secret: S, timeout_seconds: 61}]",
         "endpoints[a].timeout_seconds: must be a whole number from 1 to 60, not 61"),
        ("endpoints: [{slug: a, url: 'https://example.com/', secret: S, receives: [signal]}]",
         "endpoints[a].receives: there is no kind of message 'signal'; did you mean 'signals'? "
         "(there are: exits, orders, signals)"),
        ("endpoints: [{slug: a, url: 'https://example.com/', secret: S, headers: {'X A': b}}]",
         "endpoints[a].headers.X A: must be a header's name, not 'X A'"),
        ("endpoints: [{slug: a, url: 'https://example.com/', secret: S, headers: {X-A: \"b\\r\\nX-B: c\"}}]",
         "endpoints[a].headers.X-A: must be a header's value, without secrets, not 'b\\r\\nX-B: c'"),
        # strategies
        ("strategies: [{slug: a, engine: C}]", "strategies[a].engine: there is no engine 'C' (there are: A, B)"),
        ("strategies: [{slug: a, engine: {experiment: {A: 50, C: 50}}}]",
         "strategies[a].engine.experiment.C: there is no field 'C' (there are: A, B, mode)"),
        ("strategies: [{slug: a, engine: {experiment: {A: 50}}}]",
         "strategies[a].engine: experiment: name two engines at least, such as {A: 50, B: 50}"),
        ("strategies: [{slug: a, engine: {experiment: {A: 0, B: 0}}}]",
         "strategies[a].engine: experiment: one of the weights must be above zero"),
        ("strategies: [{slug: a, engine: {experiment: {A: 50, B: 0.5}}}]",
         "strategies[a].engine.experiment.B: must be a whole number from 0 to 1000000, not '0.5'"),
        ("strategies: [{slug: a, engine: {experiment: {A: 50, B: 50, mode: both}}}]",
         "strategies[a].engine.experiment.mode: there is no mode of experiments 'both' (there are: route, shadow)"),
        ("strategies: [{slug: a, engine: {}}]", "strategies[a].engine.experiment: is required"),
        ("strategies: [{slug: a, agents: {tend: {weight: 2}}}]",
         "strategies[a].agents: tend: there is no such agent; there are trend, momentum, volatility, sentiment, "
         "forecast, risk"),
        ("strategies: [{slug: a, agents: {trend: {weight: 101}}}]",
         "strategies[a].agents: trend.weight: use a number from 0 to 100"),
        ("strategies: [{slug: a, agents: 5}]", "strategies[a].agents: give a map, such as {trend: {weight: 2}}"),
        ("strategies: [{slug: a, exits: {stop_loss: 2}}]",
         "strategies[a].exits.stop_loss: must be a distance such as 2%: a strategy trades more than one price"),
        ("strategies: [{slug: a, exits: {stop: 2%}}]",
         "strategies[a].exits: there is no exit 'stop' (there are: break_even, session_close, stop_loss, "
         "take_profit, time_stop, trailing_stop)"),
        ("strategies: [{slug: a, exits: {take_profit: [{at: 3%, share: 60%}, {at: 6%, share: 50%}]}}]",
         "strategies[a].exits.take_profit: the shares come to more than 100%"),
        ("strategies: [{slug: a, exits: {take_profit: [{at: 3%, share: 0%}]}}]",
         "strategies[a].exits.take_profit[0].share: must be a share such as 50%, not '0%'"),
        ("strategies: [{slug: a, exits: {break_even: {at: 1%, to: 2%}}}]",
         "strategies[a].exits.break_even.to: must be a distance such as 0.1%, and less than `at`, not 2%"),
        ("strategies: [{slug: a, exits: {time_stop: soon}}]",
         "strategies[a].exits.time_stop: must be a time such as 90m, 4h or 2d, not 'soon'"),
        ("strategies: [{slug: a, mode: on}]",
         "strategies[a].mode: there is no mode 'on' (there are: dry_run, live, off, paper)"),
        ("strategies: [{slug: a, mode: live}]",
         "strategies[a]: needs `sizing: {mode, value}` before its mode can be anything but off"),
        ("strategies: [{slug: a, sizing: {value: 1}}]", "strategies[a].sizing.mode: is required"),
        ("strategies: [{slug: a, sizing: {mode: quote_amount}}]",
         "strategies[a].sizing.value: the mode quote_amount needs a value"),
        ("strategies: [{slug: a, sizing: {mode: quote_amount, value: 0}}]",
         "strategies[a].sizing.value: must be a number above zero, not 0"),
        ("strategies: [{slug: a, symbols: {BTCUSDT: {symbol: BTC/USDT, quantity_unit: pounds}}}]",
         "strategies[a].symbols.BTCUSDT: quantity_unit: use one of base, contracts, lots, quote"),
        ("strategies: [{slug: a, symbols: {BTCUSDT: BTC/USDT, BTCUSDT: ETH/USDT}}]",
         "strategies[a].symbols.BTCUSDT: given twice; the first is on line 1"),
        # risk
        ("risk: {global: {max_open_position: 1}}", "PREFIX risk.global.max_open_position: there is no rule "
         "'max_open_position'; did you mean 'max_open_positions'?"),
        ("risk: {global: {max_open_positions: 1.5}}",
         "risk.global.max_open_positions: use a whole number, zero or more"),
        ("risk: {global: {max_open_positions: null}}", "PREFIX risk.global.max_open_positions: "),
        ("risk: {strategies: {nobody: {max_open_positions: 1}}}",
         "risk.strategies.nobody: there is no strategy 'nobody'"),
        ("risk: {everywhere: {}}", "risk.everywhere: there is no field 'everywhere' "
         "(there are: accounts, global, strategies)"),
        # the rest
        ("private_networks: [10.0.0.0/33]",
         "private_networks: not a network: '10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"),
        ("channels: [{slug: a, kind: telegraph, chat_id: 1}]",
         "channels[a].kind: there is no kind of channel 'telegraph'; did you mean 'telegram'? "
         "(there are: email, slack, telegram, webhook)"),
        ("channels: [{slug: a, kind: telegram, chat_id: me}]", "channels[a].chat_id: must be a chat id, not 'me'"),
        ("channels: [{slug: a, kind: telegram, chat_id: 1, events: ['or*']}]",
         "channels[a].events: must be an event such as order.filled, or a pattern: order.*, *, not 'or*'"),
        ("channels: [{slug: a, kind: telegram, chat_id: 1, level: loud}]",
         "channels[a].level: there is no level 'loud' (there are: critical, error, info, warning)"),
    ],
)  # fmt: skip
def test_it_names_line_field_and_remedy(text, fault):
    found = faults(text.replace(": S", f": {SIGNING}").replace("[S]", f"[{SIGNING}]"))
    assert len(found) == 1
    assert SIGNING not in found[0]
    if fault.startswith("PREFIX "):
        assert found[0].startswith(f"portal.yaml:1: {fault.removeprefix('PREFIX ')}")
    else:
        assert found == [f"portal.yaml:1: {fault}"]
    for model in (Source, Account, Endpoint, Strategy, RiskLimit, PrivateNetwork):
        assert model.objects.count() == 0


def test_a_fault_found_while_writing_leaves_nothing_of_the_rest():
    apply(FULL)
    version = ConfigurationVersion.objects.get().version
    assert faults(
        f"strategies: [{{slug: trend, pyramiding: 3}}]\nsources: [{{slug: tv2, auth: token, secret: {TOKEN}}}]"
    )
    assert Strategy.objects.get().pyramiding == 0
    assert ConfigurationVersion.objects.get().version == version


def test_nine_default_sources_are_one_too_many():
    items = "\n".join(f"  - {{slug: s{n}, auth: hmac, secret: {SIGNING}{n}, default: true}}" for n in range(9))
    assert faults("sources:\n" + items) == [
        "portal.yaml:10: sources[s8].default: 9 sources are marked; 8 at most may be"
    ]
    apply("sources:\n" + "\n".join(items.splitlines()[:8]))
    assert Source.objects.filter(default=True).count() == 8


def test_a_changed_authentication_needs_its_own_secret():
    apply(FULL)
    assert faults("sources: [{slug: tv, auth: hmac}]") == [
        "portal.yaml:1: sources[tv]: `auth: hmac` needs its own secret; give `secret` too"
    ]


def test_production_refuses_a_secret_written_out(settings, monkeypatch):
    settings.PRODUCTION = True
    assert faults(f"sources: [{{slug: a, auth: hmac, secret: {SIGNING}}}]") == [
        "portal.yaml:1: sources[a].secret: a secret written out is refused in production; "
        "use {env: NAME} or {file: PATH}"
    ]
    monkeypatch.setenv("A_SECRET", SIGNING)
    apply("sources: [{slug: a, auth: hmac, secret: {env: A_SECRET}}]")
    assert Source.objects.get().secret == SIGNING


def test_a_retired_item_is_not_referred_to():
    apply(FULL)
    apply("strategies: [{slug: trend, state: absent}]\nsources: [{slug: tv, state: absent}]")
    assert faults("strategies:\n  - {slug: trend, sources: [tv]}") == [
        "portal.yaml:2: strategies[trend].sources: the source 'tv' is retired; give it in `sources` again, "
        "or leave it out here"
    ]
