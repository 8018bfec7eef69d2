import pytest
from celery.signals import before_task_publish
from pytest_django import Settings

from docportal.pipeline import process_version
from ingestion.models import Collection
from tests.documents import upload
from training import tasks
from training.models import QAPair

FEES = "# Quay fees\n\n| Fee | Price |\n|---|---|\n| Crane | 90 EUR |\n| Berth | 230 EUR |\n"


@pytest.mark.models
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("home")
def test_version_is_searchable_before_its_pairs_are_made(
    wiki: Collection, settings: Settings, embedding_server: str
) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    sent: list[str] = []

    def note(sender: str, **_: object) -> None:
        sent.append(sender)

    before_task_publish.connect(note)
    version = upload(wiki, "fees.md", FEES)
    process_version(version.pk)
    before_task_publish.disconnect(note)
    version.refresh_from_db()
    assert version.is_served
    assert not QAPair.objects.exists()
    assert sent == ["training.tasks.mine_version"]
    tasks.mine_version(version.pk)
    assert QAPair.objects.trainable().exists()
