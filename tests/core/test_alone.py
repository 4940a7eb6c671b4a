"""One at a time, whoever asks, and free again at once when it ends."""

import threading

import pytest
from django.db import connection

from tradeops.core.alone import alone

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(name):
    """What another thread, with a connection of its own, is told."""
    told = []

    def ask():
        try:
            with alone(name) as mine:
                told.append(mine)
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return told[0]


def test_it_is_held_by_one_and_free_afterwards():
    with alone("drill") as mine:
        assert mine is True
        assert elsewhere("drill") is False
        assert elsewhere("other") is True
    assert elsewhere("drill") is True


def test_it_is_free_after_an_error():
    with pytest.raises(ValueError, match="broke"), alone("drill"):
        raise ValueError("broke")
    assert elsewhere("drill") is True
