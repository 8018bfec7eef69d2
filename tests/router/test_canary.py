"""Who is in a trial, and when the canary is worse: rightly, early, and seldom by mistake."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.canary import FALSE_ALARM, LEAST_ANSWERS, SLOW, Tally, is_chosen, judge

PEOPLE = 20
ASKED = 20_000


# --- Who ----------------------------------------------------------------------------------------
def test_share_of_the_people_is_chosen_and_others_for_another_model() -> None:
    chosen = {
        name: {person for person in range(ASKED) if is_chosen(name, person, 10)}
        for name in ("docs-v0001", "docs-v0002")
    }
    for people in chosen.values():
        assert 0.09 < len(people) / ASKED < 0.11
    both = chosen["docs-v0001"] & chosen["docs-v0002"]
    assert 0.005 < len(both) / ASKED < 0.015


@given(st.text(max_size=40), st.integers(0, 2**31), st.integers(0, 100), st.integers(0, 100))
def test_whoever_is_chosen_stays_chosen_with_a_greater_share(
    name: str, person: int, one: int, other: int
) -> None:
    less, more = sorted((one, other))
    assert is_chosen(name, person, less) <= is_chosen(name, person, more)
    assert not is_chosen(name, person, 0)
    assert is_chosen(name, person, 100)
    assert not is_chosen(name, None, 100)


# --- What is worse ------------------------------------------------------------------------------
BAD: dict[str, Callable[[Tally, int], Tally]] = {
    "A model server failed": lambda tally, bad: replace(tally, failed=bad),
    "People were refused": lambda tally, bad: replace(tally, refused=bad),
    "People disliked it": lambda tally, bad: replace(tally, disliked=bad),
    "No passage bore out": lambda tally, bad: replace(tally, unsupported=bad),
    "It took more than": lambda tally, bad: replace(tally, slow=bad, p95_ms=900.0 if bad else 0),
}


def tally(answers: int) -> Tally:
    return Tally(people=PEOPLE, answers=answers, asked=answers)


@st.composite
def pairs_of_tallies(draw: st.DrawFn) -> tuple[Tally, Tally]:
    of, serving_of = draw(st.integers(0, 500)), draw(st.integers(0, 500))
    return tally(of), tally(serving_of)


@given(pairs_of_tallies(), st.sampled_from(list(BAD)), st.data())
def test_worse_figures_never_save_a_canary(
    tallies: tuple[Tally, Tally], what: str, data: st.DataObject
) -> None:
    canary, serving = tallies
    bad = data.draw(st.integers(0, canary.answers))
    more = data.draw(st.integers(bad, canary.answers))
    serving_bad = data.draw(st.integers(0, serving.answers))
    fewer = data.draw(st.integers(0, serving_bad))
    serving = BAD[what](serving, serving_bad)
    if what == "It took more than":
        serving = replace(serving, p95_ms=400.0)
    if judge(BAD[what](canary, bad), serving):
        assert judge(BAD[what](canary, more), serving)
        p95 = serving.p95_ms
        assert judge(BAD[what](canary, bad), replace(BAD[what](serving, fewer), p95_ms=p95))


@given(st.integers(0, 10_000), st.data())
def test_tallies_of_the_same_shares_end_no_trial(answers: int, data: st.DataObject) -> None:
    failed, refused, disliked, unsupported = (data.draw(st.integers(0, answers)) for _ in range(4))
    slow = data.draw(st.integers(0, answers))
    same = Tally(
        *(PEOPLE, answers, failed, refused, disliked, answers, unsupported, slow), p95_ms=400.0
    )
    assert judge(same, same) == ""
    assert judge(same, replace(same, **{name: getattr(same, name) * 9 for name in COUNTS})) == ""


COUNTS = ("answers", "failed", "refused", "disliked", "asked", "unsupported", "slow")


@pytest.mark.parametrize("what", BAD)
def test_reason_says_what_was_worse_with_both_figures(what: str) -> None:
    serving = replace(tally(360), p95_ms=400.0)
    why = judge(BAD[what](tally(40), 14), serving)
    assert why.startswith(what)
    assert why.endswith(" 14 of 40 times (35%), with the serving model 0 of 360 (0%).")


def test_worst_thing_is_the_reason() -> None:
    canary = replace(tally(40), failed=40, refused=40)
    assert judge(canary, tally(40)).startswith("A model server failed 40 of 40")


def test_few_answers_of_either_model_tell_nothing() -> None:
    few, many = LEAST_ANSWERS - 1, 1_000
    assert judge(replace(tally(few), failed=few), tally(many)) == ""
    assert judge(replace(tally(many), failed=many), tally(few)) == ""
    assert judge(replace(tally(few + 1), failed=few + 1), tally(few + 1))


def test_what_depends_on_who_asks_needs_several_people() -> None:
    canary = replace(tally(100), refused=60, disliked=60, unsupported=60)
    assert judge(canary, tally(900))
    assert judge(replace(canary, people=2), tally(900)) == ""
    assert judge(replace(canary, people=2, failed=60), tally(900))


def test_difference_that_nobody_would_mind_goes_on_for_ever() -> None:
    million = 1_000_000
    assert judge(replace(tally(million), refused=126_000), replace(tally(million), refused=100_000))
    assert not judge(
        replace(tally(million), refused=124_000), replace(tally(million), refused=100_000)
    )


def test_slow_canary_ends_only_when_its_p95_is_beyond_the_limit() -> None:
    serving = replace(tally(900), slow=4, p95_ms=400.0)
    slow = replace(tally(100), slow=30)
    assert judge(replace(slow, p95_ms=400.0 * SLOW), serving) == ""
    assert judge(replace(slow, p95_ms=400.0 * SLOW + 1), serving)


# --- By simulation ------------------------------------------------------------------------------
class Traffic:
    """A trial on a share of independent answers, looked at again and again."""

    def __init__(self, seed: int, share: float) -> None:
        self.chance, self.share = random.Random(seed), share
        self.ms: dict[bool, list[float]] = {True: [], False: []}
        self.bad = {True: [0, 0, 0, 0], False: [0, 0, 0, 0]}

    def answers(self, count: int, rate: float, canary_rate: float, slower: float = 1.0) -> None:
        """`canary_rate` is how often the canary refuses; all else is at `rate` for both."""
        for _ in range(count):
            canary = self.chance.random() < self.share
            for kind in range(4):
                worse = canary and kind == 1
                self.bad[canary][kind] += self.chance.random() < (canary_rate if worse else rate)
            took = self.chance.lognormvariate(6.0, 0.8)
            self.ms[canary].append(took * slower if canary else took)

    def tallies(self) -> Iterator[Tally]:
        limit = SLOW * p95(self.ms[False])
        for canary in (True, False):
            times = self.ms[canary]
            failed, refused, disliked, unsupported = self.bad[canary]
            counted = (len(times), failed, refused, disliked, len(times), unsupported)
            yield Tally(PEOPLE, *counted, sum(ms > limit for ms in times), p95(times))


def p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(0.95 * len(times)) - 1] if times else 0.0


def ended_after(traffic: Traffic, most: int, *rates: float) -> int | None:
    """Answers of the canary when the trial ended by itself; None: it did not, before `most`."""
    while len(traffic.ms[True]) < most:
        traffic.answers(max(5, round(5 / traffic.share)), *rates)
        if judge(*traffic.tallies()):
            return len(traffic.ms[True])
    return None


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.4])
def test_model_as_good_as_the_serving_one_is_seldom_taken_back(share: float, rate: float) -> None:
    """Looked at after every five answers of the canary, on all five counts."""
    trials = 40
    alarms = [ended_after(Traffic(seed, share), 150, rate, rate) for seed in range(trials)]
    assert sum(alarm is not None for alarm in alarms) <= trials * FALSE_ALARM


@pytest.mark.parametrize(
    ("rate", "within"), [(0.2, 200), (0.1, 450), (0.05, 900)], ids=["20 %", "10 %", "5 %"]
)
def test_model_that_refuses_twice_as_often_is_taken_back_within_so_many_answers(
    rate: float, within: int
) -> None:
    trials = 20
    found = [ended_after(Traffic(seed, 0.2), within, rate, 2 * rate) for seed in range(trials)]
    assert sum(after is not None for after in found) >= 0.9 * trials


def test_model_that_takes_three_times_as_long_is_taken_back_within_a_hundred_answers() -> None:
    trials = 20
    found = [ended_after(Traffic(seed, 0.2), 100, 0.05, 0.05, 3.0) for seed in range(trials)]
    assert sum(after is not None for after in found) >= 0.9 * trials
