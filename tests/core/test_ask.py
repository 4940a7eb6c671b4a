"""A service of one's own that is well, and all the ways in which it is not."""

import pytest

from tests.fakes.asked import running_service
from tradeops.core import ask


@pytest.fixture
def service():
    with running_service() as running:
        yield running


def post(service, seconds=5.0):
    return ask.post(service.url, {"q": 1}, headers={"Authorization": "Bearer t"}, seconds=seconds)


def test_it_asks_and_is_told(service):
    service.answer = {"a": "ä"}
    answer = post(service)
    assert (answer.status, answer.content) == (200, b'{"a": "\\u00e4"}')
    assert service.asked == [{"q": 1}]


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_status_is_an_answer(service, status):
    service.manner = status
    assert post(service) == ask.Answer(status, b"")


def test_a_redirect_is_not_followed(service):
    service.manner = "moved"
    assert post(service).status == 307
    assert len(service.asked) == 1


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_it_does_not_wait_for_ever(service, manner):
    service.manner = manner
    with pytest.raises(ask.NoAnswer, match=r"^did not answer in 0\.3 s$"):
        post(service, seconds=0.3)


def test_one_that_hangs_up_or_is_not_there(service):
    service.manner = "reset"
    with pytest.raises(ask.NoAnswer, match=r"^does not answer \(ConnectionError\)$"):
        post(service)
    with pytest.raises(ask.NoAnswer, match=r"^does not answer \(ConnectionError\)$"):
        ask.post("http://127.0.0.1:9/", {}, headers={}, seconds=1.0)


def test_more_than_a_megabyte_is_no_answer(service):
    service.manner = "huge"
    with pytest.raises(ask.NoAnswer, match=r"^answers with more than 1,000,000 bytes$"):
        post(service)
