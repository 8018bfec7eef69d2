from collections.abc import Callable

import pytest

from ingestion import services
from ingestion.errors import UserError
from ingestion.models import AuditEvent, Collection, Document
from tests.documents import passage, publish
from tests.people import People
from tests.training.test_imports import QUOTED, RATES, RETRIES, WHOLE, line
from training.imports import import_pairs
from training.models import QAPair
from training.pairs import write_pair
from training.review import approve, edit, reject

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

Make = Callable[..., QAPair]


@pytest.fixture
def document(wiki: Collection) -> Document:
    return publish(wiki, "guide.md", [passage(RETRIES, "Retries"), passage(RATES)]).document


@pytest.fixture
def pair(document: Document) -> Make:
    """A stored pair of the document, imported unless told otherwise."""

    def make(question: str, answer: str = "9", context: str = QUOTED, **values: str) -> QAPair:
        import_pairs(document, [line(question, answer, context)])
        made = QAPair.objects.get(question=question, answer=answer)
        QAPair.objects.filter(pk=made.pk).update(**values)
        made.refresh_from_db()
        return made

    return make


def test_approval_records_who_and_when(pair: Make, people: People) -> None:
    waiting = pair("How many retries?", origin="teacher", review="pending")
    assert approve([waiting], by=people.writer).done == 1
    waiting.refresh_from_db()
    assert (waiting.review, waiting.reviewed_by) == ("approved", people.writer)
    assert waiting.reviewed_at is not None
    event = AuditEvent.objects.get(actor=people.writer, verb="approved")
    assert (event.document, event.detail) == (waiting.document, "1 pair")


def test_pair_without_evidence_is_not_approved(pair: Make, people: People) -> None:
    bare = pair("How many sessions?", "77")
    fine = pair("How many retries?", review="pending")
    result = approve([bare, fine], by=people.writer)
    assert result.done == 1
    assert [refused for refused, _ in result.refused] == [bare]
    assert "evidence" in result.refused[0][1]


def test_pair_that_the_document_says_no_more_is_not_approved(
    pair: Make, people: People, wiki: Collection
) -> None:
    retired = pair("How many retries?", origin="teacher", review="pending")
    publish(wiki, "guide.md", [passage(RATES)])
    result = approve([retired], by=people.writer)
    assert result.done == 0
    assert "no longer says this" in result.refused[0][1]
    assert QAPair.objects.get().review == "pending"


def test_rejected_pair_is_taught_no_more(pair: Make, people: People) -> None:
    taught = pair("How many retries?")
    assert reject([taught], by=people.writer).done == 1
    assert not QAPair.objects.trainable().exists()


def test_rejecting_one_of_two_contradicting_pairs_frees_the_other(
    pair: Make, people: People
) -> None:
    right, wrong = pair("How many retries?"), pair("How many retries?", "30", WHOLE)
    reject([wrong], by=people.writer)
    right.refresh_from_db()
    assert (right.review, right.problem) == ("approved", "")


def test_two_contradicting_pairs_are_not_approved_at_once(pair: Make, people: People) -> None:
    both = [pair("How many retries?"), pair("How many retries?", "30", WHOLE)]
    result = approve(both, by=people.writer)
    assert result.done == 0
    assert "30" in result.refused[0][1]


def test_approving_one_of_two_contradicting_pairs_keeps_the_other_waiting(
    pair: Make, people: People
) -> None:
    right, wrong = pair("How many retries?"), pair("How many retries?", "30", WHOLE)
    assert approve([right], by=people.writer).done == 1
    wrong.refresh_from_db()
    assert (wrong.review, wrong.problem) == ("pending", "conflict")
    assert approve([wrong], by=people.admin).done == 0
    assert [taught.answer for taught in QAPair.objects.trainable()] == ["9"]


def test_what_was_mined_waits_when_it_contradicts_people(pair: Make, people: People) -> None:
    mined = pair("How many retries?", "30 seconds", WHOLE, origin="mined")
    written = write_pair(
        mined.document, question="How many retries?", answer="9 times", by=people.writer
    )
    mined.refresh_from_db()
    assert (written.review, written.problem) == ("approved", "")
    assert (mined.review, mined.problem) == ("pending", "conflict")


def test_edit_approves_and_finds_the_new_evidence(pair: Make, people: People) -> None:
    edited = edit(
        pair("How long?", "9"),
        question="How long does the first retry wait?",
        answer="30 seconds",
        by=people.writer,
    )
    assert edited.evidence == "The first retry waits 30 seconds."
    assert (edited.review, edited.reviewed_by) == ("approved", people.writer)


def test_edit_of_the_question_keeps_evidence_in_other_words(pair: Make, people: People) -> None:
    yes = pair("Is there a limit?", "Yes")
    edited = edit(yes, question="Are retries limited?", answer="Yes", by=people.writer)
    assert edited.evidence == RETRIES.partition(" The")[0]


def test_edit_frees_what_the_old_question_contradicted(pair: Make, people: People) -> None:
    right, wrong = pair("How many retries?"), pair("How many retries?", "30 seconds", WHOLE)
    edit(wrong, question="How long is the first wait?", answer="30 seconds", by=people.writer)
    right.refresh_from_db()
    assert (right.review, right.problem) == ("approved", "")


@pytest.mark.parametrize(
    ("question", "answer", "evidence", "id"),
    [
        ("", "9", "", "empty-pair"),
        ("How many retries?", "31", "", "no-evidence"),
        ("How many retries?", "9", "never retried", "no-evidence"),
        ("Which retry limit?", "9", "", "duplicate-pair"),
        ("Which first retry?", "30 seconds", "", "contradiction"),
    ],
)
def test_edit_that_cannot_be_kept_changes_nothing(
    pair: Make, people: People, question: str, answer: str, evidence: str, id: str
) -> None:
    pair("Which retry limit?")
    approve([pair("Which first retry?", "9")], by=people.admin)
    taught = pair("How many retries?")
    with pytest.raises(UserError) as raised:
        edit(taught, question=question, answer=answer, evidence=evidence, by=people.writer)
    assert raised.value.id == id
    assert QAPair.objects.get(pk=taught.pk).question == "How many retries?"


def test_edit_of_a_pair_that_changed_meanwhile_is_refused(pair: Make, people: People) -> None:
    mine = pair("How many retries?")
    theirs = QAPair.objects.get(pk=mine.pk)
    edit(theirs, question="How many retries at most?", answer="9", by=people.admin)
    with pytest.raises(UserError) as raised:
        edit(mine, question="How often is it retried?", answer="9", by=people.writer)
    assert raised.value.id == "changed-meanwhile"


def test_edit_of_an_archived_document_is_refused(pair: Make, people: People) -> None:
    taught = pair("How many retries?")
    services.archive_document(document=taught.document, actor=None)
    with pytest.raises(UserError) as raised:
        edit(taught, question="How often is it retried?", answer="9", by=people.writer)
    assert raised.value.id == "no-evidence"
