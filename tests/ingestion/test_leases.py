import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ingestion import jobs, leases
from ingestion.models import Collection
from tests.documents import upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


@contextmanager
def other_threads_execute(wrapper: Callable[..., Any]) -> Iterator[None]:
    """Whatever they ask of the database goes through `wrapper`."""
    mine = threading.current_thread()

    def connected(connection: BaseDatabaseWrapper, **_: object) -> None:
        if threading.current_thread() is not mine:
            connection.execute_wrappers.append(wrapper)

    connection_created.connect(connected)
    try:
        yield
    finally:
        connection_created.disconnect(connected)


def test_lease_is_renewed_once_the_database_is_back(
    wiki: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = upload(wiki, "guide.md", "# Guide")
    job = jobs.claim(version.pk)
    assert job is not None
    tries, renewed = itertools.count(), threading.Event()

    def away_at_first(execute: Callable[..., Any], *asked: Any) -> Any:
        if next(tries) == 0:
            raise OperationalError("the server closed the connection")
        done = execute(*asked)
        renewed.set()
        return done

    monkeypatch.setattr(leases, "RENEW_EVERY", 0.01)
    with other_threads_execute(away_at_first), jobs.lease_kept(job):
        assert renewed.wait(60)
        claimed_until = job.version.lease_until
        version.refresh_from_db()
        assert claimed_until is not None
        assert version.lease_until is not None
        assert version.lease_until > claimed_until
