import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.text import (
    exact_form,
    fold,
    marks,
    sentences,
    split_finished,
    stem,
    without_marks,
    words,
)


@given(st.text())
def test_folding_leads_back_to_the_original(text: str) -> None:
    folded = fold(text)
    places = [folded.original(place) for place in range(len(folded.text) + 1)]
    assert places == sorted(places)
    assert places[-1] == len(text)


def test_folding_makes_the_same_of_what_looks_the_same() -> None:
    assert fold("１２ Ｇ‑Ｂ “ﬁle”—Ⅳ").text == '12 g-b "file"-iv'


@pytest.mark.parametrize(
    "forms",
    [
        ("retry", "retries", "retried", "retrying"),
        ("stop", "stops", "stopped", "stopping"),
        ("cache", "caches", "cached", "caching"),
        ("policy", "policies"),
        ("pass", "passes", "passed"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_words_are_the_parts_of_identifiers_and_single_cjk_characters() -> None:
    assert [w.text for w in words("max_retries of cedar-vault isn't 重试")] == [
        "max", "retries", "of", "cedar", "vault", "isn't", "重", "试",
    ]  # fmt: skip


def test_sentences_do_not_end_at_numbers_or_short_forms() -> None:
    text = "Wait 3.5 s, e.g. In the morning. Then go!\n\n- last line。次。"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Wait 3.5 s, e.g. In the morning.",
        "Then go!",
        "- last line。",
        "次。",
    ]


def test_a_term_and_what_stands_below_it_are_one() -> None:
    text = "Port\n8080\n\nLow ink\nA lamp comes on. It is red.\n\n- one\n- two\n\nStop.\nGo"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Port\n8080",
        "Low ink\nA lamp comes on.",
        "It is red.",
        "- one",
        "- two",
        "Stop.",
        "Go",
    ]


@pytest.mark.parametrize("text", ["chat\n#harbour-talk", "--port\n-1", "2nd shift\n3.5 h"])
def test_sign_or_number_at_the_start_makes_no_item_of_a_list(text: str) -> None:
    assert sentences(text) == [(0, len(text))]


def test_of_three_lines_each_is_one() -> None:
    text = "alpha\nbeta\ngamma"
    assert [text[start:end] for start, end in sentences(text)] == text.split("\n")


@pytest.mark.parametrize("text", ["port: 80\nworkers: 9", "a = 1\nb = 2", "- one\n- two"])
def test_two_settings_are_two(text: str) -> None:
    assert [text[start:end] for start, end in sentences(text)] == text.split("\n")


@given(st.text(alphabet="aB1. [2]!\n", max_size=60))
def test_no_character_of_a_growing_text_is_lost(text: str) -> None:
    finished, rest = split_finished(text)
    assert "".join(finished) + rest == text


def test_mark_behind_the_full_stop_belongs_to_its_sentence() -> None:
    assert split_finished("Nine. [1] Then parked. [2]") == (["Nine. [1] "], "Then parked. [2]")
    assert split_finished("Nine. ") == ([], "Nine. ")


def test_marks_are_read_and_taken_off() -> None:
    assert marks("Nine [2], at most [1][2].") == [2, 1]
    assert without_marks("Nine [2], at most [1][2].") == "Nine, at most."


@pytest.mark.parametrize("text", ["the 9  Times.", "9 times", " “9 TIMES” ", "９ times!"])
def test_exact_form_forgives_case_articles_and_outer_punctuation(text: str) -> None:
    assert exact_form(text) == "9 times"
