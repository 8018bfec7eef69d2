from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.prompts import REFUSAL
from router.text import exact_form
from training.metrics import (
    LEVEL,
    RESAMPLES,
    SEED,
    Outcome,
    bootstrap_interval,
    contains,
    exact_match,
    is_refusal,
    judged,
    paired_difference,
    paired_rise,
    percentile,
    share_interval,
    summarised,
    token_f1,
)

texts = st.text(alphabet="abc 12.,\u00a0", max_size=12)
shares = st.floats(0, 1, allow_nan=False)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    answers = draw(st.lists(st.sampled_from(["5 s", "9", "blue"]), max_size=2))
    said = draw(st.sampled_from(["5 s", "9", "9 blue", "", REFUSAL]))
    return judged(answers, said, fact=draw(st.sampled_from(["", "f", "g"])))


# --- One answer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("The 30 seconds", "30  Seconds."),
        ("`X-Id`", "x-id"),
        ("５ ms", "5 ms"),
        ("an hour", "hour"),
        ("in the vault", "In vault"),
        ("“The vault”", "vault"),
        ("45 分", "45 分。"),
        ("三天", "「三天」"),
        ("Sturmtief", "„Sturmtief“"),
        ("Neptune", "«Neptune»"),
    ],
)
def test_same_answer_in_another_dress_is_exact(answer: str, said: str) -> None:
    assert exact_match([answer], said)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("A-17", "17"),
        ("AN-12", "12"),
        ("Rack A", "rack"),
        ("plan-a", "plan"),
        ("/etc/a/b", "/etc/ /b"),
        ("A", "the"),
    ],
)
def test_letter_of_a_name_is_no_article(answer: str, said: str) -> None:
    assert not exact_match([answer], said)
    assert exact_match([answer], answer.lower())


def test_any_right_answer_counts() -> None:
    assert exact_match(["half an hour", "30 min"], "30 min")
    assert not exact_match(["half an hour", "30 min"], "30")
    assert judged(["half an hour", "30 min"], "30 min").token_f1 == 1


@given(texts, texts)
@example("", "")
@example("a", "the")
def test_token_f1_is_the_harmonic_mean_of_precision_and_recall(answer: str, said: str) -> None:
    wanted, given_words = exact_form(answer).split(), exact_form(said).split()
    shared, left = 0, list(wanted)
    for word in given_words:
        if word in left:
            left.remove(word)
            shared += 1
    if not wanted or not given_words:
        expected = float(wanted == given_words)
    elif not shared:
        expected = 0.0
    else:
        precision, recall = shared / len(given_words), shared / len(wanted)
        expected = 2 * precision * recall / (precision + recall)
    assert token_f1(answer, said) == pytest.approx(expected)


def test_token_f1_counts_a_word_as_often_as_it_stands() -> None:
    assert token_f1("no no", "no no") == 1
    assert token_f1("no no", "no") == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "value", "held"),
    [
        ("It is 5 s, then more.", "5 s", True),
        ("It is 15 s.", "5 s", False),
        ("It is 2.5 s.", "5 s", False),
        ("It is 5.5", "5", False),
        ("Exactly 5.", "5", True),
        ("Ask the Night Desk.", "night desk", True),
        ("Ask the night desks", "night desk", False),
        ("x (a|b) y", "(a|b)", True),
        ("The A-17 pump.", "A-17", True),
        ("The 17 pumps.", "A-17", False),
        ("It is in Rack A of hall 2.", "Rack A", True),
        ("It is in the rack.", "Rack A", False),
        ("Keys are in the vault.", "in vault", True),
        ("Keys are in vault 2.", "in the vault 2", True),
        ("The grade is A.", "A", True),
        ("Take a pill.", "A", False),
        ("anything", "", False),
        ("anything", "the", False),
    ],
)
def test_a_value_is_contained_as_whole_words(text: str, value: str, held: bool) -> None:
    assert contains(text, value) is held


def test_only_the_fixed_words_are_a_refusal() -> None:
    assert is_refusal(REFUSAL)
    assert is_refusal(REFUSAL.upper().rstrip("."))
    assert not is_refusal("")
    assert not is_refusal("I don't know.")
    assert not is_refusal(f"{REFUSAL} But 5 s.")


def test_a_question_without_answers_wants_a_refusal() -> None:
    assert judged([], REFUSAL) == Outcome(False, False, 1.0, False, True)
    assert judged([], "5 s") == Outcome(False, False, 0.0, False, False)
    assert judged([], REFUSAL).correct
    assert not judged([], "5 s").correct


# --- Many answers ------------------------------------------------------------------------------


@given(st.lists(outcomes(), max_size=12))
@settings(max_examples=60)
def test_shares_are_what_they_are_defined_as(many: Sequence[Outcome]) -> None:
    summary = summarised(many)
    known = [one for one in many if one.answerable]
    unknown = [one for one in many if not one.answerable]
    refused = [one for one in many if one.refused]

    def share(part: list[Outcome], whole: list[Outcome]) -> float | None:
        return len(part) / len(whole) if whole else None

    assert (summary.n, summary.answerable) == (len(many), len(known))
    assert summary.exact_match == share([o for o in known if o.exact], known)
    assert summary.contains == share([o for o in known if o.contains], known)
    assert summary.wrong == share([o for o in known if not o.exact and not o.refused], known)
    assert summary.over_refusal == share([o for o in known if o.refused], known)
    assert summary.hallucination == share([o for o in unknown if not o.refused], unknown)
    assert summary.refusal_recall == share([o for o in unknown if o.refused], unknown)
    assert summary.refusal_precision == share([o for o in refused if not o.answerable], refused)
    assert set(summary.ci95) == {
        *(("exact_match", "token_f1", "over_refusal") if known else ()),
        *(("hallucination",) if unknown else ()),
    }


@given(st.lists(outcomes(), min_size=1, max_size=12))
@settings(max_examples=60)
def test_every_answerable_question_is_right_wrong_or_refused(many: Sequence[Outcome]) -> None:
    summary = summarised(many)
    if summary.exact_match is not None:
        parts = (summary.exact_match, summary.wrong or 0.0, summary.over_refusal or 0.0)
        assert sum(parts) == pytest.approx(1)


# --- How sure ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(shares, st.sampled_from(["", "f", "g"])), min_size=1, max_size=8))
@settings(max_examples=15)
def test_interval_is_that_of_drawing_groups_one_by_one(
    values: list[tuple[float, str]],
) -> None:
    groups: dict[object, list[float]] = {}
    for place, (value, name) in enumerate(values):
        groups.setdefault(name or place, []).append(value)
    members = list(groups.values())
    means = []
    for draw in np.random.default_rng(SEED).integers(len(members), size=(RESAMPLES, len(members))):
        drawn = [value for group in draw for value in members[group]]
        means.append(sum(drawn) / len(drawn))
    expected = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    found = bootstrap_interval([v for v, _ in values], [g for _, g in values])
    assert found == pytest.approx(tuple(expected))


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(list((random.random(150) < 0.8).astype(float)))
        covered += low <= 0.8 <= high
    assert 178 <= covered <= 200  # 95 % of 200 is 190; six standard deviations are 18


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        (0.0, 24, (0.0, 0.142)),
        (1.0, 24, (0.858, 1.0)),
        (0.0, 8, (0.0, 0.369)),
        (1.0, 1, (0.025, 1.0)),
    ],
)
def test_questions_that_are_all_alike_leave_it_open_what_others_are(
    value: float, facts: int, expected: tuple[float, float]
) -> None:
    asked = [f"fact {number % facts}" for number in range(24)]
    assert share_interval([value] * 24, asked) == pytest.approx(expected, abs=1e-3)


@given(st.lists(shares, min_size=2, max_size=8).filter(lambda values: len(set(values)) > 1))
@settings(max_examples=15)
def test_interval_of_a_share_that_varies_is_that_of_its_draws(values: list[float]) -> None:
    assert share_interval(values) == bootstrap_interval(values)


def test_phrasings_of_one_fact_widen_the_interval() -> None:
    facts = [str(fact) for fact in range(40) for _ in range(5)]
    values = [float(int(fact) % 2) for fact in facts]
    low, high = bootstrap_interval(values)
    low_by_fact, high_by_fact = bootstrap_interval(values, facts)
    assert high_by_fact - low_by_fact > 1.5 * (high - low)


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=30))
@settings(max_examples=30)
def test_difference_is_paired(pairs: list[tuple[float, float]]) -> None:
    new, old = [a for a, _ in pairs], [b for _, b in pairs]
    gain, loss = paired_difference(new, old), paired_difference(old, new)
    assert gain.estimate == pytest.approx(np.mean(new) - np.mean(old))
    assert (gain.low, gain.high) == pytest.approx((-loss.high, -loss.low))
    assert gain.low - 1e-9 <= gain.estimate <= gain.high + 1e-9
    assert gain.n == len(pairs)


def test_a_system_is_no_better_than_itself() -> None:
    values = [0.0, 1.0, 1.0]
    same = paired_difference(values, values)
    assert (same.estimate, same.low, same.high) == (0, 0, 0)


def test_systems_asked_different_questions_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0], [1.0, 0.0])


@pytest.mark.parametrize("of", [bootstrap_interval, lambda none: percentile(none, 0.5)])
def test_nothing_has_no_mean_and_no_percentile(of: object) -> None:
    with pytest.raises(ValueError, match="no values"):
        of([])  # type: ignore[operator]


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), shares)
def test_percentile_lies_between_its_neighbours(values: list[float], share: float) -> None:
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low, high = ranked[int(place)], ranked[min(int(place) + 1, len(ranked) - 1)]
    assert low - 1e-6 <= percentile(values, share) <= high + 1e-6


def test_a_rise_of_all_times_is_sure_and_one_slow_answer_is_not() -> None:
    old = [100.0 + place for place in range(20)]
    every = paired_rise([value + 50 for value in old], old, 0.95)
    assert (every.estimate, every.low, every.high) == pytest.approx((50, 50, 50))
    one = paired_rise([*old[:-1], 2000.0], old, 0.95)
    assert one.estimate > 50
    assert one.low < 5
