import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from relay.models import Message
from signals.risk import switch
from tests import factories

pytestmark = pytest.mark.django_db


def run(*args):
    out = io.StringIO()
    call_command("kill_switch", *args, stdout=out)
    return out.getvalue()


def test_on_and_off_and_what_is_told():
    assert "ON  global" in run("on", "--reason", "drill")
    assert switch.read().stopping(strategy="any", account="any") == ("global",)
    assert "nothing changed" in run("on")
    assert "No kill switch is on" in run("off")
    assert switch.read().stopping(strategy="any") == ()
    assert list(Message.objects.order_by("id").values_list("event", "level")) == [
        ("kill_switch.on", "critical"),
        ("kill_switch.off", "warning"),
    ]


def test_one_account_only():
    factories.account("paper-1")
    run("on", "--account", "paper-1")
    assert switch.read().stopping(strategy="trend", account="paper-1") == ("account paper-1",)
    assert switch.read().stopping(strategy="trend", account="paper-2") == ()


def test_status_for_programs():
    run("on")
    [state] = json.loads(run("status", "--json"))
    assert (state["scope"], state["on"]) == ("global", True)


def test_an_unknown_target_is_refused_and_nothing_is_turned():
    with pytest.raises(CommandError, match="there is no strategy 'moon'") as refused:
        run("on", "--strategy", "moon")
    assert refused.value.returncode == 2
    assert switch.states() == []
