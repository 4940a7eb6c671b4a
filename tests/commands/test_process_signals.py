import io
import json

import pytest
from django.core.management import call_command

from signals.models import Order
from tests import factories

pytestmark = pytest.mark.django_db


def test_it_works_off_what_waits():
    strategy = factories.strategy(accounts=[factories.account()])
    factories.signal(strategy)
    out = io.StringIO()
    call_command("process_signals", "--json", stdout=out)
    assert json.loads(out.getvalue())["waiting"] == 0
    assert Order.objects.get().status == "FILLED"
