"""Search: the passages of the current documents that fit a question, best first.

The eight verbs below are the whole interface. Their parts are imported at the first call: the
index libraries take a third of a second, must not be loaded in a process that forks afterwards,
and the embedding server, which lives in this package too, knows nothing of Django.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.models import Collection, DocumentVersion, Reader
    from router.retrieval.embeddings import Vectors
    from router.retrieval.searching import Hit, SearchResult


def search(
    text: str, *, user: "Reader", collection: "Collection | None" = None, limit: int = 10
) -> "SearchResult":
    """The best passages for `text` among those that `user` may read, as of now.

    Takes any text. Shows what was published before the call, and no document in two versions.
    Without an embedding server it goes by words alone, and says so in `degraded`; while the index
    cannot be brought up to date, with what it holds, and says so in `behind`.
    """
    from router.retrieval import searching

    return searching.search(text, user=user, collection=collection, limit=limit)


def search_version(
    version: "DocumentVersion", text: str, *, vector: "Vectors | None", limit: int = 10
) -> "list[Hit]":
    """The best passages of one version, served or not, for `text`.

    By meaning and words, as `search`; by words alone without the `vector` of the question or
    where none of the version are kept. Asks for no permission: the caller may read the document.
    """
    from router.retrieval import searching

    return searching.search_version(version, text, vector=vector, limit=limit)


def embed_questions(questions: Sequence[str]) -> "Vectors | None":
    """Unit vectors of questions, one row for each; None when no embedding server answers."""
    from router.retrieval.questions import question_vectors

    return question_vectors.of(questions)


def index_version(version: "DocumentVersion") -> None:
    """Embed the chunks of a version that have no vector yet; to be done before it is published.

    May be stopped at any moment and called again. Raises `EmbeddingsUnavailable`.
    """
    from router.retrieval import chunk_vectors

    chunk_vectors.embed_version(version)


def embed_served() -> int:
    """Embed what is served and has no vector by the present model; how many versions had not.

    May be stopped at any moment and called again. Raises `EmbeddingsUnavailable`.
    """
    from router.retrieval import chunk_vectors

    return chunk_vectors.embed_served()


def refresh() -> int:
    """Bring this machine's index up to date, compact it when due; returns its corpus revision.

    Call it outside a transaction, after one that published or withdrew something.
    """
    from router.retrieval import index

    return index.current().refresh()


def rebuild() -> int:
    """Make this machine's index anew from the database; returns its corpus revision."""
    from router.retrieval import index

    return index.current().rebuild()


def held() -> int:
    """The corpus revision that this machine's index holds now, whatever is served; 0: none."""
    from router.retrieval import index

    return index.current().held()
