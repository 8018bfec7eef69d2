"""A sentence without what it is about and without the value it gives: the same for many. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from router.evidence.named import entities_of
from router.evidence.quantities import schedules
from router.text import NEGATIONS, fold

T = TypeVar("T")

# What a column of values is called.
_VALUES = frozenset({"value", "setting", "default", "entry"})
# What one question alone names may be no name at all.
LEAST_NAMED = 3
# Words of the longest name that is looked for.
_LONGEST_NAME = 5
_WORD = re.compile(r"[^\W_]+")
# Behind a name it belongs to it: `Atlas 12`, `Atlas T5`.
_NUMBER = re.compile(r"[ -][^\W\d_]{0,2}\d[\w.]*\b")
_TOKEN = re.compile(r"\w+")
# No word is one of these.
_NAME, _VALUE = "<name>", "<value>"
# Of a value that is a path, an address or an amount: `/var/log/a.log`, `#on-call`, `99.9%`.
_INSIDE_VALUE = re.compile(r"[^\s`'\"(){}\[\]“”‘’]")
_BEFORE_VALUE, _AFTER_VALUE = "=:,;", ".,;:!?"
# With the end of `isn't`.
_NEGATIONS = NEGATIONS | {"t"}
# In front of a value, `port: 80`, and behind it, `80 (rotated daily`.
_LABEL = re.compile(r"[^:]+:\s+")
_OPENED = re.compile(r"\s*[(\[{][^)\]}]*$")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Precedent:
    """A question, and the folded sentence from `start` to `end` of which is its answer.

    `names` are the things that the question names, in the form of `name_key`, and `beside` what
    else it does. `is_written`: by a person, or with the documents, and not made from them by rules.
    `fact`: the same for all that ask what people asked in several ways; empty: nobody did.
    """

    question: str
    names: frozenset[str]
    answer: str
    sentence: str
    start: int
    end: int
    is_written: bool
    fact: str = ""
    beside: frozenset[str] = frozenset()

    @property
    def label(self) -> tuple[int, int]:
        """Where the label of the answer stands in its sentence: `port` of `port = 80`, that of its
        column in a row, and the whole row where it only says that this is the value."""
        before = self.sentence[: self.start].rstrip(" '\"`")
        if not before.endswith((":", "=")):
            return 0, 0
        start = before.rfind(";") + 1
        return (0 if before[start:-1].strip() in _VALUES else start), len(before)


def made_once(make: Callable[[Precedent], T]) -> Callable[[Precedent], T]:
    """Keeps what is made of a precedent for as long as that is there, and so with its page."""
    kept: WeakKeyDictionary[Precedent, T] = WeakKeyDictionary()

    @wraps(make)
    def made(precedent: Precedent) -> T:
        try:
            return kept[precedent]
        except KeyError:
            return kept.setdefault(precedent, make(precedent))

    return made


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or `_NAME` for a whole name, with its place in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The tokens of a sentence, with `_VALUE` at `slot` for all those of its value; `denied` are
    the words of that which say no."""

    tokens: tuple[str, ...]
    slot: int
    words: frozenset[str]
    denied: frozenset[str]

    @property
    def has_name(self) -> bool:
        """Whether the sentence says of what it tells."""
        return _NAME in self.words

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing else: the `maxPacketSize` of a line may be such a name."""
        return self.words == {_NAME}


@dataclass(frozen=True, slots=True)
class Fitting:
    """The value where a sentence fits a frame, by its characters, and how much of both is the
    same, 0 to 1."""

    start: int
    end: int
    likeness: float


def name_key(name: str) -> str:
    """The same for `cedar-vault`, `Cedar Vault` and `CedarVault`."""
    return "".join(_WORD.findall(fold(name).text))


def named_in(question: str) -> list[str]:
    """What a question names, as far as its form tells, each with the number behind it."""
    return [_with_number(question, name) for name in entities_of(question) if name_key(name)]


def names_of(question: str) -> frozenset[str]:
    """The keys of what a question names."""
    return frozenset(map(name_key, named_in(question)))


def _with_number(question: str, name: str) -> str:
    number = _NUMBER.match(question, question.index(name) + len(name)) if name in question else None
    return f"{name}{number[0]}" if number else name


def mentions(folded: str, known: AbstractSet[str]) -> list[tuple[int, int]]:
    """Start and end of each of the `known` names in a folded text, the longest at each place."""
    found: list[tuple[int, int]] = []
    parts = [match.span() for match in _WORD.finditer(folded)]
    at = 0
    while at < len(parts):
        ends = range(min(at + _LONGEST_NAME, len(parts)), at, -1)
        end = next((end for end in ends if _key(folded, parts[at:end]) in known), None)
        if end is None:
            at += 1
        else:
            found.append((parts[at][0], parts[end - 1][1]))
            at = end
    return found


def mentioned(text: str, known: AbstractSet[str]) -> frozenset[str]:
    """The keys of those of the `known` names that a text has."""
    folded = fold(text).text
    return frozenset(name_key(folded[start:end]) for start, end in mentions(folded, known))


def things_among(alone: Mapping[str, int]) -> frozenset[str]:
    """The names that several questions are about alone: what stands beside another one always is
    asked of that, as *Slack* is in *Which Slack channel has Bell?*."""
    return frozenset(name for name, times in alone.items() if times >= LEAST_NAMED)


def named_alone(named: Iterable[AbstractSet[str]]) -> Counter[str]:
    """How often each name is the only one, by what each of some questions names."""
    return Counter(name for names in named if len(names) == 1 for name in names)


def told_alone(precedents: Iterable[Precedent]) -> Counter[str]:
    """The same of precedents. The label of a value is asked for and is no thing, as in *What stands
    under "Lubricant" for Bell?*. Rules begin all questions with the title, so of these what alone
    the sentence names is asked of, too: *For Dag Vans, how high is Edith?*."""
    named: list[AbstractSet[str]] = []
    for one in precedents:
        start, end = one.label
        named.append(one.names - mentioned(one.sentence[start:end], one.names))
        if not one.is_written:
            told = f"{one.sentence[:start]} · {one.sentence[end:]}"
            named.append(mentioned(told, one.names))
    return named_alone(named)


def asked_of(question: str, names: AbstractSet[str], things: AbstractSet[str]) -> frozenset[str]:
    """Those of the `things` that a question names, or all its `names` where it has none of them."""
    return mentioned(question, things) or frozenset(names)


def without_names(question: str, things: AbstractSet[str]) -> str:
    """The question about `it`, so that it is compared by what it asks and not by whom of."""
    return about_it(question, asked_of(question, names_of(question), things))


def about_it(question: str, names: AbstractSet[str]) -> str:
    """The same where all that it names is known."""
    folded = fold(question).text
    for start, end in reversed(mentions(folded, names)):
        folded = f"{folded[:start]}it{folded[end:]}"
    return folded


def tokens_of(folded: str, known: AbstractSet[str]) -> list[Token]:
    """The words of a folded text, each of the `known` names as one."""
    named = mentions(folded, known)
    tokens: list[Token] = []
    for match in _TOKEN.finditer(folded):
        name = next(((s, e) for s, e in named if s < match.end() and match.start() < e), None)
        if name is None:
            tokens.append(Token(match[0], *match.span()))
        elif not tokens or tokens[-1].start != name[0]:
            tokens.append(Token(_NAME, *name))
    return tokens


@made_once
def frame_of(precedent: Precedent) -> Frame | None:
    """The frame of its sentence; None: it is nothing but the answer."""
    tokens = tokens_of(precedent.sentence, precedent.names)
    start, end = precedent.start, precedent.end
    inside = [n for n, one in enumerate(tokens) if one.start < end and start < one.end]
    if not inside or len(inside) == len(tokens):
        return None
    texts = [one.text for one in tokens]
    denied = _NEGATIONS.intersection(texts[inside[0] : inside[-1] + 1])
    texts[inside[0] : inside[-1] + 1] = [_VALUE]
    return Frame(tuple(texts), inside[0], frozenset(texts) - {_VALUE}, denied)


def fit(frame: Frame, folded: str, tokens: Sequence[Token], least: float) -> Fitting | None:
    """Where a folded sentence has what stands in the frame for its value.

    None where less than `least` of both is the same, or not what stands directly around the value,
    where only the frame says of what it tells, or only one of both says no.
    """
    texts = [one.text for one in tokens]
    if not _may_fit(frame, texts, least) or (frame.has_name and _NAME not in texts):
        return None
    blocks = SequenceMatcher(None, frame.tokens, texts, autojunk=False).get_matching_blocks()
    blocks = [block for block in blocks if block.size]
    before = [block for block in blocks if block.a + block.size == frame.slot]
    after = [block for block in blocks if block.a == frame.slot + 1]
    if (frame.slot and not before) or (frame.slot + 1 < len(frame.tokens) and not after):
        return None
    first = before[-1].b + before[-1].size if before else 0
    last = after[0].b if after else len(texts)
    if first >= last:
        return None
    around = _NEGATIONS.intersection([*texts[:first], *texts[last:]])
    if around != frame.words & _NEGATIONS:
        return None
    if not _NEGATIONS.intersection(texts[first:last]) <= frame.denied:
        return None
    same = sum(block.size for block in blocks)
    others = len(frame.tokens) - 1 + len(texts) - (last - first)
    likeness = 2 * same / others
    if likeness < least:
        return None
    within = (
        tokens[first - 1].end if first else 0,
        tokens[last].start if last < len(tokens) else len(folded),
    )
    value = _whole_value(folded, tokens[first].start, tokens[last - 1].end, within)
    return Fitting(*value, likeness)


def _may_fit(frame: Frame, texts: Collection[str], least: float) -> bool:
    """Whether enough of the frame's words are there at all: most sentences have too few."""
    shared = len(frame.words.intersection(texts))
    return shared > 0 and shared >= least * len(frame.words) / (2 - least)


def _whole_value(folded: str, start: int, end: int, within: tuple[int, int]) -> tuple[int, int]:
    """The value with the signs that belong to it, which are no words."""
    for one in schedules(folded):
        if within[0] <= one.start < end and start < one.end <= within[1]:
            start, end = min(start, one.start), max(end, one.end)
    while start > within[0] and _INSIDE_VALUE.match(folded[start - 1]):
        start -= 1
    while end < within[1] and _INSIDE_VALUE.match(folded[end]):
        end += 1
    while start < end and folded[start] in _BEFORE_VALUE:
        start += 1
    while end > start and folded[end - 1] in _AFTER_VALUE:
        end -= 1
    if label := _LABEL.match(folded, start, end):
        start = label.end()
    opened = _OPENED.search(folded, start, end)
    return start, opened.start() if opened and opened.start() > start else end


def _key(folded: str, parts: Sequence[tuple[int, int]]) -> str:
    return "".join(folded[start:end] for start, end in parts)
