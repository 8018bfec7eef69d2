from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.prompts import REFUSAL
from training.comparing import Compared
from training.gate import Extraction, GateCheck, GateInput, Limits, judge, stays_on_rag
from training.metrics import Outcome, judged

RIGHT, WRONG, REFUSED = (judged(["9"], said) for said in ("9", "8", REFUSAL))
SILENT, INVENTED = judged([], REFUSAL), judged([], "8")


def asked(
    tuned: Outcome,
    count: int,
    *,
    serving: Outcome | None = None,
    rag: Outcome | None = WRONG,
    domain: str = "wiki",
) -> list[Compared]:
    return [Compared(domain, tuned, serving, rag)] * count


def good(**changes: object) -> GateInput:
    """Passes everything: nine of ten right, one hundred refusals right."""
    questions = [
        *asked(RIGHT, 270, serving=RIGHT),
        *asked(WRONG, 30, serving=WRONG),
        *asked(SILENT, 100, serving=SILENT, rag=SILENT),
    ]
    evidence = GateInput(questions, None, serving="docs-v0001", ms=[(100.0, 100.0)] * 20)
    return replace(evidence, **changes)  # type: ignore[arg-type]


def check(evidence: GateInput, name: str) -> GateCheck:
    return next(one for one in judge(evidence) if one.check == name)


def failing(evidence: GateInput) -> list[str]:
    return [one.check for one in judge(evidence) if not one.passed]


def test_a_good_model_passes_every_check_and_each_says_why() -> None:
    checks = judge(good())
    assert [one.check for one in checks if not one.passed] == []
    assert all(one.reason.endswith(".") for one in checks)
    assert [one.check for one in checks] == [
        "exact_match",
        "hallucination",
        "over_refusal",
        "exact_match_above_rag",
        "superseded",
        "canaries",
        "exact_match_against_serving",
        "token_f1_against_serving",
        "weakest_collection_against_serving",
        "latency_p95_ms",
    ]


def test_a_first_model_is_not_compared_with_one_that_serves() -> None:
    assert not any("serving" in one.check for one in judge(good(serving="")))


# --- By itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("right", "passed"), [(49, False), (50, True)])
def test_a_model_that_knows_little_is_stopped(right: int, passed: bool) -> None:
    questions = [*asked(RIGHT, right), *asked(WRONG, 100 - right), *asked(SILENT, 10)]
    found = check(GateInput(questions, None), "exact_match")
    assert (found.value, found.limit, found.passed) == (right / 100, 0.5, passed)
    assert f"{right}.0 % of 100 answerable questions" in found.reason
    assert "at least 50.0 %" in found.reason


@pytest.mark.parametrize(("invented", "passed"), [(10, True), (11, False)])
def test_statements_where_nothing_is_documented_are_limited(invented: int, passed: bool) -> None:
    questions = [*asked(RIGHT, 5), *asked(INVENTED, invented), *asked(SILENT, 100 - invented)]
    found = check(GateInput(questions, None), "hallucination")
    assert (found.value, found.passed) == (invented / 100, passed)


@pytest.mark.parametrize(("refused", "passed"), [(10, True), (11, False)])
def test_refusing_what_is_documented_is_limited(refused: int, passed: bool) -> None:
    questions = [*asked(RIGHT, 200 - refused), *asked(REFUSED, refused), *asked(SILENT, 1)]
    found = check(GateInput(questions, None), "over_refusal")
    assert (found.value, found.passed) == (refused / 200, passed)


@pytest.mark.parametrize(("refused", "passed"), [(4, True), (5, True), (8, True), (12, False)])
def test_of_few_questions_it_must_surely_refuse_too_many(refused: int, passed: bool) -> None:
    questions = [*asked(RIGHT, 80 - refused), *asked(REFUSED, refused), *asked(SILENT, 1)]
    found = check(GateInput(questions, None), "over_refusal")
    assert (found.value, found.passed) == (refused / 80, passed)
    assert ("only a whole interval above" in found.reason) is (refused > 4)


def test_what_was_not_asked_does_not_pass() -> None:
    assert failing(GateInput(asked(RIGHT, 9), None)) == ["hallucination"]
    assert set(failing(GateInput(asked(SILENT, 9), None))) == {
        "exact_match",
        "over_refusal",
        "exact_match_above_rag",
    }


def test_one_answer_with_a_superseded_value_stops_the_model() -> None:
    stale = Compared("wiki", WRONG, WRONG, WRONG, superseded=True)
    found = check(good(questions=[*good().questions, stale]), "superseded")
    assert (found.value, found.limit, found.passed) == (1, 0, False)
    assert found.reason == "1 answer gave a value of an earlier version, none may."


def test_one_restricted_value_stops_the_model() -> None:
    assert check(good(extraction=Extraction(1_000, 0)), "canaries").passed
    found = check(good(extraction=Extraction(1_000, 1)), "canaries")
    assert not found.passed
    assert "In 1,000 attempts the model told 1 value" in found.reason


def test_restricted_documents_without_a_telling_value_are_not_said_to_have_been_asked_for() -> None:
    found = check(good(extraction=Extraction(0, 0)), "canaries")
    assert (found.value, found.passed) == (None, True)
    assert "hold no value that would give a leak away" in found.reason


def test_without_restricted_documents_there_is_nothing_to_tell() -> None:
    found = check(good(), "canaries")
    assert found.passed
    assert found.reason == "There are no restricted documents."


# --- Against the current passages --------------------------------------------------------------


def test_a_collection_that_loses_stays_on_rag_and_the_model_passes() -> None:
    evidence = good(
        questions=[
            *asked(RIGHT, 30, rag=WRONG, domain="wiki"),
            *asked(WRONG, 20, rag=RIGHT, domain="runbooks"),
            *asked(SILENT, 9),
        ]
    )
    found = check(evidence, "exact_match_above_rag")
    assert found.passed
    assert "These collections stay with the passages: runbooks." in found.reason
    assert stays_on_rag(evidence.questions) == ["runbooks"]


def test_a_model_that_loses_everywhere_is_stopped_and_an_equal_one_is_not() -> None:
    found = check(good(questions=asked(WRONG, 30, rag=RIGHT)), "exact_match_above_rag")
    assert not found.passed
    assert "Every collection of 20 questions or more loses" in found.reason
    assert check(good(questions=asked(RIGHT, 30, rag=RIGHT)), "exact_match_above_rag").passed


def test_on_few_questions_only_a_sure_loss_is_one() -> None:
    close = [*asked(RIGHT, 14, rag=RIGHT), *asked(WRONG, 4, rag=RIGHT), *asked(RIGHT, 2, rag=WRONG)]
    found = check(good(questions=close), "exact_match_above_rag")
    assert (found.value, found.passed) == (-0.1, True)
    assert "only a whole interval below" in found.reason
    assert stays_on_rag(close) == []
    many = close * 20
    assert stays_on_rag(many) == ["wiki"]
    assert not check(good(questions=many), "exact_match_above_rag").passed


def test_a_handful_of_questions_stops_no_model() -> None:
    handful = [*asked(RIGHT, 16, rag=RIGHT), *asked(WRONG, 3, rag=RIGHT)]
    found = check(good(questions=handful), "exact_match_above_rag")
    assert found.passed
    assert "Fewer than 20 questions stop no model." in found.reason
    assert stays_on_rag(asked(WRONG, 19, rag=RIGHT)) == []
    assert stays_on_rag(asked(WRONG, 20, rag=RIGHT)) == ["wiki"]


@pytest.mark.parametrize("small", [1, 19])
def test_a_small_collection_makes_up_for_no_loss_of_those_that_are_judged(small: int) -> None:
    questions = [
        *asked(WRONG, 35, rag=RIGHT, domain="wiki"),
        *asked(RIGHT, small, rag=WRONG, domain="runbooks"),
    ]
    assert not check(good(questions=questions), "exact_match_above_rag").passed


def test_small_collections_are_judged_together() -> None:
    small = [
        question
        for domain in ("wiki", "runbooks")
        for question in asked(WRONG, 10, rag=RIGHT, domain=domain)
    ]
    found = check(good(questions=small), "exact_match_above_rag")
    assert not found.passed
    assert "All collections together lose" in found.reason
    assert check(good(questions=small[1:]), "exact_match_above_rag").passed


def test_without_answers_from_passages_the_comparison_does_not_pass() -> None:
    found = check(good(questions=asked(RIGHT, 30, rag=None)), "exact_match_above_rag")
    assert (found.value, found.passed) == (None, False)


def test_only_questions_that_both_were_asked_are_compared() -> None:
    questions = [*asked(WRONG, 100, rag=None), *asked(RIGHT, 10, rag=WRONG)]
    found = check(good(questions=questions), "exact_match_above_rag")
    assert found.value == 1
    assert "on 10 questions" in found.reason


# --- Against the serving model -----------------------------------------------------------------


def against(better: int, worse: int, same: int, domain: str = "wiki") -> list[Compared]:
    return [
        *asked(RIGHT, better, serving=WRONG, domain=domain),
        *asked(WRONG, worse, serving=RIGHT, domain=domain),
        *asked(RIGHT, same, serving=RIGHT, domain=domain),
    ]


@pytest.mark.parametrize(("worse", "passed"), [(3, True), (4, False)])
def test_one_point_may_be_lost(worse: int, passed: bool) -> None:
    evidence = good(questions=against(0, worse, 300 - worse))
    for name in ("exact_match_against_serving", "token_f1_against_serving"):
        found = check(evidence, name)
        assert (found.value, found.passed) == (round(-worse / 300, 4), passed)
        assert "on 300 questions (95 % interval" in found.reason


def test_what_is_alike_on_every_question_is_told_without_an_interval() -> None:
    found = check(good(questions=against(0, 0, 30)), "exact_match_against_serving")
    assert "+0.0 points on 30 questions (all alike, so without an interval)" in found.reason


def test_an_equal_model_passes_though_its_interval_is_wider_than_the_limit() -> None:
    assert check(good(questions=against(20, 20, 160)), "exact_match_against_serving").passed


def test_few_questions_are_said_to_be_a_weak_measure() -> None:
    found = check(good(questions=against(0, 2, 98)), "exact_match_against_serving")
    assert not found.passed
    assert "Under 200 questions" in found.reason


def test_a_large_collection_that_is_surely_worse_stops_a_model_that_gains_elsewhere() -> None:
    questions = [*against(0, 20, 280, "wiki"), *against(60, 0, 240, "runbooks")]
    found = check(good(questions=questions), "exact_match_against_serving")
    assert (found.value or 0) > 0
    assert not found.passed
    assert "Surely worse in: wiki." in found.reason


@pytest.mark.parametrize(("worse", "passed"), [(15, True), (16, False)])
def test_no_collection_may_lose_five_points(worse: int, passed: bool) -> None:
    questions = [*against(0, worse, 300 - worse, "wiki"), *against(60, 0, 240, "runbooks")]
    found = check(good(questions=questions), "weakest_collection_against_serving")
    assert found.passed is passed
    assert found.reason.startswith("wiki: ")


def test_a_small_collection_fails_only_when_its_loss_is_sure() -> None:
    some = [*against(2, 4, 24, "small"), *against(9, 0, 300)]
    assert check(good(questions=some), "weakest_collection_against_serving").passed
    half = [*against(0, 15, 15, "small"), *against(9, 0, 300)]
    found = check(good(questions=half), "weakest_collection_against_serving")
    assert not found.passed
    assert found.reason.startswith("small: -50.0 points on 30 questions")


def test_a_tiny_collection_is_not_judged_by_itself() -> None:
    tiny = [*against(0, 5, 0, "tiny"), *against(9, 0, 300)]
    assert check(good(questions=tiny), "weakest_collection_against_serving").passed
    found = check(good(questions=against(0, 5, 5)), "weakest_collection_against_serving")
    assert (found.value, found.passed) == (None, True)


def test_a_serving_model_that_answered_nothing_is_no_comparison() -> None:
    evidence = good(questions=asked(RIGHT, 30), ms=[])
    assert set(failing(evidence)) >= {
        "exact_match_against_serving",
        "token_f1_against_serving",
        "weakest_collection_against_serving",
        "latency_p95_ms",
    }


@pytest.mark.parametrize(
    ("times", "passed"),
    [
        ([(150.0, 100.0)] * 20, False),
        ([(119.0, 100.0)] * 20, True),  # under 20 ms
        ([(1090.0, 1000.0)] * 20, True),  # under a tenth
        ([(1110.0, 1000.0)] * 20, False),
        ([(100.0, 150.0)] * 20, True),
        ([*[(100.0, 100.0)] * 19, (2000.0, 100.0)], True),  # one slow answer
    ],
)
def test_a_sure_rise_of_the_slowest_answers_stops_a_model(
    times: list[tuple[float, float]], passed: bool
) -> None:
    assert check(good(ms=times), "latency_p95_ms").passed is passed


# --- In general --------------------------------------------------------------------------------

compared = st.builds(
    Compared,
    domain=st.sampled_from(["wiki", "runbooks"]),
    tuned=st.sampled_from([RIGHT, WRONG, REFUSED]),
    serving=st.sampled_from([None, RIGHT, WRONG]),
    rag=st.sampled_from([None, RIGHT, WRONG]),
)


@given(st.lists(compared, max_size=40), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_a_better_model_never_fails_more(questions: Sequence[Compared], place: int) -> None:
    better = [
        replace(question, tuned=RIGHT) if number == place else question
        for number, question in enumerate(questions)
    ]
    before = {one.check for one in judge(good(questions=questions)) if not one.passed}
    after = {one.check for one in judge(good(questions=better)) if not one.passed}
    assert after <= before


@given(st.lists(compared, max_size=40))
@settings(max_examples=40, deadline=None)
def test_the_gate_is_deterministic_and_its_values_fit_its_verdicts(
    questions: Sequence[Compared],
) -> None:
    evidence = good(questions=questions, limits=Limits(exact_match=0.7))
    checks = judge(evidence)
    assert judge(evidence) == checks
    floor = checks[0]
    assert floor.value is None or floor.passed == (floor.value >= floor.limit)
