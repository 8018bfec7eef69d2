"""What answers are worth, by tables that can be checked by hand, and by what always holds."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.prices import Prices
from router.prompts import REFUSAL
from tests.training.benchmark.answers import judged, said
from training.benchmark.baselines import (
    ALWAYS_RAG,
    ALWAYS_TUNED,
    ORACLE,
    PROVENANCE,
    at_random,
    routers,
)
from training.benchmark.questions import Question
from training.benchmark.report import Found, report
from training.benchmark.scoring import Scored, intervals, is_stale, measured, over_runs

PRICES = Prices(prompt=0.15, completion=0.6)
KNOWN = Question(0, "a", "How often?", ("9 times", "nine times"), "changed", "8 times")
UNKNOWN = Question(1, "b", "Who?", (), "absent")
REMOVED = Question(2, "c", "How long?", (), "removed", "5 s")
QUESTIONS = [KNOWN, UNKNOWN, REMOVED]

few = settings(max_examples=25, deadline=None)
texts = st.sampled_from(["9 times", "8 times", "nine times, not 8 times", "5 s", "x", REFUSAL])


@st.composite
def answers(draw: st.DrawFn, system: str = "rag") -> list[Scored]:
    """One to each question."""
    return [
        judged(
            question,
            said(0, draw(texts), system=system, ms=draw(st.integers(1, 900))),
            shown=draw(st.booleans()),
        )
        for question in QUESTIONS
    ]


# --- One answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "text", "stale"),
    [
        (KNOWN, "8 times", True),
        (KNOWN, "It is 8 Times.", True),
        (KNOWN, "8 times until May, now 9 times", False),
        (KNOWN, "18 times", False),
        (KNOWN, REFUSAL, False),
        (REMOVED, "5 s", True),
        (REMOVED, "15 s", False),
        (UNKNOWN, "8 times", None),
    ],
)
def test_superseded_value_counts_where_no_right_one_stands_beside_it(
    question: Question, text: str, stale: bool | None
) -> None:
    assert is_stale(question, text) is stale


# --- Many answers ------------------------------------------------------------------------------


def test_measures_of_a_few_answers_are_those_counted_by_hand() -> None:
    found = measured(
        [
            judged(KNOWN, said(0, "9 times", ms=100, tokens=(300, 20))),
            judged(KNOWN, said(0, REFUSAL, run=2, ms=200, tokens=None), shown=True),
            judged(UNKNOWN, said(1, REFUSAL, ms=300, tokens=(100, 20))),
            judged(REMOVED, said(2, "5 s", system="tuned", ms=400, tokens=(200, 20))),
        ],
        PRICES,
    )
    assert found.as_json() == {
        "n": 3,
        "exact_match": 0.5,
        "token_f1": 0.5,
        "contains": 0.5,
        "correct": 0.5,
        "over_refusal": 0.5,
        "answer_shown": 1.0,
        "refusal_precision": 0.5,
        "refusal_recall": 0.5,
        "stale_rate": pytest.approx(1 / 3),
        "ms_p50": 250.0,
        "ms_p99": pytest.approx(397.0),
        "prompt_tokens": 200.0,
        "completion_tokens": 20.0,
        "tokens_per_answer": 220.0,
        "uncounted": 0.25,
        # 10,000 answers of 200 and 20 tokens: 2 M × $0.15 + 0.2 M × $0.60.
        "cost_per_10k": pytest.approx(0.42),
        "routes": {"tuned": 0.25, "rag": 0.25, "refused": 0.5},
    }


def test_share_with_nothing_to_count_is_none() -> None:
    found = measured([judged(UNKNOWN, said(1, "x", tokens=None))], PRICES)
    assert (found.exact_match, found.stale_rate, found.refusal_precision) == (None, None, None)
    assert (found.tokens_per_answer, found.cost_per_10k) == (None, None)


@few
@given(answers(), st.integers(2, 3))
def test_asking_the_same_again_makes_nobody_surer(once: list[Scored], runs: int) -> None:
    again = [
        replace(one, said=replace(one.said, run=run)) for run in range(1, runs + 1) for one in once
    ]
    assert intervals(again) == {
        name: pytest.approx(interval) for name, interval in intervals(once).items()
    }
    spread = over_runs(again, PRICES)
    assert all(least == most for least, most in spread.values())


# --- Routers -----------------------------------------------------------------------------------


@few
@given(answers("tuned"), answers())
def test_oracle_is_never_less_right_than_either(tuned: list[Scored], rag: list[Scored]) -> None:
    best = routers(tuned, rag, set())[ORACLE]
    for chosen, one, other in zip(best, tuned, rag, strict=True):
        assert chosen in (one, other)
        assert chosen.outcome.correct == (one.outcome.correct or other.outcome.correct)


@few
@given(answers("tuned"), answers(), st.sets(st.sampled_from([0, 1, 2])))
def test_provenance_asks_the_tuned_model_what_it_was_trained_on(
    tuned: list[Scored], rag: list[Scored], covered: set[int]
) -> None:
    chosen = routers(tuned, rag, covered)
    assert [one.said.system for one in chosen[PROVENANCE]] == [
        "tuned" if number in covered else "rag" for number in range(3)
    ]
    assert (chosen[ALWAYS_TUNED], chosen[ALWAYS_RAG]) == (tuned, rag)


@few
@given(answers("tuned"), answers(), st.integers(0, 4))
def test_random_router_is_what_drawing_every_way_comes_to(
    tuned: list[Scored], rag: list[Scored], quarters: int
) -> None:
    """With a share of k in four, of four askers of each question k are sent to the tuned model."""
    mixture = at_random(tuned, rag, quarters / 4, PRICES)
    every = measured([*tuned * quarters, *rag * (4 - quarters)], PRICES)
    left_out = ("answer_shown", "ms_p50", "ms_p99")
    for name, value in every.as_json().items():
        if name not in left_out:
            assert getattr(mixture, name) == pytest.approx(value), name
    times = sorted(one.said.ms for one in [*tuned * quarters, *rag * (4 - quarters)])
    assert mixture.ms_p50 in times[5:7]
    assert mixture.ms_p99 == times[-1]


# --- The report --------------------------------------------------------------------------------


def test_report_compares_systems_and_routers_on_the_same_questions() -> None:
    told = report(
        QUESTIONS,
        {0: Found(covered=True, shown=True), 1: Found(False, False), 2: Found(False, False)},
        [
            *(said(n, "9 times", system="tuned", ms=10) for n in range(3)),
            *(said(n, REFUSAL, system="rag", ms=30) for n in range(3)),
            said(0, "9 times", system="hybrid", route="tuned"),
            *(said(n, REFUSAL, system="hybrid") for n in (1, 2)),
        ],
        PRICES,
    )
    assert told["runs"] == 1
    assert {name: one["correct"] for name, one in told["systems"].items()} == {
        "tuned": pytest.approx(1 / 3),
        "rag": pytest.approx(2 / 3),
        "hybrid": 1.0,
    }
    assert {name: one["correct"] for name, one in told["baselines"].items()} == {
        "always tuned": pytest.approx(1 / 3),
        "always rag": pytest.approx(2 / 3),
        "provenance only": 1.0,
        "oracle": 1.0,
        # A third goes to the tuned model: 1/3 × 1/3 + 2/3 × 2/3.
        "random": pytest.approx(5 / 9),
    }
    assert told["systems"]["hybrid"]["by_kind"]["changed"]["n"] == 1
    assert told["route_share"]["hybrid"] == pytest.approx(
        {"tuned": 1 / 3, "rag": 0.0, "refused": 2 / 3}
    )
    assert told["gains"]["rag"]["exact_match"]["estimate"] == 1.0
    assert told["ci95"]["tuned"]["exact_match"] == pytest.approx((0.025, 1.0))


def test_report_of_one_system_has_no_baselines_and_no_gains() -> None:
    found = {number: Found(False, False) for number in range(3)}
    told = report(QUESTIONS, found, [said(n, REFUSAL) for n in range(3)], PRICES)
    assert (told["baselines"], told["gains"]) == ({}, {})
