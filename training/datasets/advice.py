"""What makes a dataset a poor one, told before the training. Pure."""

from collections import Counter
from collections.abc import Iterator

from training.datasets.composing import Composition
from training.datasets.material import Material, word_form

# Fewer facts, and a model learns the phrasings by heart without learning to tell facts apart.
LEAST_FACTS = 40
# Of a fact; below it, an unseen phrasing of the fact is rarely understood.
LEAST_PHRASINGS = 3
# With fewer questions of a kind, a difference of five points between two models is chance.
LEAST_QUESTIONS = 200


def warn(material: Material, composition: Composition) -> tuple[str, ...]:
    return tuple(_warnings(material, composition))


def _warnings(material: Material, composition: Composition) -> Iterator[str]:
    facts = material.facts
    if not facts:
        return
    if len(facts) < LEAST_FACTS:
        yield (
            f"There are {len(facts)} facts; below {LEAST_FACTS}, a model learns little. "
            "Add documents, or run `synthesize`."
        )
    phrasings = [
        len({word_form(pair.question) for pair in pairs} - {frozenset()})
        for pairs in facts.values()
    ]
    if alone := sum(count <= 1 for count in phrasings):
        yield (
            f"{alone} of {len(facts)} facts have a single phrasing. "
            "Other wordings of their questions help a model more than anything else."
        )
    if sum(phrasings) < LEAST_PHRASINGS * len(facts):
        yield (
            f"There are {sum(phrasings) / len(facts):.1f} phrasings for a fact; "
            f"{LEAST_PHRASINGS} are needed to answer an unseen one well."
        )
    for kind, count in sorted(Counter(question.kind for question in composition.test).items()):
        if count < LEAST_QUESTIONS:
            yield (
                f"The test has {count} questions of kind {kind}. Below {LEAST_QUESTIONS}, "
                "a small difference between two models is chance."
            )
