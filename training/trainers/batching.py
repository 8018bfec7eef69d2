"""Which rows make an update, and which of them stand in one sequence. Pure, the same for a seed."""

from collections.abc import Iterator, Sequence
from random import Random

from training.trainers.packing import Encoded

Sequences = list[list[Encoded]]
"""The rows of one update; each inner list is laid out as one sequence."""


def updates(
    rows: Sequence[Encoded], *, batch: int, max_tokens: int, seed: int, skip: int = 0
) -> Iterator[Sequences]:
    """Endless updates of about `batch` rows; the first `skip` are passed over.

    Each epoch meets every row once, in another order. Rows of a group stand together, the others
    in any company; no sequence is longer than `max_tokens`, unless a single row is.
    """
    epoch = 0
    while True:
        for update in epoch_updates(rows, batch=batch, max_tokens=max_tokens, seed=seed + epoch):
            if skip:
                skip -= 1
            else:
                yield update
        epoch += 1


def epoch_updates(
    rows: Sequence[Encoded], *, batch: int, max_tokens: int, seed: int
) -> list[Sequences]:
    """One epoch. A last update of less than half a batch joins the one before it."""
    rng = Random(seed)
    found: list[Sequences] = [[]]
    for sequence in _sequences(rows, batch, max_tokens, rng):
        if sum(map(len, found[-1])) + len(sequence) > batch and found[-1]:
            found.append([])
        found[-1].append(sequence)
    if len(found) > 1 and sum(map(len, found[-1])) < batch / 2:
        last = found.pop()
        found[-1] += last
    return found


def _sequences(
    rows: Sequence[Encoded], batch: int, max_tokens: int, rng: Random
) -> list[list[Encoded]]:
    groups = _grouped(rng.sample(rows, len(rows))).values()
    sequences = [sequence for group in groups for sequence in _cut(group, batch, max_tokens)]
    rng.shuffle(sequences)
    return sequences


def beginnings(rows: Sequence[Encoded]) -> dict[str, int]:
    """Of each group, how many tokens all its prompts begin with; each prompt has one more."""
    return {
        name: min(_shared(group), *(len(row.prompt) - 1 for row in group))
        for name, group in _grouped(rows).items()
    }


def _grouped(rows: Sequence[Encoded]) -> dict[str, list[Encoded]]:
    groups: dict[str, list[Encoded]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return groups


def _cut(group: list[Encoded], batch: int, max_tokens: int) -> Iterator[list[Encoded]]:
    """`group` in sequences of at most `batch` rows; a further row costs what its own part does."""
    shared = _shared(group)
    sequence: list[Encoded] = []
    tokens = shared
    for row in group:
        own = len(row) - shared
        if sequence and (tokens + own > max_tokens or len(sequence) == batch):
            yield sequence
            sequence, tokens = [], shared
        sequence.append(row)
        tokens += own
    yield sequence


def _shared(group: Sequence[Encoded]) -> int:
    """Tokens that all prompts of the group begin with."""
    lowest, highest = min(row.prompt for row in group), max(row.prompt for row in group)
    length = 0
    for a, b in zip(lowest, highest, strict=False):
        if a != b:
            break
        length += 1
    return length
