from django.db import models
from django.db.models import Q

from .operator import Operator


class TelegramLink(models.Model):
    """A Telegram chat that belongs to an operator (N3)."""

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="telegram_links")
    chat_id = models.BigIntegerField(help_text="Of the private chat with the bot: also the person's Telegram id.")
    name = models.CharField(max_length=120, blank=True, help_text="As Telegram showed it when it was linked.")
    linked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chat_id"], condition=Q(ended_at__isnull=True), name="accounts_telegramlink_one_operator"
            )
        ]


class TelegramCode(models.Model):
    """A one-time code by which an operator links a chat; only its hash is kept."""

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="telegram_codes")
    code_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class TelegramCommand(models.Model):
    """What was asked of the bot and what came of it, append-only; dangerous ones wait here for their confirmation."""

    class Status(models.TextChoices):
        DONE = "DONE"
        ASKED = "ASKED"  # waits for a confirmation
        REFUSED = "REFUSED"
        EXPIRED = "EXPIRED"
        FAILED = "FAILED"

    update_id = models.BigIntegerField(unique=True, help_text="Telegram's: an update counts once.")
    chat_id = models.BigIntegerField()
    operator = models.ForeignKey(Operator, null=True, on_delete=models.PROTECT, related_name="telegram_commands")
    verb = models.CharField(max_length=20)
    arguments = models.JSONField(default=list)
    status = models.CharField(max_length=7, choices=Status.choices)
    answer = models.CharField(max_length=300, blank=True)
    token = models.CharField(max_length=32, blank=True, help_text="Of the buttons that confirm it.")
    at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["-at"], name="accounts_tgcommand_by_time")]  # its admin
