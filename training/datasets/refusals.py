"""Questions that nothing answers, made of questions that something does. Pure.

Three kinds: of a subject that does not exist, in the shape of one that does; for an attribute
which other subjects have and this one lacks; and for what a former version of a document said
and no passage says now. A premise that is false because a value has changed is not one of them:
the right answer to it is the new value.

Names and lacks are of one side only: what is asked later was never refused in the training.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from training.datasets.attributes import (
    Asked,
    Wordings,
    attributes,
    comparable,
    is_unanswered,
    lacks,
    nested,
)
from training.datasets.material import Material, Retired, WordForm, draw, word_form
from training.datasets.names import NAMES, Names
from training.datasets.subjects import Run, Subjects
from training.datasets.texts import Texts

Part = Literal["train", "validation", "test"]
# Of all refusals at most, where there are so many; unknown subjects make up the rest.
SHARE_LACKING = 0.35
SHARE_RETIRED = 0.15
# The others are for validation and test, half and half.
SHARE_TAUGHT = 0.6
PHRASINGS_OF_A_LACK: Mapping[Part, int] = {"train": 3, "validation": 1, "test": 1}
SUBJECTS_OF_AN_ATTRIBUTE = 12


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """`document` is the one whose question it was made of: its readers may see it."""

    question: str
    document: int
    domain: str
    subject: str = ""  # as it stands in the question


class Refusals:
    """Finds unanswerable questions for each part of a dataset."""

    def __init__(
        self,
        material: Material,
        texts: Texts,
        asked: Sequence[Asked],
        unseen: AbstractSet[WordForm],
        names: Names,
        seed: int,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`unseen` are the phrasings that are never taught; nothing is refused with their words
        in the training, and what is asked later is worded like them where it can be. `check` is
        called for each thing that is looked at."""
        self._material, self._texts, self._check = material, texts, check
        self._unseen, self._names, self._seed = unseen, names, seed
        self._subjects = Subjects(material.sources, material.pairs)
        self._known = {word_form(pair.question) for pair in material.pairs}
        self._every = asked
        self._fit = [each for each in asked if each.mention.is_identifier or each.is_alone]

    def choose(self, wanted: Mapping[Part, int]) -> dict[Part, list[Unanswerable]]:
        """Up to so many for each part; all of them differ."""
        lacking, retired = self._lacking(wanted), self._retired()
        chosen: dict[Part, list[Unanswerable]] = {}
        seen: set[WordForm] = set(self._known)
        for part, count in wanted.items():
            kinds = (
                (lacking[part], round(SHARE_LACKING * count)),
                (retired[part], round(SHARE_RETIRED * count)),
                (self._unknown(part), count),
            )
            found: list[Unanswerable] = []
            for candidates, most in kinds:
                fresh = _unseen(candidates, seen)
                found += islice(fresh, min(most, count - len(found)))
            chosen[part] = found
        return chosen

    def _unknown(self, part: Part) -> Iterator[Unanswerable]:
        """Questions of invented subjects; the same question with another name comes later."""
        asked = self._in_turn(self._worded_for(part, self._fit))
        for turn in range(NAMES):
            for each in asked:
                names = self._names_for(each, part)
                if turn < len(names):
                    place = int(self._draw("name", each.pair.fact) * len(names))
                    yield self._of(each, names[(turn + place) % len(names)])

    def _worded_for(self, part: Part, asked: Iterable[Asked]) -> list[Asked]:
        """In any order; for the training without the unseen wordings, which else come first."""

        def place(each: Asked) -> tuple[bool, float]:
            return self._is_taught(each), self._draw(part, each.pair.question)

        return [
            each for each in sorted(asked, key=place) if part != "train" or self._is_taught(each)
        ]

    def _is_taught(self, each: Asked) -> bool:
        return word_form(each.pair.question) not in self._unseen

    def _in_turn(self, asked: Iterable[Asked]) -> list[Asked]:
        """One of each subject, then the next of each: no subject outweighs the others."""
        turns: Counter[Run] = Counter()
        placed = []
        for each in asked:
            turns[each.mention.run] += 1
            placed.append((turns[each.mention.run], each))
        return [each for _, each in sorted(placed, key=lambda place: place[0])]

    def _names_for(self, each: Asked, part: Part) -> Sequence[str]:
        sides = self._names.get(each.surface)
        if sides is None:
            return ()
        if part == "train":
            return sides["taught"]
        half = {"validation": 0, "test": 1}[part]
        return sides["asked"][half::2]

    def _lacking(self, wanted: Mapping[Part, int]) -> dict[Part, list[Unanswerable]]:
        every = attributes(self._every)
        surface, also = _surfaces(self._every), nested(every)
        found: dict[Part, list[Unanswerable]] = {part: [] for part in wanted}
        every.sort(key=lambda each: self._draw("attribute", *each.name))
        for attribute, others in comparable(every):
            self._check()
            ordered = sorted(others, key=lambda run: self._draw("lacks", run, *attribute.name))
            for subject in ordered[:SUBJECTS_OF_AN_ATTRIBUTE]:
                part = self._part("lacks", subject, attribute.name)
                if len(found[part]) >= SHARE_LACKING * wanted[part]:
                    continue
                # `Heron` may have what `the Heron gateway` is asked for.
                if all(lacks(each, attribute, self._texts) for each in (subject, *also[subject])):
                    # What else such a question names may be a value that only others have.
                    asked = [each for each in attribute.asked if each.is_alone]
                    found[part] += [
                        self._of(each, surface[subject])
                        for each in self._worded_for(part, asked)[: PHRASINGS_OF_A_LACK[part]]
                    ]
        return found

    def _retired(self) -> dict[Part, list[Unanswerable]]:
        facts: dict[str, list[tuple[Retired, Run]]] = defaultdict(list)
        for retired in self._material.retired:
            self._check()
            names = (retired.title, retired.path)
            mention = self._subjects.named(retired.question, retired.document, names)
            facts[retired.fact].append((retired, mention.run if mention else ()))
        found: dict[Part, list[Unanswerable]] = {"train": [], "validation": [], "test": []}
        for fact, asked in facts.items():
            self._check()
            subjects = {subject for _, subject in asked}
            if all(is_unanswered(subject, Wordings.of(asked), self._texts) for subject in subjects):
                found[self._part("retired", fact)] += [
                    Unanswerable(each.question, each.document, each.domain) for each, _ in asked
                ]
        return found

    def _part(self, *of: object) -> Part:
        place = self._draw(*of)
        if place < SHARE_TAUGHT:
            return "train"
        return "validation" if place < (1 + SHARE_TAUGHT) / 2 else "test"

    def _of(self, each: Asked, subject: str) -> Unanswerable:
        """The question, of another subject."""
        document = self._material.sources[each.pair.document]
        question = each.mention.replaced(each.pair.question, subject)
        return Unanswerable(question, document.id, document.domain, subject)

    def _draw(self, *parts: object) -> float:
        return draw(self._seed, *parts)


def _surfaces(asked: Sequence[Asked]) -> dict[Run, str]:
    """How each subject is mostly written."""
    written: dict[Run, Counter[str]] = defaultdict(Counter)
    for each in asked:
        written[each.mention.run][each.surface] += 1
    return {
        run: min(count, key=lambda text: (-count[text], text)) for run, count in written.items()
    }


def _unseen(candidates: Iterable[Unanswerable], seen: set[WordForm]) -> Iterator[Unanswerable]:
    """Those of new words, which are then added to `seen`."""
    for candidate in candidates:
        form = word_form(candidate.question)
        if form not in seen:
            seen.add(form)
            yield candidate
