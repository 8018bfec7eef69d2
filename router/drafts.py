"""What became of the models' words: the draft of one answer while it is checked. No database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from router.policy import Rule
from router.prompts import REFUSAL
from router.signals import Signals
from router.verification import Support

if TYPE_CHECKING:
    from router.policy import Decision, Engine, RouteAsked
    from router.precedents.books import Book
    from router.precedents.finding import Findings
    from router.relevance import Relevance
    from router.retrieval.searching import SearchResult
    from router.taught import Repertoire, Taught
    from router.tuned import ServedModel

MAX_REASON = 500


@dataclass(slots=True)
class Attempt:
    """What one engine wrote, and what the check said to it.

    `sentences` are those that may be shown; `supports` belong to them one by one. `rejected` is
    the first that no passage bears out. `problem` says in plain words why the attempt ends where
    it does; `fault` says what the server did wrong, for admins. `alone` is the rank of the passage
    that was read by itself, 0: several or parts of them were. `quoted`: the model found nothing,
    and what is shown is the passages' own sentence. `precedent` is the question answered before by
    which the value was found without a model; `is_only`: as the only one of its kind. `worded` is
    the question that the model was asked instead, as it asks the same: one that a tuned model was
    taught, or one that was answered before of something else; empty: it was asked as was typed.
    `logprob` is the natural logarithm of how probable the model takes what it wrote to be; None: it
    does not tell. Times and tokens are those of all readings.
    """

    engine: Literal["tuned", "rag"]
    model: str
    written: str = ""
    sentences: list[str] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)
    rejected: Support | None = None
    problem: str = ""
    refused: bool = False
    failed: str = ""
    fault: str = ""
    alone: int = 0
    quoted: bool = False
    precedent: str = ""
    is_only: bool = False
    worded: str = ""
    logprob: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    generate_ms: float = 0.0
    verify_ms: float = 0.0

    def again(self, alone: int) -> Attempt:
        """Another one by the same engine, which reads something else."""
        attempt = Attempt(self.engine, self.model, alone=alone, worded=self.worded)
        attempt.take_costs(self)
        return attempt

    def take_costs(self, other: Attempt) -> None:
        """Those of an attempt that began with the costs of this one, or that this one goes on."""
        self.prompt_tokens, self.completion_tokens = other.prompt_tokens, other.completion_tokens
        self.generate_ms, self.verify_ms = other.generate_ms, other.verify_ms

    @property
    def certainty(self) -> float | None:
        """How probable the model takes what it wrote to be, 0 to 1; None: it does not tell."""
        return None if self.logprob is None else math.exp(min(self.logprob, 0.0))

    @property
    def is_empty(self) -> bool:
        return not self.sentences or bool(self.failed)

    @property
    def verified(self) -> bool:
        """Whether every sentence stands in a passage."""
        return not self.is_empty and all(support.supported for support in self.supports)

    @property
    def confidence(self) -> float:
        """The least verification score of its sentences, where one that is not borne out has 0."""
        return min(support.score if support.supported else 0.0 for support in self.supports)

    def as_json(self) -> dict[str, object]:
        return {
            "engine": self.engine,
            "model": self.model,
            "draft": self.written,
            "problem": self.problem,
            "refused": self.refused,
            "failed": self.failed,
            "alone": self.alone,
            "quoted": self.quoted,
            "precedent": self.precedent,
            "is_only": self.is_only,
            "worded": self.worded,
            "certainty": self.certainty,
            "missing": [claim.text for claim in self.rejected.missing] if self.rejected else [],
            "generate_ms": self.generate_ms,
            "verify_ms": self.verify_ms,
        }


@dataclass(slots=True)
class Draft:
    """`question` is as it was understood, which is what is looked for and what models are asked.
    `of_version` is what the reader is asked instead where the passages are of the version that
    the question names: the same without that name, which stands in none of them.

    `served` is the tuned model that may answer, None without one; `repertoire` are the questions
    that it was taught, and `taught` is the nearest of these, looked for when it is asked; `books`
    are the precedents that may be used, and `findings` what they make of the question, None: nobody
    looked. `relevance` is that of the sentences to what is read for. `attempts` are made one after
    the other; what is shown is the last one's.
    """

    question: str
    found: SearchResult
    signals: Signals
    decision: Decision
    relevance: Relevance
    route_asked: RouteAsked = "auto"
    served: ServedModel | None = None
    of_version: str = ""
    repertoire: Repertoire | None = None
    taught: Taught | None = None
    books: Sequence[Book] = ()
    findings: Findings | None = None
    attempts: list[Attempt] = field(default_factory=list)
    total_ms: float = 0.0

    @property
    def read_for(self) -> str:
        return self.of_version or self.question

    @property
    def shown(self) -> Attempt | None:
        """The attempt with something to show: the last one, as none is made after it."""
        return next((one for one in reversed(self.attempts) if not one.is_empty), None)

    @property
    def by_tuned(self) -> list[Attempt]:
        return [one for one in self.attempts if one.engine == "tuned"]

    @property
    def refused(self) -> bool:
        return self.shown is None

    @property
    def route(self) -> Engine:
        """The one that the answer came by."""
        return self.shown.engine if self.shown else "refused"

    @property
    def model(self) -> str:
        """The one that the answer is of, or that was asked last; empty: none was."""
        asked = self.shown or (self.attempts[-1] if self.attempts else None)
        return asked.model if asked else ""

    @property
    def failed(self) -> bool:
        """Whether it is refused because no model could say what the passages hold.

        A reader that found nothing in them has said so, whatever became of the tuned model.
        """
        if self.shown is not None:
            return False
        if not self.attempts:
            return self.decision.rule is Rule.NO_MODEL
        reading = [one for one in self.attempts if one.engine == "rag"]
        return any(one.failed for one in reading or self.attempts)

    @property
    def verified(self) -> bool:
        return self.shown is not None and self.shown.verified

    @property
    def text(self) -> str:
        return "".join(self.shown.sentences).strip() if self.shown else REFUSAL

    @property
    def spans(self) -> dict[int, tuple[int, int]]:
        """Of each supporting passage, from 0, the first sentence that was used."""
        spans: dict[int, tuple[int, int]] = {}
        for support in self.shown.supports if self.shown else []:
            if support.span:
                spans.setdefault(support.span[0], support.span[1:])
        return spans

    @property
    def reason(self) -> str:
        """Why this outcome, for the person who asked."""
        said = [self.decision.reason]
        said += [self._outcome(attempt) for attempt in self.attempts]
        if self.found.degraded:
            said.append("The embedding server does not answer, so only words were searched.")
        if self.found.behind:
            said.append("The index is not up to date, so what was changed lately may be missing.")
        return " ".join(one for one in said if one)[:MAX_REASON]

    def _outcome(self, attempt: Attempt) -> str:
        if attempt.is_empty:
            return attempt.problem
        if not attempt.verified:
            return f"Asked for by the route; no current passage bears it out. {attempt.problem}"
        numbers = " and ".join(str(place + 1) for place in sorted(self.spans))
        unasked = "" if any(one.model for one in self.attempts) else ", so no model was asked"
        if attempt.precedent and attempt.is_only:
            return (
                f"Passage {numbers} has the only value of the kind that “{attempt.precedent}” was "
                f"answered with{unasked}."
            )
        if attempt.precedent:
            return (
                f"Passage {numbers} says it in the words in which “{attempt.precedent}” was "
                f"answered{unasked}."
            )
        if attempt.quoted:
            return f"The reader found nothing, so passage {numbers} is quoted where it fits best."
        meant = next((f" as “{one.meant}”" for one in attempt.supports if one.meant), "")
        checked = f"Checked{meant}: it stands in passage{'s' * (len(self.spans) > 1)} {numbers}."
        return f"{checked} The rest was left out. {attempt.problem}" if attempt.problem else checked

    @property
    def confidence(self) -> float:
        """How sure the outcome is, 0 to 1, rising with each of its parts.

        An answer: 0.7 × the least verification score of its sentences + 0.3 × how well both
        searches agree on its source; both are 0 where there is none. A refusal, as the belief
        that there is no answer: 1 without any passage; 1 − agreement on the best passage / 2 after
        a model's or the check's no; 0 when no model could be asked.
        """
        grounds = self.signals.grounds
        if self.shown is not None:
            agreement = grounds[next(iter(self.spans))].agreement if self.spans else 0.0
            return 0.7 * self.shown.confidence + 0.3 * agreement
        if self.failed:
            return 0.0
        return 1 - grounds[0].agreement / 2 if grounds else 1.0

    @property
    def as_json(self) -> dict[str, object]:
        """What the outcome rested on. Of documents it holds only what the asker was shown."""
        shown = self.shown
        sentences = zip(shown.sentences, shown.supports, strict=True) if shown else ()
        return {
            "route_asked": self.route_asked,
            "question": self.question,
            "revision": self.found.revision,
            "degraded": self.found.degraded,
            "behind": self.found.behind,
            "hits": [hit.chunk.pk for hit in self.found.hits],
            **self.signals.as_json(),
            "decision": self.decision.as_json(),
            "attempts": [attempt.as_json() for attempt in self.attempts],
            "sentences": [
                {
                    "text": text,
                    "passage": support.span[0] + 1 if support.span else None,
                    "score": support.score,
                    "problem": support.problem,
                }
                for text, support in sentences
            ],
            "verified": self.verified,
        }

    @property
    def figures(self) -> dict[str, bool | int | float | str]:
        """What may be told of it to anybody: no word of question, answer or document."""
        return {
            "route": self.route,
            "model": self.model,
            "verified": self.verified,
            "failed": self.failed,
            "passages": len(self.found.hits),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "retrieve_ms": self.found.ms,
            "generate_ms": self.generate_ms,
            "verify_ms": self.verify_ms,
        }

    @property
    def prompt_tokens(self) -> int:
        return sum(attempt.prompt_tokens for attempt in self.attempts)

    @property
    def completion_tokens(self) -> int:
        return sum(attempt.completion_tokens for attempt in self.attempts)

    @property
    def generate_ms(self) -> float:
        return sum(attempt.generate_ms for attempt in self.attempts)

    @property
    def verify_ms(self) -> float:
        return sum(attempt.verify_ms for attempt in self.attempts)
