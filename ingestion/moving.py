"""A document under another path, with all that is known of it."""

from django.db import transaction

from ingestion.audit import Actor, record
from ingestion.models import Document
from ingestion.paths import document_slug


def move_document(*, document: Document, path: str, actor: Actor) -> bool:
    """Give a document another path of its collection, and with it another address.

    False, and nothing changes, where another document has that path or had it before.
    """
    with transaction.atomic():
        taken = Document.objects.filter(collection=document.collection_id, path=path)
        if taken.exists():
            return False
        slug = document_slug(document.collection.slug, path)
        Document.objects.filter(pk=document.pk).update(path=path, slug=slug)
        record(actor, "moved", document=document, detail=f"{document.path} → {path}")
    return True
