"""What precedents have to say to what a model said: which value is the answer instead, and whether
it is the answer to something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from router.evidence.objections import ANOTHER_KIND
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


def why_not_asked_for(findings: Findings, found: SearchResult, said: str, support: Support) -> str:
    """Why an answer surely answers something else, in plain words: it has another form, or that is
    known of it; empty: nobody knows that."""
    told = _told(found, said, support)
    if told is None:
        return ""
    if findings.is_of_another_form(told[-1]):
        return ANOTHER_KIND
    return OTHERS if findings.is_not_asked_for(*told) else ""


def why_of_what_others_asked(
    findings: Findings, found: SearchResult, said: str, support: Support
) -> str:
    """The same, or that people who asked something far from this were answered so."""
    if why := why_not_asked_for(findings, found, said, support):
        return why
    told = _told(found, said, support)
    return OTHERS if told and findings.is_of_what_others_asked(*told) else ""


def why_of_others(
    findings: Findings, found: SearchResult, relevance: Relevance, said: str, support: Support
) -> str:
    """As `why_not_asked_for`, or that only far questions were answered so, and what bears it out is
    not likely the answer to this one either."""
    if why := why_not_asked_for(findings, found, said, support):
        return why
    told = _told(found, said, support)
    likely = relevance.alone(found.passages, support.span) if support.span else None
    if told is None or likely is None or likely > EVEN:
        return ""
    return OTHERS if findings.is_of_others(*told) else ""


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
