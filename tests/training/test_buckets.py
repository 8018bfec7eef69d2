"""Which step lost a right answer, and what is advised about many of them."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.buckets import BUCKETS, LEAST_ERRORS, RETRAIN_ABOVE, Bucket, advice, bucket_of


@pytest.mark.parametrize(
    ("rank", "reached", "bucket"),
    [
        (None, False, "retrieval"),
        (1, True, "model"),
        (5, True, "model"),  # all that is shown is looked at
        (1, False, "ranking"),  # others of its sentences are likelier
        (9, False, "ranking"),
    ],
)
def test_first_step_that_loses_the_right_answer_is_the_one(
    rank: int | None, reached: bool, bucket: Bucket
) -> None:
    assert bucket_of(rank, reached=reached) == bucket


def errors(retrieval: int, ranking: int, model: int) -> dict[Bucket, int]:
    return {"retrieval": retrieval, "ranking": ranking, "model": model}


@pytest.mark.parametrize(
    ("found", "of_tuned", "words"),
    [
        (
            errors(0, 0, 0),
            0,
            "Nothing can be advised yet: 0 errors could be sorted, and fewer",
        ),
        (errors(0, 0, 1), 1, "Nothing can be advised yet: 1 error could be sorted"),
        (errors(0, 0, 9), 9, "Nothing can be advised yet"),
        (errors(2, 1, 7), 7, "Retrain. In 7 of 10 errors (70 %) the tuned model was wrong where"),
        (errors(3, 1, 6), 6, "Mend what is found: in 3 of 10 errors (30 %)"),
        (errors(1, 3, 6), 6, "Mend the order: in 3 of 10 errors (30 %)"),
        (errors(5, 5, 0), 0, "Mend what is found: in 5 of 10 errors (50 %)"),
        (errors(1, 3, 6), 6, "No retrain: 6 of 10 errors (60 %) lie with the tuned model, not mor"),
        (errors(2, 1, 7), 2, "Mend the reading: in 5 of 10 errors (50 %)"),
        (errors(2, 1, 7), 2, "No retrain: 2 of 10 errors (20 %) lie with the tuned model"),
        (errors(3, 1, 6), 3, "Mend what is found: in 3 of 10 errors (30 %)"),
    ],
)
def test_advice_names_the_rule_and_the_figures(
    found: dict[Bucket, int], of_tuned: int, words: str
) -> None:
    assert words in advice(found, of_tuned=of_tuned)


@given(st.tuples(*[st.integers(0, 200)] * 4))
def test_retrain_is_advised_only_above_the_share_of_the_tuned_model(
    counts: tuple[int, int, int, int],
) -> None:
    retrieval, ranking, of_reader, of_tuned = counts
    found, total = errors(retrieval, ranking, of_reader + of_tuned), sum(counts)
    said = advice(found, of_tuned=of_tuned)
    assert said.startswith("Retrain.") == (
        total >= LEAST_ERRORS and of_tuned > RETRAIN_ABOVE * total
    )
    assert said.startswith("Nothing") == (total < LEAST_ERRORS)


def test_there_is_a_count_for_every_bucket() -> None:
    assert set(BUCKETS) == set(get_args(Bucket))
