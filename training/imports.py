"""Pairs that come as a file of JSON lines beside their document."""

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from ingestion.audit import record
from ingestion.errors import UserError
from ingestion.models import Document
from router.text import exact_form, storable, text_or_digits
from training import conflicts
from training.evidence import Tie
from training.likeness import DocumentText, tie
from training.models import QAPair
from training.pairs import checked, leave_untied, new_pair, retie, set_tie
from training.sources import served_text


@dataclass(slots=True)
class PairImport:
    """How many pairs were new, and how many contradict another.

    `failed` are lines that could not be read, `unproven` those that wait for a reviewer: each
    the line's number and the reason.
    """

    created: int = 0
    retied: int = 0
    conflicts: int = 0
    failed: list[tuple[int, str]] = field(default_factory=list)
    unproven: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Given:
    """A line of the file."""

    number: int
    pair: QAPair
    context: str

    @property
    def fact(self) -> tuple[str, ...]:
        """The same for phrasings of one fact: with the same words behind them, and answer."""
        said = " ".join(self.context.split()) or self.pair.key
        return said, exact_form(self.pair.answer)


def import_pairs(document: Document, lines: Iterable[str]) -> PairImport:
    """Keep the pairs of a JSON-lines file with `query` (or `question`), `answer` and `context`.

    A broken line is told and skipped, the others are kept. A pair that is known keeps its state;
    it is tied again if its passage is no longer served. Two lines may contradict: both wait.
    """
    result = PairImport()
    given = _read_lines(document, lines, result)
    if not given:
        return result
    with transaction.atomic():
        known = {pair.key: pair for pair in QAPair.objects.filter(document=document)}
        imported = QAPair.objects.live().filter(document=document, origin=QAPair.Origin.IMPORTED)
        settled = set(imported.values_list("key", flat=True))
        open_lines = [one for key, one in given.items() if key not in settled]
        _tie_all(open_lines, served_text(document), result)
        new = {one.pair.key: one.pair for one in open_lines if one.pair.key not in known}
        QAPair.objects.bulk_create(new.values(), ignore_conflicts=True, batch_size=500)
        meanwhile = _mined_meanwhile(document, new)
        known |= meanwhile
        result.created = len(new) - len(meanwhile)
        for one in open_lines:
            if one.pair.key in known:
                result.retied += _replace(known[one.pair.key], one.pair)
        keys = {one.pair.question_key for one in given.values()}
        result.conflicts = conflicts.settle(document.collection_id, keys)
        if result.created:
            record(None, "imported pairs", document=document, detail=f"{result.created} new")
    return result


def _mined_meanwhile(document: Document, new: Container[str]) -> dict[str, QAPair]:
    """Pairs that a worker stored since the import began: theirs stand, and not the new ones."""
    others = QAPair.objects.filter(document=document).exclude(origin=QAPair.Origin.IMPORTED)
    return {pair.key: pair for pair in others if pair.key in new}


def _read_lines(document: Document, lines: Iterable[str], result: PairImport) -> dict[str, Given]:
    """The pairs by key, each at its first line."""
    given: dict[str, Given] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            one = _read_line(document, number, line)
        except (ValueError, KeyError, TypeError, RecursionError, UserError) as error:
            result.failed.append((number, f"not a pair: {error}"))
        else:
            given.setdefault(one.pair.key, one)
    return given


def _read_line(document: Document, number: int, line: str) -> Given:
    row = json.loads(line)
    words = checked(_text(row, "query" if "query" in row else "question"), _text(row, "answer"))
    pair = new_pair(document, *words, origin=QAPair.Origin.IMPORTED)
    return Given(number, pair, storable(_text(row, "context") if row.get("context") else ""))


def _text(row: dict[str, Any], name: str) -> str:
    """A number is one, as its digits. Raises KeyError, and ValueError for anything else."""
    text = text_or_digits(row[name])
    if text is None:
        raise ValueError(f'"{name}" is neither a text nor a number')
    return text


def _tie_all(given: Iterable[Given], text: DocumentText, result: PairImport) -> None:
    """Tie the lines, those of one fact together: what one of them leaves out another may say."""
    facts: dict[tuple[str, ...], list[Given]] = defaultdict(list)
    for one in given:
        facts[one.fact].append(one)
    for lines in facts.values():
        tied = _tie_of(lines, text)
        for one in lines:
            if tied is not None:
                set_tie(one.pair, tied)
                continue
            one.pair.evidence = one.context
            leave_untied(one.pair)
            result.unproven.append((one.number, "the served version does not bear it out"))


def _tie_of(lines: Sequence[Given], text: DocumentText) -> Tie | None:
    questions = " ".join(one.pair.question for one in lines)
    return tie(questions, lines[0].pair.answer, lines[0].context, text)


def _replace(known: QAPair, given: QAPair) -> bool:
    """Give the known pair the evidence of the given one; whether it has any now.

    Without any it stays with the version that bore it out, which is no longer served.
    """
    if known.origin != QAPair.Origin.WRITTEN:
        QAPair.objects.filter(pk=known.pk).update(origin=given.origin)
        known.origin = given.origin
    return bool(given.content_hash) and retie(known, given)
