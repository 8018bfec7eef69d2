"""The passages of one version, whether it is served or not."""

import pytest

from ingestion.models import Collection, DocumentVersion
from router import retrieval
from router.models import ChunkEmbedding
from router.retrieval.searching import Hit
from tests.router.retrieval.conftest import Writer

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "when does the ramp close"


@pytest.fixture
def old(writer: Writer, wiki: Collection) -> DocumentVersion:
    """A version that was replaced; the index holds the other one."""
    version = writer.write(
        wiki, "ferry.md", "Dogs travel free.", "The ramp does close at noon.", "The ramp is steep."
    )
    writer.write(wiki, "ferry.md", "The ramp closes at dusk.")
    version.refresh_from_db()
    assert not version.is_served
    return version


def found(version: DocumentVersion, *, by_meaning: bool = True, limit: int = 10) -> list[Hit]:
    vector = retrieval.search(QUESTION, user=None).vector
    assert vector is not None
    chosen = vector if by_meaning else None
    return retrieval.search_version(version, QUESTION, vector=chosen, limit=limit)


def texts(hits: list[Hit]) -> list[str]:
    return [hit.chunk.text for hit in hits]


def test_passages_of_a_replaced_version_are_ranked_by_their_kept_vectors(
    old: DocumentVersion,
) -> None:
    best, second, third = found(old)
    assert texts([best, second]) == ["The ramp does close at noon.", "The ramp is steep."]
    assert (best.lexical_rank, best.dense_rank) == (1, 1)
    assert best.similarity is not None
    assert third.lexical_rank is None
    assert 1 >= best.score > second.score > third.score >= 0
    assert texts(found(old, limit=1)) == ["The ramp does close at noon."]


def test_without_a_vector_of_the_question_words_alone_count(old: DocumentVersion) -> None:
    hits = found(old, by_meaning=False)
    assert texts(hits) == ["The ramp does close at noon.", "The ramp is steep."]
    assert all(hit.dense_rank is None and hit.similarity is None for hit in hits)


@pytest.mark.parametrize("foreign", [{"embedder": "another"}, {"vector": b"\0" * 8}])
def test_vectors_of_another_embedder_are_left_alone(
    old: DocumentVersion, foreign: dict[str, object]
) -> None:
    ChunkEmbedding.objects.filter(chunk__version=old).update(**foreign)
    hits = found(old)
    assert texts(hits)[0] == "The ramp does close at noon."
    assert all(hit.dense_rank is None for hit in hits)


def test_rare_word_of_the_question_weighs_more_than_a_common_one(
    writer: Writer, wiki: Collection
) -> None:
    common = [f"The ferry number {number} has a ramp." for number in range(8)]
    version = writer.write(wiki, "fleet.md", *common, "It will close at noon.")
    hits = found(version, by_meaning=False)
    assert texts(hits)[0] == "It will close at noon."
