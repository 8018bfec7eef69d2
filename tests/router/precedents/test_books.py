"""The precedents of a collection, with a page for each document."""

import numpy as np
import pytest

from router.precedents.books import Book
from router.precedents.frames import Precedent
from router.precedents.leads import NEAR_ENOUGH

ASKED = Precedent("Which port?", frozenset(), "80", "the port is 80", 12, 14, is_written=True)


@pytest.mark.parametrize("length", [1.0, 1.0 + 1e-6])
def test_question_that_is_one_of_them_is_no_nearer_than_the_same(length: float) -> None:
    vector = np.array([0.6, 0.8], np.float32) * np.float32(length)
    book = Book(1, (ASKED,), np.array([0]), vector[np.newaxis], {}, frozenset())
    ((precedent, cosine),) = book.near(vector)
    assert precedent == ASKED
    assert cosine == pytest.approx(1.0)
    assert cosine <= 1.0


def test_what_is_far_is_no_precedent() -> None:
    book = Book(1, (ASKED,), np.array([0]), np.array([[1, 0]], np.float32), {}, frozenset())
    for cosine, near in ((NEAR_ENOUGH - 0.01, 0), (NEAR_ENOUGH + 0.01, 1)):
        vector = np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)
        assert len(book.near(vector)) == near
