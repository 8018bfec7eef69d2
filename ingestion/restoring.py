"""Passages of a version made again from its original, which is the truth."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from ingestion.chunking import ChunkDraft, chunk, content_hash
from ingestion.errors import UserError
from ingestion.models import Chunk, DocumentVersion
from ingestion.sandbox import parse_safely
from ingestion.sniffing import media_type_of
from ingestion.storage import original_path, sha256_of
from ingestion.tokens import count_tokens


def restore(version_id: int) -> bool:
    """Give a version the passages that its original says; whether that could be done.

    Nothing is changed when the original is damaged, or when what is stored was read from it by
    other rules than today's: then no passage of today belongs to one of those.
    """
    version = DocumentVersion.objects.select_related("document").get(pk=version_id)
    path = original_path(version.sha256)
    if not path.is_file() or sha256_of(path) != version.sha256:
        return False
    try:
        parsed = parse_safely(path, media_type_of(version.document.path, path))
    except UserError:
        return False
    drafts = chunk(parsed, count_tokens=count_tokens)
    with transaction.atomic():
        placed = _placed(list(version.chunks.select_for_update()), drafts)
        if placed is None or not drafts:
            return False
        _write(version, placed, drafts)
    return True


def _placed(stored: Sequence[Chunk], drafts: Sequence[ChunkDraft]) -> dict[int, Chunk] | None:
    """The stored passages by the draft that each is of, by its name or its words: the one in its
    place, else one in a place that is free. None when one is of no draft."""
    in_place = {
        one.position: one
        for one in stored
        if one.position < len(drafts) and drafts[one.position].content_hash in _names(one)
    }
    taken = {one.position for one in stored}
    for one in stored:
        if one.position in in_place:
            continue
        places = [
            place
            for place, draft in enumerate(drafts)
            if place not in taken and draft.content_hash in _names(one)
        ]
        if not places:
            return None
        in_place[places[0]] = one
        taken.add(places[0])
    return in_place


def _names(one: Chunk) -> tuple[str, str]:
    return one.content_hash, content_hash(one.kind, one.heading_path, one.text)


def _write(
    version: DocumentVersion, placed: Mapping[int, Chunk], drafts: Sequence[ChunkDraft]
) -> None:
    for position, draft in enumerate(drafts):
        one = placed.get(position) or Chunk(version=version)
        one.position, one.content_hash = position, draft.content_hash
        one.kind, one.text = draft.kind, draft.text
        one.heading_path, one.page = list(draft.heading_path), draft.page
        one.language, one.tokens = draft.language, draft.tokens
        one.save()
    DocumentVersion.objects.filter(pk=version.pk).update(chunk_count=len(drafts))
