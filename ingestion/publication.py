"""What is served: the only place that hands out corpus revisions.

All functions run inside the caller's transaction. They take the row lock of the document before
they look at it, as whoever archives or uploads it has it already; then that of `CorpusRevision`,
so revisions grow in commit order, and a reader that knows revision n can ask for what came after
n and miss nothing.
"""

from collections.abc import Callable

from django.db.models import F

from ingestion.models import CorpusRevision, Document, DocumentVersion

Change = Callable[[Document], None]


def current_revision() -> int:
    """The revision that a search started now has to show; 0 before the first publication."""
    return CorpusRevision.objects.filter(pk=1).values_list("number", flat=True).first() or 0


def _next_revision() -> int:
    CorpusRevision.objects.get_or_create(pk=1)
    CorpusRevision.objects.filter(pk=1).update(number=F("number") + 1)
    return CorpusRevision.objects.values_list("number", flat=True).get(pk=1)


def _locked(document_id: int) -> Document:
    return Document.objects.select_for_update(no_key=True).get(pk=document_id)


def publish(version: DocumentVersion) -> bool:
    """Serve this ready version instead of the one before, in one step.

    Returns False, and changes nothing, when the document is archived or a newer version is
    already served: then this one is kept, but not shown.
    """
    document = _locked(version.document_id)
    served = DocumentVersion.objects.served().filter(document=document).first()
    if document.archived_at is not None or (served and served.number >= version.number):
        return False
    revision = _next_revision()
    if served:
        DocumentVersion.objects.filter(pk=served.pk).update(withdrawn_revision=revision)
    DocumentVersion.objects.filter(pk=version.pk).update(
        published_revision=revision, withdrawn_revision=None
    )
    return True


def withdraw_document(document: Document) -> None:
    """Stop serving the document's version, if one is served."""
    _locked(document.pk)
    served = DocumentVersion.objects.served().filter(document=document)
    if served.exists():
        served.update(withdrawn_revision=_next_revision())


def republish_document(document: Document) -> None:
    """Serve the newest ready version of a document that was brought back, if it has one."""
    _locked(document.pk)
    newest = document.versions.filter(state=DocumentVersion.State.READY).order_by("-number").first()
    if newest is not None:
        publish(newest)


def serve_newest(document: Document) -> None:
    """Of several served versions, which only a damaged database can hold, serve the newest."""
    _locked(document.pk)
    revision = _next_revision()
    served = DocumentVersion.objects.served().filter(document=document)
    newest = served.order_by("-number")[:1].values("pk")
    served.exclude(pk__in=newest).update(withdrawn_revision=revision)
