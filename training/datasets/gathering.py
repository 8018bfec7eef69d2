"""What of the database may be taught, and what is left out and why."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from itertools import starmap
from typing import Any

from django.db.models import Count

from ingestion.models import Chunk, Collection, DocType, Document, DocumentVersion
from router.prompts import Passage
from training.datasets.material import (
    Material,
    Pair,
    Retired,
    Source,
    in_peoples_words,
    without_contradictions,
)
from training.datasets.names import WordRun, word_run
from training.models import QAPair

# By hand; the others were made by a program.
BY_PEOPLE = (QAPair.Origin.IMPORTED, QAPair.Origin.WRITTEN, QAPair.Origin.FEEDBACK)


@dataclass(frozen=True, slots=True)
class LeftOut:
    what: str
    why: str
    pairs: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Gathered:
    material: Material
    collections: tuple[Collection, ...]
    readers: dict[int, tuple[int, ...]]  # group ids by collection id; none: everybody
    by_origin: dict[str, int]
    facts: frozenset[str]  # of its pairs as they stand in the table, whatever people's words
    left_out: tuple[LeftOut, ...]


def gather(collections: Sequence[Collection]) -> Gathered:
    """The pairs that may be taught together, with the passages of their documents."""
    readers = {
        collection.pk: tuple(sorted(collection.readers.values_list("pk", flat=True)))
        for collection in collections
    }
    chosen, left_out = _collections(collections, readers)
    left_out += _marketing(chosen) + _waiting(chosen)
    sources = _sources(chosen)
    taught = QAPair.objects.trainable().filter(document__collection__in=chosen, problem="")
    fields = ("question", "answer", "fact_id", "origin", "evidence", "start", "end")
    rows = list(taught.order_by("pk").values_list("pk", "document", "content_hash", *fields))
    # Of the documents as they were read a moment ago: an edit since then is for the next dataset.
    current = [
        pair
        for pair in starmap(_pair, rows)
        if pair.document in sources and pair.passage in sources[pair.document].passages
    ]
    pairs, contradicting = without_contradictions(in_peoples_words(current, sources))
    if contradicting:
        why = "The same question has another answer elsewhere. Name in it what it is about."
        left_out.append(LeftOut("Questions with two answers", why, contradicting))
    kept = {pair.id for pair in pairs}
    return Gathered(
        material=Material(tuple(pairs), sources, _retired(chosen)),
        collections=tuple(chosen),
        readers={collection.pk: readers[collection.pk] for collection in chosen},
        by_origin=dict(sorted(Counter(row[6] for row in rows if row[0] in kept).items())),
        facts=frozenset(row[5] for row in rows if row[0] in kept),
        left_out=tuple(each for each in left_out if each.pairs),
    )


def _pair(
    pk: int,
    document: int,
    passage: str,
    question: str,
    answer: str,
    fact: str,
    origin: str,
    evidence: str,
    start: int,
    end: int,
) -> Pair:
    by_person = origin in BY_PEOPLE
    return Pair(pk, document, passage, question, answer, fact, by_person, evidence, (start, end))


def _collections(
    collections: Sequence[Collection], readers: dict[int, tuple[int, ...]]
) -> tuple[list[Collection], list[LeftOut]]:
    one_audience = len({readers[each.pk] for each in collections if each.trainable}) == 1
    chosen, left_out = [], []
    for collection in sorted(collections, key=lambda collection: collection.slug):
        if not collection.trainable:
            why = "Nothing is taught from it: that is how the collection is set."
        elif readers[collection.pk] and not one_audience:
            why = (
                "Only some people may read it. Choose it alone, or with collections that have "
                "the same readers; the model is then for these readers."
            )
        else:
            chosen.append(collection)
            continue
        approved = QAPair.objects.live().filter(review=QAPair.Review.APPROVED)
        pairs = approved.filter(document__collection=collection).count()
        left_out.append(LeftOut(f"Collection {collection.name}", why, pairs))
    return chosen, left_out


def _marketing(chosen: Sequence[Collection]) -> list[LeftOut]:
    documents = (
        QAPair.objects.live()
        .filter(review=QAPair.Review.APPROVED, document__collection__in=chosen)
        .filter(document__doc_type=DocType.MARKETING)
        .order_by("document__path")
        .values_list("document__path")
        .annotate(Count("pk"))
    )
    why = "It is marketing, which is not taught."
    return [LeftOut(f"Document {path}", why, pairs) for path, pairs in documents]


def _waiting(chosen: Sequence[Collection]) -> list[LeftOut]:
    """Pairs of the chosen collections that are not ready to be taught."""
    ours = QAPair.objects.filter(document__collection__in=chosen)
    live, pending = ours.live(), QAPair.Review.PENDING
    conflict, no_evidence = QAPair.Problem.CONFLICT, QAPair.Problem.NO_EVIDENCE
    return [
        LeftOut(
            "Pairs that wait for review",
            "Approve them, and the next dataset has them.",
            live.filter(review=pending, problem="").count(),
        ),
        LeftOut(
            "Pairs that contradict another",
            "Another pair answers the same question differently. Decide in the review.",
            live.exclude(review=QAPair.Review.REJECTED).filter(problem=conflict).count(),
        ),
        LeftOut(
            "Pairs without evidence",
            "Their evidence is not in the document. Correct it in the review.",
            ours.exclude(review=QAPair.Review.REJECTED).filter(problem=no_evidence).count(),
        ),
        LeftOut(
            "Pairs of changed passages",
            "Their passage was changed, withdrawn or archived.",
            ours.retired().filter(review=QAPair.Review.APPROVED).count(),
        ),
    ]


def _sources(chosen: Sequence[Collection]) -> dict[int, Source]:
    versions = (
        DocumentVersion.objects.served()
        .filter(document__collection__in=chosen)
        .select_related("document__collection")
    )
    passages: dict[int, dict[str, Passage]] = {version.pk: {} for version in versions}
    titles = {version.pk: (version.document.title, version.document.path) for version in versions}
    # By their keys: as a subquery they would be those that are served a moment later.
    chunks = Chunk.objects.filter(version__in=list(passages)).order_by("version", "position")
    for version, content_hash, headings, text in chunks.values_list(
        "version", "content_hash", "heading_path", "text"
    ).iterator():
        title, path = titles[version]
        passages[version][content_hash] = Passage(title, " > ".join(headings), text, path)
    return {
        version.document_id: Source(
            id=version.document_id,
            slug=version.document.slug,
            domain=version.document.collection.slug,
            title=version.document.title,
            path=version.document.path,
            version=version.number,
            sha256=version.sha256,
            passages=passages[version.pk],
        )
        for version in versions
    }


def _retired(chosen: Sequence[Collection]) -> tuple[Retired, ...]:
    """Questions on passages which their documents, still served, no longer have."""
    gone = (
        QAPair.objects.retired()
        .filter(review=QAPair.Review.APPROVED, document__collection__in=chosen)
        .exclude(document__doc_type=DocType.MARKETING)
        .order_by("pk")
        .values_list(
            "document",
            "document__collection__slug",
            "document__title",
            "document__path",
            "fact_id",
            "question",
            "answer",
            "evidence",
        )
    )
    return tuple(Retired(*values) for values in gone)


def mentioned(runs: AbstractSet[WordRun]) -> set[WordRun]:
    """Those of the runs of words that occur anywhere: in a served passage of any collection,
    or in the title or path of any document."""
    by_first: dict[str, list[WordRun]] = defaultdict(list)
    for run in runs:
        by_first[run[0]].append(run)
    found: set[WordRun] = set()
    for text in _texts():
        words = word_run(text)
        for at, word in enumerate(words):
            for run in by_first.get(word, ()):
                if words[at : at + len(run)] == run:
                    found.add(run)
    return found


def _texts() -> Iterator[str]:
    for title, path in Document.objects.values_list("title", "path"):
        yield f"{title} {path}"
    served = Chunk.objects.filter(version__in=DocumentVersion.objects.served())
    for headings, text in served.values_list("heading_path", "text").iterator():
        yield " ".join((*headings, text))
