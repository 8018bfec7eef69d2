"""Sessions that have ended: nothing else removes the row of a login."""

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore


@shared_task
def remove_ended() -> None:
    SessionStore.clear_expired()
