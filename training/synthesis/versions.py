"""Mining a served version: what its passages say becomes pairs.

A version waits to be mined while it is served and has no row that says it was. Mining may run at
any time, twice, and in two processes at once: pairs are known by their words.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from ingestion.models import Chunk, Collection, DocType, Document, DocumentVersion
from training import conflicts
from training.evidence import Source, tie_at
from training.models import MinedVersion, QAPair
from training.pairs import new_pair, retie, set_tie
from training.synthesis.mined import Fact, MinedFrom
from training.synthesis.mining import mine, unambiguous
from training.synthesis.subjects import names_in

RULES = "7"
"""Of the miner. With others all served versions are mined again."""


@dataclass(frozen=True, slots=True)
class Mined:
    """What came of a version: pairs that are new, that moved to a changed passage that says the
    same, and questions that were there already."""

    new: int = 0
    retied: int = 0
    duplicates: int = 0


def teachable() -> QuerySet[DocumentVersion]:
    """The served versions of documents that a model may learn from."""
    return (
        DocumentVersion.objects.served()
        .filter(document__collection__trainable=True)
        .exclude(document__doc_type=DocType.MARKETING)
    )


def unmined() -> QuerySet[DocumentVersion]:
    """Those that wait to be mined."""
    return teachable().exclude(mined__miner=RULES)


def mine_waiting(limit: int = 50) -> None:
    """Mine what waits, some of it at a time."""
    for version_id in unmined().order_by("pk").values_list("pk", flat=True)[:limit]:
        mine_version(version_id)


def mine_collection(collection: Collection, *, check: Callable[[], None] = lambda: None) -> Mined:
    """Mine what waits in a collection; the sums. Ends with its contradictions as they stand now,
    after whatever was archived meanwhile. Raises what `check` raises, before each version."""
    waiting = unmined().filter(document__collection=collection).order_by("pk")
    mined = []
    for version_id in waiting.values_list("pk", flat=True):
        check()
        mined.append(mine_version(version_id))
    with transaction.atomic():
        conflicts.settle(collection.pk)
    return Mined(
        new=sum(one.new for one in mined),
        retied=sum(one.retied for one in mined),
        duplicates=sum(one.duplicates for one in mined),
    )


def mine_version(version_id: int) -> Mined:
    """Keep the pairs of a version's passages; nothing when it does not wait to be mined.

    A passage that was mined in an earlier version keeps its pairs as reviewers left them, and
    gets no new ones. A pair whose passage changed, and whose new passage says the same, moves.
    """
    version = unmined().select_related("document__collection").filter(pk=version_id).first()
    if version is None:
        return Mined()
    facts = list(_facts(version))
    with transaction.atomic():
        mined = _keep(version, facts)
        MinedVersion.objects.update_or_create(
            version=version, defaults={"miner": RULES, "pairs": mined.new}
        )
    return mined


def _facts(version: DocumentVersion) -> Iterator[tuple[Source, Fact]]:
    found: dict[tuple[str, str], Source] = {}
    facts: list[Fact] = []
    chunks = list(version.chunks.order_by("position"))
    names = names_in([version.title, *(chunk.text for chunk in chunks)])
    opening = chunks[0].text if chunks else ""
    for chunk in chunks:
        source = Source(chunk.content_hash, chunk.text)
        for fact in mine(_mined_from(version, chunk, names, opening)):
            found.setdefault((fact.key, fact.answer), source)
            facts.append(fact)
    for fact in unambiguous(facts):
        yield found[fact.key, fact.answer], fact


def _mined_from(
    version: DocumentVersion, chunk: Chunk, names: frozenset[str], opening: str
) -> MinedFrom:
    return MinedFrom(
        title=version.title,
        path=version.document.path,
        heading_path=tuple(chunk.heading_path),
        kind=chunk.kind,
        language=chunk.language,
        text=chunk.text,
        names=names,
        opening=opening,
    )


def _keep(version: DocumentVersion, facts: Iterable[tuple[Source, Fact]]) -> Mined:
    document = version.document
    known = _Known(document)
    new: dict[str, QAPair] = {}
    retied = duplicates = 0
    for pair in _pairs(document, facts):
        same = known.by_key.get(pair.key)
        if same is not None:
            if same.content_hash not in known.served:
                retied += retie(same, pair)
            elif same.origin != QAPair.Origin.MINED:
                duplicates += 1
        elif known.asks(pair):
            duplicates += 1
        elif pair.content_hash not in known.mined:
            new.setdefault(pair.key, pair)
    QAPair.objects.bulk_create(new.values(), ignore_conflicts=True, batch_size=500)
    questions = QAPair.objects.filter(document=document).values_list("question_key", flat=True)
    conflicts.settle(document.collection_id, questions)
    return Mined(len(new), retied, duplicates)


def _pairs(document: Document, facts: Iterable[tuple[Source, Fact]]) -> Iterator[QAPair]:
    for source, fact in facts:
        tied = tie_at(source, (fact.start, fact.end), fact.answer)
        for question in fact.questions:
            pair = new_pair(document, question, fact.answer, origin=QAPair.Origin.MINED)
            yield set_tie(pair, tied)


class _Known:
    """What the document has: its pairs, its served passages, and those that were mined."""

    def __init__(self, document: Document) -> None:
        chunks = Chunk.objects.filter(version__document=document)
        served = chunks.filter(version__in=DocumentVersion.objects.served())
        mined = chunks.filter(version__mined__miner=RULES)
        self.served = set(served.values_list("content_hash", flat=True))
        self.mined = set(mined.values_list("content_hash", flat=True))
        self.by_key = {pair.key: pair for pair in QAPair.objects.filter(document=document)}
        self._asked: dict[str, list[QAPair]] = {}
        for pair in self.by_key.values():
            if pair.content_hash in self.served:
                self._asked.setdefault(pair.question_key, []).append(pair)

    def asks(self, pair: QAPair) -> bool:
        """Whether a served passage has this question with this answer, in whatever form."""
        others = self._asked.get(pair.question_key, ())
        return any(not conflicts.contradicts(pair, other) for other in others)
