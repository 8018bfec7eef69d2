"""A git repository, read through the program `git` and nothing of it ever run or checked out.

What was fetched lies in a bare mirror in the home. It is a cache: without it, or when it is
damaged, all is fetched again. Files are read from their objects, so that neither links, nor hooks,
filters or attributes of the repository come into it.
"""

import os
import re
import shlex
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings
from filelock import FileLock, Timeout

from ingestion.commits import AUTHOR_LENGTH, Commit, plain
from ingestion.errors import UserError
from ingestion.sources import places, snapshots
from ingestion.sources.git_process import GitFailed, run_git
from ingestion.sources.snapshots import Entry, Snapshot

REF = "refs/heads/source"
BUSY = "git-busy"
"""The id of the error of a mirror that another process works on."""
MOST_COMMITS = 100
"""Of more commits since the last sync, only the newest state is taken."""
_FILE_MODES = (b"100644", b"100755")
_LINK = b"120000"
_OF_NO_SIZE = b"BAD"
"""What git lists for a file that the mirror has lost."""
_MESSAGE_LENGTH = 2000
_LOCK_SECONDS = 60
_OF_A_MIRROR = re.compile(r"([0-9]+)\.(git|config|lock)")
_UNFINISHED = re.compile(r"\.?tmp[_-].*|.*\.(lock|keep)")
# Of `git fsck`: an object is not as git would have written it today. Many old repositories have
# some, and they can be read.
_ODD_OBJECTS = 1


@dataclass(frozen=True, slots=True)
class History:
    """What came since the last sync: its commits, oldest first, or why only `newest` is taken."""

    newest: Commit
    commits: Sequence[Commit] = ()
    whole: str = ""


class Mirror:
    """Of one source. Used by one process at a time, which `locked` sees to."""

    def __init__(self, key: int, location: str, branch: str, subfolder: str) -> None:
        self.folder = mirrors_folder() / f"{key}.git"
        self._config = mirrors_folder() / f"{key}.config"
        self._location, self._branch, self._subfolder = location, branch, subfolder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """A worker that was thought dead may still be fetching. Raises `UserError`."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder.with_suffix(".lock"), timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(BUSY, "Another process still reads this repository.") from None
        try:
            yield
        finally:
            lock.release()

    # --- What there is ------------------------------------------------------------------------
    def fetch(self, *, history: bool) -> str:
        """Bring the branch here; returns the commit it stands at. Raises `UserError`.

        Without `history` its newest commit is enough.
        """
        location, protocol = self._asked_for()
        depth = [] if history else ["--depth=1"]
        ref = f"refs/heads/{self._branch}" if self._branch else "HEAD"
        arguments = ["fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules"]
        arguments += ["--no-write-fetch-head", "--no-auto-maintenance", *depth]
        arguments += ["--end-of-options", location, f"+{ref}:{REF}"]
        self._prepare(location)
        try:
            self._git(*arguments, protocol=protocol)
        except GitFailed as failed:
            if not failed.is_of_the_mirror:
                raise failed.told(self._branch) from failed
            # A fetch that was killed leaves its locks behind.
            self.forget()
            self._prepare(location)
            self._again(arguments, protocol)
        except UserError:
            # It was killed, here or by others, while nobody else writes.
            for path in self.unfinished():
                path.unlink(missing_ok=True)
            raise
        return self._git("rev-parse", "--verify", "--end-of-options", REF).decode().strip()

    def _again(self, arguments: list[str], protocol: str) -> None:
        try:
            self._git(*arguments, protocol=protocol)
        except GitFailed as failed:
            raise failed.told(self._branch) from failed

    def _asked_for(self) -> tuple[str, str]:
        if places.is_address(self._location):
            address = places.allowed_address(self._location)
            return address, address.split("://")[0]
        return str(places.allowed_repository(self._location)), "file"

    def _prepare(self, location: str) -> None:
        """The settings lie in a file, as git hides its variables from the repository's side."""
        lines = [f"[safe]\n\tdirectory = {_quoted(location)}"]
        if settings.SOURCE_CREDENTIALS:
            # Only looked up: `store` itself would forget what a server once refused.
            store = f"git credential-store --file {shlex.quote(settings.SOURCE_CREDENTIALS)} get"
            helper = f'!f() {{ test "$1" != get || {store}; }}; f'
            lines.append(f"[credential]\n\thelper = {_quoted(helper)}")
        self._config.write_text("\n".join(lines) + "\n")
        if not (self.folder / "HEAD").exists():
            self.forget()
            run_git(["init", "--quiet", "--bare", str(self.folder)], self._config)

    # --- What happened -------------------------------------------------------------------------
    def history(self, since: str, head: str) -> History:
        """From commit to commit along the first parents, those that touch the subfolder."""
        (newest,) = self._commits("--max-count=1", head)
        if not since:
            return History(newest, whole="the first sync")
        if since == head:
            return History(newest)
        if not self._leads_to(since, head):
            return History(newest, whole="the branch was rewritten")
        within = ["--", self._subfolder] if self._subfolder else []
        span = [f"--max-count={MOST_COMMITS + 1}", f"{since}..{head}", *within]
        commits = self._commits("--first-parent", *span)
        if len(commits) > MOST_COMMITS:
            return History(newest, whole=f"more than {MOST_COMMITS} commits at once")
        return History(newest, commits[::-1])

    def _leads_to(self, since: str, head: str) -> bool:
        """Whether the branch went on from that very commit, and not past it by a merge."""
        try:
            later = self._git("rev-list", "--first-parent", f"{since}..{head}").split()
            parent = self._git("rev-parse", "--verify", f"{later[-1].decode()}^") if later else b""
        except GitFailed:
            return False
        return parent.decode().strip() == since

    def _commits(self, *which: str) -> list[Commit]:
        form = "--format=%H%x00%an%x00%at%x00%B"
        said = self._git("log", "-z", "--no-show-signature", "--encoding=UTF-8", form, *which)
        parts = said.decode("utf-8", "replace").removesuffix("\0").split("\0")
        rows = [parts[start : start + 4] for start in range(0, len(parts) - 3, 4)]
        return [
            Commit(key, plain(author, AUTHOR_LENGTH), _moment(at), plain(text, _MESSAGE_LENGTH))
            for key, author, at, text in rows
        ]

    def renamed(self, before: str, after: str) -> dict[str, str]:
        """Old paths by new ones, inside the subfolder; empty where git cannot say."""
        inside = [f"--relative={self._subfolder}"] if self._subfolder else []
        asked = ["diff-tree", "-r", "-z", "-M", "--name-status", "--diff-filter=R", *inside]
        try:
            parts = self._git(*asked, "--end-of-options", before, after).split(b"\0")
        except GitFailed:
            return {}
        rows = zip(parts[1::3], parts[2::3], strict=False)
        return {os.fsdecode(new): os.fsdecode(old) for old, new in rows}

    # --- Files ---------------------------------------------------------------------------------
    def snapshot(self, commit: str) -> Snapshot:
        """All files of the commit in the subfolder, none when that is not there. Raises
        `GitFailed` when the mirror has lost some of it."""
        try:
            listed = self._git("ls-tree", "-r", "-z", "-l", f"{commit}:{self._subfolder}")
        except GitFailed as failed:
            if not failed.names_no_path:
                raise
            # A folder that the mirror has lost is told of in the same words, and fails here.
            self._git("ls-tree", commit, *([f"{self._subfolder}/"] if self._subfolder else []))
            return Snapshot()
        found = Snapshot()
        entries: dict[str, Entry] = {}
        for line in listed.split(b"\0"):
            if not line:
                continue
            about, _, raw = line.partition(b"\t")
            mode, _kind, blob, size = about.split()
            if mode in _FILE_MODES:
                name, key = os.fsdecode(raw), blob.decode()
                if size == _OF_NO_SIZE:
                    raise GitFailed(f"corrupt: {key} is missing", 1)
                entries[name] = Entry(key, key, int(size))
            elif mode == _LINK:
                found.leave_out(os.fsdecode(raw), snapshots.A_LINK)
        for path, name in snapshots.documents(entries, found).items():
            if snapshots.is_too_large(entries[name].size):
                found.present.add(path)
                found.leave_out(path, snapshots.too_large())
            else:
                found.files[path] = entries[name]
        return found

    @contextmanager
    def opened(self, entry: Entry) -> Iterator[BinaryIO]:
        """The bytes as they are kept, whole. Raises `UserError` when they find no room."""
        snapshots.require_room(entry)
        with TemporaryFile() as file:
            run_git(["cat-file", "blob", entry.where], self._config, self.folder, into=file)
            file.seek(0)
            yield file

    def forget(self) -> None:
        """For the next sync to begin with a new one."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_whole(self) -> bool:
        """Whether each object can be read and is what its name says. While somebody else writes
        here, it can look as if not. Raises `UserError` when git is not installed or too slow."""
        try:
            self._git("fsck", "--full", "--no-dangling", "--no-progress")
        except GitFailed as failed:
            return failed.code == _ODD_OBJECTS
        return True

    def unfinished(self) -> Iterator[Path]:
        """What git writes on its way. It stays when git is killed: a lock has the next fetch begin
        with a new mirror, and half a pack takes its room for weeks."""
        for folder, _, names in os.walk(self.folder):
            yield from (Path(folder, name) for name in names if _UNFINISHED.fullmatch(name))

    def tidy(self) -> None:
        """Pack what many small fetches left."""
        self._git("-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")

    def _git(self, *arguments: str, protocol: str = "none") -> bytes:
        return run_git(arguments, self._config, self.folder, protocol=protocol)


def mirrors_folder() -> Path:
    return Path(settings.SOURCES_DIR)


def mirrors() -> dict[int, list[Path]]:
    """What lies there, by the key of its source."""
    found: defaultdict[int, list[Path]] = defaultdict(list)
    for path in sorted(mirrors_folder().glob("*")):
        if named := _OF_A_MIRROR.fullmatch(path.name):
            found[int(named[1])].append(path)
    return dict(sorted(found.items()))


def forget_mirrors(kept: set[int]) -> None:
    """Remove those of sources that are there no more."""
    for key, paths in mirrors().items():
        for path in paths if key not in kept else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _moment(seconds: str) -> datetime:
    """Some commits have dates that no calendar has."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _quoted(value: str) -> str:
    """For a file of git's settings."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
