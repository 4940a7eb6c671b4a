from django.contrib.auth.models import AbstractUser
from django.db import models


class Client(models.Model):
    """Whose money it is. Every account belongs to a client; people see the clients assigned to them (E2)."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.slug


class Operator(AbstractUser):
    """A person or program that signs in."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        OPERATOR = "operator"
        ADMIN = "admin"
        CLIENT = "client"

    role = models.CharField(
        max_length=8, choices=Role.choices, default=Role.VIEWER, help_text="A superuser is an admin whatever it says."
    )
    clients = models.ManyToManyField(
        Client, blank=True, related_name="operators", help_text="Whose accounts this person sees. Superusers see all."
    )

    class Meta:
        verbose_name = "operator"
