"""What is asked of a subject, apart from the subject, and which subjects lack it. Pure.

Two facts are of one attribute when one phrasing of theirs is the same but for the subject. That
a subject lacks an attribute is believed only if none of its facts is of it, and no passage about
it shares much with any wording of the attribute elsewhere: neither with a question nor with the
evidence, and no value of the same shape stands there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from router.text import fold, words
from training.datasets.material import Material, Pair, Retired
from training.datasets.subjects import Mention, Run, Subjects, mentions_names
from training.datasets.texts import Texts, stems_of

Template = tuple[str, ...]
_PLACE = "·"


@dataclass(frozen=True, slots=True)
class Asked:
    """A pair whose question names its subject."""

    pair: Pair
    mention: Mention

    @property
    def surface(self) -> str:
        return self.pair.question[self.mention.start : self.mention.end]

    @property
    def is_alone(self) -> bool:
        """Whether the question names nothing else that it could be about instead."""
        rest = self.mention.replaced(self.pair.question, "it")
        return not mentions_names(rest)

    @property
    def template(self) -> Template:
        """The words of the question, in order, without the subject."""
        question = self.mention.replaced(self.pair.question, _PLACE)
        return tuple(
            word.stem for part in question.split(_PLACE) for word in words(fold(part).text)
        )


@dataclass(frozen=True, slots=True)
class Wordings:
    """Everything that is said in asking for one thing and in telling it, but for its subject."""

    stems: frozenset[frozenset[str]]
    answers: frozenset[str]

    @classmethod
    def of(cls, said: Iterable[tuple[Pair | Retired, Run]]) -> "Wordings":
        """Of pairs, each with the subject that it is worded for."""
        every = list(said)
        stems = {
            stems_of(text) - set(subject)
            for each, subject in every
            for text in (each.question, each.evidence.replace(each.answer, " "))
        }
        answers = frozenset(each.answer for each, _ in every)
        return cls(frozenset(stems - {frozenset()}), answers)


@dataclass(frozen=True)
class Attribute:
    """The facts of one attribute."""

    name: Template  # the least of its templates
    asked: tuple[Asked, ...]

    @cached_property
    def subjects(self) -> frozenset[Run]:
        return frozenset(each.mention.run for each in self.asked)

    @cached_property
    def wordings(self) -> Wordings:
        return Wordings.of((each.pair, each.mention.run) for each in self.asked)


def attributes(asked: Iterable[Asked]) -> list[Attribute]:
    """The attributes of all facts, in order of their names."""
    every = list(asked)
    leader: dict[object, object] = {}

    def find(item: object) -> object:
        while (above := leader.setdefault(item, item)) != item:
            leader[item] = leader[above]
            item = leader[item]
        return item

    for each in every:
        leader[find(("fact", each.pair.fact))] = find(each.template)
    groups: dict[object, list[Asked]] = defaultdict(list)
    for each in every:
        groups[find(each.template)].append(each)
    named = (
        Attribute(min(each.template for each in group), tuple(group)) for group in groups.values()
    )
    return sorted(named, key=lambda attribute: attribute.name)


def lacks(subject: Run, attribute: Attribute, texts: Texts) -> bool:
    """Whether surely nothing says what the attribute of the subject is."""
    return subject not in attribute.subjects and is_unanswered(subject, attribute.wordings, texts)


def is_unanswered(subject: Run, wordings: Wordings, texts: Texts) -> bool:
    """Whether surely no passage about the subject answers what is asked, in any wording."""
    return not any(texts.may_answer(subject, stems) for stems in wordings.stems) and not any(
        texts.has_value_like(subject, answer) for answer in wordings.answers
    )


def comparable(every: Sequence[Attribute]) -> Iterator[tuple[Attribute, set[Run]]]:
    """Each attribute with the subjects that lack it and share another one with any that has it:
    things of the same kind.

    One set at a time: of a long table a set for each row would hold all its rows.
    """
    kinds: dict[frozenset[Run], frozenset[Run]] = {}
    having: dict[Run, set[frozenset[Run]]] = defaultdict(set)
    for attribute in every:
        # The columns of a table share one set of subjects, which is then looked at once.
        kind = kinds.setdefault(attribute.subjects, attribute.subjects)
        for subject in kind:
            having[subject].add(kind)
    for attribute in every:
        near = set[frozenset[Run]]().union(*(having[one] for one in attribute.subjects))
        yield attribute, set[Run]().union(*near) - attribute.subjects


def nested(every: Iterable[Attribute]) -> Mapping[Run, set[Run]]:
    """For each subject those whose names it has within its own, and those that have its name
    within theirs: they may be the same thing."""
    subjects = {subject for attribute in every for subject in attribute.subjects}
    found: dict[Run, set[Run]] = {subject: set() for subject in subjects}
    for outer in subjects:
        for inner in subjects & _parts(outer):
            found[outer].add(inner)
            found[inner].add(outer)
    return found


def _parts(run: Run) -> set[Run]:
    """The runs within a run, without itself."""
    places = range(len(run) + 1)
    return {run[a:b] for a in places for b in places if a < b and b - a < len(run)}


def asked_of(material: Material) -> list[Asked]:
    """The pairs whose question names a subject."""
    subjects = Subjects(material.sources, material.pairs)
    return [
        Asked(pair, mention)
        for pairs in material.facts.values()
        for pair in pairs
        if (mention := subjects.of(pair)) is not None
    ]
