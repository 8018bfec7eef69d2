"""A run on top of the serving model: what it starts from, and when there is nothing to build on."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from ingestion.errors import UserError
from ingestion.models import Collection
from router.adapter_files import weights_sha256
from router.model_store import adapter_folder
from router.models import ModelVersion
from tests.model_files import Workshop, an_adapter
from tests.scripted_llm import ScriptedLLM
from tests.training.datasets.pairs import NAMES, teach
from tests.training.evaluations import a_judged_run
from training import datasets, pipeline, planning, runs
from training.models import TrainingRun
from training.registration import register_model

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture(autouse=True)
def tiny_base(settings: Settings, tiny_llama: Path) -> None:
    settings.MODELS_DIR, settings.BASE_MODEL = tiny_llama.parent, tiny_llama.name


@pytest.fixture
def serving(wiki: Collection, tiny_llama: Path) -> ModelVersion:
    model = ModelVersion.objects.create(
        number=1,
        name="docs-v0001",
        base=tiny_llama.name,
        base_sha256=weights_sha256(tiny_llama),
        gate_passed=True,
        stage="serving",
        readers={str(wiki.pk): []},
    )
    model.collections.add(wiki)
    return model


@pytest.fixture
def append(serving: ModelVersion, wiki: Collection) -> TrainingRun:
    teach(wiki, *NAMES)
    return runs.request(collections=[wiki], by=None, mode="append", enqueue=False)


def test_append_starts_from_the_serving_models_adapter(
    append: TrainingRun, settings: Settings
) -> None:
    dataset = datasets.freeze(collections=list(append.collections.all())).dataset
    config = planning.plan(append, dataset)
    assert Path(config.start) == Path(settings.TUNED_DIR) / "adapters" / "docs-v0001"
    assert config.epochs == 1


def test_nothing_is_appended_to_a_model_of_another_base(
    append: TrainingRun, serving: ModelVersion
) -> None:
    dataset = datasets.freeze(collections=list(append.collections.all())).dataset
    ModelVersion.objects.filter(pk=serving.pk).update(base_sha256="0" * 64)
    with pytest.raises(UserError, match="was changed since") as error:
        planning.plan(append, dataset)
    assert error.value.id == "nothing-to-append-to"


def test_nothing_is_appended_to_a_model_whose_readers_are_fewer_now(
    serving: ModelVersion, wiki: Collection
) -> None:
    wiki.readers.add(Group.objects.create(name="insiders"))
    with pytest.raises(UserError) as error:
        runs.request(collections=[wiki], by=None, mode="append", enqueue=False)
    assert error.value.id == "nothing-to-append-to"


def test_what_the_serving_model_knows_stays_in_the_model_made_on_top_of_it(
    serving: ModelVersion, wiki: Collection, workshop: Workshop, llm: ScriptedLLM
) -> None:
    other = Collection.objects.create(slug="other", name="Other")
    readers: dict[str, list[int]] = {str(wiki.pk): [], str(other.pk): []}
    ModelVersion.objects.filter(pk=serving.pk).update(readers=readers)
    teach(wiki, *NAMES)
    start = str(adapter_folder(serving.name))
    job = a_judged_run(datasets.freeze(collections=[wiki]).dataset, workshop.base, start=start)
    an_adapter(job.run.folder / "adapter")
    llm.adapters = {}
    llm.will_say("7000")
    model = register_model(job.run, passed=True, check=lambda: None)
    assert model.readers == readers
    assert set(model.collections.all()) == {wiki, other}
    other.readers.add(Group.objects.create(name="insiders"))
    pipeline.conclude(job, model)
    assert job.run.state == TrainingRun.State.REJECTED
