"""The client against the portal itself, over HTTP on loopback."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import Operator
from relay.models import Message
from signals.analysis import runner, runs
from signals.models import AnalysisPlan, AnalysisRun, Fill, Order, PaperBalance, Position
from tests import life
from tests.client.conftest import Turns, nothing
from tests.factories import NOW
from tests.installation import ROOT
from tradeops import client as api
from tradeops.core import clock


def tell(**fields) -> int:
    given = {"event": "order.filled", "level": "info", "title": "told", "created_at": NOW, **fields}
    return Message.objects.create(**given).pk


def ids(found) -> list[int]:
    return [one.id for one in found]


# Signing in -----------------------------------------------------------------------------------------------------


def test_a_password_opens_what_the_person_may_see_and_no_more(portal):
    assert [one.account for one in portal().accounts()] == ["paper-2", "paper-1"]
    house = portal(username="house")
    assert [(one.account, one.broker, one.currency) for one in house.accounts()] == [("paper-1", "paper", "USDT")]
    assert {one.account for one in house.positions()} == {"paper-1"}
    assert {one.account for one in house.orders()} == {"paper-1"}
    [fill] = house.fills()
    assert (fill.quantity, fill.price, fill.fee, fill.at) == (
        Decimal("0.01"), Decimal(50000), Decimal("0.5"), datetime(2026, 3, 2, 14, 30, 0, 23_000, tzinfo=UTC),
    )  # fmt: skip
    with pytest.raises(api.NotFound):
        house.sync_paper("paper-2")


def test_a_wrong_password_opens_nothing(portal):
    with pytest.raises(api.Unauthorised, match="No active account"):
        portal(password="not-the-password").accounts()
    assert OutstandingToken.objects.count() == 0


def test_a_token_that_has_run_out_is_refreshed_once(portal):
    client = portal()
    client.accounts()
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert len(client.accounts()) == 2
        client.accounts()
    assert (OutstandingToken.objects.count(), BlacklistedToken.objects.count()) == (2, 1)


def test_threads_that_share_a_client_sign_in_once(portal):
    client = portal()
    with ThreadPoolExecutor(6) as pool:
        assert [len(found) for found in pool.map(lambda _: client.accounts(), range(6))] == [2] * 6
    assert OutstandingToken.objects.count() == 1


def test_a_refresh_token_that_is_used_up_leads_back_to_the_password(portal):
    client = portal()
    client.accounts()
    BlacklistedToken.objects.create(token=OutstandingToken.objects.get())
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert len(client.accounts()) == 2
    assert OutstandingToken.objects.count() == 2


def test_who_is_retired_is_told_so_in_the_middle_of_following(portal):
    def retire():
        Operator.objects.update(is_active=False)

    following = portal(Turns(retire)).events(after=Message.objects.latest("pk").pk)
    with pytest.raises(api.Unauthorised):
        next(following)


# Events ---------------------------------------------------------------------------------------------------------


def test_events_come_as_they_happen_each_once(portal):
    told: list[int] = []

    def happen():
        told.extend([tell(), tell(account="paper-2", level="error", body={"quantity": "0.1"})])

    turns = Turns(happen, nothing, happen, nothing)
    found = list(portal(turns).events(every=1.5))
    assert ids(found) == told
    assert turns.waited == [1.5] * 5
    assert found[1] == api.Event(
        id=told[1], event="order.filled", level="error", title="told", at=NOW, signal="", strategy="",
        account="paper-2", symbol="", request_id="", body={"quantity": "0.1"},
    )  # fmt: skip


def test_nothing_is_lost_or_repeated_over_restarts_of_the_program(portal):
    told = [tell() for _ in range(7)]
    place, seen = told[0] - 1, []
    for taken in (1, 3, 2):  # three lives, each killed after so many
        following = portal().events(after=place)
        for _ in range(taken):
            place = next(following).id
            seen.append(place)
        told.append(tell())
    seen += ids(portal().events(after=place))
    assert seen == told


def test_a_person_hears_of_their_own_accounts_only(portal):
    place = portal().event_cursor()
    tell(account="paper-2")
    mine = tell(account="paper-1")
    tell(event="process.ended")
    assert ids(portal(username="house").events(after=place)) == [mine]


def test_only_what_was_asked_for(portal):
    place = portal().event_cursor()
    tell(event="signal.approved", account="paper-1")
    wanted = tell(event="order.rejected", account="paper-1")
    tell(event="order.rejected", account="paper-2")
    assert ids(portal().events(after=place, event="order.*", account="paper-1")) == [wanted]


def test_a_place_that_is_not_kept_is_an_error(portal):
    told = [tell() for _ in range(3)]
    with pytest.raises(api.EventsGone):
        next(portal().events(after=told[-1] + 100))


def test_who_is_closed_comes_to_an_end(portal):
    client = portal()
    following = client.events(after=0)
    next(following)
    client.close()
    assert len(list(following)) == Message.objects.count() - 1


# Analysis -------------------------------------------------------------------------------------------------------


@pytest.fixture
def plan(transactional_db):
    return AnalysisPlan.objects.create(slug="premarket", symbols=["AAPL", "NVDA"], data="simulated")


def analyse(plan) -> str:
    run = runs.begin(plan, cause="demand", now=clock.now())
    runner.execute(run)
    return run.public_id


def test_the_latest_analysis_and_that_of_a_day(portal, plan):
    with pytest.raises(api.NotFound):
        portal().latest_analysis()
    analyse(plan)
    latest = analyse(plan)
    found = portal().latest_analysis()
    assert (found.run_id, found.symbols_analyzed) == (latest, ("AAPL", "NVDA"))
    stored = AnalysisRun.objects.get(public_id=latest).results["trading_signals"]["AAPL"]
    signal = found.trading_signals["AAPL"]
    assert signal.current_price == Decimal(str(stored["current_price"]))
    assert signal.price_prediction.model_used == stored["components"]["price_prediction"]["model_used"]
    assert (signal.action, signal.confidence) == (stored["action"], stored["confidence"])
    assert found.timestamp.tzinfo is UTC
    AnalysisRun.objects.filter(public_id=latest).update(trading_day=date(2026, 11, 18))
    assert portal().analysis(date(2026, 11, 18)).run_id == latest
    assert portal().analysis("2026-11-18").run_id == latest
    with pytest.raises(api.NotFound):
        portal().analysis(date(2026, 11, 18), plan="other")


def test_each_runs_results_come_once_though_there_were_none_at_first(portal, plan):
    made: list[str] = []
    turns = Turns(
        nothing, lambda: made.extend([analyse(plan), analyse(plan)]), nothing, lambda: made.append(analyse(plan))
    )
    assert [one.run_id for one in portal(turns).watch_results(every=3.0)] == made
    assert turns.waited == [3.0] * 5


def test_a_watch_begins_with_the_newest_or_after_the_one_that_was_seen(portal, plan):
    made = [analyse(plan) for _ in range(4)]
    other = AnalysisPlan.objects.create(slug="other", symbols=["AAPL"], data="simulated")
    made.append(analyse(other))
    assert [one.run_id for one in portal().watch_results()] == made[-1:]
    assert [one.run_id for one in portal().watch_results(plan="premarket")] == made[3:4]
    assert [one.run_id for one in portal().watch_results(after=made[1])] == made[2:]
    assert [one.run_id for one in portal().watch_results(after=made[0], plan="premarket")] == made[1:4]
    AnalysisRun.objects.filter(public_id=made[2]).update(results=None)  # not kept any more
    assert [one.run_id for one in portal().watch_results(after=made[1])] == made[3:]
    with pytest.raises(api.NotFound):
        next(portal().watch_results(after="no-such-run"))


# A paper account ------------------------------------------------------------------------------------------------


def test_a_copy_of_a_paper_account_as_it_stands(portal, home):
    PaperBalance.objects.create(account=home.accounts[0], currency="BTC", amount=Decimal("0.01"))
    PaperBalance.objects.create(account=home.accounts[0], currency="USDT", amount=Decimal("99499.5"))
    copy = portal().sync_paper("paper-1")
    assert {name: (one.total, one.free) for name, one in copy.balances.items()} == {
        "BTC": (Decimal("0.01"), Decimal("0.01")), "USDT": (Decimal("99499.5"), Decimal("99499.5")),
    }  # fmt: skip
    [position] = copy.positions
    assert (position.strategy, position.symbol, position.net) == ("trend", "BTC/USDT", Decimal("0.01"))
    assert (copy.net, copy.open_orders) == ({"BTC/USDT": Decimal("0.01")}, {})
    assert copy.fills_cursor == Fill.objects.latest("pk").pk
    assert copy.differences({"BTC/USDT": Decimal("0.01")}) == ()
    assert copy.differences({"ETH/USDT": Decimal("-2")}) == (
        api.Difference(symbol="BTC/USDT", here=Decimal(0), there=Decimal("0.01")),
        api.Difference(symbol="ETH/USDT", here=Decimal(-2), there=Decimal(0)),
    )


def test_it_is_kept_up_look_by_look(portal, home):
    client = portal()
    copy = client.sync_paper("paper-1")
    assert not copy.update()
    life.traded(home, at=NOW.replace(minute=40))
    order = Order.objects.filter(account__slug="paper-1").latest("pk")
    Order.objects.filter(pk=order.pk).update(status="OPEN", finished_at=None)
    PaperBalance.objects.create(account=home.accounts[0], currency="USDT", amount=Decimal("99000"))
    changes = copy.update()
    assert [(one.order, one.account) for one in changes.fills] == [(order.client_order_id, "paper-1")]
    assert [one.status for one in changes.orders] == ["OPEN"]
    assert [(one.currency, one.total) for one in changes.balances] == [("USDT", Decimal(99000))]
    assert [one.updated_at.minute for one in changes.positions] == [40]
    assert (changes.ended, list(copy.open_orders)) == ((), [order.client_order_id])

    Order.objects.filter(pk=order.pk).update(status="FILLED")
    Position.objects.filter(account__slug="paper-1").update(is_open=False, quantity=0, realised_pnl=Decimal("1.5"))
    changes = copy.update()
    assert [(one.client_order_id, one.status) for one in changes.ended] == [(order.client_order_id, "FILLED")]
    assert [(one.quantity, one.realised_pnl) for one in changes.positions] == [(0, Decimal("1.5"))]
    assert (changes.fills, changes.orders, changes.balances) == ((), (), ())
    assert (copy.net, copy.open_orders, bool(copy.update())) == ({}, {}, False)


def test_fills_come_once_over_restarts_of_the_program_and_page_by_page(portal, home, monkeypatch):
    monkeypatch.setattr("signals.api.state.MOST_FILLS", 2)
    copy = portal().sync_paper("paper-1", fills_after=0)
    seen = list(copy.update().fills)
    for minute in range(40, 45):
        life.traded(home, at=NOW.replace(minute=minute))
    turns = Turns(nothing)
    again = portal(turns).sync_paper("paper-1", fills_after=copy.fills_cursor)
    for changes in again.follow(every=4.0):
        assert len(changes.fills) <= 2
        seen += changes.fills
    assert ids(seen) == list(Fill.objects.filter(account__slug="paper-1").order_by("pk").values_list("pk", flat=True))
    assert turns.waited == [4.0, 4.0]  # only when all were fetched


def test_state_is_of_the_account_and_for_those_who_may_see_it(portal, home):
    house = portal(username="house")
    assert list(house.sync_paper("paper-1").balances) == ["USDT"]
    for theirs in ("paper-2", "no-such"):
        with pytest.raises(api.NotFound):
            house.sync_paper(theirs)


# By itself ------------------------------------------------------------------------------------------------------


def test_it_needs_nothing_of_the_portal():
    blocked = "import sys\nfor name in ('django', 'rest_framework', 'tradeops.core', 'tradeops.settings'):\n"
    blocked += "    sys.modules[name] = None\n"
    code = blocked + "from tradeops.client import Client, Event\nprint(Client('http://localhost', token='x'))\n"
    code += "print(sorted(name for name in sys.modules if name.startswith('tradeops')"
    code += " and sys.modules[name] and not name.startswith('tradeops.client')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "Client('http://localhost', username='')\n['tradeops']\n", done.stderr
