"""Vectors of chunks, and the server they come from."""

import pytest
from pytest_django import Settings

from ingestion.models import Collection
from router import retrieval
from router.models import ChunkEmbedding
from router.retrieval.embeddings import BATCH_SIZE, EmbeddingsUnavailable, ServerEmbeddings
from router.retrieval.reranking import RerankerUnavailable, relevance
from tests.router.retrieval.conftest import Writer
from tests.router.retrieval.hashed_words import DIMENSION, HashedWords, embed


def test_keeps_the_order_of_many_texts(embedder: HashedWords) -> None:
    texts = [f"text {number}" for number in range(BATCH_SIZE + 3)]
    vectors = ServerEmbeddings().batch(texts)
    assert vectors.shape == (len(texts), DIMENSION)
    for text, vector in zip(texts, vectors, strict=True):
        assert vector == pytest.approx(embed(text), abs=1e-6)


def test_no_texts_are_no_vectors(embedder: HashedWords) -> None:
    assert ServerEmbeddings().batch([]).shape == (0, DIMENSION)
    assert ServerEmbeddings().embed_documents([]) == []
    assert embedder.texts == []


def test_speaks_langchains_interface(embedder: HashedWords) -> None:
    assert ServerEmbeddings().embed_query("ramp") == pytest.approx(list(embed("ramp")), abs=1e-6)
    assert len(ServerEmbeddings().embed_documents(["ramp", "dog"])) == 2


def test_each_request_has_the_key(embedder: HashedWords, settings: Settings) -> None:
    settings.EMBEDDINGS_API_KEY = "hunter2"
    ServerEmbeddings().one("ramp")
    with pytest.raises(RerankerUnavailable):
        relevance("When does the ramp close?", ["At noon."])
    assert embedder.keys == ["Bearer hunter2"] * 2


def test_says_when_no_server_answers(settings: Settings) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(EmbeddingsUnavailable):
        ServerEmbeddings().one("ramp")


def test_says_when_the_vectors_have_another_length(
    embedder: HashedWords, settings: Settings
) -> None:
    settings.EMBEDDINGS_DIMENSION = 100
    with pytest.raises(EmbeddingsUnavailable):
        ServerEmbeddings().one("ramp")


@pytest.mark.django_db
def test_embeds_each_text_once(writer: Writer, wiki: Collection, embedder: HashedWords) -> None:
    first = writer.draft(wiki, "ferry.md", "The ramp closes.", "Dogs travel free.")
    assert embedder.texts == ["ferry.md\nThe ramp closes.", "ferry.md\nDogs travel free."]
    retrieval.index_version(first)
    assert len(embedder.texts) == 2
    second = writer.draft(wiki, "ferry.md", "The ramp opens.", "Dogs travel free.")
    assert embedder.texts[2:] == ["ferry.md\nThe ramp opens."]
    kept = ChunkEmbedding.objects.filter(chunk__text="Dogs travel free.")
    assert len({bytes(embedding.vector) for embedding in kept}) == 1
    assert second.chunks.filter(embedding=None).count() == 0


@pytest.mark.django_db
def test_the_same_words_under_another_title_have_another_vector(
    writer: Writer, wiki: Collection, embedder: HashedWords
) -> None:
    writer.draft(wiki, "ferry.md", "The ramp closes.")
    writer.draft(wiki, "barge.md", "The ramp closes.")
    assert embedder.texts == ["ferry.md\nThe ramp closes.", "barge.md\nThe ramp closes."]


@pytest.mark.django_db
def test_goes_on_where_it_was_stopped(
    writer: Writer, wiki: Collection, embedder: HashedWords, settings: Settings
) -> None:
    version = writer.draft(wiki, "ferry.md", "The ramp closes.", "Dogs travel free.")
    ChunkEmbedding.objects.get(chunk__position=1).delete()
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(EmbeddingsUnavailable):
        retrieval.index_version(version)
    settings.EMBEDDINGS_URL = embedder.url
    retrieval.index_version(version)
    assert embedder.texts[2:] == ["ferry.md\nDogs travel free."]
    assert ChunkEmbedding.objects.count() == 2
