"""Asking the product itself: answers from the current passages, as by the route `rag`.

Whom no model serves is answered by precedents as well, which that route leaves out.
"""

import asyncio
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asgiref.sync import async_to_sync, sync_to_async

from ingestion.errors import UserError
from ingestion.models import Reader
from router import services
from router.engines import AT_ONCE, BREAK_SECONDS
from training.asking import Said, keep, read
from training.process import Check
from training.rows import Question

# Asked one by one, so that their time is what an asker waits.
ALONE = 8
# So many are asked however little time there is: fewer would compare nothing.
LEAST = 12
# A busy server may fail a question, which is then let be for `BREAK_SECONDS`; if it fails the next
# one as well, it is taken for gone.
FAILURES = 2


def ask_rag(
    questions: Sequence[Question], *, reader: Reader, out: Path, deadline: float, check: Check
) -> dict[int, Said]:
    """What the product answers `reader` from passages, by the question's id; kept in `out`.

    Stops when `time.monotonic()` passes `deadline`, or when no model or no embedding server answers
    any more: then there are answers to fewer questions. Raises what `check` raises.
    """
    known = read(out)
    left = [question for question in questions if question.id not in known]
    alone = max(ALONE - len(known), 0)
    turns = itertools.count(len(known))

    def in_time() -> bool:
        return next(turns) < LEAST or time.monotonic() < deadline

    answer_all = async_to_sync(_answer_all)
    alive = answer_all(left[:alone], 1, reader=reader, out=out, in_time=in_time, check=check)
    if alive:
        answer_all(left[alone:], AT_ONCE, reader=reader, out=out, in_time=in_time, check=check)
    asked = {question.id for question in questions}
    return {number: said for number, said in read(out).items() if number in asked}


def sampled(questions: Sequence[Question], count: int) -> list[Question]:
    """At most `count` of the questions, always the same, of each kind its share.

    They come mixed, so that any beginning of the list has the same shares.
    """
    places: list[tuple[float, str, int]] = []
    for kind in {question.kind for question in questions}:
        members = [place for place, question in enumerate(questions) if question.kind == kind]
        members.sort(key=lambda place: _draw(questions[place]))
        places += [((rank + 0.5) / len(members), kind, place) for rank, place in enumerate(members)]
    return [questions[place] for _, _, place in sorted(places)[:count]]


def _draw(question: Question) -> str:
    return hashlib.sha256(f"{question.id} {question.question}".encode()).hexdigest()


async def _answer_all(
    questions: Sequence[Question],
    at_once: int,
    *,
    reader: Reader,
    out: Path,
    in_time: Callable[[], bool],
    check: Check,
) -> bool:
    """Whether the servers still answer, as far as is known."""
    waiting = iter(questions)
    workers = [
        asyncio.ensure_future(_answer_some(waiting, reader, out, in_time, check))
        for _ in range(at_once)
    ]
    try:
        return all(await asyncio.gather(*workers))
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _answer_some(
    waiting: Iterator[Question],
    reader: Reader,
    out: Path,
    in_time: Callable[[], bool],
    check: Check,
) -> bool:
    """One after the other, until none waits or the time is up; False: a server is gone."""
    failures = 0
    for question in waiting:
        if not in_time():
            break
        await sync_to_async(check)()
        try:
            drafted = await services.drafted(question.question, user=reader, route="rag")
        except UserError:  # Too long for a person to ask, so there is nothing to compare.
            continue
        if not (drafted.failed or drafted.degraded):
            keep(out, {question.id: Said(drafted.text, drafted.ms)})
            failures = 0
            continue
        failures += 1
        if failures == FAILURES:
            return False
        await asyncio.sleep(BREAK_SECONDS)
    return True
