"""What the demo does by itself: the sample company's documents, and the benchmark that follows."""

import io
import os
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from docportal import demo
from docportal.management.commands.demo import PEOPLE, Command
from docportal.management.commands.demo_benchmark import QUESTIONS
from docportal.models import User
from ingestion.models import Collection, Document, DocumentVersion
from router import registry
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import ScriptedLLM
from training.models import Benchmark, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

FIRST = passage("Hold time in production: 12 minutes.", "Settings")
SECOND = passage("Hold time in production: 15 minutes.", "Settings")
ASKED = len(QUESTIONS.read_text(encoding="utf-8").splitlines())


@pytest.fixture(autouse=True)
def writer() -> User:
    for name, (role, *groups) in PEOPLE.items():
        given = ("--role", role, "--password", "correct horse", "--groups", *groups)
        call_command("createuser", name, *given, stdout=io.StringIO())
    return User.objects.get(username="writer")


def test_the_supervisor_finds_the_program_of_every_process() -> None:
    services = list(Command().services("127.0.0.1", 8000))
    assert services[-1].name == "benchmark"
    for service in services:
        assert Path(service.command[0]).is_file(), service


# --- The documents -----------------------------------------------------------------------------


def editions(collection: str) -> dict[str, int]:
    documents = Document.objects.filter(collection__name=collection)
    return {document.path: document.versions.count() for document in documents}


def test_what_is_taught_changes_later_and_nothing_comes_twice(writer: User) -> None:
    for _ in range(2):
        demo.bring_in(writer)
        assert set(editions("Systems").values()) == {1}
        assert editions("Handbook")["policies/data-retention.pdf"] == 2
    for added in (["api/booking-api.html", "services/deck-holds.md"], []):
        assert [version.document.path for version in demo.publish_changes(writer)] == added
        assert editions("Systems")["services/deck-holds.md"] == 2
        assert editions("Systems")["services/seat-holds.html"] == 1
    demo.bring_in(writer)
    assert sum(editions("Systems").values()) == 6


# --- The benchmark -----------------------------------------------------------------------------


@pytest.fixture
def llm(settings: Settings, llm: ScriptedLLM) -> Iterator[ScriptedLLM]:
    llm.adapters = {}
    llm.will_say("15 minutes [1]")
    with hashed_words() as embedder:
        settings.EMBEDDINGS_URL = embedder.url
        yield llm


@pytest.fixture
def systems() -> Collection:
    """Both editions of what changes, as a worker has read them."""
    collection = Collection.objects.create(name=demo.TAUGHT, slug="systems")
    for path in ("services/deck-holds.md", "api/booking-api.html"):
        for edition in (FIRST, SECOND):
            publish(collection, path, [edition], title="deck-holds", note=path)
    return collection


@pytest.fixture
def model(workshop: Workshop, systems: Collection, llm: ScriptedLLM) -> str:
    coverage = {FIRST.content_hash: (3, 0.9)}
    candidate = workshop.candidate(merged=None, readers={systems.pk: ()}, coverage=coverage)
    a_run(TrainingRun.State.PROMOTED)
    return registry.promote(candidate, by=None).name


def a_run(state: str) -> TrainingRun:
    return TrainingRun.objects.create(number=1, state=state, max_minutes=1, ended_at=timezone.now())


def follow(out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    call_command("demo_benchmark", stdout=out)
    return " ".join(out.getvalue().split())


def page() -> str:
    client = Client()
    client.force_login(User.objects.get(username="engineer"))
    return " ".join(unescape(client.get(reverse("benchmark")).content.decode()).split())


class Killed(io.StringIO):
    """Somebody interrupts when the first system has answered everything."""

    def write(self, text: str) -> int:
        if f"{ASKED} of {ASKED} answered" in text:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.any_database
def test_benchmark_follows_the_first_model_and_is_made_once(model: str, llm: ScriptedLLM) -> None:
    said = follow()
    assert f"{model} serves" in said
    assert f"hybrid, run 1 of 1: {ASKED} of {ASKED} answered" in said
    assert f"The benchmark has ended: of {ASKED} questions the hybrid took" in said
    benchmark = Benchmark.objects.get(name="demo")
    assert set(benchmark.report["systems"]) == {"tuned", "rag", "hybrid"}
    assert "Benchmark demo" in page()
    asked = len(llm.requests)
    assert follow() == ""
    assert len(llm.requests) == asked
    assert Benchmark.objects.count() == 1


@pytest.mark.any_database
def test_killed_in_between_it_goes_on_with_the_answers_it_has(model: str) -> None:
    with pytest.raises(CommandError, match="goes on"):
        follow(Killed())
    shown = page()
    assert f"A benchmark is being made: {ASKED} of {3 * ASKED} answers are there" in shown
    assert "manage.py benchmark" not in shown
    said = follow()
    assert f"Going on with {ASKED} answers" in said
    assert "tuned, run 1" not in said
    assert "being made" not in page()
    assert Benchmark.objects.get().report["systems"]["tuned"]["n"] == ASKED


@pytest.mark.usefixtures("llm", "systems")
@pytest.mark.parametrize("state", [TrainingRun.State.REJECTED, TrainingRun.State.CANCELLED])
def test_without_a_model_that_serves_there_is_no_benchmark(state: str) -> None:
    a_run(state)
    assert "No model serves: /training/ says why" in follow()
    assert not Benchmark.objects.exists()
    assert DocumentVersion.objects.count() == 4


def test_benchmark_that_stopped_long_ago_is_not_said_to_go_on(settings: Settings) -> None:
    log = Path(settings.RUN_DIR) / "benchmark" / "answers.jsonl"
    log.parent.mkdir()
    log.write_text('{"questions": 3, "systems": ["rag"], "runs": 2}\n{}\n{"half')
    assert "1 of 6 answers" in page()
    os.utime(log, (1_000_000_000, 1_000_000_000))
    assert "A benchmark has stopped: it has 1 of 6 answers" in page()
    log.write_text('{"questions": 3')
    assert "No benchmark yet" in page()
