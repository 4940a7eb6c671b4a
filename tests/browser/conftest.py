"""A Chromium that is already on the machine, signed in to a live server with a day's work in its database."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta

import pytest
from django.core.cache import caches

from tests import factories, life
from tests.browser import firewall_rows, relay_rows
from tradeops.core import clock

PASSWORD = "a-password-for-this-run"


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: the browser tests did not run")
    sync_api = pytest.importorskip("playwright.sync_api")
    # Playwright's sync API runs an event loop in this thread, in which Django would refuse the ORM; it ends with the
    # module, since other tests run loops of their own.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield browser
        browser.close()
    if before is None:
        os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def work(transactional_db, settings):
    """A day's work: signals that traded and one that did not, alerts, signs of life, a kill switch on one account."""
    from accounts.models import Operator
    from relay.models import PrivateNetwork
    from relay.notify import alarms
    from signals.models import AddressList, DedupKey, PaperBalance, PaperOrder, RefusedAttempt, RiskLimit
    from signals.risk import switch
    from tradeops.core import heartbeat
    from tradeops.core.models import Cursor, Lease, SealedValue

    known = caches["default"]
    # On Redis `clear` empties the whole database, the counters of other workers' tests with it.
    known.delete_pattern("*") if hasattr(known, "delete_pattern") else known.clear()
    now = clock.now()
    home = life.house()
    for minutes in (95, 40, 12):
        life.traded(home, at=now - timedelta(minutes=minutes))
    life.rejected(home, at=now - timedelta(minutes=3), raw={"note": "<script>alert(1)</script>"})
    home.signal = life.traded(home, at=now - timedelta(seconds=20))
    RefusedAttempt.objects.create(
        at=now - timedelta(minutes=9), address="203.0.113.9", outcome=401, reason="unauthorized",
        path="/webhook/tv", request_id="0" * 32, ms=1, size=40, times=3,
    )  # fmt: skip
    firewall_rows.make(now)
    for process in ("web", "dispatcher", "relay", "cluster:trade"):
        heartbeat.beat(process=process, started_at=now, now=now)
    heartbeat.beat(process="cluster:slow", started_at=now, now=now - timedelta(minutes=4))
    RiskLimit.objects.create(scope="global", rule="max_order_notional", value="10000")
    AddressList.objects.get_or_create(slug="office", defaults={"networks": ["192.0.2.0/24"]})
    PrivateNetwork.objects.get_or_create(cidr="127.0.0.0/8")
    DedupKey.objects.create(source=home.source, key="k", signal_public_id=home.signal.public_id, expires_at=now)
    PaperBalance.objects.get_or_create(account=home.accounts[0], currency="USDT", defaults={"amount": 99500})
    PaperOrder.objects.create(
        account=home.accounts[0],
        client_order_id="1",
        symbol="BTC/USDT",
        side="buy",
        quantity=1,
        status="FILLED",
        at=now,
    )
    life.watched(home, at=now)
    Lease.objects.create(name="router", holder="h:1", token=3, expires_at=now)
    Cursor.objects.create(name="feed", position=1)
    SealedValue.objects.get_or_create(name="token-pepper", defaults={"value": "00" * 32})
    switch.set(scope="account", key="paper-2", on=True, reason="maintenance", by="op", now=now - timedelta(minutes=30))
    alarms.gather(now=now)
    home.operator = Operator.objects.create_superuser("op", password=PASSWORD)
    factories.client("third")
    relay_rows.fill(home, now=now)
    return home


class Watched:
    """A page that remembers whatever went wrong on it."""

    def __init__(self, page, base: str) -> None:
        self.page, self.base, self.wrong = page, base, []
        page.on("console", lambda message: message.type == "error" and self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda answer: answer.status >= 400 and self.wrong.append(f"{answer.status} {answer.url}"))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"a request to a stranger: {url}")

    def open(self, path: str) -> None:
        """Opens a path and waits for its scripts. The answer must be 200, and nothing may go wrong."""
        self.wrong.clear()
        answer = self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        assert answer.status == 200, path
        assert self.page.url.startswith(self.base + path.partition("?")[0]), f"{path} led to {self.page.url}"
        self.well(path)

    def press(self, selector: str) -> None:
        """Clicks what leads to a page, were it the same one, and waits until that is there."""
        with self.page.expect_navigation(wait_until="load"):
            self.page.click(selector)

    def well(self, what: str) -> None:
        assert self.wrong == [], f"{what}: {self.wrong}"


@pytest.fixture
def sign_in(chromium, live_server, work):
    """`sign_in(width=…, dark=…)` gives a watched page of a signed-in operator."""
    contexts = []

    def open_page(*, width: int = 1440, height: int = 900, dark: bool = False) -> Watched:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = Watched(context.new_page(), live_server.url)
        page.open("/admin/login/")
        page.page.fill("#id_username", "op")
        page.page.fill("#id_password", PASSWORD)
        page.press("#login-form button")
        page.page.wait_for_url("**/admin/")
        page.well("signing in")
        return page

    yield open_page
    for context in contexts:
        context.close()
