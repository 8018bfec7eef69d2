"""Sentences that say something which can be checked, and what they say it of. Pure."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from router.text import sentences
from training.synthesis.attributed import attributed
from training.synthesis.leaning import kinds_of, leans, with_noun
from training.synthesis.lexicon import Concept, meant_by
from training.synthesis.mined import MinedFrom
from training.synthesis.openings import name_at_start, names_of, small_start
from training.synthesis.soundness import has_verb, is_order
from training.synthesis.spoken import Stated, stated
from training.synthesis.steps import as_order, handled
from training.synthesis.subjects import Subject, is_made
from training.synthesis.values import PATTERNS, Value, values_of
from training.synthesis.verbs import BASES, THIRD
from training.synthesis.words import LISTS, capitalised, is_identifier, lowered, readable

MAX_LINE = 3_000
LEAST, MOST = 18, 330
MOST_VALUES = 3
_ITEM_WORDS = 8
_BULLET = re.compile(r"\s{0,12}(?:[-*•–]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+")
_KINDS = (
    "service", "system", "application", "app", "tool", "job", "team", "API", "component", "server",
    "product",
)  # fmt: skip
_SURE_KINDS = ("service", "system", "application")
_AFTER_NOUN = "|".join(sorted(LISTS["auxiliary"] | LISTS["preposition"] | {*THIRD, "and", "or"}))
# `The team responsible for Seatgrid` is not what the page is about.
_OF_ANOTHER = r" (?:responsible|accountable|in charge|behind|for|of|that|who|which)\b"
_TEAM = re.compile(
    r"\b[Tt]he (?P<v>[A-Z][\w-]{2,20}(?: [A-Z][\w-]{2,20}){0,2})"
    r"(?= (?:team|squad|group|crew|department|desk)\b)"
)
_OFFICE = (
    r"(?:lead|head|manager|owner|director|officer|steward|chair|contact|author|deputy|captain|"
    r"doctor|teacher|principal|supervisor|coordinator|secretary|inspector|representative)"
)
_PERSON = re.compile(
    rf"(?:\b{_OFFICE}(?: of [\w ]{{2,30}})? is |\bby )(?P<v>{PATTERNS['person']})\b(?!['’]s)"
)
_NAMED = re.compile(
    r"\b(?P<noun>[a-z]{3,12}) (?:called |named )?"
    r"(?P<v>`[^`\s]{2,60}`|[A-Za-z][\w-]{0,40}[_.:-][\w.:-]{0,60}\w)"
)
_NAMED_AFTER = re.compile(
    r"\b(?:the|a|an) (?P<v>`[^`\s]{2,60}`|[A-Za-z][\w-]{0,40}[_.:-][\w.:-]{0,60}\w) "
    r"(?P<noun>[a-z]{3,12})\b"
)
_LISTED = re.compile(r"[\d%](?: [a-z]+)?,? (?:and|or|to) $|\bbetween (?:[^,;]{1,25} and )?$")
_EVERY = re.compile(r"\b(?:every|each) $")
_NAMES_OF = ("env", "path", "channel", "url", "email", "flag")
_CLEFT = re.compile(
    r"It is (?P<who>(?:[Tt]he |our |[A-Z])[\w'’-]{1,30}(?: [\w'’-]{1,30}){0,5}) (?:that|who|which) "
)
_ITS = re.compile(r"Its (?P<label>[A-Za-z][\w -]{1,50}?) (?:is|are) ")
_FORMAL_IT = re.compile(
    r"It (?:is|was) (?:\w+ )?\w+ "
    r"(?:(?:that|whether|when|if)\b(?! (?:is|was|has|can)\b)|to (?P<verb>\w+))"
)
_ANSWER = re.compile(r"(?:A|Answer): (?=\S)")
# Of a list that was run together: `… the gate. c. Ask …` is cut behind the `c.`
_NEXT_ITEM = re.compile(r"(?<=[.!?]) (?:[a-z]|\d{1,2})\.$")
# `One guest may …` is said of each.
_ANY_ONE = re.compile(
    r"One [a-z][\w-]{2,20}(?: [a-z][\w-]{2,20})? (?:may|can|must|takes|holds|gets)\b"
)
_BOILERPLATE = re.compile(
    r"\b(?:contributed by|fixed by|issue #|copyright|all rights reserved|license[ds]? under|"
    r"(?<!\w )see|see (?:also|page|section|chapter|appendix)|table of contents|"
    r"click here|for more information|for example|e\.g\.|version added|"
    r"new in version|deprecated|dear|hello|hi|thank you|thanks)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` as it can stand alone, with the subject for a pronoun; the place is that of the
    sentence as it is written."""

    text: str
    start: int
    end: int
    about: str
    """What it is about by its own words, if that is not the passage's subject."""
    names_subject: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A value in a sentence, and what is told of it where that is of a known kind, or the label
    that the sentence gives it."""

    sentence: Sentence
    value: Value
    told: Stated | None = None
    label: str = ""

    @property
    def concept(self) -> Concept | None:
        return self.told.concept if self.told else None


def of_prose(passage: MinedFrom, subject: Subject, taken: frozenset[int]) -> list[Said]:
    """What the sentences say; those that start at a place in `taken` are left out."""
    reading = _Reading(subject, names_of(passage), *_own(passage, subject))
    return [
        said
        for sentence in _sentences(passage.text, reading)
        if sentence.start not in taken
        for said in _said(sentence, subject)
    ]


# --- Sentences ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Reading:
    """What helps to understand the sentences of a passage. `starts` matches the words for its
    subject at the start of a sentence, `inside` anywhere in one."""

    subject: Subject
    names: frozenset[str]
    starts: re.Pattern[str]
    inside: re.Pattern[str]
    """Of fewer words: `the team` inside a sentence may be any."""


def _own(passage: MinedFrom, subject: Subject) -> tuple[re.Pattern[str], re.Pattern[str]]:
    told = kinds_of(subject.bare, f"{passage.opening}\n{passage.text}") | _doer(subject.bare)
    kinds = "|".join(map(re.escape, sorted({*_KINDS, *told})))
    starts = rf"(?:It|This (?:{kinds}|page)|The (?:{kinds}))\b(?!['’-]| [A-Z]|{_OF_ANOTHER})"
    sure = "|".join(map(re.escape, sorted({*_SURE_KINDS, *told})))
    inside = rf"\b(?:this|the) (?:{sure})(?=[,.;:]| (?:{_AFTER_NOUN})\b|$)"
    return re.compile(starts), re.compile(inside)


def _doer(name: str) -> frozenset[str]:
    """The last word of a name, if it is for what does something: the tracker, of Parcel Tracker."""
    *before, last = re.split(r"[\s_-]", name.lower())
    is_doer = bool(before) and last.endswith(("er", "or")) and last.isalpha() and len(last) > 5
    return frozenset([last] if is_doer else [])


def _sentences(text: str, reading: _Reading) -> Iterator[Sentence]:
    place = 0
    for line in text.split("\n"):
        if len(line) <= MAX_LINE:
            bullet = _BULLET.match(line)
            left = bullet.end() if bullet else 0
            answer = _ANSWER.match(line, left)
            at = answer.end() if answer else left
            yield from _of_paragraph(line[at:], place + at, reading, is_item=left > 0)
        place += len(line) + 1


def _of_paragraph(line: str, place: int, reading: _Reading, *, is_item: bool) -> Iterator[Sentence]:
    follows, before = True, ""
    for start, ends in sentences(line):
        next_item = _NEXT_ITEM.search(line, start, ends)
        end = next_item.start() if next_item else ends
        written = as_order(line[start:end])
        if not LEAST <= len(written) <= MOST:
            follows, before = False, ""
            continue
        told = with_noun(written, before)
        found = _alone(told, place + start, place + end, reading, follows=follows)
        if not _is_aside(lowered(written).split()):
            follows, before = found is not None and found.names_subject, told
        if found is not None and _is_checkable(written, is_item=is_item):
            yield found


def _without_handled(written: str) -> str:
    """Without commands, in which a name may stand that the sentence itself does not call."""
    for value in reversed(list(handled(written))):
        written = f"{written[: value.start]}{written[value.end :]}"
    return written


def _is_word_of(name: str, written: str) -> bool:
    """`Petrel` is none of `PETREL_HOME` and of `/var/petrel/`."""
    return re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", written, re.I) is not None


def _is_aside(words: list[str]) -> bool:
    """Whether a reader is told to do something, and to nothing that `it` may mean: `Ask first.`"""
    return is_order(words) and words[1:2] != [] and words[1] in LISTS["preposition"]


def _is_checkable(written: str, *, is_item: bool) -> bool:
    """Whether it is a whole sentence; an item of a list may be one without a full stop."""
    words = re.findall(r"[\w'’-]+", written)
    ends = written.rstrip(")\"'”").endswith((".", "!"))
    is_item = is_item and ":" not in written
    ends = ends or (is_item and words[0].istitle() and has_verb(words[:_ITEM_WORDS]))
    ends = ends or (is_item and not LISTS["auxiliary"].isdisjoint(words[1:_ITEM_WORDS]))
    is_told = words[0].lower() in BASES or any(
        w in LISTS["auxiliary"] or w in THIRD or w in BASES or w.endswith("ed") for w in words[1:]
    )
    is_condition = words[0] == "Should" and "," in written
    is_whole = (words[0].lower() not in LISTS["auxiliary"] or is_condition) and is_told
    is_one = not re.search(r"[a-z)\]]\. (?![A-Z\d\"'(])", written)
    return ends and is_whole and is_one and not _BOILERPLATE.search(written) and "?" not in written


def _alone(
    written: str, start: int, end: int, reading: _Reading, *, follows: bool
) -> Sentence | None:
    """The sentence with its subject named; None if it leans on words that stand elsewhere.

    `follows` tells that all sentences before it in its paragraph spoke of the subject.
    """
    subject, names = reading.subject, reading.names
    if cleft := _CLEFT.match(written):
        written = f"{capitalised(cleft['who'])} {written[cleft.end() :]}"
    elif (formal := _FORMAL_IT.match(written)) and (not formal["verb"] or formal["verb"] in BASES):
        return None
    if own := reading.starts.match(written):
        if not subject.is_thing or (own[0] == "It" and not follows):
            return None
        text = f"{subject.name}{written[own.end() :]}"
        return Sentence(text, start, end, "", names_subject=True)
    its = _ITS.match(written) if subject.is_thing and follows else None
    if its and meant_by(readable(its["label"]).text):
        return Sentence(f"{subject.name}'s{written[3:]}", start, end, "", names_subject=True)
    first = re.match(r"`?[\w'-]+", written)
    is_there = written.startswith(("There is ", "There are "))
    is_any = _ANY_ONE.match(written) is not None
    if first is None or (first[0].lower() in LISTS["leaning"] and not (is_there or is_any)):
        return None
    has_subject = bool(subject.bare) and _is_word_of(subject.bare, _without_handled(written))
    about = "" if has_subject else name_at_start(written, names)
    is_named = has_subject and written.lower().startswith(subject.bare.lower())
    text = written if is_named else small_start(written, names)
    may_mean = not about or about.startswith("Team ")
    if subject.is_thing and not has_subject and may_mean and reading.inside.search(text):
        about = ""
        text, has_subject = reading.inside.sub(lambda _: subject.name, text, count=1), True
    return Sentence(text, start, end, about, has_subject)


# --- Values ------------------------------------------------------------------------------------
def _said(sentence: Sentence, subject: Subject) -> Iterator[Said]:
    known = list(_of_concepts(sentence, subject))
    yield from known
    told = [said.value for said in known]
    labelled = [one for one in _labelled(sentence, subject) if not _overlaps(one.value, told)]
    yield from labelled
    # `every 5 seconds` answers how often, and `5 seconds` what the interval is
    starts = (value.start for value in told)
    taken = {start for start in starts if not _EVERY.search(sentence.text[:start])}
    values = [value for value in _values(sentence.text) if value.text != subject.bare]
    under_labels = [one.value for one in labelled]
    others = [
        value for value in values if value.start not in taken and not _overlaps(value, under_labels)
    ]
    for value in others[:MOST_VALUES]:
        if not leans(sentence.text, value):
            yield Said(sentence, value)


def _labelled(sentence: Sentence, subject: Subject) -> Iterator[Said]:
    """The values to which the sentence gives a label."""
    if not (subject.is_thing or sentence.about) or _names_another(sentence, subject):
        return
    for found in attributed(sentence.text, subject.bare):
        if found.names_value_first and subject.is_thing:
            yield Said(replace(sentence, about=""), found.value, label=found.label)
        elif not sentence.about:
            yield Said(sentence, found.value, label=found.label)


def _of_concepts(sentence: Sentence, subject: Subject) -> Iterator[Said]:
    if not (subject.is_thing or sentence.about) or _names_another(sentence, subject):
        return
    for told in stated(sentence.text, sentence.about or subject.bare):
        yield _stated(sentence, told)
    # `Priya Sato leads the engineering` says it of the page's subject.
    if sentence.about and subject.is_thing:
        for told in stated(sentence.text, subject.bare):
            if sentence.text[told.start : told.end] == sentence.about:
                yield _stated(replace(sentence, about=""), told)


def _stated(sentence: Sentence, told: Stated) -> Said:
    text = sentence.text[told.start : told.end]
    return Said(sentence, Value(told.concept.name, told.start, told.end, text), told)


def _names_another(sentence: Sentence, subject: Subject) -> bool:
    """Whether something else than the subject has a name in the sentence and may be meant."""
    if sentence.about:
        return not is_identifier(sentence.about) and len(sentence.about.split()) > 3
    made = re.findall(r"(?<![\w#@/.-])[a-z]+(?:-[a-z]+)+(?![\w/])", sentence.text)
    others = {w for w in made if is_made(w)} - {subject.bare}
    return any(re.search(rf"\b{re.escape(w)}\b (?:is|has|runs)", sentence.text) for w in others)


def _values(text: str) -> list[Value]:
    handles = list(handled(text))
    found = [value for value in values_of(text) if not _LISTED.search(text[: value.start])]
    found = [*handles, *(value for value in found if not _overlaps(value, handles))]
    kinds = Counter(value.kind for value in found)
    found = [value for value in found if kinds[value.kind] < 3 or value.kind not in _NAMES_OF]
    patterns = (("person", _PERSON), ("team", _TEAM), ("id", _NAMED), ("id", _NAMED_AFTER))
    for kind, pattern in patterns:
        for match in pattern.finditer(text):
            if kind == "id" and match["noun"] not in LISTS["identified"]:
                continue
            bare = match["v"].strip("`")
            is_plain = pattern is _NAMED_AFTER and not re.search(r"[\d_.:`]|[a-z][A-Z]", match["v"])
            if kind == "id" and (is_plain or not is_made(bare)) and "`" not in match["v"]:
                continue
            start = match.start("v") + match["v"].index(bare)
            value = Value(kind, start, start + len(bare), bare)
            if not _overlaps(value, found):
                found.append(value)
    return found


def _overlaps(value: Value, others: list[Value]) -> bool:
    return any(other.start < value.end and value.start < other.end for other in others)
