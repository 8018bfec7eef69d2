"""How fast and how right the search is.

Without arguments: on 100,000 made passages, a third of which the asker may not read, beside exact
search, words alone, vectors alone, and LangChain's in-memory store on the same vectors. With
`--corpus DIR --questions FILE.jsonl`: how often a right passage is among the first five, on
documents that go through the whole pipeline. A question is a line {"query", "answers", "doc"}; a
passage is right when it holds one of the answers as whole words and, if `doc` is given, belongs
to that path; without answers any passage of `doc` is.
"""

import argparse
import hashlib
import json
import os
import random
import re
import statistics
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.home import fresh_home
from benchmarks.tables import Row, print_table

if TYPE_CHECKING:
    from ingestion.models import Chunk, Collection, DocumentVersion

Vectors = NDArray[np.float32]

CHUNKS_PER_VERSION = 20
RESTRICTED_EACH = 3
QUESTIONS, SLOW_QUESTIONS = 200, 10
THINGS = ("berth", "ramp", "quay", "ferry", "barge", "crane", "gate", "pilot", "winch", "buoy")
FACTS = ("limit", "window", "owner", "port", "timeout", "quota", "price", "length", "weight")
ACTS = ("close", "open", "load", "inspect", "report", "release", "book", "cancel", "repair")
WHEN = ("at night", "in winter", "after an audit", "before noon", "in staging", "on Sundays")
SENTENCES = [
    f"To {act} it {when}, the {fact} of the {thing} is what counts."
    for act in ACTS
    for when in WHEN
    for fact in FACTS
    for thing in THINGS[:4]
]


@dataclass(frozen=True, slots=True)
class Labelled:
    query: str
    right: Callable[["Chunk"], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """Of one way to search: chunk ids for each question, and seconds."""

    chunks: list[list[int]]
    seconds: list[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1] * 1000


# --- The made corpus ---------------------------------------------------------------------------
def name_of(number: int) -> str:
    return f"{THINGS[number % len(THINGS)]}-{number:06}"


def sentences_of(number: int) -> tuple[int, int]:
    source = random.Random(number)
    return source.randrange(len(SENTENCES)), source.randrange(len(SENTENCES))


def text_of(number: int) -> str:
    first, second = sentences_of(number)
    return f"{name_of(number)} takes {number % 97} units. {SENTENCES[first]} {SENTENCES[second]}"


def vectors_of(numbers: range, sentences: Vectors) -> Vectors:
    """The mean of its sentences' vectors and a little noise of its own: as a model pools words."""
    noise = np.random.default_rng(numbers.start).normal(size=(len(numbers), sentences.shape[1]))
    pairs = np.array([sentences_of(number) for number in numbers])
    mixed = sentences[pairs].mean(axis=1) + 0.01 * noise
    unit: Vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype("<f4")
    return unit


def store_corpus(size: int, sentences: Vectors) -> None:
    """`size` chunks of served versions, in a collection for all and one for the group `few`."""
    from django.contrib.auth.models import Group

    from ingestion.models import Collection, CorpusRevision

    everybody = Collection.objects.create(slug="open", name="Open")
    few = Collection.objects.create(slug="few", name="Few")
    few.readers.add(Group.objects.create(name="few"))
    for number, start in enumerate(range(0, size, CHUNKS_PER_VERSION), start=1):
        collection = everybody if number % RESTRICTED_EACH else few
        numbers = range(start, min(size, start + CHUNKS_PER_VERSION))
        store_version(collection, numbers, sentences, revision=1)
    CorpusRevision.objects.update_or_create(pk=1, defaults={"number": 1})


def store_version(
    collection: "Collection", numbers: range, sentences: Vectors, *, revision: int | None
) -> "DocumentVersion":
    from ingestion.models import Document, DocumentVersion

    path = f"page-{numbers.start:06}"
    document = Document.objects.create(collection=collection, path=path, slug=path, title=path)
    version = DocumentVersion.objects.create(
        document=document,
        number=1,
        sha256=hashlib.sha256(path.encode()).hexdigest(),
        size=1,
        media_type="text/plain",
        title=path,
        state="ready",
        published_revision=revision,
    )
    store_chunks(version, numbers, sentences)
    return version


def store_chunks(version: "DocumentVersion", numbers: range, sentences: Vectors) -> None:
    """The passages of these numbers as those of a version, each with its vector."""
    from django.conf import settings

    from ingestion.models import Chunk
    from router.models import ChunkEmbedding

    chunks = Chunk.objects.bulk_create(
        Chunk(
            version=version,
            position=number,
            content_hash=hashlib.sha256(text_of(number).encode()).hexdigest(),
            kind=Chunk.Kind.PROSE,
            text=text_of(number),
            tokens=40,
        )
        for number in numbers
    )
    ChunkEmbedding.objects.bulk_create(
        ChunkEmbedding(chunk=chunk, embedder=settings.EMBEDDINGS_MODEL, vector=vector.tobytes())
        for chunk, vector in zip(chunks, vectors_of(numbers, sentences), strict=True)
    )


def made_questions(size: int, count: int = QUESTIONS) -> Iterator[Labelled]:
    """Each about one passage that everybody may read, in words of its own and its name."""
    source = random.Random(3)
    made = 0
    while made < count:
        number = source.randrange(size)
        if (number // CHUNKS_PER_VERSION + 1) % RESTRICTED_EACH == 0:
            continue
        made += 1
        sentence = SENTENCES[sentences_of(number)[0]].removesuffix(" is what counts.")
        name = name_of(number)
        yield Labelled(f"{sentence} for {name}?", right_passage([words(name)], ""))


# --- Labelled files ----------------------------------------------------------------------------
def labelled_file(path: Path) -> Iterator[Labelled]:
    for line in path.read_text().splitlines():
        asked = json.loads(line)
        answers = [words(answer) for answer in asked["answers"]]
        yield Labelled(asked["query"], right_passage(answers, asked.get("doc") or ""))


def right_passage(answers: Sequence[str], doc: str) -> Callable[["Chunk"], bool]:
    def right(chunk: "Chunk") -> bool:
        if doc and chunk.version.document.path != doc:
            return False
        text = words(f"{chunk.version.title} {chunk.heading} {chunk.text}")
        return not answers or any(answer in text for answer in answers)

    return right


def words(text: str) -> str:
    """The tokens of a text between blanks, so that `in` compares whole tokens."""
    plain = unicodedata.normalize("NFKC", text).lower()
    tokens = re.findall(r"[^\W_]+|[^\w\s]", plain)
    return f" {' '.join(tokens)} "


# --- Measuring ---------------------------------------------------------------------------------
def timed(queries: Sequence[str], find: Callable[[str], list[int]]) -> Found:
    chunks, seconds = [], []
    for query in queries:
        started = time.perf_counter()
        chunks.append(find(query))
        seconds.append(time.perf_counter() - started)
    return Found(chunks, seconds)


def hit_rate(questions: Sequence[Labelled], found: Found, places: int) -> float:
    from ingestion.models import Chunk

    chunks = Chunk.objects.select_related("version__document").in_bulk(
        {chunk for chunks in found.chunks for chunk in chunks[:places]}
    )
    hits = [
        any(question.right(chunks[chunk]) for chunk in given[:places])
        for question, given in zip(questions, found.chunks, strict=False)
    ]
    return sum(hits) / len(hits)


def searches(collections: frozenset[int]) -> dict[str, Callable[[str], list[int]]]:
    """The search as it is, by words alone, and by vectors alone. All read what all may read."""
    from router import retrieval
    from router.retrieval.embeddings import ServerEmbeddings
    from router.retrieval.index import current

    def fused(query: str) -> list[int]:
        return [hit.chunk.pk for hit in retrieval.search(query, user=None).hits]

    def by_words(query: str) -> list[int]:
        return [chunk for chunk, _ in current().snapshot().words.search(query, collections, 10)]

    def by_vectors(query: str) -> list[int]:
        vector = ServerEmbeddings().one(query)
        return [chunk for chunk, _ in current().snapshot().vectors.search(vector, collections, 10)]

    return {"search": fused, "words alone": by_words, "vectors alone": by_vectors}


def quality_rows(questions: Sequence[Labelled]) -> Iterator[Row]:
    from ingestion.models import Collection

    readable = Collection.objects.readable_by(None).values_list("pk", flat=True)
    for name, find in searches(frozenset(readable)).items():
        found = timed([question.query for question in questions], find)
        hits = [hit_rate(questions, found, places) for places in (1, 3, 5, 10)]
        rates = "/".join(f"{rate:.3f}" for rate in hits)
        yield Row(f"{name}: hit@1/3/5/10", rates)
        yield Row(f"{name}: p50, p95", f"{found.p50:.1f} ms, {found.p95:.1f} ms")


def made_rows(size: int) -> Iterator[Row]:
    from ingestion.models import Collection
    from router import retrieval
    from router.retrieval.embeddings import ServerEmbeddings

    sentences = ServerEmbeddings().batch(SENTENCES)
    print(f"Storing {size} chunks", file=sys.stderr)
    store_corpus(size, sentences)
    started = time.perf_counter()
    retrieval.rebuild()
    yield Row(f"index {size} chunks from the database", f"{time.perf_counter() - started:.1f} s")
    questions = list(made_questions(size))
    queries = [question.query for question in questions]
    readable = frozenset(Collection.objects.readable_by(None).values_list("pk", flat=True))
    found = {}
    for name, find in searches(readable).items():
        timed(queries[:5], find)
        found[name] = timed(queries, find)
    ours = found["search"]
    yield Row("search with the question's embedding, p50", f"{ours.p50:.1f} ms")
    yield Row("search with the question's embedding, p95", f"{ours.p95:.1f} ms", aim="≤ 50 ms")
    for name, other in found.items():
        rate = hit_rate(questions, other, 5)
        yield Row(
            f"{name}: hit@5, p50",
            f"{rate:.3f}, {other.p50:.1f} ms",
            ratio=f"{other.p50 / ours.p50:.2f}",
        )
    yield recall_row(queries, found["vectors alone"], readable)
    yield in_memory_row(queries, ours, readable)
    yield from publication_rows(size, sentences)


def recall_row(queries: Sequence[str], found: Found, readable: frozenset[int]) -> Row:
    table, vectors = readable_vectors(readable)
    from router.retrieval.embeddings import ServerEmbeddings

    questions = ServerEmbeddings().batch(list(queries))
    exact = np.argsort(-(questions @ vectors.T), axis=1)[:, :10]
    same = [
        len(set(table[rows].tolist()) & set(chunks)) / 10
        for rows, chunks in zip(exact, found.chunks, strict=True)
    ]
    return Row(
        "recall@10 of the vectors", f"{statistics.mean(same):.4f}", "exact search", aim="≥ .98"
    )


def readable_vectors(readable: frozenset[int]) -> tuple[NDArray[np.int64], Vectors]:
    """Chunk ids and vectors of all that everybody may read, from the database."""
    from ingestion.models import DocumentVersion
    from router.retrieval import corpus

    versions = DocumentVersion.objects.served().filter(document__collection__in=readable)
    parts = list(corpus.vectors(versions))
    return (
        np.concatenate([rows.chunks for rows, _ in parts]),
        np.concatenate([vectors for _, vectors in parts]),
    )


def in_memory_row(queries: Sequence[str], ours: Found, readable: frozenset[int]) -> Row:
    from langchain_core.vectorstores import InMemoryVectorStore

    from router.retrieval.embeddings import ServerEmbeddings

    store = InMemoryVectorStore(ServerEmbeddings())
    chunks, vectors = readable_vectors(readable)
    for chunk, vector in zip(chunks.tolist(), vectors.tolist(), strict=True):
        store.store[str(chunk)] = {"id": str(chunk), "vector": vector, "text": "", "metadata": {}}
    asked = queries[:SLOW_QUESTIONS]
    theirs = timed(
        asked, lambda query: [int(found.id or 0) for found in store.similarity_search(query, 10)]
    )
    return Row(
        "search, p50",
        f"{ours.p50:.1f} ms",
        f"{theirs.p50:.0f} ms LangChain InMemoryVectorStore",
        f"{ours.p50 / theirs.p50:.4f}",
    )


def publication_rows(size: int, sentences: Vectors) -> Iterator[Row]:
    """From the commit of a publication until a search shows it; and a whole refresh."""
    from django.db import transaction

    from ingestion.models import Collection
    from ingestion.publication import publish
    from router import retrieval

    everybody = Collection.objects.get(slug="open")
    seconds = []
    for start in range(size, size + 10 * CHUNKS_PER_VERSION, CHUNKS_PER_VERSION):
        numbers = range(start, start + CHUNKS_PER_VERSION)
        version = store_version(everybody, numbers, sentences, revision=None)
        with transaction.atomic():
            publish(version)
        started = time.perf_counter()
        hits = retrieval.search(name_of(start), user=None).hits
        seconds.append(time.perf_counter() - started)
        if all(hit.chunk.version_id != version.pk for hit in hits):
            raise RuntimeError("A published version was not found")
    yield Row(
        f"published to found, {size} chunks present",
        f"{statistics.median(seconds) * 1000:.0f} ms, at most {max(seconds) * 1000:.0f} ms",
        aim="≤ 5 s",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--corpus", type=Path, help="folder of documents")
    parser.add_argument("--questions", type=Path, help="labelled questions about them")
    arguments = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    with fresh_home():
        from django.core.management import call_command

        from router.serving import embedded_servers

        with embedded_servers(embeddings=True):
            if arguments.corpus:
                call_command("ingest", arguments.corpus, collection="bench", stdout=sys.stderr)
                rows = list(quality_rows(list(labelled_file(arguments.questions))))
            else:
                rows = list(made_rows(arguments.chunks))
    print_table("Retrieval", rows)


if __name__ == "__main__":
    main()
