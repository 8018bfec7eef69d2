"""How a model did on the questions that were held out of what it was taught, by their passages."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from training.datasets.manifest import TEST
from training.evaluation import dataset_of
from training.models import Evaluation, EvaluationItem, TrainingRun
from training.rows import read_questions

Outcomes = Mapping[str, Mapping[int, bool]]
"""By content hash of the passage and number of the question, whether the answer was right."""


def outcomes_of(run: TrainingRun) -> Outcomes:
    """Those of the model that `run` made."""
    passage_of = {one.id: one.passage for one in read_questions(dataset_of(run).folder / TEST)}
    tuned = run.evaluations.get(system=Evaluation.System.TUNED)
    asked = tuned.items.filter(kind=EvaluationItem.Kind.RECALL)
    outcomes: defaultdict[str, dict[int, bool]] = defaultdict(dict)
    for number, right in asked.values_list("number", "correct"):
        outcomes[passage_of[number]][number] = right
    return outcomes


def exact_match(right: Collection[bool]) -> float | None:
    """The share of right answers; None without any question."""
    return sum(right) / len(right) if right else None
