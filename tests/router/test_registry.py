"""Models come in whole or not at all, serve one at a time, and can be taken back."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from pytest_django import Settings

from docportal.models import User
from ingestion.errors import UserError
from ingestion.models import AuditEvent, Collection
from ingestion.storage import sha256_of
from router import model_store, registry, trials
from router.models import ModelVersion, TaughtQuestions
from tests.model_files import (
    ADAPTER_SHAPES,
    BASE_SHAPES,
    Workshop,
    a_merged_model,
    an_adapter,
    write_safetensors,
)
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def readers(wiki: Collection) -> dict[int, tuple[int, ...]]:
    """Of an open collection."""
    return {wiki.pk: ()}


def stages() -> dict[str, str]:
    return dict(ModelVersion.objects.values_list("name", "stage"))


def folders(settings: Settings) -> list[str]:
    """What is under the folder of the tuned models, but its lock."""
    root = Path(settings.TUNED_DIR)
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}
    return sorted(found - {"adapters"})


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    return caught.value.id


# --- In ----------------------------------------------------------------------------------------
def test_model_is_kept_with_the_hash_of_each_file(
    workshop: Workshop, wiki: Collection, settings: Settings
) -> None:
    covered = {"a" * 64: (3, 0.5), "b" * 64: (1, None)}
    model = workshop.candidate(readers={wiki.pk: []}, coverage=covered)
    assert (model.name, model.stage, model.audience) == ("docs-v0001", "candidate", "")
    assert folders(settings) == ["adapters/docs-v0001", "docs-v0001"]
    assert {path: sha256_of(settings.TUNED_DIR / path) for path in model.files} == model.files
    assert model.adapter_sha256 == model.files["adapters/docs-v0001/adapter_model.safetensors"]
    assert list(model.collections.all()) == [wiki]
    kept = model.coverage.values_list("content_hash", "pairs", "heldout_exact")
    assert {content_hash: (pairs, exact) for content_hash, pairs, exact in kept} == covered
    assert workshop.candidate().name == "docs-v0002"


def test_files_that_were_given_stay_and_the_description_beside_them_is_left(
    workshop: Workshop, tmp_path: Path
) -> None:
    adapter = an_adapter(tmp_path / "given")
    (adapter / "README.md").write_text("Model card")
    model = workshop.candidate(adapter=adapter)
    assert len(list(adapter.iterdir())) == 3
    assert not any("README" in path for path in model.files)


def test_adapter_of_the_same_run_is_the_same_version(workshop: Workshop, tmp_path: Path) -> None:
    given = {"adapter": an_adapter(tmp_path / "given"), "merged": a_merged_model(tmp_path / "m")}
    first = workshop.candidate(**given, recipe={"out": "runs/0001"})
    assert workshop.candidate(**given, recipe={"out": "runs/0001"}) == first
    assert workshop.candidate(**given, recipe={"out": "runs/0002"}) != first


def test_verdict_on_a_run_that_was_judged_again_is_that_of_its_candidate(
    workshop: Workshop, tmp_path: Path
) -> None:
    files = {"adapter": an_adapter(tmp_path / "given"), "merged": a_merged_model(tmp_path / "m")}
    given: dict[str, Any] = {**files, "recipe": {"out": "runs/0001"}}
    worse = {"gate_passed": False, "metrics": {"exact_match": 0.4}}
    workshop.candidate(**given)
    model = workshop.candidate(**given, **worse)
    assert (model.name, model.gate_passed, model.metrics) == ("docs-v0001", *worse.values())
    model = workshop.candidate(**given)
    assert (model.gate_passed, model.metrics) == (True, {"exact_match": 0.9})
    registry.promote(model, by=None)
    model = workshop.candidate(**given, **worse)
    assert (model.stage, model.gate_passed) == ("serving", True)


def test_number_of_a_model_that_others_put_there_is_passed_over(
    workshop: Workshop, settings: Settings
) -> None:
    (settings.TUNED_DIR / "docs-v0001").mkdir(parents=True)
    assert workshop.candidate().name == "docs-v0002"
    assert (settings.TUNED_DIR / "docs-v0001").is_dir()


def bad_file(adapter: Path, merged: Path) -> None:
    (adapter / "adapter_model.bin").write_bytes(b"\x80")


def linked_file(adapter: Path, merged: Path) -> None:
    (adapter / "adapter_config.json").rename(adapter.parent / "elsewhere.json")
    (adapter / "adapter_config.json").symlink_to(adapter.parent / "elsewhere.json")


def code_beside(adapter: Path, merged: Path) -> None:
    (merged / "modeling_llama.py").write_text("import os")


def truncated(adapter: Path, merged: Path) -> None:
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])


def no_safetensors(adapter: Path, merged: Path) -> None:
    (adapter / "adapter_model.safetensors").write_bytes(b"\x80\x04" * 100)


def endless_header(adapter: Path, merged: Path) -> None:
    (adapter / "adapter_model.safetensors").write_bytes(b"\xff" * 8 + b"{}")


def other_model(adapter: Path, merged: Path) -> None:
    shapes = {name: tuple(2 * side for side in shape) for name, shape in ADAPTER_SHAPES.items()}
    write_safetensors(adapter / "adapter_model.safetensors", shapes)


def unknown_layer(adapter: Path, merged: Path) -> None:
    shapes = {name.replace("q_proj", "lm_head"): shape for name, shape in ADAPTER_SHAPES.items()}
    write_safetensors(adapter / "adapter_model.safetensors", shapes)


def half_a_pair(adapter: Path, merged: Path) -> None:
    first, *_ = ADAPTER_SHAPES
    write_safetensors(adapter / "adapter_model.safetensors", {first: ADAPTER_SHAPES[first]})


def nothing_in_it(adapter: Path, merged: Path) -> None:
    write_safetensors(adapter / "adapter_model.safetensors", {})


def remote_code(adapter: Path, merged: Path) -> None:
    config = {"model_type": "llama", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}
    (merged / "config.json").write_text(json.dumps(config))


def other_tensors(adapter: Path, merged: Path) -> None:
    write_safetensors(merged / "model.safetensors", BASE_SHAPES | {"extra.weight": (1,)})


@pytest.mark.parametrize(
    "spoil",
    [
        *(bad_file, linked_file, code_beside, truncated, no_safetensors, endless_header),
        *(other_model, unknown_layer, half_a_pair, nothing_in_it, remote_code, other_tensors),
    ],
)
def test_files_that_may_not_be_loaded_are_refused_and_nothing_is_left(
    spoil: Callable[[Path, Path], None], workshop: Workshop, tmp_path: Path, settings: Settings
) -> None:
    adapter, merged = an_adapter(tmp_path / "adapter"), a_merged_model(tmp_path / "merged")
    spoil(adapter, merged)
    assert refusal(lambda: workshop.candidate(adapter=adapter, merged=merged)) == "bad-adapter"
    assert not ModelVersion.objects.exists()
    assert folders(settings) == []


@pytest.mark.parametrize(
    "config",
    [
        {"r": 4},
        {"r": 1000},
        {"r": "2"},
        {"lora_alpha": 0},
        {"bias": "all"},
        {"peft_type": "PROMPT_TUNING"},
        {"target_modules": ["lm_head"]},
        {"target_modules": "all-linear"},
        {"layers_to_transform": [1]},
        {"layers_to_transform": 0},
        {"use_dora": True},
        {"use_rslora": True},
        {"modules_to_save": ["embed_tokens"]},
        {"auto_mapping": {"parent_library": "evil"}},
        {"something_new": 1},
    ],
    ids=str,
)
def test_settings_that_would_compute_something_else_are_refused(
    config: dict[str, Any], workshop: Workshop, tmp_path: Path
) -> None:
    adapter = an_adapter(tmp_path / "adapter", **config)
    assert refusal(lambda: workshop.candidate(adapter=adapter)) == "bad-adapter"


def test_adapter_of_some_layers_says_which(workshop: Workshop, tmp_path: Path) -> None:
    adapter = an_adapter(tmp_path / "adapter", layers_to_transform=[0])
    assert workshop.candidate(adapter=adapter).stage == ModelVersion.Stage.CANDIDATE


def test_base_that_changed_during_the_training_is_noticed(workshop: Workshop) -> None:
    write_safetensors(workshop.base / "model.safetensors", BASE_SHAPES, fill=9)
    assert refusal(workshop.candidate) == "base-changed"


def test_model_for_collections_with_different_readers_is_refused(
    workshop: Workshop, wiki: Collection, vault: Collection
) -> None:
    readers = {wiki.pk: (), vault.pk: (1,)}
    assert refusal(lambda: workshop.candidate(readers=readers)) == "mixed-readers"


# --- Forth and back ----------------------------------------------------------------------------
def test_promotion_replaces_the_serving_version_and_is_written_down(
    workshop: Workshop, people: People
) -> None:
    first, second = workshop.candidate(), workshop.candidate()
    registry.promote(first, by=people.admin)
    promoted = registry.promote(second, by=people.admin)
    assert stages() == {"docs-v0001": "retired", "docs-v0002": "serving"}
    assert promoted.previous == first
    assert promoted.promoted_at is not None
    told = AuditEvent.objects.latest("pk")
    assert (told.actor, told.verb) == (people.admin, "promoted")
    assert told.detail == "docs-v0002 instead of docs-v0001"


def test_rolling_back_serves_the_version_before(workshop: Workshop, people: People) -> None:
    for _ in range(3):
        registry.promote(workshop.candidate(), by=None)
    assert registry.roll_back(by=people.admin).name == "docs-v0002"
    assert registry.roll_back(by=people.admin).name == "docs-v0001"
    assert stages() == {
        "docs-v0001": "serving",
        "docs-v0002": "retired",
        "docs-v0003": "retired",
    }
    assert AuditEvent.objects.latest("pk").detail == "docs-v0001 instead of docs-v0002"
    assert refusal(lambda: registry.roll_back(by=None)) == "no-way-back"


def test_nothing_can_be_rolled_back_before_something_serves(workshop: Workshop) -> None:
    workshop.candidate()
    assert refusal(lambda: registry.roll_back(by=None)) == "nothing-serves"


def test_gate_that_was_not_passed_asks_for_a_reason_which_is_kept(workshop: Workshop) -> None:
    model = workshop.candidate(gate_passed=False)
    assert refusal(lambda: registry.promote(model, by=None)) == "gate-not-passed"
    assert refusal(lambda: registry.promote(model, by=None, override_reason=" ")) == (
        "gate-not-passed"
    )
    registry.promote(model, by=None, override_reason="The old one is worse.")
    assert AuditEvent.objects.latest("pk").detail == "docs-v0001: The old one is worse."


def test_promoting_what_serves_changes_nothing(workshop: Workshop) -> None:
    registry.promote(workshop.candidate(), by=None)
    model = registry.promote(workshop.candidate(), by=None)
    assert registry.promote(model, by=None) == model
    assert stages() == {"docs-v0001": "retired", "docs-v0002": "serving"}
    model.refresh_from_db()
    assert model.previous == ModelVersion.objects.get(name="docs-v0001")
    assert AuditEvent.objects.count() == 2


def changed(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda root: changed(root / "adapters/docs-v0002/adapter_model.safetensors"),
        lambda root: changed(root / "docs-v0002/model.safetensors"),
        lambda root: (root / "docs-v0002/config.json").unlink(),
        lambda root: (root / "docs-v0002/extra.py").write_text("import os"),
        lambda root: model_store.remove((root / "docs-v0002").name),
    ],
    ids=["adapter", "merged", "missing file", "added file", "no files"],
)
def test_tampered_files_never_serve(
    tamper: Callable[[Path], None], workshop: Workshop, settings: Settings
) -> None:
    registry.promote(workshop.candidate(), by=None)
    model = workshop.candidate()
    tamper(settings.TUNED_DIR)
    assert refusal(lambda: registry.promote(model, by=None)) == "tampered"
    assert stages() == {"docs-v0001": "serving", "docs-v0002": "candidate"}


def test_way_back_to_tampered_files_is_closed(workshop: Workshop, settings: Settings) -> None:
    for _ in range(2):
        registry.promote(workshop.candidate(), by=None)
    changed(settings.TUNED_DIR / "docs-v0001/model.safetensors")
    assert refusal(lambda: registry.roll_back(by=None)) == "tampered"
    assert stages()["docs-v0002"] == "serving"


def test_model_without_a_merged_one_does_not_serve_on_the_embedded_server(
    workshop: Workshop,
) -> None:
    model = workshop.candidate(merged=None)
    assert refusal(lambda: registry.promote(model, by=None)) == "tampered"


def test_tainted_version_neither_serves_nor_comes_back(
    workshop: Workshop, wiki: Collection, readers: dict[int, tuple[int, ...]]
) -> None:
    first, second = workshop.candidate(readers=readers), workshop.candidate()
    registry.promote(first, by=None)
    registry.promote(second, by=None)
    wiki.readers.add(Group.objects.create(name="few"))
    assert refusal(lambda: registry.roll_back(by=None)) == "tainted"
    assert refusal(lambda: registry.promote(first, by=None)) == "tainted"
    assert stages() == {"docs-v0001": "retired", "docs-v0002": "serving"}


def test_models_for_different_readers_serve_side_by_side(
    workshop: Workshop, wiki: Collection, vault: Collection
) -> None:
    group = vault.readers.get()
    for readers in ({wiki.pk: ()}, {vault.pk: (group.pk,)}, {vault.pk: (group.pk,)}):
        registry.promote(workshop.candidate(readers=readers), by=None)
    assert stages() == {
        "docs-v0001": "serving",
        "docs-v0002": "retired",
        "docs-v0003": "serving",
    }
    audience = ModelVersion.objects.get(name="docs-v0003").audience
    assert registry.roll_back(by=None, audience=audience).name == "docs-v0002"
    assert stages()["docs-v0001"] == "serving"


@pytest.mark.django_db(transaction=True)
def test_promotions_at_once_end_one_after_the_other(workshop: Workshop) -> None:
    candidates = [workshop.candidate() for _ in range(4)]
    begin = threading.Barrier(len(candidates))

    def promote(model: ModelVersion) -> None:
        try:
            begin.wait()
            registry.promote(model, by=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(candidates)) as pool:
        list(pool.map(promote, candidates))
    serving = ModelVersion.objects.get(stage="serving")
    chain = [serving.name]
    while serving.previous is not None:
        serving = serving.previous
        chain.append(serving.name)
    assert sorted(chain) == [model.name for model in candidates]
    in_order = [event.detail.split()[0] for event in AuditEvent.objects.order_by("-pk")]
    assert chain == in_order


# --- Out ---------------------------------------------------------------------------------------
def test_old_files_go_and_their_rows_stay(workshop: Workshop, settings: Settings) -> None:
    settings.TUNED_VERSIONS_KEPT = 1
    trials.begin_canary(workshop.candidate(), share=10, by=None)
    for _ in range(3):
        registry.promote(workshop.candidate(), by=None)
    workshop.candidate()
    workshop.candidate()
    kept = ["docs-v0001", "docs-v0003", "docs-v0004", "docs-v0006"]  # canary, way back, serving
    assert folders(settings) == [*(f"adapters/{name}" for name in kept), *kept]
    pruned = ModelVersion.objects.exclude(pruned_at=None).order_by("number")
    assert [model.name for model in pruned] == ["docs-v0002", "docs-v0005"]
    assert refusal(lambda: registry.promote(pruned[0], by=None)) == "pruned"
    assert registry.prune(keep=0) == ["docs-v0006"]


def test_files_that_a_killed_process_did_not_come_to_remove_go_with_the_next(
    workshop: Workshop, settings: Settings
) -> None:
    model = workshop.candidate()
    ModelVersion.objects.filter(pk=model.pk).update(pruned_at=model.created_at)
    assert registry.prune() == []
    assert folders(settings) == []


def test_taught_questions_go_with_the_files_also_those_that_a_killed_process_left(
    workshop: Workshop,
) -> None:
    gone, left, kept = (workshop.candidate() for _ in range(3))
    TaughtQuestions.objects.bulk_create(
        TaughtQuestions(model=model, embedder="e", questions=[], vectors=b"", sha256="")
        for model in (gone, left, kept)
    )
    ModelVersion.objects.filter(pk=left.pk).update(pruned_at=left.created_at)
    assert registry.prune(keep=1) == [gone.name]
    assert [taught.model for taught in TaughtQuestions.objects.all()] == [kept]


def test_deleted_person_leaves_the_record_of_a_promotion(workshop: Workshop) -> None:
    admin = User.objects.create_user("gone")
    registry.promote(workshop.candidate(), by=admin)
    admin.delete()
    assert AuditEvent.objects.latest("pk").detail == "docs-v0001"
