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
    from router.verification import Support


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


def is_of_others(
    findings: Findings,
    passages: Sequence[Passage],
    collections: Sequence[int],
    relevance: Relevance,
    said: str,
    support: Support,
) -> bool:
    """Whether an answer is what other questions were answered with: surely for something else, or
    what bears it out is not likely the answer to this one either. `collections` are those of the
    passages."""
    if support.span is None:
        return False
    number, start, end = support.span
    told = collections[number], passages[number].text[start:end], said.strip()
    if findings.is_not_asked_for(*told):
        return True
    likely = relevance.alone(passages, support.span)
    return likely is not None and likely <= EVEN and findings.is_of_others(*told)


def _numbers(text: str) -> list[str]:
    return [one.value for one in quantities(fold(text).text)]
