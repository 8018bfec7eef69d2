"""What fails behind the answers, on the page Insights: for admins, in plain words."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from router import incidents
from router.models import Incident
from tests.pairs import a_model
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

Kind = Incident.Kind
READER = "docportal-reader"


def get(user: User) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("insights"))
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def test_without_incidents_nothing_is_said(people: People) -> None:
    assert "What fails" not in get(people.admin)


@pytest.mark.parametrize(
    ("kind", "subject", "what", "instead", "advice"),
    [
        (
            Kind.MODEL_SERVER,
            READER,
            f"The server of the reader {READER} fails.",
            "The passages, without an answer from them.",
            "llm-server.log",
        ),
        (
            Kind.MODEL_SERVER,
            "docs-v0001",
            "The server of the tuned model docs-v0001 fails.",
            "An answer from the current passages.",
            "tuned-docs-v0001.log",
        ),
        (
            Kind.EMBEDDING_SERVER,
            "all-minilm-l6-v2",
            "The embedding server of all-minilm-l6-v2 fails.",
            "Passages that were found by their words alone.",
            "embeddings-server.log",
        ),
        (
            Kind.INDEX,
            "all-minilm-l6-v2",
            "The index was not made by all-minilm-l6-v2.",
            "until each is embedded anew",
            "set EMBEDDINGS_MODEL back",
        ),
        (
            Kind.TUNED_SERVER,
            "docs-v0001",
            "The server of the tuned model docs-v0001 does not stay up.",
            "An answer of the version before it, or from the current passages.",
            "roll back",
        ),
        (
            Kind.TUNED_FILES,
            "docs-v0001",
            "Files of the tuned model docs-v0001 are gone.",
            "An answer of the version before it, or from the current passages.",
            "Restore TUNED_DIR from a backup.",
        ),
    ],
)
def test_each_kind_says_what_askers_got_and_what_to_do(
    people: People, kind: Kind, subject: str, what: str, instead: str, advice: str
) -> None:
    a_model([], [])
    for _ in range(3):
        incidents.report(kind, subject, "It <b>broke</b> off.")
    page = get(people.admin)
    assert what in page
    assert instead in page
    assert advice in page
    assert "It <b>broke</b> off.</p>" in page
    assert '<td class="number">3</td>' in page


def test_server_of_the_company_is_named_by_its_setting(people: People, settings: Settings) -> None:
    settings.LLM_URL = "http://127.0.0.1:9/v1"
    incidents.report(Kind.MODEL_SERVER, READER)
    page = get(people.admin)
    assert "See that the server at LLM_URL runs" in page
    assert "llm-server.log" not in page


def test_full_disk_of_the_index_is_named_by_its_folder(people: People, settings: Settings) -> None:
    incidents.report(Kind.INDEX_DISK, str(settings.INDEX_DIR), "No space left on device")
    page = get(people.admin)
    assert f"The index in {settings.INDEX_DIR} cannot be brought up to date." in page
    assert "Make room on its disk." in page


def test_open_ones_come_first_and_closed_ones_for_seven_days(people: People) -> None:
    a_model([], [])
    incidents.report(Kind.TUNED_FILES, "docs-v0001")
    incidents.report(Kind.EMBEDDING_SERVER, "all-minilm-l6-v2")
    incidents.settle(Kind.EMBEDDING_SERVER, "all-minilm-l6-v2")
    incidents.report(Kind.INDEX, "all-minilm-l6-v2")
    long_ago = timezone.now() - timedelta(days=8)
    Incident.objects.filter(kind=Kind.INDEX).update(closed_at=long_ago)
    page = get(people.admin)
    assert page.index("Files of the tuned model") < page.index("The embedding server of")
    assert "Nothing: it works again." in page
    assert "The index was not made by" not in page


def test_only_admins_are_told(people: People) -> None:
    incidents.report(Kind.MODEL_SERVER, READER)
    assert READER in get(people.admin)
    for person in (people.writer, people.restricted_writer):
        page = get(person)
        assert "What fails" not in page
        assert READER not in page
