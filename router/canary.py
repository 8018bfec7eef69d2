"""A trial of a candidate on a share of the people: whom it answers, and when it is worse. Pure.

A person is in the trial of a model or is not, for as long as it lasts. What the people in it met
is held against what the others met since it began, from the first answer on and again and again.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LEAST_SHARE, LARGEST_SHARE = 1, 50

# The chance that the trial of a model which is as good as the serving one ends by itself, however
# long it lasts and however often it is looked at.
FALSE_ALARM = 0.05
# Of either model. What a few answers tell is not worth a look: the last one of five was slow.
LEAST_ANSWERS = 10
# In the trial, for what depends on who asks for what. Answers to one person are no independent
# ones: whoever asks for what is documented nowhere is refused all day long.
LEAST_PEOPLE = 3
# By how much a share must be greater. In a long trial differences show that nobody would mind.
WORSE = 1.25
# An answer is slow that takes so many times as long as 19 of 20 of the serving model.
SLOW = 1.5

_BUCKETS = 2**64


def is_chosen(model_name: str, user_id: int | None, share: int) -> bool:
    """Whether the trial of a model on `share` % of the people has this one in it.

    The same at every question; others than in the trial of another model; with a greater share
    those of the smaller one, and more. Nobody who is not signed in.
    """
    if user_id is None:
        return False
    digest = hashlib.sha256(f"{model_name}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8]) * 100 < share * _BUCKETS


@dataclass(frozen=True, slots=True)
class Tally:
    """The answers to signed-in people whose questions a model could have taken, since a moment;
    not those by a route that was asked for.

    Whether it was asked or passages were read is not its choice, so all of them count. `failed`:
    a model server that was asked broke off or wrote nothing. `refused`: the person got no answer.
    `disliked`: it got a thumb down. The tuned model itself was `asked`, and said `unsupported`
    times what no passage bears out. `p95_ms` is the time that 95 % took at most, from question to
    answer; `slow` took longer than `SLOW` times that of the serving model.
    """

    people: int = 0
    answers: int = 0
    failed: int = 0
    refused: int = 0
    disliked: int = 0
    asked: int = 0
    unsupported: int = 0
    slow: int = 0
    p95_ms: float = 0.0


class _Shares(NamedTuple):
    """How often something bad happened to the canary and to the serving model."""

    what: str
    bad: int
    of: int
    serving_bad: int
    serving_of: int

    @property
    def log_evidence(self) -> float:
        """The logarithm of the Bayes factor for two different shares against one for both.

        Each share is uniform beforehand, so a product of beta functions B is left (Gunel and
        Dickey, Biometrika 61, 1974, table with both row totals fixed):
        B(a+1, b+1) · B(c+1, d+1) / B(a+c+1, b+d+1) with a, c bad ones and b, d others.
        """
        good, serving_good = self.of - self.bad, self.serving_of - self.serving_bad
        return (
            _log_beta(self.bad + 1, good + 1)
            + _log_beta(self.serving_bad + 1, serving_good + 1)
            - _log_beta(self.bad + self.serving_bad + 1, good + serving_good + 1)
        )

    @property
    def is_worse(self) -> bool:
        """Whether the canary's share is greater, by an amount that counts and not by chance.

        The factor is the likelihood ratio of a martingale, so if both shares are the same it ever
        reaches 1/α with a chance of at most α (Ville 1939; Deng, Lu and Chen, DSAA 2016): it may
        be looked at after every answer. α is `FALSE_ALARM` divided among the checks (Bonferroni).
        """
        greater = self.bad * self.serving_of > WORSE * self.serving_bad * self.of
        return greater and self.log_evidence >= math.log(CHECKS / FALSE_ALARM)

    @property
    def told(self) -> str:
        return (
            f"{self.what} {self.bad:,} of {self.of:,} times ({self.bad / self.of:.0%}), with the "
            f"serving model {self.serving_bad:,} of {self.serving_of:,} "
            f"({self.serving_bad / self.serving_of:.0%})."
        )


# Those of `_looked_at`.
CHECKS = 5


def judge(canary: Tally, serving: Tally) -> str:
    """In plain words, why the serving model is to answer everybody again; empty: go on."""
    if min(canary.answers, serving.answers) < LEAST_ANSWERS:
        return ""
    return next((one.told for one in _looked_at(canary, serving) if one.is_worse), "")


def _looked_at(canary: Tally, serving: Tally) -> Iterator[_Shares]:
    """The worst thing first; of several reasons the first is told."""
    of, serving_of = canary.answers, serving.answers
    yield _Shares("A model server failed", canary.failed, of, serving.failed, serving_of)
    if canary.people >= LEAST_PEOPLE:
        yield _Shares("People were refused", canary.refused, of, serving.refused, serving_of)
        yield _Shares("People disliked it", canary.disliked, of, serving.disliked, serving_of)
        if canary.asked and serving.asked:
            yield _Shares(
                "No passage bore out what it said",
                *(canary.unsupported, canary.asked, serving.unsupported, serving.asked),
            )
    limit = SLOW * serving.p95_ms
    if canary.p95_ms > limit:
        slow = f"It took more than {limit / 1000:.1f} s"
        yield _Shares(slow, canary.slow, of, serving.slow, serving_of)


def _log_beta(a: int, b: int) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
