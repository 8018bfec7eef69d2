"""The page of operations: what an admin sees there, and the check that it starts."""

from datetime import timedelta
from html import unescape

import pytest
from celery.signals import before_task_publish
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from docportal import integrity
from docportal.models import IntegrityCheck, Worker
from docportal.workers import tell
from ingestion.audit import record
from ingestion.models import Collection
from router import retrieval
from tests.documents import passage, publish, upload
from tests.people import People
from training import runs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def no_servers(settings: Settings) -> None:
    settings.LLM_URL = settings.EMBEDDINGS_URL = NOBODY_LISTENS


def page(client: Client) -> str:
    response = client.get("/operations/")
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def test_queue_with_its_oldest_and_its_workers(admin: Client, wiki: Collection) -> None:
    assert "A queue has no worker" in page(admin)
    waiting = upload(wiki, "d.md", "Three.")
    waiting.created_at = timezone.now() - timedelta(minutes=12)
    waiting.save()
    runs.request(collections=[wiki], by=None, enqueue=False)
    for name in ("celery@here", "training@here"):
        tell(name)
    shown = page(admin)
    assert "12 min ago" in shown
    assert "A queue has no worker" not in shown
    assert 'training@here <span class="quiet">alive' in shown
    silent = timezone.now() - timedelta(minutes=2)
    Worker.objects.filter(name="training@here").update(seen_at=silent)
    shown = page(admin)
    assert 'training@here <span class="quiet">silent, last heard of' in shown
    assert "A queue has no worker" in shown


def test_worker_of_another_name_may_listen_to_both_queues(admin: Client) -> None:
    tell("everything@here")
    assert "A queue has no worker" not in page(admin)


def test_worker_silent_for_a_day_is_forgotten() -> None:
    Worker.objects.create(name="old", seen_at=timezone.now() - timedelta(days=2))
    tell("new")
    assert [worker.name for worker in Worker.objects.all()] == ["new"]


def test_servers_index_and_disks(admin: Client, wiki: Collection) -> None:
    publish(wiki, "a.md", [passage("One.")])
    retrieval.refresh()
    publish(wiki, "b.md", [passage("Two.")])
    shown = page(admin)
    assert '<th scope="row">llm</th><td><span class="bad">no</span></td>' in shown
    assert "the next search adds the rest" in shown
    assert "Free, home" in shown
    retrieval.refresh()
    assert "the next search adds the rest" not in page(admin)


def test_last_check_with_its_problems(admin: Client) -> None:
    assert "Nobody has looked yet" in page(admin)
    problems = [{"kind": "index-missing", "what": "There is <none>", "repaired": False}]
    IntegrityCheck.objects.create(ended_at=timezone.now(), checked=1234, problems=problems)
    shown = page(admin)
    assert "1,234 things were looked at" in shown
    assert "1 problem</strong>" in shown
    assert "index-missing</th><td>There is <none></td>" in shown
    assert "check_integrity --repair" in shown
    IntegrityCheck.objects.create(ended_at=timezone.now(), checked=5)
    shown = page(admin)
    assert "no problems</strong>" in shown
    assert "check_integrity --repair" not in shown


def test_only_the_first_problems_are_shown(admin: Client) -> None:
    problems = [
        {"kind": "run-orphan", "what": f"Folder {n:04}", "repaired": False} for n in range(250)
    ]
    IntegrityCheck.objects.create(ended_at=timezone.now(), problems=problems)
    shown = page(admin)
    assert "Folder 0199" in shown
    assert "Folder 0200" not in shown
    assert "And 50 more." in shown


def test_button_has_a_worker_check_once(admin: Client, people: People) -> None:
    sent: list[str] = []

    def note(sender: str, **_: object) -> None:
        sent.append(sender)

    before_task_publish.connect(note)
    for _ in range(2):
        assert admin.post("/operations/check/").status_code == 302
    before_task_publish.disconnect(note)
    requested = IntegrityCheck.objects.get()
    assert requested.requested_by == people.admin
    assert "has not ended" in page(admin)
    integrity.run_check(requested.pk)
    shown = page(admin)
    assert "has not ended" not in shown
    assert "for admin" in shown


def test_check_that_was_lost_is_not_waited_for(admin: Client) -> None:
    lost = timezone.now() - timedelta(hours=2)
    IntegrityCheck.objects.create(requested_at=lost)
    assert "has not ended" not in page(admin)
    admin.post("/operations/check/")
    assert IntegrityCheck.objects.count() == 2


def test_repairs_are_listed(admin: Client) -> None:
    record(None, integrity.REPAIRED, detail="run-orphan: Folder 0042")
    assert "The product itself repaired run-orphan: Folder 0042" in page(admin)


def test_no_document_is_named(admin: Client, vault: Collection) -> None:
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    version.chunks.update(text="Changed.")
    integrity.check_nightly()
    shown = page(admin)
    assert "passage-changed" in shown
    for trace in ("Zebra", "codes", "4711", "Vault", version.document.slug):
        assert trace not in shown


def test_link_stands_in_the_menu_of_admins_alone(people: People) -> None:
    for person in (people.engineer, people.writer, people.admin):
        client = Client()
        client.force_login(person)
        there = 'href="/operations/"' in client.get("/").content.decode()
        assert there == (person == people.admin)
        allowed = client.get("/operations/").status_code == 200
        assert allowed == (person == people.admin)
    assert Group.objects.get(name="admin").permissions.filter(codename="add_integritycheck")
