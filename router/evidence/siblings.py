"""What a sentence or a row says of something else, where one beside it says the like of what is
asked about: of `Harbor listens on port 80. Weir listens on port 90.`, 80 is not Weir's. Pure."""

import re
from collections.abc import Sequence
from itertools import dropwhile, takewhile

from router.evidence.claims import Claim, claims_of
from router.evidence.focus import is_row, leads_above
from router.evidence.questions import Question
from router.evidence.sources import Source, is_headed, names_at
from router.evidence.wanted import are_of_one_sort
from router.text import STOP_WORDS, Word, content_stems, fold, is_content, stem

_OWNED = re.compile(r"(?<![\w'’])([A-Z][\w-]*)['’]s\b")
_LABEL = re.compile(r"[^:=\n]*")


def is_of_another(number: int, source: Source, asked: Question, told: Sequence[Claim]) -> bool:
    """Whether a sentence names nothing of what is asked about and says whose else it is, or stands
    beside one that names it, has a value like what is `told`, and says it alike."""
    if not asked.entities or any(_named_at(number, source, asked)):
        return False
    if _is_owned_by_another(number, source, asked):
        return True
    others = (other for other in range(len(source.sentences)) if other != number)
    beside = [
        other
        for other in others
        if all(_named_at(other, source, asked)) and _has_like(other, source, asked, told)
    ]
    if is_row(source, number):
        return bool(told) and any(_is_another_row(number, one, source, asked) for one in beside)
    return any(_is_said_alike(number, one, source, asked) for one in beside)


def _is_owned_by_another(number: int, source: Source, asked: Question) -> bool:
    """Whether it says it of another name's, `Edith's height`, where the page is not about what is
    asked about alone."""
    sentence = source.sentences[number]
    owners = {
        fold(one[1]).text for one in _OWNED.finditer(source.text, sentence.start, sentence.end)
    }
    owners = {one for one in owners if one not in STOP_WORDS and stem(one) not in asked.named}
    if not owners:
        return False
    is_its_page = any(is_headed(source, one, asked.longer_than(one)) for one in asked.entities)
    return not is_its_page or any(stem(one) in source.context_stems for one in owners)


def _named_at(number: int, source: Source, asked: Question) -> list[bool]:
    """Whether a sentence, or a line that holds it, names each of what is asked about."""
    lines = [number, *_leads(number, source)]
    return [
        any(names_at(source, line, one, asked.longer_than(one)) for line in lines)
        for one in asked.entities
    ]


def _leads(number: int, source: Source) -> list[int]:
    return leads_above(source, number) if is_row(source, number) else []


def _has_like(number: int, source: Source, asked: Question, told: Sequence[Claim]) -> bool:
    """Whether a sentence has a value of the kind of each that is told."""
    here, sentence = source.quantities_of(number), source.sentences[number]
    claims = claims_of(source.text[sentence.start : sentence.end])
    kinds = {one.kind for one in claims if not content_stems(one.text) <= asked.named}
    return all(
        are_of_one_sort([one.quantity], here) if one.quantity else one.kind in kinds for one in told
    )


def _is_another_row(number: int, other: int, source: Source, asked: Question) -> bool:
    """Whether the label of the other row is what is asked about, and the own one something else or
    a part of it: `auth` beside `auth-proxy`."""
    own, label = _label(number, source), _label(other, source)
    if not asked.named <= label <= asked.stems:
        return False
    beyond = own - label
    is_else = bool(beyond) and beyond.isdisjoint(asked.stems)
    return bool(own) and (own < label or (is_else and _may_be_named(beyond, source, asked)))


def _label(number: int, source: Source) -> frozenset[str]:
    """The stems of what stands before the value of a row, and of the lines that hold it."""
    lines = [source.sentences[line] for line in (number, *_leads(number, source))]
    labels = [_LABEL.match(source.text, line.start, line.end) for line in lines]
    return frozenset[str]().union(*(content_stems(label[0]) for label in labels if label))


def _is_said_alike(number: int, other: int, source: Source, asked: Question) -> bool:
    """Whether another name stands in front of what the other sentence has behind the name of what
    is asked about: `listens`."""
    named = dropwhile(lambda one: one.stem not in asked.named, source.sentences[other].words)
    behind = dropwhile(lambda one: one.stem in asked.named or not is_content(one), named)
    verb, own = next(behind, None), source.sentences[number]
    if verb is None or verb.stem not in own.stems:
        return False
    before = takewhile(lambda one: one.stem != verb.stem, own.words)
    subject = [word for word in before if is_content(word)]
    stems = frozenset(word.stem for word in subject)
    if not subject or not stems.isdisjoint(asked.stems):
        return False
    are_names = all(_is_written_as_name(word, source) for word in subject)
    return are_names and (len(subject) > 1 or _may_be_named(stems, source, asked))


def _is_written_as_name(word: Word, source: Source) -> bool:
    folded = source.folded.text
    around = folded[max(word.start - 1, 0) : word.start] + folded[word.end : word.end + 1]
    first = source.text[source.folded.original(word.start)]
    return first.isupper() or first.isdigit() or not {"-", "_"}.isdisjoint(around)


def _may_be_named(stems: frozenset[str], source: Source, asked: Question) -> bool:
    """Whether words may be the name of another thing. On a page about what is asked about they
    mostly say something of it, `Calls wait 5 s.`, unless a title begins so."""
    if not asked.named <= source.context_stems:
        return True
    return any(stems <= frozenset(map(stem, head)) for head in asked.heads)
