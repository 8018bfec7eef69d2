"""The vectors of a generation and of its changes, against exact search over the same rows."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.retrieval.dense import DenseSnapshot
from router.retrieval.vectors import Rows, VectorFile, Vectors, nearest, write_vectors

DIMENSION, SIZE = 32, 3000


def unit(seed: int, count: int) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    vectors: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return vectors


def rows_of(version: int, chunks: range, collection: int = 1) -> Rows:
    return Rows(np.array([(chunk, version, collection) for chunk in chunks], np.int64))


def file_of(folder: Path, vectors: Vectors) -> VectorFile:
    write_vectors(folder / "v.faiss", DIMENSION, np.array_split(vectors, 3))
    return VectorFile(folder / "v.faiss")


def test_finds_the_exact_nearest_under_any_filter(tmp_path: Path) -> None:
    vectors, questions = unit(1, SIZE), unit(2, 30)
    file = file_of(tmp_path, vectors)
    assert len(file) == SIZE
    for share in (1.0, 0.5, 0.01):
        allowed = np.random.default_rng(3).random(SIZE) < share
        same = total = 0
        for question in questions:
            found = file.search(question, allowed, 10)
            exact = nearest(vectors, question, allowed, 10)
            assert all(allowed[row] for row, _ in found)
            same += len({row for row, _ in found} & {row for row, _ in exact})
            total += len(exact)
        assert same / total >= 0.98


def test_an_empty_file_finds_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, unit(1, 0))
    assert file.search(unit(2, 1)[0], np.empty(0, np.bool_), 5) == []


def test_asking_for_more_than_allowed_gives_what_there_is(tmp_path: Path) -> None:
    file = file_of(tmp_path, unit(1, 20))
    allowed = np.arange(20) < 3
    assert {row for row, _ in file.search(unit(2, 1)[0], allowed, 10)} == {0, 1, 2}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[DenseSnapshot, Vectors]:
    """Ten versions with ten chunks each, in two collections, at revision 1."""
    vectors = unit(5, 100)
    table = np.array([(row, row // 10, 1 + row % 2) for row in range(100)], np.int64)
    file = file_of(tmp_path_factory.mktemp("base"), vectors)
    return DenseSnapshot.of_generation(1, file, Rows(table), DIMENSION), vectors


Step = tuple[int, bool]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 14), st.booleans()), max_size=12))
def test_any_changes_leave_what_a_rebuild_would_give(
    base: tuple[DenseSnapshot, Vectors], steps: list[Step]
) -> None:
    snapshot, vectors = base
    served = {row: (row // 10, vectors[row]) for row in range(100)}
    for number, (version, kept) in enumerate(steps, start=2):
        chunks = range(1000 * number, 1000 * number + 4)
        added = [(rows_of(version, chunks), unit(number, 4))] if kept else []
        snapshot = snapshot.changed(touched=[version], added=added, revision=number)
        served = {chunk: row for chunk, row in served.items() if row[0] != version}
        if kept:
            served |= dict(zip(chunks, ((version, row) for row in unit(number, 4)), strict=True))
    question = unit(99, 1)[0]
    exact = sorted(served, key=lambda chunk: -float(served[chunk][1].astype(np.float32) @ question))
    found = snapshot.search(question, {1, 2}, 200)
    assert {chunk for chunk, _ in found} == set(served)
    cosines = {chunk: float(served[chunk][1] @ question) for chunk in exact}
    assert all(cosine == pytest.approx(cosines[chunk], abs=2e-3) for chunk, cosine in found)


def test_a_change_leaves_the_snapshot_before_as_it_was(
    base: tuple[DenseSnapshot, Vectors],
) -> None:
    snapshot, vectors = base
    snapshot.changed(touched=[0], added=(), revision=2)
    assert snapshot.search(vectors[3], {1, 2}, 1)[0][0] == 3


def test_counts_what_differs_from_the_generation(base: tuple[DenseSnapshot, Vectors]) -> None:
    snapshot, _ = base
    assert snapshot.unsettled == 0
    added = [(rows_of(20, range(500, 503)), unit(8, 3))]
    assert snapshot.changed(touched=[4], added=added, revision=2).unsettled == 10 + 3


def test_searches_only_the_given_collections(base: tuple[DenseSnapshot, Vectors]) -> None:
    snapshot, _ = base
    added = [(rows_of(30, range(500, 503), collection=7), unit(8, 3))]
    changed = snapshot.changed(touched=[], added=added, revision=2)
    question = unit(99, 1)[0]
    assert {chunk for chunk, _ in changed.search(question, {7}, 50)} == {500, 501, 502}
    assert all(chunk % 2 == 0 for chunk, _ in changed.search(question, {1}, 100))
    assert changed.search(question, set(), 10) == []
