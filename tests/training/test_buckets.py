"""Which step lost a right answer, and what is advised about many of them."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.buckets import BUCKETS, LEAST_ERRORS, RETRAIN_ABOVE, Bucket, advice, bucket_of


@pytest.mark.parametrize(
    ("rank", "given", "bucket"),
    [
        (None, 4, "retrieval"),
        (1, 4, "model"),
        (4, 4, "model"),
        (5, 4, "ranking"),
        (3, 2, "ranking"),  # left out, since the two before it are long
        (None, 0, "retrieval"),
    ],
)
def test_first_step_that_loses_the_passage_is_the_one(
    rank: int | None, given: int, bucket: Bucket
) -> None:
    assert bucket_of(rank, given) == bucket


@given(st.integers(1, 100), st.integers(0, 10))
def test_more_passages_in_the_context_never_make_it_a_fault_of_the_order(
    rank: int, given: int
) -> None:
    assert (bucket_of(rank, given), bucket_of(rank, given + 1)) != ("model", "ranking")


def errors(retrieval: int, ranking: int, model: int) -> dict[Bucket, int]:
    return {"retrieval": retrieval, "ranking": ranking, "model": model}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (errors(0, 0, 0), "Nothing can be advised yet: 0 errors could be sorted, and fewer than"),
        (errors(0, 0, 1), "Nothing can be advised yet: 1 error could be sorted"),
        (errors(0, 0, 9), "Nothing can be advised yet"),
        (errors(2, 1, 7), "Retrain. In 7 of 10 errors (70 %) the passage was in the context"),
        (errors(3, 1, 6), "Mend what is found: in 3 of 10 errors (30 %)"),
        (errors(1, 3, 6), "Mend the order: in 3 of 10 errors (30 %)"),
        (errors(5, 5, 0), "Mend what is found: in 5 of 10 errors (50 %)"),
        (errors(1, 3, 6), "No retrain: 6 of 10 errors (60 %) lie with the model, not more than 60"),
    ],
)
def test_advice_names_the_rule_and_the_figures(found: dict[Bucket, int], words: str) -> None:
    assert words in advice(found)


@given(st.tuples(*[st.integers(0, 200)] * 3))
def test_retrain_is_advised_only_above_the_share(counts: tuple[int, int, int]) -> None:
    said, total = advice(errors(*counts)), sum(counts)
    assert said.startswith("Retrain.") == (
        total >= LEAST_ERRORS and counts[2] > RETRAIN_ABOVE * total
    )
    assert said.startswith("Nothing") == (total < LEAST_ERRORS)


def test_there_is_a_count_for_every_bucket() -> None:
    assert set(BUCKETS) == set(get_args(Bucket))
