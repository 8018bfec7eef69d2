"""Which of several values is taken for the answer, and when none is."""

from dataclasses import replace

import pytest

from router.precedents.choosing import SURE, Choice, choose
from router.precedents.holding import says
from router.precedents.leads import Lead

PORT = Lead(0, 10, 14, (0, 20), "Which port?", 0.62)
REGION = Lead(0, 30, 39, (21, 40), "Which region?", 0.6)


def chosen(*leads: Lead, likely: dict[Lead, float | None] | None = None) -> Choice | None:
    def likely_of(lead: Lead) -> float | None:
        if likely is None:
            raise AssertionError("It is sure without.")
        return likely[lead]

    return choose(leads, likely_of)


def test_what_is_much_nearer_than_the_next_is_sure_without_the_reranker() -> None:
    found = chosen(replace(PORT, score=0.9), REGION)
    assert found is not None
    assert found.lead.question == PORT.question
    assert found.is_answer
    assert SURE <= found.probability < 1


def test_what_is_as_near_is_told_apart_by_the_reranker() -> None:
    found = chosen(PORT, REGION, likely={PORT: 0.02, REGION: 0.8})
    assert found is not None
    assert (found.lead, found.is_answer) == (REGION, True)


@pytest.mark.parametrize("likely", [0.2, 0.0, None])
def test_what_is_as_near_and_as_likely_is_no_answer(likely: float | None) -> None:
    found = chosen(PORT, REGION, likely={PORT: likely, REGION: likely})
    assert found is not None
    assert not found.is_answer


def test_what_is_far_is_an_answer_only_if_nearly_nothing_else_may_be() -> None:
    far = replace(PORT, score=0.46)
    for likely, is_answer in ((0.05, False), (0.9, True)):
        found = chosen(far, likely={far: likely})
        assert found is not None
        assert found.is_answer is is_answer


def test_what_only_rules_have_asked_must_be_likelier() -> None:
    for score, of_people, of_rules in ((0.5, True, False), (0.6, True, True)):
        written = replace(PORT, score=score)
        ruled = replace(written, is_written=False)
        answers = [chosen(one, likely={one: 0.5}) for one in (written, ruled)]
        assert [one is not None and one.is_answer for one in answers] == [of_people, of_rules]


def test_the_only_value_of_the_kind_stands_before_one_whose_kind_is_another() -> None:
    kin = replace(PORT, is_kin=True)
    found = chosen(kin, REGION, likely={kin: 0.2, REGION: 0.2})
    assert found is not None
    assert (found.lead, found.is_answer) == (kin, True)


def test_the_only_value_of_the_kind_in_other_words_must_not_be_unlikely() -> None:
    kin = replace(PORT, is_kin=True, is_worded=False)
    likely = chosen(kin, likely={kin: 0.15})
    assert likely is not None
    assert likely.is_answer
    assert chosen(kin, likely={kin: 0.05}) is None


def test_without_values_there_is_none() -> None:
    assert chosen() is None


@pytest.mark.parametrize(
    ("said", "value", "is_said"),
    [
        ("9 times. [1]", "9 times", True),
        ("the 40 seconds", "40 seconds", True),
        ("“Night Watch”", "Night Watch", True),
        ("`--force`", "--force", True),
        ("99.9 %", "99.9%", True),
        ("-20 °C.", "-20 °C", True),
        ("–20 °C", "-20 °C", True),
        ("20 °C", "-20 °C", False),
        ("-3 dB", "3 dB", False),
        ("(3 m)", "-3 m", False),
        ("5 to 9 m", "-5 to 9 m", False),
    ],
)
def test_model_says_a_value_if_it_is_that_with_its_sign(
    said: str, value: str, is_said: bool
) -> None:
    assert says(said, value) is is_said
