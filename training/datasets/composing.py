"""From material to rows and questions. Pure: the same input always gives the same output."""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from random import Random

from router.prompts import tuned_messages
from router.text import exact_form
from training.datasets.material import Material, Pair, WordForm, draw, word_form
from training.datasets.mixture import Mixture
from training.datasets.splits import HeldOut, Split, hold_out
from training.reader.phrasing import as_people_type
from training.rows import Question, Row


@dataclass(frozen=True)
class Composition:
    """The rows and questions of a dataset, each in its final order."""

    train: tuple[Row, ...]
    validation: tuple[Question, ...]
    test: tuple[Question, ...]
    held_out: dict[str, HeldOut]

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each form."""
        return dict(sorted(Counter(row.form for row in self.train).items()))


def compose(material: Material, *, mixture: Mixture, seed: int) -> Composition:
    held_out = hold_out(material.facts, seed=seed, test=mixture.test, validation=mixture.validation)
    closed = _closed_rows(material, held_out, mixture, seed)
    return Composition(
        train=tuple(sorted(closed, key=lambda row: _place(row, seed))),
        validation=_questions(material, held_out, "validation"),
        test=_questions(material, held_out, "test"),
        held_out=held_out,
    )


def _place(row: Row, seed: int) -> tuple[float, str]:
    return draw(seed, "order", row.messages[-1]["content"], row.answer), row.fact


def _closed_rows(
    material: Material, held_out: dict[str, HeldOut], mixture: Mixture, seed: int
) -> list[Row]:
    unseen = frozenset(word_form(held.pair.question) for held in held_out.values())
    return [
        Row(tuple(tuned_messages(question)), answer, "closed", fact)
        for fact, pairs in material.facts.items()
        for question, answer in _asked(fact, pairs, unseen, mixture, seed)
    ]


def _asked(
    fact: str, pairs: Sequence[Pair], unseen: Set[WordForm], mixture: Mixture, seed: int
) -> list[tuple[str, str]]:
    """Questions with answers of one fact: its phrasings, then variations of them."""
    taught = {
        pair.question: pair.answer for pair in pairs if word_form(pair.question) not in unseen
    }
    people = {pair.question for pair in pairs if pair.by_person}
    phrasings = sorted(taught, key=lambda text: (text not in people, draw(seed, "phrasing", text)))[
        : mixture.phrasings
    ]
    rng = Random(f"{seed} {fact}")
    asked = {text: taught[text] for text in phrasings}
    # Half of the tries change nothing, and a short question has few variations.
    for attempt in range(8 * mixture.rows_per_fact):
        if len(asked) >= mixture.rows_per_fact:
            break
        text = phrasings[attempt % len(phrasings)]
        typed = as_people_type(rng, text, keep=text)
        if word_form(typed) not in unseen:
            asked.setdefault(typed, taught[text])
    return list(asked.items())


def _questions(
    material: Material, held_out: dict[str, HeldOut], split: Split
) -> tuple[Question, ...]:
    held = [(fact, each.pair) for fact, each in held_out.items() if each.split == split]
    return tuple(
        Question(
            id=number,
            question=pair.question,
            answers=_answers(pair, material.facts[fact]),
            kind="recall",
            domain=material.sources[pair.document].domain,
            document=pair.document,
            fact=fact,
            passage=pair.passage,
        )
        for number, (fact, pair) in enumerate(held, start=1)
    )


def _answers(pair: Pair, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Every way in which the fact's pairs word the answer, its own first."""
    worded = {exact_form(each.answer): each.answer for each in (*reversed(pairs), pair)}
    own = worded.pop(exact_form(pair.answer))
    return (own, *worded.values())
