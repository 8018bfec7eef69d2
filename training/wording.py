"""The words in which a model was asked in its training, and the test questions in these."""

from collections import Counter
from collections.abc import Sequence

from django.conf import settings

from router.taught import Repertoire, Taught, in_taught_words
from training.datasets.manifest import TRAIN, read_manifest
from training.models import Dataset, QAPair
from training.rows import Question, read_rows


def taught_by(dataset: Dataset) -> list[Taught]:
    """What training on it asks, each question once, with the passage of its fact; a question in
    every fact comes before the second one of any."""
    pairs = read_manifest(dataset.folder)["pairs"]
    passages = dict(QAPair.objects.filter(pk__in=pairs).values_list("fact_id", "content_hash"))
    turns: Counter[str] = Counter()
    asked: dict[str, tuple[int, Taught]] = {}
    for row in read_rows(dataset.folder / TRAIN):
        question = row.messages[-1]["content"]
        if row.form == "closed" and row.fact in passages and question not in asked:
            asked[question] = turns[row.fact], Taught(question, row.answer, passages[row.fact])
            turns[row.fact] += 1
    return [one for _, one in sorted(asked.values(), key=lambda turn: turn[0])]


def as_served(questions: Sequence[Question], made: Repertoire) -> dict[int, str]:
    """By the question's id, how the product asks it of the model that was taught these. Raises
    `EmbeddingsUnavailable`."""
    from router.retrieval.embeddings import ServerEmbeddings

    texts = [made.asked(question.question) for question in questions]
    vectors = ServerEmbeddings(settings.PARAPHRASE_MODEL).batch(texts)
    return {
        question.id: in_taught_words(question.question, made.nearest(question.question, vector))
        for question, vector in zip(questions, vectors, strict=True)
    }
