"""The risk page, halts, approvals and maintenance: what they show, what they do, and who may."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Account, Operator
from signals.models import Approval, MaintenanceWindow, Order, RiskLimit, RiskScope, Strategy, WorkItem
from signals.pipeline.drain import drain
from signals.portfolio import equity
from signals.risk import halts, maintenance, switch, usage
from tests import factories
from tests.admin.conftest import PASSWORD
from tradeops.core import clock, configuration

D = Decimal
USE = reverse("admin:signals_risklimit_use")


def confirmed(client, url, **fields):
    """The form, what it means, and the password."""
    asked = client.post(url, fields)
    assert asked.status_code == 200
    return client.post(url, {**fields, "confirm_password": PASSWORD}, follow=True)


def used(**wanted):
    rows = usage.uses(RiskLimit.objects.filter(**wanted), now=clock.now())
    return [(use.used, use.limit, use.percent, use.where) for use in rows]


@pytest.fixture
def nobody(db):
    """Somebody who may look at the admin and at nothing in it."""
    client = Client()
    client.force_login(Operator.objects.create_user("nobody", password=PASSWORD, is_staff=True))
    return client


class TestUsage:
    """Two accounts hold 0.01 BTC/USDT each, bought at 50,000."""

    def test_counts_and_exposure(self, home):
        factories.limit("max_open_positions", "20")
        factories.limit("max_exposure", {"gross": "2000", "per_symbol": "900"}, scope="strategy", key="trend")
        factories.limit("max_position_size", "0.01", scope="account", key="paper-1")
        assert used(rule="max_open_positions") == [("2", "20", 10, "")]
        assert used(rule="max_exposure") == [
            ("1000", "gross 2000", 50, ""), ("1000", "per_symbol 900", 112, "BTC/USDT"),
        ]  # fmt: skip
        assert used(rule="max_position_size") == [("0.01", "0.01", 100, "paper-1 BTC/USDT")]

    def test_losses_are_of_the_account_that_lost_most(self, home):
        factories.limit("daily_loss", "5%")
        factories.limit("max_drawdown", "1000")
        assert used(rule="daily_loss") == [("not known", "5%", None, "")]
        now = clock.now()
        for account, worth in zip(home.accounts, ("99000", "96000"), strict=True):
            equity.store(account, D(100000), at=now - timedelta(seconds=20))
            equity.store(account, D(worth), at=now)
        assert used(rule="daily_loss") == [("4%", "5%", 80, "paper-2")]
        assert used(rule="max_drawdown") == [("4000 USDT", "1000", 400, "paper-2")]

    def test_orders_of_the_last_minute(self, home):
        factories.limit("max_orders_per_minute", "4")
        for number, ago in enumerate((1, 30, 61)):
            factories.order(home.accounts[0], home.strategy, number=number, now=clock.now() - timedelta(seconds=ago))
        assert used(rule="max_orders_per_minute") == [("2", "4", 50, "trend")]

    def test_a_limit_of_each_order_is_not_used_up(self, home):
        factories.limit("max_order_notional", "10000")
        assert used() == [("", "10000", None, "")]


class TestPage:
    def test_it_shows_limits_switches_halts_and_windows(self, boss, home):
        factories.limit("max_open_positions", "2")
        now = clock.now()
        switch.set(scope="account", key="paper-2", on=True, reason="audit", by="op", now=now)
        halts.halt(strategy="trend", reason="6 orders within a minute", now=now)
        RiskScope.objects.update_or_create(
            scope="strategy", key="trend", defaults={"halted_at": now, "halted_reason": "6 orders within a minute"}
        )
        maintenance.add(
            kind="venue", key="okx", starts_at=now, ends_at=now + timedelta(hours=1), reason="upgrade", by="op", now=now
        )
        text = boss.get(USE).content.decode()
        for words in (
            "max_open_positions",
            "100 %",
            "6 orders within a minute",
            "Kill switch account paper-2",
            "upgrade",
        ):
            assert words in text

    def test_who_is_bound_to_a_client_sees_its_accounts_only(self, staff, home):
        factories.limit("max_open_positions", "2")
        factories.limit("max_position_size", "5", scope="account", key="paper-1")
        factories.limit("max_position_size", "7", scope="account", key="paper-2")
        text = staff.get(USE).content.decode()
        assert "Account paper-1" in text
        assert "paper-2" not in text
        assert "max_open_positions" not in text

    def test_it_needs_the_permission(self, nobody):
        assert nobody.get(USE).status_code == 403


class TestHalts:
    @pytest.fixture
    def halted(self, home):
        return RiskScope.objects.create(
            scope="strategy", key="trend", halted_at=clock.now(), halted_reason="6 orders within a minute"
        )

    def test_a_person_lets_it_go_on(self, boss, halted):
        answer = confirmed(boss, reverse("admin:signals_riskscope_resume", args=[halted.pk]), reason="fixed")
        assert b"trend goes on." in answer.content
        halted.refresh_from_db()
        assert (halted.halted_at, halted.halted_reason) == (None, "")

    def test_not_without_the_password(self, boss, halted):
        url = reverse("admin:signals_riskscope_resume", args=[halted.pk])
        boss.post(url, {"reason": "fixed", "confirm_password": "wrong"})
        halted.refresh_from_db()
        assert halted.halted_at is not None

    def test_not_without_the_permission(self, nobody, halted):
        assert nobody.get(reverse("admin:signals_riskscope_resume", args=[halted.pk])).status_code == 403


class TestMaintenance:
    def test_it_is_planned_and_ended(self, boss, home):
        begins = clock.now()
        ends = begins + timedelta(hours=2)
        fields = {
            "target": "strategy:trend", "reason": "upgrade",
            "starts_at_0": f"{begins:%Y-%m-%d}", "starts_at_1": f"{begins:%H:%M:%S}",
            "ends_at_0": f"{ends:%Y-%m-%d}", "ends_at_1": f"{ends:%H:%M:%S}",
        }  # fmt: skip
        boss.post(reverse("admin:signals_maintenancewindow_add"), fields)
        row = MaintenanceWindow.objects.get()
        assert (row.kind, row.key, row.reason, row.created_by) == ("strategy", "trend", "upgrade", "boss")
        assert maintenance.window(("strategy", "trend"), now=clock.now()) == row
        boss.post(reverse("admin:signals_maintenancewindow_end", args=[row.pk]), {"confirm_password": PASSWORD})
        assert maintenance.window(("strategy", "trend"), now=clock.now()) is None

    def test_one_that_ends_before_it_begins_is_refused(self, boss, home):
        fields = {
            "target": "strategy:trend", "reason": "x", "starts_at_0": "2030-01-02", "starts_at_1": "10:00",
            "ends_at_0": "2030-01-02", "ends_at_1": "09:00",
        }  # fmt: skip
        answer = boss.post(reverse("admin:signals_maintenancewindow_add"), fields)
        assert b"It must end after it begins" in answer.content
        assert not MaintenanceWindow.objects.exists()

    def test_who_is_bound_to_a_client_plans_none(self, staff, home):
        staff.post(reverse("admin:signals_maintenancewindow_add"), {"target": "strategy:trend"})
        assert not MaintenanceWindow.objects.exists()


class TestApprovals:
    @pytest.fixture
    def asked(self, home):
        WorkItem.objects.update(state="done")
        home.strategy.approval_seconds = 300
        home.strategy.endpoints.clear()
        home.strategy.pyramiding = 5
        home.strategy.save()
        factories.signal(home.strategy, sender_id="asked")
        configuration.changed()
        drain()
        return Approval.objects.get()

    def test_it_shows_what_each_account_would_do(self, boss, asked):
        text = boss.get(reverse("admin:signals_approval_change", args=[asked.pk])).content.decode()
        assert text.count("buy 0.01 BTC/USDT") == 2
        assert "Say yes" in text

    def test_a_yes_trades(self, boss, asked):
        before = Order.objects.count()
        confirmed(boss, reverse("admin:signals_approval_yes", args=[asked.pk]), reason="looks good")
        drain()
        asked.refresh_from_db()
        assert (asked.status, asked.answered_by, asked.reason) == ("GIVEN", "boss", "looks good")
        assert Order.objects.count() == before + 2

    def test_a_no_does_not(self, boss, asked):
        before = Order.objects.count()
        confirmed(boss, reverse("admin:signals_approval_no", args=[asked.pk]), reason="news")
        drain()
        asked.refresh_from_db()
        assert (asked.status, asked.answered_by, Order.objects.count()) == ("REFUSED", "boss", before)

    def test_a_second_answer_is_told(self, boss, asked):
        confirmed(boss, reverse("admin:signals_approval_no", args=[asked.pk]), reason="news")
        answer = confirmed(boss, reverse("admin:signals_approval_yes", args=[asked.pk]), reason="but")
        assert b"answered already" in answer.content

    def test_who_is_bound_to_a_client_answers_for_no_other(self, staff, asked):
        page = staff.get(reverse("admin:signals_approval_change", args=[asked.pk]))
        assert page.status_code == 200
        assert b"paper-2" not in page.content
        assert b"Say yes" not in page.content
        assert staff.post(reverse("admin:signals_approval_yes", args=[asked.pk])).status_code == 403


class TestForms:
    """What the risk rules read of a strategy and an account, as a person sets it."""

    def strategy_form(self, **fields):
        row = Strategy.objects.get(slug="trend")
        form = admin.site.get_model_admin(Strategy).get_form(_request(), row, change=True)
        return form({**_initial(form(instance=row)), **fields}, instance=row)

    def test_windows_are_kept_as_they_are_read(self, home):
        form = self.strategy_form(
            windows='[{"days": "mon-fri", "from": "09:30", "to": "16:00"}]', approval_seconds="60"
        )
        assert form.errors == {}
        row = form.save()
        assert row.windows == [{"days": "mon-fri", "from": "09:30", "to": "16:00", "time_zone": "UTC"}]
        assert (row.approval_seconds, row.netting) == (60, "reject")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[{"from": "9"}]', "[0].from: &#x27;9&#x27; is no time of day"),
            ('{"from": "09:00"}', "give a list of windows"),
        ],
    )
    def test_a_bad_window_is_told_at_its_field(self, home, text, said):
        assert said in str(self.strategy_form(windows=text).errors["windows"])

    @pytest.mark.parametrize(("name", "fine"), [("Asia/Tokyo", True), ("", True), ("Mars/Olympus", False)])
    def test_a_time_zone_is_one(self, home, name, fine):
        row = home.accounts[0]
        form = admin.site.get_model_admin(Account).get_form(_request(), row, change=True)
        filled = form({**_initial(form(instance=row)), "time_zone": name}, instance=row)
        assert ("time_zone" not in filled.errors) is fine


def _request():
    request = RequestFactory().get("/")
    request.user = Operator(username="boss", is_superuser=True, is_staff=True)
    return request


def _initial(form):
    """What the page would send back unchanged."""
    sent = {}
    for bound in form:
        value = bound.value()
        if value is not None and value is not False:
            sent[bound.name] = [getattr(one, "pk", one) for one in value] if isinstance(value, list) else value
    return sent
