"""Which engine answers: from what is known about a question to a decision and its reason. Pure.

A cascade, the first rule that holds decides. The order is by what would be worst: to show what
the asker may not read, then what no longer holds, then what is merely likely to be wrong.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Literal

from router.calibration import Calibration
from router.intents import Intent
from router.pins import OF_CURRENT, Reading
from router.signals import EVIDENCE, Signals

Engine = Literal["tuned", "rag", "refused"]
RouteAsked = Literal["auto", "tuned", "rag"]


class Rule(StrEnum):
    """What decided, in the order in which it is looked at."""

    ASKED = "asked"
    NO_QUESTION = "no-question"
    NO_PASSAGE = "no-passage"
    NOT_NAMED = "not-named"
    PINNED = "pinned"
    SEVERAL = "several"
    NO_MODEL = "no-model"
    RAG_ONLY = "rag-only"
    NOT_TAUGHT = "not-taught"
    NEWER = "newer"
    SUPERSEDED = "superseded"
    NOT_CERTIFIED = "not-certified"
    PRECEDENT = "precedent"
    UNLIKELY = "unlikely"
    TAUGHT = "taught"


@dataclass(frozen=True, slots=True)
class Decision:
    """The engine that is asked first, by which rule, and why in plain words, empty if asked for.

    `probability` is how likely the tuned model is right, as far as that was fitted, and
    `threshold` what it must reach.
    `may_fall_back`: if what is read from passages is not borne out, the tuned model may be asked;
    never where the best text is newer than the model, nor where it is unlikely to be right.
    """

    engine: Engine
    rule: Rule
    reason: str
    probability: float | None = None
    threshold: float | None = None
    may_fall_back: bool = False

    @property
    def is_open(self) -> bool:
        """Whether no rule decides, but how likely the tuned model is right, or that nobody knows:
        a closer look at the passages may change it."""
        return self.rule in (Rule.NOT_CERTIFIED, Rule.UNLIKELY, Rule.TAUGHT)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def decide(
    signals: Signals,
    calibration: Calibration | None,
    *,
    intent: Intent,
    asked: RouteAsked = "auto",
    reading: Reading | None = None,
) -> Decision:
    """The decision on one question. `calibration` is that of `signals.model`, None: not made.

    `reading` is what is read for a question that names a version, None for any other. It comes
    before all, as the passages found are of that version.
    """
    return (
        _by_version(reading)
        or _by_asker(asked, signals)
        or _by_question(signals, intent)
        or _by_provenance(signals)
        or _by_probability(signals, calibration)
    )


def _by_version(reading: Reading | None) -> Decision | None:
    if reading is None:
        return None
    return Decision("refused" if reading.missing else "rag", Rule.PINNED, reading.reason)


def _by_asker(asked: RouteAsked, signals: Signals) -> Decision | None:
    if asked == "auto":
        return None
    if asked == "tuned" and not signals.model:
        return Decision("refused", Rule.NO_MODEL, signals.why_no_model)
    return Decision(asked, Rule.ASKED, "")


def _by_question(signals: Signals, intent: Intent) -> Decision | None:
    if intent is Intent.GREETING:
        return Decision(
            "refused",
            Rule.NO_QUESTION,
            "That asks nothing of the documents. Ask for a fact, a value or a procedure.",
        )
    if not signals.grounds:
        return Decision("refused", Rule.NO_PASSAGE, why_no_passage(signals))
    if signals.unnamed:
        return Decision("refused", Rule.NOT_NAMED, why_not_named(signals))
    if intent is Intent.PINNED:
        return Decision("rag", Rule.PINNED, OF_CURRENT.reason)
    if intent is Intent.SEVERAL:
        return Decision(
            "rag",
            Rule.SEVERAL,
            "The question is about several things, and a tuned model knows them one by one.",
        )
    return None


def why_no_passage(signals: Signals) -> str:
    """In plain words, for an asker to whom the search gave nothing."""
    return _yet("No passage that you may read matches the question.", signals)


def why_not_named(signals: Signals) -> str:
    """The same, where none of the passages names what is asked about."""
    named = " or ".join(f"“{name}”" for name in signals.unnamed)
    return _yet(f"No passage that was found names {named}.", signals)


def _yet(nothing: str, signals: Signals) -> str:
    match signals.being_read:
        case 0:
            return nothing
        case 1:
            return f"{nothing} 1 document is still being read: ask again in a moment."
        case number:
            return f"{nothing} {number:,} documents are still being read: ask again in a moment."


def _by_provenance(signals: Signals) -> Decision | None:
    if not signals.model:
        return Decision("rag", Rule.NO_MODEL, signals.why_no_model)
    best = signals.grounds[signals.best]
    if any(one.rag_only for one in (*signals.grounds[:EVIDENCE], best)):
        return Decision(
            "rag", Rule.RAG_ONLY, "Its collection is always answered from the current text."
        )
    if not best.is_taught:
        return Decision(
            "rag",
            Rule.NOT_TAUGHT,
            f"{signals.model} was not trained on the present text of passage {signals.best + 1}.",
        )
    if not best.known:
        return _by_sentence(signals)
    similarity = signals.grounds[0].similarity
    if signals.superseded is not None and similarity and signals.superseded >= similarity:
        return Decision(
            "rag",
            Rule.SUPERSEDED,
            f"{signals.model} was taught a text that fits better and no longer stands.",
        )
    return None


def _by_sentence(signals: Signals) -> Decision | None:
    """Of an edited passage, the text before the edit always fits about as well as that of today."""
    if not signals.newer:
        return None
    return Decision(
        "rag",
        Rule.NEWER,
        f"The sentence that is likeliest the answer, in passage {signals.best + 1}, is newer than "
        f"{signals.model}.",
    )


def _by_probability(signals: Signals, calibration: Calibration | None) -> Decision:
    if calibration is None or calibration.threshold is None:
        why = f"{signals.model} is not certified to answer unread."
        probability = calibration.probability(signals) if calibration else None
        return Decision("rag", Rule.NOT_CERTIFIED, why, probability, may_fall_back=True)
    if signals.precedent:
        return Decision(
            "tuned",
            Rule.PRECEDENT,
            f"{signals.model} was trained on the very sentence by which “{signals.precedent}” was "
            "answered.",
        )
    probability = calibration.probability(signals)
    reached = probability >= calibration.threshold
    likely = f"{probability:.0%} likely to be right"
    reason = (
        f"{signals.model} was trained on {_what_it_knows(signals)} and is {likely}."
        if reached
        else f"{signals.model} is only {likely}; {calibration.threshold:.0%} is asked for."
    )
    return Decision(
        "tuned" if reached else "rag",
        Rule.TAUGHT if reached else Rule.UNLIKELY,
        reason,
        probability=probability,
        threshold=calibration.threshold,
    )


def _what_it_knows(signals: Signals) -> str:
    best = signals.grounds[signals.best]
    if not best.known:
        return "the very sentence that is asked for"
    return "this very text" if best.has_pairs else "the document that has this text"
