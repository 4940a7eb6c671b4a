"""The lines that `make run` ends with: where it is, who signs in, and what to try (R1)."""

from __future__ import annotations

import http.client
import json
import time

from django.conf import settings
from django.db import Error, connection

from tradeops import bootstrap
from tradeops import demo as demonstration
from tradeops.core.env import Environment

from .output import PORTAL, Output

_POLL_SECONDS = 0.1
_SAY_AFTER_SECONDS = 30


def when_ready(env: Environment, *, demo: bool, output: Output) -> None:
    """Waits for `/health/ready` and writes `URL`, `User`, `Password` and, with the demo, `Try`; one line each."""
    started = time.monotonic()
    said = False
    while failing := not_ready(env):
        if not said and time.monotonic() - started > _SAY_AFTER_SECONDS:
            output.line(PORTAL, f"still waiting for: {', '.join(failing)}")
            said = True
        time.sleep(_POLL_SECONDS)
    output.line(PORTAL, f"ready after {time.monotonic() - started:.1f} s; Ctrl-C stops it")
    for line in lines(env, demo=demo):
        output.plain(line)


def not_ready(env: Environment) -> list[str]:
    """The failing parts; empty when the portal is ready."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(env.host, env.host)  # noqa: S104
    web = http.client.HTTPConnection(host, env.port, timeout=3)
    try:
        name = settings.ALLOWED_HOSTS[0].lstrip(".*") or host
        web.request("GET", "/health/ready", headers={"Host": name, "X-Forwarded-Proto": "https"})
        response = web.getresponse()
        body = response.read()
        if response.status == http.HTTPStatus.OK:
            return []
        return list(json.loads(body)["failing"]) or ["web"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return ["web"]
    finally:
        web.close()


def lines(env: Environment, *, demo: bool) -> list[str]:
    found = [f"URL {env.base_url}/"]
    if env.kind == "embedded":
        found += [f"User {bootstrap.OPERATOR}", f"Password {_password(env)}"]
    if demo:
        found.append(f"Try {demonstration.sample_command(env)}")
    return found


def _password(env: Environment) -> str:
    try:
        if bootstrap.password_is_the_generated_one(env):
            return bootstrap.operator_password(env)
    except Error:
        return f"in {bootstrap.operator_file(env)}"
    finally:
        connection.close()
    return "the one you have set"
