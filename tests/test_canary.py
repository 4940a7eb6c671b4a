"""A canary in every credential field, and then every place is looked at where a secret could get out (X9, U3, R6)."""

from __future__ import annotations

import base64
import io
import json
import logging
import secrets
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from rest_framework_simplejwt.tokens import AccessToken

from accounts import connection as accounts_connection
from accounts import sync, vault
from accounts.brokers.base import BrokerRejected, Rejection
from accounts.models import Account, Credential, Operator
from relay.models import Message
from tests import factories, life
from tests.canary import Aviary, dresses
from tests.fakes import keyed_broker
from tests.faults.portal import portal
from tests.installation import free_port
from tests.processes import command_line, descendants, wait_until
from tradeops.config import apply, export
from tradeops.core import clock, vault_key

PASSWORD = "the-password-of-this-test"
API = ("signals", "decisions", "orders", "fills", "executions", "positions", "strategies", "endpoints", "deliveries",
       "accounts")  # fmt: skip


@pytest.fixture
def logged():
    """Everything that is logged from here on, in the form in which the portal writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.getLogger().handlers[0].formatter)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def birds():
    return Aviary()


@pytest.fixture
def home(birds, logged, settings, transactional_db, tmp_path, monkeypatch):
    """A day's work, and a canary in every field that takes a secret, by file and by form."""
    settings.BROKERS = {**settings.BROKERS, "keyed": "tests.fakes.keyed_broker.KeyedBroker"}
    keyed_broker.reset()
    home = life.house()
    life.traded(home, at=factories.NOW)
    home.said = io.StringIO()
    _by_file(birds, home, tmp_path, monkeypatch)
    home.boss = Client(raise_request_exception=False)
    home.user = Operator.objects.create_superuser("boss", password=PASSWORD)
    home.boss.force_login(home.user)
    _by_form(birds, home)
    return home


def _by_file(birds, home, tmp_path, monkeypatch):
    for name in ("file_api_key", "file_secret", "file_passphrase", "file_sub_account", "token", "hmac", "endpoint",
                 "report", "slack", "webhook"):  # fmt: skip
        value = birds.new(name)
        monkeypatch.setenv(f"CANARY_{name.upper()}", f"https://hooks.slack.test/{value}" if name == "slack" else value)
    file = tmp_path / "portal.yaml"
    file.write_text(FILE)
    with redirect_stdout(home.said), redirect_stderr(home.said):
        call_command("apply_config", str(file), stdout=home.said, stderr=home.said)
        monkeypatch.setenv("CANARY_FILE_SECRET", birds.new("second_secret"))
        call_command("apply_config", str(file), "--json", stdout=home.said, stderr=home.said)
    home.file = file


FILE = """\
private_networks: [127.0.0.0/8]
accounts:
  - slug: by-file
    broker: keyed
    market: swap
    sandbox: true
    credentials:
      api_key: {env: CANARY_FILE_API_KEY}
      secret: {env: CANARY_FILE_SECRET}
      passphrase: {env: CANARY_FILE_PASSPHRASE}
      sub_account: {env: CANARY_FILE_SUB_ACCOUNT}
sources:
  - {slug: token, auth: token, secret: {env: CANARY_TOKEN}}
  - {slug: hmac, auth: hmac, secret: {env: CANARY_HMAC}}
endpoints:
  - slug: canary
    url: http://127.0.0.1:9101/webhook
    secret: {env: CANARY_ENDPOINT}
    report_secret: {env: CANARY_REPORT}
channels:
  - {slug: slack, kind: slack, webhook_url: {env: CANARY_SLACK}}
  - {slug: hook, kind: webhook, url: "http://127.0.0.1:9102/", secret: {env: CANARY_WEBHOOK}}
"""


def _by_form(birds, home):
    account = factories.account("by-form", broker="keyed", market="swap", sandbox=True)
    names = ("api_key", "secret", "passphrase", "sub_account")
    posted = {f"part_{name}": birds.new(f"form_{name}") for name in names}
    url = reverse("admin:accounts_account_credentials_action", args=[account.pk])
    refused = home.boss.post(url, {**posted, "confirm_password": "wrong"})
    assert refused.status_code == 200
    home.answers = [refused]
    stored = home.boss.post(url, {**posted, "confirm_password": PASSWORD}, follow=True)
    assert stored.status_code == 200
    home.answers.append(stored)
    assert vault.open_for(account)["secret"] == birds.values["form_secret"]


def pages(user):
    """Every list, item, history, form and action of the admin."""
    request = RequestFactory().get("/")
    request.user = user
    for model, page in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        if page.has_add_permission(request):
            yield reverse(f"{name}_add")
        # The newest are those with canaries.
        for row in page.get_queryset(request).order_by("-pk")[:3]:
            yield reverse(f"{name}_change", args=[row.pk])
            yield reverse(f"{name}_history", args=[row.pk])
            for own in (*(page.actions_detail or ()), "erase"):
                try:
                    yield reverse(f"{name}_{own}", args=[row.pk])
                except NoReverseMatch:
                    continue
    yield from (
        reverse("admin:index"),
        reverse("admin:signals_riskscope_turn"),
        "/admin/no-such-page/",
        "/health/ready",
    )


def answers_of_the_api(user):
    client = Client(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}", raise_request_exception=False)
    for name in API:
        listed = client.get(f"/api/v1/{name}")
        yield f"/api/v1/{name}", listed
        for item in listed.json()["results"]:
            yield f"/api/v1/{name}/{item['id']}", client.get(f"/api/v1/{name}/{item['id']}")
    for path in ("/api/schema/", "/api/v1/accounts/no-such-account", "/api/v1/accounts?ordering=credential__sealed"):
        yield path, client.get(path)


def dump():
    """Every row of every table as the database gives it, with the payloads of tasks unpacked."""
    tables = connection.introspection.table_names()
    assert {model._meta.db_table for model in apps.get_models()} <= set(tables)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for value in row:
                    yield table, bytes(value) if isinstance(value, bytes | memoryview) else str(value)
    for task in OrmQ.objects.all():
        yield "django_q_ormq (unpacked)", repr(SignedPackage.loads(task.payload))


def test_the_canaries_are_found_in_every_dress():
    birds = Aviary()
    value = birds.new("bird")
    for content in (
        value,
        json.dumps({"x": value}),
        f"<p>{value.replace('&', '&amp;')}</p>",
        value.encode().hex(),
        *(base64.b64encode(b"x" * before + value.encode() + b"y" * 4) for before in range(4)),
        *(base64.urlsafe_b64encode(b"x" * before + value.encode()) for before in range(4)),
    ):
        assert birds.seen_in(content) == ["bird"], content
    assert birds.seen_in("nothing of it") == []
    assert all(len(form) > 20 for form in dresses(value))


@pytest.mark.timeout(500)  # some hundred pages
def test_no_page_answer_log_export_task_or_row_has_any_of_them(home, birds, logged):
    assert len(birds.values) == 15
    _at_the_venue(home)
    seen: dict[str, list[str]] = {}

    def look(where: str, content: bytes | str) -> None:
        if found := birds.seen_in(content):
            seen[where] = found

    for number, answer in enumerate(home.answers):
        look(f"answer {number} of the form", answer.content)
    looked = 0
    for path in pages(home.user):
        answer = home.boss.get(path)
        assert answer.status_code in (200, 302, 403, 404, 503), (path, answer.status_code)
        look(path, answer.content)
        look(f"headers of {path}", repr(answer.headers))
        looked += 1
    assert looked > 120
    for path, answer in answers_of_the_api(home.user):
        look(path, answer.content)
    for with_secrets in (True, False):
        look(f"export, secrets {with_secrets}", export.as_yaml(with_secrets=with_secrets))
        look(f"export as JSON, secrets {with_secrets}", export.as_json(with_secrets=with_secrets))
    look("apply_config", home.said.getvalue())
    assert "(changed)" in home.said.getvalue()
    for table, content in dump():
        look(f"table {table}", content)
    look("log", logged.getvalue())
    assert "a test of a connection failed" in logged.getvalue()
    assert seen == {}


def _at_the_venue(home):
    """Tests of the connection and looks at the holdings, refused with the venue's own words and not; a task's row."""
    keyed_broker.VENUE.facts = BrokerRejected("the venue does not take the key", code=Rejection.BAD_KEY, raw="{}")
    assert accounts_connection.run_asked(now=clock.now()) == 2
    keyed_broker.VENUE.facts = RuntimeError("a bug in the adapter")
    Credential.objects.update(next_check_at=clock.now(), problem="")
    assert accounts_connection.run_asked(now=clock.now()) == 2
    assert sync.run(now=clock.now()) == 2
    assert Message.objects.exists()
    async_task("signals.tasks.tend")


def test_an_error_page_has_none_of_what_was_posted(home, birds, logged, settings):
    account = Account.objects.get(slug="by-form")
    posted = {f"part_{name}": birds.new(f"late_{name}") for name in ("api_key", "secret", "passphrase", "sub_account")}
    settings.ENV = None  # what seals raises what nobody expects
    answer = home.boss.post(
        reverse("admin:accounts_account_credentials_action", args=[account.pk]),
        {**posted, "confirm_password": PASSWORD},
    )
    assert answer.status_code == 500
    assert birds.seen_in(answer.content) == []
    assert birds.seen_in(logged.getvalue()) == []


def test_faults_of_a_file_repeat_no_secret(home, birds, tmp_path):
    plain = birds.new("plain")
    for text in (
        f"accounts: [{{slug: a, broker: keyed, credentials: {{api_key: '{plain}', secret: '{plain}'}}}}]",
        f"accounts: [{{slug: a, broker: keyed, credentials: '{plain}'}}]",
        f"accounts: [{{slug: a, broker: keyed, credentials: ['{plain}']}}]",
        f"accounts: [{{slug: a, broker: paper, credentials: {{api_key: '{plain}'}}}}]",
        f"accounts: [{{slug: a, broker: keyed, credentials: {{api_key: {{'{plain}': x}}, secret: {{env: A}}}}}}]",
    ):
        with pytest.raises(apply.ConfigurationFileError) as caught:
            apply.apply_text(text, name="x.yaml", dry_run=False, now=clock.now(), folder=tmp_path)
        if "{'" + plain not in text:
            assert birds.seen_in(str(caught.value)) == []


def test_an_export_with_secrets_is_the_only_thing_that_brings_them_elsewhere(home, birds, tmp_path):
    """And there only trade workers open them: the file itself has none."""
    text = export.as_yaml(with_secrets=True)
    Path(tmp_path / "x.yaml").write_text(text)
    Credential.objects.all().delete()
    Account.objects.filter(slug="by-file").delete()
    apply.apply_text(text, name="x.yaml", dry_run=False, now=clock.now())
    opened = vault.open_for(Account.objects.get(slug="by-file"))
    assert opened["secret"] == birds.values["second_secret"]


# Memory -----------------------------------------------------------------------------------------------------------

SETTINGS = """
import os
from django.conf import settings
import tradeops.settings as module
print({name: getattr(settings, name) for name in dir(module) if name.isupper()})
print(dict(os.environ))
"""


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_the_settings_and_the_environment_of_a_web_process_have_no_key_of_the_vault(tmp_path):
    birds = Aviary()
    private = vault_key.new()
    birds.add("vault key", private)
    with portal(tmp_path, TRADEOPS_VAULT_KEY=private) as running:
        for role, expected in (("web", []), ("keyless", []), ("worker", ["vault key"])):
            running.installation.variables["TRADEOPS_ROLE"] = role
            assert birds.seen_in(running.installation.python(SETTINGS)) == expected


@pytest.mark.processes
@pytest.mark.timeout(240)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_running_web_processes_has_no_credentials_and_no_key_of_the_vault(tmp_path):
    """The trade workers', which open them, have: so the look finds what is there."""
    birds = Aviary()
    for name in ("api_key", "secret", "passphrase"):
        birds.add(name, f"canary{secrets.token_hex(16)}")
    birds.add("vault key", vault_key.new())
    with portal(tmp_path, TRADEOPS_VAULT_KEY=birds.values["vault key"]) as running:
        (tmp_path / "secrets.yaml").write_text(OKX.format(port=free_port(), **birds.values))
        running.installation.manage("apply_config", str(tmp_path / "secrets.yaml"))
        running.start()
        token = _sign_in(running)
        wait_until(lambda: _tested(running, token), seconds=60, what="a test of the connection")
        web = [pid for pid in descendants(running.process.pid) if "granian" in command_line(pid)]
        others = [running.pid(command) for command in ("dispatcher", "cluster --queue slow", "relay_sender")]
        assert len(web) >= 2
        for pid in (*web, *others):
            assert birds.seen_in(_memory(pid)) == [], command_line(pid)
        trade = descendants(running.pid("cluster --queue trade"))
        assert {"api_key", "secret", "vault key"} <= {name for pid in trade for name in birds.seen_in(_memory(pid))}
        assert birds.seen_in(running.log()) == []


OKX = """\
accounts:
  - slug: okx-1
    broker: okx
    market: swap
    sandbox: true
    base_url: http://127.0.0.1:{port}  # nobody listens there
    credentials: {{api_key: {api_key}, secret: {secret}, passphrase: {passphrase}}}
"""


TOKEN = """
from accounts.models import Operator
from rest_framework_simplejwt.tokens import AccessToken
print(AccessToken.for_user(Operator.objects.create_superuser("boss", password="the-password-of-this-test")))
"""


def _sign_in(running):
    return {"Authorization": f"Bearer {running.installation.python(TOKEN).strip()}"}


def _tested(running, token):
    return running.get("/api/v1/accounts/okx-1", token)[1]["connection"]["tested_at"]


def _memory(pid):
    """What the process can write to: heap, stacks, everything that it has read or made."""
    found = bytearray()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as contents:
        for line in maps:
            place, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            with suppress(OSError, ValueError, OverflowError):  # gone meanwhile, or a device's
                contents.seek(start)
                found += contents.read(end - start)
    return found
