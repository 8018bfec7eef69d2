"""Messages to workers. What is to be done stands in a row; a message only says "look"."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def poke(task: str, *arguments: int) -> None:
    """Send the task's message once the transaction has committed; it may be lost or doubled."""
    transaction.on_commit(lambda: _send(task, arguments))


def _send(task: str, arguments: tuple[int, ...]) -> None:
    try:
        current_app.send_task(task, arguments, retry=False)
    except OperationalError:
        # The row is queued and safe; a periodic sweep pokes again when the broker is back.
        logger.warning("The message broker does not answer; %s%s waits.", task, arguments)
