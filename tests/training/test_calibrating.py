"""Whether a model can be calibrated, by what its questions find, and what it keeps if not."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from math import log
from statistics import fmean
from types import MappingProxyType

import pytest

from ingestion.models import Collection, Document
from router.calibration import from_json
from router.models import ModelCoverage, ModelVersion
from router.prompts import REFUSAL
from router.signals import FEATURES, HELDOUT_QUESTIONS, PRIOR_EXACT, PRIOR_QUESTIONS
from tests.documents import passage, publish
from tests.model_files import certified
from tests.pairs import a_model, a_pair
from tests.router.retrieval.hashed_words import HashedWords
from tests.training.evaluations import a_dataset, a_question, a_trained_run, no_servers
from training import calibrating, checking, precedents
from training.calibrating import calibrate
from training.checking import Relevances
from training.models import Evaluation, EvaluationItem, QAPair, TrainingRun
from training.rows import Question

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]


PORTS = {"crane": 7000, "gate": 7001, "scale": 7002}
TEXTS = {name: passage(f"The {name} listens on port {port}.", name) for name, port in PORTS.items()}


def judged(
    run: TrainingRun, questions: Sequence[Question], wrong: Mapping[int, str] = MappingProxyType({})
) -> None:
    """Each answered rightly, but for the `wrong` answers, by the numbers of their questions."""
    evaluation = Evaluation.objects.create(run=run, system=Evaluation.System.TUNED)
    for question in questions:
        is_right = question.id not in wrong
        EvaluationItem.objects.create(
            evaluation=evaluation,
            number=question.id,
            document_id=question.document,
            fact_id=question.fact,
            kind=question.kind,
            domain=question.domain,
            question=question.question,
            expected=list(question.answers),
            answer=wrong.get(question.id) or (question.answers or (REFUSAL,))[0],
            correct=is_right,
            token_f1=is_right,
            refused=is_right and not question.answers,
            ms=1,
        )


def about_ports(guide: Document, *, names: Iterable[str] = PORTS) -> list[Question]:
    """A question about the port of each."""
    return [
        a_question(
            number,
            f"Which port has the {name}?",
            str(PORTS[name]),
            document=guide,
            passage=TEXTS[name].content_hash,
        )
        for number, name in enumerate(names, start=1)
    ]


@pytest.fixture
def guide(wiki: Collection) -> Document:
    return publish(wiki, "ports.md", list(TEXTS.values()), title="Ports").document


@pytest.fixture
def run(wiki: Collection, guide: Document) -> TrainingRun:
    """Evaluated on a question about each port, all answered rightly."""
    questions = about_ports(guide)
    run = a_trained_run(a_dataset([wiki], questions)).run
    judged(run, questions)
    return run


@pytest.fixture
def model(wiki: Collection) -> ModelVersion:
    """Calibrated before."""
    model = a_model([wiki], [])
    model.calibration = certified().as_json()
    model.save()
    return model


def taught(model: ModelVersion, heldout: Mapping[str, float]) -> None:
    """The texts of these names, with so much held-out exact match."""
    for name, exact in heldout.items():
        coverage = {"content_hash": TEXTS[name].content_hash, "pairs": 3, "heldout_exact": exact}
        ModelCoverage.objects.create(model=model, **coverage)


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


def test_what_the_reranker_has_said_of_the_questions_is_not_asked_again(
    run: TrainingRun, model: ModelVersion, embedder: HashedWords
) -> None:
    taught(model, dict.fromkeys(TEXTS, 1.0))
    asked: list[str] = []

    def score(text: str) -> float:
        asked.append(text)
        return 0.9 if str(PORTS["gate"]) in text else 0.1

    embedder.relevance = score
    known: Relevances = {}
    fitted = calibrate(model, run, servers=no_servers, known=known)
    assert asked
    asked.clear()
    assert calibrate(model, run, servers=no_servers, known=known) == fitted
    assert asked == []


@pytest.mark.parametrize(("status", "is_fitted"), [(404, True), (500, False)])
def test_calibration_stays_where_the_reranker_fails_and_not_where_there_is_none(
    run: TrainingRun,
    model: ModelVersion,
    embedder: HashedWords,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    is_fitted: bool,
) -> None:
    monkeypatch.setattr(calibrating, "BREAK_SECONDS", 0.0)
    taught(model, dict.fromkeys(TEXTS, 1.0))
    embedder.reranks = status
    fitted = calibrate(model, run, servers=no_servers)
    assert (fitted is not None) == is_fitted
    model.refresh_from_db()
    assert (from_json(model.calibration) != certified()) == is_fitted


def test_question_that_is_refused_before_any_model_is_asked_is_not_counted(
    wiki: Collection, guide: Document, model: ModelVersion
) -> None:
    invented = a_question(4, "Which port does Heron Ledger listen on?", document=guide)
    questions = [*about_ports(guide), invented]
    run = a_trained_run(a_dataset([wiki], questions)).run
    judged(run, questions)
    taught(model, dict.fromkeys(TEXTS, 1.0))
    fitted = calibrate(model, run, servers=no_servers)
    assert fitted is not None
    assert fitted.questions == fitted.certified == 3


def test_defect_is_not_taken_for_readers_of_nothing_else(
    run: TrainingRun, model: ModelVersion
) -> None:
    def servers() -> AbstractContextManager[None]:
        raise KeyError("a name that is not there")

    with pytest.raises(KeyError):
        calibrate(model, run, servers=servers)


def test_question_is_judged_without_its_own_outcome(
    wiki: Collection, guide: Document, model: ModelVersion
) -> None:
    """What is kept of a passage with one question is the outcome of just that."""
    questions = about_ports(guide)
    run = a_trained_run(a_dataset([wiki], questions)).run
    judged(run, questions, wrong={2: "1"})
    taught(model, {"crane": 1.0, "gate": 0.0, "scale": 1.0})
    fitted = calibrate(model, run, servers=no_servers)
    assert fitted is not None
    assert (fitted.questions, FEATURES[0]) == (3, "taught_logit")
    assert fitted.means[0] == pytest.approx(log(PRIOR_EXACT / (1 - PRIOR_EXACT)))
    # That of a feature which is the same for all.
    assert fitted.scales[0] == 1.0


def test_question_is_judged_with_the_outcomes_of_the_others_on_its_passage(
    wiki: Collection, guide: Document, model: ModelVersion
) -> None:
    questions = about_ports(guide, names=["crane", "crane", "crane"])
    run = a_trained_run(a_dataset([wiki], questions)).run
    judged(run, questions, wrong={2: "1"})
    taught(model, {"crane": 2 / 3})
    fitted = calibrate(model, run, servers=no_servers)
    assert fitted is not None
    assert fitted.questions == 3
    # Of the other two one was right, or both.
    right = [PRIOR_QUESTIONS * PRIOR_EXACT + HELDOUT_QUESTIONS * share for share in (0.5, 1, 0.5)]
    wrong = [PRIOR_QUESTIONS + HELDOUT_QUESTIONS - one for one in right]
    odds = [log(yes / no) for yes, no in zip(right, wrong, strict=True)]
    assert fitted.means[0] == pytest.approx(fmean(odds))
    # All three are of one fold, so that no regression has seen any other question.
    assert {one.believed for one in fitted.bins} == {0.5}


@pytest.mark.parametrize(("leads_there", "errors"), [(False, 1), (True, 0)])
def test_wrong_answer_that_precedents_give_without_the_model_is_not_its_own(
    wiki: Collection, model: ModelVersion, *, leads_there: bool, errors: int
) -> None:
    text = passage("The crane listens on port 7000. It is probed on port 7001.", "Ports")
    version = publish(wiki, "crane.md", [text], title="The crane")
    asked = "Which port does the crane listen on?"
    question = a_question(1, asked, "7000", document=version.document, passage=text.content_hash)
    run = a_trained_run(a_dataset([wiki], [question])).run
    judged(run, [question], wrong={1: "7001"})
    ModelCoverage.objects.create(
        model=model, content_hash=text.content_hash, pairs=3, heldout_exact=1.0
    )
    if leads_there:
        approved = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
        evidence = "It is probed on port 7001."
        a_pair(
            version, "On which port does the crane listen?", "7001", evidence=evidence, **approved
        )
        precedents.refresh()
    fitted = calibrate(model, run, servers=no_servers)
    assert fitted is not None
    assert (fitted.questions, fitted.errors) == (1, errors)
