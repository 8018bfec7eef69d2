"""Slips of the finger in a question, put right where it is plain what was meant. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase

from ingestion.tokens import is_everyday_word
from router.evidence.slips import LEAST_LETTERS, is_english, one_slip
from router.evidence.sources import Source, read_source
from router.prompts import Passage
from router.text import Word, fold, stem

# A word that is no part of a name with signs, a path or an address.
_WORD = re.compile(r"(?<![\w@#$~./\\-])[^\W\d_]+(?![\w@/\\-]|[.:]\w)")


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
    found = [word for one in map(read_source, passages) for word in _words_of(one)]
    spelled, stems = {word.text for word in found}, {word.stem for word in found}
    meant = {
        typed: _meant(typed, spelled) for typed in unknown if stem(fold(typed).text) not in stems
    }
    return _WORD.sub(lambda match: meant.get(match[0], match[0]), question)


def _is_unknown(typed: str) -> bool:
    return len(typed) >= LEAST_LETTERS and not is_english(fold(typed).text)


def _words_of(source: Source) -> Iterator[Word]:
    yield from source.context_words
    for sentence in source.sentences:
        yield from sentence.words


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
