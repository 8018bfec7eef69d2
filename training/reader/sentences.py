"""Questions of the library with the sentences that may answer them: those of the passages of the
asker's organisation that are nearest to the question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from router.evidence.sources import read_source
from router.prompts import MAX_PASSAGES, Passage
from router.quoting import on_one_line, texts_of
from router.retrieval.embeddings import ServerEmbeddings
from training.metrics import contains
from training.reader.library import Organisation, organisations

# Every so many organisations the reranker does not learn from one more.
KEPT_BACK, FIRST_KEPT_BACK = 8, 3


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a passage, and the passage's title and headings."""

    source: str
    said: str

    @property
    def text(self) -> str:
        """As it is embedded and reranked."""
        return f"{self.source}: {self.said}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """`holds`: the answer stands in the line."""

    line: Line
    similarity: float
    holds: bool

    @property
    def text(self) -> str:
        return self.line.text


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what it was `given`, and every sentence of that in order. `answer` is empty where
    the organisation has none; `missed` are sentences that hold the answer and were not found."""

    question: str
    answer: str
    given: tuple[Passage, ...]
    candidates: tuple[Candidate, ...]
    missed: tuple[Candidate, ...]


def lines_of(passage: Passage) -> list[Line]:
    """Every sentence of a passage, in order."""
    read = read_source(passage)
    said = (read.text[one.start : one.end] for one in read.sentences)
    return [Line(passage.source, on_one_line(one)) for one in said]


def learned_from() -> list[Organisation]:
    """The organisations that the reranker may learn from."""
    return [each for each in organisations() if each not in kept_back()]


def kept_back() -> list[Organisation]:
    """Those that it never meets: on them it is measured, and what its scores mean is fitted."""
    return [
        each
        for number, each in enumerate(organisations())
        if each.held_out or number % KEPT_BACK == FIRST_KEPT_BACK
    ]


def asked_of(
    organisation: Organisation, embeddings: ServerEmbeddings, *, at_most: int | None = None
) -> Iterator[Asked]:
    """Its questions, drawn if there are more than `at_most`."""
    passages = [Passage(each.title, each.heading, each.text) for each in organisation.passages]
    whole = embeddings.batch([f"{each.source}: {each.text}" for each in passages])
    of_sentences = [embeddings.batch(texts_of([each])) for each in passages]
    asked = [
        (question, answer, place)
        for place, each in enumerate(organisation.passages)
        for question, answer in (*each.asks, *((question, "") for question in each.open))
    ]
    Random(organisation.name).shuffle(asked)
    vectors = embeddings.batch([question for question, _, _ in asked[:at_most]])
    for (question, answer, place), vector in zip(asked, vectors, strict=False):
        nearest = [int(n) for n in np.argsort(-(whole @ vector))[:MAX_PASSAGES]]
        found = {
            n: _candidates(passages[n], (of_sentences[n] @ vector).tolist(), answer)
            for n in {*nearest, place}
        }
        yield Asked(
            question,
            answer,
            tuple(passages[n] for n in nearest),
            tuple(one for n in nearest for one in found[n]),
            () if place in nearest else tuple(one for one in found[place] if one.holds),
        )


def _candidates(
    passage: Passage, similarities: Sequence[float], answer: str
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(line, similarity, bool(answer) and contains(line.said, answer))
        for line, similarity in zip(lines_of(passage), similarities, strict=True)
    )
