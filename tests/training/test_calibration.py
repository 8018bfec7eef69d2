"""Fitting and certifying: what the figures promise holds for questions that were not seen."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.calibration import from_json
from router.signals import FEATURES
from training.calibration import WORTHWHILE, Sample, fit, upper_bound

TARGET = 0.05


def samples(count: int, *, wrong: int = 0, seed: int = 1) -> list[Sample]:
    """Whose first feature tells how likely the answer is right; the least likely are wrong."""
    source = Random(seed)
    made = []
    for number in range(count):
        is_wrong = number < wrong
        strength = source.gauss(-2 if is_wrong else 2, 1.0)
        noise = [source.random() for _ in FEATURES[1:]]
        made.append(Sample((strength, *noise), not is_wrong, is_wrong, f"fact{number}"))
    return made


@pytest.mark.parametrize(
    ("errors", "questions", "bound"),
    [(0, 59, 0.0495), (0, 58, 0.0503), (1, 93, 0.0500), (5, 100, 0.1022), (3, 3, 1.0), (0, 0, 1.0)],
)
def test_bound_is_that_of_clopper_and_pearson(errors: int, questions: int, bound: float) -> None:
    assert upper_bound(errors, questions, level=0.95) == pytest.approx(bound, abs=1e-3)


@pytest.mark.parametrize(("clean", "is_certified"), [(0, False), (58, False), (59, True)])
def test_nothing_is_certified_by_few_questions(clean: int, is_certified: bool) -> None:
    fitted = fit(samples(clean), target=TARGET)
    assert (fitted.threshold is not None) == is_certified
    assert bool(fitted.why_none) != is_certified
    assert from_json(fitted.as_json()) == fitted


def test_answers_whose_evidence_fits_least_are_not_shown() -> None:
    """Of 160, eight are wrong, and these fit least: three of them may be shown."""
    made = [
        replace(one, right=number >= 8, wrong_shown=number < 8, evidence=0.5 + number / 1000)
        for number, one in enumerate(samples(160))
    ]
    fitted = fit(made, target=TARGET)
    assert (fitted.threshold, fitted.certified) == (WORTHWHILE, 160)
    assert fitted.errors <= 3
    assert 0.505 <= fitted.evidence < 0.512
    assert upper_bound(fitted.errors, 160, level=0.95) == fitted.bound <= TARGET
    assert from_json(fitted.as_json()) == fitted


def test_questions_that_are_not_worth_asking_count_for_nothing() -> None:
    made = [replace(one, evidence=0.9) for one in samples(500, wrong=40)]
    fitted = fit(made, target=TARGET)
    assert (fitted.threshold, fitted.certified) == (WORTHWHILE, 500)
    assert fitted.errors < 17
    others = [0.5] * (len(FEATURES) - 1)
    right, wrong = (3.0, *others), (-3.0, *others)
    assert fitted.of(wrong) < WORTHWHILE <= fitted.of(right)
    assert fitted.expected_error < 0.1
    assert sum(one.questions for one in fitted.bins) == 500


def test_wrong_answers_that_fit_best_certify_nothing() -> None:
    made = [replace(one, evidence=0.7) for one in samples(160)]
    made[:4] = [replace(one, right=False, wrong_shown=True, evidence=0.9) for one in made[:4]]
    fitted = fit(made, target=TARGET)
    assert (fitted.threshold, fitted.errors) == (None, 4)
    assert "4 got a wrong answer whose evidence fits better" in fitted.why_none


def test_errors_everywhere_certify_nothing() -> None:
    source = Random(3)
    mixed = [
        Sample(tuple(source.random() for _ in FEATURES), right, not right, f"fact{number}")
        for number in range(200)
        for right in [source.random() < 0.8]
    ]
    fitted = fit(mixed, target=TARGET)
    assert fitted.threshold is None
    assert "nothing is certified" in fitted.why_none


def test_of_what_people_ask_less_is_answered_nowhere_than_of_a_test() -> None:
    others = [0.5] * (len(FEATURES) - 1)
    made = [
        Sample((0.5, *others), right, False, f"fact{number}", is_answerable=right)
        for number in range(60)
        for right in (True, False)
    ]
    assert fit(made, target=TARGET).of((0.5, *others)) == pytest.approx(0.75, abs=0.01)
    answered = [replace(one, is_answerable=True) for one in made]
    assert fit(answered, target=TARGET).of((0.5, *others)) == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.floats(-5, 5))
def test_every_probability_is_one_and_the_fit_is_the_same_again(
    outcomes: list[bool], strength: float
) -> None:
    others = len(FEATURES) - 1
    given_samples = [
        Sample((strength, *[0.1 * number] * others), right, not right, f"fact{number % 7}")
        for number, right in enumerate(outcomes)
    ]
    fitted = fit(given_samples, target=TARGET)
    assert fitted == fit(given_samples, target=TARGET)
    assert all(0 <= fitted.of(sample.features) <= 1 for sample in given_samples)
    assert 0 <= fitted.brier <= 1
