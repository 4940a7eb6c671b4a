from django.db import models


class VenueSetting(models.Model):
    """What an account at a venue was last told to be set to (leverage, margin mode), by whichever process.

    `accounts.told` reads and writes it. `name` says whose and what: the account at the venue is the key's, which
    several of ours may share.
    """

    name = models.CharField(max_length=200, unique=True)
    value = models.CharField(max_length=60, blank=True, help_text="Empty = not known.")
    teller = models.CharField(max_length=32, blank=True, help_text="Who is telling it right now.")
    at = models.DateTimeField()
    unsure_until = models.DateTimeField(null=True, help_text="Two told it at once: nobody can say which came last.")
