"""Addresses that somebody mistyped, or that were bookmarked and whose row is gone: a page that says so, never an
error of ours."""

import pytest
from django.contrib import admin
from django.urls import get_resolver, reverse

pytestmark = pytest.mark.django_db


def _with_a_row() -> list[str]:
    """The names of all admin addresses with a row's id, whatever the model."""
    found = {
        name
        for name in get_resolver().namespace_dict["admin"][1].reverse_dict
        if isinstance(name, str)
        for possibilities in get_resolver().namespace_dict["admin"][1].reverse_dict.getlist(name)
        for _, parameters in possibilities[0]
        if parameters == ["object_id"]
    }
    return sorted(found)


def test_there_are_many_of_them():
    names = _with_a_row()
    assert len(names) > 3 * len(admin.site._registry)  # history, delete, change, and actions
    assert "relay_alarm_acknowledge" in names


@pytest.mark.parametrize("object_id", ["no-such-row", "999999999", "99999999999999999999999", "1'", "-1", "_5F"])
def test_a_row_that_is_not_there_is_said_to_be_missing(boss, object_id):
    boss.raise_request_exception = False
    wrong = []
    for name in _with_a_row():
        address = reverse(f"admin:{name}", args=[object_id])
        for answer in (boss.get(address), boss.post(address)):
            if answer.status_code not in (302, 403, 404, 405):
                wrong.append((name, answer.request["REQUEST_METHOD"], answer.status_code))
    assert wrong == []
