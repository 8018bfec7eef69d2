"""What the answers of a period amount to: routes, refusals, satisfaction, cost. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from router.prices import Prices

PERCENTILES = (0.5, 0.95)


class Tally(NamedTuple):
    """The answers of one day by one route; `up` and `down` are their readers' verdicts. Of the
    tokens a tuned model took the `tuned_` ones, also where the answer came by another route."""

    day: date
    route: str
    answers: int
    prompt_tokens: int
    completion_tokens: int
    up: int
    down: int
    tuned_prompt_tokens: int = 0
    tuned_completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """Several tallies together."""

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    up: int = 0
    down: int = 0
    tuned_prompt_tokens: int = 0
    tuned_completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def tokens_each(self) -> float:
        return self.tokens / self.answers if self.answers else 0.0

    @property
    def judged(self) -> int:
        return self.up + self.down

    @property
    def satisfaction(self) -> float | None:
        """The share of the verdicts that are good; None without any."""
        return self.up / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Saving:
    """What the tuned model spared: answering from passages what it answered would have taken what
    that takes on average, and what it was asked in vain comes off. Answers by precedent ask no
    model, so it may be less than nothing. `share` is of what all answers would have cost from
    passages alone."""

    tokens: float
    dollars: float
    share: float


def total(tallies: Iterable[Tally]) -> Total:
    columns = zip(*(tally[2:] for tally in tallies), strict=True)
    return Total(*(sum(column) for column in columns))


def by_route(tallies: Sequence[Tally], routes: Iterable[str]) -> dict[str, Total]:
    return {route: total(one for one in tallies if one.route == route) for route in routes}


def by_day(
    tallies: Iterable[Tally], routes: Sequence[str], *, first: date, last: date
) -> list[tuple[date, list[int]]]:
    """The answers of every day, also of those without any, in the order of `routes`."""
    counted = {(tally.day, tally.route): tally.answers for tally in tallies}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, [counted.get((day, route), 0) for route in routes]) for day in days]


def cost(totals: Iterable[Total], prices: Prices) -> float:
    """In US dollars."""
    return sum(prices.of(one.prompt_tokens, one.completion_tokens) for one in totals)


def saving(totals: Mapping[str, Total], prices: Prices) -> Saving | None:
    """By the totals of all routes; None where there is nothing to compare."""
    tuned, rag = totals["tuned"], totals["rag"]
    if not tuned.answers or not rag.answers:
        return None
    times = tuned.answers / rag.answers
    in_vain = [of_route for route, of_route in totals.items() if route != "tuned"]
    prompt = (rag.prompt_tokens - rag.tuned_prompt_tokens) * times - tuned.prompt_tokens
    prompt -= sum(one.tuned_prompt_tokens for one in in_vain)
    completion = (rag.completion_tokens - rag.tuned_completion_tokens) * times
    completion -= tuned.completion_tokens + sum(one.tuned_completion_tokens for one in in_vain)
    dollars = prices.of(prompt, completion)
    alone = cost(totals.values(), prices) + dollars
    return Saving(prompt + completion, dollars, dollars / alone if alone else 0.0)


def ranks(answers: int) -> list[int]:
    """The places, from 1, of the percentiles among so many sorted values (nearest rank)."""
    return [math.ceil(share * answers) for share in PERCENTILES if answers]
