"""The gradient of one update on a processor: two threads, each with half of the rows and cores.

PyTorch spreads one operation after the other over the cores, and after each they wait for each
other. Of an update of some hundred tokens that is a third of the time. Two threads that each go
through all layers wait once. Their gradients are added up in the parameters, under a lock of
PyTorch's; a sum of two has the same bits in either order.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch

from training.trainers.learner import Learner
from training.trainers.packing import Encoded

HALVES = 2


class Halves:
    """`cores` are divided between the threads; with one there is one thread, this one."""

    def __init__(self, learner: Learner, cores: int) -> None:
        self.learner = learner
        self.pool: ThreadPoolExecutor | None = None
        if cores >= HALVES and learner.takes_halves:
            each = cores // HALVES
            # It holds for the thread that says it.
            self.pool = ThreadPoolExecutor(HALVES, "half", torch.set_num_threads, (each,))

    def learn(self, update: Sequence[list[Encoded]], answer_tokens: int) -> tuple[float, int]:
        """Add the gradient of the update's mean loss; that loss, and the tokens read for it."""
        self.learner.prepare()
        if self.pool is None:
            return self._one(update, answer_tokens)
        jobs = [self.pool.submit(self._one, half, answer_tokens) for half in halved(update)]
        done = [job.result() for job in jobs]
        return sum(loss for loss, _ in done), sum(tokens for _, tokens in done)

    def _one(self, sequences: Sequence[list[Encoded]], answer_tokens: int) -> tuple[float, int]:
        total, read = 0.0, 0
        for sequence in sequences:
            loss, tokens = self.learner.loss(sequence)
            (loss / answer_tokens).backward()  # type: ignore[no-untyped-call]
            total += loss.item() / answer_tokens
            read += tokens
        return total, read


def halved(update: Sequence[list[Encoded]]) -> list[list[list[Encoded]]]:
    """Both have about as many tokens of rows; a sequence of several rows may be cut in two."""
    wanted = sum(len(row) for sequence in update for row in sequence) / HALVES
    halves: list[list[list[Encoded]]] = [[], []]
    passed = 0
    for sequence in update:
        parts: list[list[Encoded]] = [[], []]
        for row in sequence:
            parts[passed + len(row) / 2 > wanted].append(row)
            passed += len(row)
        for half, part in zip(halves, parts, strict=True):
            if part:
                half.append(part)
    return [half for half in halves if half]
