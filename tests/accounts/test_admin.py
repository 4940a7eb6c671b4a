"""The account's pages: keys go in and never come out, tests are asked for, freezes say why (X9, U3, U4)."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import credentials, vault
from accounts.models import Account, AccountBalance, AccountPosition, AccountSync, Credential, Operator
from signals.models import RiskLimit
from signals.risk import switch
from tests import factories
from tests.accounts.conftest import VALUES
from tests.factories import NOW
from tests.statements import asked
from tradeops.core import clock

PASSWORD = "the-password-of-this-test"


@pytest.fixture
def boss(db):
    client = Client()
    client.force_login(Operator.objects.create_superuser("boss", password=PASSWORD))
    return client


@pytest.fixture
def viewer(account):
    """Somebody who may look at accounts of the same client and change nothing."""
    operator = Operator.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    operator.user_permissions.set(Permission.objects.filter(codename="view_account"))
    operator.clients.add(account.client)
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def stored(account):
    credentials.store(account=account, values=VALUES, by="ann", now=clock.now())
    return account


def url(account, name="change"):
    return reverse(f"admin:accounts_account_{name}", args=[account.pk])


def page(client, account):
    answer = client.get(url(account))
    assert answer.status_code == 200
    # As a person reads it: without markup and the white space between.
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.content.decode().partition('<div class="to-page">')[2]))


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def form(account, **changes):
    return {
        "client": account.client_id, "market": account.market, "active": "on", "sandbox": "on", "currency": "USDT",
        "fee_bps": "0", "initial_balances": "{}", "base_url": "", "prices": "", "leverage": "",
        "margin_mode": "cross", "external_trades": "ignore", **changes,
    }  # fmt: skip


def parts(**changes):
    return {**{f"part_{name}": value for name, value in VALUES.items()}, "confirm_password": PASSWORD, **changes}


class TestCredentials:
    def test_they_are_set_with_the_password_on_one_page_and_never_shown(self, boss, account):
        asked = boss.get(url(account, "credentials_action"))
        assert 'type="password"' in asked.content.decode()
        assert "part_sub_account" in asked.content.decode()
        answer = boss.post(url(account, "credentials_action"), parts())
        assert answer.status_code == 302
        assert vault.open_for(account) == VALUES
        assert Credential.objects.get().set_by == "boss"
        text = boss.get(url(account)).content.decode()
        for value in VALUES.values():
            assert value not in text
        assert Credential.objects.get().sealed not in text
        assert "api_key, passphrase, secret" in text

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"confirm_password": "wrong"}, "That is not your password"),
            ({"confirm_password": ""}, "This field is required"),
            ({"part_secret": ""}, "This field is required"),
        ],
    )
    def test_a_form_that_is_refused_stores_nothing_and_echoes_nothing(self, boss, account, changes, told):
        answer = boss.post(url(account, "credentials_action"), parts(**changes))
        assert answer.status_code == 200
        text = answer.content.decode()
        assert told in text
        for value in VALUES.values():
            assert value not in text
        assert "no-store" in answer["Cache-Control"]
        assert not Credential.objects.exists()

    def test_there_is_no_such_page_for_an_account_without_keys(self, boss):
        paper = factories.account("paper-1")
        assert "Set credentials" not in boss.get(url(paper)).content.decode()
        assert boss.get(url(paper, "credentials_action")).status_code in (302, 403)

    def test_erasing_asks_for_the_password(self, boss, stored):
        asked = boss.post(url(stored, "erase"), {})
        assert "exits and cancels neither" in asked.content.decode()
        boss.post(url(stored, "erase"), {"confirm_password": "wrong"})
        assert Credential.objects.exists()
        boss.post(url(stored, "erase"), {"confirm_password": PASSWORD})
        assert not Credential.objects.exists()

    def test_changing_where_it_leads_erases_them_and_says_so(self, boss, stored):
        answer = boss.post(url(stored), form(stored, base_url="https://elsewhere.test"))
        assert answer.status_code == 302
        assert not Credential.objects.exists()
        assert said(answer)[0] == (
            "The credentials of real-1 were erased, since it leads elsewhere now: set its new ones."
        )

    def test_saving_the_form_as_it_is_keeps_them(self, boss, stored):
        assert boss.post(url(stored), form(stored, leverage="3", margin_mode="isolated")).status_code == 302
        assert vault.open_for(stored) == VALUES
        row = Account.objects.get(pk=stored.pk)
        assert (row.leverage, row.margin_mode) == (3, "isolated")

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"base_url": "http://elsewhere.test"}, "use https"),
            ({"leverage": "0.5"}, "Leverage must be 1 or more"),
            ({"prices": "nowhere"}, "There is no source of prices"),
            ({"prices": "venue:nowhere"}, "There is no venue"),
        ],
    )
    def test_what_its_broker_cannot_do_is_refused(self, boss, stored, changes, told):
        answer = boss.post(url(stored), form(stored, **changes))
        assert answer.status_code == 200
        assert told in answer.content.decode()
        assert Credential.objects.exists()


class TestConnection:
    def test_the_button_is_a_wish_and_the_page_shows_it_and_then_the_answer(self, boss, stored):
        Credential.objects.update(test_asked_at=None, next_check_at=clock.now() + timedelta(hours=1))
        answer = boss.post(url(stored, "test"))
        assert said(answer) == ["The connection is tested by a trade worker; this page shows the result."]
        assert Credential.objects.get().test_asked_at is not None
        assert "waits for a trade worker" in page(boss, stored)
        Credential.objects.update(
            test_asked_at=None, tested_at=clock.now(), checked_at=clock.now(), test_result="it works; the key may read",
            facts={"read": True, "trade": None, "withdraw": False, "ip_bound": False, "position_mode": "hedge",
                   "account": "uid 7", "notes": ["expires on 2027-01-01"]},
        )  # fmt: skip
        text = page(boss, stored)
        assert "it works; the key may read" in text
        assert "Read yes Trade unknown Withdraw no Bound to an address no" in text
        assert "OKX deletes such keys after 14 days without use" in text
        assert "hedge: long and short side by side" in text
        assert "expires on 2027-01-01" in text

    def test_without_credentials_there_is_nothing_to_test(self, boss, account):
        assert said(boss.post(url(account, "test"))) == ["real-1 has no credentials to test: set them first."]
        assert not AccountSync.objects.exists()
        assert "nothing to read it with" in said(boss.post(url(account, "read")))[-1]

    def test_read_now_makes_it_due(self, boss, stored):
        assert said(boss.post(url(stored, "read"))) == ["It is read from its venue within a second or two."]
        assert AccountSync.objects.get().asked_at is not None

    def test_a_look_asks_for_nothing(self, boss, stored):
        assert boss.get(url(stored, "test")).status_code == 405
        assert boss.get(url(stored, "read")).status_code == 405


class TestPage:
    def test_what_is_there_is_shown_with_its_time(self, boss, stored):
        AccountSync.objects.create(
            account=stored, due_at=clock.now(), synced_at=clock.now() - timedelta(seconds=30), equity=Decimal("1500.25")
        )
        AccountBalance.objects.create(account=stored, currency="USDT", total="1000.10", free="900", at=NOW)
        AccountPosition.objects.create(
            account=stored, symbol="BTC/USDT:USDT", side="long", quantity="0.5", average_price="50000",
            unrealised_pnl="12.5", leverage="3", margin_mode="cross", at=NOW,
        )  # fmt: skip
        text = page(boss, stored)
        assert "It takes orders." in text
        assert "Equity 1500.25 USDT" in text
        assert "USDT 1000.1 900" in text
        assert "BTC/USDT:USDT long 0.5 50000 12.5 cross 3×" in re.sub(" +", " ", text)

    def test_why_it_takes_no_entries_is_said(self, boss, account, settings):
        Account.objects.update(sandbox=False, frozen_reason="the books differ", frozen_at=NOW, frozen_by="ann")
        text = page(boss, account)
        assert "It takes no entries: frozen." in text
        assert (
            "It is frozen since 2026-03-02 14:30 UTC by ann: the books differ. No entry is opened; exits pass." in text
        )
        assert "It is without credentials: set them on its page." in text
        assert "It is a real account and not armed: TRADEOPS_TRADING is not live" in text
        settings.TRADING = "live"
        assert "not armed" not in page(boss, account)

    def test_limits_and_switches_are_shown_and_the_switch_is_a_click_away(self, boss, stored):
        RiskLimit.objects.create(scope="account", key="real-1", rule="max_leverage", value=5)
        RiskLimit.objects.create(scope="account", key="other", rule="max_order_notional", value="77")
        switch.set(scope="account", key="real-1", on=True, reason="maintenance", by="ann", now=clock.now())
        answer = boss.get(url(stored)).content.decode()
        assert f"{reverse('admin:signals_riskscope_turn')}?target=account:real-1&amp;turn=off" in answer
        text = page(boss, stored)
        assert "Its kill switch is on: no entry is opened." in text
        assert "turned by ann" in text
        assert "max_leverage account 5" in text
        assert "77" not in text

    def test_what_holds_single_symbols_back_is_shown(self, boss, stored):
        from signals.models import ExternalTrade, SymbolBlock

        order = factories.order(stored, factories.strategy(accounts=[stored]), status="UNKNOWN")
        trade = ExternalTrade.objects.create(
            account=stored, trade_id="1", symbol="ETH/USDT:USDT", side="buy", quantity=1, price=1, cause="hand", at=NOW,
            recorded_at=NOW,
        )  # fmt: skip
        SymbolBlock.objects.create(account=stored, symbol="ETH/USDT:USDT", trade=trade, since=NOW)
        SymbolBlock.objects.create(account=stored, symbol="SOL/USDT:USDT", trade=trade, since=NOW, lifted_at=NOW)
        text = page(boss, stored)
        assert "Entries of BTC/USDT wait for an order in doubt" in text
        assert "Entries of ETH/USDT:USDT are blocked since 2026-03-02 14:30 UTC, for a trade made by hand" in text
        assert "SOL/USDT:USDT" not in text
        assert reverse("admin:signals_order_change", args=[order.pk]) in boss.get(url(stored)).content.decode()

    def test_a_problem_of_reading_it_is_shown(self, boss, stored):
        AccountSync.objects.create(
            account=stored, due_at=NOW, problem="no answer <script>", problem_since=clock.now() - timedelta(minutes=5)
        )
        assert "It cannot be read since 5 min: no answer &lt;script&gt;" in page(boss, stored)

    def test_a_paper_account_shows_its_own_books(self, boss, db):
        text = page(boss, factories.account("paper-1"))
        assert "the paper books, now" in text
        assert "USDT 100000 100000" in text
        assert "Connection" not in text

    def test_the_list_says_how_each_stands(self, boss, stored, settings):
        factories.account("real-2", broker="keyed", market="swap")
        factories.account("paper-1")
        AccountSync.objects.create(account=stored, due_at=NOW, synced_at=clock.now(), equity=Decimal(7))
        text = boss.get(reverse("admin:accounts_account_changelist")).content.decode()
        rows = [re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", row)) for row in text.split("<tr")]
        [real_1] = [row for row in rows if " real-1 " in row]
        [real_2] = [row for row in rows if " real-2 " in row]
        [paper] = [row for row in rows if " paper-1 " in row]
        assert "active" in real_1
        assert "7 USDT" in real_1
        assert "cannot trade" in real_2
        assert "active" in paper

    def test_the_list_costs_the_same_for_many(self, boss, stored):
        where = reverse("admin:accounts_account_changelist")
        factories.account("real-2", broker="keyed", market="swap")
        boss.get(where)
        with CaptureQueriesContext(connection) as few:
            boss.get(where)
        for number in range(3, 13):
            row = factories.account(f"real-{number}", broker="keyed", market="swap")
            AccountSync.objects.create(account=row, due_at=NOW)
        with CaptureQueriesContext(connection) as many:
            boss.get(where)
        assert len(asked(many)) == len(asked(few))


class TestFreezing:
    def test_it_asks_why_then_for_the_password(self, boss, account):
        where = url(account, "freeze_action")
        assert boss.post(where, {"reason": ""}).status_code == 200
        assert (
            "orders that only reduce a position pass" in boss.post(where, {"reason": "it looks odd"}).content.decode()
        )
        boss.post(where, {"reason": "it looks odd", "confirm_password": "wrong"})
        assert Account.objects.get().frozen_reason == ""
        boss.post(where, {"reason": "it looks odd", "confirm_password": PASSWORD})
        row = Account.objects.get()
        assert (row.frozen_reason, row.frozen_by) == ("it looks odd", "boss")

    def test_unfreezing_shows_why_it_was_frozen(self, boss, account):
        Account.objects.update(frozen_reason="the books differ", frozen_by="reconciliation", frozen_at=NOW)
        where = url(account, "unfreeze_action")
        assert "It was frozen by reconciliation: the books differ" in boss.get(where).content.decode()
        boss.post(where, {"reason": "looked at it", "confirm_password": PASSWORD})
        assert Account.objects.get().frozen_reason == ""

    def test_only_one_of_the_two_is_offered(self, boss, account):
        text = boss.get(url(account)).content.decode()
        assert "/freeze" in text
        assert "/unfreeze" not in text
        Account.objects.update(frozen_reason="x")
        text = boss.get(url(account)).content.decode()
        assert "/unfreeze" in text
        assert re.search(r"/freeze[^a-z]", text) is None


class TestWhoMay:
    @pytest.mark.parametrize("name", ["credentials_action", "erase", "freeze_action"])
    def test_who_may_only_look_does_nothing(self, viewer, stored, name):
        before = Credential.objects.get().sealed
        answer = viewer.post(url(stored, name), {**parts(), "reason": "x"})
        assert answer.status_code in (302, 403)
        assert Credential.objects.get().sealed == before
        assert Account.objects.get().frozen_reason == ""
        for button in ("test", "read"):
            assert viewer.post(url(stored, button)).status_code == 403
        text = viewer.get(url(stored)).content.decode()
        assert "Test connection" not in text
        assert "Set credentials" not in text

    def test_another_clients_account_is_not_there(self, viewer, venue):
        other = factories.account("real-9", broker="keyed", market="swap", client=factories.client("acme"))
        assert viewer.get(url(other)).status_code == 302  # Django's answer to what is not there
        assert viewer.post(url(other, "test")).status_code == 404
