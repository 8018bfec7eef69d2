"""What is known about a question before a model writes: where the answer may come from. Pure.

A decision is made from these alone (`router.policy`), and they are kept with the answer.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from router.odds import log_odds

# An answer rests on one of so many passages, as good as always.
EVIDENCE = 3
# The probability that a tuned model is right on a passage of which it was taught nothing.
UNTAUGHT = 0.02
# Held-out questions whose outcome the prior takes as seen before any was.
PRIOR_QUESTIONS, PRIOR_EXACT = 2.0, 0.7
# As how many those of a passage count. It has one or a few, and in how many phrasings the model was
# taught says nothing of what one of them proves.
HELDOUT_QUESTIONS = 1.0
# A probability beyond it is no more certain.
LEAST_LIKELY = 1e-3


@dataclass(frozen=True, slots=True)
class Ground:
    """A passage that was found, in the order of the search.

    `known`: this very text stood in the documents that the tuned model was trained on. `kept` are
    the numbers of those of its sentences that did, where it was edited since. `learned` is the
    content hash of the text that stood there, its own or that before the edit, empty without any;
    `pairs` are the questions about that text that the model was trained on, and `heldout` their
    exact match in phrasings that it was not trained on, None if none were kept back. `rag_only`:
    answers about its collection are always read from passages. `similarity` is the cosine with the
    question, None if unknown.
    """

    document: int
    known: bool
    kept: tuple[int, ...]
    learned: str
    pairs: int
    heldout: float | None
    rag_only: bool
    score: float
    lexical_rank: int | None
    dense_rank: int | None
    similarity: float | None

    @property
    def is_taught(self) -> bool:
        """Whether the model was trained on some of its sentences."""
        return self.known or bool(self.kept)

    @property
    def has_pairs(self) -> bool:
        """Whether the model was trained on questions about this very text."""
        return self.known and self.pairs > 0

    def has_kept(self, sentence: int) -> bool:
        """Whether the model was trained on this sentence of it, by its number."""
        return self.known or sentence in self.kept

    @property
    def agreement(self) -> float:
        """The mean of 1/rank in both searches, where a passage not found counts 0."""
        ranks = (self.lexical_rank, self.dense_rank)
        return sum(1 / rank for rank in ranks if rank is not None) / len(ranks)


@dataclass(frozen=True, slots=True)
class Signals:
    """`model` is the tuned version that could answer, empty if none; `why_no_model` says why.

    `unnamed` is what the question names and no passage found does, where no precedent leads to an
    answer either, or by which alone it differs from one: nothing that a model says would be borne
    out. `being_read`: so many documents
    that the asker may read have a text that is not searchable yet. Only looked for when nothing was
    found, or something is unnamed.

    `superseded` is the greatest cosine between the question and a text that this model was taught
    of one of the documents found and that no longer stands there, None without such a text.

    `best` is the number of the passage with the sentence that is likeliest the answer, from 0, the
    first one where nobody looked. `likelihood` is that of the sentence, None: nobody looked.
    `newer`: it is none that the model was taught, as far as anybody knows.

    `precedent` is a question that was answered before by a sentence that the model was taught, and
    as surely this one is; then nobody looked at the others, and `best` is its passage.
    """

    grounds: tuple[Ground, ...]
    model: str = ""
    why_no_model: str = ""
    superseded: float | None = None
    best: int = 0
    likelihood: float | None = None
    newer: bool = False
    precedent: str = ""
    unnamed: tuple[str, ...] = ()
    being_read: int = 0

    @property
    def is_taught(self) -> bool:
        """Whether the model was trained on some sentences of the best passage."""
        return bool(self.grounds) and self.grounds[self.best].is_taught

    def with_likelihoods(self, likely: Mapping[tuple[int, int], float]) -> "Signals":
        """The same with how likely each sentence of the first passages is the answer, by the number
        of the passage and its own, from 0; none: nobody knows."""
        if not likely:
            return replace(self, newer=not self.grounds[self.best].known)
        best, sentence = place = max(likely, key=likely.__getitem__)
        is_newer = not self.grounds[best].has_kept(sentence)
        return replace(self, best=best, likelihood=likely[place], newer=is_newer)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "features": dict(zip(FEATURES, features(self), strict=True))}


FEATURES = (
    "taught_logit",
    "known_share",
    "similarity",
    "agreement",
    "margin",
    "superseded_margin",
    "best_likelihood",
)


def features(signals: Signals) -> tuple[float, ...]:
    """One number for each of `FEATURES`; zeros without any passage.

    taught_logit      log odds of `prior`
    known_share       share of those with known sentences among the four best, weighted by score
    similarity        of the best passage; 0 if unknown
    agreement         of both searches on the best passage
    margin            how far the best passage stands before that of another document, as a share
    superseded_margin the best passage's similarity less that of a text that stands no more
    best_likelihood   log odds of the best passage's likeliest sentence; 0 if unknown
    """
    grounds = signals.grounds[:4]
    if not grounds:
        return (0.0,) * len(FEATURES)
    best = signals.grounds[signals.best]
    total = sum(one.score for one in grounds)
    others = [one.score for one in signals.grounds if one.document != best.document]
    similarity = best.similarity or 0.0
    return (
        log_odds(prior(signals), rounded=LEAST_LIKELY),
        sum(one.score for one in grounds if one.is_taught) / total if total else 0.0,
        similarity,
        best.agreement,
        1 - max(others) / best.score if others and best.score else 1.0,
        similarity - signals.superseded if signals.superseded is not None else 1.0,
        0.0 if signals.likelihood is None else log_odds(signals.likelihood, rounded=LEAST_LIKELY),
    )


def prior(signals: Signals) -> float:
    """The belief that the tuned model is right, from what it was taught of the best passage.

    The mean of a beta distribution: the held-out exact match, counted as `HELDOUT_QUESTIONS`, with
    `PRIOR_QUESTIONS` questions of `PRIOR_EXACT` before them.
    """
    best = signals.grounds[signals.best] if signals.grounds else None
    if best is None or not best.pairs:
        return UNTAUGHT
    if best.heldout is None:
        return PRIOR_EXACT
    right = HELDOUT_QUESTIONS * best.heldout + PRIOR_QUESTIONS * PRIOR_EXACT
    return right / (HELDOUT_QUESTIONS + PRIOR_QUESTIONS)
