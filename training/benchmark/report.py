"""The report of a benchmark: everything that is told of it, as JSON takes it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from router.prices import Prices
from training.benchmark.answers import Answered
from training.benchmark.baselines import ENGINES, RANDOM, Answers, at_random, routers
from training.benchmark.questions import Question
from training.benchmark.scoring import (
    Scored,
    intervals,
    measured,
    over_runs,
    scored,
)
from training.metrics import Outcome, paired_difference

TUNED, RAG, HYBRID, UNTUNED = "tuned", "rag", "hybrid", "untuned"
WITHOUT_MODEL = "without-model"


@dataclass(frozen=True, slots=True)
class Found:
    """What the passages found for a question tell, each passage current and readable.

    `covered`: the serving tuned model was trained on questions about the very text of the best one.
    `shown`: one of them holds a right answer.
    """

    covered: bool
    shown: bool


def report(
    questions: Sequence[Question],
    found: Mapping[int, Found],
    answers: Sequence[Answered],
    prices: Prices,
) -> dict[str, Any]:
    """Systems, baselines, route shares, intervals and gains; `found` is by question number.

    Baselines need both `tuned` and `rag`; `random` also needs `hybrid`, whose tuned share it has.
    `gains` of the hybrid over each other one are paired on the same questions.
    """
    systems = _by_system(questions, found, answers)
    baselines = _baselines(systems, found)
    figures = {name: _figures(given, prices) for name, given in baselines.items()}
    if baselines and HYBRID in systems:
        figures[RANDOM] = _random(systems, prices)
    return {
        "systems": {name: _figures(given, prices) for name, given in systems.items()},
        "baselines": figures,
        "route_share": {name: measured(given, prices).routes for name, given in systems.items()},
        "ci95": {name: intervals(given) for name, given in (systems | baselines).items()},
        "over_runs": {name: over_runs(given, prices) for name, given in systems.items()},
        "gains": _gains(systems.get(HYBRID, ()), systems | _without_engines(baselines)),
        "runs": len({answer.run for answer in answers}),
    }


def _by_system(
    questions: Sequence[Question], found: Mapping[int, Found], answers: Sequence[Answered]
) -> dict[str, Answers]:
    systems: dict[str, list[Scored]] = {}
    for said in answers:
        judged = scored(questions[said.question], said, shown=found[said.question].shown)
        systems.setdefault(said.system, []).append(judged)
    return dict(systems)


def _baselines(systems: Mapping[str, Answers], found: Mapping[int, Found]) -> dict[str, Answers]:
    if not {TUNED, RAG} <= systems.keys():
        return {}
    covered = {number for number, one in found.items() if one.covered}
    return routers(systems[TUNED], systems[RAG], covered)


def _without_engines(baselines: Mapping[str, Answers]) -> dict[str, Answers]:
    return {name: given for name, given in baselines.items() if name not in ENGINES}


def _figures(answers: Answers, prices: Prices) -> dict[str, Any]:
    kinds = {kind: measured(given, prices).as_json() for kind, given in _by_kind(answers).items()}
    return measured(answers, prices).as_json() | {"by_kind": kinds}


def _random(systems: Mapping[str, Answers], prices: Prices) -> dict[str, Any]:
    """At the hybrid's share of questions that the tuned model answers."""
    tuned, rag, hybrid = systems[TUNED], systems[RAG], systems[HYBRID]
    share = measured(hybrid, prices).routes[TUNED]
    others = _by_kind(rag)
    kinds = {
        kind: at_random(given, others[kind], share, prices).as_json()
        for kind, given in _by_kind(tuned).items()
    }
    return at_random(tuned, rag, share, prices).as_json() | {"by_kind": kinds}


def _by_kind(answers: Answers) -> dict[str, Answers]:
    kinds: dict[str, list[Scored]] = {}
    for one in answers:
        kinds.setdefault(one.kind, []).append(one)
    return dict(kinds)


def _gains(hybrid: Answers, systems: Mapping[str, Answers]) -> dict[str, dict[str, Any]]:
    """How much more often the hybrid is right than each other one: `exact_match` of the answerable
    questions, `correct` of all."""
    return {
        name: {
            "exact_match": _gain(
                [one for one in hybrid if one.outcome.answerable], given, lambda o: o.exact
            ),
            "correct": _gain(hybrid, given, lambda o: o.correct),
        }
        for name, given in systems.items()
        if name != HYBRID and hybrid
    }


def _gain(
    hybrid: Answers, others: Answers, value: Callable[[Outcome], float]
) -> dict[str, Any] | None:
    """None: there is no question to compare."""
    by_key = {one.key: one for one in others}
    pairs = [(one, by_key[one.key]) for one in hybrid if one.key in by_key]
    if not pairs:
        return None
    difference = paired_difference(
        [value(one.outcome) for one, _ in pairs],
        [value(other.outcome) for _, other in pairs],
        [one.outcome.fact for one, _ in pairs],
    )
    return asdict(difference)
