"""An order's page and what a person may do there: cancel, ask, say that it never arrived, flatten."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Operator
from signals.execution import runner
from signals.models import Order, OrderAnswer, OrderStep, PaperBalance, Position, ReconciliationCursor
from signals.operator import flatten
from signals.operator.flatten import Target
from tests import factories
from tests.admin.conftest import PASSWORD


def page(order, name="change") -> str:
    return reverse(f"admin:signals_order_{name}", args=[order.pk])


@pytest.fixture
def order(home):
    return factories.order(home.accounts[0], home.strategy, number=7, status="OPEN", quantity=Decimal("0.5"))


@pytest.fixture
def unknown(home):
    return factories.order(
        home.accounts[0],
        home.strategy,
        number=8,
        status="UNKNOWN",
        unknown_since=datetime.now(UTC),
        sent_at=datetime.now(UTC),
    )


def test_the_page_shows_steps_with_times_and_what_the_venue_answered(boss, order):
    start = order.created_at
    for ms, name in ((0, "created"), (12, "sent"), (1500, "open")):
        OrderStep.objects.create(order=order, step=name, at=start + timedelta(milliseconds=ms), detail=f"<{name}>")
    OrderAnswer.objects.create(
        order=order, call="place", at=start, ms=38, outcome="OPEN", body='{"sCode":"0","note":"<script>x</script>"}'
    )
    text = boss.get(page(order)).content.decode()
    assert re.findall(r'class="to-ms">([^<]+)<', text) == ["+0 ms", "+12 ms", "+1.5 s"]
    assert "38 ms" in text
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "<script>x</script>" not in text
    assert "It rests at the venue." in text
    assert reverse("admin:accounts_account_change", args=[order.account_id]) in text


def test_a_signals_page_leads_to_its_orders_by_the_id_that_the_venue_knows(boss, home):
    text = boss.get(reverse("admin:signals_signal_change", args=[home.traded.pk])).content.decode()
    order = home.traded.orders.first()
    address = reverse("admin:signals_order_change", args=[order.client_order_id])
    assert f'href="{address}"' in text
    assert boss.get(address).context["original"] == order
    assert (
        f'href="{reverse("admin:signals_signal_change", args=[home.traded.pk])}"' in boss.get(address).content.decode()
    )


def test_the_page_follows_the_order_until_it_is_settled(boss, order):
    assert boss.get(page(order), {"fragment": 1})["X-Settled"] == "0"
    Order.objects.update(status="FILLED")
    assert boss.get(page(order), {"fragment": 1})["X-Settled"] == "1"


def test_a_cancel_wants_a_reason_and_the_password(boss, order):
    url = page(order, "cancel")
    assert boss.get(url).status_code == 200
    assert "confirm_password" in boss.post(url, {"reason": "wrong size"}).content.decode()
    boss.post(url, {"reason": "wrong size", "confirm_password": "not-it"})
    order.refresh_from_db()
    assert order.cancel_asked_at is None
    answer = boss.post(url, {"reason": "wrong size", "confirm_password": PASSWORD})
    assert answer.status_code == 302
    order.refresh_from_db()
    assert order.cancel_asked_at is not None
    assert order.cancel_reason == "wrong size (boss)"
    assert order.status == "OPEN"  # the venue has not been asked yet


def test_what_ended_meanwhile_cannot_be_cancelled(boss, order):
    Order.objects.update(status="FILLED")
    answer = boss.post(page(order, "cancel"), {"reason": "late", "confirm_password": PASSWORD}, follow=True)
    assert "Nothing was changed" in answer.content.decode()
    order.refresh_from_db()
    assert order.cancel_asked_at is None


def test_an_order_is_asked_after_at_once(boss, order):
    Order.objects.update(due_at=datetime.now(UTC) + timedelta(hours=1))
    assert boss.get(page(order, "query")).status_code == 405
    boss.post(page(order, "query"))
    order.refresh_from_db()
    assert order.due_at <= datetime.now(UTC)
    assert order.steps.get(step="asked_after").detail == "by boss"


def test_a_final_one_has_its_account_compared(boss, order):
    Order.objects.update(status="CANCELED")
    boss.post(page(order, "query"))
    assert ReconciliationCursor.objects.get(account=order.account).asked_cause == "demand"


def test_only_an_order_in_doubt_never_arrived(boss, order, unknown):
    given = {"reason": "not in its history", "confirm_password": PASSWORD}
    boss.post(page(order, "never_arrived"), given)
    order.refresh_from_db()
    assert order.status == "OPEN"
    boss.post(page(unknown, "never_arrived"), {"reason": "not in its history"})
    unknown.refresh_from_db()
    assert unknown.status == "UNKNOWN"
    boss.post(page(unknown, "never_arrived"), given)
    unknown.refresh_from_db()
    assert unknown.status in ("PENDING", "EXPIRED")
    assert "boss says that it never arrived: not in its history" in unknown.steps.get(step="never_arrived").detail


@pytest.mark.parametrize("name", ["cancel", "never_arrived"])
def test_who_may_only_look_does_nothing(home, order, client, name):
    from django.contrib.auth.models import Permission

    viewer = Operator.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    viewer.clients.add(home.accounts[0].client)
    client.force_login(viewer)
    text = client.get(page(order)).content.decode()
    assert "Cancel order" not in text
    assert client.post(page(order, name), {"reason": "x", "confirm_password": PASSWORD}).status_code == 403
    assert client.post(page(order, "query")).status_code == 403
    assert client.get(reverse("admin:signals_order_flatten")).status_code == 403


def test_nobody_cancels_what_belongs_to_another_client(staff, home):
    theirs = home.accounts[1].orders.get()
    Order.objects.filter(pk=theirs.pk).update(status="OPEN")
    assert staff.post(page(theirs, "cancel"), {"reason": "x", "confirm_password": PASSWORD}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.cancel_asked_at is None


# Flatten -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def entry(home):
    return factories.order(home.accounts[0], home.strategy, number=9, status="OPEN", type="limit", price=Decimal(40000))


def flatten_form(boss, **given) -> dict[str, object]:
    asked = boss.get(reverse("admin:signals_order_flatten"))
    request_id = asked.context["form"]["request_id"].value()
    return {"request_id": request_id, "accounts": ["paper-1"], "reason": "end of the day", **given}


def test_flatten_shows_what_it_would_close_before_it_asks_for_the_password(boss, home, entry):
    url = reverse("admin:signals_order_flatten")
    text = boss.post(url, flatten_form(boss)).content.decode()
    assert "1 position closed at the market, 1 entry taken back." in text
    assert "sell 0.01 BTC/USDT" in text
    assert entry.client_order_id in text
    assert not Order.objects.filter(origin="manual", intent="close").exists()
    entry.refresh_from_db()
    assert entry.cancel_asked_at is None


def test_flatten_makes_closes_and_takes_entries_back_once(boss, home, entry):
    url, given = reverse("admin:signals_order_flatten"), flatten_form(boss)
    text = boss.post(url, {**given, "confirm_password": PASSWORD}).content.decode()
    close = Order.objects.get(origin="manual", intent="close")
    assert (close.account, close.strategy, close.status) == (home.accounts[0], home.strategy, "PENDING")
    assert (close.side, close.position_side, close.quantity) == ("sell", "long", Decimal("0.01"))
    assert (close.origin_id, close.mode) == (given["request_id"], "paper")
    assert page(close) in text
    entry.refresh_from_db()
    assert entry.cancel_reason.startswith("flatten by boss: end of the day")
    again = boss.post(url, {**given, "confirm_password": PASSWORD}).content.decode()
    assert "nothing was added" in again
    assert Order.objects.filter(origin="manual", intent="close").count() == 1
    assert not Order.objects.filter(account=home.accounts[1], origin="manual").exists()


def test_flatten_leaves_what_is_being_closed_already(home):
    account = home.accounts[0]
    target = Target(account=account)
    now = datetime.now(UTC)
    first = flatten.flatten([target], request_id="r1", by="op", reason="x", now=now)
    second = flatten.flatten([target], request_id="r2", by="op", reason="x", now=now)
    assert (len(first[0].closes), len(second[0].closes)) == (1, 0)
    assert flatten.preview(target).empty


def test_flatten_of_one_symbol_or_strategy_touches_no_other(home):
    account = home.accounts[0]
    other = factories.strategy("other", accounts=[account])
    for strategy, symbol in ((other, "BTC/USDT"), (home.strategy, "ETH/USDT")):
        Position.objects.create(
            strategy=strategy, account=account, symbol=symbol, side="short", quantity=2, is_open=True,
            average_price=100, updated_at=factories.NOW,
        )  # fmt: skip
    found = flatten.preview(Target(account=account, strategy="trend", symbol="ETH/USDT"))
    assert [(each.side, each.quantity, each.position.symbol) for each in found.closings] == [("buy", 2, "ETH/USDT")]
    assert len(flatten.preview(Target(account=account, symbol="BTC/USDT")).closings) == 2
    assert len(flatten.preview(Target(account=account)).closings) == 3


def test_what_flatten_made_is_sent_and_closes_the_position(home):
    account = home.accounts[0]
    PaperBalance.objects.create(account=account, currency="BTC", amount=Decimal("0.01"))
    Position.objects.filter(account=account).update(mark_price=50000, marked_at=datetime.now(UTC))
    [result] = flatten.flatten(
        [Target(account=account)], request_id="r1", by="op", reason="end of the day", now=datetime.now(UTC)
    )
    runner.run(now=datetime.now(UTC))
    result.closes[0].refresh_from_db()
    assert result.closes[0].status == "FILLED"
    assert not Position.objects.get(account=account).is_open
    assert "flatten by op: end of the day" in result.closes[0].steps.get(step="created").detail


def test_staff_flatten_only_what_they_see(staff, home):
    url = reverse("admin:signals_order_flatten")
    given = {"request_id": "0" * 32, "accounts": ["paper-2"], "reason": "x", "confirm_password": PASSWORD}
    staff.post(url, given)
    assert not Order.objects.filter(origin="manual").exists()
