from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q


class FirewallRule(models.Model):
    """Lets a network or a country in, or keeps it out (E6). Nothing refers to it, so it may be deleted."""

    class Action(models.TextChoices):
        ALLOW = "allow"
        DENY = "deny"

    network = models.CharField(
        max_length=43, blank=True, help_text="An address or a network, such as 203.0.113.9 or 203.0.113.0/24."
    )
    country = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166 code, such as DE. Give this or a network, not both."
    )
    action = models.CharField(max_length=5, choices=Action.choices, default=Action.DENY)
    note = models.CharField(max_length=200, blank=True, help_text="Why it is there, for whoever finds it in a year.")
    expires_at = models.DateTimeField("until", null=True, blank=True, help_text="UTC; empty = for good.")
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    changed_by = models.CharField(max_length=150, blank=True, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(network="", country__gt="") | Q(network__gt="", country=""),
                name="accounts_firewallrule_network_or_country",
            ),
            models.UniqueConstraint(
                fields=["network"], condition=~Q(network=""), name="accounts_firewallrule_one_per_network"
            ),
            models.UniqueConstraint(
                fields=["country"], condition=~Q(country=""), name="accounts_firewallrule_one_per_country"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"

    @property
    def target(self) -> str:
        return self.network or self.country


class FirewallBan(models.Model):
    """A temporary ban that the portal itself imposed on an address, or on the /64 of an IPv6 one.

    One row for each: a repeated ban is a longer one, and the events tell its history.
    """

    network = models.CharField(max_length=43, unique=True, help_text="A single IPv4 address, or an IPv6 /64.")
    reason = models.CharField(max_length=80)
    failures = models.PositiveIntegerField(help_text="How many of them brought it about.")
    strikes = models.PositiveIntegerField(default=1, help_text="Which ban in a row this is.")
    banned_at = models.DateTimeField()
    until = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [
            # accounts.firewall.book: those in force; prune: those long over
            models.Index(fields=["until"], name="accounts_firewallban_until"),
        ]

    def __str__(self) -> str:
        return self.network


class FirewallSettings(models.Model):
    """One row: what happens to those whom no rule names, and when an address is banned."""

    class Default(models.TextChoices):
        ALLOW = "allow", "allow: everybody whom no rule keeps out"
        DENY = "deny", "deny: everybody whom no rule lets in"

    default = models.CharField("whom no rule names", max_length=5, choices=Default.choices, default=Default.ALLOW)
    ban_after = models.PositiveIntegerField(
        default=30,
        validators=[MaxValueValidator(100_000)],
        help_text="Failed authentications of one address that bring about a ban; 0 = no automatic bans.",
    )
    within_seconds = models.PositiveIntegerField(
        default=600,
        validators=[MinValueValidator(10), MaxValueValidator(86_400)],
        help_text="The time in which they are counted.",
    )
    ban_seconds = models.PositiveIntegerField(
        default=3600,
        validators=[MinValueValidator(10), MaxValueValidator(30 * 86_400)],
        help_text="How long the first ban lasts; each repeat within a week lasts twice as long.",
    )
    longest_seconds = models.PositiveIntegerField(
        default=86_400,
        validators=[MinValueValidator(10), MaxValueValidator(30 * 86_400)],
        help_text="No ban lasts longer.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "firewall settings"
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="accounts_firewallsettings_one_row"),
            models.CheckConstraint(
                condition=Q(longest_seconds__gte=F("ban_seconds")), name="accounts_firewallsettings_longest_is_longer"
            ),
        ]

    def __str__(self) -> str:
        return "Firewall settings"
