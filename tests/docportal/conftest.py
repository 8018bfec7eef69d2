import asyncio
from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from pytest_django import Settings


@pytest.fixture(scope="package", autouse=True)
def close_connections(django_db_setup: None) -> Iterator[None]:
    """Asynchronous tests use the database in a thread that outlives them, connection and all."""
    yield
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """A test of pages need not wait for a hash that is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
