"""The section `channels`: every kind, its rule, and what is refused."""

import secrets
from datetime import time

import pytest

from relay.models import Channel
from tests.config.portal import FULL, apply, faults, lines
from tradeops.config import export

pytestmark = pytest.mark.django_db
SECRET = secrets.token_hex(12)
SLACK = f"https://hooks.slack.com/services/T1/B1/{SECRET}"
ALL = FULL.replace(
    "channels:\n",
    f"""channels:
  - slug: desk
    kind: slack
    webhook_url: {SLACK}
    strategies: [trend]
    accounts: [paper-2, paper-1]
    quiet_hours: {{from: 22:00, to: "07:00", time_zone: Europe/Berlin}}
    digest_minutes: 15
  - {{slug: hook, kind: webhook, url: "http://127.0.0.1:9/told", secret: {SECRET}, rate_cap: 0, escalation: true}}
  - {{slug: mail, kind: email, address: ops@example.com, events: [order.*]}}
""",
)


def test_every_kind_is_stored_and_exported_and_makes_no_difference_the_second_time():
    apply(ALL)
    desk, hook, mail = (Channel.objects.get(slug=slug) for slug in ("desk", "hook", "mail"))
    assert (desk.secret, desk.target, desk.strategies, desk.accounts) == (SLACK, "", ["trend"], ["paper-1", "paper-2"])
    assert (desk.quiet_from, desk.quiet_to, desk.time_zone, desk.digest_minutes) == (
        time(22), time(7), "Europe/Berlin", 15,
    )  # fmt: skip
    assert (hook.target, hook.secret, hook.rate_cap, hook.escalation) == ("http://127.0.0.1:9/told", SECRET, 0, True)
    assert (mail.target, mail.events, mail.rate_cap, mail.level) == ("ops@example.com", ["order.*"], 5, "warning")
    assert lines(ALL) == ["= nothing to do"]
    open_text, text = export.as_yaml(with_secrets=False), export.as_yaml(with_secrets=True)
    assert lines(open_text) == lines(text) == ["= nothing to do"]
    assert SECRET not in open_text + text
    Channel.objects.all().delete()
    apply(text)
    assert export.as_yaml(with_secrets=True) == text


def test_a_changed_secret_is_not_shown_and_quiet_hours_can_be_taken_away():
    apply(ALL)
    other = secrets.token_hex(12)
    told = lines(f"channels: [{{slug: hook, secret: {other}}}, {{slug: desk, quiet_hours: null}}]")
    assert [line for line in told if "hook" in line] == ["~ channel hook: secret (changed)"]
    assert all("desk: quiet_hours" in line for line in told if "hook" not in line)
    assert other not in "".join(told)
    assert Channel.objects.get(slug="hook").secret == other
    assert Channel.objects.get(slug="desk").quiet_from is None


def test_another_kind_starts_without_the_place_and_secret_of_the_old_one():
    apply(ALL)
    apply("channels: [{slug: hook, kind: telegram, chat_id: 7}]")
    hook = Channel.objects.get(slug="hook")
    assert (hook.kind, hook.target, hook.secret) == ("telegram", "7", "")


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("kind: telegram", "channels[a].chat_id: is required for a new channel"),
        ("kind: webhook, url: 'https://example.com/x'", "channels[a].secret: is required for a new channel"),
        ("kind: slack, chat_id: 1",
         "channels[a].chat_id: is for telegram; a channel of kind slack takes webhook_url"),
        ("kind: slack", "channels[a]: secret: give Slack's webhook URL, or set SLACK_WEBHOOK_URL"),
        ("kind: email", "channels[a]: target: give an address, or set ALERT_EMAIL"),
        ("kind: email, address: nobody",
         "channels[a].address: must be a mail address such as ops@example.com, not 'nobody'"),
        ("kind: webhook, url: 'http://10.0.0.1/x', secret: SECRET",
         "channels[a]: url: 10.0.0.1 is a private or special address; add its network to private_networks to allow it"),
        ("kind: telegram, chat_id: 1, strategies: [nobody]",
         "channels[a].strategies: there is no strategy 'nobody'"),
        ("kind: telegram, chat_id: 1, accounts: [nobody]", "channels[a].accounts: there is no account 'nobody'"),
        ("kind: telegram, chat_id: 1, quiet_hours: {from: '25:00', to: '07:00', time_zone: UTC}",
         "channels[a].quiet_hours.from: must be a time of day such as 22:00, not '25:00'"),
        ("kind: telegram, chat_id: 1, quiet_hours: {from: '22:00', to: '07:00'}",
         "channels[a].quiet_hours.time_zone: is required"),
        ("kind: telegram, chat_id: 1, quiet_hours: {from: '22:00', to: '22:00', time_zone: UTC}",
         "channels[a]: quiet_to: must not be the beginning; it would be quiet always or never"),
        ("kind: telegram, chat_id: 1, quiet_hours: {from: '22:00', to: '07:00', time_zone: Mars/Base}",
         "channels[a]: time_zone: 'Mars/Base' is no time zone such as Europe/Berlin, America/New_York or UTC"),
        ("kind: telegram, chat_id: 1, digest_minutes: 1441",
         "channels[a].digest_minutes: must be a whole number from 0 to 1440, not 1441"),
    ],
)  # fmt: skip
def test_what_is_refused(item, fault):
    [found] = faults(f"channels: [{{slug: a, {item.replace('SECRET', SECRET)}}}]")
    assert found.removeprefix("portal.yaml:1: ") == fault
    assert not Channel.objects.exists()
