"""The precedents of a collection, with a page for each document."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from router.precedents.books import Book, Page, bound
from router.precedents.facts import NearFacts
from router.precedents.frames import Precedent
from router.precedents.kinds import value_of
from router.precedents.leads import NEAR_ENOUGH, subject_of, usable_of

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


def page(*asked: tuple[str, str, bool]) -> Page:
    """Of questions, each with its sentence and whether a person wrote it."""
    made = [Precedent(q, frozenset(), "80", text, 0, 2, is_written=own) for q, text, own in asked]
    rows = np.arange(len(made))
    vectors = np.ones((len(made), 2), np.float32)
    return Page(tuple(made), rows, tuple(q for q, _, _ in asked), vectors)


def test_what_people_ask_at_one_place_is_the_same_wherever_it_is_asked() -> None:
    pages = [
        page(("port of it?", "80: port", True), ("where to dial it?", "80: port", True)),
        page(("where to dial it?", "80 is dialled", True), ("dialled?", "80 is dialled", False)),
        page(("how many of it?", "80 of them", True), ("made by rules?", "80 else", False)),
    ]
    book = bound(1, pages)
    assert book is not None
    facts = {one.question: one.fact for one in book.precedents}
    assert facts["port of it?"] == facts["where to dial it?"] == facts["dialled?"] != ""
    assert facts["how many of it?"] not in {"", facts["port of it?"]}
    assert facts["made by rules?"] == ""


def test_what_was_made_of_precedents_goes_with_their_page() -> None:
    """Without the collector, which a web process has rarely."""
    book = bound(1, [page(("Which port has it?", "80 is the port", True))])
    assert book is not None
    subject = subject_of("Which port has it?", [], frozenset())
    near = book.near(np.array([0.5, 0.5], np.float32))
    assert usable_of(subject.asking(near), NearFacts(near))
    (one,) = book.precedents
    assert value_of(one) is None
    gone = weakref.ref(one)
    gc.disable()
    try:
        del book, near, one
        assert gone() is None
    finally:
        gc.enable()


def test_names_that_several_questions_are_about_alone_are_things() -> None:
    def asked(number: int, *names: str) -> Precedent:
        return replace(ASKED, question=f"Question {number}?", names=frozenset(names))

    of_bell = [asked(number, "bell") for number in range(3)]
    with_slack = [asked(number, "slack", "horn") for number in range(4)]
    made = (*of_bell, *with_slack, asked(9, "gong"))
    vectors = np.ones((len(made), 2), np.float32)
    questions = tuple(one.question for one in made)
    book = bound(1, [Page(made, np.arange(len(made)), questions, vectors)])
    assert book is not None
    assert book.things == {"bell"}
    assert all(one.beside == set() for one in book.precedents)
