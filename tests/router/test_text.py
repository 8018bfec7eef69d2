import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.text import (
    exact_form,
    fold,
    marks,
    may_become,
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
        ("hold", "holds", "held", "holding"),
        ("write", "wrote", "written", "writing"),
        ("stick", "stuck", "sticks"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_words_are_the_parts_of_identifiers_and_single_cjk_characters() -> None:
    assert [w.text for w in words("max_retries of cedar-vault isn't 重试")] == [
        "max", "retries", "of", "cedar", "vault", "isn't", "重", "试",
    ]  # fmt: skip


def test_a_sentence_ends_behind_milliseconds() -> None:
    text = "It takes 640 ms. Work goes on. Ask Ms. Lund."
    assert [text[start:end] for start, end in sentences(text)] == [
        "It takes 640 ms.",
        "Work goes on.",
        "Ask Ms. Lund.",
    ]


def test_sentences_do_not_end_at_numbers_or_short_forms() -> None:
    text = "Wait 3.5 s, e.g. In the morning. Then go!\n\n- last line。次。"
    assert [text[start:end] for start, end in sentences(text)] == [
        "Wait 3.5 s, e.g. In the morning.",
        "Then go!",
        "- last line。",
        "次。",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Harbor is owned by Ada M. Lund.",
        "Ask Jorge L. B. Paz, or Ines Q. Vidal.",
        "The keys are kept by R. Okafor.",
        "Signed: T. Corrigan.",
        "Approved in the legal version, J.R. Hartley said.",
        "It is led by Prof. Thea Brandt.",
        "The office of St. Gallen is closed.",
        "The vats are leased from Brewer Sons Ltd. Dublin.",
        "Ring Sr. Nunes, or Otto Vahl Jr. Esq.",
        "Bring four, max. 40 kg each, min. 2 days ahead.",
        "It takes 30 days excl. Sundays and incl. Mondays.",
    ],
)
def test_name_or_short_form_with_a_full_stop_is_not_cut(text: str) -> None:
    assert [text[start:end] for start, end in sentences(text)] == [text]
    assert split_finished(f"{text} ") == ([], f"{text} ")
    assert split_finished(f"{text} Then") == ([f"{text} "], "Then")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Parcels go to Hall B. They wait there.", "Parcels go to Hall B."),
        ("It is kept in cupboard B. Food is not.", "It is kept in cupboard B."),
        ("Press button PATH B. Count to 9.", "Press button PATH B."),
        ("Spokes bear 1,000 N. Tyres do not.", "Spokes bear 1,000 N."),
        ("Doors open at 9 A.M. Guests wait.", "Doors open at 9 A.M."),
        ("Crates come from Acme Inc. It packs them.", "Crates come from Acme Inc."),
        ("The shop is in High St. The mill is not.", "The shop is in High St."),
        ("Wait 50 min. Must be cold then.", "Wait 50 min."),
        ("Take 5 max. Return them.", "Take 5 max."),
        ("Use gate B.\nVisitors ring.", "Use gate B."),
        ("Take Line C.\nVisitors ring.", "Take Line C."),
    ],
)
def test_sentence_may_end_with_a_letter_or_a_short_form(text: str, first: str) -> None:
    start, end = sentences(text)[0]
    assert text[start:end] == first
    assert split_finished(text)[0][0].rstrip() == first


def test_name_is_not_cut_while_it_grows() -> None:
    assert split_finished("Ada M. I") == ([], "Ada M. I")
    assert split_finished("Ada M. Ibsen does") == ([], "Ada M. Ibsen does")
    assert split_finished("Hall B. It is") == (["Hall B. "], "It is")


def test_number_that_is_too_long_for_an_item_belongs_to_the_term_above() -> None:
    text = "Port\n5471. It is free."
    assert [text[start:end] for start, end in sentences(text)] == ["Port\n5471.", "It is free."]
    assert sentences("Port\n54. It is free.")[0] == (0, len("Port"))


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


@pytest.mark.parametrize(
    "text", ["the 9  Times.", "9 times", " “9 TIMES” ", "９ times!", ": 9 times"]
)
def test_exact_form_forgives_case_articles_and_outer_punctuation(text: str) -> None:
    assert exact_form(text) == "9 times"


@given(st.lists(st.sampled_from(["the", "A", "x", "(an", "a)", "“the", "5", "-", "—"])), st.data())
def test_what_is_said_up_to_some_word_may_become_all_of_it(
    said: list[str], data: st.DataObject
) -> None:
    so_far = said[: data.draw(st.integers(0, len(said)))]
    assert may_become(" ".join(so_far), " ".join(said))


@pytest.mark.parametrize("said", ["9 t", "The", "the 9"])
def test_what_is_said_otherwise_may_not_become_it(said: str) -> None:
    assert may_become(said, "The 9 times")
    assert not may_become(f"{said} x", "The 9 times")
