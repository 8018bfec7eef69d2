"""The policy as a function: whatever is known, the same decision, and never an unsafe one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.calibration import Calibration, from_json
from router.intents import Intent
from router.pins import Reading
from router.policy import RouteAsked, Rule, decide
from router.signals import EVIDENCE, FEATURES, Ground, Signals, features, prior
from tests.model_files import certified

GROUND = Ground(
    document=1,
    known=True,
    kept=(),
    learned="a",
    pairs=10,
    heldout=1.0,
    rag_only=False,
    score=0.9,
    lexical_rank=1,
    dense_rank=1,
    similarity=0.7,
)
SURE = replace(certified(), threshold=0.8)
TAUGHT = Signals((GROUND,), model="docs-v0001")
EDITED = replace(TAUGHT, grounds=(replace(GROUND, known=False, kept=(0, 2)),))
FOURTH_ON_RAG = replace(TAUGHT, grounds=(*[GROUND] * EVIDENCE, replace(GROUND, rag_only=True)))

shares = st.floats(0, 1)
ranks = st.none() | st.integers(1, 50)
grounds = st.builds(
    Ground,
    document=st.integers(1, 3),
    known=st.booleans(),
    kept=st.lists(st.integers(0, 9), max_size=2).map(tuple),
    learned=st.just("a"),
    pairs=st.integers(0, 40),
    heldout=st.none() | shares,
    rag_only=st.booleans(),
    score=st.floats(0.01, 1),
    lexical_rank=ranks,
    dense_rank=ranks,
    similarity=st.none() | st.floats(-1, 1),
)
signals_ = st.builds(
    Signals,
    grounds=st.lists(grounds, max_size=8).map(
        lambda found: tuple(sorted(found, key=lambda one: -one.score))
    ),
    model=st.sampled_from(["", "docs-v0001"]),
    why_no_model=st.just("None serves."),
    superseded=st.none() | st.floats(-1, 1),
    best=st.integers(0, 7),
    newer=st.booleans(),
    precedent=st.sampled_from(["", "Which port?"]),
    unnamed=st.sampled_from([(), ("Bell",)]),
).map(lambda one: replace(one, best=min(one.best, max(len(one.grounds) - 1, 0))))
calibrations = st.none() | st.builds(
    replace,
    st.just(SURE),
    threshold=st.none() | shares,
    intercept=st.floats(-5, 5),
    weights=st.tuples(*[st.floats(-3, 3)] * len(FEATURES)),
)


def plain(signals: Signals, calibration: Calibration | None = SURE) -> Rule:
    return decide(signals, calibration, intent=Intent.PLAIN).rule


@given(signals_, calibrations, st.sampled_from(Intent), st.sampled_from(["auto", "tuned", "rag"]))
def test_tuned_model_is_never_asked_first_for_what_it_was_not_taught(
    signals: Signals, calibration: Calibration | None, intent: Intent, asked: RouteAsked
) -> None:
    decision = decide(signals, calibration, intent=intent, asked=asked)
    assert decision == decide(signals, calibration, intent=intent, asked=asked)
    if asked == "auto" and decision.engine == "tuned":
        assert signals.model
        assert intent is Intent.PLAIN
        assert signals.is_taught
        assert signals.grounds[signals.best].known or not signals.newer
        assert not any(one.rag_only for one in signals.grounds[:EVIDENCE])
        assert not signals.grounds[signals.best].rag_only
        assert calibration is not None
        assert calibration.threshold is not None
        if not signals.precedent:
            assert decision.probability is not None
            assert decision.threshold is not None
            assert decision.probability >= decision.threshold
    if decision.may_fall_back:
        assert signals.model
        assert any(one.is_taught for one in signals.grounds)
    assert decision.reason or asked != "auto"


@given(signals_)
def test_no_feature_is_infinite_and_the_prior_is_a_probability(signals: Signals) -> None:
    assert len(features(signals)) == len(FEATURES)
    assert all(-100 < value < 100 for value in features(signals))
    assert 0 < prior(signals) < 1


@pytest.mark.parametrize(
    ("signals", "rule"),
    [
        (TAUGHT, Rule.TAUGHT),
        (replace(TAUGHT, grounds=()), Rule.NO_PASSAGE),
        (replace(TAUGHT, unnamed=("Bell",), precedent="Which port?"), Rule.NOT_NAMED),
        (replace(TAUGHT, model=""), Rule.NO_MODEL),
        (replace(TAUGHT, grounds=(replace(GROUND, rag_only=True),)), Rule.RAG_ONLY),
        (FOURTH_ON_RAG, Rule.TAUGHT),
        (replace(FOURTH_ON_RAG, best=EVIDENCE), Rule.RAG_ONLY),
        (replace(TAUGHT, grounds=(replace(GROUND, known=False),)), Rule.NOT_TAUGHT),
        (EDITED, Rule.TAUGHT),
        (replace(EDITED, newer=True), Rule.NEWER),
        (replace(EDITED, superseded=0.8), Rule.TAUGHT),
        (replace(TAUGHT, superseded=0.8), Rule.SUPERSEDED),
        (replace(TAUGHT, superseded=0.5), Rule.TAUGHT),
        (replace(TAUGHT, precedent="Which port?"), Rule.PRECEDENT),
        (replace(TAUGHT, precedent="Which port?", superseded=0.8), Rule.SUPERSEDED),
    ],
)
def test_first_rule_that_holds_decides(signals: Signals, rule: Rule) -> None:
    assert plain(signals) is rule


def test_new_passage_counts_when_it_is_the_best() -> None:
    new = replace(GROUND, known=False)
    assert plain(replace(TAUGHT, grounds=(new, GROUND))) is Rule.NOT_TAUGHT
    assert plain(replace(TAUGHT, grounds=(GROUND, new))) is Rule.TAUGHT


def test_passage_with_the_likeliest_sentence_is_the_best() -> None:
    new = replace(GROUND, known=False)
    edited = replace(GROUND, known=False, kept=(0, 2))
    unsure = replace(TAUGHT, grounds=(GROUND, new, edited))
    assert unsure.best == 0
    in_second = unsure.with_likelihoods({(0, 0): 0.1, (1, 0): 0.7, (2, 0): 0.2})
    assert (in_second.best, in_second.likelihood, in_second.newer) == (1, 0.7, True)
    assert decide(in_second, SURE, intent=Intent.PLAIN).rule is Rule.NOT_TAUGHT
    in_third = unsure.with_likelihoods({(0, 0): 0.1, (2, 0): 0.3, (2, 1): 0.8})
    assert decide(in_third, SURE, intent=Intent.PLAIN).rule is Rule.NEWER
    assert plain(unsure.with_likelihoods({(0, 0): 0.1, (2, 2): 0.8})) is Rule.TAUGHT


def test_prior_is_that_of_the_best_passage() -> None:
    unsure = replace(TAUGHT, grounds=(replace(GROUND, heldout=0.0), GROUND))
    assert prior(unsure) < 0.5 < prior(replace(unsure, best=1))


def test_what_was_held_out_weighs_the_same_however_much_was_taught() -> None:
    missed = [replace(GROUND, pairs=pairs, heldout=0.0) for pairs in (3, 30)]
    assert len({prior(replace(TAUGHT, grounds=(one,))) for one in missed}) == 1


def test_nobody_is_told_how_likely_a_model_is_right_that_was_never_fitted() -> None:
    uncertified = replace(SURE, threshold=None)
    unknown, fitted = (decide(TAUGHT, one, intent=Intent.PLAIN) for one in (None, uncertified))
    assert (unknown.probability, unknown.is_open) == (None, True)
    assert (fitted.probability, fitted.is_open) == (SURE.probability(TAUGHT), True)


def test_nothing_certified_means_passages_are_read() -> None:
    assert plain(TAUGHT, None) is Rule.NOT_CERTIFIED
    assert plain(TAUGHT, replace(SURE, threshold=None)) is Rule.NOT_CERTIFIED
    assert plain(TAUGHT, replace(SURE, threshold=0.99)) is Rule.UNLIKELY


@pytest.mark.parametrize(
    ("ground", "known"),
    [
        (GROUND, "this very text"),
        (replace(GROUND, pairs=0), "the document that has this text"),
        (replace(GROUND, known=False, kept=(0,)), "the very sentence that is asked for"),
    ],
)
def test_reason_says_no_more_than_the_model_was_trained_on(ground: Ground, known: str) -> None:
    reason = decide(replace(TAUGHT, grounds=(ground,)), SURE, intent=Intent.PLAIN).reason
    assert reason.startswith(f"docs-v0001 was trained on {known} and is 88% likely")


@pytest.mark.parametrize(
    ("intent", "engine"), [("greeting", "refused"), ("pinned", "rag"), ("several", "rag")]
)
def test_questions_that_no_weights_answer(intent: str, engine: str) -> None:
    assert decide(TAUGHT, SURE, intent=Intent(intent)).engine == engine


@pytest.mark.parametrize("asked", ["auto", "rag"])
def test_version_that_is_read_or_missing_decides_before_all(asked: RouteAsked) -> None:
    for missing, engine in ((False, "rag"), (True, "refused")):
        reading = Reading("It asks for version 2.", missing=missing)
        decision = decide(TAUGHT, SURE, intent=Intent.PINNED, asked=asked, reading=reading)
        assert (decision.engine, decision.rule) == (engine, Rule.PINNED)
        assert (decision.reason, decision.may_fall_back) == (reading.reason, False)


def test_calibration_comes_back_from_json_and_not_for_other_features() -> None:
    told = SURE.as_json()
    assert from_json(told) == SURE
    assert from_json(told | {"features": ["length"]}) is None
    other_reranker = [*told["features"][:-1], "score_or_likelihood:of another one"]
    assert from_json(told | {"features": other_reranker}) is None
    assert from_json({}) is None
