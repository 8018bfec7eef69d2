"""What makes a dataset a poor one, told before the training. Pure."""

from collections.abc import Iterator, Mapping

from training.datasets.material import Material, word_form
from training.rows import Kind

# Fewer facts, and a model learns the phrasings by heart without learning to tell facts apart.
LEAST_FACTS = 40
# Of a fact; below it, an unseen phrasing of the fact is rarely understood.
LEAST_PHRASINGS = 3
# With fewer questions of a kind, a difference of five points between two models is chance.
LEAST_QUESTIONS = 200


def warn(material: Material, asked: Mapping[Kind, int]) -> tuple[str, ...]:
    """`asked` are the numbers of questions in the test."""
    return (*_about_facts(material), *_about_test(asked)) if material.pairs else ()


def _about_facts(material: Material) -> Iterator[str]:
    facts = material.facts
    phrasings = [len({word_form(pair.question) for pair in pairs}) for pairs in facts.values()]
    if len(facts) < LEAST_FACTS:
        yield (
            f"There are {len(facts)} facts; below {LEAST_FACTS}, a model learns little. "
            "Add documents, or run `synthesize`."
        )
    if alone := phrasings.count(1):
        yield (
            f"{alone} of {len(facts)} facts have a single phrasing. "
            "Other wordings of their questions help a model more than anything else."
        )
    if sum(phrasings) < LEAST_PHRASINGS * len(facts):
        yield (
            f"There are {sum(phrasings) / len(facts):.1f} phrasings for a fact; "
            f"{LEAST_PHRASINGS} are needed to answer an unseen one well."
        )


def _about_test(asked: Mapping[Kind, int]) -> Iterator[str]:
    kinds: dict[Kind, str] = {
        "recall": "unseen phrasings", "refusal": "things that nothing answers"
    }  # fmt: skip
    for kind, what in kinds.items():
        if asked.get(kind, 0) < LEAST_QUESTIONS:
            yield (
                f"The test asks for {asked.get(kind, 0)} {what}. Below {LEAST_QUESTIONS}, "
                "a small difference between two models is chance."
            )
