"""Before more than a fifth of a source's documents go, somebody is asked."""

import pytest

from ingestion.errors import UserError
from ingestion.models import AuditEvent, Document, Source
from ingestion.sources import services
from ingestion.sources.syncing import sync
from tests.ingestion.sources.conftest import Again, Follow
from tests.people import People
from tests.repositories import Repository, guide

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(repository: Repository, follow: Follow) -> Source:
    """Of ten berths."""
    for number in range(10):
        repository.write(f"berth-{number}.md", guide(f"berth {number}"))
    repository.commit("Begin")
    return follow(repository.path)


def remove(repository: Repository, *numbers: int) -> None:
    for number in numbers:
        repository.git("rm", "--quiet", f"berth-{number}.md")
    repository.commit(f"Without {numbers}")


def count() -> int:
    return Document.objects.filter(archived_at=None).count()


def answer(source: Source, people: People, *, archive: bool) -> Source:
    services.answer_question(
        source=source, actor=people.writer, question=source.fence, archive=archive
    )
    assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    return source


def test_a_fifth_goes_without_a_question(
    repository: Repository, source: Source, again: Again
) -> None:
    remove(repository, 1, 2)
    assert again(source).state == "idle"
    assert count() == 8


def test_more_stops_everything_until_it_is_confirmed(
    repository: Repository, source: Source, again: Again, people: People
) -> None:
    repository.write("berth-0.md", guide("berth 0", "Edited."))
    remove(repository, 1, 2, 3)
    source = again(source)
    assert (source.state, count()) == ("asking", 10)
    assert Document.objects.get(path="berth-0.md").versions.count() == 1
    source = answer(source, people, archive=True)
    assert (source.state, source.commit, count()) == ("idle", repository.head, 7)
    assert Document.objects.get(path="berth-0.md").versions.count() == 2
    event = AuditEvent.objects.get(verb="confirmed the archiving")
    assert (event.actor, event.detail) == (people.writer, "of 3 documents")


def test_dismissed_documents_stay_while_the_rest_goes_on(
    repository: Repository, source: Source, again: Again, people: People
) -> None:
    repository.write("berth-0.md", guide("berth 0", "Edited."))
    remove(repository, 1, 2, 3)
    source = answer(again(source), people, archive=False)
    assert (source.state, count()) == ("idle", 10)
    assert Document.objects.get(path="berth-0.md").versions.count() == 2
    remove(repository, 4)
    source = again(source)
    assert (source.state, count()) == ("idle", 9), "what was dismissed is not asked again"
    repository.write("berth-1.md", guide("berth 1", "It is back."))
    repository.commit("Berth 1 again")
    source = again(source)
    remove(repository, 1)
    again(source)
    assert count() == 8, "once it was back, it goes like any other"


def test_nobody_answers_a_question_that_was_not_read(
    repository: Repository, source: Source, again: Again, people: People
) -> None:
    remove(repository, 1, 2, 3)
    shown = again(source)
    remove(repository, 4, 5)
    later = again(Source.objects.get())
    assert (later.state, later.files.filter(answer="asked").count()) == ("asking", 5)
    with pytest.raises(UserError, match="answered meanwhile"):
        services.answer_question(
            source=shown, actor=people.writer, question=shown.fence, archive=True
        )
    assert count() == 10


def test_question_is_gone_when_the_files_are_back(
    repository: Repository, source: Source, again: Again
) -> None:
    remove(repository, 1, 2, 3)
    source = again(source)
    repository.git("revert", "--no-edit", "HEAD")
    source = again(source)
    assert (source.state, count()) == ("idle", 10)
    assert not source.files.exclude(answer="").exists()
    assert Document.objects.get(path="berth-1.md").versions.count() == 1


def test_mass_deletion_that_was_taken_back_never_reaches_the_readers(
    repository: Repository, source: Source, again: Again
) -> None:
    remove(repository, *range(10))
    repository.git("revert", "--no-edit", "HEAD")
    source = again(source)
    assert (source.state, source.commit) == ("idle", repository.head)
    assert not AuditEvent.objects.filter(verb="archived").exists()


def test_moved_folder_is_no_deletion(repository: Repository, source: Source, again: Again) -> None:
    (repository.path / "piers").mkdir()
    for number in range(10):
        repository.git("mv", f"berth-{number}.md", "piers/")
        repository.write(f"piers/berth-{number}.md", guide(f"berth {number}", "Edited as well."))
    repository.commit("Move all")
    source = again(source)
    assert (source.state, count()) == ("idle", 10)
    assert source.report["moved"] == 10


def test_emptied_folder_asks(
    follow: Follow, again: Again, repository: Repository, people: People
) -> None:
    (repository.path / "a.md").write_text(guide("a"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.git("rm", "--quiet", "a.md")
    repository.commit("Empty")
    source = again(source)
    assert source.state == "asking"
    source = answer(source, people, archive=True)
    assert (source.state, count()) == ("idle", 0)
