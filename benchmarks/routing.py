"""What a question costs beside search, embedding and writing: the decision, and the check.

The decision is what the router does once passages are found, among 100,000 made passages of which
the serving model was taught 60,000 and 20,000 have a precedent. The embedding server is asked for
precedents, and to rerank sentences; what is decided without it has the aim. The check is that of
mined answers against the eight passages that their questions find in the documents of the demo,
each also against another one's answer.
"""

import argparse
import hashlib
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks.home import fresh_home
from benchmarks.retrieval import (
    CHUNKS_PER_VERSION,
    SENTENCES,
    Vectors,
    made_questions,
    name_of,
    sentences_of,
    store_chunks,
    store_corpus,
    text_of,
)
from benchmarks.tables import Row, print_table
from benchmarks.times import Times

if TYPE_CHECKING:
    from docportal.models import User
    from ingestion.models import Reader
    from router.policy import Decision
    from router.precedents.keeping import Answered
    from router.prompts import Passage
    from router.retrieval.searching import SearchResult

DEMO = Path(__file__).resolve().parent.parent / "demo" / "documents" / "v1"
CHUNKS, TAUGHT_SHARE = 100_000, 0.6
QUESTIONS, WARM_UP = 300, 10
MODEL = "docs-v0001"
# One document of so many has an earlier version, which the model was taught as well.
EDITED_EACH = 10


# --- A model that was taught most of the corpus --------------------------------------------------
def store_earlier(size: int, sentences: Vectors) -> None:
    """An earlier version of every tenth document, with other passages, no longer served."""
    from ingestion.models import DocumentVersion

    served = DocumentVersion.objects.served().order_by("pk")
    for version in served[::EDITED_EACH]:
        first = version.chunks.earliest("position").position + size
        numbers = range(first, first + version.chunks.count())
        earlier = DocumentVersion.objects.create(
            document=version.document,
            number=0,
            sha256=hashlib.sha256(text_of(first).encode()).hexdigest(),
            size=1,
            media_type="text/plain",
            title=version.title,
            state="ready",
            published_revision=0,
            withdrawn_revision=1,
        )
        store_chunks(earlier, numbers, sentences)


def store_model(passages: int) -> None:
    """A serving version that was taught all that was edited since and the first of the rest."""
    from django.utils import timezone

    from ingestion.models import Chunk, Collection
    from router.models import ModelCoverage, ModelVersion
    from tests.model_files import certified

    everybody = Collection.objects.get(slug="open")
    model = ModelVersion.objects.create(
        number=1,
        name=MODEL,
        base="docportal-reader",
        readers={str(everybody.pk): []},
        calibration=certified().as_json(),
        stage=ModelVersion.Stage.SERVING,
        promoted_at=timezone.now(),
        gate_passed=True,
    )
    model.collections.add(everybody)
    chunks = Chunk.objects.filter(version__document__collection=everybody)
    in_order = chunks.order_by("version__published_revision", "pk")
    hashes = in_order.values_list("content_hash", flat=True)
    ModelCoverage.objects.bulk_create(
        (
            ModelCoverage(model=model, content_hash=content, pairs=2, heldout_exact=0.9)
            for content in hashes[:passages]
        ),
        batch_size=5_000,
    )


def store_precedents() -> None:
    """As many as are kept of a collection, one of each passage."""
    from ingestion.models import Document
    from router.precedents import keeping

    made: dict[str, Vectors] = {}
    documents = Document.objects.filter(collection__slug="open").order_by("pk")
    for document in documents[: keeping.MOST // CHUNKS_PER_VERSION]:
        first = int(document.path.removeprefix("page-"))
        answered = map(precedent_of, range(first, first + CHUNKS_PER_VERSION))
        keeping.keep(document, answered, pairs="", made=made)


def precedent_of(number: int) -> "Answered":
    """A question as those that are asked, by the first sentence of a passage."""
    from router.precedents.keeping import Answered

    sentence = SENTENCES[sentences_of(number)[0]]
    question = f"{sentence.removesuffix(' is what counts.')} for {name_of(number)}?"
    fact = sentence.partition(", the ")[2].split()[0]
    return Answered(question, fact, sentence, is_written=True)


def reader_of_all() -> "User":
    from django.contrib.auth.models import Group

    from docportal.models import User

    user = User.objects.create(username="reader")
    user.groups.add(Group.objects.get(name="few"))
    return user


# --- The decision ----------------------------------------------------------------------------
@dataclass(slots=True)
class Parts:
    """Seconds of each question: of the search, of the decision, and of parts of it."""

    search: list[float] = field(default_factory=list)
    decision: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    taught: list[float] = field(default_factory=list)
    precedents: list[float] = field(default_factory=list)
    sentences: list[float] = field(default_factory=list)

    def begin(self) -> None:
        """A further question."""
        for part in fields(self):
            getattr(self, part.name).append(0.0)

    @property
    def without_server(self) -> list[float]:
        parts = zip(self.decision, self.precedents, self.sentences, strict=True)
        return [decision - precedents - read for decision, precedents, read in parts]


@contextmanager
def timed(owner: object, name: str, seconds: list[float]) -> Iterator[None]:
    """Adds what each call of this function takes to the last one of `seconds`."""
    function = getattr(owner, name)

    def called(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            seconds[-1] += time.perf_counter() - started

    with patch.object(owner, name, called):
        yield


def decide_timed(question: str, found: "SearchResult", user: "Reader", parts: Parts) -> "Decision":
    """As `router.routing` decides once passages are found, part by part."""
    from router import provenance, routing, taught, tuned
    from router.models import Query
    from router.precedents import keeping
    from router.services import SHOWN_PASSAGES
    from router.versions import read_at

    query = Query(user_id=user.pk if user else None, text=question)
    asker = query.user
    with ExitStack() as stack:
        for owner, name, seconds in (
            (tuned, "answering", parts.model),
            (provenance, "signals_of", parts.taught),
            (taught, "repertoire_of", parts.taught),
            (keeping, "books_for", parts.precedents),
            (routing, "find", parts.precedents),
            (provenance, "looked_at", parts.sentences),
        ):
            stack.enter_context(timed(owner, name, seconds))
        started = time.perf_counter()
        read = read_at(question, found, user=asker, limit=SHOWN_PASSAGES)
        draft = routing.routed(query, question, read, "auto")
        parts.decision[-1] += time.perf_counter() - started
    return draft.decision


def decisions(questions: Sequence[str], user: "User") -> tuple[Parts, list["Decision"]]:
    from router import retrieval
    from router.services import SHOWN_PASSAGES

    parts, made = Parts(), []
    for question in questions:
        parts.begin()
        started = time.perf_counter()
        found = retrieval.search(question, user=user, limit=SHOWN_PASSAGES)
        parts.search[-1] += time.perf_counter() - started
        made.append(decide_timed(question, found, user, parts))
    return parts, made


def decision_rows(size: int) -> Iterator[Row]:
    from django.db import transaction

    from router import retrieval
    from router.retrieval.embeddings import ServerEmbeddings

    sentences = ServerEmbeddings().batch(SENTENCES)
    print(f"Storing {size} chunks", file=sys.stderr)
    with transaction.atomic():
        store_corpus(size, sentences)
        store_earlier(size, sentences)
        store_model(int(size * TAUGHT_SHARE))
        store_precedents()
        user = reader_of_all()
    retrieval.rebuild()
    questions = [asked.query for asked in made_questions(size, QUESTIONS)]
    decisions(questions[:WARM_UP], user)
    parts, made = decisions(questions, user)
    search = Times(parts.search)
    for what, seconds, aim in (
        ("decision", parts.decision, ""),
        ("of it: all that asks no server", parts.without_server, "p95 ≤ 30 ms"),
        ("of it: which model may answer", parts.model, ""),
        ("of it: what the model was taught", parts.taught, ""),
        ("of it: precedents", parts.precedents, ""),
        ("of it: the likeliest sentence", parts.sentences, ""),
    ):
        times = Times(seconds)
        told = f"{search.told(95)} search alone"
        yield Row(what, times.told(95), told, times.beside(search, 95), aim)
    by_tuned = sum(one.engine == "tuned" for one in made)
    yield Row("questions for the tuned model", f"{by_tuned} of {len(made)}")


# --- The check -------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Case:
    question: str
    right: str
    other: str
    passages: list["Passage"]


def cases() -> tuple[list[Case], Times]:
    """Mined pairs of the demo with the passages found for them, and how long each search took."""
    from django.core.management import call_command

    from ingestion.models import Collection
    from router import retrieval
    from router.prompts import passage_of
    from router.services import SHOWN_PASSAGES
    from training.models import QAPair

    call_command("ingest", DEMO, collection="demo", stdout=sys.stderr, stderr=sys.stderr)
    demo = Collection.objects.get(slug="demo")
    pairs = list(QAPair.objects.order_by("pk").values_list("question", "answer"))
    pairs = random.Random(5).sample(pairs, min(QUESTIONS, len(pairs)))
    others = [answer for _, answer in (*pairs[1:], pairs[0])]
    made, seconds = [], []
    for (question, right), other in zip(pairs, others, strict=True):
        started = time.perf_counter()
        hits = retrieval.search(question, user=None, collection=demo, limit=SHOWN_PASSAGES).hits
        seconds.append(time.perf_counter() - started)
        made.append(Case(question, right, other, [passage_of(hit.chunk) for hit in hits]))
    return made, Times(seconds)


def check_rows() -> Iterator[Row]:
    from router.evidence.sources import read_source
    from router.verification import verify

    made, search = cases()
    first, further = list[float](), list[float]()
    borne_out = {"right": 0, "other": 0}
    for case in made:
        for kind, answer in (("right", case.right), ("other", case.other)):
            read_source.cache_clear()
            for seconds in (first, further):
                started = time.perf_counter()
                support = verify(case.question, answer, case.passages)
                seconds.append(time.perf_counter() - started)
            borne_out[kind] += support.supported
    told = f"{search.told(95)} search alone"
    for what, times, aim in (
        ("check of an answer against new passages", Times(first), "p95 ≤ 20 ms"),
        ("check of a further sentence", Times(further), ""),
    ):
        yield Row(what, times.told(95), told, times.beside(search, 95), aim)
    shares = [f"{count / len(made):.2f}" for count in borne_out.values()]
    yield Row("borne out: the right answer, another one's", ", ".join(shares))


@contextmanager
def servers(logs: Path) -> Iterator[None]:
    """The embedding server, and the tuned model's as far as a decision asks for it: whether
    something takes connections at its address."""
    from router import serving
    from router.processes import spawn_embeddings

    server = spawn_embeddings(logs / "embeddings.log").wait()
    try:
        for name in (server.name, f"tuned/{MODEL}"):
            serving.announce(replace(server, name=name))
        yield
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=CHUNKS)
    arguments = parser.parse_args()
    os.environ.pop("DATABASE_URL", None)
    with fresh_home() as home, servers(home):
        rows = [*decision_rows(arguments.chunks), *check_rows()]
    print_table("Routing", rows)


if __name__ == "__main__":
    main()
