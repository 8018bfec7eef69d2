"""Which sentence of the passages answers a question, and how likely it does. Pure.

A small reader overlooks what stands before it, and finds what does not. So the sentence that fits
the question best is looked for without it, by the reranker. Where that is likely the one that was
asked for and the reader finds nothing, it is quoted; where it is unlikely, so is whatever prose the
reader has found. How likely is a logistic regression on what `best_sentence` measures; its weights
were fitted by `training.reader.quoting`, which prints what each threshold does, and lie beside this
module.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from router.evidence.focus import is_row, read_focus, roots, shows
from router.evidence.quantities import quantities
from router.evidence.questions import Question, read_question
from router.evidence.sources import Source, names, read_source
from router.prompts import Passage
from router.text import content_stems, fold
from router.verification import fits

WEIGHTS = Path(__file__).with_suffix(".json")
# A score of 0 or 1 is rounded, and has no logarithm of its odds.
_LEAST_SCORE = 1e-6
# Characters. A longer one is no answer but a paragraph.
LONGEST = 400
# Probabilities. From the first on a sentence is quoted; under the second no prose is believed.
QUOTED, BELIEVED = 0.55, 0.3
# Words. The library is prose: of shorter lines, cells and terms, the likelihood says little.
PROSE, SAYING = 8, 4
# Of a line that sets a name and a value, `port: 80`, and of a row of two cells, `Setting: port;
# Value: 80`, the value is the answer.
_VALUE = re.compile(
    r"(?:[^:;]+: [^;]+; )?[^:;=]+?\s?[:=]\s+(?P<quote>[\"'`]?)(?P<value>[^;]+?)(?P=quote)$"
)
_CELL = re.compile(r"(?:^|(?<=; ))(?P<header>[^:;]+): (?P<value>[^;]+)")


@dataclass(frozen=True, slots=True)
class Weights:
    """Of each feature, in their order."""

    bias: float
    of: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Likeliest:
    """A sentence, or the value of a row, by its passage, from 0, and by its start and end in
    characters of the passage's text.

    `probability` is that it holds the answer; `is_readable`: it says something by itself.
    """

    passage: int
    start: int
    end: int
    probability: float
    is_readable: bool

    @property
    def is_quoted(self) -> bool:
        return self.is_readable and self.probability >= QUOTED

    @property
    def is_believed(self) -> bool:
        """Whether a sentence of prose may be the answer at all, where this one is the likeliest."""
        return self.probability >= BELIEVED


def is_prose(sentence: str) -> bool:
    return len(sentence.split()) >= PROSE


def texts_of(passages: Sequence[Passage]) -> list[str]:
    """Every sentence of each passage behind its title and headings, as it is to be reranked."""
    return [
        f"{passage.source}: {source.text[sentence.start : sentence.end]}"
        for passage, source in _read(passages)
        for sentence in source.sentences
    ]


def likeliest(
    question: str, passages: Sequence[Passage], scores: Sequence[float]
) -> Likeliest | None:
    """The sentence that most likely answers the question; None: there is none.

    `scores` are the reranker's, between 0 and 1, for each of `texts_of(passages)`.
    """
    found = best_sentence(question, passages, scores)
    if found is None:
        return None
    passage, number, measured = found
    source = read_source(passages[passage])
    sentence = source.sentences[number]
    line = source.text[sentence.start : sentence.end]
    value = _value_in(line, read_question(question)) if is_row(source, number) else None
    start, end = value or (0, len(line))
    return Likeliest(
        passage,
        sentence.start + start,
        sentence.start + end,
        probability=_logistic(read_weights(), measured),
        is_readable=_is_readable(line) and (value is not None or len(line.split()) >= SAYING),
    )


def best_sentence(
    question: str, passages: Sequence[Passage], scores: Sequence[float]
) -> tuple[int, int, tuple[float, ...]] | None:
    """The passage, the number and the features of the likeliest sentence; None: there is none."""
    asked, sources = read_question(question), [source for _, source in _read(passages)]
    places = [(n, k) for n, source in enumerate(sources) for k in range(len(source.sentences))]
    odds = dict(zip(places, map(_log_odds, scores), strict=True))
    if not odds:
        return None
    first, *others = sorted(odds, key=odds.__getitem__, reverse=True)
    n, k = first
    fit, focus = fits(asked, sources), read_focus(asked, sources)
    measured = (
        odds[first],
        odds[first] - (odds[others[0]] if others else _log_odds(0)),
        fit[n][k],
        focus.at[n, k] / (max(focus.at.values(), default=0.0) or 1.0),
        *_told(asked, sources, n, k),
    )
    return n, k, measured


def _log_odds(score: float) -> float:
    certain = min(max(score, _LEAST_SCORE), 1 - _LEAST_SCORE)
    return math.log(certain / (1 - certain))


def _told(asked: Question, sources: Sequence[Source], n: int, k: int) -> tuple[float, ...]:
    """Whether the sentence shows the kind of value that is wanted, and whether one surely is; the
    share of the question's words that it has with its headings, and how many no passage has; how
    many of the entities its passage does not name."""
    source, wanted = sources[n], roots(asked.stems)
    here = roots(source.sentences[k].stems | source.context_stems)
    anywhere = roots(frozenset().union(*(each.stems | each.context_stems for each in sources)))
    return (
        float(_shows_wanted(asked, source, k)),
        float(asked.wanted is not None and asked.wanted.is_sure),
        len(wanted & here) / max(len(wanted), 1),
        float(len(wanted - anywhere)),
        float(sum(not names(source, entity) for entity in asked.entities)),
    )


def _shows_wanted(asked: Question, source: Source, k: int) -> bool:
    return asked.wanted is not None and asked.wanted.is_sure and shows(source, k, asked.wanted)


def _value_in(row: str, asked: Question) -> tuple[int, int] | None:
    """Start and end of the value that is asked for, where one of the row's cells surely is it."""
    if alone := _VALUE.match(row):
        return alone.span("value")
    every = _CELL.finditer(row)
    cells = [cell for cell in every if not content_stems(cell["value"]) <= asked.stems]
    said = [len(roots(content_stems(cell["header"])) & roots(asked.aspect)) for cell in cells]
    if any(said) and said.count(max(said)) == 1:
        return cells[said.index(max(said))].span("value")
    fitting = [cell for cell in cells if not any(said) and _is_wanted(cell["value"], asked)]
    return fitting[0].span("value") if len(fitting) == 1 else None


def _is_wanted(value: str, asked: Question) -> bool:
    folded = fold(value).text
    return asked.wanted is not None and asked.wanted.is_shown(quantities(folded), folded.split())


def _is_readable(line: str) -> bool:
    """A question of a list of questions is no answer, nor is the lead of a list."""
    return len(line) <= LONGEST and not line.endswith((":", "?", "？"))


def _read(passages: Sequence[Passage]) -> list[tuple[Passage, Source]]:
    return [(passage, read_source(passage)) for passage in passages]


def _logistic(weights: Weights, measured: Sequence[float]) -> float:
    total = weights.bias + sum(
        weight * value for weight, value in zip(weights.of, measured, strict=True)
    )
    return 1 / (1 + math.exp(-total))


@cache
def read_weights() -> Weights:
    told = json.loads(WEIGHTS.read_text())
    return Weights(told["bias"], tuple(told["of"]))
