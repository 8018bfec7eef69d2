"""The lexicon itself: every concept has enough to say."""

import re

import pytest

from training.synthesis.lexicon import Concept, concepts, meant_by


def test_it_is_broad() -> None:
    assert len(concepts()) >= 90
    assert len({concept.name for concept in concepts()}) == len(concepts())


@pytest.mark.parametrize("concept", concepts(), ids=lambda concept: concept.name)
def test_a_concept_is_asked_for_in_many_words(concept: Concept) -> None:
    assert len(set(concept.asks)) == len(concept.asks) >= 5
    for ask in concept.asks:
        assert ask.count("{s}") == 1, ask
        assert set(re.findall(r"\{(\w+)\}", ask)) <= {"s", "q"}, ask
        assert not re.search(r"\w\{q\}|\{q\}\W", ask), f"{ask}: a qualifier stands before a word"
    for ask in concept.of:
        assert ask.count("{s}") == 1, ask
        assert set(re.findall(r"\{(\w+)\}", ask)) <= {"s", "o", "O", "are", "do", "p"}, ask
    assert not concept.says or concept.triggers


@pytest.mark.parametrize(
    ("label", "name", "before", "after"),
    [
        ("rate limit per client", "rate_limit", "", ""),
        ("webhook max retries", "retries", "webhook", ""),
        ("timeout against sailings", "timeout", "", "against sailings"),
        ("opening hours", "opening_hours", "", ""),
        ("monthly budget", "budget", "", ""),
        ("kept for", "retention", "", ""),
    ],
)
def test_a_label_is_understood_with_what_narrows_it(
    label: str, name: str, before: str, after: str
) -> None:
    meant = meant_by(label)
    assert meant is not None
    assert (meant.concept.name, meant.before, meant.after) == (name, before, after)


@pytest.mark.parametrize("label", ["envelope", "a day or more before", "paid on what we owe", ""])
def test_an_unknown_label_means_nothing(label: str) -> None:
    assert meant_by(label) is None
