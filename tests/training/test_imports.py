import json

import pytest

from ingestion import services
from ingestion.models import Collection, Document
from tests.documents import passage, publish, upload
from tests.people import People
from training.imports import import_pairs
from training.models import QAPair
from training.review import reject

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

RETRIES = "A failed delivery is retried at most **9 times**. The first retry waits 30 seconds."
QUOTED = "A failed delivery is retried at most 9 times."
WHOLE = RETRIES.replace("*", "")
RATES = "Name: burst; Limit: 40 per second\nName: sustained; Limit: 9 per second"


@pytest.fixture
def document(wiki: Collection) -> Document:
    return publish(wiki, "guide.md", [passage(RETRIES, "Retries"), passage(RATES)]).document


def line(query: str, answer: str = "9", context: str = QUOTED) -> str:
    return json.dumps({"query": query, "answer": answer, "context": context})


def test_pairs_are_stored_once(document: Document) -> None:
    lines = [line("How many retries?"), line("how many   retries?"), line("Retry limit?"), ""]
    assert import_pairs(document, lines).created == 2
    assert import_pairs(document, lines).created == 0
    assert QAPair.objects.count() == 2


@pytest.mark.parametrize(
    "broken",
    [
        *("{", "[]", "3", '{"query": "Q"}', '{"query": " ", "answer": "A"}', '"text"'),
        *('{"answer": 1}', '{"query": "Q", "answer": null}', '{"query": "Q", "answer": ["9"]}'),
        *('{"query": null, "answer": "9"}', '{"query": "Q", "answer": true}'),
        *('{"query": "Q", "answer": NaN}', '{"query": "Q", "answer": "9", "context": ["9"]}'),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_broken_line_is_named_and_the_others_are_kept(document: Document, broken: str) -> None:
    result = import_pairs(document, [line("How many?"), broken, line("Which limit?")])
    assert result.created == 2
    assert [number for number, _reason in result.failed] == [2]


def test_number_is_an_answer(document: Document) -> None:
    row = {"query": "How many retries?", "answer": 9, "context": QUOTED}
    assert import_pairs(document, [json.dumps(row)]).created == 1
    assert QAPair.objects.get().answer == "9"


def test_no_lines_are_no_pairs(document: Document) -> None:
    assert import_pairs(document, []).created == 0


def test_question_may_be_named_so(document: Document) -> None:
    row = {"question": "How many retries?", "answer": "9", "context": QUOTED}
    assert import_pairs(document, [json.dumps(row)]).created == 1


def test_sentence_that_names_the_document_does_not_outdo_the_row_that_is_asked_for(
    wiki: Collection,
) -> None:
    about = passage("Magpie Ridge is a lift with 6 seats.")
    rows = passage("What: Towers; How much: 17\nWhat: Chairs; How much: 84", "Figures")
    lift = publish(wiki, "lift.md", [about, rows], title="Magpie Ridge: line sheet").document
    import_pairs(lift, [line("How many towers does Magpie Ridge have?", "17", "")])
    assert QAPair.objects.get().evidence == "What: Towers; How much: 17"


def test_imported_pair_is_tied_to_its_words_through_markup(document: Document) -> None:
    import_pairs(document, [line("How many retries?", context="retried at\n most 9 `times`.")])
    pair = QAPair.objects.live().get()
    text = document.versions.get().chunks.get(content_hash=pair.content_hash).text
    assert text[pair.start : pair.end] == pair.evidence == "retried at most **9 times**."
    assert pair.review == QAPair.Review.APPROVED


def test_imported_pair_is_tied_to_a_line_whose_dots_became_a_colon(wiki: Collection) -> None:
    relay = publish(wiki, "relay.txt", [passage("uplink port: 7444\nwritten in: Rust")]).document
    led = line("Which port?", "7444", "uplink port ............ 7444")
    import_pairs(relay, [led])
    assert QAPair.objects.live().get().evidence == "uplink port: 7444"


def test_answer_may_say_a_number_in_another_way_than_its_evidence(document: Document) -> None:
    waits = "The first retry waits 30 seconds."
    import_pairs(document, [line("How long is the first wait?", "half a minute", waits)])
    import_pairs(document, [line("What is the first wait?", "0.5 min", waits)])
    assert QAPair.objects.trainable().count() == 2


@pytest.mark.parametrize(
    ("answer", "stands"),
    [("APP_", True), ("_hidden", True), ("APP", True), ("MODE", False), ("APP_MODE", True)],
)
def test_answer_may_end_in_an_underscore(wiki: Collection, answer: str, *, stands: bool) -> None:
    text = "Variables begin with the prefix `APP_`, such as `APP_MODE`; `_hidden` is not read."
    document = publish(wiki, "guide.md", [passage(text)]).document
    import_pairs(document, [line("What is the prefix of the variables?", answer, context="")])
    assert QAPair.objects.live().exists() == stands


def test_pair_without_context_is_tied_to_the_row_that_shares_most_words(
    document: Document,
) -> None:
    import_pairs(document, [line("What is the sustained limit?", "9 per second", "")])
    assert QAPair.objects.get().evidence == "Name: sustained; Limit: 9 per second"


def test_row_of_a_table_is_found_in_another_form(document: Document) -> None:
    import_pairs(document, [line("What is the burst limit?", "40", "| burst | 40 per second |")])
    assert QAPair.objects.get().evidence == "Name: burst; Limit: 40 per second"


@pytest.mark.parametrize(
    ("answer", "context"),
    [
        ("15", "A failed delivery is retried at most 15 times."),
        ("9", "Each user has at most 9 sessions."),
        ("11", QUOTED),
        ("3", ""),
    ],
)
def test_pair_that_the_document_does_not_bear_out_waits_and_is_told(
    document: Document, answer: str, context: str
) -> None:
    result = import_pairs(document, [line("How many sessions?", answer, context)])
    pair = QAPair.objects.get()
    assert (pair.review, pair.problem) == ("pending", "no-evidence")
    assert result.unproven == [(1, "the served version does not bear it out")]


def test_pairs_of_a_document_that_serves_nothing_wait(wiki: Collection) -> None:
    waiting = upload(wiki, "guide.md", RETRIES).document
    import_pairs(waiting, [line("How many retries?")])
    assert QAPair.objects.get().problem == "no-evidence"


def test_phrasings_of_one_fact_share_it(document: Document) -> None:
    import_pairs(
        document,
        [
            line("How many retries?", "9"),
            line("How often is a delivery retried?", "9 times", WHOLE),
            line("How long is the first wait?", "30 seconds", WHOLE),
        ],
    )
    facts = [pair.fact_id for pair in QAPair.objects.order_by("pk")]
    assert facts[0] == facts[1] != facts[2]


def test_phrasings_of_one_fact_are_tied_together(document: Document) -> None:
    said = "Whoever sends steadily may send this often: 9 per second."
    lines = [line(q, "9 per second", said) for q in ("How often?", "What is the sustained limit?")]
    import_pairs(document, lines)
    assert QAPair.objects.trainable().count() == 2
    assert QAPair.objects.values("fact_id").distinct().count() == 1


def test_same_line_again_ties_a_pair_whose_passage_changed(
    wiki: Collection, document: Document
) -> None:
    import_pairs(document, [line("How many retries?")])
    publish(wiki, "guide.md", [passage(RETRIES + " Then it is parked.", "Retries")])
    assert not QAPair.objects.live().exists()
    result = import_pairs(document, [line("How many retries?")])
    assert (result.created, result.retied) == (0, 1)
    assert QAPair.objects.live().get().review == QAPair.Review.APPROVED


def test_changed_answer_retires_the_old_pair_without_contradiction(
    wiki: Collection, document: Document
) -> None:
    import_pairs(document, [line("How many retries?")])
    publish(wiki, "guide.md", [passage(RETRIES.replace("9", "12"), "Retries")])
    import_pairs(document, [line("How many retries?", "12", QUOTED.replace("9", "12"))])
    assert [pair.answer for pair in QAPair.objects.trainable()] == ["12"]
    assert [pair.answer for pair in QAPair.objects.retired()] == ["9"]
    assert not QAPair.objects.filter(problem="conflict").exists()


def test_contradicting_lines_both_wait(document: Document) -> None:
    result = import_pairs(
        document, [line("How many retries?"), line("How many retries?", "30", WHOLE)]
    )
    assert result.conflicts == 2
    assert {(pair.review, pair.problem) for pair in QAPair.objects.all()} == {
        ("pending", "conflict")
    }


def test_what_the_document_does_not_bear_out_stops_nothing(document: Document) -> None:
    result = import_pairs(document, [line("How many retries?"), line("How many retries?", "77")])
    assert result.conflicts == 1
    assert [pair.answer for pair in QAPair.objects.trainable()] == ["9"]
    assert QAPair.objects.get(answer="77").problem == "conflict"


def test_contradiction_between_documents_of_a_collection_waits(
    wiki: Collection, document: Document
) -> None:
    other = publish(wiki, "old.md", [passage("A failed delivery is retried 5 times.")]).document
    import_pairs(document, [line("How many retries?")])
    import_pairs(other, [line("how many retries", "5", "is retried 5 times")])
    assert QAPair.objects.filter(problem="conflict").count() == 2
    services.archive_document(document=other, actor=None)
    import_pairs(document, [line("How many retries?")])
    assert [pair.answer for pair in QAPair.objects.trainable()] == ["9"]


def test_imported_line_takes_over_what_was_mined(document: Document) -> None:
    import_pairs(document, [line("How many retries?")])
    QAPair.objects.update(origin="mined")
    import_pairs(document, [line("How many retries?")])
    assert QAPair.objects.get().origin == "imported"


def test_rejected_pair_is_not_brought_back_by_its_line(document: Document, people: People) -> None:
    import_pairs(document, [line("How many retries?")])
    reject(QAPair.objects.all(), by=people.writer)
    import_pairs(document, [line("How many retries?")])
    assert QAPair.objects.get().review == QAPair.Review.REJECTED
