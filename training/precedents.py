"""The pairs of each document as precedents of new questions."""

import logging
import threading
from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet, Sum

from ingestion.models import Chunk, Document
from router.evidence.claims import literal_pattern
from router.models import Precedents
from router.precedents import keeping
from router.precedents.keeping import Answered
from router.retrieval.embeddings import EmbeddingsUnavailable
from router.retrieval.vectors import Vectors
from router.text import fold, sentences
from training.models import QAPair
from training.synthesis.clauses import GAP

logger = logging.getLogger(__name__)

# Passages whose texts are read at once.
_AT_ONCE = 500
# Another one whenever more is made of the same pairs.
_FORM = 2
# Collections that this process has told of: it tries again every ten seconds.
_waiting: set[int] = set()
# Held while they are made, which takes longer than it is until the beat asks for them again.
_making = threading.Lock()


def outdated() -> list[Document]:
    """Documents whose pairs, or the model of paraphrases, have changed since their precedents were
    made; none without such a model."""
    return _outdated(_states())


def refresh() -> None:
    """Make the precedents of all those anew, unless another thread does. Without an embedding
    server they stay as they are."""
    if not _making.acquire(blocking=False):
        return
    try:
        _make_anew()
    finally:
        _making.release()


def _make_anew() -> None:
    states = _states()
    documents = _outdated(states)
    _waiting.intersection_update(document.collection_id for document in documents)
    # Documents on like things ask the same of them.
    made: dict[str, Vectors] = {}
    for collection, alike in groupby(documents, attrgetter("collection")):
        try:
            for document in alike:
                state = states.get(document.pk, "")
                keeping.keep(document, _answered(document), pairs=state, made=made)
        except EmbeddingsUnavailable as error:
            if collection.pk not in _waiting:
                logger.warning("The precedents of %s wait: %s", collection, error)
            _waiting.add(collection.pk)
        else:
            _waiting.discard(collection.pk)


def _outdated(states: Mapping[int, str]) -> list[Document]:
    if not settings.PARAPHRASE_MODEL:
        return []
    kept = Precedents.objects.filter(embedder=settings.PARAPHRASE_MODEL)
    made = dict(kept.values_list("document", "pairs"))
    changed = [pk for pk in made.keys() | states.keys() if made.get(pk, "") != states.get(pk, "")]
    documents = Document.objects.filter(pk__in=changed).select_related("collection")
    return list(documents.order_by("collection_id", "pk"))


def _states() -> dict[int, str]:
    """Of each document with pairs; another one whenever one came, went, took the place of another,
    was decided about or tied to other words."""
    told = (
        _usable()
        .order_by()
        .values_list("document")
        .annotate(Count("pk"), Sum("pk"), Max("reviewed_at"), Sum("start"), Sum("end"))
    )
    return {document: " ".join(map(str, [_FORM, *values])) for document, *values in told}


def _usable() -> QuerySet[QAPair]:
    """Retired ones, too: what they were asked in other words stands in the text of today. Gaps to
    be filled in, which nobody asks, teach a model alone."""
    approved = QAPair.objects.filter(review=QAPair.Review.APPROVED, start__isnull=False)
    return approved.exclude(question__contains=GAP)


def _answered(document: Document) -> Iterator[Answered]:
    """Those of people first, then those made by rules; of each kind the newest first."""
    mined = Q(origin=QAPair.Origin.MINED)
    pairs = _usable().filter(document=document).order_by("-pk")
    for chosen in (pairs.exclude(mined), pairs.filter(mined)):
        rows = list(chosen[: keeping.MOST])
        for start in range(0, len(rows), _AT_ONCE):
            yield from _with_sentences(document, rows[start : start + _AT_ONCE])


def _with_sentences(document: Document, pairs: list[QAPair]) -> Iterator[Answered]:
    hashes = {pair.content_hash for pair in pairs}
    chunks = Chunk.objects.filter(content_hash__in=hashes, version__document=document)
    texts = dict(chunks.values_list("content_hash", "text"))
    for pair in pairs:
        sentence = _sentence_of(pair, texts.get(pair.content_hash, ""))
        is_written = pair.origin != QAPair.Origin.MINED
        yield Answered(pair.question, pair.answer, sentence, is_written)


def _sentence_of(pair: QAPair, text: str) -> str:
    """The sentence of its evidence that says the answer; empty if there is none."""
    start, end = pair.start or 0, pair.end or 0
    touched = (text[s:e] for s, e in sentences(text) if s < end and start < e)
    said = literal_pattern(pair.answer)
    return next((one for one in touched if said.search(fold(one).text)), "")
