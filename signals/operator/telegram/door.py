"""The page that Telegram calls in webhook mode. It loads nothing of Telegram's before a call has proved to be its."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

PATH = "telegram/webhook"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
LARGEST = 64 * 1024
# Its own, so that a question that is good for a minute does not wait for notifications, or they for Telegram.
QUEUE = "telegram"


def is_open() -> bool:
    """Whether updates come in here at all."""
    return settings.TELEGRAM_COMMANDS == "webhook" and bool(settings.TELEGRAM_BOT_TOKEN)


def secret() -> str:
    """What Telegram is told to send along: made from the token and our own key, and neither can be had from it."""
    return salted_hmac("signals.operator.telegram", settings.TELEGRAM_BOT_TOKEN, algorithm="sha256").hexdigest()


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """200 when it is stored; else Telegram sends it again. Without the secret there is no such page."""
    if not is_open():
        raise Http404
    if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), secret().encode()):
        raise Http404
    if len(request.body) <= LARGEST:
        from . import webhook

        webhook.take(request.body)
    return HttpResponse(status=200)
