"""Rows that every part of the machine shares: leases, the configuration's version, heartbeats, cursors, secrets."""

from django.db import models

from .fields import EncryptedTextField


class Lease(models.Model):
    """One named job held by one process at a time; `token` grows with each new holder and fences its writes."""

    name = models.CharField(max_length=80, primary_key=True)
    holder = models.CharField(max_length=120, blank=True)
    token = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField()


class ConfigurationVersion(models.Model):
    """One row; grows with every change of configuration, so that caches know when to read again."""

    version = models.BigIntegerField(default=0)


class Cursor(models.Model):
    """How far a reader of an append-only table has come."""

    name = models.CharField(max_length=80, primary_key=True)
    position = models.BigIntegerField(default=0)


class Heartbeat(models.Model):
    """The last sign of life of one process."""

    process = models.CharField(max_length=80)
    host = models.CharField(max_length=120)
    pid = models.IntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["process", "host"], name="core_heartbeat_one_per_process_host")]

    def __str__(self) -> str:
        return f"{self.process} on {self.host}"


class SealedValue(models.Model):
    """A generated secret that must survive and be shared by every host, such as the pepper of tokens."""

    name = models.CharField(max_length=80, primary_key=True)
    value = EncryptedTextField()
