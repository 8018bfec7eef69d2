"""Which tuned model may answer whom: everything it was trained on is open to them, still."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from ingestion import services
from ingestion.models import Collection, Reader
from router import registry, serving, trials, tuned
from router.models import ModelVersion
from router.processes import Server
from router.tuned import answering, coverage_summary, is_tainted, usable_by, versions_to_load
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


@pytest.fixture
def load(listener: socket.socket) -> Callable[[ModelVersion], None]:
    """Announce a server for a version, as the process that keeps them does."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    return lambda model: serving.announce(Server(f"tuned/{model.name}", process, url))


def readers_of(*collections: Collection) -> dict[int, list[int]]:
    return {one.pk: list(one.readers.values_list("pk", flat=True)) for one in collections}


def serve(workshop: Workshop, *collections: Collection) -> ModelVersion:
    return registry.promote(workshop.candidate(readers=readers_of(*collections)), by=None)


def answers(user: Reader) -> str | None:
    served = answering(user)
    return served.name if served else None


# --- Who may ------------------------------------------------------------------------------------
def close(wiki: Collection, vault: Collection) -> None:
    wiki.readers.add(Group.objects.create(name="few"))


def exchange_readers(wiki: Collection, vault: Collection) -> None:
    vault.readers.set([Group.objects.create(name="others")])


def delete(wiki: Collection, vault: Collection) -> None:
    wiki.delete()


def add_readers(wiki: Collection, vault: Collection) -> None:
    vault.readers.add(Group.objects.create(name="more"))


def open_up(wiki: Collection, vault: Collection) -> None:
    vault.readers.clear()


def nothing(wiki: Collection, vault: Collection) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "tainted"),
    [
        (close, {"wiki"}),
        (exchange_readers, {"vault"}),
        (delete, {"wiki"}),
        (add_readers, set()),
        (open_up, set()),
        (nothing, set()),
    ],
)
def test_fewer_readers_taint_at_once_and_more_do_not(
    change: Callable[[Collection, Collection], None],
    tainted: set[str],
    workshop: Workshop,
    wiki: Collection,
    vault: Collection,
) -> None:
    models = {"wiki": serve(workshop, wiki), "vault": serve(workshop, vault)}
    change(wiki, vault)
    assert {name for name, model in models.items() if is_tainted(model)} == tainted
    assert set(versions_to_load()) == {
        model.name for name, model in models.items() if name not in tainted
    }


def test_model_answers_who_may_read_all_that_it_was_trained_on(
    workshop: Workshop, people: People, wiki: Collection, vault: Collection
) -> None:
    everybodys, securitys = serve(workshop, wiki), serve(workshop, vault)
    assert usable_by(people.reader) == [everybodys, securitys]
    for stranger in (None, people.engineer, people.admin):
        assert usable_by(stranger) == [everybodys]
        assert tuned.serving_model(stranger) == everybodys
    wiki.readers.add(*vault.readers.all())
    assert usable_by(people.reader) == [securitys]
    assert usable_by(None) == []


def test_reason_for_no_model_tells_strangers_of_none(
    workshop: Workshop, people: People, wiki: Collection, vault: Collection
) -> None:
    none = "No tuned model serves that you may use."
    assert tuned.why_none(None) == none
    serve(workshop, vault)
    assert tuned.why_none(None) == none
    assert "still being loaded" in tuned.why_none(people.reader)
    serve(workshop, wiki)
    assert "still being loaded" in tuned.why_none(None)
    wiki.readers.add(*vault.readers.all())
    assert "until it is trained again" in tuned.why_none(None)


# --- What is loaded -----------------------------------------------------------------------------
def test_version_before_answers_until_the_serving_one_is_loaded(
    workshop: Workshop, wiki: Collection, load: Callable[[ModelVersion], None]
) -> None:
    first = serve(workshop, wiki)
    assert answers(None) is None
    load(first)
    assert answers(None) == "docs-v0001"
    second = serve(workshop, wiki)
    assert answers(None) == "docs-v0001"
    assert versions_to_load() == ["docs-v0002", "docs-v0001"]
    load(second)
    assert answers(None) == "docs-v0002"
    assert tuned.ready_models() == ["docs-v0001", "docs-v0002"]
    registry.roll_back(by=None)
    assert answers(None) == "docs-v0001"


def test_version_before_does_not_answer_who_may_not_be_answered_by_it(
    workshop: Workshop,
    people: People,
    wiki: Collection,
    load: Callable[[ModelVersion], None],
) -> None:
    other = Collection.objects.create(slug="other", name="Other")
    load(serve(workshop, wiki, other))
    serve(workshop, wiki)
    assert answers(people.engineer) == "docs-v0001"
    other.readers.add(Group.objects.get(name="admin"))
    for person in (None, people.engineer, people.admin):
        assert answers(person) is None
    assert versions_to_load() == ["docs-v0002"]


def test_server_that_is_gone_answers_nobody(
    workshop: Workshop,
    wiki: Collection,
    load: Callable[[ModelVersion], None],
    listener: socket.socket,
) -> None:
    load(serve(workshop, wiki))
    listener.close()
    assert answers(None) is None
    assert tuned.ready_models() == []


def test_of_two_models_for_somebody_the_one_answers_that_knows_the_passages(
    workshop: Workshop,
    people: People,
    wiki: Collection,
    vault: Collection,
    load: Callable[[ModelVersion], None],
) -> None:
    open_text, secret = "a" * 64, "b" * 64
    for collection, text in ((wiki, open_text), (vault, secret)):
        model = workshop.candidate(
            readers=readers_of(collection), coverage={text: (2, 1.0), "c" * 64: (1, 1.0)}
        )
        load(registry.promote(model, by=None))
    for passages, name in (((open_text,), "docs-v0001"), ((secret,), "docs-v0002")):
        served = answering(people.reader, passages)
        assert served is not None
        assert served.name == name
    assert answers(people.reader) == "docs-v0001"


def test_canary_is_loaded_and_what_was_pruned_is_not(workshop: Workshop) -> None:
    trials.begin_canary(workshop.candidate(), share=10, by=None)
    workshop.candidate()
    assert versions_to_load() == ["docs-v0001"]


def test_server_of_the_settings_answers_by_every_version(
    workshop: Workshop, wiki: Collection, settings: Settings
) -> None:
    serve(workshop, wiki)
    settings.LLM_URL = "http://vllm:8000/v1"
    assert answering(None) == tuned.ServedModel("docs-v0001", "http://vllm:8000/v1")


# --- What it knows ------------------------------------------------------------------------------
def test_coverage_tells_what_was_asked_about_and_is_served_nowhere_any_more(
    workshop: Workshop, wiki: Collection
) -> None:
    version = publish(wiki, "a.md", [passage("One."), passage("Two."), passage("Three.")])
    hashes = version.chunks.values_list("content_hash", flat=True)
    model = workshop.candidate(coverage=dict.fromkeys(hashes, (1, None)))
    assert coverage_summary(model) == {"chunks": 3, "stale": 0}
    edited = publish(wiki, "a.md", [passage("One."), passage("Two and a half.")])
    assert coverage_summary(model) == {"chunks": 3, "stale": 2}
    model.coverage.create(content_hash="b" * 64, pairs=0)
    assert coverage_summary(model) == {"chunks": 3, "stale": 2}
    publish(wiki, "b.md", [passage("Three.")])
    assert coverage_summary(model) == {"chunks": 3, "stale": 1}
    services.archive_document(document=edited.document, actor=None)
    assert coverage_summary(model) == {"chunks": 3, "stale": 2}
