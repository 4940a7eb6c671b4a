from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from tradeops.core.fields import EncryptedTextField


class AddressList(models.Model):
    """A named list of networks that sources may refer to, such as `tradingview` (I5)."""

    slug = models.SlugField(max_length=40, unique=True)
    networks = models.JSONField(default=list, help_text='CIDRs: ["52.89.214.238/32", …]')

    def __str__(self) -> str:
        return self.slug


class Source(models.Model):
    """A sender of webhooks and how it proves itself. There is no unauthenticated mode (I6)."""

    class Auth(models.TextChoices):
        TOKEN = "token"  # noqa: S105  (the kind, not a secret)
        HMAC = "hmac"
        STANDARD = "standard"  # standardwebhooks.com: id, timestamp and body are signed

    class Respond(models.TextChoices):
        AT_ONCE = "at_once"
        DELIVERY = "delivery"  # waits for the endpoints, up to 2 s (L6)

    slug = models.SlugField(max_length=60, unique=True)
    auth = models.CharField(max_length=10, choices=Auth.choices)
    token_digest = models.CharField(max_length=64, blank=True, editable=False)
    secret = EncryptedTextField(blank=True, editable=False)
    # While a secret is rotated, the one before it is good too, until `previous_until`.
    previous_token_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_secret = EncryptedTextField(blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    allowed_ips = models.JSONField(default=list, blank=True, help_text="CIDRs or names of address lists; [] = any.")
    rate_limit = models.PositiveIntegerField(default=300, help_text="Accepted requests a minute; 0 = no limit.")
    dedup_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    default = models.BooleanField(
        default=False, help_text="Signed requests without a slug are tried against sources with this mark (8 at most)."
    )
    require = models.JSONField(default=list, blank=True, help_text='Fields that must be there: ["timeframe"].')
    respond = models.CharField(
        max_length=10, choices=Respond.choices, default=Respond.AT_ONCE,
        help_text="When the answer is given: at once, or when the endpoints took it or not.",
    )  # fmt: skip
    expect_every = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Seconds; silent for longer is critical."
    )
    active = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token_digest"], condition=~Q(token_digest=""), name="signals_source_token_names_one_source"
            ),
            models.UniqueConstraint(
                fields=["previous_token_digest"],
                condition=~Q(previous_token_digest=""),
                name="signals_source_previous_token_names_one_source",
            ),
            models.CheckConstraint(
                condition=Q(active=False)
                | (Q(auth="token") & ~Q(token_digest=""))
                | (~Q(auth="token") & ~Q(secret="")),
                name="signals_source_active_needs_secret",
            ),
        ]

    def __str__(self) -> str:
        return self.slug
