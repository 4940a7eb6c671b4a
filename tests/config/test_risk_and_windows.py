"""`risk` with every rule, trading windows, approval, netting and time zones: read, exported, and wrong (R6, D3, D6)."""

import pytest

from accounts.models import Account
from signals.models import RiskLimit, Strategy
from tests.config.portal import apply, faults
from tradeops.config import export

pytestmark = pytest.mark.django_db

EVERY_RULE = """\
strategies:
  - slug: trend
    sizing: {mode: fixed_quantity, value: "0.01"}
    windows:
      - {days: mon-fri, from: 09:30, to: 16:00, time_zone: America/New_York}
      - {days: "sat,sun"}
    approval_seconds: 120
    netting: allow
accounts:
  - {slug: paper-1, broker: paper, time_zone: Europe/Berlin}
risk:
  global:
    max_open_positions: 20
    max_order_notional: "10000"
    daily_loss: 5%
    max_drawdown: "2500.50"
    max_exposure: {gross: 50000, net: "20000", per_symbol: 10000.0}
    market_hours: XNYS
    max_spread: 0.10%
    price_collar: 2%
    confidence_floor: 60%
    max_orders_per_minute: 30
    duplicate_direction: reject
    dte_range: {min: 7, max: 45}
    max_premium: 500
  strategies:
    trend:
      cooldown_after_loss: 900
      trading_window: [{from: "08:00", to: "20:00"}]
  accounts:
    paper-1: {max_leverage: 5, max_exposure: 1000}
"""


def stored():
    return {(row.scope, row.key, row.rule): row.value for row in RiskLimit.objects.all()}


def test_every_limit_is_stored_as_its_rule_reads_it():
    apply(EVERY_RULE)
    found = stored()
    assert found["global", "", "daily_loss"] == "5%"
    assert found["global", "", "max_drawdown"] == "2500.5"
    assert found["global", "", "max_exposure"] == {"gross": "50000", "net": "20000", "per_symbol": "10000"}
    assert found["global", "", "max_spread"] == "0.1%"
    assert found["global", "", "confidence_floor"] == "0.6"
    assert found["global", "", "dte_range"] == {"min": 7, "max": 45}
    assert found["strategy", "trend", "trading_window"] == [
        {"days": "mon-sun", "from": "08:00", "to": "20:00", "time_zone": "UTC"}
    ]
    assert found["account", "paper-1", "max_exposure"] == {"gross": "1000"}
    assert len(found) == 17
    strategy = Strategy.objects.get()
    assert strategy.windows == [
        {"days": "mon-fri", "from": "09:30", "to": "16:00", "time_zone": "America/New_York"},
        {"days": "sat,sun", "from": "00:00", "to": "24:00", "time_zone": "UTC"},
    ]
    assert (strategy.approval_seconds, strategy.netting) == (120, "allow")
    assert Account.objects.get().time_zone == "Europe/Berlin"


def test_applied_again_and_exported_nothing_changes():
    apply(EVERY_RULE)
    assert not apply(EVERY_RULE).changes
    before = stored()
    assert not apply(export.as_yaml(with_secrets=False)).changes
    assert stored() == before


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("risk:\n  global:\n    daily_loss: five\n", 3, "risk.global.daily_loss", "'five' is not a number"),
        ("risk:\n  global:\n    max_exposure: {nett: 5}\n", 3, "risk.global.max_exposure", "there is no 'nett'"),
        ("risk:\n  global:\n    market_hours: NEWYORK\n", 3, "risk.global.market_hours", "there is no calendar"),
        ("risk:\n  global:\n    max_spred: 1%\n", 3, "risk.global.max_spred", "did you mean 'max_spread'"),
        ("risk:\n  global:\n    halted: yes\n", 3, "risk.global.halted", "takes no limit here"),
        (
            "strategies:\n  - slug: trend\n    windows:\n      - {days: mon}\n      - {from: noon}\n",
            5, "strategies[trend].windows[1].from", "'noon' is no time of day",
        ),
        (
            "strategies:\n  - slug: trend\n    windows: 09:30-16:00\n",
            3, "strategies[trend].windows", "must be a list of windows",
        ),
        (
            "strategies:\n  - slug: trend\n    approval_seconds: 0\n",
            3, "strategies[trend].approval_seconds", "must be a whole number from 1",
        ),
        ("strategies:\n  - {slug: trend, netting: maybe}\n", 2, "strategies[trend].netting", "there is no"),
        (
            "accounts:\n  - {slug: paper-1, broker: paper, time_zone: Berlin}\n",
            2, "accounts[paper-1].time_zone", "'Berlin' is no time zone",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_names_its_line_and_field(text, line, path, message):
    [fault] = faults(text)
    assert fault.startswith(f"portal.yaml:{line}: {path}: ")
    assert message in fault
