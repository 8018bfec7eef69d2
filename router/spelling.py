"""Slips of the finger in a question, put right where it is plain what was meant. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase

from ingestion.tokens import is_everyday_word
from router.prompts import Passage
from router.text import fold, stem, words

# A word that is no part of a name with signs, a path or an address.
_WORD = re.compile(r"(?<![\w@#$~./\\-])[^\W\d_]+(?![\w@/\\-]|[.:]\w)")
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "ly", "'s")
# Shorter ones are too much like each other.
_LEAST_LETTERS = 5


def one_slip(typed: str, meant: str) -> bool:
    """One letter more, less or other, or two neighbours swapped, in a word of letters from the
    second one on. Short words and numbers are too much like each other for that."""
    longer = abs(len(typed) - len(meant))
    if len(typed) < _LEAST_LETTERS or not typed.isalpha() or longer > 1 or typed[0] != meant[0]:
        return False
    pairs = zip(typed, meant, strict=False)
    start = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(typed), len(meant)))
    rest, other_rest = typed[start:], meant[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return other_rest in (rest[1:], swapped) or rest == other_rest[1:] or rest[1:] == other_rest[1:]


def is_english(word: str) -> bool:
    """Whether everyday English has a folded word, or what is left of it without an ending."""
    bases = {word, stem(word), *(word.removesuffix(ending) for ending in _ENDINGS)}
    return any(map(is_everyday_word, bases))


def put_right(question: str, passages: Sequence[Passage]) -> str:
    """A question with each word as it was meant that neither English nor the passages found for it
    have, where these have a single one that is one slip from it.

    Two letters that were swapped are likelier than another slip. Where only English has the word, a
    letter was lost or two were swapped, and it is no name, which has a capital: *marten* may be an
    animal, and need not be Martin.
    """
    unknown = {match[0] for match in _WORD.finditer(question) if _is_unknown(match[0])}
    if not unknown:
        return question
    spelled = {word.text for passage in passages for word in words(_folded(passage))}
    stems = {stem(word) for word in spelled}
    meant = {
        typed: _meant(typed, spelled) for typed in unknown if stem(fold(typed).text) not in stems
    }
    return _WORD.sub(lambda match: meant.get(match[0], match[0]), question)


def _is_unknown(typed: str) -> bool:
    return len(typed) >= _LEAST_LETTERS and not is_english(fold(typed).text)


def _folded(passage: Passage) -> str:
    return fold(f"{passage.title}\n{passage.heading}\n{passage.path}\n{passage.text}").text


def _meant(typed: str, spelled: Iterable[str]) -> str:
    folded = fold(typed).text
    may_be_english = typed.islower()
    swapped = set(_swapped(folded))
    near = (
        swapped.intersection(spelled)
        or (may_be_english and _english(swapped))
        or {word for word in spelled if one_slip(folded, word)}
        or (may_be_english and _english(_with_a_letter(folded)))
    )
    if not near or len(near) > 1:
        return typed
    (word,) = near
    return word.capitalize() if typed[0].isupper() else word


def _english(spellings: Iterable[str]) -> set[str]:
    return set(filter(is_everyday_word, spellings))


def _swapped(typed: str) -> Iterator[str]:
    for at in range(1, len(typed) - 1):
        yield f"{typed[:at]}{typed[at + 1]}{typed[at]}{typed[at + 2 :]}"


def _with_a_letter(typed: str) -> Iterator[str]:
    for at in range(1, len(typed) + 1):
        yield from (f"{typed[:at]}{letter}{typed[at:]}" for letter in ascii_lowercase)
