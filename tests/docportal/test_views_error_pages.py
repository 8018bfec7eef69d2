"""Pages of errors leave nothing open behind them."""

import asyncio

import pytest
from django.db import connection
from django.test import AsyncClient

from tests.people import People

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("address", "status"), [("/no-such-page/", 404), ("/training/", 403)])
async def test_thread_that_made_one_keeps_no_connection(
    people: People, address: str, status: int
) -> None:
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    page = await client.get(address)
    assert page.status_code == status
    assert people.engineer.username in page.content.decode()
    # The loop has one such thread, as it has had one such page to make.
    assert await asyncio.to_thread(lambda: connection.connection) is None
