"""Whether a model can be calibrated, by what its questions find, and what it keeps if not."""

from contextlib import AbstractContextManager

import pytest

from ingestion.models import Collection
from router.calibration import from_json
from router.models import ModelVersion
from tests.documents import passage, publish
from tests.model_files import certified
from tests.pairs import a_model
from tests.router.retrieval.hashed_words import HashedWords
from tests.training.evaluations import a_dataset, a_question, a_trained_run, no_servers
from training import checking
from training.calibrating import calibrate
from training.models import Evaluation, EvaluationItem, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


PORTS = {"crane": 7000, "gate": 7001, "scale": 7002}


@pytest.fixture
def run(wiki: Collection) -> TrainingRun:
    """Evaluated on a question about each port, all answered rightly."""
    texts = [passage(f"The {name} listens on port {port}.", name) for name, port in PORTS.items()]
    guide = publish(wiki, "ports.md", texts, title="Ports").document
    questions = [
        a_question(number, f"Which port has the {name}?", str(port), document=guide)
        for number, (name, port) in enumerate(PORTS.items(), start=1)
    ]
    run = a_trained_run(a_dataset([wiki], questions)).run
    evaluation = Evaluation.objects.create(run=run, system=Evaluation.System.TUNED)
    for question in questions:
        EvaluationItem.objects.create(
            evaluation=evaluation,
            number=question.id,
            document=guide,
            fact_id=question.fact,
            kind=question.kind,
            domain=question.domain,
            question=question.question,
            expected=list(question.answers),
            answer=question.answers[0],
            correct=True,
            token_f1=1,
            refused=False,
            ms=1,
        )
    return run


@pytest.fixture
def model(wiki: Collection) -> ModelVersion:
    """Calibrated before."""
    model = a_model([wiki], [])
    model.calibration = certified().as_json()
    model.save()
    return model


def test_calibration_is_replaced_by_one_of_all_questions(
    run: TrainingRun, model: ModelVersion
) -> None:
    fitted = calibrate(model, run, servers=no_servers)
    model.refresh_from_db()
    assert from_json(model.calibration) == fitted != certified()


def test_calibration_stays_where_the_embedding_server_ends_in_the_middle(
    run: TrainingRun,
    model: ModelVersion,
    embedder: HashedWords,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "BREAK_SECONDS", 0.0)
    looked_for = iter(PORTS)

    def check() -> None:
        if next(looked_for) == "gate":
            embedder.status = 500

    assert calibrate(model, run, servers=no_servers, check=check) is None
    model.refresh_from_db()
    assert from_json(model.calibration) == certified()


def test_defect_is_not_taken_for_readers_of_nothing_else(
    run: TrainingRun, model: ModelVersion
) -> None:
    def servers() -> AbstractContextManager[None]:
        raise KeyError("a name that is not there")

    with pytest.raises(KeyError):
        calibrate(model, run, servers=servers)
