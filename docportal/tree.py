"""What `ingest` finds under the paths it was given: documents, their pairs, and the rest."""

import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ingestion.errors import UploadError
from ingestion.paths import clean_path
from ingestion.sniffing import SUPPORTED_SUFFIXES
from ingestion.sources.snapshots import shown
from ingestion.storage import OF_THE_DISK

PAIRS_SUFFIX = "_qa.jsonl"
EXPORT_MANIFEST, EXPORT_BEGINS = "manifest.json", b'{"docportal_export": 1'
"""What `export` says of its files lies among them, and is no document."""
LINKED_FOLDER = "A link to a folder is not followed. Give the folder itself, or a copy of it."


@dataclass(slots=True)
class Tree:
    """`documents` and `pairs` by the document's path in its collection; `others` with a reason."""

    documents: dict[str, Path] = field(default_factory=dict)
    pairs: dict[str, Path] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    """Paths of files and folders that were not looked at; `.` is all of it."""

    def may_hold(self, path: str) -> bool:
        """Whether the document is there, as far as could be seen."""
        within = {path, *map(str, PurePosixPath(path).parents)}
        return path in self.documents or not within.isdisjoint(self.closed)


def read_tree(roots: Iterable[Path]) -> Tree:
    """Walk the folders; a path's identity is relative to the folder given. Hidden files are not
    documents. The same relative path under two roots is reported, and the first one is kept."""
    tree, pair_files = Tree(), []
    for name, file in _files(roots, tree):
        try:
            path = clean_path(name)
        except UploadError as error:
            tree.others.append((shown(name), str(error)))
            continue
        if path == EXPORT_MANIFEST and _begins(file, EXPORT_BEGINS):
            continue
        if path.endswith(PAIRS_SUFFIX):
            pair_files.append((path, file))
        elif file.suffix.lower() not in SUPPORTED_SUFFIXES:
            kind = f"{file.suffix} files" if file.suffix else "Files without an extension"
            tree.others.append((path, f"{kind} are not read here."))
        elif path in tree.documents:
            tree.others.append((path, "The same path was given twice; the first one was used."))
        else:
            tree.documents[path] = file
    named = _by_stem(tree.documents)
    for path, file in sorted(pair_files, key=lambda found: len(found[0])):
        _assign_pairs(tree, named, path, file)
    return tree


def unreadable(error: OSError) -> str:
    """In words for whoever brings the file."""
    return f"It cannot be read: {os.strerror(error.errno or 0)}."


def _files(roots: Iterable[Path], tree: Tree) -> Iterator[tuple[str, Path]]:
    """Each with its path below its root; what cannot be looked at is noted in the tree."""
    for root in roots:
        if root.is_file():
            yield root.name, root
            continue
        for file in sorted(_walk(root, tree)):
            try:
                # `is_file` says no of a link whose target is away.
                is_file = stat.S_ISREG(file.stat().st_mode)
            except OSError as error:
                _close(tree, root, file, unreadable(error))
                continue
            if is_file:
                yield file.relative_to(root).as_posix(), file


def _walk(root: Path, tree: Tree) -> Iterator[Path]:
    def note(error: OSError) -> None:
        _close(tree, root, Path(error.filename), unreadable(error))

    for folder, folders, names in os.walk(root, onerror=note):
        folders[:] = [one for one in folders if not one.startswith(".") and one != OF_THE_DISK]
        for path in (Path(folder, one) for one in folders):
            if path.is_symlink():
                _close(tree, root, path, LINKED_FOLDER)
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _close(tree: Tree, root: Path, path: Path, reason: str) -> None:
    name = path.relative_to(root).as_posix()
    tree.others.append((shown(name), reason))
    tree.closed.add(unicodedata.normalize("NFC", name))


def _begins(file: Path, words: bytes) -> bool:
    try:
        with file.open("rb") as content:
            return content.read(len(words)) == words
    except OSError:
        return False


def _by_stem(documents: Iterable[str]) -> dict[str, list[str]]:
    """The paths by what is left without their suffix."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for path in documents:
        named[str(PurePosixPath(path).with_suffix(""))].append(path)
    return named


def _assign_pairs(tree: Tree, named: Mapping[str, Sequence[str]], path: str, file: Path) -> None:
    """`X.md_qa.jsonl` belongs to X.md; `X_qa.jsonl` to the only X there is.

    Called shortest name first, so that the exact name replaces the short one.
    """
    stem = path.removesuffix(PAIRS_SUFFIX)
    if stem in tree.documents:
        tree.pairs[stem] = file
        return
    owners = named.get(stem, ())
    if len(owners) == 1:
        tree.pairs[owners[0]] = file
    elif owners:
        exact = f"{PurePosixPath(owners[0]).name}{PAIRS_SUFFIX}"
        reason = f"It could belong to {' or '.join(owners)}. Name it {exact}, for example."
        tree.others.append((path, reason))
    else:
        tree.others.append((path, "There is no document of this name beside it."))
