"""Whether a question puts a word of its own where one before it has the word that a document has:
*the critical glucose limit* is not answered by what was told of *the critical potassium limit*.
Pure."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from router.precedents.facts import Near
from router.precedents.frames import Precedent, about_it, made_once, without_names
from router.text import Word, is_content, stem, words

# Words that both have to share, in their order, and most words that take each other's place.
LEAST_SHARED, MOST_SWAPPED = 3, 2
# Of the letters of two words: a slip of the finger, or a short form.
_ALIKE = 0.75
# Which of several is asked for, but not of what: people have many words for it.
_OF_DEGREE = """
max maximum maximal highest top upper most greatest largest biggest longest peak min minimum minimal
lowest bottom lower least smallest shortest default usual normal standard typical regular actual
current main primary chief official overall total whole full entire exact precise allowed permitted
expected required target rated nominal
"""
_DEGREES = frozenset(map(stem, _OF_DEGREE.split()))


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question about `it`, and the stems of all that was found for it."""

    own: Sequence[Word]
    found: AbstractSet[str]


def asked_about_it(question: str, things: AbstractSet[str], found: AbstractSet[str]) -> Asked:
    """`things` are names by their keys, `found` the stems of the passages."""
    return Asked(words(without_names(question, things)), found)


def named_instead(asked: Asked, near: Iterable[Near]) -> tuple[str, ...]:
    """The words in which alone a question differs from one before it, where the sentence that
    answered calls the thing as that one did, and neither anything that was found nor another
    question for the same calls it as this one does. Empty: it asks for nothing that is not told.
    """
    near = list(near)
    for precedent, _ in near:
        new = _swapped_in(asked, precedent)
        stems = {word.stem for word in new}
        same = [one for one, _ in near if one.fact == precedent.fact] if precedent.fact else ()
        if new and not any(stems <= {word.stem for word in _words_of(one)} for one in same):
            return tuple(word.text for word in new)
    return ()


def _swapped_in(asked: Asked, precedent: Precedent) -> Sequence[Word]:
    """What the question has instead of words of the precedent; nothing: it has not, or more
    differs. Only what stands in front of a word of both is told by it: *who owns it* asks what *who
    leads it* does.
    """
    before, own = _words_of(precedent), asked.own
    head = _shared(own, before)
    tail = min(_shared(own[::-1], before[::-1]), min(len(own), len(before)) - head)
    new, old = own[head : len(own) - tail], before[head : len(before) - tail]
    if head + tail < LEAST_SHARED or not tail or not is_content(own[-tail]):
        return ()
    if not (_is_a_thing(new) and _is_a_thing(old)) or _are_alike(new, old):
        return ()
    told = {word.stem for word in words(precedent.sentence)}
    is_told = told.issuperset(word.stem for word in old)
    return new if is_told and asked.found.isdisjoint(word.stem for word in new) else ()


@made_once
def _words_of(precedent: Precedent) -> list[Word]:
    return words(about_it(precedent.question, precedent.names))


def _shared(one: Sequence[Word], other: Sequence[Word]) -> int:
    """How many words both begin with."""
    pairs = takewhile(lambda pair: pair[0].stem == pair[1].stem, zip(one, other, strict=False))
    return sum(1 for _ in pairs)


def _is_a_thing(swapped: Sequence[Word]) -> bool:
    return 0 < len(swapped) <= MOST_SWAPPED and all(
        word.text.isalpha() and is_content(word) and word.stem not in _DEGREES for word in swapped
    )


def _are_alike(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """Whether the letters of both are nearly the same, or the first four: `config` and
    `configuration`."""
    short, long = sorted(("".join(word.text for word in each) for each in (one, other)), key=len)
    return long.startswith(short[:4]) or SequenceMatcher(None, short, long).ratio() >= _ALIKE
