"""From material to rows and questions. Pure: the same input always gives the same output."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from router.text import exact_form
from training.datasets.attributes import Asked
from training.datasets.closed import closed_rows, quote_rows, refusal_rows
from training.datasets.contexts import context_rows
from training.datasets.material import Material, Pair, draw, word_form
from training.datasets.names import Names
from training.datasets.refusals import Refusals, Unanswerable
from training.datasets.splits import LEAST_REFUSALS, MOST, HeldOut, Split, hold_out
from training.datasets.texts import Texts
from training.mixture import Mixture
from training.rows import Form, Kind, Question, Row


@dataclass(frozen=True)
class Composition:
    """The rows and questions of a dataset, each in its final order."""

    train: tuple[Row, ...]
    validation: tuple[Question, ...]
    test: tuple[Question, ...]
    held_out: Mapping[str, HeldOut]

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each form."""
        return dict(sorted(Counter(row.form for row in self.train).items()))


@dataclass(frozen=True)
class Outline:
    """How many rows and questions of each kind a composition is to have.

    It may have fewer, where too little can be made of the material.
    """

    held_out: Mapping[str, HeldOut]
    rows: Mapping[Form, int]
    questions: Mapping[Split, Mapping[Kind, int]]


def outline(material: Material, *, mixture: Mixture, seed: int) -> Outline:
    held_out = hold_out(material.facts, seed=seed, test=mixture.test, validation=mixture.validation)
    closed = sum(
        max(mixture.rows_per_fact, min(mixture.phrasings, len(phrasings)))
        for phrasings in ({pair.question for pair in pairs} for pairs in material.facts.values())
    )
    weights: dict[Form, float] = {
        "refusal": mixture.refusal, "context": mixture.context, "replay": mixture.replay
    }  # fmt: skip
    rows: dict[Form, int] = {"closed": closed}
    for form, weight in weights.items():
        rows[form] = round(closed * weight / mixture.closed)
    recall = Counter(held.split for held in held_out.values())
    questions: dict[Split, Mapping[Kind, int]] = {
        split: {
            "recall": recall[split],
            "refusal": min(most, max(LEAST_REFUSALS, recall[split])) if material.pairs else 0,
        }
        for split, most in MOST.items()
    }
    return Outline(held_out, rows, questions)


def compose(
    material: Material,
    *,
    asked: Sequence[Asked],
    names: Names,
    replay: Sequence[Row],
    mixture: Mixture,
    seed: int,
    check: Callable[[], None] = lambda: None,
) -> Composition:
    """`asked` are the pairs whose question names its subject, `names` invented ones that exist
    nowhere, `replay` rows of the base model's own answers. `check` is called again and again, and
    raises what must end the work."""
    planned = outline(material, mixture=mixture, seed=seed)
    unseen = frozenset(word_form(held.pair.question) for held in planned.held_out.values())
    texts = Texts(material)
    subjects = {each.pair.id: each.surface for each in asked}
    refusals = Refusals(material, texts, asked, unseen, names, seed, check).choose(
        {
            "train": planned.rows["refusal"],
            "validation": planned.questions["validation"]["refusal"],
            "test": planned.questions["test"]["refusal"],
        }
    )
    read = context_rows(material, texts, asked, unseen, mixture.without_gold, seed)
    rows = chain(
        closed_rows(material.facts, subjects, unseen, mixture, seed),
        quote_rows(material.facts, unseen, mixture, seed),
        refusal_rows(refusals["train"], seed),
        islice(read, planned.rows["context"]),
        sorted(replay, key=lambda row: _place(row, seed))[: planned.rows["replay"]],
    )
    validation, test = (
        _numbered(_recall(material, planned.held_out, split), refusals[split])
        for split in ("validation", "test")
    )
    return Composition(
        train=tuple(sorted(_checked(rows, check), key=lambda row: _place(row, seed))),
        validation=validation,
        test=test,
        held_out=planned.held_out,
    )


def _checked(rows: Iterable[Row], check: Callable[[], None]) -> Iterator[Row]:
    for row in rows:
        check()
        yield row


def _place(row: Row, seed: int) -> tuple[float, str]:
    """Where a row stands, whatever other rows there are."""
    return draw(seed, "order", row.messages[-1]["content"], row.answer), row.fact


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
