"""How likely each sentence of the passages answers a question. Pure.

A small reader overlooks what stands before it, and finds what does not. So sentences that fit the
question are looked for without it, by the reranker. The reader gets the likeliest, and what it
finds in one that is unlikely is not believed; where it finds nothing, the likeliest is quoted if
that is nearly certain. How likely is a logistic regression on what `measure` gives; its weights
were fitted by `training.reader.quoting`, which prints what each threshold does, and lie beside this
module.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from router.asked_forms import AskedForms
from router.evidence.focus import Place, is_row, read_focus, roots, shows
from router.evidence.forms import Form, forms_in
from router.evidence.objections import TURNED_DOWN
from router.evidence.quantities import quantities
from router.evidence.questions import Question
from router.evidence.sources import Source, is_elsewhere, names, read_source
from router.odds import log_odds, probability_of
from router.prompts import Passage
from router.text import content_stems, fold
from router.verification import asked_of_passages, fits, passages_naming_all, verify

WEIGHTS = Path(__file__).with_suffix(".json")
# Characters. A longer one is no answer but a paragraph.
LONGEST = 400
# Probabilities, settled on two companies: from the first on a sentence is quoted, and under the
# last it bears out nothing. From the second on the likeliest bears out what the reader finds in it,
# whatever its words are: of three companies all six such answers were right, three of five below.
QUOTED, SECONDED, BELIEVED = 0.85, 0.3, 0.1
# What is less likely is next to impossible: no reader is asked, not even one that tells how sure it
# is. Settled on two companies as well.
POSSIBLE = 0.005
# What no form makes impossible, and what is taken for the mean where nobody knows.
LEAST_SHARE = 0.02
UNTOLD = math.log(0.5)
# A sentence shows what is asked for if the answer is so probably written as its values are.
LEAST_SHOWN = 0.5
# Words, from which on a line says something by itself.
SAYING = 4
# Sentences that the reader gets.
MOST_LIKELY = 4
# Of a line that sets a name and a value, `port: 80`, and of a row of two cells, `Setting: port;
# Value: 80`, the value is the answer, and of a term what stands below it; of `Port: 80; Service:
# gate` what the question has not.
_VALUE = re.compile(
    r"(?:[^:;]+: (?P<first>[^;]+); )?[^:;=]+?(?:\s?[:=]\s+|\n)"
    r"(?P<quote>[\"'`]?)(?P<value>[^;]+?)(?P=quote)$"
)
# A cell may hold a list: `Ports: 80; 443`.
_CELL = re.compile(r"(?:^|(?<=; ))(?P<header>[^:;]+): (?P<value>[^;]+(?:; (?![^:;]+: )[^;]+)*)")


Likelihoods = Mapping[Place, float]
"""How likely each sentence is the answer, 0 to 1; empty: nobody knows."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of each feature, in their order."""

    bias: float
    of: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Likeliest:
    """A sentence, or the value of a row, by its passage, from 0, and by its start and end in
    characters of the passage's text.

    `probability` is that it holds the answer; `is_readable`: it says something by itself, and of
    the environment that is asked about.
    """

    passage: int
    start: int
    end: int
    probability: float
    is_readable: bool

    @property
    def span(self) -> tuple[int, int, int]:
        return self.passage, self.start, self.end

    @property
    def is_quoted(self) -> bool:
        return self.is_readable and self.probability >= QUOTED


def texts_of(passages: Sequence[Passage]) -> list[str]:
    """Every sentence of each passage behind its title and headings, as it is to be reranked."""
    return [
        f"{passage.source}: {on_one_line(source.text[sentence.start : sentence.end])}"
        for passage, source in _read(passages)
        for sentence in source.sentences
    ]


def on_one_line(sentence: str) -> str:
    """A term and what stands below it as `term: value`."""
    return sentence.replace("\n", ": ")


def places_in(passages: Sequence[Passage]) -> set[Place]:
    """Every sentence of the passages."""
    sources = [source for _, source in _read(passages)]
    return {(n, k) for n, source in enumerate(sources) for k in range(len(source.sentences))}


def likelihoods(
    question: str,
    passages: Sequence[Passage],
    scores: Sequence[float],
    forms: AskedForms | None = None,
) -> dict[Place, float]:
    """How likely each sentence holds the answer; not at all, where it is told of something else
    than what is asked about and another passage is told of that.

    `scores` are the reranker's, between 0 and 1, for each of `texts_of(passages)`; `forms` are
    those that the answer may have, None: nobody knows.
    """
    weights = read_weights()
    measured = measure(question, passages, scores, forms)
    named = passages_naming_all(question, passages)
    return {
        place: _logistic(weights, features) if not named or place[0] in named else 0.0
        for place, features in measured.items()
    }


def likeliest(question: str, passages: Sequence[Passage], likely: Likelihoods) -> Likeliest | None:
    """The sentence that most likely answers the question; None: there is none."""
    if not likely:
        return None
    passage, number = max(likely, key=likely.__getitem__)
    source = read_source(passages[passage])
    sentence = source.sentences[number]
    line = source.text[sentence.start : sentence.end]
    asked = asked_of_passages(question, passages)
    value = _value_in(line, asked) if is_row(source, number) else None
    start, end = value or (0, len(line))
    return Likeliest(
        passage,
        sentence.start + start,
        sentence.start + end,
        probability=likely[passage, number],
        is_readable=_is_readable(line)
        and (value is not None or len(line.split()) >= SAYING)
        and not is_elsewhere(asked, source, number),
    )


def may_be_quoted(question: str, passages: Sequence[Passage], best: Likeliest) -> bool:
    """Whether the likeliest sentence is shown as it stands: it names all that the question does, as
    that was typed, and nothing speaks against it. It may have been looked for in other words."""
    if not best.is_quoted or best.passage not in passages_naming_all(question, passages):
        return False
    quote = passages[best.passage].text[best.start : best.end]
    return verify(question, quote, passages).problem not in TURNED_DOWN


def seconding(likely: Likelihoods) -> set[Place]:
    """The likeliest sentence, if it is likely enough to speak for an answer that stands in it."""
    best = max(likely, key=likely.__getitem__, default=None)
    return set() if best is None or likely[best] < SECONDED else {best}


def is_only_one(question: str, passages: Sequence[Passage], span: tuple[int, int, int]) -> bool:
    """Whether the sentence at a span has a value of the form that is asked for, and no other one of
    the passages that name what the question does."""
    asked = asked_of_passages(question, passages)
    if asked.wanted is None or not asked.wanted.is_strict:
        return False
    named = passages_naming_all(question, passages)
    showing = [
        (passage, sentence.start)
        for passage, (_, source) in enumerate(_read(passages))
        for number, sentence in enumerate(source.sentences)
        if passage in named and shows(source, number, asked.wanted)
    ]
    return showing == [span[:2]]


def showing(
    question: str, passages: Sequence[Passage], likely: Likelihoods, forms: AskedForms | None
) -> Likelihoods:
    """Of the sentences that hold a value of the kind that is asked for, as the wording surely tells
    it, or else by the forms that the answer probably has; empty: none does, or any kind may be
    meant."""
    asked = asked_of_passages(question, passages)
    sources = [source for _, source in _read(passages)]
    if asked.wanted is not None and asked.wanted.is_sure:
        return {(n, k): likely[n, k] for n, k in likely if _shows_wanted(asked, sources[n], k)}
    if forms is None:
        return {}
    return {
        (n, k): likely[n, k]
        for n, k in likely
        if forms.share_in(_forms_at(sources[n], k) - {Form.WORDS}) >= LEAST_SHOWN
    }


def likelihood_at(
    passages: Sequence[Passage], likely: Likelihoods, span: tuple[int, int, int]
) -> float | None:
    """Of the sentence at a span, a passage with a start and an end there; None: it was not looked
    at."""
    passage, start, _ = span
    return likely.get((passage, read_source(passages[passage]).number_of(start)))


def most_likely(likely: Likelihoods) -> list[Place]:
    """Those of the sentences that the reader gets, the likeliest first."""
    return sorted(likely, key=likely.__getitem__, reverse=True)[:MOST_LIKELY]


def excerpts(passages: Sequence[Passage], likely: Likelihoods) -> list[tuple[int, Passage]]:
    """The `MOST_LIKELY` sentences, those of one passage together behind its number; the passage
    with the likeliest comes first."""
    chosen = most_likely(likely)
    return [
        (number, _only(passages[number], sorted(k for n, k in chosen if n == number)))
        for number in dict.fromkeys(n for n, _ in chosen)
    ]


def _only(passage: Passage, numbers: Sequence[int]) -> Passage:
    source = read_source(passage)
    spans = [source.sentences[number] for number in numbers]
    lines = [on_one_line(source.text[one.start : one.end]) for one in spans]
    return replace(passage, text="\n".join(lines))


def measure(
    question: str,
    passages: Sequence[Passage],
    scores: Sequence[float],
    forms: AskedForms | None,
) -> dict[Place, tuple[float, ...]]:
    """The features of each sentence; `scores` and `forms` as for `likelihoods`."""
    asked = asked_of_passages(question, passages)
    sources = [source for _, source in _read(passages)]
    places = [(n, k) for n, source in enumerate(sources) for k in range(len(source.sentences))]
    odds = dict(zip(places, map(log_odds, scores), strict=True))
    if not odds:
        return {}
    # "None of them", which the reranker was taught to score so, is beside a sentence that is alone.
    first, second = [*sorted(odds.values(), reverse=True), 0.0][:2]
    fit, focus = fits(asked, sources), read_focus(asked, sources)
    best_focus = max(focus.at.values(), default=0.0) or 1.0
    anywhere = roots(frozenset().union(*(one.stems | one.context_stems for one in sources)))
    return {
        (n, k): (
            own,
            own - (second if own == first else first),
            fit[n][k],
            focus.at[n, k] / best_focus,
            _of_form(sources[n], k, forms),
            *_told(asked, sources[n], k, anywhere),
        )
        for (n, k), own in odds.items()
    }


def _of_form(source: Source, k: int, forms: AskedForms | None) -> float:
    """The logarithm of how probable it is that the answer is written as some value is there."""
    if forms is None:
        return UNTOLD
    return math.log(forms.share_in(_forms_at(source, k)) + LEAST_SHARE)


def _forms_at(source: Source, k: int) -> frozenset[Form]:
    sentence = source.sentences[k]
    return forms_in(source.text[sentence.start : sentence.end])


def _told(asked: Question, source: Source, k: int, anywhere: frozenset[str]) -> tuple[float, ...]:
    """Whether the sentence shows the kind of value that is wanted, and whether one surely is; the
    share of the question's words that it has with its headings, and how many no passage has
    `anywhere`; how many of the entities its passage does not name."""
    wanted = roots(asked.stems)
    here = roots(source.sentences[k].stems | source.context_stems)
    return (
        float(_shows_wanted(asked, source, k)),
        float(asked.wanted is not None and asked.wanted.is_sure),
        len(wanted & here) / max(len(wanted), 1),
        float(len(wanted - anywhere)),
        float(
            sum(not names(source, entity, asked.longer_than(entity)) for entity in asked.entities)
        ),
    )


def _shows_wanted(asked: Question, source: Source, k: int) -> bool:
    return asked.wanted is not None and asked.wanted.is_sure and shows(source, k, asked.wanted)


def _value_in(row: str, asked: Question) -> tuple[int, int] | None:
    """Start and end of the value that is asked for, where one of the row's cells surely is it."""
    if alone := _VALUE.match(row):
        is_key = alone["first"] and _is_asked_by(alone["value"], asked)
        is_turned = is_key and not _is_asked_by(alone["first"], asked)
        return alone.span("first" if is_turned else "value")
    every = _CELL.finditer(row)
    cells = [cell for cell in every if not content_stems(cell["value"]) <= asked.stems]
    said = [len(roots(content_stems(cell["header"])) & roots(asked.aspect)) for cell in cells]
    if any(said) and said.count(max(said)) == 1:
        return cells[said.index(max(said))].span("value")
    fitting = [cell for cell in cells if not any(said) and _is_wanted(cell["value"], asked)]
    return fitting[0].span("value") if len(fitting) == 1 else None


def _is_asked_by(value: str, asked: Question) -> bool:
    """Whether the question has all that a cell says."""
    said = content_stems(value)
    return bool(said) and said <= asked.stems


def _is_wanted(value: str, asked: Question) -> bool:
    told = quantities(fold(value).text)
    return asked.wanted is not None and asked.wanted.is_shown(told, value.split())


def _is_readable(line: str) -> bool:
    """A question of a list of questions is no answer, nor is the lead of a list."""
    return len(line) <= LONGEST and not line.endswith((":", "?", "？"))


def _read(passages: Sequence[Passage]) -> list[tuple[Passage, Source]]:
    return [(passage, read_source(passage)) for passage in passages]


def _logistic(weights: Weights, measured: Sequence[float]) -> float:
    total = weights.bias + sum(
        weight * value for weight, value in zip(weights.of, measured, strict=True)
    )
    return probability_of(total)


@cache
def read_weights() -> Weights:
    told = json.loads(WEIGHTS.read_text())
    return Weights(told["bias"], tuple(told["of"]))
