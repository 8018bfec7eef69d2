"""What the serving models were taught of a document, and what of that no longer stands in it.

Freshness is a join: a content hash names a passage's exact text, so a passage is known while its
hash is among those that a serving model was trained on, and an edit elsewhere changes nothing.
Only models that were trained on the document's own collection count: what another group's model
knows is none of its readers' business.
"""

from django.db.models import Exists, OuterRef, QuerySet

from ingestion.models import Chunk, Collection, DocumentVersion
from router.models import ModelCoverage, ModelVersion


def serving_models(collection: Collection) -> QuerySet[ModelVersion]:
    """Those that answer questions about the collection from what they were taught of it."""
    return ModelVersion.objects.filter(stage=ModelVersion.Stage.SERVING, collections=collection)


def is_known(document: str) -> Exists:
    """Whether a serving model was taught the exact text that a row's `content_hash` names.

    `document` leads from that row to its document, as in `version__document`.
    """
    return Exists(
        ModelCoverage.objects.filter(
            content_hash=OuterRef("content_hash"),
            model__stage=ModelVersion.Stage.SERVING,
            model__collections=OuterRef(f"{document}__collection"),
        )
    )


def stale_passages() -> QuerySet[Chunk]:
    """What a serving model was taught of earlier versions and their documents no longer say.

    One passage may come several times, once for each version that held it: count its distinct
    `content_hash`.
    """
    still_said = Chunk.objects.filter(
        content_hash=OuterRef("content_hash"),
        version__in=DocumentVersion.objects.served(),
        version__document=OuterRef("version__document"),
    )
    return Chunk.objects.filter(
        is_known("version__document"),
        ~Exists(still_said),
        version__withdrawn_revision__isnull=False,
    )
