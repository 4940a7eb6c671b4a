"""Slack, by an incoming webhook (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

The channel's secret is the webhook's URL, since who has it may write there; without one it is SLACK_WEBHOOK_URL.
"""

from __future__ import annotations

import json

from django.conf import settings

from relay.delivery.endpoints import private_networks
from tradeops.core import clock
from tradeops.core.events import Level

from . import text, wire
from .base import Destination, NotifierFinal, NotifierMessage

COLOURS = {Level.INFO: "#2eb67d", Level.WARNING: "#ecb22e", Level.ERROR: "#e01e5a", Level.CRITICAL: "#8b0000"}
SECTION = 3000  # characters of one section's text (docs.slack.dev/reference/block-kit/blocks/section-block)
# What Slack says when it refuses; its answers are these words, and anything else is not repeated.
SAID = frozenset(
    {
        *("invalid_payload", "invalid_blocks", "invalid_attachments", "no_text", "too_many_attachments"),
        *("action_prohibited", "invalid_token", "posting_to_general_channel_denied", "user_not_found"),
        *("channel_not_found", "channel_is_archived", "no_service", "no_service_id", "no_team", "team_disabled"),
        *("rollup_error", "rate_limited"),
    }
)


class SlackNotifier:
    def __init__(self) -> None:
        self._wire = wire.Wire("Slack")

    def send(self, message: NotifierMessage, *, to: Destination) -> None:
        url = to.secret or settings.SLACK_WEBHOOK_URL
        if not url:
            raise NotifierFinal("the channel has no Slack webhook URL, and SLACK_WEBHOOK_URL is not set", mend=True)
        networks = tuple(private_networks()) if to.secret else wire.ANYWHERE
        body = json.dumps(payload(message)).encode("ascii")
        answer = self._wire.post(url, body, {"Content-Type": "application/json"}, networks=networks)
        wire.judge(answer, "Slack", said=answer.text if answer.text in SAID else "")

    def close(self) -> None:
        self._wire.close()


def payload(message: NotifierMessage) -> dict[str, object]:
    """`text` is what a notification on a phone shows; the attachment's colour says how to feel about it."""
    title = f"{text.ICONS[message.level]} {_escaped(text.cut(message.title, 600))}"
    lines: list[str] = []
    left = SECTION
    for label, value in message.details:
        line = f"*{_escaped(text.cut(label, 60))}:* {_escaped(text.cut(value, 400))}"
        if len(line) + 1 <= left:
            lines.append(line)
            left -= len(line) + 1
    blocks: list[dict[str, object]] = [_section(f"*{title}*")]
    if lines:
        blocks.append(_section("\n".join(lines)))
    when = f"{_escaped(message.event)} · {clock.iso_ms(message.at)}"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": when}]})
    return {"text": title, "attachments": [{"color": COLOURS[message.level], "blocks": blocks}]}


def _section(markdown: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text.cut(markdown, SECTION)}}


def _escaped(shown: str) -> str:
    """The three characters that Slack gives a meaning: no `<!channel>` out of somebody's payload."""
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
