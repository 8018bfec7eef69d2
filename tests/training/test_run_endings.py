"""How an evaluated run ends: promoted, waiting for an admin, or stopped by its gate."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models.signals import post_save
from django.utils import timezone
from pytest_django import Settings

from ingestion.models import AuditEvent, Collection
from router import registry
from router.calibration import from_json
from router.model_store import merged_folder
from router.models import ModelVersion
from router.prompts import REFUSAL
from tests.model_files import Workshop, an_adapter
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import ScriptedLLM
from tests.tiny_models import TinyVersion
from tests.training.datasets.pairs import NAMES, teach
from tests.training.evaluations import a_judged_run, said
from training import datasets, jobs, pipeline, process, promoting, runs
from training.datasets.manifest import TEST
from training.evaluation import answers_folder, dataset_of
from training.jobs import Cancelled, Claim
from training.models import Evaluation, TrainingRun
from training.registration import register_model
from training.rows import read_questions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

State = TrainingRun.State


@pytest.fixture
def evaluated(wiki: Collection) -> Claim:
    run = runs.request(collections=[wiki], by=None, promote_when_passed=True, enqueue=False)
    job = jobs.claim(run.pk, ["cpu"])
    assert job is not None
    jobs.enter(job, State.EVALUATING)
    return job


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "workshop")


@pytest.fixture
def first(evaluated: Claim, workshop: Workshop) -> ModelVersion:
    """The model that serves and that the new one was compared with."""
    model = registry.promote(workshop.candidate(), by=None)
    Evaluation.objects.create(
        run=evaluated.run, system=Evaluation.System.SERVING, model_name=model.name
    )
    return model


def ended(job: Claim, model: ModelVersion) -> TrainingRun:
    pipeline.conclude(job, model)
    return TrainingRun.objects.get(pk=job.run.pk)


def test_model_that_passed_serves_at_once_if_that_was_asked(
    evaluated: Claim, tmp_path: Path
) -> None:
    model = Workshop(tmp_path / "workshop").candidate()
    assert ended(evaluated, model).state == State.PROMOTED
    model.refresh_from_db()
    assert model.stage == "serving"


def test_promotion_that_a_killed_worker_made_is_not_made_again(
    evaluated: Claim, tmp_path: Path
) -> None:
    model = registry.promote(Workshop(tmp_path / "workshop").candidate(), by=None)
    assert ended(evaluated, model).state == State.PROMOTED
    assert AuditEvent.objects.filter(verb="promoted").count() == 1


def test_model_is_not_promoted_over_one_that_it_was_not_compared_with(
    evaluated: Claim, workshop: Workshop, first: ModelVersion
) -> None:
    model, other = workshop.candidate(), workshop.candidate()
    registry.promote(other, by=None)
    run = ended(evaluated, model)
    assert (run.state, run.failure_id) == (State.GATED, "judged-otherwise")
    assert f"{other} serves now" in run.failure_reason
    other.refresh_from_db()
    assert other.stage == "serving"


@pytest.mark.parametrize("place", [1, 2, 3])
def test_run_that_is_cancelled_before_its_end_promotes_nothing(
    evaluated: Claim, tmp_path: Path, place: int
) -> None:
    """At the first, second or third look at the readers: of the end, of getting ready, and of the
    promotion itself."""
    model = Workshop(tmp_path / "workshop").candidate()
    looks = 0

    def cancel(execute: Callable[..., object], sql: str, *rest: object) -> object:
        nonlocal looks
        if '"ingestion_collection_readers"' in sql:
            looks += 1
            if looks == place:
                runs.cancel(run=evaluated.run, by=None)
        return execute(sql, *rest)

    with connection.execute_wrapper(cancel), pytest.raises(Cancelled):
        pipeline.conclude(evaluated, model)
    model.refresh_from_db()
    assert model.stage == "candidate"
    assert TrainingRun.objects.get().state == State.EVALUATING


def test_model_that_was_taken_back_meanwhile_is_not_promoted_again(
    evaluated: Claim, workshop: Workshop, first: ModelVersion
) -> None:
    model = registry.promote(workshop.candidate(), by=None)
    registry.roll_back(by=None)
    run = ended(evaluated, model)
    assert (run.state, run.failure_id) == (State.GATED, "taken-back")
    first.refresh_from_db()
    assert first.stage == "serving"


@pytest.mark.usefixtures("first")
def test_model_is_promoted_over_the_one_that_it_was_compared_with(
    evaluated: Claim, workshop: Workshop
) -> None:
    assert ended(evaluated, workshop.candidate()).state == State.PROMOTED


def test_model_that_passed_waits_for_an_admin_if_nothing_was_asked(
    evaluated: Claim, tmp_path: Path
) -> None:
    evaluated.run.promote_when_passed = False
    model = Workshop(tmp_path / "workshop").candidate()
    assert ended(evaluated, model).state == State.GATED
    model.refresh_from_db()
    assert model.stage == "candidate"


def test_model_that_did_not_pass_is_rejected(evaluated: Claim, tmp_path: Path) -> None:
    model = Workshop(tmp_path / "workshop").candidate(gate_passed=False)
    assert ended(evaluated, model).state == State.REJECTED


def test_model_that_cannot_be_promoted_passed_all_the_same(
    evaluated: Claim, tmp_path: Path
) -> None:
    model = Workshop(tmp_path / "workshop").candidate()
    (merged_folder(model.name) / "model.safetensors").write_bytes(b"other")
    run = ended(evaluated, model)
    assert (run.state, run.failure_id) == (State.GATED, "tampered")


def test_model_that_passed_and_whose_readers_came_back_is_promoted_without_a_reason(
    evaluated: Claim, tmp_path: Path
) -> None:
    model = Workshop(tmp_path / "workshop").candidate()
    jobs.write(evaluated, model=model)
    taught = model.collections.get()
    taught.readers.add(Group.objects.create(name="few"))
    assert ended(evaluated, model).state == State.REJECTED
    taught.readers.clear()
    promoting.promote(model=model, by=None)
    model.refresh_from_db()
    assert model.stage == "serving"
    assert not AuditEvent.objects.filter(verb="overrode the gate of").exists()


@pytest.mark.parametrize(
    ("passed", "promote", "state"),
    [(True, True, State.PROMOTED), (True, False, State.GATED), (False, True, State.REJECTED)],
)
def test_run_that_nobody_can_resume_keeps_its_adapter_and_no_checkpoints(
    evaluated: Claim, tmp_path: Path, *, passed: bool, promote: bool, state: str
) -> None:
    evaluated.run.promote_when_passed = promote
    folder = evaluated.run.folder
    for kept in ("adapter", "best/000020", "checkpoints/000040"):
        (folder / kept).mkdir(parents=True)
    (folder / "checkpoints" / "000040" / "manifest.json").write_text("{}")
    assert process.resumable(folder)
    model = Workshop(tmp_path / "workshop").candidate(gate_passed=passed)
    assert ended(evaluated, model).state == state
    assert [path.name for path in folder.iterdir()] == ["adapter"]


@pytest.mark.django_db(transaction=True)
def test_run_that_is_cancelled_while_its_model_is_calibrated_names_the_model(
    wiki: Collection, workshop: Workshop, llm: ScriptedLLM, settings: Settings
) -> None:
    run = an_answered_run(wiki, workshop, right_answers)

    def cancel(*, created: bool, **_: object) -> None:
        if created:
            runs.cancel(run=run, by=None)

    post_save.connect(cancel, sender=ModelVersion)
    try:
        advance(run, llm, settings)
    finally:
        post_save.disconnect(cancel, sender=ModelVersion)
    assert run.state == State.CANCELLED
    assert run.model == ModelVersion.objects.get(gate_passed=True, calibration={})


@pytest.mark.django_db(transaction=True)
def test_model_that_its_gate_stopped_is_calibrated_for_who_promotes_it_nevertheless(
    wiki: Collection, workshop: Workshop, llm: ScriptedLLM, settings: Settings
) -> None:
    run = an_answered_run(
        wiki, workshop, lambda run: dict.fromkeys(right_answers(run), "Of quays.")
    )
    advance(run, llm, settings)
    assert run.state == State.REJECTED
    assert run.model is not None
    assert from_json(run.model.calibration) is not None


def an_answered_run(
    collection: Collection, workshop: Workshop, answers: Callable[[TrainingRun], dict[int, str]]
) -> TrainingRun:
    """One that is trained, and whose test was answered so."""
    teach(collection, *NAMES)
    run = a_judged_run(datasets.freeze(collections=[collection]).dataset, workshop.base).run
    adapter = an_adapter(run.folder / "adapter")
    for system in ("tuned", "rag"):
        said(answers_folder(run, adapter) / f"{system}.jsonl", answers(run))
    TrainingRun.objects.filter(pk=run.pk).update(lease_until=timezone.now())
    return run


def advance(run: TrainingRun, llm: ScriptedLLM, settings: Settings) -> None:
    llm.adapters = {}
    llm.will_say("Of quays.")
    settings.EVALUATION_RAG_QUESTIONS = 40
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        assert pipeline.advance(run.pk)
    run.refresh_from_db()


def right_answers(run: TrainingRun) -> dict[int, str]:
    """To its test questions."""
    asked = read_questions(dataset_of(run).folder / TEST)
    return {one.id: one.answers[0] if one.answers else REFUSAL for one in asked}


@pytest.mark.models
def test_merged_model_is_kept_with_its_version_alone(
    wiki: Collection, tiny_llama: Path, tiny_versions: list[TinyVersion]
) -> None:
    teach(wiki, *NAMES)
    run = a_judged_run(datasets.freeze(collections=[wiki]).dataset, tiny_llama).run
    shutil.copytree(tiny_versions[0].adapter, run.folder / "adapter")
    model = register_model(run, passed=True, check=lambda: None)
    assert (merged_folder(model.name) / "model.safetensors").exists()
    assert not (run.folder / "merged").exists()
