"""How well a reader answers exercises."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from router.prompts import REFUSAL
from training.reader.data import Exercise
from training.reader.model import Reader
from training.reader.packing import pack, tokenise


@dataclass(frozen=True, slots=True)
class Score:
    """Of greedy answers, in shares: exact text and citation; a wrong statement; refusals."""

    exact: float
    exact_with_source: float
    wrong: float
    refusal_recall: float
    over_refusal: float
    questions: int

    @property
    def value(self) -> float:
        """A wrong statement costs as much as a right one earns; a refusal costs nothing."""
        return self.exact - self.wrong


def evaluate(reader: Reader, exercises: Iterable[Exercise]) -> Score:
    """Judge greedy answers without generating them.

    Greedy decoding gives the wanted answer exactly when each of its tokens is the most likely one
    after those before it, which one pass over the answers shows.
    """
    refusal = reader.tokenizer.encode(REFUSAL, add_special_tokens=False)
    source = reader.tokenizer.encode(" [", add_special_tokens=False)[0]
    outcomes = []
    for exercise in exercises:
        packed = pack(tokenise(exercise, reader.tokenizer))
        with torch.no_grad():
            best = reader.logits(packed).argmax(-1)
        for number in range(len(exercise.questions)):
            mine = packed.row == number
            outcomes.append(_outcome(packed.targets[mine], best[mine], refusal, source))
    return _score(outcomes)


@dataclass(frozen=True, slots=True)
class Outcome:
    answerable: bool
    refused: bool
    exact: bool
    exact_with_source: bool


def _outcome(wanted: Tensor, best: Tensor, refusal: list[int], source: int) -> Outcome:
    right = (wanted == best).tolist()
    wanted_ids, best_ids = wanted.tolist(), best.tolist()
    answerable = wanted_ids[: len(refusal)] != refusal
    text = len(right) - 1 - wanted_ids[::-1].index(source) if answerable else len(right)
    refused = best_ids[0] == refusal[0] if answerable else all(right)
    return Outcome(answerable, refused, all(right[:text]), all(right))


def _score(outcomes: list[Outcome]) -> Score:
    answerable = [o for o in outcomes if o.answerable]
    missing = [o for o in outcomes if not o.answerable]
    wrong = sum(not o.exact and not o.refused for o in outcomes)
    return Score(
        exact=_share(sum(o.exact for o in answerable), len(answerable)),
        exact_with_source=_share(sum(o.exact_with_source for o in answerable), len(answerable)),
        wrong=_share(wrong, len(outcomes)),
        refusal_recall=_share(sum(o.refused for o in missing), len(missing)),
        over_refusal=_share(sum(o.refused and not o.exact for o in answerable), len(answerable)),
        questions=len(outcomes),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
