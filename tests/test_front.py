"""The web server's entry: webhooks in the caller's thread, pages in a few of their own."""

import io
import threading

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse

from tradeops.core.middleware import ShortPath
from tradeops.front import PAGE_THREADS, Front


def call(front, path, method="GET"):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }
    said = []
    body = front(environ, lambda status, headers: said.extend([status, dict(headers)]))
    return said[0], said[1], b"".join(body)


class Recorded(WSGIHandler):
    """Django's handler, which remembers the threads that it was called in."""

    def __init__(self):
        super().__init__()
        self.threads = []

    def __call__(self, environ, start_response):
        self.threads.append(threading.current_thread().name)
        return super().__call__(environ, start_response)


@pytest.fixture
def front():
    return Front(Recorded())


def test_webhooks_are_answered_in_the_thread_they_came_in(front):
    status, headers, body = call(front, "/webhook/test")
    assert (status, headers["Content-Type"]) == ("200 OK", "application/json")
    assert b'"status":"ok"' in body
    assert headers["Content-Length"] == str(len(body))
    assert len(headers["X-Request-ID"]) == 32
    assert front._django.threads == []


def test_everything_else_goes_to_the_threads_for_pages(front):
    status, headers, _ = call(front, "/health")
    assert status == "200 OK"
    assert "X-Request-ID" in headers
    assert front._django.threads[0].startswith("page")


@pytest.mark.parametrize("path", ["/", "/webhooks", "/webhookery/x", "/api/webhook"])
def test_only_webhooks_are_webhooks(path):
    assert not ShortPath.is_for(path)


def test_pages_wait_for_each_other_and_never_hold_a_webhook(front, monkeypatch):
    gate, held = threading.Event(), threading.Semaphore(0)

    def slow(request):
        held.release()
        assert gate.wait(20)
        return HttpResponse("slow")

    monkeypatch.setattr(front._django, "get_response", slow)
    pages = [threading.Thread(target=call, args=(front, "/slow"), daemon=True) for _ in range(PAGE_THREADS + 2)]
    for page in pages:
        page.start()
    for _ in range(PAGE_THREADS):
        assert held.acquire(timeout=20)
    assert call(front, "/webhook/test")[0] == "200 OK"
    assert not held.acquire(blocking=False)  # the others wait
    gate.set()
    for page in pages:
        page.join(20)
        assert not page.is_alive()
