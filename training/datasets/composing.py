"""From material to rows and questions. Pure: the same input always gives the same output."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from router.text import exact_form
from training.datasets.attributes import Asked
from training.datasets.closed import closed_rows, quote_rows, refusal_rows
from training.datasets.contexts import context_rows
from training.datasets.material import Material, Pair, draw, word_form
from training.datasets.mixture import Mixture
from training.datasets.names import Names
from training.datasets.refusals import Part, Refusals, Unanswerable
from training.datasets.splits import LEAST, MOST, HeldOut, Split, hold_out
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


def compose(
    material: Material,
    *,
    asked: Sequence[Asked],
    names: Names,
    replay: Sequence[Row],
    mixture: Mixture,
    seed: int,
) -> Composition:
    """`asked` are the pairs whose question names its subject, `names` invented ones that exist
    nowhere, `replay` rows of the base model's own answers."""
    held_out = hold_out(material.facts, seed=seed, test=mixture.test, validation=mixture.validation)
    unseen = frozenset(word_form(held.pair.question) for held in held_out.values())
    recall = {split: _recall(material, held_out, split) for split in MOST}
    subjects = {each.pair.id: each.surface for each in asked}
    closed = closed_rows(material.facts, subjects, unseen, mixture, seed)
    wanted: dict[Part, int] = {"train": mixture.rows_beside(len(closed), mixture.refusal)}
    for split, questions in recall.items():
        wanted[split] = min(MOST[split], max(LEAST, len(questions)))
    found = Refusals(material, asked, unseen, names, seed).choose(wanted)
    rows = [
        *closed,
        *quote_rows(material.facts, unseen, mixture, seed),
        *refusal_rows(found["train"], seed),
        *islice(
            context_rows(material, asked, unseen, without_gold=mixture.without_gold, seed=seed),
            mixture.rows_beside(len(closed), mixture.context),
        ),
        *_some(replay, mixture.rows_beside(len(closed), mixture.replay), seed),
    ]
    return Composition(
        train=tuple(sorted(rows, key=lambda row: _place(row, seed))),
        validation=_numbered(recall["validation"], found["validation"]),
        test=_numbered(recall["test"], found["test"]),
        held_out=held_out,
    )


def _place(row: Row, seed: int) -> tuple[float, str]:
    return draw(seed, "order", row.messages[-1]["content"], row.answer), row.fact


def _some(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    return sorted(rows, key=lambda row: _place(row, seed))[:count]


def _recall(material: Material, held_out: Mapping[str, HeldOut], split: Split) -> list[Question]:
    return [
        Question(
            id=0,
            question=held.pair.question,
            answers=_answers(held.pair, material.facts[fact]),
            kind="recall",
            domain=material.sources[held.pair.document].domain,
            document=held.pair.document,
            fact=fact,
            passage=held.pair.passage,
        )
        for fact, held in held_out.items()
        if held.split == split
    ]


def _numbered(recall: Sequence[Question], refusals: Sequence[Unanswerable]) -> tuple[Question, ...]:
    refused = [
        Question(0, each.question, (), "refusal", each.domain, each.document) for each in refusals
    ]
    return tuple(
        replace(question, id=number) for number, question in enumerate((*recall, *refused), start=1)
    )


def _answers(pair: Pair, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Every way in which the fact's pairs word the answer, its own first."""
    worded = {exact_form(each.answer): each.answer for each in (*reversed(pairs), pair)}
    own = worded.pop(exact_form(pair.answer))
    return (own, *worded.values())
