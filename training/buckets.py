"""Why an answer was wrong: what a passage's place among those found tells of it. Pure.

An answer goes through three steps: passages are found, the best of them are given to a model, the
model reads them. The first step that loses the passage with the right answer is the one to mend.
"""

from collections.abc import Mapping
from typing import Literal

Bucket = Literal["retrieval", "ranking", "model"]

BUCKETS: tuple[Bucket, ...] = ("retrieval", "ranking", "model")
# Fewer errors than this, and the shares are mere chance.
LEAST_ERRORS = 10
# A new model mends only what the model does wrong, and costs most: it has to be most of it.
RETRAIN_ABOVE = 0.6


def bucket_of(rank: int | None, given: int) -> Bucket:
    """Where a wrong answer went wrong.

    `rank` is the place of the passage that holds the right answer, from 1; None: it was not found.
    The first `given` passages were in the model's context.
    """
    if rank is None:
        return "retrieval"
    return "ranking" if rank > given else "model"


def advice(errors: Mapping[Bucket, int]) -> str:
    """What to do about errors of these numbers, with the rule and the figures that say so."""
    total = sum(errors.values())
    if total < LEAST_ERRORS:
        return (
            f"Nothing can be advised yet: {_counted(total)} could be sorted, and fewer than "
            f"{LEAST_ERRORS} tell nothing."
        )
    model = errors["model"]
    if model / total > RETRAIN_ABOVE:
        return (
            f"Retrain. In {_share(model, total)} the passage was in the context and the answer "
            f"still wrong; above {_percent(RETRAIN_ABOVE)} a better model mends most."
        )
    rest = f"No retrain: {_share(model, total)} lie with the model, not more than "
    rest += f"{_percent(RETRAIN_ABOVE)}."
    if errors["retrieval"] >= errors["ranking"]:
        return (
            f"Mend what is found: in {_share(errors['retrieval'], total)} the passage with the "
            "answer was not among those found. Look at how these documents are cut into passages, "
            f"and at the embedding model. {rest}"
        )
    return (
        f"Mend the order: in {_share(errors['ranking'], total)} the passage was found, but below "
        f"those that the model is given. Put a reranker behind the search, or give more passages. "
        f"{rest}"
    )


def _share(part: int, total: int) -> str:
    return f"{part} of {_counted(total)} ({_percent(part / total)})"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _counted(errors: int) -> str:
    return f"{errors} error{'' if errors == 1 else 's'}"
