"""A synthesis with a teacher: counted, resumable, and never the same thing twice."""

import json
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from ingestion import services
from ingestion.models import Collection, Document
from tests.documents import passage, publish
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM, scripted_llm
from training.imports import import_pairs
from training.models import QAPair, SynthesisUnit
from training.review import approve
from training.synthesis import units
from training.synthesis.service import SynthesisReport, synthesise

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

HOLDS = "When all tries fail, the hold goes to the night desk."
KEYS = "Lost keys are handed to the harbour office."
HOLD = {
    "question": "Where does a hold go when all tries fail?",
    "answer": "the night desk",
    "evidence": HOLDS,
}


@pytest.fixture
def teacher(settings: Settings) -> Iterator[ScriptedLLM]:
    with scripted_llm() as script:
        settings.TEACHER_URL, settings.TEACHER_MODEL = script.url, "large"
        settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
        yield script


@pytest.fixture
def document(wiki: Collection) -> Document:
    return publish(wiki, "holds.md", [passage(HOLDS)], title="Holds").document


def reply(*pairs: object) -> str:
    return json.dumps({"pairs": pairs})


def run(collection: Collection) -> SynthesisReport:
    said: list[str] = []
    return synthesise(collection, progress=said.append)


def taught() -> list[str]:
    return sorted(QAPair.objects.filter(origin="teacher").values_list("question", flat=True))


def test_pairs_of_the_teacher_wait_for_review(
    teacher: ScriptedLLM, wiki: Collection, document: Document, people: People
) -> None:
    teacher.will_say(reply(HOLD))
    report = run(wiki)
    assert (report.teacher, report.failed) == (1, 0)
    pair = QAPair.objects.get(origin="teacher")
    assert (pair.review, pair.evidence, pair.document) == ("pending", HOLDS, document)
    assert pair.unit == SynthesisUnit.objects.get(state="done", pairs=1)
    assert approve([pair], by=people.writer).done == 1


def test_passage_is_asked_about_once(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    teacher.will_say(reply(HOLD))
    run(wiki)
    assert run(wiki).teacher == 1
    assert len(teacher.requests) == 1


def test_new_version_asks_about_changed_passages_only(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    teacher.will_say(reply())
    run(wiki)
    publish(wiki, "holds.md", [passage(HOLDS), passage(KEYS)], title="Holds")
    run(wiki)
    assert [KEYS in request["messages"][1]["content"] for request in teacher.requests] == [
        False,
        True,
    ]


def test_unit_that_fails_is_tried_again_and_told(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    teacher.will_say("no JSON", reply(HOLD))
    assert (run(wiki).teacher, SynthesisUnit.objects.get().attempts) == (1, 2)


def test_unit_that_fails_three_times_is_given_up_with_its_reason(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    teacher.will_say("no JSON")
    assert run(wiki).failed == 1
    unit = SynthesisUnit.objects.get()
    assert (unit.state, unit.attempts) == ("failed", 3)
    assert "something else than JSON" in unit.failure
    assert run(wiki).failed == 1
    assert len(teacher.requests) == 3


def test_passage_that_is_gone_has_not_failed(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    publish(wiki, "keys.md", [passage(KEYS)])
    teacher.will_say("no JSON")
    assert run(wiki).failed == 2
    publish(wiki, "holds.md", [passage("A hold goes to nobody.")], title="Holds")
    services.archive_document(document=Document.objects.get(path="keys.md"), actor=None)
    teacher.will_say(reply())
    assert run(wiki).failed == 0


def test_teacher_that_is_away_leaves_the_rest_for_the_next_time(
    teacher: ScriptedLLM, wiki: Collection
) -> None:
    drafts = [passage(f"Berth {number} is dry.", str(number)) for number in range(9)]
    publish(wiki, "berths.md", drafts)
    teacher.will_say(Reply((), status=503))
    assert run(wiki).failed == 4
    assert SynthesisUnit.objects.filter(state="queued", failure="").count() == 5
    before = asked(teacher)
    teacher.will_say(reply())
    assert run(wiki).failed == 0
    assert SynthesisUnit.objects.filter(state="done").count() == 9
    # The teacher may have died of one of those that failed, so they come last.
    assert not set(asked(teacher)[len(before) :][:4]) & set(before)


def asked(teacher: ScriptedLLM) -> list[str]:
    return [str(request["messages"][1]["content"]) for request in teacher.requests]


def test_passage_is_given_up_for_no_teacher_that_was_away(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    teacher.will_say(Reply((), status=503))
    for _ in range(units.MAX_ATTEMPTS):
        assert run(wiki).failed == 1
    assert SynthesisUnit.objects.get().attempts == 0
    teacher.will_say(reply(HOLD))
    assert run(wiki).teacher == 1


def test_one_bad_passage_stops_no_other(teacher: ScriptedLLM, wiki: Collection) -> None:
    publish(wiki, "keys.md", [passage(KEYS)])
    publish(wiki, "holds.md", [passage(HOLDS)])
    key = {"question": "Where do lost keys go?", "answer": "the harbour office", "evidence": KEYS}
    # Of the two passages read at once, one gets junk; which one is left to the threads.
    teacher.will_say("no JSON", reply(HOLD, key))
    assert run(wiki).failed == 0
    assert taught() == sorted([HOLD["question"], key["question"]])


class Killed(BaseException):
    """The end of the process, as far as the code can see it."""


def test_stopped_synthesis_goes_on_and_doubles_nothing(
    teacher: ScriptedLLM, wiki: Collection
) -> None:
    for number in range(6):
        publish(wiki, f"berth-{number}.md", [passage(f"Berth {number} is dry.")])
    teacher.will_say(reply())

    def stop(_message: str) -> None:
        raise Killed

    with pytest.raises(Killed):
        synthesise(wiki, progress=stop)
    assert SynthesisUnit.objects.filter(state="done").count() == 4
    run(wiki)
    assert SynthesisUnit.objects.filter(state="done", attempts=1).count() == 6
    assert len(teacher.requests) == 6


def test_unit_that_was_in_a_killed_process_is_asked_again(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    units.open_units(wiki, seed=1)
    assert units.claim(SynthesisUnit.objects.get())
    teacher.will_say(reply(HOLD))
    assert run(wiki).teacher == 1


def test_unit_that_ended_three_processes_is_failed(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    units.open_units(wiki, seed=1)
    SynthesisUnit.objects.update(attempts=3)
    assert run(wiki).failed == 1
    assert SynthesisUnit.objects.get().failure == "It was interrupted three times."


def test_two_processes_do_not_take_the_same_unit(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    units.open_units(wiki, seed=1)
    mine, theirs = SynthesisUnit.objects.get(), SynthesisUnit.objects.get()
    assert units.claim(mine)
    assert not units.claim(theirs)


def test_question_that_is_known_is_left_out(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    row = {"query": HOLD["question"].upper(), "answer": "night desk", "context": HOLDS}
    import_pairs(document, [json.dumps(row)])
    teacher.will_say(reply(HOLD, HOLD | {"question": "Who gets a hold that failed for good?"}))
    report = run(wiki)
    assert (report.imported, report.teacher, report.duplicates) == (1, 1, 1)


def test_other_answer_to_a_known_question_waits_as_a_contradiction(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    row = {"query": HOLD["question"], "answer": "the night desk", "context": HOLDS}
    import_pairs(document, [json.dumps(row)])
    teacher.will_say(reply(HOLD | {"answer": "the hold"}))
    report = run(wiki)
    assert report.conflicts == 1
    assert QAPair.objects.get(origin="teacher").problem == "conflict"
    assert QAPair.objects.get(origin="imported").review == "approved"


def test_document_that_is_archived_meanwhile_is_not_asked_about(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    units.open_units(wiki, seed=1)
    services.archive_document(document=document, actor=None)
    report = run(wiki)
    assert report == SynthesisReport()
    assert teacher.requests == []


def test_marketing_and_untrainable_collections_are_not_sent_to_the_teacher(
    teacher: ScriptedLLM, wiki: Collection, document: Document
) -> None:
    services.edit_document(document=document, actor=None, doc_type="marketing")
    kept_out = Collection.objects.create(slug="out", name="Out", trainable=False)
    publish(kept_out, "holds.md", [passage(HOLDS)])
    assert run(wiki) == run(kept_out) == SynthesisReport()
    assert teacher.requests == []


def test_collection_without_documents_has_no_pairs(wiki: Collection) -> None:
    assert run(wiki) == SynthesisReport()
