"""Workers say in a row that they live: a broker of files cannot be asked who listens to it."""

import logging
import os
import threading
from datetime import timedelta
from typing import Any

from celery.signals import beat_embedded_init, worker_ready, worker_shutting_down
from django.db import DatabaseError, connection
from django.utils import timezone

from docportal.models import Worker
from router.tether import tether

logger = logging.getLogger(__name__)

TELL_SECONDS = 15.0
# Two signs may be lost.
ALIVE = timedelta(seconds=3 * TELL_SECONDS)
FORGOTTEN = timedelta(days=1)

_ended = threading.Event()
# A beat is forked, so that it inherits what its worker had here.
_worker = os.getpid()


@worker_ready.connect
def begin(sender: Any, **_: object) -> None:
    """From a thread of its own: a training occupies its worker for minutes."""
    _ended.clear()
    threading.Thread(target=_tell_until_ended, args=(sender.hostname,), daemon=True).start()


@worker_shutting_down.connect
def end(**_: object) -> None:
    _ended.set()


@beat_embedded_init.connect
def end_with_its_worker(**_: object) -> None:
    """A worker that is killed would leave its beat behind, beside that of the next one.

    It may be dead by now: whoever is the parent then is not who is to be followed.
    """
    tether(_worker)


def tell(name: str) -> None:
    """Keep that the worker of this name lives now; forget those that have long been silent."""
    now = timezone.now()
    Worker.objects.update_or_create(name=name, defaults={"seen_at": now})
    Worker.objects.filter(seen_at__lt=now - FORGOTTEN).delete()


def _tell_until_ended(name: str) -> None:
    while not _ended.is_set():
        try:
            tell(name)
        except DatabaseError as error:
            logger.warning("That %s lives is not written down: %s", name, error)
        finally:
            connection.close()
        _ended.wait(TELL_SECONDS)
