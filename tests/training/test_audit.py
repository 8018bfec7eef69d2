"""Wrong answers, sorted by where a real search finds the passage with the right one."""

from collections.abc import Callable, Container
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from ingestion import services
from ingestion.errors import UserError
from ingestion.models import Collection, DocumentVersion
from router import retrieval
from router.models import Answer, Feedback, ModelVersion, Query
from router.policy import Rule
from router.prompts import MAX_PASSAGES
from router.quoting import MOST_LIKELY
from router.services import SHOWN_PASSAGES
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair, an_answer
from tests.people import People
from tests.router.retrieval.hashed_words import HashedWords
from training import buckets, runs
from training.audit import FOUND, audit, findings
from training.models import AuditedError, Evaluation, EvaluationItem, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]

Bucket, Unsorted = AuditedError.Bucket, AuditedError.Unsorted


def asked(subject: str) -> str:
    return f"Which port has the {subject}?"


ASKED = asked("crane")


@pytest.fixture
def guide(wiki: Collection) -> DocumentVersion:
    return published(wiki, "ports.md")


def published(
    collection: Collection, path: str, closer: int = 0, subject: str = "crane"
) -> DocumentVersion:
    """A document that answers `asked(subject)` below `closer` passages that sound more like it."""
    right = passage(f"The {subject} has the port 7000.", subject)
    louder = f"Which port? Which {subject} has it? {subject} port"
    others = [passage(f"{louder} {number}.", str(number)) for number in range(closer)]
    version = publish(collection, path, [right, *others], title=path)
    retrieval.index_version(version)
    return version


def version_of(item: EvaluationItem) -> DocumentVersion:
    return DocumentVersion.objects.served().get(document=item.document)


def an_evaluation(
    collection: Collection, system: str = "rag", model: ModelVersion | None = None
) -> Evaluation:
    """Of the run of a model that serves."""
    model = model or a_model([collection], [])
    run = runs.request(collections=[collection], by=None, enqueue=False)
    TrainingRun.objects.filter(pk=run.pk).update(model=model)
    return Evaluation.objects.create(run=run, system=system)


def an_item(
    evaluation: Evaluation,
    version: DocumentVersion,
    *expected: str,
    asked: str = ASKED,
    fact: str = "crane",
    correct: bool = False,
) -> EvaluationItem:
    return EvaluationItem.objects.create(
        evaluation=evaluation,
        number=evaluation.items.count(),
        document=version.document,
        fact_id=fact if expected else "",
        kind="recall" if expected else "refusal",
        domain=version.document.collection.slug,
        question=asked,
        expected=list(expected),
        answer="7001",
        correct=correct,
        token_f1=0,
        refused=False,
        ms=1,
    )


def thumbs_down(user: User, correction: str = "", *, asked: str = ASKED, **values: Any) -> Feedback:
    query = Query.objects.create(user=user, text=asked)
    answer = an_answer(query, **({"route": "rag"} | values))
    return Feedback.objects.create(answer=answer, verdict="down", correction=correction)


# --- Evaluations -------------------------------------------------------------------------------


def test_wrong_answer_is_sorted_by_the_place_of_its_passage(wiki: Collection) -> None:
    expected: dict[str, tuple[int, str, Container[int | None]]] = {
        "crane": (0, Bucket.MODEL, range(1, MAX_PASSAGES + 1)),
        "gate": (8, Bucket.RANKING, range(MAX_PASSAGES + 1, FOUND + 1)),
        "scale": (30, Bucket.RETRIEVAL, [None]),
    }
    evaluation = an_evaluation(wiki)
    for subject, (closer, _, _) in expected.items():
        version = published(wiki, f"{subject}.md", closer, subject)
        a_pair(version, asked(subject), "7000", fact=subject)
        an_item(evaluation, version, "7000", asked=asked(subject), fact=subject)
    assert audit().errors == {"retrieval": 1, "ranking": 1, "model": 1}
    for error in AuditedError.objects.select_related("item__document", "chunk"):
        assert error.item is not None
        _, bucket, ranks = expected[error.item.fact_id]
        assert error.bucket == bucket
        assert error.rank in ranks
        assert error.chunk == version_of(error.item).chunks.get(position=0)
        assert (error.collection, error.at) == (wiki, evaluation.created_at)


def test_passage_that_no_longer_fits_into_the_context_is_ranked_too_low(wiki: Collection) -> None:
    long = [passage(f"{n} {ASKED * 80}") for n in range(3)]
    right = passage("The crane has the port 7000.", "crane")
    version = publish(wiki, "ports.md", [right, *long])
    retrieval.index_version(version)
    a_pair(version, ASKED, "7000", fact="crane")
    an_item(an_evaluation(wiki), version, "7000")
    audit()
    error = AuditedError.objects.get()
    assert (error.bucket, error.rank) == (Bucket.RANKING, 4)


def test_sentence_below_those_that_are_read_is_ranked_too_low(
    people: People, wiki: Collection, embedder: HashedWords, settings: Settings
) -> None:
    berths = " ".join(f"The crane has the berth {number}." for number in range(MOST_LIKELY))
    right = "The crane has the port 7000."
    version = publish(wiki, "ports.md", [passage(f"{berths} {right}", "crane")])
    retrieval.index_version(version)
    a_pair(version, ASKED, "7000", evidence=f"{berths} {right}", fact="crane")
    an_item(an_evaluation(wiki), version, "7000")
    thumbs_down(people.engineer, "7000")
    scores: list[tuple[buckets.Bucket, Callable[[str], float]]] = [
        ("ranking", lambda text: 0.01 if "7000" in text else 0.9),
        ("model", lambda text: 0.99 if "7000" in text else 0.01),
        ("model", lambda _: 1e-4),  # it may be sure
    ]
    for bucket, relevance in scores:
        embedder.relevance = relevance
        assert audit().errors[bucket] == 2
        assert set(AuditedError.objects.values_list("rank", flat=True)) == {1}
    # A company's own reader does not tell how sure it is, and is not asked then.
    settings.LLM_URL = "http://models.example.com/v1"
    assert audit().errors["ranking"] == 2


def test_question_about_several_things_is_read_whole(
    people: People, guide: DocumentVersion, embedder: HashedWords
) -> None:
    embedder.relevance = lambda text: 0.01 if "7000" in text else 0.9
    berths = [f"The crane has the berth {number}." for number in range(MOST_LIKELY)]
    version = publish(guide.document.collection, "berths.md", [passage(" ".join(berths), "crane")])
    retrieval.index_version(version)
    given = thumbs_down(people.engineer, "7000")
    assert audit().errors["ranking"] == 1
    Answer.objects.update(signals={"decision": {"rule": Rule.SEVERAL}})
    assert audit().errors["model"] == 1
    assert AuditedError.objects.get().feedback == given


def test_passages_behind_the_first_are_read_where_these_hold_nothing_likely(
    wiki: Collection, embedder: HashedWords
) -> None:
    version = published(wiki, "ports.md", closer=SHOWN_PASSAGES - 2)
    a_pair(version, ASKED, "7000", fact="crane")
    an_item(an_evaluation(wiki), version, "7000")
    embedder.relevance = lambda text: 0.99 if "7000" in text else 0.01
    assert audit().errors["model"] == 1
    embedder.relevance = lambda text: 0.99 if "port 0" in text else 0.01
    assert audit().errors["ranking"] == 1
    assert AuditedError.objects.get().rank in range(MAX_PASSAGES + 1, SHOWN_PASSAGES + 1)


def test_tuned_model_is_held_against_all_passages_that_are_shown(wiki: Collection) -> None:
    version = published(wiki, "ports.md", closer=SHOWN_PASSAGES - 2)
    a_pair(version, ASKED, "7000", fact="crane")
    read = an_evaluation(wiki)
    an_item(read, version, "7000")
    an_item(Evaluation.objects.create(run=read.run, system="tuned"), version, "7000")
    found = audit()
    assert (found.errors["model"], found.of_tuned, found.errors["ranking"]) == (1, 1, 1)


def test_right_answers_and_other_models_are_left_alone(
    wiki: Collection, guide: DocumentVersion
) -> None:
    a_pair(guide, ASKED, "7000", fact="crane")
    serving = an_evaluation(wiki)
    an_item(serving, guide, "7000", correct=True)
    retired = a_model([wiki], [], stage=ModelVersion.Stage.RETIRED)
    an_item(an_evaluation(wiki, model=retired), guide, "7000")
    before_it = Evaluation.objects.create(run=serving.run, system=Evaluation.System.SERVING)
    an_item(before_it, guide, "7000")
    audit()
    assert not AuditedError.objects.exists()


def test_statement_about_what_is_documented_nowhere_lies_with_the_model(
    wiki: Collection, guide: DocumentVersion
) -> None:
    an_item(an_evaluation(wiki, "tuned"), guide)
    found = audit()
    assert (found.errors["model"], found.of_tuned) == (1, 1)
    assert AuditedError.objects.get().chunk is None


def test_statement_that_the_check_stops_is_no_error(
    wiki: Collection, guide: DocumentVersion
) -> None:
    an_item(an_evaluation(wiki, "tuned"), guide)
    EvaluationItem.objects.update(shown=True)
    assert audit().errors["model"] == 1
    EvaluationItem.objects.update(shown=False)
    assert audit().errors["model"] == 0
    assert not AuditedError.objects.exists()


def test_reader_that_was_wrong_is_no_tuned_model(
    people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    an_item(an_evaluation(wiki), guide)
    for route in ("rag", "refused", "tuned"):
        thumbs_down(people.engineer, "7000", route=route)
    found = audit()
    assert (found.errors["model"], found.of_tuned) == (4, 1)


def test_passage_that_was_edited_since_sorts_nothing(
    wiki: Collection, guide: DocumentVersion
) -> None:
    a_pair(guide, ASKED, "7000", fact="crane")
    an_item(an_evaluation(wiki), guide, "7000")
    publish(wiki, "ports.md", [passage("The crane has the port 8000.", "Crane")])
    assert audit().unsorted == {"the passage has changed since": 1}


def test_evaluation_is_searched_with_the_rights_of_the_models_readers(
    vault: Collection, wiki: Collection
) -> None:
    version = published(vault, "codes.md")
    a_pair(version, ASKED, "7000", fact="crane")
    security = vault.readers.get()
    for readers in ([security.pk], []):
        ModelVersion.objects.all().delete()
        model = a_model([vault], [])
        ModelVersion.objects.filter(pk=model.pk).update(readers={str(vault.pk): readers})
        an_item(an_evaluation(vault, model=model), version, "7000")
        audit()
        error = AuditedError.objects.order_by("-pk")[0]
        assert error.bucket == (Bucket.MODEL if readers else Bucket.RETRIEVAL)
    assert not get_user_model().objects.exists()


def test_model_that_nobody_reads_just_so_is_counted_and_not_sorted(vault: Collection) -> None:
    version = published(vault, "codes.md")
    groups = [vault.readers.get(), Group.objects.create(name="keepers")]
    for group in groups:
        Collection.objects.create(slug=group.name, name=group.name).readers.add(group)
    vault.readers.set(groups)
    model = a_model([vault], [])
    readers = {str(vault.pk): [group.pk for group in groups]}
    ModelVersion.objects.filter(pk=model.pk).update(readers=readers)
    an_item(an_evaluation(vault, model=model), version, "7000")
    assert audit().unsorted == {Unsorted.NO_READER.label: 1}


# --- Feedback ----------------------------------------------------------------------------------


def test_thumbs_down_is_sorted_by_the_passage_that_says_the_correction(
    people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    for correction in ("7000", "It is port 7000.", "The crane has the port 7000."):
        thumbs_down(people.engineer, correction)
    audit()
    for error in AuditedError.objects.all():
        assert (error.bucket, error.rank) == (Bucket.MODEL, 1)
        assert (error.chunk, error.collection) == (guide.chunks.get(), wiki)
    assert AuditedError.objects.count() == 3


def test_follow_up_is_looked_for_as_it_was_understood(
    people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    published(wiki, "gates.md", MAX_PASSAGES, "gate")
    thumbs_down(people.engineer, "7000", asked="And which port?", signals={"question": ASKED})
    audit()
    error = AuditedError.objects.get()
    assert (error.bucket, error.rank) == (Bucket.MODEL, 1)
    assert error.chunk == guide.chunks.get()


def test_correction_is_sought_where_the_asker_may_read(people: People, vault: Collection) -> None:
    published(vault, "codes.md")
    thumbs_down(people.engineer, "7000")
    thumbs_down(people.reader, "7000")
    found = audit()
    assert (found.errors["model"], found.unsorted) == (1, {Unsorted.NOT_SAID.label: 1})


def test_thumbs_down_without_a_right_answer_is_counted_and_said_so(
    people: People, guide: DocumentVersion
) -> None:
    thumbs_down(people.engineer)
    thumbs_down(people.engineer, "9999")
    up = thumbs_down(people.engineer, "7000")
    Feedback.objects.filter(pk=up.pk).update(verdict="up")
    old = thumbs_down(people.engineer, "7000")
    before = timezone.now() - AuditedError.RECENT * 1.01
    Feedback.objects.filter(pk=old.pk).update(given_at=before)
    found = audit()
    assert found.unsorted == {Unsorted.NO_CORRECTION.label: 1, Unsorted.NOT_SAID.label: 1}
    assert sum(found.errors.values()) == 0


# --- Again, and what is kept -------------------------------------------------------------------


def test_audit_done_again_says_the_same_or_what_has_changed(
    people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    a_pair(guide, ASKED, "7000", fact="crane")
    an_item(an_evaluation(wiki), guide, "7000")
    given = thumbs_down(people.engineer, "7000")
    first, kept = audit(), set(AuditedError.objects.values_list("pk", "bucket"))
    second = audit()
    assert (second.errors, set(AuditedError.objects.values_list("pk", "bucket"))) == (
        first.errors,
        kept,
    )
    Feedback.objects.filter(pk=given.pk).update(verdict="up")
    services.archive_document(document=guide.document, actor=None)
    assert audit().unsorted == {Unsorted.CHANGED.label: 1}
    assert AuditedError.objects.count() == 1


def test_what_a_former_model_got_wrong_is_kept_but_advises_nothing(
    wiki: Collection, guide: DocumentVersion
) -> None:
    an_item(an_evaluation(wiki), guide)
    assert audit().errors["model"] == 1
    ModelVersion.objects.update(stage=ModelVersion.Stage.RETIRED)
    assert (audit().errors["model"], AuditedError.objects.count()) == (0, 1)


def test_audit_refuses_to_guess_by_words_alone(
    people: People, guide: DocumentVersion, settings: Settings
) -> None:
    thumbs_down(people.engineer, "7000")
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(UserError, match="embedding server"):
        audit()
    assert not AuditedError.objects.exists()


def test_findings_are_one_query_and_say_when_there_were_none(
    people: People, guide: DocumentVersion
) -> None:
    assert findings().audited_at is None
    for _ in range(3):
        thumbs_down(people.engineer, "7000")
    audit()
    with CaptureQueriesContext(connection) as queries:
        found = findings()
    assert (len(queries), found.errors["model"]) == (1, 3)
    assert found.audited_at is not None
    assert "3 errors could be sorted" in found.advice


def test_row_that_explains_nothing_is_refused(people: People) -> None:
    good: dict[str, Any] = {"feedback": thumbs_down(people.engineer), "at": timezone.now()}
    wrong: list[dict[str, Any]] = [
        {"bucket": "unsorted"},
        {"bucket": "retrieval"},
        {"bucket": "ranking", "rank": 5},
        {"bucket": "model", "unsorted": "not-said"},
        {"bucket": "model", "feedback": None},
        {"bucket": "model", "rank": 0},
    ]
    for values in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            AuditedError.objects.create(**good | values)
    AuditedError.objects.create(**good, bucket="unsorted", unsorted="not-said")
