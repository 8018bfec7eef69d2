"""What a sentence denies, and what the clause around a value denies of it. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile, pairwise

from router.text import Word, is_content, is_negation

# `Not more than` denies nothing, nor does `no longer than`, but `no longer` does.
_COMPARISONS = frozenset({"more", "less", "fewer", "only"})
_COMPARED = frozenset({"later", "longer", "earlier"})
# Between a negation and what it denies: `no longer listens`, `not yet sold`.
_SOFT = frozenset({"longer", "yet"})
_VERBS_IN_LY = frozenset({"apply", "comply", "imply", "multiply", "rely", "reply", "supply"})
_AUXILIARIES = frozenset(
    {"am", "are", "be", "been", "can", "could", "did", "do", "does", "had", "has", "have", "is"}
    | {"may", "might", "must", "need", "shall", "should", "to", "was", "were", "will", "would"}
)
# Up to a value behind these, or from it on, what is denied is so: `does not open before 9:00`.
_LIMITS = frozenset(
    {"above", "after", "all", "always", "apart", "before", "below", "beyond", "except", "for"}
    | {"just", "merely", "necessarily", "only", "other", "over", "past", "than", "till", "under"}
    | {"unless", "until", "within", "exceed", "exceeds", "exceeding", "exceeded"}
)
_CONTRASTS = frozenset({"but", "while", "whereas"})
_SUBORDINATES = frozenset(
    {"although", "because", "if", "that", "though", "unless", "when", "whenever"}
    | {"where", "which", "who", "whose"}
)
_OPENING = "|".join(sorted(_CONTRASTS | _SUBORDINATES))
# A list goes on behind the soft ones: `80, 81 and 82`.
_PARTING = re.compile(rf"(?P<hard>;|:\s|\s-\s|[()]|\b(?:{_OPENING})\b)|,(?!\d)|\band\b")


def denied(of: Sequence[Word]) -> set[str]:
    """The stems of what a sentence denies."""
    negations = (place for place, word in enumerate(of) if is_negation(word))
    return {stem for place in negations for stem in _behind(of, place)}


def denied_of(folded: str, of: Sequence[Word], sought: Sequence[frozenset[str]]) -> set[str]:
    """The same, but for what another clause says that has more of what is sought: to listen on port
    81 is not denied by `no longer listens on port 80; it listens on port 81`.

    Of two clauses that have as much of the first of the `sought` stems the next ones count.
    """
    clauses = list(_clauses(folded, of))
    found = set[str]()
    for place, word in enumerate(of):
        if is_negation(word):
            own = next(clause for clause in clauses if word in clause)
            others = [one for one in clauses if not any(map(is_negation, one))]
            found.update(
                stem
                for stem in _behind(of, place)
                if not any(_says_rather(one, own, stem, sought) for one in others)
            )
    return found


def clause_around(folded: str, of: Sequence[Word], start: int, end: int) -> list[Word]:
    """The words of the clause around a value of a sentence. A number that only goes on a list of
    such belongs to the clause before it."""
    first, last = of[0].start, of[-1].end
    partings = list(_PARTING.finditer(folded, first, last))
    begin = first
    for one in reversed([one for one in partings if one.start() <= start]):
        between = [word for word in of if one.end() <= word.start < start]
        if one["hard"] or not folded[start].isdigit() or any(map(_begins, between)):
            begin = one.start()
            break
    close = next((one.start() for one in partings if one.start() >= end), last)
    return [word for word in of if begin <= word.start < close]


def denied_around(folded: str, of: Sequence[Word], start: int, end: int) -> set[str]:
    """The stems of what the clause around a value surely denies of it: what a condition says, or a
    clause that tells of which things it speaks, denies nothing, nor is a limit denied."""
    clause = clause_around(folded, of, start, end)
    if clause and clause[0].text in _SUBORDINATES:
        return set()
    return {
        stem
        for place, word in enumerate(clause)
        if _is_told(clause, place) and not _is_limit(clause, place, start)
        for stem in _behind(clause, place)
    }


def _behind(of: Sequence[Word], place: int) -> Iterator[str]:
    """The first content word behind a negation, and what stands right behind that if it is an
    adverb."""
    following = of[place + 1 : place + 5]
    texts = [word.text for word in following]
    if _COMPARISONS.intersection(texts[:1]):
        return
    if _COMPARED.intersection(texts[:1]) and "than" in texts[1:3]:
        return
    for word in dropwhile(lambda one: not _says(one), following):
        if not _says(word):
            return
        yield word.stem
        if not word.text.endswith("ly") or word.text in _VERBS_IN_LY:
            return


def _says(word: Word) -> bool:
    return is_content(word) and word.text not in _SOFT


def _says_rather(
    clause: Sequence[Word],
    denying: Sequence[Word],
    stem: str,
    sought: Sequence[frozenset[str]],
) -> bool:
    """Whether a clause says what another one denies, or stands in contrast to it, and has more of
    what is sought."""
    may = any(word.stem == stem for word in clause) or clause[0].text in _CONTRASTS
    has, denies = (
        [len(stems.intersection(word.stem for word in one) - {stem}) for stems in sought]
        for one in (clause, denying)
    )
    return may and has > denies


def _clauses(folded: str, of: Sequence[Word]) -> Iterator[list[Word]]:
    if not of:
        return
    first, last = of[0].start, of[-1].end
    borders = [one.start() for one in _PARTING.finditer(folded, first, last)]
    for start, end in pairwise([first, *borders, last]):
        if clause := [word for word in of if start <= word.start < end]:
            yield clause


def _begins(word: Word) -> bool:
    """Whether it makes more than an item of a list of numbers."""
    return is_negation(word) or (is_content(word) and not word.text.isdigit())


def _is_told(clause: Sequence[Word], place: int) -> bool:
    """Whether a negation is of the clause itself: `calls not taken in 20 s are billed` has none."""
    text = clause[place].text
    if text == "not":
        before = clause[:place]
        is_first = not any(map(is_content, before))
        return is_first or any(word.text in _AUXILIARIES for word in before[-2:])
    if text == "no":
        return [word.text for word in clause[place + 1 : place + 2]] == ["longer"]
    return text in {"never", "cannot"} or text.endswith("n't")


def _is_limit(clause: Sequence[Word], place: int, value: int) -> bool:
    """Whether a value, by its start, is only a limit of what a negation denies."""
    negation = clause[place].start
    begin = negation if negation < value else clause[0].start
    between = (word for word in clause if begin <= word.start < value and word.start != negation)
    return any(word.text in _LIMITS or is_negation(word) for word in between)
