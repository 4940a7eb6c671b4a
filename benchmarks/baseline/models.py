from django.db import models


class Message(models.Model):
    received_at = models.DateTimeField(auto_now_add=True)
    body = models.JSONField()
