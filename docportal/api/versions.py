"""How a version of a document looks to programs."""

from datetime import datetime

from ninja import Schema

from ingestion.models import DocumentVersion


class CommitOut(Schema):
    """What a git source took the version of; `author` is whom the commit names, no account."""

    id: str
    author: str
    at: datetime


class VersionOut(Schema):
    number: int
    state: str
    served: bool
    title: str
    note: str
    author: str | None
    commit: CommitOut | None
    created: datetime
    size: int
    sha256: str
    media_type: str
    failure: str


def version_out(row: DocumentVersion) -> VersionOut:
    """`row.author` is fetched with it where there are many."""
    return VersionOut(
        number=row.number,
        state=row.state,
        served=row.is_served,
        title=row.title,
        note=row.note,
        author=row.author.get_username() if row.author else None,
        commit=_commit(row),
        created=row.created_at,
        size=row.size,
        sha256=row.sha256,
        media_type=row.media_type,
        failure=row.failure_reason,
    )


def _commit(row: DocumentVersion) -> CommitOut | None:
    if row.committed_at is None:
        return None
    return CommitOut(id=row.commit, author=row.commit_author, at=row.committed_at)
