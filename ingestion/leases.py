"""Leases on rows: whoever works on a row renews its lease, and loses the row with the lease.

A row with a lease has the columns `fence` and `lease_until`. A claim raises the fence, and each
later write names it, so whoever was thought dead and comes back finds that it may not write.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from ingestion.problems import GRACE

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
RENEW_EVERY = 8.0


class LeaseLost(Exception):
    """Somebody else works on this row now; stop without writing."""


def until() -> datetime:
    """When a lease that is taken or renewed now runs out."""
    return timezone.now() + LEASE


def ended() -> Q:
    """Rows that nobody works on."""
    return Q(lease_until=None) | Q(lease_until__lt=timezone.now())


def impossible() -> Q:
    """Rows that nobody can claim for a long time: of leases taken by now, none ends so late, so
    somebody's clock was wrong."""
    return Q(lease_until__gt=timezone.now() + GRACE)


@contextmanager
def kept(mine: QuerySet[Any]) -> Iterator[None]:
    """Renew the lease in the background; on the way out give it up, so a retry need not wait.

    `mine` is the row as long as it is unfinished and has the holder's fence.
    """
    done = threading.Event()
    renewer = threading.Thread(target=_renew_until, args=(mine, done), daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()
        mine.update(lease_until=timezone.now())


def _renew_until(mine: QuerySet[Any], done: threading.Event) -> None:
    try:
        while not done.wait(RENEW_EVERY) and _is_renewed(mine):
            pass
    finally:
        connection.close()


def _is_renewed(mine: QuerySet[Any]) -> bool:
    """False once the row is somebody else's. A database that is busy or away takes no row from
    its holder, so that is asked again."""
    try:
        return bool(mine.update(lease_until=until()))
    except (InterfaceError, OperationalError) as error:
        logger.warning("A lease was not renewed, and is tried again: %s", error)
        connection.close()
        return True
