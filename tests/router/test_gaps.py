"""Questions that were asked in vain, brought together by what they mean."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.gaps import Unanswered, Vectors, clusters, gaps, word_vectors

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOLD = ["How long is a seat held?", "how long is a SEAT held?", "Is a seat held for long?"]
REFUND = ["Who approves a refund?", "Refund of 500 euros, who approves it?"]


def unit(*rows: list[float]) -> Vectors:
    vectors = np.array(rows, np.float32)
    found: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return found


@pytest.mark.parametrize(
    ("alike", "expected"),
    [
        (0.99, [[0], [1], [2], [3]]),
        (0.9, [[0, 2], [1], [3]]),
        (0.5, [[0, 1, 2], [3]]),
        (-1.0, [[0, 1, 2, 3]]),
    ],
)
def test_most_alike_join_first_until_none_are_alike_enough(
    alike: float, expected: list[list[int]]
) -> None:
    vectors = unit([1, 0, 0], [1, 1.2, 0], [1, 0.2, 0], [0, 0, 1])
    assert clusters(vectors, alike=alike) == expected


def test_cluster_joins_by_the_mean_and_not_by_its_nearest_member() -> None:
    """A chain of neighbours would lead from any question to any other."""
    angles = np.radians([0, 30, 60, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert clusters(vectors, alike=0.8) == [[0, 1], [2, 3]]


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3).filter(any), max_size=9),
    st.floats(-1, 1),
)
def test_each_question_is_in_one_cluster_and_no_two_clusters_are_alike_enough(
    rows: list[list[float]], alike: float
) -> None:
    vectors = unit(*rows) if rows else word_vectors([])
    found = clusters(vectors, alike=alike)
    assert sorted(place for places in found for place in places) == list(range(len(rows)))
    for one, other in combinations(found, 2):
        assert len(one) >= len(other)
        assert (vectors[one] @ vectors[other].T).mean() < alike + 1e-5


def test_words_bring_together_what_is_asked_in_the_same_ones() -> None:
    texts = [*HOLD, *REFUND, "?!"]
    vectors = word_vectors(texts)
    assert vectors[0] @ vectors[1] == pytest.approx(1)
    assert not vectors[-1].any()
    assert clusters(vectors, alike=0.5) == [[0, 1, 2], [3, 4], [5]]


def test_gap_names_its_wordings_its_count_and_its_nearest_document() -> None:
    asked = [
        Unanswered(text, NOON - timedelta(hours=hours), refused=hours != 1, document=document)
        for hours, (text, document) in enumerate(
            [(HOLD[0], 7), (REFUND[0], None), (HOLD[1], 8), (HOLD[2], 7), (REFUND[1], None)]
        )
    ]
    first, second = gaps(asked, word_vectors([one.text for one in asked]), alike=0.5)
    assert set(first.wordings) == {HOLD[0], HOLD[2]}
    assert (first.questions, first.refused, first.disliked) == (3, 3, 0)
    assert (first.document, first.last) == (7, NOON)
    assert (second.questions, second.disliked, second.document) == (2, 1, None)
