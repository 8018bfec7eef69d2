"""The search as a retriever of LangChain, for chains and tools that take one."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from router.retrieval.searching import Hit, search


class HybridRetriever(BaseRetriever):
    """Passages that `user` may read, as `router.retrieval.search` finds them.

    Permissions are part of the retriever, not of the call: make one for each reader.
    """

    user: Any = None
    collection: Any = None
    limit: int = 10

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        result = search(query, user=self.user, collection=self.collection, limit=self.limit)
        return [_document(hit) for hit in result.hits]


def _document(hit: Hit) -> Document:
    version = hit.chunk.version
    return Document(
        page_content=hit.chunk.text,
        id=str(hit.chunk.pk),
        metadata={
            "chunk": hit.chunk.pk,
            "collection": version.document.collection.slug,
            "path": version.document.path,
            "title": version.title or version.document.title,
            "version": version.number,
            "heading": hit.chunk.heading,
            "page": hit.chunk.page,
            "score": hit.score,
        },
    )
