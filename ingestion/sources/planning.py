"""What a sync has to do: the files as they were last taken, beside those that are there now.

Pure: paths and fingerprints in, operations out.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_GONE_PERCENT = 20
"""More of a source's documents are not archived at once before somebody has said so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Done in this order. A moved path is also in `changed` when its bytes are others."""

    moves: tuple[tuple[str, str], ...]
    """From, to; the kind of file stays the same."""
    changed: tuple[str, ...]
    """New, or with other bytes."""
    gone: tuple[str, ...]


def plan(
    held: Mapping[str, str],
    found: Mapping[str, str],
    *,
    present: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Plan:
    """`held` and `found` are fingerprints by path.

    `present` are paths that are there and cannot be taken now: they are not gone. `renamed` is
    what the source itself says of moves, old path by new one; beside it, a file is taken for moved
    when its very bytes left one path and came to one other.
    """
    gone = {path for path in held if path not in found and path not in present}
    new = {path for path in found if path not in held}
    said = {to: old for to, old in (renamed or {}).items() if to in new and old in gone}
    moves = _each_once(said)
    gone_left, new_left = gone - set(moves.values()), new - set(moves)
    moves |= _same_bytes(
        {path: held[path] for path in gone_left}, {path: found[path] for path in new_left}
    )
    moves = {to: old for to, old in moves.items() if _kind(to) == _kind(old)}
    was = {**held, **{to: held[old] for to, old in moves.items()}}
    return Plan(
        moves=tuple(sorted((old, to) for to, old in moves.items())),
        changed=tuple(sorted(path for path in found if was.get(path) != found[path])),
        gone=tuple(sorted(gone - set(moves.values()))),
    )


def _each_once(said: Mapping[str, str]) -> dict[str, str]:
    """A path can move to one place only."""
    taken: dict[str, str] = {}
    for to, old in sorted(said.items()):
        taken.setdefault(old, to)
    return {to: old for old, to in taken.items()}


def _same_bytes(gone: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Where several have the same bytes, none is known to be the one that moved."""
    left, came = _by_fingerprint(gone), _by_fingerprint(new)
    return {
        came[mark][0]: paths[0]
        for mark, paths in left.items()
        if len(paths) == 1 and len(came.get(mark, ())) == 1
    }


def _by_fingerprint(files: Mapping[str, str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, mark in files.items():
        found[mark].append(path)
    return dict(found)


def _kind(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def too_many(gone: int, of: int) -> bool:
    """Whether so many documents of a source are not archived without asking."""
    return gone * 100 > of * MOST_GONE_PERCENT
