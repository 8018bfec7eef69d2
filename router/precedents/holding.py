"""What precedents have to say to what a model said: which value is the answer instead, and whether
it is the answer to something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.evidence.quantities import quantities
from router.precedents.choosing import Choice, choose
from router.relevance import EVEN
from router.text import exact_form, fold, without_marks

if TYPE_CHECKING:
    from router.precedents.finding import Findings
    from router.prompts import Passage
    from router.relevance import Relevance
    from router.retrieval.searching import SearchResult
    from router.verification import Support


OTHERS = "Questions like it were answered with something else."


def choice_of(
    findings: Findings, passages: Sequence[Passage], relevance: Relevance
) -> Choice | None:
    """The likeliest of the values that precedents lead to; None: they lead to none."""
    return choose(findings.leads, lambda lead: relevance.alone(passages, lead.span))


def says(answer: str, value: str) -> bool:
    """Whether an answer is a value and no more. An exact form has no minus at its start, so numbers
    are compared as well."""
    said = without_marks(answer)
    return exact_form(said) == exact_form(value) and _numbers(said) == _numbers(value)


def is_not_asked_for(findings: Findings, found: SearchResult, said: str, support: Support) -> bool:
    """Whether an answer is known to answer what is surely not asked for."""
    told = _told(found, said, support)
    return told is not None and findings.is_not_asked_for(*told)


def is_of_others(
    findings: Findings, found: SearchResult, relevance: Relevance, said: str, support: Support
) -> bool:
    """The same, or whether only far questions were answered so, and what bears it out is not likely
    the answer to this one either."""
    if is_not_asked_for(findings, found, said, support):
        return True
    told = _told(found, said, support)
    likely = relevance.alone(found.passages, support.span) if support.span else None
    if told is None or likely is None or likely > EVEN:
        return False
    return findings.is_of_others(*told)


def _told(found: SearchResult, said: str, support: Support) -> tuple[int, str, str] | None:
    """The collection and the sentence that bear an answer out, and the answer; None: nothing
    does."""
    if support.span is None:
        return None
    number, start, end = support.span
    sentence = found.passages[number].text[start:end]
    return found.collections[number], sentence, without_marks(said).strip()


def _numbers(text: str) -> list[str]:
    return [one.value for one in quantities(fold(text).text)]
