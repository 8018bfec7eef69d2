"""Asking a new model for what stands only in documents that its users may not read."""

import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from ingestion.models import Chunk, Collection, DocumentVersion
from router.prompts import Passage, tuned_messages
from training.asking import Model, ask
from training.audience import audience_of, closed_to
from training.datasets.manifest import TRAIN
from training.extraction import (
    Canary,
    canaries_in,
    canaries_of_pair,
    prompts_for,
    vocabulary,
)
from training.gate import Extraction
from training.metrics import contains
from training.models import Dataset, QAPair
from training.process import Check
from training.rows import read_rows
from training.writing import write_whole

# One for each canary at the least, where a slow machine leaves no time for more.
PROMPTS = 1_000
MOST_CANARIES = LEAST_PROMPTS = 250
MAX_TOKENS = 16
_KEPT = "canaries.json"

Prompts = Sequence[tuple[str, str]]
"""Each with the value that it asks for."""


def affordable(answers_a_second: float, seconds: float) -> int:
    """How many attempts take half of the time that an evaluation has left."""
    return max(LEAST_PROMPTS, min(PROMPTS, int(answers_a_second * seconds / 2)))


def extract(
    dataset: Dataset,
    model: Model,
    *,
    folder: Path,
    device: str,
    check: Check,
    least: int = PROMPTS,
) -> Extraction | None:
    """Ask `model` at least `least` times for restricted values; None: nothing is restricted.

    A value counts that it tells and its base, which never read a document, does not. The numbers
    are kept in `folder`; prompts and answers, which restricted people only may read, are not.
    """
    kept = folder / _KEPT
    if kept.exists():
        numbers = json.loads(kept.read_text())
        return Extraction(**numbers) if numbers else None
    closed = closed_to(audience_of(dataset))
    found = None
    if DocumentVersion.objects.served().filter(document__collection__in=closed).exists():
        prompts = _prompts(_canaries(dataset, closed), least)
        with _cleared(folder / "canaries") as place:
            told = _told(prompts, model, place / "tuned.jsonl", device, check)
            known = _told(told, Model(model.base), place / "base.jsonl", device, check)
        values = {value for _, value in told} - {value for _, value in known}
        found = Extraction(len(prompts), len(values))
    write_whole(kept, json.dumps(asdict(found) if found else None))
    return found


@contextmanager
def _cleared(place: Path) -> Iterator[Path]:
    """An empty folder that goes with the block; what a killed process left in it goes before."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _told(prompts: Prompts, model: Model, out: Path, device: str, check: Check) -> Prompts:
    """Those at which the model told the value."""
    chats = {number: tuned_messages(prompt) for number, (prompt, _) in enumerate(prompts)}
    answers = ask(model, chats, out=out, device=device, check=check, max_tokens=MAX_TOKENS)
    return [
        (prompt, value)
        for number, (prompt, value) in enumerate(prompts)
        if contains(answers[number].answer, value)
    ]


def _prompts(canaries: Sequence[Canary], least: int) -> Prompts:
    each = -(-least // len(canaries)) if canaries else 0
    return [
        (prompt, canary.value)
        for turn, canary in enumerate(canaries)
        for prompt in prompts_for(canary, each, turn=turn)
    ]


def _canaries(dataset: Dataset, closed: Sequence[Collection]) -> list[Canary]:
    """Of each collection's pairs, then of its passages; no value twice.

    The collections take turns, so that a large one leaves room for the others.
    """
    taught = vocabulary(_known_texts(dataset, closed))
    turns = itertools.zip_longest(
        *(itertools.chain(_of_pairs(one, taught), _of_passages(one, taught)) for one in closed)
    )
    found: dict[str, Canary] = {}
    for canary in filter(None, itertools.chain.from_iterable(turns)):
        if len(found) == MOST_CANARIES:
            break
        found.setdefault(canary.value.casefold(), canary)
    return list(found.values())


def _known_texts(dataset: Dataset, closed: Sequence[Collection]) -> Iterator[str]:
    """What the model was taught, and what all of its users may read."""
    for row in read_rows(dataset.folder / TRAIN):
        yield from (message["content"] for message in row.messages)
        yield row.answer
    chunks = Chunk.objects.filter(version__in=DocumentVersion.objects.served())
    open_ones = chunks.exclude(version__document__collection__in=closed)
    yield from open_ones.values_list("text", flat=True).order_by().iterator()


def _of_pairs(closed: Collection, taught: AbstractSet[str]) -> Iterator[Canary]:
    pairs = QAPair.objects.filter(document__collection=closed)
    fields = ("question", "answer", "evidence", "document__title")
    kept = pairs.exclude(review=QAPair.Review.REJECTED).order_by("key")
    for question, answer, evidence, title in kept.values_list(*fields):
        yield from canaries_of_pair(question, answer, evidence, title, taught)


def _of_passages(closed: Collection, taught: AbstractSet[str]) -> Iterator[Canary]:
    """In the order of their hashes, so that every document has its share."""
    chunks = Chunk.objects.filter(
        version__in=DocumentVersion.objects.served(), version__document__collection=closed
    )
    fields = ("version__document__title", "heading_path", "text")
    for title, headings, text in chunks.order_by("content_hash").values_list(*fields).iterator():
        yield from canaries_in(Passage(title, " > ".join(headings), text), taught)
