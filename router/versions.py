"""Which version of which document a question that names one is read from.

Its documents are those of the ordinary search, so the asker may read them; and who may read a
document may read its versions.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingestion.models import Chunk, DocumentVersion, Reader
from router import pins, retrieval
from router.drafting import since
from router.pins import Pin, Reading
from router.prompts import MAX_PASSAGES, passage_of
from router.text import content_stems

if TYPE_CHECKING:
    from router.retrieval.searching import Hit, SearchResult


@dataclass(frozen=True, slots=True)
class Read:
    """What a question is answered from. `question`: without the name of the version whose
    passages these are, empty where they are the ordinary search's. `reading` is None where no
    version is named."""

    found: SearchResult
    question: str = ""
    reading: Reading | None = None


def read_at(question: str, found: SearchResult, *, user: Reader, limit: int) -> Read:
    """The passages for a question: those `found`, or of the version that it names."""
    started = time.perf_counter()
    pin = pins.read_pin(question)
    nearest = found.hits[:MAX_PASSAGES]
    if pin is None or not nearest:
        return Read(found)
    if pin.is_of_current:
        return Read(found, reading=pins.OF_CURRENT)
    if pins.is_spoken_of(pin, [passage_of(hit.chunk) for hit in nearest]):
        return Read(found, reading=pins.OF_PRODUCT)
    histories = _histories(pin, nearest, user)
    for history in histories:
        if version := history.asked(pin):
            hits = retrieval.search_version(version, pin.bare, vector=found.vector, limit=limit)
            read = replace(found, hits=hits, ms=found.ms + since(started))
            when = history.when_served(version)
            reading = pins.of_version(pin, history.title, version.number, when)
            return Read(read, pin.bare, reading)
    return Read(found, reading=histories[0].lacks(pin))


@dataclass(frozen=True, slots=True)
class _History:
    """A document's versions that can be read, the oldest first. `best` is its passage of today that
    fits the question best."""

    best: Chunk
    versions: Sequence[DocumentVersion]

    @property
    def title(self) -> str:
        return self.best.version.document.title

    @property
    def numbers(self) -> list[int]:
        return [version.number for version in self.versions]

    @property
    def served(self) -> list[DocumentVersion]:
        """Now or at some time."""
        return [one for one in self.versions if one.published_revision is not None]

    def asked(self, pin: Pin) -> DocumentVersion | None:
        if not pin.before:
            return next((one for one in self.versions if one.number == pin.number), None)
        if pin.number is None:
            return self._before_the_change()
        if pin.number in self.numbers:
            return next(iter(self._served_before(pin.number)), None)
        return None

    def _before_the_change(self) -> DocumentVersion | None:
        """The last one in which the best passage stood not yet, or else the one before today's."""
        earlier = self._served_before(self.best.version.number)
        same = Chunk.objects.filter(version__in=earlier, content_hash=self.best.content_hash)
        unchanged = set(same.values_list("version", flat=True))
        return next((one for one in earlier if one.pk not in unchanged), next(iter(earlier), None))

    def _served_before(self, number: int) -> list[DocumentVersion]:
        """The newest first."""
        return [one for one in reversed(self.served) if one.number < number]

    def when_served(self, version: DocumentVersion) -> str:
        if version.is_served:
            return "the current one"
        if version.published_revision is None:
            return "never served"
        following = next((one for one in self.served if one.number > version.number), None)
        return pins.served_until(following.created_at.date()) if following else "no longer served"

    def lacks(self, pin: Pin) -> Reading:
        if pin.number is None or pin.number in self.numbers:
            return pins.nothing_older(self.title)
        return pins.missing(pin.number, self.title, self.numbers)


def _histories(pin: Pin, hits: Sequence[Hit], user: Reader) -> list[_History]:
    """Of the documents found, best first; of those alone whose title the question says, if any."""
    best: dict[int, Hit] = {}
    for hit in hits:
        best.setdefault(hit.chunk.version.document_id, hit)
    asked = content_stems(pin.bare)
    titles = {pk: content_stems(hit.chunk.version.document.title) for pk, hit in best.items()}
    named = [pk for pk, title in titles.items() if title and title <= asked]
    versions: dict[int, list[DocumentVersion]] = {pk: [] for pk in named or best}
    kept = DocumentVersion.objects.readable_by(user).filter(
        document__in=versions, state=DocumentVersion.State.READY
    )
    for version in kept.order_by("number"):
        versions[version.document_id].append(version)
    return [_History(best[pk].chunk, of_document) for pk, of_document in versions.items()]
