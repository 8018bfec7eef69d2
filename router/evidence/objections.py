"""Why a place that holds an answer may still not bear it out. Pure.

The most dangerous answer is a right value of something else; most of this module is about it.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from router.evidence.answers import Evidence, Said, days_in
from router.evidence.claims import Claim, counted_things, literal_pattern
from router.evidence.clauses import clauses_of, is_of_another_clause, is_of_its_environment
from router.evidence.denials import clause_around, denied, denied_around, denied_of
from router.evidence.focus import Focus, leads_above
from router.evidence.kinds_given import is_of_another_kind
from router.evidence.quantities import amount
from router.evidence.questions import Question
from router.evidence.siblings import is_of_another
from router.evidence.sources import (
    CONTEXT,
    Source,
    is_contrary,
    is_elsewhere,
    is_headed,
    is_titled,
    names,
    names_at,
    nearly_names,
    stems_in,
)
from router.evidence.tables import cells, is_of_another_cell
from router.text import is_content, is_negation, stem

_MIN_SHARE_OF_BEST_FIT = 0.35
_MIN_SHARE_OF_RIVAL = 0.4
_MIN_SHARE_OF_ANY = 0.3
# Nobody tells a number of days in minutes: 14 of them are less than a hundredth of one.
_LEAST_OF_A_UNIT = Decimal("0.01")
# A noun between one of these and a number makes that a part of a name: `on route 1`.
_BEFORE_NAMES = frozenset({"along", "at", "by", "from", "in", "of", "on", "via"})
_OPPOSITES = (
    ("on", "off"),
    ("allow", "forbid"),
    ("allow", "deny"),
    ("permit", "prohibit"),
    ("required", "optional"),
    ("include", "exclude"),
    ("open", "close"),
    ("true", "false"),
    ("enable", "disable"),
    ("public", "private"),
)
_OPPOSITE = {stem(one): stem(other) for pair in _OPPOSITES for one, other in (pair, reversed(pair))}

ANOTHER_KIND = "The question asks for another kind of value."
_OPPOSITE_SAID = "The passage says the opposite."
_SIBLINGS = "In the passage, the value belongs to something else."
_OTHER_PAGE = "The page is about something else, and what is asked about has one of its own."
_COUNTS_ELSE = "In the passage, another number counts what is asked for."
_OTHER_CLAUSE = "In the passage, another value stands beside what is asked for."
_ELSEWHERE = "The passage says it of another environment, or of none."
_CONTRARY = "The passage says it of the contrary of what is asked about."
_OTHER_DAY = "The passage says it of another day of the week, or of none."
REFUTATIONS = frozenset(
    {_OPPOSITE_SAID, _SIBLINGS, _COUNTS_ELSE, _OTHER_CLAUSE, _ELSEWHERE, _CONTRARY, _OTHER_DAY}
)
"""What a sentence itself says against an answer, where the others only find too little for it."""
TURNED_DOWN = REFUTATIONS | {ANOTHER_KIND, _OTHER_PAGE}
"""What no other wording of the question takes back."""

_Span = tuple[int, int]
"""Start and end of a value in a folded text."""


def objection(
    one: Evidence,
    sources: Sequence[Source],
    asked: Question,
    said: Said,
    best_fit: float,
    focus: Focus,
    *,
    is_likely: bool = False,
) -> str:
    """What speaks against this evidence, in plain words; empty if nothing does.

    `best_fit` is that of the sentence, of all passages, which fits the question best. `is_likely`:
    how much of the question its words have is no matter, as it likely is the answer.
    """
    source = sources[one.passage]
    if 1 - one.covered > said.may_miss:
        return "The words of the answer do not stand together in any passage."
    wanted = asked.wanted
    if wanted and is_of_another_kind(one, source, wanted, said):
        return ANOTHER_KIND
    if _is_next_to_none(said, asked):
        return ANOTHER_KIND
    if _only_repeats(said, asked):
        return "The answer only repeats the question."
    for entity in asked.entities:
        if not is_named(entity, source, sources, asked):
            return f"“{entity}” stands nowhere in the passage that holds the answer."
    if is_elsewhere(asked, source, one.sentence):
        return _ELSEWHERE
    if _is_on_another_page(one.sentence, source, sources, asked):
        return _OTHER_PAGE
    if not is_likely and (why := _too_little(one, asked, best_fit, focus)):
        return why
    return "" if one.sentence == CONTEXT else _objection_to(one, sources, asked, said)


def _too_little(one: Evidence, asked: Question, best_fit: float, focus: Focus) -> str:
    """Whether its words have too little to do with the question, beside those of other places."""
    if one.fit < _MIN_SHARE_OF_BEST_FIT * best_fit or not one.fit:
        return "The place that holds the answer is not about the question."
    sure = asked.wanted is not None and asked.wanted.is_sure
    least = _MIN_SHARE_OF_RIVAL if sure else _MIN_SHARE_OF_ANY
    if focus.at[one.passage, one.sentence] < least * focus.best:
        return "Another place is about what the question asks, and this one is not."
    return ""


def _objection_to(one: Evidence, sources: Sequence[Source], asked: Question, said: Said) -> str:
    """What the sentence itself says against it."""
    number, source = one.sentence, sources[one.passage]
    if _contradicts(said, number, source, asked):
        return _OPPOSITE_SAID
    if is_contrary(asked, source, number):
        return _CONTRARY
    if is_of_another_cell(number, source, asked, _told(said)):
        return _SIBLINGS
    if len(cells(source, number)) < 2 and is_of_another(number, source, asked, said.news):
        return _SIBLINGS
    if _counts_something_else(said, number, source, sources, asked):
        return _COUNTS_ELSE
    if _is_on_another_day(said, source):
        return _OTHER_DAY
    return _objection_to_clause(number, source, asked, said)


def _objection_to_clause(number: int, source: Source, asked: Question, said: Said) -> str:
    """What the clauses of a sentence that is no row of a table say against it."""
    if len(cells(source, number)) > 1:
        return ""
    clauses = clauses_of(source, number)
    values = {(one.quantity.value, one.quantity.kind) for one in said.news if one.quantity}
    own = {one for one in clauses if (one.value, one.kind) in values}
    clauses = {
        one: words
        for one, words in clauses.items()
        if one in own or not _is_denied((one.start, one.end), number, source, asked)
    }
    is_there = is_of_its_environment(own, clauses, source, asked)
    if is_there is False:
        return _ELSEWHERE
    if is_there is None and is_of_another_clause(own, clauses, asked):
        return _OTHER_CLAUSE
    return ""


def _is_next_to_none(said: Said, asked: Question) -> bool:
    """Whether all that an answer measures is next to nothing of the unit of which a number is asked
    for: 40 seconds tell no number of days."""
    measured = [one.quantity for one in said.news if one.quantity and one.quantity.units]
    shares = [
        (amount(one) or 0) * unit.factor / counted.factor
        for one in measured
        for unit in one.units
        for counted in asked.counted_units
        if unit.dimension == counted.dimension
    ]
    return any(shares) and max(shares) < _LEAST_OF_A_UNIT


def _only_repeats(said: Said, asked: Question) -> bool:
    """Whether a value is asked for and the answer has nothing that the question has not, which does
    not offer the answers either: *Chill Chain* is not the head of Chill Chain. Its channel may well
    be `#chill-chain`."""
    if not (asked.wanted or asked.is_for_a_thing) or asked.is_choice or said.verdict is not None:
        return False
    if said.text.startswith(("#", "@")):
        return False
    return not (said.news or said.stems or said.negated)


def is_named(entity: str, source: Source, sources: Sequence[Source], asked: Question) -> bool:
    """Whether a passage names an entity of the question. A slip of the finger is forgiven only if
    no passage has the entity as it was typed."""
    if names(source, entity, asked.longer_than(entity)):
        return True
    return not any(names(one, entity) for one in sources) and nearly_names(source, entity)


def _is_on_another_page(
    number: int, source: Source, sources: Sequence[Source], asked: Question
) -> bool:
    """Whether neither title, headings, this sentence nor the one before it names anything that is
    asked about, and the title of another passage does: a page that says once that it serves Weir
    has ports of its own."""
    if number == CONTEXT or not asked.entities:
        return False
    longer = {entity: asked.longer_than(entity) for entity in asked.entities}
    near = [*range(max(number - 1, 0), number + 1), *leads_above(source, number)]
    if any(
        is_headed(source, one, others) or any(names_at(source, line, one, others) for line in near)
        for one, others in longer.items()
    ):
        return False
    return any(is_titled(page, one, others) for page in sources for one, others in longer.items())


def _contradicts(said: Said, number: int, source: Source, asked: Question) -> bool:
    """The answer denies what the sentence does not, or states what the sentence denies."""
    sentence, folded = source.sentences[number], source.folded.text
    if said.verdict is not None:
        sought = asked.aspect, asked.stems - source.context_stems
        denials = denied_of(folded, sentence.words, sought)
        denials |= {_OPPOSITE[s] for s in sentence.stems - denials if s in _OPPOSITE}
        return bool(denials & asked.stems) is said.verdict
    if said.negated:
        return not any(map(is_negation, sentence.words))
    places = _places_in(number, source, said)
    around = [clause_around(folded, sentence.words, *one) for every in places for one in every]
    # What is denied elsewhere in the sentence may be what was asked for.
    is_free = bool(around) and not any(is_negation(word) for clause in around for word in clause)
    excused = asked.stems | said.claimed if is_free else frozenset()
    if denied(sentence.words) & {word.stem for word in said.words} - excused:
        return True
    return any(all(_is_denied(one, number, source, asked) for one in every) for every in places)


def _places_in(number: int, source: Source, said: Said) -> list[list[_Span]]:
    """Where in a sentence each value of an answer stands; all of its words, if it has none."""
    own = [word for word in source.sentences[number].words if word.stem in said.stems]
    every = [_places_of(claim, number, source) for claim in said.news]
    return [found for found in every or [[(one.start, one.end) for one in own]] if found]


def _places_of(claim: Claim, number: int, source: Source) -> list[_Span]:
    if said := claim.quantity:
        here = source.quantities_of(number)
        return [(q.start, q.end) for q in here if (q.value, q.kind) == (said.value, said.kind)]
    of = source.sentences[number].words
    if not of:
        return []
    found = literal_pattern(claim.text).finditer(source.folded.text, of[0].start, of[-1].end)
    return [one.span() for one in found]


def _is_denied(span: _Span, number: int, source: Source, asked: Question) -> bool:
    """Whether the clause around a value denies that, or a word of the question, which does not ask
    for what is not."""
    if asked.denies:
        return False
    of = source.sentences[number].words
    own = {word.stem for word in of if span[0] <= word.start < span[1]}
    return not denied_around(source.folded.text, of, *span).isdisjoint(asked.stems | own)


def _counts_something_else(
    said: Said, number: int, source: Source, sources: Sequence[Source], asked: Question
) -> bool:
    """Whether a bare number stands there with another noun, and the asked one with another number:
    of `one booking may hold at most 3 vehicles`, 1 is no number of vehicles. Nor is that of
    `on route 1`, a name, where any passage counts vehicles."""
    here, bare = source.sentences[number].words, said.bare
    found = [q for q in source.quantities_of(number) if q.value in bare]
    nouns = [counted_things(q, here) for q in found]
    if found and all(noun and not noun & asked.counted for noun in nouns):
        return _is_counted(said, (source,), asked)
    called = {
        noun.end + 1
        for before, noun in pairwise(here)
        if before.text in _BEFORE_NAMES and is_content(noun) and noun.stem not in asked.stems
    }
    are_names = not any(nouns) and all(q.start in called for q in found)
    return bool(found) and are_names and _is_counted(said, sources, asked)


def _is_counted(said: Said, sources: Sequence[Source], asked: Question) -> bool:
    """Whether another number than that of the answer stands with the noun of which a number is
    asked for."""
    bare = said.bare
    return any(
        q.value not in bare and counted_things(q, sentence.words) & asked.counted
        for source in sources
        for place, sentence in enumerate(source.sentences)
        for q in source.quantities_of(place)
    )


def _is_on_another_day(said: Said, source: Source) -> bool:
    """Whether the day of the week of a time stands nowhere with it: in its sentence, or beside it
    or above it where the sentence has none."""
    days, times = days_in(said.stems), {one.quantity.value for one in said.news if one.quantity}
    if not days or not times:
        return False
    there = [
        days_in(sentence.stems) or days_in(source.around(number) | source.context_stems)
        for number, sentence in enumerate(source.sentences)
        if any(quantity.value in times for quantity in source.quantities_of(number))
    ]
    return bool(there) and not any(days <= of_time for of_time in there)


def _told(said: Said) -> list[frozenset[str]]:
    """The stems of each value of an answer; of all of its words, if it has none."""
    return [stems_in(claim.text) for claim in said.news] or [said.stems]
