"""What became of a model's words: the draft of one answer while it is checked. No database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from router.prompts import REFUSAL
from router.verification import Support

if TYPE_CHECKING:
    from router.retrieval.searching import Hit, SearchResult
    from router.tuned import ServedModel

RouteAsked = Literal["auto", "tuned", "rag"]
Route = Literal["tuned", "rag", "refused"]

MAX_REASON = 500


@dataclass(slots=True)
class Draft:
    """`sentences` are those that are shown; `supports` belong to them one by one.

    `served` is the tuned model that answers from its weights, None where passages are read.
    `model` is the one that was asked; `problem` says in plain words why the draft ends where it
    does.
    """

    route_asked: RouteAsked
    found: SearchResult
    served: ServedModel | None = None
    model: str = ""
    written: str = ""
    sentences: list[str] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)
    rejected: Support | None = None
    problem: str = ""
    model_refused: bool = False
    model_failed: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    generate_ms: float = 0.0
    verify_ms: float = 0.0
    total_ms: float = 0.0

    @property
    def refused(self) -> bool:
        return not self.sentences or bool(self.model_failed)

    @property
    def route(self) -> Route:
        """The one that the answer came by."""
        if self.refused:
            return "refused"
        return "rag" if self.served is None else "tuned"

    @property
    def verified(self) -> bool:
        """Whether every sentence stands in a passage."""
        return not self.refused and all(support.supported for support in self.supports)

    @property
    def text(self) -> str:
        return REFUSAL if self.refused else "".join(self.sentences).strip()

    @property
    def spans(self) -> dict[int, tuple[int, int]]:
        """Of each supporting passage, from 0, the first sentence that was used."""
        spans: dict[int, tuple[int, int]] = {}
        for support in [] if self.refused else self.supports:
            if support.span:
                spans.setdefault(support.span[0], support.span[1:])
        return spans

    @property
    def reason(self) -> str:
        """Why this outcome, for the person who asked."""
        said = [self.problem if self.refused else self._borne_out()]
        if self.found.degraded:
            said.append("The embedding server does not answer, so only words were searched.")
        return " ".join(said)[:MAX_REASON]

    def _borne_out(self) -> str:
        if not self.verified:
            return f"Asked for by the route; no current passage bears it out. {self.problem}"
        numbers = " and ".join(str(place + 1) for place in sorted(self.spans))
        checked = f"Checked: it stands in passage{'s' * (len(self.spans) > 1)} {numbers}."
        return f"{checked} The rest was left out. {self.problem}" if self.problem else checked

    @property
    def confidence(self) -> float:
        """How sure the outcome is, 0 to 1, rising with each of its parts.

        An answer: 0.7 × the least verification score of its sentences + 0.3 × how well both
        searches agree on its source; both are 0 where there is none. A refusal, as the belief
        that there is no answer: 1 without any passage; 1 − agreement on the best passage / 2 after
        a model's or the check's no; 0 when no model could be asked. Agreement is the mean of 1/rank
        in both searches, where a passage not found counts 0.
        """
        hits = self.found.hits
        if self.model_failed:
            return 0.0
        if self.refused:
            return 1 - _agreement(hits[0]) / 2 if hits else 1.0
        least = min(support.score if support.supported else 0.0 for support in self.supports)
        agreement = _agreement(hits[next(iter(self.spans))]) if self.spans else 0.0
        return 0.7 * least + 0.3 * agreement

    @property
    def signals(self) -> dict[str, object]:
        """What the outcome rested on. Of documents it holds only what the asker was shown."""
        return {
            "route_asked": self.route_asked,
            "revision": self.found.revision,
            "degraded": self.found.degraded,
            "hits": [
                {
                    "chunk": hit.chunk.pk,
                    "score": hit.score,
                    "lexical_rank": hit.lexical_rank,
                    "dense_rank": hit.dense_rank,
                    "similarity": hit.similarity,
                }
                for hit in self.found.hits
            ],
            "draft": self.written,
            "sentences": [
                {
                    "text": text,
                    "passage": support.span[0] + 1 if support.span else None,
                    "score": support.score,
                    "problem": support.problem,
                }
                for text, support in zip(self.sentences, self.supports, strict=True)
            ],
            "verified": self.verified,
            "missing": [claim.text for claim in self.rejected.missing] if self.rejected else [],
            "model_refused": self.model_refused,
            "model_failed": self.model_failed,
        }


def _agreement(hit: Hit) -> float:
    ranks = (hit.lexical_rank, hit.dense_rank)
    return sum(1 / rank for rank in ranks if rank is not None) / len(ranks)
