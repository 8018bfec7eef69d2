"""What a question asks about, as far as an answer can be held to it. Pure."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from router.evidence.claims import counted_from
from router.evidence.contraries import Side, sides_of
from router.evidence.environments import environments_asked
from router.evidence.half_known import half_known_in
from router.evidence.kinds_asked import wanted_value
from router.evidence.named import (
    coined_in,
    entities_of,
    names_of,
    opening_in,
    outermost,
    titled_in,
    without_compounds,
    without_offers,
)
from router.evidence.quantities import UNITS, Unit
from router.evidence.wanted import Wanted
from router.text import fold, is_content, is_negation, words

# Of a question for what is not, or was: `which port did it use before?`
_NOT_NOW = frozenset(
    {"did", "was", "were", "had", "former", "formerly", "previous", "previously", "before"}
    | {"earlier", "old", "until", "till", "stop", "stopped", "except", "excluded", "avoid"}
    | {"forbidden", "prohibited", "banned"}
)
_FOR_A_THING = frozenset({"which", "who", "whom", "whose"})
# A year that is over: `who led it in 1998?` is not answered with who leads it.
_PAST_YEAR = re.compile(
    r"\b(?:did|had|was|were)\b.*\b(?:in|during|before|since|until) ((?:19|20)\d\d)\b"
)
_COUNTED = re.compile(r"\b(?:how many|number of)\b")


@dataclass(frozen=True, slots=True)
class Question:
    """`stems` of its content words; the `units` that it mentions; the `entities` that it names;
    the stems by which it `named` them, and all others, its `aspect`; the kind of value `wanted`,
    if its wording tells; the stems of what it wants `counted`, and the `counted_units` among these;
    the `environments` it speaks of.
    `heads` are the names that titles begin with, each as its words; `sides` are those of
    contraries that it asks about. `is_choice`: it names the answers that there may be;
    `is_for_a_thing`: it begins with *which* or *who*; `denies`: it asks for what is not, or was."""

    stems: frozenset[str]
    units: frozenset[Unit]
    entities: tuple[str, ...]
    named: frozenset[str]
    aspect: frozenset[str]
    wanted: Wanted | None
    counted: frozenset[str] = frozenset()
    counted_units: frozenset[Unit] = frozenset()
    environments: frozenset[str] = frozenset()
    heads: tuple[tuple[str, ...], ...] = ()
    sides: frozenset[Side] = frozenset()
    is_choice: bool = False
    is_for_a_thing: bool = False
    denies: bool = False

    def longer_than(self, entity: str) -> list[str]:
        """The names of other things that have the name of this one in theirs: beside `Harbor`,
        `Harbor Gate` is another thing."""
        own = tuple(word.text for word in words(fold(entity).text))
        if own not in self.heads:
            return []
        return [" ".join(head) for head in self.heads if head != own and _has_run(head, own)]

    def whole_name(self, named: str) -> str:
        """The only name of a thing that begins so: *Kassa* is short for *Kassa Ticket Machine*
        where nothing is called Kassa alone. Otherwise as it is."""
        own = tuple(word.text for word in words(fold(named).text))
        whole = {head for head in self.heads if own and head[: len(own)] == own}
        return " ".join(*whole) if len(whole) == 1 else named


def read_question(
    text: str,
    titles: Iterable[str] = (),
    told: AbstractSet[str] = frozenset(),
    written: AbstractSet[tuple[str, str]] = frozenset(),
) -> Question:
    """`titles` are those of the documents that it is held against, `told` the stems of all that
    these tell, and `written` the neighbouring words of what they write as names: people type names
    as they like."""
    folded = fold(text).text
    own_words = words(folded)
    stems = frozenset(word.stem for word in own_words if is_content(word))
    # Short names of units are everyday words, too: `in`, `a`, `m`.
    units = {unit for word in own_words if len(word.text) > 2 for unit in UNITS.get(word.text, ())}
    titles = list(titles)
    typed = [
        *(*titled_in(text, titles), *coined_in(text, titles), *opening_in(text, titles)),
        *half_known_in(text, titles, told, written),
    ]
    entities = without_compounds(text, entities_of(text), titles, typed)
    known = [fold(entity).text for entity in entities]
    entities += [
        name
        for name in outermost(list(dict.fromkeys(typed)))
        if not any(name in one for one in known)
    ]
    entities = [*without_offers(text, entities, titles), *_PAST_YEAR.findall(folded)]
    named = frozenset(word.stem for name in entities for word in words(fold(name).text))
    about = _without(folded, entities)
    counted = frozenset(
        stem for asked in _COUNTED.finditer(folded) for stem in counted_from(asked.end(), own_words)
    )
    return Question(
        stems=stems,
        units=frozenset(units),
        entities=tuple(entities),
        named=named,
        aspect=stems - named,
        wanted=wanted_value(about),
        counted=counted,
        counted_units=frozenset(
            unit for word in own_words if word.stem in counted for unit in UNITS.get(word.text, ())
        ),
        environments=environments_asked(folded),
        is_choice=any(word.text == "or" for word in own_words),
        is_for_a_thing=bool(own_words) and own_words[0].text in _FOR_A_THING,
        denies=any(is_negation(word) or word.text in _NOT_NOW for word in own_words),
        heads=names_of(titles),
        sides=sides_of(about),
    )


def _without(folded: str, names: Iterable[str]) -> str:
    """With `it` for each name: *Harbor Switch* asks for no switch."""
    longest_first = sorted((fold(name).text for name in names), key=len, reverse=True)
    if not longest_first:
        return folded
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", "it", folded)


def _has_run(head: tuple[str, ...], run: tuple[str, ...]) -> bool:
    return any(head[place : place + len(run)] == run for place in range(len(head)))
