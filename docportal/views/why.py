"""Why an answer came the way it did, from what was kept with it."""

from collections.abc import Iterable
from dataclasses import dataclass

from docportal.results import Seen
from docportal.views.passages import Card
from router.models import Answer

ENGINES = {"tuned": "the tuned model", "rag": "the passages", "refused": "no model"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One engine that was asked, in the words `worded` if these are not the asker's. `outcome` is
    empty where its answer is shown. `certainty` is how probable the model took its words to be,
    where it told."""

    engine: str
    model: str
    precedent: str
    worded: str
    certainty: float | None
    outcome: str
    generate_ms: float
    verify_ms: float


@dataclass(frozen=True, slots=True)
class Passage:
    """What the tuned model was taught of a passage: all of it, or so many sentences that an edit
    kept; `heldout` is its exact match there."""

    card: Card
    known: bool
    kept: int
    pairs: int
    heldout: float | None
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Why:
    """`understood` is the question as it was asked of models, empty if that is how it was typed."""

    understood: str
    first: str
    rule: str
    probability: float | None
    threshold: float | None
    model: str
    attempts: list[Attempt]
    passages: list[Passage]


def why(answer: Answer, view: Seen, asked: str, cards: Iterable[Card]) -> Why | None:
    """What its reader may see of it. Of `cards` only those that they may read are there, and only
    these are told of.

    None for an answer that was kept without its signals.
    """
    kept = answer.signals
    if not kept:
        return None
    decision = kept["decision"]
    return Why(
        understood=kept["question"] if kept["question"] != asked else "",
        first=ENGINES[decision["engine"]],
        rule=decision["rule"].replace("-", " "),
        probability=decision["probability"],
        threshold=decision["threshold"],
        model=kept["model"],
        attempts=[
            Attempt(
                engine=ENGINES[one["engine"]],
                model=one["model"],
                # Answers that were kept before there were these do not tell of any.
                precedent=one.get("precedent", ""),
                worded=one.get("worded", ""),
                certainty=one.get("certainty"),
                outcome=one["failed"] or one["problem"],
                generate_ms=one["generate_ms"],
                verify_ms=one["verify_ms"],
            )
            for one in view.attempts
        ],
        passages=[
            Passage(
                card=card,
                known=ground["known"],
                # Answers that were kept before sentences counted do not tell of any.
                kept=len(ground.get("kept", ())),
                pairs=ground["pairs"],
                heldout=ground["heldout"],
                similarity=ground["similarity"],
            )
            for card in cards
            for ground in [kept["grounds"][card.number - 1]]
        ],
    )
