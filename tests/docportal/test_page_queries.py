"""Pages that everybody opens ask the database so often, and no oftener the more there is."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingestion.models import Collection
from router import retrieval
from tests.documents import passage, publish
from tests.people import People
from tests.router.retrieval.hashed_words import HashedWords

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def engineer(people: People) -> Client:
    client = Client()
    client.force_login(people.engineer)
    return client


def documents(wiki: Collection, number: int) -> str:
    """The address of the last of so many."""
    for each in range(number):
        version = publish(wiki, f"{each}.md", [passage(f"The ramp of berth {each} closes.")])
        retrieval.index_version(version)
    retrieval.refresh()
    return reverse("document", args=[version.document.slug])


@pytest.mark.parametrize("number", [1, 12])
def test_number_of_queries(
    engineer: Client, wiki: Collection, embedder: HashedWords, number: int
) -> None:
    pages = {"/": 5, "/?q=ramp+closes": 7, "/docs/": 6, documents(wiki, number): 13}
    found = {}
    for page in pages:
        assert engineer.get(page).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            engineer.get(page)
        found[page] = len(queries)
    assert found == pages
