"""The line of a document that says what a pair claims, though no quotation leads there. Pure.

The source of a pair often words a fact in another way than the document, which has it in a table
or a file of settings. Then the line has to hold the answer, and to be about the question.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from router.evidence.quantities import Kind, quantities
from router.text import content_stems, fold, sentences
from training.evidence import Source, Span, Tie, answers, quoted, tie_at

_MARKS = "*_` "
"""Around a question that is set off from its answer."""

Shape = tuple[Kind, frozenset[str], bool]
"""What could be taken for what: the kind of a quantity, its dimensions, whether it is a rate."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, row or line. `stems` are its own, its headings', its enclosing keys' and those of
    the question that it answers."""

    span: Span
    stems: frozenset[str]
    shapes: frozenset[Shape]
    """Of its quantities."""


@dataclass(frozen=True)
class DocumentText:
    """All passages of a served version, read once for many pairs. `name` has the stems of what its
    title calls it by, and so what all its lines are about."""

    sources: tuple[Source, ...]
    name: frozenset[str] = frozenset()

    @cached_property
    def lines(self) -> tuple[list[Line], ...]:
        """The lines of each passage."""
        return tuple(list(_lines(source)) for source in self.sources)

    @cached_property
    def _seen(self) -> Counter[str]:
        """In how many lines a word stands: the more, the less it tells."""
        return Counter(stem for lines in self.lines for line in lines for stem in line.stems)

    def likeness(self, line: Line, wanted: frozenset[str]) -> tuple[float, float]:
        """How much the line is about these words, first without the document's name: that stands
        in few lines, and tells nothing of them. Zeros when it has none of the words."""
        shared = line.stems & wanted
        telling, naming = (
            sum(1 / self._seen[stem] for stem in some)
            for some in (shared - self.name, shared & self.name)
        )
        return telling, naming


def tie(question: str, answer: str, evidence: str, text: DocumentText) -> Tie | None:
    """Where `evidence` stands word for word; else the line that holds the answer and is most
    about the question and the evidence; else nowhere."""
    return quoted(question, answer, evidence, text.sources) or holding(
        question, answer, text, evidence
    )


def holding(question: str, answer: str, text: DocumentText, evidence: str = "") -> Tie | None:
    """The line that holds the answer and is most about the question.

    None when no line holds it, or when another quantity of the same kind fits the question
    better. A line that shares nothing else with the question will do if the answer says what it
    is and the document has no other like it.
    """
    wanted = content_stems(f"{question}\n{evidence}") - content_stems(answer)
    found = [
        (text.likeness(line, wanted), source, line)
        for source, lines in zip(text.sources, text.lines, strict=True)
        for place in answers(source, answer, 0, len(source.text))
        for line in [_around(lines, place)]
    ]
    if not found:
        return None
    best, source, line = max(found, key=lambda one: one[0])
    shapes = _shapes_alone(answer)
    confusable = _confusable(text, shapes, [line for _, _, line in found])
    rival = max((text.likeness(other, wanted) for other in confusable), default=None)
    if any(best):
        fits = rival is None or best >= rival
    else:
        fits = rival is None and len(found) == 1 and _says_what_it_is(answer, shapes)
    return tie_at(source, line.span, answer) if fits else None


def _shapes_alone(answer: str) -> frozenset[Shape]:
    """Those of an answer that is nothing but quantities; none for other answers."""
    folded = fold(answer).text
    rest = list(folded)
    for one in quantities(folded):
        rest[one.start : one.end] = " " * (one.end - one.start)
    return frozenset() if content_stems("".join(rest)) else _shapes(answer)


def _shapes(text: str) -> frozenset[Shape]:
    return frozenset(
        (one.kind, frozenset(unit.dimension for unit in one.units), one.per is not None)
        for one in quantities(fold(text).text)
    )


def _confusable(
    text: DocumentText, shapes: frozenset[Shape], found: Container[Line]
) -> Iterator[Line]:
    """Lines with another quantity of the same kind."""
    for line in chain.from_iterable(text.lines):
        if line.shapes & shapes and line not in found:
            yield line


def _says_what_it_is(answer: str, shapes: frozenset[Shape]) -> bool:
    """Whether it can hardly mean something else: a quantity with its unit, several words, a
    capital, an identifier."""
    if shapes:
        return not any(kind is Kind.NUMBER and not unit and not per for kind, unit, per in shapes)
    return len(answer) > 2 and not (answer.isalpha() and answer.islower())


def _around(lines: list[Line], place: Span) -> Line:
    """From the line that the place begins in to the end of the one that it ends in."""
    starts = [line.span[0] for line in lines]
    first = max(bisect_right(starts, place[0]) - 1, 0)
    last = max(bisect_right(starts, place[1] - 1) - 1, 0)
    if first == last:
        return lines[first]
    across = lines[first : last + 1]
    return Line(
        (across[0].span[0], across[-1].span[1]),
        frozenset(stem for line in across for stem in line.stems),
        frozenset(shape for line in across for shape in line.shapes),
    )


def _lines(source: Source) -> Iterator[Line]:
    headings = content_stems(source.headings)
    above: list[tuple[int, frozenset[str]]] = []
    asked: frozenset[str] = frozenset()
    for start, end in sentences(source.text):
        said = source.text[start:end]
        stems = content_stems(said)
        indent = source.text[source.text.rfind("\n", 0, start) + 1 : start]
        enclosing: frozenset[str] = frozenset()
        if not indent.strip():
            above = [one for one in above if one[0] < len(indent)]
            enclosing = frozenset(stem for _, key in above for stem in key)
            above.append((len(indent), stems))
        if said.rstrip(_MARKS).endswith("?"):
            asked = stems
        yield Line((start, end), stems | headings | enclosing | asked, _shapes(said))
