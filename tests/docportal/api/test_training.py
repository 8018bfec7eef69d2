"""Runs, models and benchmarks over HTTP."""

import pytest

from ingestion.models import AuditEvent, Collection
from router.models import ModelVersion
from tests.docportal.api.callers import Caller, error_of
from tests.model_files import Workshop
from tests.people import People
from training import runs
from training.models import Benchmark, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

CHECK = {"check": "exact_match", "value": 0.4, "limit": 0.5, "passed": False, "reason": "Vault"}


@pytest.fixture
def admin(people: People) -> Caller:
    return Caller(people.admin)


def test_run_is_requested_listed_and_cancelled(
    admin: Caller, people: People, wiki: Collection
) -> None:
    asked = {"collections": ["wiki"], "max_minutes": 3, "promote_when_passed": True}
    response = admin.post("runs", asked)
    assert response.status_code == 201
    told = response.json()
    assert told == told | asked | {"number": 1, "state": "queued", "requested_by": "admin"}
    assert admin.get("runs").json()["items"] == [told]
    assert admin.post("runs/1/cancel").json()["state"] == "cancelled"
    assert error_of(admin.post("runs/1/cancel")) == (400, "not-running")
    assert error_of(admin.post("runs/1/resume")) == (400, "nothing-to-resume")
    assert error_of(admin.get("runs/2")) == (404, "not-found")


def test_run_that_kept_a_checkpoint_goes_on(admin: Caller, wiki: Collection) -> None:
    run = runs.request(collections=[wiki], by=None, enqueue=False)
    runs.cancel(run=run, by=None)
    checkpoint = run.folder / "checkpoints" / "000010"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    assert admin.post(f"runs/{run.number}/resume").json()["state"] == "queued"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"collections": []}, (400, "no-collections")),
        ({"collections": ["vault"]}, (404, "not-found")),
        ({"collections": ["wiki"], "mode": "sideways"}, (400, "bad-mode")),
        ({"collections": ["wiki"], "max_minutes": 0}, (400, "bad-minutes")),
        ({"collections": "wiki"}, (400, "bad-request")),
    ],
)
def test_impossible_run_is_refused(
    admin: Caller,
    wiki: Collection,
    vault: Collection,
    wrong: dict[str, object],
    told: tuple[int, str],
) -> None:
    assert error_of(admin.post("runs", wrong)) == told
    assert TrainingRun.objects.count() == 0


def test_run_on_a_restricted_collection_tells_nothing_of_it(
    admin: Caller, people: People, wiki: Collection, vault: Collection
) -> None:
    run = runs.request(collections=[wiki, vault], by=None, enqueue=False)
    TrainingRun.objects.filter(pk=run.pk).update(
        gate=[CHECK], metrics={"exact_match": 0.4, "stays_on_rag": ["vault"]}
    )
    response = admin.get(f"runs/{run.number}")
    assert response.json() == response.json() | {"collections": ["wiki"], "hidden": 1}
    assert "vault" not in response.content.decode().lower()


def test_model_is_promoted_and_rolled_back(
    admin: Caller, workshop: Workshop, wiki: Collection
) -> None:
    old, new = (workshop.candidate(readers={wiki.pk: ()}) for _ in range(2))
    for model in (old, new):
        assert admin.post(f"models/{model.name}/promote").json() == {"serving": model.name}
    listed = admin.get("models").json()["items"]
    assert [(one["model"], one["stage"]) for one in listed] == [
        (new.name, "serving"),
        (old.name, "retired"),
    ]
    assert set(listed[0]) >= {"model", "stage", "created", "metrics", "coverage"}
    assert set(listed[0]["coverage"]) == {"chunks", "stale"}
    assert admin.post(f"models/{new.name}/roll-back").json() == {"serving": old.name}
    assert error_of(admin.post(f"models/{new.name}/roll-back")) == (400, "not-serving")
    assert error_of(admin.post("models/docs-v0099/promote")) == (404, "not-found")


def test_model_that_its_gate_stopped_needs_a_reason(
    admin: Caller, workshop: Workshop, wiki: Collection
) -> None:
    model = workshop.candidate(readers={wiki.pk: ()}, gate_passed=False)
    address = f"models/{model.name}/promote"
    assert error_of(admin.post(address)) == (400, "gate-not-passed")
    assert admin.post(address, {"reason": "We looked\0 at it."}).status_code == 200
    assert AuditEvent.objects.get(verb="promoted").detail.endswith(": We looked at it.")


def test_model_of_a_restricted_collection_does_not_name_it(
    admin: Caller, workshop: Workshop, vault: Collection
) -> None:
    readers = {vault.pk: tuple(vault.readers.values_list("pk", flat=True))}
    model = workshop.candidate(readers=readers)
    metrics = {"exact_match": 0.9, "stays_on_rag": ["vault"]}
    ModelVersion.objects.filter(pk=model.pk).update(metrics=metrics)
    response = admin.get("models")
    assert response.json()["items"][0]["metrics"] == {"exact_match": 0.9}
    assert "vault" not in response.content.decode().lower()


def test_benchmarks_are_for_everybody(engineer: Caller) -> None:
    report = {"systems": {"rag": {"exact_match": 0.5}}, "setup": {}}
    row = Benchmark.objects.create(name="questions.jsonl", report=report)
    (item,) = engineer.get("benchmarks").json()["items"]
    assert item == item | {"id": row.pk, "name": "questions.jsonl", "systems": ["rag"]}
    assert engineer.get(f"benchmarks/{row.pk}").json()["report"] == report
    assert error_of(engineer.get("benchmarks/999")) == (404, "not-found")
