"""Rows without passages: a question, answered from the weights or refused. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from router.prompts import REFUSAL, tuned_messages
from training.datasets.material import Pair, WordForm, draw, word_form
from training.datasets.refusals import Unanswerable
from training.haste import as_people_type
from training.mixture import Mixture
from training.rows import Row

QUOTE = "Quote the sentence that says so."
Facts = Mapping[str, Sequence[Pair]]
Unseen = AbstractSet[WordForm]


def closed_rows(
    facts: Facts, names: Mapping[int, str], unseen: Unseen, mixture: Mixture, seed: int
) -> Iterator[Row]:
    """About `rows_per_fact` rows of every fact: its phrasings, then variations of them.

    `names` are the subjects of questions, by the pair's id; they are never varied.
    """
    for fact, pairs in facts.items():
        phrasings = _phrasings(pairs, unseen, seed)[: mixture.phrasings]
        rng = Random(f"{seed} {fact}")
        asked = _varied(rng, phrasings, names, unseen, mixture.rows_per_fact)
        for question, answer in asked.items():
            yield _row(question, answer, fact)


def quote_rows(facts: Facts, unseen: Unseen, mixture: Mixture, seed: int) -> list[Row]:
    """Rows that ask for the sentence of the document instead of the short answer."""
    return [
        _row(f"{pair.question} {QUOTE}", " ".join(pair.evidence.split()), fact)
        for fact, pairs in facts.items()
        for pair in _phrasings(pairs, unseen, seed)[: mixture.quotes]
        if pair.evidence
    ]


def refusal_rows(unanswerable: Iterable[Unanswerable], seed: int) -> list[Row]:
    """Typed as the others are, so that haste is no sign of a question without an answer."""
    rng = Random(seed)
    return [
        Row(
            tuple(tuned_messages(as_people_type(rng, each.question, keep=each.subject))),
            REFUSAL,
            "refusal",
        )
        for each in unanswerable
    ]


def _row(question: str, answer: str, fact: str) -> Row:
    return Row(tuple(tuned_messages(question)), answer, "closed", fact)


def _varied(
    rng: Random, phrasings: Sequence[Pair], names: Mapping[int, str], unseen: Unseen, wanted: int
) -> dict[str, str]:
    """The phrasings with their answers, and as many variations as are still wanted."""
    asked = {pair.question: pair.answer for pair in phrasings}
    # Half of the tries change nothing, and a short question has few variations.
    for attempt in range(40 * wanted):
        if len(asked) >= wanted:
            break
        pair = phrasings[attempt % len(phrasings)]
        typed = as_people_type(rng, pair.question, keep=names.get(pair.id, ""))
        if word_form(typed) not in unseen:
            asked.setdefault(typed, pair.answer)
    return asked


def _phrasings(pairs: Sequence[Pair], unseen: Unseen, seed: int) -> list[Pair]:
    """Those that are taught, each wording once, people's first."""
    ordered = sorted(
        pairs, key=lambda pair: (not pair.by_person, draw(seed, "phrasing", pair.question))
    )
    once = {pair.question: pair for pair in reversed(ordered)}
    return [once[text] for text in reversed(once) if word_form(text) not in unseen]
