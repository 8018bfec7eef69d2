"""Documents as they are kept, who may read them, the sources that bring them by themselves, and the
webhooks that tell of them."""

from ingestion.models.documents import (
    AuditEvent,
    AuditEventQuerySet,
    Chunk,
    Collection,
    CollectionQuerySet,
    CorpusRevision,
    DocType,
    Document,
    DocumentQuerySet,
    DocumentVersion,
    Reader,
    VersionQuerySet,
)
from ingestion.models.sources import Source, SourceFile, SourceQuerySet
from ingestion.models.webhooks import Delivery, Event, Webhook

__all__ = [
    "AuditEvent",
    "AuditEventQuerySet",
    "Chunk",
    "Collection",
    "CollectionQuerySet",
    "CorpusRevision",
    "Delivery",
    "DocType",
    "Document",
    "DocumentQuerySet",
    "DocumentVersion",
    "Event",
    "Reader",
    "Source",
    "SourceFile",
    "SourceQuerySet",
    "VersionQuerySet",
    "Webhook",
]
