"""What a sync did and what it left out, as it is kept in the source's row and shown."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ingestion.sources.snapshots import Snapshot, shown

MOST_TOLD = 50


@dataclass(slots=True)
class Report:
    created: int = 0
    updated: int = 0
    moved: int = 0
    archived: int = 0
    commits: int = 0
    """That were gone through one by one."""
    whole: str = ""
    """Why only the newest state was taken; empty where each commit was."""
    waiting: int = 0
    """Files that were being written."""
    failed: list[dict[str, str]] = field(default_factory=list)
    """Path and reason of the first that were left out and could be mended."""
    failures: int = 0
    others: dict[str, int] = field(default_factory=dict)
    """Files of kinds that are not read, by suffix."""

    @property
    def did_something(self) -> bool:
        return bool(self.created or self.updated or self.moved or self.archived)

    def count(self, kind: str) -> None:
        self.created += kind == "created"
        self.updated += kind == "updated"

    def refuse(self, path: str, reason: str) -> None:
        self.failures += 1
        if len(self.failed) < MOST_TOLD:
            self.failed.append({"path": shown(path), "reason": reason})

    def describe(self, newest: Snapshot) -> None:
        for path, reason in newest.told:
            self.refuse(path, reason)
        self.waiting = newest.waiting
        self.others = dict(newest.others.most_common(10))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def told_as_json(self) -> dict[str, Any]:
        """What is true of the source as it is, whether or not anything was done."""
        names = ("waiting", "failed", "failures", "others")
        return {name: value for name, value in asdict(self).items() if name in names}
