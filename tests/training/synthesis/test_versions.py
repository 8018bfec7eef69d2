"""What becomes of mined pairs when documents change, and when people have touched them."""

import itertools
import json
from functools import partial

import pytest

from ingestion import services
from ingestion.chunking import ChunkDraft, ChunkKind
from ingestion.models import Collection, Document, DocumentVersion
from tests.documents import passage, publish
from tests.ingestion.interleaving import interleave
from tests.people import People
from training import tasks
from training.imports import import_pairs
from training.models import MinedVersion, QAPair
from training.review import edit, reject
from training.synthesis.versions import mine_version, mine_waiting, unmined

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

BERTHS = "Setting: Berth limit; Value: 14\nSetting: Mooring fee; Value: 230 EUR"
HOURS = "Setting: Opening time; Value: 05:40\nSetting: Night guard; Value: Ines Holm"


def table(text: str, *headings: str) -> ChunkDraft:
    return passage(text, *headings, kind=ChunkKind.TABLE)


def serve(collection: Collection, *drafts: ChunkDraft, path: str = "quay.md") -> DocumentVersion:
    return publish(collection, path, drafts, title="Quay handbook")


def answers(document: Document) -> set[str]:
    return set(
        QAPair.objects.trainable().filter(document=document).values_list("answer", flat=True)
    )


def test_served_version_is_mined_once(wiki: Collection) -> None:
    version = serve(wiki, table(BERTHS))
    mined = mine_version(version.pk)
    assert mined.new == QAPair.objects.trainable().count() >= 6
    assert answers(version.document) == {"14", "230 EUR"}
    assert mine_version(version.pk).new == 0
    assert not unmined().exists()


def test_mined_pair_is_tied_to_its_row(wiki: Collection) -> None:
    version = serve(wiki, table(BERTHS))
    mine_version(version.pk)
    text = version.chunks.get().text
    for pair in QAPair.objects.all():
        assert text[pair.start : pair.end] == pair.evidence
        assert pair.answer in pair.evidence


def test_questions_for_one_value_are_one_fact(wiki: Collection) -> None:
    mine_version(serve(wiki, table(BERTHS)).pk)
    facts = QAPair.objects.order_by().values_list("answer", "fact_id").distinct()
    assert len(facts) == 2


def test_mining_again_as_if_it_had_been_killed_doubles_nothing(wiki: Collection) -> None:
    version = serve(wiki, table(BERTHS))
    mine_version(version.pk)
    before = QAPair.objects.count()
    MinedVersion.objects.all().delete()
    assert mine_version(version.pk).new == 0
    assert QAPair.objects.count() == before


def test_unchanged_passage_keeps_its_pairs_through_a_new_version(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS, "Berths"), table(HOURS, "Hours")).document
    mine_waiting()
    kept = set(QAPair.objects.filter(answer="14").values_list("pk", flat=True))
    serve(wiki, table(BERTHS, "Berths"), table(HOURS.replace("05:40", "06:15"), "Hours"))
    mine_waiting()
    assert answers(document) == {"14", "230 EUR", "06:15", "Ines Holm"}
    assert set(QAPair.objects.live().filter(answer="14").values_list("pk", flat=True)) == kept


def test_pair_moves_to_the_changed_passage_that_says_the_same(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS)).document
    mine_waiting()
    before = set(QAPair.objects.filter(answer="14").values_list("pk", flat=True))
    serve(wiki, table(BERTHS.replace("230", "250")))
    mine_waiting()
    assert answers(document) == {"14", "250 EUR"}
    assert set(QAPair.objects.live().filter(answer="14").values_list("pk", flat=True)) == before


def test_restored_version_brings_its_pairs_back(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS)).document
    mine_waiting()
    serve(wiki, table(BERTHS.replace("14", "18")))
    mine_waiting()
    assert answers(document) == {"18", "230 EUR"}
    serve(wiki, table(BERTHS))
    mine_waiting()
    assert answers(document) == {"14", "230 EUR"}


def test_what_reviewers_did_outlives_the_next_version(wiki: Collection, people: People) -> None:
    document = serve(wiki, table(BERTHS, "Berths"), table(HOURS, "Hours")).document
    mine_waiting()
    rejected, edited = QAPair.objects.filter(answer="14")[:2]
    reject([rejected], by=people.writer)
    edit(edited, question="How many berths may one guest book?", answer="14", by=people.writer)
    before = QAPair.objects.count()
    serve(wiki, table(BERTHS, "Berths"), table(HOURS.replace("05:40", "06:15"), "Hours"))
    mine_waiting()
    rejected.refresh_from_db()
    assert rejected.review == QAPair.Review.REJECTED
    times = QAPair.objects.filter(document=document, answer="06:15").count()
    assert QAPair.objects.count() == before + times


def test_imported_pair_and_mined_pair_of_one_value_are_one_fact(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS)).document
    row = {"query": "What does mooring cost?", "answer": "230 EUR", "context": "Mooring is 230 EUR"}
    import_pairs(document, [json.dumps(row)])
    mine_waiting()
    facts = QAPair.objects.filter(answer="230 EUR").values_list("fact_id", "origin").distinct()
    assert {origin for _, origin in facts} == {"imported", "mined"}
    assert len({fact for fact, _ in facts}) == 1


def test_question_that_was_imported_is_not_mined_again(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS)).document
    mine_waiting()
    question = QAPair.objects.filter(answer="14")[0].question
    QAPair.objects.all().delete()
    MinedVersion.objects.all().delete()
    import_pairs(document, [json.dumps({"query": question, "answer": "14"})])
    version = document.versions.get()
    assert mine_version(version.pk).duplicates == 1
    assert QAPair.objects.filter(question=question).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_turned", [False, True], ids=["", "turned"])
def test_line_is_kept_whatever_of_its_document_is_mined_meanwhile(
    wiki: Collection, is_turned: bool
) -> None:
    served = serve(wiki, table(BERTHS))
    mine_waiting()
    question = QAPair.objects.filter(answer="14")[0].question
    lines = [json.dumps({"query": question, "answer": "14"})]
    for place in itertools.count():
        QAPair.objects.all().delete()
        MinedVersion.objects.all().delete()
        verbs = partial(import_pairs, served.document, lines), partial(mine_version, served.pk)
        first, second = reversed(verbs) if is_turned else verbs
        is_within = interleave(first, second, place)
        origins = list(QAPair.objects.filter(question=question).values_list("origin", flat=True))
        assert origins == ["imported"], f"before statement {place}"
        if not is_within:
            break


def test_mined_pair_waits_when_an_imported_one_says_otherwise(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS), passage("Since May the berth limit is 15.")).document
    mine_waiting()
    question = QAPair.objects.filter(answer="14")[0].question
    row = {"query": question, "answer": "15", "context": "Since May the berth limit is 15."}
    import_pairs(document, [json.dumps(row)])
    states = QAPair.objects.filter(question=question).values_list("origin", "review", "problem")
    assert set(states) == {("imported", "approved", ""), ("mined", "pending", "conflict")}


def test_marketing_archived_and_untrainable_documents_are_not_mined(wiki: Collection) -> None:
    launch = serve(wiki, table(BERTHS), path="launch.md").document
    services.edit_document(document=launch, actor=None, doc_type="marketing")
    gone = serve(wiki, table(BERTHS), path="gone.md").document
    services.archive_document(document=gone, actor=None)
    kept_out = Collection.objects.create(slug="out", name="Out", trainable=False)
    serve(kept_out, table(BERTHS))
    mine_waiting()
    assert not QAPair.objects.exists()


def test_version_that_is_not_served_any_more_is_left_alone(wiki: Collection) -> None:
    old = serve(wiki, table(BERTHS))
    serve(wiki, table(HOURS))
    assert mine_version(old.pk).new == 0
    assert not QAPair.objects.exists()


def test_document_without_facts_is_done_with(wiki: Collection) -> None:
    serve(wiki, passage("Welcome aboard."))
    mine_waiting()
    assert not unmined().exists()
    assert MinedVersion.objects.get().pairs == 0


def test_sweep_finds_what_a_lost_message_left(wiki: Collection) -> None:
    version = serve(wiki, table(BERTHS))
    tasks.mine_waiting()
    assert MinedVersion.objects.get().version == version


def test_two_versions_one_after_the_other_end_with_the_newest(wiki: Collection) -> None:
    document = serve(wiki, table(BERTHS)).document
    newest = serve(wiki, table(BERTHS.replace("14", "18")))
    mine_waiting()
    assert answers(document) == {"18", "230 EUR"}
    assert mine_version(newest.pk).new == 0
