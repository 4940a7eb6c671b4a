"""A sample alert through the portal's real door, followed to its end: what `send_alert` does.

Sent over HTTP like any sender's; followed in the database of this installation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from signals import trace, verdict
from tradeops.core import clock, envfile, ids
from tradeops.core.errors import ConfigurationError, TradeOpsError

DEMO_TOKEN = "DEMO_SOURCE_TOKEN"  # noqa: S105  (a variable's name)
TOKEN_VARIABLE = "TRADEOPS_SOURCE_TOKEN"  # noqa: S105
LOOK_EVERY_SECONDS = 0.05


class NotSent(TradeOpsError):
    """The portal did not answer, or did not accept the alert."""


class NotSettled(TradeOpsError):
    """The time was up before the signal's life was over."""


def find_token(*, variables: dict[str, str], token_file: str, data_dir: Path) -> str:
    """From a file, the environment, or what the demo generated. Raises ConfigurationError saying where to put it."""
    if token_file:
        try:
            found = Path(token_file).read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"{token_file} cannot be read: {error.strerror}.") from None
    else:
        demo = data_dir / "demo.env"
        kept = envfile.read(demo) if demo.exists() else {}
        found = variables.get(TOKEN_VARIABLE) or variables.get(DEMO_TOKEN) or kept.get(DEMO_TOKEN, "")
    if not found:
        raise ConfigurationError(
            f"No token to send with: set {TOKEN_VARIABLE}, name a file with --token-file, or start the demo (make run)."
        )
    return found


def send(
    *, base_url: str, source: str, token: str, symbol: str, action: str, price: str, now: datetime, seconds: float
) -> str:
    """Posts the alert and returns the signal's id. Raises NotSent with a sentence; the token is in no message."""
    address = f"{base_url.rstrip('/')}/webhook" + (f"/{source}" if source else "")
    alert = {"symbol": symbol, "action": action, "timestamp": clock.iso_ms(now), "id": f"sample-{ids.request_id()}"}
    if price:
        alert["price"] = price
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy from the environment may see the token
            answer = session.post(
                address,
                json=alert,
                headers={"X-Webhook-Token": token},
                timeout=(min(seconds, 3.0), seconds),
                allow_redirects=False,
            )
    except requests.RequestException as error:
        raise NotSent(
            f"The portal at {base_url} does not answer ({type(error).__name__}). Is it running? Start it with "
            "`make run`, or name its address with --url."
        ) from None
    body = _json(answer)
    if answer.status_code != 201:
        raise NotSent(_refusal(answer.status_code, body))
    return str(body["signal_id"])


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(status: int, body: dict[str, Any]) -> str:
    meaning = {
        401: "the token is not this source's, or the source is off",
        403: "the source does not allow this address",
        404: "there is no portal at this address",
        429: "too many failed tries from this address; wait a minute",
        503: "the portal cannot store signals now",
    }.get(status, str(body.get("reason", "")) or "it was not accepted")
    return f"The portal answered {status}: {meaning}."


def follow(signal_id: str, *, seconds: float, moment: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Calls `moment` with each line of the timeline as it comes, until the life is over; returns the trace.

    Raises NotSettled when `seconds` are up, and NotSent when this installation's database does not have it.
    """
    told: set[tuple[str, str, str]] = set()
    deadline = time.monotonic() + seconds
    for found in _looks(signal_id):
        for each in found["timeline"] if found else ():
            mark = (each["at"], each["stage"], each["detail"])
            # A position is told as it is now, so its words change with each later fill: one line per account.
            key = mark if each["stage"] != "position" else (each["at"], each["stage"], each["detail"].partition(":")[0])
            if key not in told:
                told.add(key)
                moment(each)
        if found and verdict.settled(found):
            return found
        if time.monotonic() > deadline:
            if found is None:
                raise NotSent(
                    f"The portal took it as {signal_id}, which this database does not have: "
                    "run the command with the environment of that portal."
                )
            raise NotSettled(f"It was not over after {seconds:g} s. " + " ".join(verdict.problems(found)))
    raise AssertionError("looks never end")


def _looks(signal_id: str) -> Iterator[dict[str, Any] | None]:
    while True:
        yield trace.of(signal_id)
        time.sleep(LOOK_EVERY_SECONDS)
