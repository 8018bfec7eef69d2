"""Why an answer was wrong: which step lost what holds the right one. Pure.

An answer goes through three steps: passages are found, what is likeliest the answer is chosen from
them, a model answers. The reader is given what was chosen. A tuned model is given nothing, but what
it says is held against the passages. The first step that loses the right answer is the one to mend.
"""

from collections.abc import Mapping
from typing import Literal

Bucket = Literal["retrieval", "ranking", "model"]

BUCKETS: tuple[Bucket, ...] = ("retrieval", "ranking", "model")
# Fewer errors than this, and the shares are mere chance.
LEAST_ERRORS = 10
# A new model mends only what the model does wrong, and costs most: it has to be most of it.
RETRAIN_ABOVE = 0.6


def bucket_of(rank: int | None, *, reached: bool) -> Bucket:
    """Where a wrong answer went wrong.

    `rank` is the place of the passage that holds the right answer, from 1; None: it was not found.
    `reached`: what holds it there was read, or would have borne a tuned model's answer out.
    """
    if rank is None:
        return "retrieval"
    return "model" if reached else "ranking"


def advice(errors: Mapping[Bucket, int], *, of_tuned: int) -> str:
    """What to do about errors of these numbers, with the rule and the figures that say so.

    Of those of a model `of_tuned` are a tuned one's; a retrain makes no other model better.
    """
    total = sum(errors.values())
    if total < LEAST_ERRORS:
        return (
            f"Nothing can be advised yet: {_counted(total)} could be sorted, and fewer than "
            f"{LEAST_ERRORS} tell nothing."
        )
    if of_tuned / total > RETRAIN_ABOVE:
        return (
            f"Retrain. In {_share(of_tuned, total)} the tuned model was wrong where search and "
            f"order were right; above {_percent(RETRAIN_ABOVE)} a better one mends most."
        )
    rest = f"No retrain: {_share(of_tuned, total)} lie with the tuned model, not more than "
    rest += f"{_percent(RETRAIN_ABOVE)}."
    of_reader = errors["model"] - of_tuned
    if of_reader > max(errors["retrieval"], errors["ranking"]):
        return (
            f"Mend the reading: in {_share(of_reader, total)} the answer from passages was wrong "
            f"where search and order were right. Try a larger reader (LLM_URL, LLM_MODEL). {rest}"
        )
    if errors["retrieval"] >= errors["ranking"]:
        return (
            f"Mend what is found: in {_share(errors['retrieval'], total)} the passage with the "
            "answer was not among those found. Look at how these documents are cut into passages, "
            f"and at the embedding model. {rest}"
        )
    return (
        f"Mend the order: in {_share(errors['ranking'], total)} the passage was found, but what "
        "holds the answer stood below what is given to the reader. See that the embedding server "
        "reranks (RERANKER_MODEL), and that titles and headings say what their passages are about, "
        f"as sentences are ranked behind these. {rest}"
    )


def _share(part: int, total: int) -> str:
    return f"{part} of {_counted(total)} ({_percent(part / total)})"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _counted(errors: int) -> str:
    return f"{errors} error{'' if errors == 1 else 's'}"
