"""The values of a sentence, each in its clause: `port 80, and its metrics on port 81`. Pure."""

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from router.evidence.environments import environments, is_of_others
from router.evidence.focus import roots
from router.evidence.quantities import Quantity
from router.evidence.questions import Question
from router.evidence.sources import Source
from router.evidence.wanted import are_of_one_sort
from router.text import Word, is_content

_PARTING = re.compile(r"[,;]|\b(?:and|but|while|whereas)\b")

Clauses = Mapping[Quantity, Sequence[Word]]
"""The other words of the clause around each value."""


def clauses_of(source: Source, number: int) -> Clauses:
    """Those of a sentence; none where nothing parts two of its values. `One` is no value."""
    sentence, folded = source.sentences[number], source.folded.text
    values = [q for q in source.quantities_of(number) if folded[q.start : q.end] != "one"]
    if not values:
        return {}
    borders = [sentence.words[0].start]
    for one, other in pairwise(values):
        parting = _PARTING.search(folded, one.end, other.start)
        if parting is None:
            return {}
        borders.append(parting.start())
    borders.append(sentence.words[-1].end)
    return {
        one: [
            word
            for word in sentence.words
            if start <= word.start < end and not one.start <= word.start < one.end
        ]
        for one, (start, end) in zip(values, pairwise(borders), strict=True)
    }


def is_of_another_clause(own: AbstractSet[Quantity], clauses: Clauses, asked: Question) -> bool:
    """Whether beside each of an answer's `own` values a like one in another clause fits better: of
    `it listens on port 80 and serves its metrics on port 81`, 80 is not the port of the metrics."""
    return bool(own) and all(
        any(
            _fits_better(clauses, other, one, asked)
            for other in clauses.keys() - own
            if other.kind is one.kind and other.units in (one.units, ())
        )
        for one in own
    )


def is_of_its_environment(
    own: AbstractSet[Quantity], clauses: Clauses, source: Source, asked: Question
) -> bool | None:
    """Whether the clause of an answer's `own` value speaks of the environment that is asked about,
    or of another one while another clause may speak of that: in `120 in production and 30 in the
    sandbox`, 120 is not the sandbox's, and 30 not what is asked for without any. None: no clause
    tells."""
    if len(asked.environments) > 1:
        return None
    texts = {
        one: source.folded.text[of[0].start : of[-1].end] if of else ""
        for one, of in clauses.items()
    }
    if not asked.environments:
        is_beside = [_is_beside_production(one, texts, clauses, asked) for one in own]
        return False if is_beside and all(is_beside) else None
    told = {one: environments(text, asked.environments) for one, text in texts.items()}
    if any(asked.environments <= told[one] for one in own):
        return True
    elsewhere = frozenset[str]().union(*(told[other] for other in clauses.keys() - own))
    is_told = [bool(told[one]) or asked.environments <= elsewhere for one in own]
    return False if is_told and all(is_told) else None


def _is_beside_production(
    own: Quantity, texts: Mapping[Quantity, str], clauses: Clauses, asked: Question
) -> bool:
    """Whether a value is told of other environments than production, and a like one in a clause
    that may be of production and has no less of what is asked."""
    wanted = {word.stem for word in clauses[own]} & asked.aspect
    return is_of_others(texts[own]) and any(
        wanted <= {word.stem for word in clauses[other]}
        and not is_of_others(texts[other])
        and are_of_one_sort([own], [other])
        for other in clauses.keys() - {own}
    )


def _fits_better(clauses: Clauses, other: Quantity, own: Quantity, asked: Question) -> bool:
    """Whether the clause of another value has more of what is asked. The later of two may say it in
    short: of `a red page within 3 minutes, an orange one within 8`, the second says nothing but
    what is asked of orange pages."""
    wanted = roots(asked.aspect)
    of = {
        value: roots(word.stem for word in clauses[value] if is_content(word))
        for value in (other, own)
    }
    first, second = sorted(of, key=lambda value: value.start)
    if of[second] <= roots(asked.stems) and roots(asked.stems) & of[second] - of[first]:
        return second is other
    if len(wanted & of[other]) > len(wanted & of[own]):
        return True
    return _is_of_another(of[own], of[other], asked)


def _is_of_another(own: frozenset[str], other: frozenset[str], asked: Question) -> bool:
    """Whether the other clause says the same, but for the name of what is asked about in the place
    of something else: `Harbor listens on port 80 and Weir listens on port 90`."""
    instead = own - other
    is_alike = bool(own & other) and other - own and other - own <= roots(asked.named)
    return bool(is_alike and instead) and instead.isdisjoint(roots(asked.stems))
