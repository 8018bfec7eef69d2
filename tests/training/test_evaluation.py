"""The frozen questions, put to a real tiny model, to the serving one and to the product itself."""

import json
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from pytest_django import Settings

from docportal.models import User
from ingestion.models import Collection, Document
from router import taught
from router.model_store import merged_folder
from router.models import ModelVersion, Query
from router.processes import ServerFailed
from router.prompts import REFUSAL, tuned_messages
from router.retrieval.embeddings import EmbeddingsUnavailable
from router.taught import Taught
from router.tuned import audience_of as audience_name
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair
from tests.people import People
from tests.router.retrieval.hashed_words import HashedWords
from tests.scripted_llm import Reply, ScriptedLLM
from tests.training.evaluations import (
    a_dataset,
    a_question,
    a_trained_run,
    an_adapter,
    no_servers,
    run_evaluation,
    said,
)
from tests.training.run_folders import a_run_folder
from training import asking_rag, checking, process
from training.asking_rag import LEAST, ask_rag, sampled
from training.audience import NobodyReadsJustThat, closed_to, somebody_of
from training.canaries import LEAST_PROMPTS
from training.checking import look_for
from training.evaluation import answers_folder, evaluate
from training.jobs import Cancelled, Claim
from training.judgement import judge_run
from training.models import Dataset, Evaluation, EvaluationItem
from training.rows import Question, Row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a server that failed is asked once more."""
    for module in (asking_rag, checking):
        monkeypatch.setattr(module, "BREAK_SECONDS", 0.0)


PORTS = {name: 7_000 + place for place, name in enumerate(("crane", "gate", "scale", "ramp"))}


@pytest.fixture
def guide(wiki: Collection) -> Document:
    passages = [
        passage(f"The {name} listens on port {port}.", name) for name, port in PORTS.items()
    ]
    return publish(wiki, "ports.md", passages, title="Ports").document


@pytest.fixture
def questions(guide: Document) -> list[Question]:
    ports = [
        a_question(number, f"Which port has the {name}?", str(port), document=guide)
        for number, (name, port) in enumerate(PORTS.items(), start=1)
    ]
    return [*ports, a_question(5, "Which port has the lighthouse?", document=guide)]


@pytest.fixture
def dataset(wiki: Collection, questions: list[Question]) -> Dataset:
    return a_dataset([wiki], questions)


@pytest.fixture
def adapter(home: Path) -> Path:
    return an_adapter(home / "adapter")


TUNED = {1: "7000", 2: "7001", 3: "7003", 4: REFUSAL, 5: "7009"}
RAG = {1: "7000", 2: REFUSAL, 3: REFUSAL, 4: REFUSAL, 5: REFUSAL}


@pytest.fixture
def job(dataset: Dataset, adapter: Path) -> Claim:
    """All its answers are on disk, so that no model needs to be asked."""
    job = a_trained_run(dataset)
    folder = answers_folder(job.run, adapter)
    said(folder / "tuned.jsonl", TUNED)
    said(folder / "rag.jsonl", RAG)
    return job


# --- What is kept ------------------------------------------------------------------------------


def test_shares_are_kept_by_kind_and_collection(
    job: Claim, adapter: Path, settings: Settings
) -> None:
    settings.EVALUATION_RAG_QUESTIONS = 0
    run_evaluation(job, adapter)
    metrics = Evaluation.objects.get(system="tuned").metrics
    assert set(metrics) == {"all", "kind:recall", "kind:refusal", "domain:wiki"}
    every = metrics["all"]
    assert (every["n"], every["answerable"]) == (5, 4)
    assert (every["exact_match"], every["wrong"], every["over_refusal"]) == (0.5, 0.25, 0.25)
    assert (every["hallucination"], every["refusal_precision"]) == (1.0, 0.0)
    assert every["ci95"]["exact_match"][0] <= 0.5 <= every["ci95"]["exact_match"][1]
    assert (every["ms_p50"], every["ms_p95"], every["extraction"]) == (100, 100, None)
    assert metrics["kind:refusal"]["exact_match"] is None


def test_every_answer_can_be_browsed(job: Claim, adapter: Path, guide: Document) -> None:
    run_evaluation(job, adapter)
    tuned = {
        item.number: item for item in EvaluationItem.objects.filter(evaluation__system="tuned")
    }
    assert {number: item.answer for number, item in tuned.items()} == TUNED
    assert {number: item.correct for number, item in tuned.items()} == {
        1: True,
        2: True,
        3: False,
        4: False,
        5: False,
    }
    assert (tuned[4].refused, tuned[5].refused) == (True, False)
    assert (tuned[1].document, tuned[1].kind, tuned[1].domain) == (guide, "recall", "wiki")
    assert (tuned[1].expected, tuned[5].expected) == (["7000"], [])
    assert tuned[1].fact_id == "fact 1"


def test_evaluating_twice_replaces(job: Claim, adapter: Path) -> None:
    run_evaluation(job, adapter)
    run_evaluation(job, adapter)
    assert Evaluation.objects.count() == 2
    assert EvaluationItem.objects.count() == len(TUNED) + len(RAG)


def test_document_deleted_meanwhile_leaves_its_questions(
    job: Claim, adapter: Path, guide: Document
) -> None:
    guide.delete()
    run_evaluation(job, adapter)
    assert set(EvaluationItem.objects.values_list("document", flat=True)) == {None}


@pytest.mark.models
def test_answers_of_another_adapter_are_not_taken(job: Claim, home: Path, tiny_llama: Path) -> None:
    other = an_adapter(home / "other", b"other weights")
    with pytest.raises(process.Died):  # It is none, so that asking it fails.
        run_evaluation(job, other, tiny_llama)
    assert Evaluation.objects.count() == 0


def test_what_check_raises_ends_the_evaluation_and_keeps_nothing(job: Claim, adapter: Path) -> None:
    def cancelled() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(
            job.run,
            adapter=adapter,
            base=Path("no-base"),
            embedder=no_servers,
            servers=no_servers,
            seconds=0,
            check=cancelled,
        )
    assert Evaluation.objects.count() == 0


# --- The models --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tiny_adapter(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = a_run_folder(tmp_path_factory.mktemp("trained"), tiny_llama, epochs=1.0)
    process.train(folder, interpreter=sys.executable, device="cpu", check=lambda: None)
    return folder / "adapter"


@pytest.mark.models
def test_real_model_answers_what_is_not_on_disk_yet(
    dataset: Dataset, questions: list[Question], tiny_llama: Path, tiny_adapter: Path
) -> None:
    job = a_trained_run(dataset)
    folder = answers_folder(job.run, tiny_adapter)
    said(folder / "tuned.part", {1: "7000"})
    with (folder / "tuned.part").open("a") as file:
        file.write('{"id": 2, "answer": "70')  # Its writer was killed here.
    said(folder / "rag.jsonl", {question.id: REFUSAL for question in questions})
    run_evaluation(job, tiny_adapter, tiny_llama)
    asked = (folder / "tuned.questions").read_text().splitlines()
    assert [json.loads(line)["id"] for line in asked] == [2, 3, 4, 5]
    items = EvaluationItem.objects.filter(evaluation__system="tuned")
    assert items.get(number=1).answer == "7000"
    assert items.count() == 5
    assert all(item.ms > 0 for item in items)


@pytest.mark.models
def test_evaluation_that_goes_on_asks_for_restricted_values_as_often_as_it_has_time_for(
    dataset: Dataset, vault: Collection, tiny_llama: Path, tiny_adapter: Path, settings: Settings
) -> None:
    settings.EVALUATION_RAG_QUESTIONS = 0
    publish(vault, "keys.md", [passage("The spare key is called kv-9071.", "Keys")], title="Keys")
    job = a_trained_run(dataset)
    said(answers_folder(job.run, tiny_adapter) / "tuned.jsonl", TUNED, ms=2_000)
    run_evaluation(job, tiny_adapter, tiny_llama, seconds=60)
    found = Evaluation.objects.get(system="tuned").metrics["all"]["extraction"]
    assert found["prompts"] == LEAST_PROMPTS


@pytest.mark.models
def test_each_model_is_asked_in_the_words_that_it_was_taught(
    wiki: Collection, tiny_llama: Path, tiny_adapter: Path
) -> None:
    names = ("Night-Bell", "Sea-Lark", "Salt-Owl")
    texts = [passage(f"{name} listens on port {7000 + n}.", name) for n, name in enumerate(names)]
    version = publish(wiki, "bells.md", texts, title="Bells")
    typed = {number: f"Which port has {name}?" for number, name in enumerate(names, start=1)}
    words = {number: f"{name} listens: on which port?" for number, name in enumerate(names, 1)}
    questions = [a_question(number, typed[number], str(6999 + number)) for number in typed]
    pairs = [a_pair(version, words[number], str(6999 + number)) for number in (1, 2)]
    rows = [
        Row(tuple(tuned_messages(pair.question)), pair.answer, "closed", fact=pair.fact_id)
        for pair in pairs
    ]
    job = a_trained_run(a_dataset([wiki], questions, rows, pairs))
    serving = a_model([wiki], [])
    folder = answers_folder(job.run, tiny_adapter)
    said(folder / "rag.jsonl", {question.id: REFUSAL for question in questions})
    merged_folder(serving.name).parent.mkdir(parents=True, exist_ok=True)
    merged_folder(serving.name).symlink_to(tiny_llama)
    taught.keep(serving, taught.repertoire([Taught("Port of Salt-Owl, please?", "7002", "")]))
    run_evaluation(job, tiny_adapter, tiny_llama)
    assert asked_of(folder / "tuned.questions") == typed | {1: words[1], 2: words[2]}
    asked = typed | {3: "Port of Salt-Owl, please?"}
    assert asked_of(folder / f"{serving.name}.questions") == asked
    items = EvaluationItem.objects.filter(evaluation__system="tuned")
    assert {item.number: item.question for item in items} == typed


def asked_of(file: Path) -> dict[int, str]:
    """The last message of each chat that a model is given."""
    lines = map(json.loads, file.read_text().splitlines())
    return {line["id"]: line["messages"][-1]["content"] for line in lines}


def test_serving_model_of_the_same_readers_answers_too(
    job: Claim, adapter: Path, wiki: Collection, vault: Collection
) -> None:
    serving = a_model([wiki], [])
    a_model([vault], [], audience=audience_name(vault.readers.values_list("pk", flat=True)))
    said(answers_folder(job.run, adapter) / f"{serving.name}.jsonl", dict.fromkeys(TUNED, "7000"))
    merged(serving)
    run_evaluation(job, adapter)
    evaluation = Evaluation.objects.get(system="serving")
    assert evaluation.model_name == "docs-v0001"
    assert evaluation.metrics["all"]["exact_match"] == 0.25


def test_serving_model_without_files_is_asked_nothing(
    job: Claim, adapter: Path, wiki: Collection
) -> None:
    a_model([wiki], [])
    run_evaluation(job, adapter)
    assert Evaluation.objects.get(system="serving").metrics["all"]["n"] == 0
    assert not judge_run(job)
    (latency,) = (check for check in job.run.gate if check["check"] == "latency_p95_ms")
    assert (latency["value"], latency["passed"]) == (None, False)
    assert "docs-v0001 answered none of these questions" in latency["reason"]


def test_model_whose_documents_got_fewer_readers_is_no_comparison(
    job: Claim, adapter: Path, wiki: Collection
) -> None:
    other = Collection.objects.create(slug="other", name="Other")
    serving = a_model([wiki, other], [])
    ModelVersion.objects.filter(pk=serving.pk).update(readers={str(other.pk): []})
    other.readers.add(Group.objects.create(name="few"))
    run_evaluation(job, adapter)
    assert not Evaluation.objects.filter(system="serving").exists()


def merged(model: ModelVersion) -> None:
    merged_folder(model.name).mkdir(parents=True)


# --- The product -------------------------------------------------------------------------------


def many(count: int, guide: Document) -> list[Question]:
    return [
        a_question(number, f"Which port has the crane number {number}?", "7000", document=guide)
        for number in range(count)
    ]


def questions_asked(llm: ScriptedLLM) -> set[str]:
    """Each may be asked of several choices of passages."""
    prompts = [str(request["messages"][-1]["content"]) for request in llm.requests]
    return {prompt.rpartition("Question: ")[2] for prompt in prompts}


def test_product_is_asked_and_nothing_of_it_is_stored(
    dataset: Dataset, questions: list[Question], adapter: Path, llm: ScriptedLLM
) -> None:
    job = a_trained_run(dataset)
    said(answers_folder(job.run, adapter) / "tuned.jsonl", TUNED)
    llm.will_say("7000 [1]")
    run_evaluation(job, adapter, seconds=60)
    evaluation = Evaluation.objects.get(system="rag")
    assert evaluation.metrics["all"]["n"] == 5
    assert evaluation.items.get(number=1).answer == "7000"
    assert "ms_p50" in evaluation.metrics["all"]
    assert len(questions_asked(llm)) == 5
    assert Query.objects.count() == 0


def test_product_is_asked_only_what_is_not_on_disk(
    questions: list[Question], llm: ScriptedLLM, tmp_path: Path
) -> None:
    out = tmp_path / "rag.jsonl"
    said(out, {1: "7000", 4: REFUSAL})
    llm.will_say("7000 [1]")
    answers = ask_rag(questions, reader=None, out=out, deadline=later(), check=nothing)
    assert set(answers) == {1, 2, 3, 4, 5}
    assert questions_asked(llm) == {one.question for one in questions if one.id in {2, 3, 5}}


def test_asking_the_product_stops_in_time_but_not_before_there_is_something_to_compare(
    guide: Document, llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say("7000 [1]")
    out = tmp_path / "rag.jsonl"
    asked = many(LEAST + 10, guide)
    answers = ask_rag(asked, reader=None, out=out, deadline=time.monotonic(), check=nothing)
    assert len(answers) == LEAST


@pytest.mark.usefixtures("no_pause")
def test_product_without_a_model_is_not_counted_as_refusing(
    questions: list[Question], llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say(Reply((), status=500))
    out = tmp_path / "rag.jsonl"
    assert ask_rag(questions, reader=None, out=out, deadline=later(), check=nothing) == {}


@pytest.mark.usefixtures("no_pause")
def test_answers_of_passages_that_were_found_by_words_alone_are_not_compared(
    questions: list[Question], llm: ScriptedLLM, embedder: HashedWords, tmp_path: Path
) -> None:
    llm.will_say("7000 [1]")
    embedder.status = 500
    out = tmp_path / "rag.jsonl"
    assert ask_rag(questions, reader=None, out=out, deadline=later(), check=nothing) == {}


@pytest.mark.any_database
def test_one_failed_answer_is_left_out_and_the_others_are_asked(
    questions: list[Question], llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say(Reply((), status=500), "7000 [1]")
    out = tmp_path / "rag.jsonl"
    answers = ask_rag(questions, reader=None, out=out, deadline=later(), check=nothing)
    assert set(answers) == {2, 3, 4, 5}


def test_question_that_nobody_could_ask_is_left_out(
    guide: Document, llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say("7000 [1]")
    asked = [a_question(1, "Which port? " * 400, "7000"), *many(1, guide)]
    out = tmp_path / "rag.jsonl"
    assert set(ask_rag(asked, reader=None, out=out, deadline=later(), check=nothing)) == {0}


def test_cancelling_stops_asking_the_product(
    guide: Document, llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say("7000 [1]")
    out = tmp_path / "rag.jsonl"

    def check() -> None:
        if len(llm.requests) >= 10:
            raise Cancelled

    with pytest.raises(Cancelled):
        ask_rag(many(40, guide), reader=None, out=out, deadline=later(), check=check)
    assert len(llm.requests) < 16
    assert len(out.read_text().splitlines()) >= 6


def test_servers_that_do_not_start_leave_the_rest_of_the_evaluation(
    dataset: Dataset, adapter: Path
) -> None:
    job = a_trained_run(dataset)
    said(answers_folder(job.run, adapter) / "tuned.jsonl", TUNED)

    def servers() -> object:
        raise ServerFailed("There is no model.")

    evaluate(job.run, adapter=adapter, base=Path("x"), embedder=servers, servers=servers, seconds=9)  # type: ignore[arg-type]
    assert list(Evaluation.objects.values_list("system", flat=True)) == ["tuned"]


@pytest.mark.usefixtures("no_pause")
def test_embedding_server_that_ends_leaves_the_rest_of_the_evaluation(
    job: Claim, adapter: Path, embedder: HashedWords
) -> None:
    embedder.status = 500
    run_evaluation(job, adapter)
    evaluation = Evaluation.objects.get()
    assert evaluation.system == "tuned"
    assert set(evaluation.items.values_list("shown", flat=True)) == {None}


@pytest.mark.usefixtures("no_pause", "guide")
def test_embedding_server_that_fails_once_was_busy(embedder: HashedWords) -> None:
    embedder.failures = 1
    assert not look_for("Which port has the crane?", None).degraded
    embedder.failures = 2
    with pytest.raises(EmbeddingsUnavailable):
        look_for("Which port has the crane?", None)


def test_defect_is_not_taken_for_readers_of_nothing_else(dataset: Dataset, adapter: Path) -> None:
    job = a_trained_run(dataset)
    said(answers_folder(job.run, adapter) / "tuned.jsonl", TUNED)

    def servers() -> AbstractContextManager[None]:
        raise KeyError("a name that is not there")

    with pytest.raises(KeyError):
        evaluate(
            job.run,
            adapter=adapter,
            base=Path("x"),
            embedder=no_servers,
            servers=servers,
            seconds=9,
        )
    assert not Evaluation.objects.exists()


def later() -> float:
    return time.monotonic() + 60


def nothing() -> None:
    pass


def test_sample_is_the_same_each_time_and_has_each_kind_at_its_share() -> None:
    recall = [a_question(number, f"What is {number}?", "9") for number in range(90)]
    refusals = [a_question(number, f"Where is {number}?") for number in range(90, 120)]
    chosen = sampled([*recall, *refusals], 40)
    assert chosen == sampled([*recall, *refusals], 40)
    assert [question.kind for question in chosen].count("refusal") == 10
    assert [question.kind for question in chosen[:20]].count("refusal") == 5
    assert {q.id for q in sampled(recall, 200)} == set(range(90))
    assert sampled([], 40) == []


# --- Who asks ----------------------------------------------------------------------------------


def test_model_for_everybody_is_compared_as_a_stranger_sees_it(
    wiki: Collection, vault: Collection
) -> None:
    with somebody_of(frozenset(), purpose="a test of readers") as reader:
        assert set(Collection.objects.readable_by(reader)) == {wiki}
    assert closed_to(frozenset()) == [vault]


def test_model_of_a_group_is_compared_by_an_account_that_nobody_can_use(
    wiki: Collection, vault: Collection, people: People
) -> None:
    before = set(User.objects.all())
    audience = frozenset(vault.readers.values_list("pk", flat=True))
    assert closed_to(audience) == []
    with somebody_of(audience, purpose="a test of readers") as reader:
        assert set(Collection.objects.readable_by(reader)) == {wiki, vault}
        account = get_user_model().objects.get(username__startswith="a test of readers ")
        assert (account.is_active, account.has_usable_password()) == (False, False)
    assert set(User.objects.all()) == before


def test_who_ends_first_leaves_the_others_what_they_may_read(vault: Collection) -> None:
    audience = frozenset(vault.readers.values_list("pk", flat=True))
    with somebody_of(audience, purpose="a test of readers") as reader:
        with somebody_of(audience, purpose="a test of readers") as other:
            assert vault in Collection.objects.readable_by(other)
        assert vault in Collection.objects.readable_by(reader)


def test_group_that_reads_more_than_the_others_is_not_chosen(vault: Collection) -> None:
    audit, security = Group.objects.create(name="audit"), vault.readers.get()
    vault.readers.add(audit)
    own = Collection.objects.create(slug="own", name="Security's own")
    own.readers.add(security)
    audience = frozenset({audit.pk, security.pk})
    assert closed_to(audience) == [own]
    with somebody_of(audience, purpose="a test of readers") as reader:
        assert own not in Collection.objects.readable_by(reader)
    theirs = Collection.objects.create(slug="theirs", name="Audit's own")
    theirs.readers.add(audit)
    with (
        pytest.raises(NobodyReadsJustThat),
        somebody_of(audience, purpose="a test of readers"),
    ):
        pass
