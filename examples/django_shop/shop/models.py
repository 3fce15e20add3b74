"""Orders, the events of their mails, and what customers write."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """An order. `mail_status` is the last event of its confirmation that says where it is."""

    customer = models.EmailField()
    item = models.CharField(max_length=100)
    mail_status = models.CharField(max_length=20, default="")

    def __str__(self) -> str:
        """Return the order's number."""
        return f"order {self.pk}"


class HandledEvent(models.Model):
    """An event that was handled. Events are delivered at least once; each is handled once."""

    event_id = models.CharField(max_length=100, primary_key=True)
    handled_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        """Return the event's id."""
        return str(self.event_id)


class Question(models.Model):
    """A mail that a customer wrote."""

    sender = models.CharField(max_length=320)
    subject = models.CharField(max_length=998)
    text = models.TextField()

    def __str__(self) -> str:
        """Return who asks."""
        return f"question of {self.sender}"
