import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.retrieval.fusion import DENSE_WEIGHT, REPEAT_FACTOR, Place, arrange, blend
from router.retrieval.passages import searchable_text

SCORES = st.dictionaries(st.integers(1, 40), st.floats(0, 1), max_size=40)


def apart(chunk: int) -> Place:
    return Place(version_id=chunk, position=0, content=f"text {chunk}")


def test_word_scores_count_as_shares_of_the_best() -> None:
    scores = blend([(1, 8.0), (2, 4.0)], [(2, 0.5), (1, 0.25)], depth=50)
    assert scores[1] == pytest.approx(DENSE_WEIGHT * 0.25 + (1 - DENSE_WEIGHT))
    assert scores[2] == pytest.approx(DENSE_WEIGHT * 0.5 + (1 - DENSE_WEIGHT) * 0.5)


def test_a_passage_below_a_full_ranking_gets_what_its_last_place_has() -> None:
    scores = blend([(1, 8.0)], [(2, 0.9), (3, 0.6)], depth=2)
    assert scores[1] == pytest.approx(DENSE_WEIGHT * 0.6 + (1 - DENSE_WEIGHT))


def test_a_passage_missing_in_a_short_ranking_gets_nothing_from_it() -> None:
    scores = blend([(1, 8.0)], [(2, 0.9)], depth=2)
    assert scores[1] == pytest.approx(1 - DENSE_WEIGHT)


def test_words_alone_keep_their_order() -> None:
    assert blend([(1, 8.0), (2, 2.0)], None, depth=50) == {1: 1.0, 2: 0.25}


def test_nothing_found_is_nothing() -> None:
    assert blend([], [], depth=50) == {}
    assert arrange({}, {}, 10) == []


def test_a_good_neighbour_lifts_a_passage() -> None:
    scores = {1: 0.9, 2: 0.5, 3: 0.5}
    places = {1: Place(1, 4, "a"), 2: Place(1, 9, "b"), 3: Place(1, 5, "c")}
    assert [chunk for chunk, _ in arrange(scores, places, 3)] == [1, 3, 2]


def test_a_close_call_goes_to_another_document() -> None:
    scores = {1: 0.9, 2: 0.80, 3: 0.79}
    places = {1: Place(1, 0, "a"), 2: Place(1, 5, "b"), 3: Place(2, 0, "c")}
    (_, second, third) = arrange(scores, places, 3)
    assert (second[0], third[0]) == (3, 2)
    assert third[1] == pytest.approx(REPEAT_FACTOR * 0.80 / 1.2)


def test_a_copy_is_shown_once_where_it_scores_best() -> None:
    scores = {1: 0.5, 2: 0.6, 3: 0.1}
    places = {1: Place(1, 0, "same"), 2: Place(2, 0, "same"), 3: Place(3, 0, "other")}
    assert [chunk for chunk, _ in arrange(scores, places, 10)] == [2, 3]


@given(SCORES, st.integers(0, 12))
def test_arranged_scores_fall_and_stay_between_0_and_1(
    scores: dict[int, float], limit: int
) -> None:
    places = {chunk: Place(chunk % 3, chunk // 3, f"text {chunk % 7}") for chunk in scores}
    arranged = arrange(scores, places, limit)
    values = [score for _, score in arranged]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for value in values)
    assert len(arranged) <= limit
    assert len({places[chunk].content for chunk, _ in arranged}) == len(arranged)


@given(SCORES)
def test_only_passages_with_a_place_are_shown(scores: dict[int, float]) -> None:
    places = {chunk: apart(chunk) for chunk in scores if chunk % 2}
    assert {chunk for chunk, _ in arrange(scores, places, 100)} == set(places)


def test_title_and_headings_stand_before_the_text() -> None:
    text = searchable_text("Guide", ["Setup", "Linux"], "Run it.")
    assert text == "Guide > Setup > Linux\nRun it."


def test_a_title_is_not_said_twice() -> None:
    assert searchable_text("Guide", ["Guide", "Linux"], "Run it.") == "Guide > Linux\nRun it."
