"""The account of a person. Everything about documents lives in `ingestion`."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person who asks, writes or administers; what they may do follows from their groups."""
