"""Money of paper accounts: asked, confirmed with the password, done once, kept with a name."""

from decimal import Decimal

import pytest

from signals.models import PaperBalance, PaperMove
from tests import factories
from tests.admin.conftest import PASSWORD

URL = "/admin/signals/paperbalance/money/"
D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = factories.account("fresh-1")
    PaperBalance.objects.create(account=account, currency="USDT", amount=D("99000"))
    return account


def asked(**changes):
    return {"account": "fresh-1", "deed": "afresh", "currency": "USDT", "amount": "", **changes}


def test_it_says_what_it_means_and_does_nothing_without_the_password(boss, account):
    page = boss.post(URL, asked()).content.decode()
    assert "fresh-1 has its initial money again: 100000 USDT." in page
    wrong = boss.post(URL, {**asked(), "confirm_password": "not it"}).content.decode()
    assert "That is not your password" in wrong
    assert PaperBalance.objects.get().amount == 99000


def test_afresh(boss, account):
    assert boss.post(URL, {**asked(), "confirm_password": PASSWORD}).status_code == 302
    assert PaperBalance.objects.get().amount == 100000
    move = PaperMove.objects.get()
    assert (move.cause, move.amount, move.note) == ("reset", D(1000), "by boss")


@pytest.mark.parametrize(("deed", "after"), [("deposit", "99000.5"), ("withdraw", "98999.5")])
def test_in_and_out(boss, account, deed, after):
    boss.post(URL, {**asked(deed=deed, amount="0.5"), "confirm_password": PASSWORD})
    assert PaperBalance.objects.get().amount == D(after)


def test_more_than_there_is_is_refused_in_words(boss, account):
    done = boss.post(URL, {**asked(deed="withdraw", amount="99001"), "confirm_password": PASSWORD}, follow=True)
    assert "Nothing was changed: only 99000 USDT is free." in done.content.decode()
    assert PaperBalance.objects.get().amount == 99000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deed": "deposit", "amount": "ten"}, "is not a number"),
        ({"deed": "deposit", "amount": "-1"}, "Use an amount above zero."),
        ({"deed": "deposit", "amount": "1", "currency": " "}, "Which currency?"),
        ({"account": "real-1"}, "Select a valid choice"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(boss, account, changes, said):
    factories.account("real-1", broker="okx")
    assert said in boss.post(URL, {**asked(**changes), "confirm_password": PASSWORD}).content.decode()
    assert not PaperMove.objects.exists()


def test_another_clients_account_is_not_there(staff, account):
    from accounts.models import Client as Owner

    account.client = Owner.objects.create(slug="others", name="Others")
    account.save()
    page = staff.post(URL, {**asked(), "confirm_password": PASSWORD}).content.decode()
    assert "Select a valid choice" in page
    assert not PaperMove.objects.exists()


@pytest.mark.parametrize("kind", ["papertrade", "paperposition", "papermove", "paperorder", "paperbalance"])
def test_the_books_are_listed_and_cannot_be_written(boss, account, kind):
    assert boss.get(f"/admin/signals/{kind}/").status_code == 200
    assert boss.get(f"/admin/signals/{kind}/add/").status_code == 403
