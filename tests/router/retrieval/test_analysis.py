import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.retrieval.analysis import MAX_WORD, analyse, question_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_retries", ["max_retries", "max", "retries"]),
        ("maxRetries", ["maxretries", "max", "retries"]),
        ("HTTPServer2", ["httpserver2", "http", "server", "2"]),
        ("--dry-run", ["dry-run", "dry", "run"]),
        ("/etc/app.conf", ["etc/app.conf", "etc", "app", "conf"]),
        ("v1.2.3", ["v1.2.3", "v", "1", "2", "3"]),
        ("30ms", ["30ms", "30", "ms"]),
        ("1,000,000 rows", ["1000000", "rows"]),
        ("the customer's don't", ["the", "customer", "dont"]),
        ("Ｆｕｌｌ ﬁne", ["full", "fine"]),
        ("検索機能", ["検索", "索機", "機能"]),
        ("APIの制限", ["api", "の制", "制限"]),
        ("ends. Next", ["ends", "next"]),
        ("?! … 🙂", []),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert analyse(text) == words


@given(st.text())
def test_any_text_becomes_short_lower_case_words(text: str) -> None:
    for word in analyse(text):
        assert 0 < len(word) <= MAX_WORD
        assert not any(character.isspace() for character in word)


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=2, max_size=4))
def test_every_spelling_of_a_name_has_the_same_parts(parts: list[str]) -> None:
    snake, kebab, spaced = ("_".join(parts), "-".join(parts), " ".join(parts))
    assert analyse(snake)[1:] == analyse(kebab)[1:] == analyse(spaced) == parts


def test_a_question_keeps_what_it_is_about() -> None:
    assert question_words("What is the window of the window sender?") == ["window", "sender"]


def test_a_question_of_question_words_alone_keeps_them() -> None:
    assert question_words("who is it") == ["who", "is", "it"]
