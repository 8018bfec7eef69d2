"""Pairs on documents that are served, made for tests of datasets."""

import hashlib

from ingestion.models import Collection, Document
from tests.documents import passage, publish
from training.identity import pair_key, question_key
from training.models import QAPair

NAMES = tuple(f"quay-{kind}" for kind in ("crane", "gate", "light", "scale", "ramp", "radio"))
PHRASINGS = (
    "Which port does {} listen on?",
    "On what port can {} be reached?",
    "What number is the port of {}?",
)


def teach(
    collection: Collection, *names: str, review: str = QAPair.Review.APPROVED, problem: str = ""
) -> list[Document]:
    """A document for each name, with one fact in three phrasings."""
    documents = []
    for number, name in enumerate(names, start=7000):
        text = f"{name} listens on port {number}."
        version = publish(collection, f"{name}.md", [passage(text, name)], title=name)
        chunk = version.chunks.get()
        for phrasing in PHRASINGS:
            question, answer = phrasing.format(name), str(number)
            QAPair.objects.create(
                document=version.document,
                content_hash=chunk.content_hash,
                start=0,
                end=len(text),
                question=question,
                answer=answer,
                evidence=text,
                fact_id=hashlib.sha256(name.encode()).hexdigest(),
                origin=QAPair.Origin.IMPORTED,
                review=review,
                problem=problem,
                key=pair_key(question, answer),
                question_key=question_key(question),
            )
        documents.append(version.document)
    return documents
