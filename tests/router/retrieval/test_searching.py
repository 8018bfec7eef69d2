"""What a search shows, to whom, and when."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from docportal.models import User
from ingestion.models import Collection
from ingestion.publication import publish
from router import retrieval
from router.retrieval.searching import SearchResult
from tests.people import People
from tests.router.retrieval.conftest import Writer
from tests.router.retrieval.hashed_words import HashedWords

pytestmark = pytest.mark.django_db(transaction=True)


def texts(result: SearchResult) -> list[str]:
    return [hit.chunk.text for hit in result.hits]


def found(question: str, user: User | None = None) -> list[str]:
    return texts(retrieval.search(question, user=user))


def test_finds_the_passage_with_its_ranks_and_similarity(writer: Writer, wiki: Collection) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.", "Dogs travel free.")
    result = retrieval.search("when does the ramp close", user=None)
    hit = result.hits[0]
    assert hit.chunk.text == "The ramp closes at noon."
    assert (hit.lexical_rank, hit.dense_rank) == (1, 1)
    assert hit.similarity is not None
    assert 0 < hit.similarity < 1
    assert (result.degraded, result.revision) == (False, 1)


def test_scores_fall_and_stay_within_0_and_1(writer: Writer, wiki: Collection) -> None:
    writer.write(wiki, "ferry.md", *(f"Ramp {'closes ' * n} at noon" for n in range(12)))
    scores = [hit.score for hit in retrieval.search("ramp closes", user=None).hits]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1


def test_what_is_named_comes_before_what_is_worded_alike(writer: Writer, wiki: Collection) -> None:
    writer.write(wiki, "silver.md", *(f"Silver Weir listens on port {n}." for n in range(80, 92)))
    writer.write(wiki, "amber.md", "A socket of Amber Weir: 4711.", "Amber Weir is painted.")
    result = retrieval.search("On which port listens Amber Weir?", user=None, limit=4)
    assert {"Amber" in text for text in texts(result)[:2]} == {True}
    assert {"Silver" in text for text in texts(result)[2:]} == {True}
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)


def test_what_tells_of_it_comes_before_what_names_it_in_passing(
    writer: Writer, wiki: Collection
) -> None:
    socket = "Which socket has it? The socket that it has is {}. Amber Weir is its neighbour."
    writer.write(wiki, "silver.md", *(socket.format(n) for n in range(80, 92)))
    writer.write(
        wiki, "amber.md", "Painted in the winter, at the old yard: a socket of Amber Weir."
    )
    result = retrieval.search("Which socket has Amber Weir?", user=None, limit=4)
    assert "Painted" in texts(result)[0]


def test_nobody_finds_what_only_others_may_read(
    writer: Writer, wiki: Collection, vault: Collection, people: People
) -> None:
    writer.write(wiki, "open.md", "The lock is blue.")
    writer.write(vault, "closed.md", "The lock code is 4711.")
    both = {"The lock is blue.", "The lock code is 4711."}
    assert set(found("lock code 4711", people.reader)) == both
    for stranger in (None, people.engineer, people.writer, people.admin):
        assert found("lock code 4711", stranger) == ["The lock is blue."]
    assert retrieval.search("lock", user=None, collection=vault).hits == []


def test_readers_that_change_count_at_once(
    writer: Writer, vault: Collection, people: People
) -> None:
    writer.write(vault, "closed.md", "The lock code is 4711.")
    assert found("lock", people.engineer) == []
    people.engineer.groups.add(*vault.readers.all())
    assert found("lock", people.engineer) == ["The lock code is 4711."]
    people.engineer.groups.clear()
    assert found("lock", people.engineer) == []


def test_searches_one_collection_if_asked(
    writer: Writer, wiki: Collection, vault: Collection, people: People
) -> None:
    writer.write(wiki, "open.md", "The lock is blue.")
    writer.write(vault, "closed.md", "The lock code is 4711.")
    result = retrieval.search("lock", user=people.reader, collection=vault)
    assert texts(result) == ["The lock code is 4711."]


def test_a_draft_is_not_found_and_what_it_replaces_is_not_found_after(
    writer: Writer, wiki: Collection
) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    draft = writer.draft(wiki, "ferry.md", "The ramp closes at dusk.")
    assert found("ramp closes") == ["The ramp closes at noon."]
    with transaction.atomic():
        publish(draft)
    assert found("ramp closes") == ["The ramp closes at dusk."]


def test_an_archived_document_is_gone_and_can_come_back(writer: Writer, wiki: Collection) -> None:
    version = writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    assert found("ramp") == ["The ramp closes at noon."]
    writer.archive(version)
    assert found("ramp") == []
    with transaction.atomic():
        publish(version)
    assert found("ramp") == ["The ramp closes at noon."]


def test_a_text_kept_in_two_places_is_shown_once(writer: Writer, wiki: Collection) -> None:
    other = Collection.objects.create(slug="copies", name="Copies")
    for collection in (wiki, other):
        writer.write(collection, "ferry.md", "The ramp closes at noon.")
    assert found("ramp") == ["The ramp closes at noon."]


def test_the_same_words_under_another_title_are_another_passage(
    writer: Writer, wiki: Collection
) -> None:
    for path in ("ferry.md", "barge.md"):
        writer.write(wiki, path, "The ramp closes at noon.")
    assert len(found("ramp")) == 2


@pytest.mark.parametrize(
    "question", ["", "   ", "\n\t", "\0\x01\x02", "🦄", "\ud800", "?!", '+"AND (', "the", "詳細"]
)
def test_odd_questions_are_answered(writer: Writer, wiki: Collection, question: str) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    assert isinstance(found(question), list)


def test_an_empty_question_finds_nothing(writer: Writer, wiki: Collection) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    assert found(" \n ") == []


def test_a_long_text_keeps_its_first_and_last_words(
    writer: Writer, wiki: Collection, embedder: HashedWords
) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    assert found(f"ramp {'filler ' * 10_000} closes") == ["The ramp closes at noon."]
    asked = embedder.texts[-1]
    assert asked.startswith("ramp filler")
    assert asked.endswith("filler closes")
    assert len(asked) < 2_100


@pytest.mark.parametrize(("limit", "count"), [(-1, 0), (0, 0), (3, 3), (10**6, 7)])
def test_gives_at_most_what_was_asked_for(
    writer: Writer, wiki: Collection, limit: int, count: int
) -> None:
    writer.write(wiki, "ferry.md", *(f"Ramp {number}" for number in range(7)))
    assert len(retrieval.search("ramp", user=None, limit=limit).hits) == count


def test_without_an_embedding_server_words_alone_are_searched(
    writer: Writer, wiki: Collection, settings: Settings
) -> None:
    writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    result = retrieval.search("ramp", user=None)
    assert texts(result) == ["The ramp closes at noon."]
    assert result.degraded
    assert (result.hits[0].dense_rank, result.hits[0].similarity) == (None, None)


def test_every_search_during_publications_shows_the_document_exactly_once(
    writer: Writer, wiki: Collection
) -> None:
    writer.write(wiki, "ferry.md", "The ramp of edition 0.")
    done = threading.Event()

    def read() -> set[int]:
        counts = set()
        while not done.is_set():
            counts.add(len(found("ramp edition")))
        connection.close()
        return counts

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for edition in range(1, 15):
                writer.write(wiki, "ferry.md", f"The ramp of edition {edition}.")
        finally:
            done.set()
        assert [reader.result() for reader in readers] == [{1}, {1}]


def test_the_retriever_of_langchain_finds_the_same(
    writer: Writer, wiki: Collection, vault: Collection, people: People
) -> None:
    from router.retrieval.hybrid import HybridRetriever

    writer.write(wiki, "open.md", "The lock is blue.")
    version = writer.write(vault, "closed.md", "The lock code is 4711.")
    documents = HybridRetriever(user=people.reader, collection=vault).invoke("lock code")
    assert [document.page_content for document in documents] == ["The lock code is 4711."]
    metadata = documents[0].metadata
    assert (metadata["path"], metadata["version"]) == ("closed.md", 1)
    assert metadata["chunk"] == version.chunks.get().pk
    assert HybridRetriever(user=None, collection=vault).invoke("lock code") == []


def test_a_document_deleted_behind_the_index_is_not_shown(writer: Writer, wiki: Collection) -> None:
    version = writer.write(wiki, "ferry.md", "The ramp closes at noon.")
    assert found("ramp") == ["The ramp closes at noon."]
    version.document.delete()
    assert found("ramp") == []
