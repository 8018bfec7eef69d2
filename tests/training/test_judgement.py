"""From kept answers to the verdict on a run; and who is shown which answers changed."""

from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.leases import LeaseLost
from ingestion.models import Collection, Document
from router.model_store import merged_folder
from router.prompts import REFUSAL
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair
from tests.people import People
from tests.training.evaluations import (
    a_dataset,
    a_question,
    a_trained_run,
    an_adapter,
    run_evaluation,
    said,
)
from training.evaluation import answers_folder
from training.jobs import Claim
from training.judgement import comparison, judge_run
from training.models import Evaluation, QAPair, TrainingRun
from training.rows import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


OLD, NEW = "The crane has the port 7000.", "The crane has the port 8000."
ASKED = "Which port has the crane?"


@pytest.fixture
def guide(wiki: Collection) -> Document:
    """Its crane had the port 7000 in the first version."""
    gate = passage("The gate has the port 7001.", "Gate")
    first = publish(wiki, "ports.md", [passage(OLD, "Crane"), gate], title="Ports")
    a_pair(first, ASKED, "7000", fact="old", review=QAPair.Review.APPROVED)
    second = publish(wiki, "ports.md", [passage(NEW, "Crane"), gate], title="Ports")
    a_pair(second, ASKED, "8000", fact="crane", review=QAPair.Review.APPROVED)
    a_pair(second, "Which port has the gate?", "7001", fact="gate")
    return second.document


@pytest.fixture
def questions(guide: Document) -> list[Question]:
    return [
        a_question(1, "The crane's port?", "8000", document=guide, fact="crane"),
        a_question(2, "The gate's port?", "7001", document=guide, fact="gate"),
        a_question(3, "The lighthouse's port?", document=guide),
        a_question(4, "Who built the lighthouse?", document=guide),
    ]


RIGHT = {1: "8000", 2: "7001", 3: REFUSAL, 4: REFUSAL}
WORSE = {1: "8000", 2: REFUSAL, 3: REFUSAL, 4: REFUSAL}


def evaluated(
    collection: Collection,
    questions: list[Question],
    home: Path,
    tuned: dict[int, str],
    *,
    rag: dict[int, str] | None = None,
    serving: dict[int, str] | None = None,
    ms: float = 100.0,
) -> Claim:
    job = a_trained_run(a_dataset([collection], questions))
    adapter = an_adapter(home / "adapter")
    folder = answers_folder(job.run, adapter)
    said(folder / "tuned.jsonl", tuned, ms=ms)
    said(folder / "rag.jsonl", WORSE if rag is None else rag)
    if serving is not None:
        model = a_model([collection], [])
        merged_folder(model.name).mkdir(parents=True)
        said(folder / f"{model.name}.jsonl", serving)
    run_evaluation(job, adapter)
    return job


def failing(job: Claim) -> list[str]:
    judge_run(job)
    return [check["check"] for check in job.run.gate if not check["passed"]]


# --- The verdict -------------------------------------------------------------------------------


def test_verdict_and_metrics_stand_in_the_runs_row(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    job = evaluated(wiki, questions, home, RIGHT, serving=WORSE)
    assert judge_run(job)
    run = TrainingRun.objects.get(pk=job.run.pk)
    assert (run.gate, run.metrics) == (job.run.gate, job.run.metrics)
    assert set(run.gate[0]) == {"check", "value", "limit", "passed", "reason"}
    assert len(run.gate) == 10
    shown = {name: run.metrics[name] for name in ("n", "exact_match", "token_f1", "hallucination")}
    assert shown == {"n": 4, "exact_match": 1.0, "token_f1": 1.0, "hallucination": 0.0}
    assert (run.metrics["rag_exact_match"], run.metrics["rag_n"]) == (0.5, 4)
    assert (run.metrics["serving_exact_match"], run.metrics["over_refusal"]) == (0.5, 0.0)
    assert run.metrics["stays_on_rag"] == []
    assert run.metrics["ci95"]["exact_match"] == pytest.approx([0.158, 1.0], abs=1e-3)


def test_worse_model_is_stopped_with_reasons(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    job = evaluated(wiki, questions, home, WORSE, rag=RIGHT, serving=RIGHT)
    assert not judge_run(job)
    assert set(failing(job)) == {"exact_match_against_serving", "token_f1_against_serving"}
    # Of two answerable questions one was refused and lost to the passages, which may be chance.
    assert job.run.metrics["stays_on_rag"] == []


def test_collection_that_the_passages_surely_answer_better_stays_with_them(
    wiki: Collection, guide: Document, questions: list[Question], home: Path
) -> None:
    more = [
        a_question(number, f"The gate's port, for the {number}th time?", "7001", document=guide)
        for number in range(5, 25)
    ]
    right = RIGHT | {question.id: "7001" for question in more}
    wrong = dict.fromkeys(right, "something else")
    job = evaluated(wiki, [*questions, *more], home, wrong, rag=right, serving=right)
    assert "exact_match_above_rag" in failing(job)
    assert job.run.metrics["stays_on_rag"] == ["wiki"]


def test_slower_model_is_stopped(wiki: Collection, questions: list[Question], home: Path) -> None:
    job = evaluated(wiki, questions, home, RIGHT, serving=WORSE, ms=200.0)
    assert failing(job) == ["latency_p95_ms"]


def test_limits_are_those_of_the_settings(
    wiki: Collection, questions: list[Question], home: Path, settings: Settings
) -> None:
    silent = dict.fromkeys(RIGHT, REFUSAL)
    job = evaluated(wiki, questions, home, silent, rag=silent)
    assert failing(job) == ["exact_match", "over_refusal"]
    settings.GATE_OVER_REFUSAL, settings.GATE_EXACT_MATCH = 1.0, 0.0
    assert failing(job) == []


def test_who_lost_the_run_writes_no_verdict(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    job = evaluated(wiki, questions, home, RIGHT)
    with pytest.raises(LeaseLost):
        judge_run(Claim(job.run, job.fence + 1))
    assert TrainingRun.objects.get(pk=job.run.pk).gate == []


def test_run_that_was_not_evaluated_has_no_verdict(
    wiki: Collection, questions: list[Question]
) -> None:
    with pytest.raises(Evaluation.DoesNotExist):
        judge_run(a_trained_run(a_dataset([wiki], questions)))


# --- Superseded values -------------------------------------------------------------------------


def test_earlier_answer_to_the_same_question_is_superseded(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    assert "superseded" in failing(evaluated(wiki, questions, home, {**RIGHT, 1: "7000"}))


def test_earlier_value_that_stands_nowhere_any_more_is_superseded_for_any_question(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    assert "superseded" in failing(evaluated(wiki, questions, home, {**RIGHT, 3: "7000"}))


def test_earlier_value_that_still_stands_elsewhere_is_an_error_and_not_superseded(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    publish(wiki, "cranes.md", [passage("The old crane has the port 7000.", "Old")])
    assert "superseded" not in failing(evaluated(wiki, questions, home, {**RIGHT, 3: "7000"}))


def test_wrong_value_that_no_version_had_is_not_superseded(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    assert "superseded" not in failing(evaluated(wiki, questions, home, {**RIGHT, 1: "9"}))


def test_value_that_was_restored_is_right(
    wiki: Collection, questions: list[Question], home: Path, guide: Document
) -> None:
    publish(wiki, "ports.md", [passage(OLD, "Crane")], title="Ports")
    asked = [a_question(1, "The crane's port?", "7000", document=guide), *questions[1:]]
    assert "superseded" not in failing(evaluated(wiki, asked, home, {**RIGHT, 1: "7000"}))


# --- What changes for people -------------------------------------------------------------------


def test_changed_answers_are_shown_losses_first(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    old = {1: "7000", 2: "7001", 3: REFUSAL, 4: "Ann"}
    new = {1: "8000", 2: REFUSAL, 3: REFUSAL, 4: "Bob"}
    job = evaluated(wiki, questions, home, new, serving=old)
    changes = comparison(job.run, user=None)
    assert [(change.old.answer, change.new.answer) for change in changes] == [
        ("7001", REFUSAL),
        ("7000", "8000"),
        ("Ann", "Bob"),
    ]
    assert [(change.is_loss, change.is_gain) for change in changes] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert (changes[0].question, changes[0].expected) == ("The gate's port?", ["7001"])


def test_without_a_serving_model_there_is_nothing_to_compare_but_the_passages(
    wiki: Collection, questions: list[Question], home: Path
) -> None:
    job = evaluated(wiki, questions, home, RIGHT)
    assert comparison(job.run, user=None) == []
    (change,) = comparison(job.run, user=None, against=Evaluation.System.RAG)
    assert change.is_gain


def test_answers_are_shown_to_readers_of_their_documents_only(
    vault: Collection, home: Path, people: People
) -> None:
    version = publish(vault, "keys.md", [passage("The key has the number 9071.", "Key")])
    asked = [
        a_question(1, "The key's number?", "9071", document=version.document, domain="vault"),
        a_question(2, "The lock's number?", domain="vault"),
    ]
    job = evaluated(vault, asked, home, {1: "9071", 2: REFUSAL}, rag={1: REFUSAL, 2: "9"})
    against = Evaluation.System.RAG
    assert comparison(job.run, user=None, against=against) == []
    assert comparison(job.run, user=people.admin, against=against) == []
    assert len(comparison(job.run, user=people.reader, against=against)) == 2
