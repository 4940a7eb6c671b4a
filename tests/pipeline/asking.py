"""Signals that are sent, and run once more by a person, for the tests of that."""

from signals.models import Decision, Order, Signal
from signals.pipeline import rerun
from signals.pipeline.drain import drain
from signals.risk import switch
from tests import factories
from tradeops.core import clock


def release(account="paper-2"):
    switch.set(scope="account", key=account, on=False, reason="over", by="bob", now=clock.now())


def send(strategy, *, age=None, **alert):
    signal = factories.signal(strategy, **alert)
    drain()
    if age is not None:
        Signal.objects.filter(pk=signal.pk).update(received_at=clock.now() - age)
    signal.refresh_from_db()
    return signal


def run(signal, accounts=("paper-2",), *, strategy="trend", by="alice", reason="it was down", request="r1"):
    [result] = rerun.ask(
        signal=signal, wanted={strategy: list(accounts)}, by=by, reason=reason, request_id=request, now=clock.now()
    )
    return result


def decided(signal, account="paper-2"):
    return Decision.objects.get(signal=signal, account__slug=account, shadow=False)


def orders(signal):
    return list(Order.objects.filter(signal=signal).order_by("pk").values_list("account__slug", "leg", "status"))


def rule(decision, name):
    return next((row for row in decision.rules if row["rule"] == name), None)
