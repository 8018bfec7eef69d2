from collections.abc import Sequence

import pytest

from docportal.models import User
from ingestion.errors import UserError
from ingestion.models import AuditEvent, Collection, Document
from router.models import Answer, Feedback, Query
from tests.documents import passage, publish
from tests.pairs import an_answer
from tests.people import People
from tests.training.test_imports import RATES, RETRIES, line
from training.imports import import_pairs
from training.models import QAPair
from training.pairs import add_correction, write_pair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def document(wiki: Collection) -> Document:
    return publish(wiki, "guide.md", [passage(RETRIES, "Retries"), passage(RATES)]).document


# --- Written --------------------------------------------------------------------------------------


def test_written_pair_is_approved_with_the_line_that_says_so(
    document: Document, people: People
) -> None:
    pair = write_pair(
        document, question="How many retries are made?", answer="9 times", by=people.writer
    )
    assert (pair.origin, pair.review, pair.author) == ("written", "approved", people.writer)
    assert pair.evidence == "A failed delivery is retried at most **9 times**."
    event = AuditEvent.objects.get(actor=people.writer, verb="wrote a pair")
    assert (event.document, event.detail) == (document, "How many retries are made?")


def test_written_pair_may_answer_in_other_words_than_its_evidence(
    document: Document, people: People
) -> None:
    pair = write_pair(
        document,
        question="Is there a limit to retries?",
        answer="Yes",
        evidence="retried at most 9 times",
        by=people.writer,
    )
    assert pair.review == QAPair.Review.APPROVED


@pytest.mark.parametrize(
    ("question", "answer", "evidence", "id"),
    [
        (" ", "9", "", "empty-pair"),
        ("How many?", " ", "", "empty-pair"),
        ("How many retries?", "11", "", "no-evidence"),
        ("How many retries?", "9", "retried 9 times", "no-evidence"),
    ],
)
def test_pair_that_cannot_be_kept_is_refused(
    document: Document, people: People, question: str, answer: str, evidence: str, id: str
) -> None:
    with pytest.raises(UserError) as raised:
        write_pair(document, question=question, answer=answer, evidence=evidence, by=people.writer)
    assert raised.value.id == id
    assert not QAPair.objects.exists()


def test_pair_is_not_written_twice(document: Document, people: People) -> None:
    write_pair(document, question="How many retries?", answer="9", by=people.writer)
    with pytest.raises(UserError) as raised:
        write_pair(document, question="how many retries?", answer="9", by=people.writer)
    assert raised.value.id == "duplicate-pair"


# --- Corrections ----------------------------------------------------------------------------------


def corrected(
    people: People, documents: Sequence[Document], correction: str, *, by: User | None = None
) -> Feedback:
    asker = by or people.engineer
    query = Query.objects.create(user=asker, text="How many retries are there?")
    answer = an_answer(query, route=Answer.Route.RAG, reason="", text="7")
    for rank, document in enumerate(documents, start=1):
        chunk = document.versions.get().chunks.order_by("position")[0]
        answer.citations.create(chunk=chunk, rank=rank, supports=rank == 1)
    return Feedback.objects.create(answer=answer, verdict="down", correction=correction)


def test_correction_waits_for_review_with_the_line_that_says_it(
    document: Document, people: People
) -> None:
    pair = add_correction(corrected(people, [document], "9 times"))
    assert pair is not None
    assert (pair.origin, pair.review, pair.author) == ("feedback", "pending", people.engineer)
    assert (pair.question, pair.answer) == ("How many retries are there?", "9 times")
    assert pair.evidence == "A failed delivery is retried at most **9 times**."


def test_correction_goes_to_the_cited_document_that_says_it(
    wiki: Collection, document: Document, people: People
) -> None:
    other = publish(wiki, "other.md", [passage("Boats have berths.")]).document
    pair = add_correction(corrected(people, [other, document], "9 times"))
    assert pair is not None
    assert pair.document == document


def test_correction_that_no_document_says_waits_without_evidence(
    document: Document, people: People
) -> None:
    pair = add_correction(corrected(people, [document], "It depends on the plan."))
    assert pair is not None
    assert (pair.review, pair.problem, pair.content_hash) == ("pending", "no-evidence", "")


def test_second_correction_replaces_the_first(document: Document, people: People) -> None:
    feedback = corrected(people, [document], "30 times")
    add_correction(feedback)
    feedback.correction = "9 times"
    add_correction(feedback)
    assert [pair.answer for pair in QAPair.objects.all()] == ["9 times"]
    feedback.correction = ""
    assert add_correction(feedback) is None
    assert not QAPair.objects.exists()


def test_correction_that_is_taken_back_frees_what_it_contradicted(
    document: Document, people: People
) -> None:
    first = corrected(people, [document], "30 seconds")
    add_correction(first)
    other = add_correction(corrected(people, [document], "9 times", by=people.writer))
    assert other is not None
    assert other.problem == "conflict"
    first.correction = ""
    add_correction(first)
    other.refresh_from_db()
    assert (other.problem, other.review) == ("", "pending")


def test_correction_of_an_answer_without_citations_is_no_pair(people: People) -> None:
    assert add_correction(corrected(people, [], "9 times")) is None


def test_correction_does_not_stop_what_is_approved(document: Document, people: People) -> None:
    import_pairs(document, [line("How many retries are there?")])
    pair = add_correction(corrected(people, [document], "30 seconds"))
    assert pair is not None
    assert (pair.review, pair.problem) == ("pending", "conflict")
    assert [pair.answer for pair in QAPair.objects.trainable()] == ["9"]
