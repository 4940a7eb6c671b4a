from django.db import models

from .account import Account


class Credential(models.Model):
    """An account's keys at its venue, sealed: only trade workers can open them (X9).

    They are bound to `host`: where the account's address leads elsewhere they are erased, never sent there.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="credential")
    sealed = models.TextField(editable=False, help_text="Base64 of a sealed box (X25519, XSalsa20-Poly1305).")
    names = models.JSONField(default=list, help_text="Which parts are there: api_key, secret, passphrase …")
    fingerprint = models.CharField(
        max_length=64, editable=False, help_text="A keyed digest, to see whether a new one differs."
    )
    host = models.CharField(max_length=200)
    set_at = models.DateTimeField()
    set_by = models.CharField(max_length=150, blank=True)
    test_asked_at = models.DateTimeField(null=True, help_text="Somebody waits for a test of the connection.")
    next_check_at = models.DateTimeField(help_text="When a trade worker asks the venue again; also its claim.")
    tested_at = models.DateTimeField(null=True, help_text="When the connection was last tried, with any result.")
    test_result = models.CharField(max_length=300, blank=True, help_text="What came of it, in words.")
    checked_at = models.DateTimeField(null=True, help_text="When the venue last told what the key may do.")
    problem = models.CharField(max_length=300, blank=True, help_text="Why it cannot be used; empty = it can.")
    facts = models.JSONField(default=dict, help_text="read, trade, withdraw, ip_bound, position_mode, notes.")

    def __str__(self) -> str:
        return f"credentials of {self.account}"
