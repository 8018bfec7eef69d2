import asyncio
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import Client

from tests.people import People


@pytest.fixture(scope="package", autouse=True)
def close_connections(django_db_setup: None) -> Iterator[None]:
    """Asynchronous tests use the database in a thread that outlives them, connection and all."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture
def admin(people: People) -> Client:
    client = Client()
    client.force_login(people.admin)
    return client
