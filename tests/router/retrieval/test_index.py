"""The index on disk: caught up, compacted, made anew; damaged, foreign, behind, ahead."""

import json
import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from pytest_django import Settings

from ingestion.models import Chunk, Collection, CorpusRevision
from ingestion.publication import publish
from router import incidents, retrieval
from router.models import ChunkEmbedding, IndexGeneration
from router.retrieval.generations import IndexFolder
from router.retrieval.index import COMPACT_CHUNKS, Index, current
from tests.router.retrieval.conftest import Writer
from tests.router.retrieval.hashed_words import HashedWords, embed

pytestmark = pytest.mark.django_db(transaction=True)


def folder() -> Path:
    return Path(django_settings.INDEX_DIR)


def pointer() -> dict[str, int]:
    content: dict[str, int] = json.loads((folder() / "current.json").read_text())
    return content


def chunks_found(index: Index, question: str) -> tuple[set[int], set[int]]:
    """By words and by vectors."""
    snapshot = index.snapshot()
    everything = set(Collection.objects.values_list("pk", flat=True))
    words = snapshot.words.search(question, everything, 50)
    vectors = snapshot.vectors.search(embed(question), everything, 50)
    return {chunk for chunk, _ in words}, {chunk for chunk, _ in vectors}


def another_process() -> Index:
    """An index that has opened nothing yet, over the same folder."""
    return Index(folder())


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.fixture
def chunks(writer: Writer, wiki: Collection) -> set[int]:
    """Of two served documents, with an index that knows them."""
    versions = [
        writer.write(wiki, path, f"The ramp of {path} closes.", f"Dogs on {path}.")
        for path in ("ferry.md", "barge.md")
    ]
    retrieval.refresh()
    return set(Chunk.objects.filter(version__in=versions).values_list("pk", flat=True))


def test_an_empty_corpus_has_an_index_at_revision_0(home: Path, db: None) -> None:
    assert retrieval.refresh() == 0


def test_words_and_vectors_hold_the_same_chunks(chunks: set[int]) -> None:
    words, vectors = chunks_found(current(), "ramp dogs")
    assert words == vectors == chunks


def test_a_publication_is_found_by_every_process_without_a_new_generation(
    chunks: set[int], writer: Writer, wiki: Collection
) -> None:
    other = another_process()
    other.snapshot()
    before = pointer()
    version = writer.write(wiki, "tug.md", "The ramp of the tug.")
    added = {version.chunks.get().pk}
    for index in (other, current(), another_process()):
        words, vectors = chunks_found(index, "ramp dogs")
        assert words == vectors == chunks | added
    assert pointer() == before


def test_many_changes_make_a_new_generation_and_leave_nothing_behind(
    chunks: set[int], writer: Writer, wiki: Collection
) -> None:
    other = another_process()
    other.snapshot()
    before = pointer()
    version = writer.draft(wiki, "log.md", "The first line.")
    many = Chunk.objects.bulk_create(
        Chunk(
            version=version,
            position=position,
            content_hash=str(position),
            kind=Chunk.Kind.PROSE,
            text=f"Line {position}",
            tokens=2,
        )
        for position in range(1, COMPACT_CHUNKS + 2)
    )
    vector = embed("Line").tobytes()
    name = django_settings.EMBEDDINGS_MODEL
    ChunkEmbedding.objects.bulk_create(
        ChunkEmbedding(chunk=chunk, embedder=name, vector=vector) for chunk in many
    )
    with transaction.atomic():
        publish(version)
    assert retrieval.refresh() == 3
    assert pointer()["vectors"] > before["vectors"]
    assert pointer()["lexical"] == before["lexical"]
    kept = {path.name for path in folder().iterdir() if path.is_dir()}
    assert kept == {f"lexical-{before['lexical']:06}", f"vectors-{pointer()['vectors']:06}"}
    generation = IndexGeneration.objects.get(number=pointer()["vectors"])
    assert generation.chunks == len(chunks) + len(many) + 1
    for index in (other, another_process()):
        assert chunks_found(index, "ramp dogs")[0] == chunks
        assert index.snapshot().revision == 3


def test_a_rebuild_gives_what_was_there(chunks: set[int]) -> None:
    before = pointer()
    assert retrieval.rebuild() == 2
    assert pointer() != before
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert words == vectors == chunks


@pytest.mark.parametrize(
    "damaged",
    [
        "vectors-*/vectors.faiss",
        "vectors-*/rows.npy",
        "vectors-*/manifest.json",
        "lexical-*/*.idx",
        "lexical-*/*.fast",
        "lexical-*/meta.json",
        "current.json",
    ],
)
def test_a_flipped_bit_is_found_at_opening_and_mended(chunks: set[int], damaged: str) -> None:
    for path in folder().glob(damaged):
        flip_a_bit(path)
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert words == vectors == chunks
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert words == vectors == chunks


def test_damage_to_what_is_open_is_found_with_the_next_publication(
    chunks: set[int], writer: Writer, wiki: Collection
) -> None:
    """The words are only looked at again when they change."""
    (path,) = folder().glob("lexical-*/meta.json")
    path.write_text("{")
    version = writer.write(wiki, "tug.md", "The ramp of the tug.")
    everything = chunks | {version.chunks.get().pk}
    for index in (current(), another_process()):
        assert chunks_found(index, "ramp dogs") == (everything, everything)


def test_search_waits_for_no_other_process_that_makes_the_index_anew(
    chunks: set[int], writer: Writer, wiki: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.retrieval.index.BUSY_SECONDS", 0.01)
    version = writer.write(wiki, "tug.md", "The ramp of the tug.")
    everything = chunks | {version.chunks.get().pk}
    with IndexFolder(folder()).lock():
        assert chunks_found(current(), "ramp dogs") == (chunks, everything)
        assert current().snapshot().is_behind
    assert incidents.standing() == []
    monkeypatch.setattr("router.retrieval.index.RETRY_SECONDS", 0.0)
    assert chunks_found(current(), "ramp dogs") == (everything, everything)


@pytest.mark.parametrize("lost", ["vectors-*/vectors.faiss", "vectors-*/manifest.json"])
def test_a_missing_file_is_made_again(chunks: set[int], lost: str) -> None:
    for path in folder().glob(lost):
        path.unlink()
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert words == vectors == chunks


def test_a_cut_off_file_is_made_again(chunks: set[int]) -> None:
    for path in folder().glob("vectors-*/vectors.faiss"):
        os.truncate(path, 10)
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert words == vectors == chunks


def test_an_index_of_another_database_is_not_used(chunks: set[int]) -> None:
    IndexGeneration.objects.update(manifest_sha256="of another one")
    before = pointer()
    words, _ = chunks_found(another_process(), "ramp dogs")
    assert words == chunks
    assert pointer() != before


def test_an_index_ahead_of_a_restored_database_is_made_anew(
    chunks: set[int], writer: Writer, wiki: Collection
) -> None:
    version = writer.write(wiki, "tug.md", "The ramp of the tug.")
    assert current().refresh() == 3
    version.document.delete()
    CorpusRevision.objects.update(number=2)
    words, vectors = chunks_found(current(), "ramp dogs")
    assert words == vectors == chunks


def test_an_index_made_anew_after_the_database_was_put_back_holds_each_chunk_once(
    chunks: set[int],
) -> None:
    """Its generations are forgotten with all else, so their numbers would be given again."""
    other = another_process()
    other.snapshot()
    IndexGeneration.objects.all().delete()
    before = pointer()
    current().rebuild()
    assert pointer() != before, "another process looks at the new one"
    for index in (other, another_process()):
        assert index.refresh() == current().held()
        assert chunks_found(index, "ramp dogs") == (chunks, chunks)
    assert sorted(another_process().snapshot().words.chunks()) == sorted(chunks)


def test_another_embedder_needs_other_vectors(
    chunks: set[int], settings: Settings, embedder: HashedWords
) -> None:
    settings.EMBEDDINGS_MODEL = "another"
    words, vectors = chunks_found(another_process(), "ramp dogs")
    assert (words, vectors) == (chunks, set())
    for chunk in Chunk.objects.select_related("version"):
        retrieval.index_version(chunk.version)
    retrieval.rebuild()
    assert chunks_found(another_process(), "ramp dogs") == (chunks, chunks)
