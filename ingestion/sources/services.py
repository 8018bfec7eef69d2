"""What people do with a source. Each verb is one transaction and records who did it, but for a
request to sync, which only has a look come sooner.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from ingestion.audit import Actor, record
from ingestion.errors import UserError
from ingestion.models import Collection, Source, SourceFile
from ingestion.pokes import poke
from ingestion.seen import digest, require_seen
from ingestion.sources import places

SYNC_TASK = "docportal.syncing.sync_source"

State = Source.State
Answer = SourceFile.Answer
# A sync that is under way is given up; the next one takes the newest state as a whole.
_ANEW: dict[str, Any] = {
    "commit": "",
    "state": State.QUEUED,
    "fence": F("fence") + 1,
    "attempts": 0,
    "lease_until": None,
}


def add_source(
    *,
    collection: Collection,
    actor: Actor,
    kind: str,
    location: str,
    branch: str = "",
    subfolder: str = "",
    every_minutes: int = 60,
    enqueue: bool = True,
) -> Source:
    """Have the collection follow a place from now on. Raises `UserError`."""
    place = _checked(kind, location, branch, subfolder)
    with transaction.atomic():
        source, created = Source.objects.get_or_create(
            collection=collection, defaults={**place, "every_minutes": every_minutes}
        )
        if not created:
            raise UserError("has-source", f"{collection} follows a source already. Edit that one.")
        record(actor, "added the source", collection=collection, detail=str(source))
        if enqueue:
            poke(SYNC_TASK, source.pk)
    return source


def seen(source: Source) -> str:
    """What whoever edits a source looks at: another one once somebody changed any of it."""
    place = (source.kind, source.location, source.branch, source.subfolder)
    return digest(source.pk, *place, source.every_minutes)


def edit_source(
    *,
    source: Source,
    actor: Actor,
    kind: str,
    location: str,
    branch: str,
    subfolder: str,
    every_minutes: int,
    looked_at: str = "",
) -> None:
    """Follow another place, or at other times. A sync that is under way is given up.

    Documents that are not at the new place are archived, after a question if they are many.
    `looked_at` is its `seen` when it was shown. Raises `UserError`, also `changed-meanwhile` and,
    for one that was removed, `no-source`.
    """
    place = _checked(kind, location, branch, subfolder)
    with transaction.atomic():
        now = Source.objects.select_for_update().filter(pk=source.pk).first()
        if now is None:
            raise removed()
        require_seen(seen(now), looked_at, told=_changed_to(now))
        same = Source.objects.filter(pk=source.pk, **place)
        following = F("looked_at") + timedelta(minutes=every_minutes)
        if not same.update(every_minutes=every_minutes, next_at=following):
            values = {**place, **_ANEW, "every_minutes": every_minutes}
            Source.objects.filter(pk=source.pk).update(**values)
            _forget_looks(source)
        source.refresh_from_db()
        record(actor, "edited the source", collection=source.collection, detail=str(source))
        poke(SYNC_TASK, source.pk)


def remove_source(*, source: Source, actor: Actor) -> None:
    """Follow it no more. Its documents stay as they are."""
    with transaction.atomic():
        # A sync holds the row while it takes a file, which else came in behind the others.
        held = Source.objects.select_for_update().filter(pk=source.pk)
        if not held:
            raise removed()
        held.delete()
        record(actor, "removed the source", collection=source.collection, detail=str(source))


def request_sync(*, source: Source, enqueue: bool = True) -> bool:
    """Have it synced now; False when that is under way. An open question is looked at again."""
    with transaction.atomic():
        asked = Source.objects.filter(pk=source.pk, state__in=(State.IDLE, State.ASKING)).update(
            state=State.QUEUED, attempts=0, lease_until=None
        )
        if asked and enqueue:
            poke(SYNC_TASK, source.pk)
    return bool(asked)


def begin_anew(*, source_id: int) -> bool:
    """Have it synced as if nothing had been taken yet; what is as it was makes no version."""
    with transaction.atomic():
        begun = Source.objects.filter(pk=source_id).update(**_ANEW)
        poke(SYNC_TASK, source_id)
    return bool(begun)


def answer_question(*, source: Source, actor: Actor, question: int, archive: bool) -> int:
    """Say whether the documents that are gone are archived or stay; returns how many they are.

    `question` is the fence of the source when it was asked, so that nobody answers another one
    than was read. Raises `UserError`.
    """
    with transaction.atomic():
        answered = Source.objects.filter(pk=source.pk, state=State.ASKING, fence=question).update(
            state=State.QUEUED
        )
        if not answered:
            raise UserError("not-asked", "This was answered meanwhile, or it changed. Look again.")
        asked = SourceFile.objects.filter(source=source, answer=Answer.ASKED)
        count = asked.update(answer=Answer.ARCHIVE if archive else Answer.STAY)
        verb = "confirmed the archiving" if archive else "dismissed the archiving"
        record(actor, verb, collection=source.collection, detail=f"of {count} documents")
        poke(SYNC_TASK, source.pk)
    return count


def _checked(kind: str, location: str, branch: str, subfolder: str) -> dict[str, str]:
    location = location.strip()
    is_git = kind == Source.Kind.GIT
    if kind not in Source.Kind.values:
        raise UserError("bad-kind", "Choose a git repository or a folder.")
    if is_git and places.is_address(location):
        places.allowed_address(location)
    else:
        places.allowed_folder(location)
    return {
        "kind": kind,
        "location": location,
        "branch": places.checked_branch(branch.strip()) if is_git else "",
        "subfolder": places.checked_subfolder(subfolder),
    }


def _forget_looks(source: Source) -> None:
    """What was asked of the files, and by which size and time each would be taken for the same."""
    SourceFile.objects.filter(source=source).update(answer=Answer.NONE, size=0, mtime_ns=0)


def removed() -> UserError:
    """What is said of a source that somebody still wants to edit or to remove."""
    return UserError(
        "no-source",
        "This source was removed meanwhile. Add one if the collection shall follow it again.",
    )


def _changed_to(source: Source) -> str:
    branch = f", branch {source.branch}" if source.branch else ""
    subfolder = f", folder {source.subfolder}" if source.subfolder else ""
    return (
        f"Somebody changed this source meanwhile. It is now {source}{branch}{subfolder}, looked at "
        f"every {source.every_minutes} minutes."
    )
