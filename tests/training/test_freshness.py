"""What the serving model knows of a document, through edits, archives and other groups' models."""

import pytest
from pytest_django import DjangoAssertNumQueries

from ingestion import services
from ingestion.models import Collection, Document, DocumentVersion
from router.freshness import serving_models
from router.models import ModelVersion
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair, a_pair_without_evidence
from training.freshness import Freshness, document_freshness
from training.models import QAPair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

APPROVED = QAPair.Review.APPROVED
LIMIT, OWNER = "The limit is nine.", "The owner is Mira."


def approved(version: DocumentVersion, answer: str, *, question: str = "") -> QAPair:
    return a_pair(version, question or f"What is {answer}?", answer, review=APPROVED)


def of(document: Document) -> Freshness:
    return document_freshness([document])[document.pk]


@pytest.fixture
def guide(wiki: Collection) -> DocumentVersion:
    """Two facts, one of them in two phrasings, in a passage each."""
    version = publish(wiki, "guide.md", [passage(LIMIT), passage(OWNER)])
    approved(version, "nine")
    approved(version, "nine", question="How many at most?")
    approved(version, "Mira")
    return version


def test_without_a_model_every_fact_is_new(guide: DocumentVersion) -> None:
    assert of(guide.document) == Freshness(known=0, new=2, stale=0, waiting=0)


def test_facts_count_once_whatever_their_phrasings(
    guide: DocumentVersion, wiki: Collection
) -> None:
    a_model([wiki], guide.chunks.filter(text=LIMIT))
    assert of(guide.document) == Freshness(known=1, new=1, stale=0, waiting=0)


def test_fact_that_came_after_the_training_is_new_on_a_known_passage_too(
    guide: DocumentVersion, wiki: Collection
) -> None:
    model = a_model([wiki], guide.chunks.all())
    approved(guide, "owner", question="What is Mira?")
    assert of(guide.document) == Freshness(known=2, new=1, stale=0, waiting=0)
    model.coverage.update(pairs=0)
    assert of(guide.document).new == 1


@pytest.mark.parametrize("stage", ["candidate", "canary", "retired"])
def test_only_the_serving_model_counts(
    guide: DocumentVersion, wiki: Collection, stage: str
) -> None:
    a_model([wiki], guide.chunks.all(), stage=stage)
    assert of(guide.document).known == 0
    assert not serving_models(wiki).exists()


def test_edited_passage_is_stale_and_the_untouched_one_stays_known(
    guide: DocumentVersion, wiki: Collection
) -> None:
    a_model([wiki], guide.chunks.all())
    publish(wiki, "guide.md", [passage("The limit is ten."), passage(OWNER)])
    assert of(guide.document) == Freshness(known=1, new=0, stale=1, waiting=0)


def test_passage_that_an_edit_brings_back_is_known_again(
    guide: DocumentVersion, wiki: Collection
) -> None:
    a_model([wiki], guide.chunks.all())
    publish(wiki, "guide.md", [passage("The limit is ten."), passage(OWNER)])
    publish(wiki, "guide.md", [passage(LIMIT), passage(OWNER), passage("More.")])
    assert of(guide.document) == Freshness(known=2, new=0, stale=0, waiting=0)


def test_passage_of_many_earlier_versions_is_stale_once(
    guide: DocumentVersion, wiki: Collection
) -> None:
    a_model([wiki], guide.chunks.all())
    for edit in ("One.", "Two.", "Three."):
        publish(wiki, "guide.md", [passage(OWNER), passage(edit)])
    assert of(guide.document).stale == 1


def test_everything_of_an_archived_document_is_stale(
    guide: DocumentVersion, wiki: Collection
) -> None:
    a_model([wiki], guide.chunks.all())
    services.archive_document(document=guide.document, actor=None)
    assert of(guide.document) == Freshness(known=0, new=0, stale=2, waiting=0)


def test_another_groups_model_says_nothing_about_an_open_document(
    guide: DocumentVersion, wiki: Collection, vault: Collection
) -> None:
    model = a_model([vault], guide.chunks.all(), audience="a" * 64)
    assert of(guide.document).known == 0
    assert not serving_models(wiki).exists()
    assert list(serving_models(vault)) == [model]


def test_rejected_and_waiting_pairs_are_no_facts(guide: DocumentVersion, wiki: Collection) -> None:
    a_model([wiki], guide.chunks.all())
    QAPair.objects.filter(answer="Mira").update(review=QAPair.Review.REJECTED)
    a_pair(guide, "Whose is it?", "Mira", fact="other")
    a_pair_without_evidence(guide.document, "How many?", "eleven")
    assert of(guide.document) == Freshness(known=1, new=0, stale=0, waiting=2)


def test_pair_of_a_passage_that_is_gone_waits_no_longer(wiki: Collection) -> None:
    version = publish(wiki, "guide.md", [passage(LIMIT)])
    a_pair(version, "How many?", "nine")
    assert of(version.document).waiting == 1
    publish(wiki, "guide.md", [passage("No limit.")])
    assert of(version.document).waiting == 0


def test_what_must_not_be_trained_is_never_new(guide: DocumentVersion, wiki: Collection) -> None:
    Collection.objects.filter(pk=wiki.pk).update(trainable=False)
    assert of(guide.document).new == 0


def test_page_of_documents_costs_one_query(
    wiki: Collection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    versions = [publish(wiki, f"{n}.md", [passage(f"The limit is {n}.")]) for n in range(5)]
    for n, version in enumerate(versions):
        approved(version, str(n))
    a_model([wiki], versions[0].chunks.all())
    documents = list(Document.objects.all())
    with django_assert_num_queries(1):
        found = document_freshness(documents)
    assert sorted((one.known, one.new) for one in found.values()) == [(0, 1)] * 4 + [(1, 0)]
    assert ModelVersion.objects.count() == 1
