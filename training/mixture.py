"""Of what a dataset is made, by named values. Pure."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from ingestion.errors import UserError

# Where the shares of the test and the validation set meet at the most: of a hundred facts both have
# what they need at least.
BORDER = 0.75


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights of the kinds of rows, relative to each other, and how facts are spread over them.

    The embedded base reads passages already, so that it needs no context rows and no replay.
    Raises `UserError` (`mixture`) for values that describe no dataset.
    """

    closed: float = 0.88  # a question of a fact, answered from the weights
    context: float = 0.0  # a question with passages, answered from them
    refusal: float = 0.12  # a question that nothing answers
    replay: float = 0.0  # what the base model said already, to keep it so
    rows_per_fact: int = 10  # closed rows; facts with few phrasings are varied up to this
    phrasings: int = 16  # of a fact at most; those of people come first
    quotes: int = 0  # rows of a fact that ask for the sentence of the document that says so
    without_gold: float = 0.3  # of the context rows: only passages that do not answer
    test: float = 0.2  # of the facts give up one phrasing for the test set
    validation: float = 0.2  # of the facts, other ones, for the validation set

    def __post_init__(self) -> None:
        weights = (self.closed, self.context, self.refusal, self.replay)
        if not (self.closed > 0 and min(weights) >= 0 and math.isfinite(sum(weights))):
            raise _impossible("closed must be above 0 and no other weight below it")
        if not (self.rows_per_fact >= 1 and self.phrasings >= 1 and self.quotes >= 0):
            raise _impossible("rows_per_fact and phrasings are at least 1, quotes at least 0")
        if not (0 <= self.without_gold <= 1 and 0 <= self.test <= BORDER):
            raise _impossible(f"without_gold is from 0 to 1, test from 0 to {BORDER}")
        if not 0 <= self.validation <= 1 - BORDER:
            raise _impossible(f"validation is from 0 to {1 - BORDER}")

    @classmethod
    def parse(cls, text: str) -> "Mixture":
        """From `closed=.85,refusal=.15`; what is not named has its default."""
        kinds = {field.name: field.type for field in fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            kind = kinds.get(name.strip())
            if kind is None:
                raise _impossible(f"{name.strip()!r} is not one of {', '.join(kinds)}")
            try:
                values[name.strip()] = int(value) if kind is int else float(value)
            except ValueError:
                raise _impossible(f"{value.strip()!r} is no value of {name.strip()}") from None
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def _impossible(what: str) -> UserError:
    return UserError("mixture", f"DATASET_MIXTURE: {what}. Write it like closed=0.85,refusal=0.15.")
