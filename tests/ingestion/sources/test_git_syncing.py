"""Commits of real repositories become versions of documents."""

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.models import AuditEvent, Collection, Document, DocumentVersion, Source
from ingestion.services import archive_document
from ingestion.sources import git, git_process, jobs, services
from ingestion.sources.syncing import sync
from tests.documents import upload
from tests.ingestion.sources.conftest import Again, Follow
from tests.repositories import Repository, guide, instead
from tests.small_disks import small_disk

pytestmark = pytest.mark.django_db(transaction=True)


def versions(path: str) -> list[tuple[str, str]]:
    """Author and note, oldest first."""
    rows = DocumentVersion.objects.filter(document__path=path).order_by("number")
    return list(rows.values_list("commit_author", "note"))


def waits(source: Source) -> timedelta:
    """From one look to the next."""
    assert source.looked_at is not None
    assert source.next_at is not None
    return source.next_at - source.looked_at


def there() -> set[str]:
    return set(Document.objects.filter(archived_at=None).values_list("path", flat=True))


def test_first_sync_takes_the_state_of_the_newest_commit(
    repository: Repository, follow: Follow
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Describe the pier")
    repository.write("ops/quay.txt", "Quay\n\nThe crane lifts 38 tonnes.\n")
    newest = repository.commit("Add the quay", author="Kim Berg", at="2026-03-02T11:30:00Z")
    source = follow(repository.path)
    assert (source.state, source.failure, source.commit) == ("idle", "", newest)
    assert there() == {"pier.md", "ops/quay.txt"}
    assert versions("pier.md") == [("Kim Berg", "As of: Add the quay")]
    version = DocumentVersion.objects.get(document__path="ops/quay.txt")
    assert version.commit == newest
    assert version.committed_at == datetime(2026, 3, 2, 11, 30, tzinfo=UTC)
    assert version.author is None
    assert source.report["whole"] == "the first sync"


def test_each_later_commit_is_a_version_of_what_it_touched(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.write("quay.md", guide("quay"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20\n\nThe harbour master said so.")
    repository.write("pier.md", guide("pier", "It closes at 22."))
    repository.commit("Close at 22", author="Kim Berg")
    source = again(source)
    assert versions("pier.md") == [
        ("Jane Doe", "As of: Begin"),
        ("Jane Doe", "Close at 20\n\nThe harbour master said so."),
        ("Kim Berg", "Close at 22"),
    ]
    assert len(versions("quay.md")) == 1
    assert source.report["commits"] == source.report["updated"] == 2
    looked = source.looked_at
    source = again(source)
    assert source.looked_at != looked
    assert len(versions("pier.md")) == 3
    assert source.report["commits"] == 2, "what was done last is still told"


def test_merge_is_one_commit_with_its_own_message(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.git("checkout", "--quiet", "-b", "side")
    for hour in (20, 21):
        repository.write("pier.md", guide("pier", f"It closes at {hour}."))
        repository.commit(f"Try {hour}")
    repository.git("checkout", "--quiet", "main")
    repository.write("quay.md", guide("quay"))
    repository.commit("Meanwhile")
    repository.git("merge", "--quiet", "--no-ff", "side", "-m", "Merge the hours")
    again(source)
    assert versions("pier.md") == [("Jane Doe", "As of: Begin"), ("Jane Doe", "Merge the hours")]
    assert versions("quay.md") == [("Jane Doe", "Meanwhile")]


def test_branch_that_was_overtaken_by_a_merge_is_compared_as_a_whole(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    base = repository.commit("Begin")
    repository.write("quay.md", guide("quay"))
    repository.commit("The quay, on main")
    source = follow(repository.path)
    repository.git("checkout", "--quiet", "-b", "other", base)
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("The pier, elsewhere")
    repository.git("merge", "--quiet", "--no-ff", "main", "-m", "Main comes in second")
    repository.git("branch", "--force", "main", "other")
    source = again(source)
    assert source.report["whole"] == "the branch was rewritten"
    assert len(versions("quay.md")) == 1
    assert not AuditEvent.objects.filter(verb="archived").exists()


def test_deleted_file_is_archived_and_comes_back(
    repository: Repository, follow: Follow, again: Again
) -> None:
    for number in range(10):
        repository.write(f"berth-{number}.md", guide(f"berth {number}"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.git("rm", "--quiet", "berth-3.md")
    repository.commit("No berth 3")
    source = again(source)
    assert source.report["archived"] == 1
    assert "berth-3.md" not in there()
    repository.write("berth-3.md", guide("berth 3", "It is back."))
    repository.commit("Berth 3 again")
    again(source)
    assert versions("berth-3.md") == [
        ("Jane Doe", "As of: Begin"),
        ("Jane Doe", "Berth 3 again"),
    ]
    assert "berth-3.md" in there()


def test_document_that_was_archived_by_hand_is_not_told_to_be_archived(
    repository: Repository, follow: Follow, again: Again
) -> None:
    for number in range(10):
        repository.write(f"berth-{number}.md", guide(f"berth {number}"))
    repository.commit("Begin")
    source = follow(repository.path)
    archive_document(document=Document.objects.get(path="berth-3.md"), actor=None)
    repository.git("rm", "--quiet", "berth-3.md", "berth-4.md")
    repository.commit("No berths 3 and 4")
    assert again(source).report["archived"] == 1


def test_moved_document_stays_the_same(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.write("quay.md", guide("quay"))
    repository.commit("Begin")
    source = follow(repository.path)
    before = Document.objects.get(path="pier.md")
    (repository.path / "ops").mkdir()
    repository.git("mv", "pier.md", "ops/north-pier.md")
    repository.commit("Move")
    repository.git("mv", "quay.md", "ops/quay.md")
    repository.write("ops/quay.md", guide("quay", "It has a crane."))
    repository.commit("Move and edit")
    source = again(source)
    after = Document.objects.get(path="ops/north-pier.md")
    assert after.pk == before.pk
    assert after.slug.startswith("ops-north-pier-")
    assert len(versions("ops/north-pier.md")) == 1
    assert len(versions("ops/quay.md")) == 2
    assert Document.objects.count() == 2
    assert (source.report["moved"], source.report["archived"]) == (2, 0)


def test_rewritten_branch_is_compared_as_a_whole_and_says_so(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20")
    source = follow(repository.path)
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    repository.write("pier.md", guide("pier", "It closes at 19."))
    repository.commit("Close at 19")
    source = again(source)
    assert source.report["whole"] == "the branch was rewritten"
    assert source.commit == repository.head
    assert versions("pier.md")[-1] == ("Jane Doe", "As of: Close at 19")


def test_of_too_many_commits_the_newest_state_is_taken(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    for number in range(git.MOST_COMMITS + 1):
        repository.write("pier.md", guide("pier", f"Edition {number}."))
        repository.commit(f"Edition {number}")
    source = again(source)
    assert source.report["whole"] == f"more than {git.MOST_COMMITS} commits at once"
    assert versions("pier.md")[1:] == [("Jane Doe", f"As of: Edition {git.MOST_COMMITS}")]


def test_subfolder_and_branch_are_all_that_is_seen(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("README.md", guide("readme"))
    repository.write("docs/pier.md", guide("pier"))
    repository.commit("Begin")
    repository.git("checkout", "--quiet", "-b", "release/2")
    repository.write("docs/pier.md", guide("pier", "Of release 2."))
    repository.commit("Release 2")
    repository.git("checkout", "--quiet", "main")
    source = follow(repository.path, branch="release/2", subfolder="docs")
    assert there() == {"pier.md"}
    repository.write("docs/pier.md", guide("pier", "Of main."))
    repository.commit("Not for us")
    repository.git("checkout", "--quiet", "release/2")
    repository.write("README.md", guide("readme", "Edited."))
    repository.commit("Not in the folder")
    (repository.path / "docs" / "ops").mkdir()
    repository.git("mv", "docs/pier.md", "docs/ops/pier.md")
    repository.commit("Move inside")
    source = again(source)
    assert versions("ops/pier.md") == [("Jane Doe", "As of: Release 2")]
    assert (source.report["commits"], source.report["moved"]) == (1, 1)


def test_what_is_not_read_is_told_and_stops_nothing(
    repository: Repository, follow: Follow, settings: Settings, tmp_path: Path
) -> None:
    settings.UPLOAD_MAX_BYTES = 2 * 1024 * 1024
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n\n4711\n")
    repository.write("pier.md", guide("pier"))
    repository.write("huge.md", b"x" * (3 * 1024 * 1024))
    repository.write("code/main.py", "print()\n")
    repository.write(".github/hidden.md", guide("hidden"))
    (repository.path / "link.md").symlink_to(secret)
    (repository.path / "folder").symlink_to(tmp_path)
    latin = repository.path / os.fsdecode(b"caf\xe9.md")
    latin.write_text(guide("cafe"))
    repository.commit("Begin")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.head},vendor")
    repository.git("commit", "--quiet", "-m", "A submodule")
    source = follow(repository.path)
    assert there() == {"pier.md"}
    failed = {row["path"]: row["reason"] for row in source.report["failed"]}
    assert set(failed) == {"huge.md", "link.md", "folder", "caf\ufffd.md"}
    assert failed["huge.md"] == "Larger than 2 MB. Split it, or compress it."
    assert "not UTF-8" in failed["caf\ufffd.md"]
    assert source.report["others"] == {".py": 1}


def test_file_that_was_too_large_is_taken_once_the_limit_is_raised(
    repository: Repository, follow: Follow, again: Again, settings: Settings
) -> None:
    limit = settings.UPLOAD_MAX_BYTES
    settings.UPLOAD_MAX_BYTES = 100
    repository.write("pier.md", guide("pier"))
    repository.write("quay.md", "# The quay\n")
    repository.commit("Begin")
    source = follow(repository.path)
    assert (source.report["failures"], there()) == (1, {"quay.md"})
    settings.UPLOAD_MAX_BYTES = limit
    source = again(source)
    assert (source.report["failures"], there()) == (0, {"pier.md", "quay.md"})


def test_nothing_of_the_repository_is_run(
    repository: Repository, follow: Follow, again: Again, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    repository.write("pier.md", guide("pier"))
    repository.write(".gitattributes", "*.md filter=evil diff=evil\n")
    repository.commit("Begin")
    hooks = repository.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "pre-receive", "reference-transaction", "post-update"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / hook).chmod(0o755)
    for name in ("core.fsmonitor", "filter.evil.smudge", "diff.evil.textconv", "core.sshCommand"):
        repository.git("config", name, f"touch {ran}")
    repository.git("config", "uploadpack.packObjectsHook", f"touch {ran}; exec")
    source = follow(repository.path)
    repository.write("pier.md", guide("pier", "Edited."))
    (repository.path / ".git" / "hooks" / "post-commit").write_text("#!/bin/sh\n")
    repository.git("-c", "core.fsmonitor=", "-c", "filter.evil.smudge=", "add", "pier.md")
    repository.git("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "commit", "-qm", "2")
    ran.unlink(missing_ok=True)
    source = again(source)
    assert source.failure == ""
    assert len(versions("pier.md")) == 2
    assert not ran.exists()


@pytest.mark.parametrize(("name", "says"), [("commondir", "{}"), (".git", "gitdir: {}")])
def test_repository_that_leads_out_of_its_place_brings_nothing(
    repository: Repository, follow: Follow, tmp_path: Path, name: str, says: str
) -> None:
    secret = Repository(tmp_path / "secret")
    secret.write("codes.md", guide("secret"))
    secret.commit("Begin")
    (repository.path / ".git" / name).write_text(says.format(secret.path / ".git") + "\n")
    source = follow(repository.path)
    assert "another one" in source.failure
    assert not there()


def test_text_of_a_commit_cannot_hide_or_overflow(repository: Repository, follow: Follow) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit(
        "\u202eevil\x1b[31m <b>bold</b> " + "long " * 200, author="\u202eNobody " * 50
    )
    follow(repository.path)
    version = DocumentVersion.objects.get()
    assert version.note.startswith("As of: evil[31m <b>bold</b> long")
    assert len(version.note) == 500
    assert version.note.endswith("…")
    assert "\u202e" not in version.commit_author
    assert len(version.commit_author) <= 200


def test_repository_of_somebody_else_is_read(repository: Repository, follow: Follow) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    if os.geteuid():
        pytest.skip("Only root can give files away.")
    for path in (repository.path, *repository.path.rglob("*")):
        os.chown(path, 12345, 12345)
    source = follow(repository.path)
    assert source.failure == ""
    assert there() == {"pier.md"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"branch": "nowhere"}, "There is no branch nowhere in the repository."),
        ({"subfolder": "nowhere"}, "There is no file here of a kind that is read."),
        ({"location": "gone"}, "There is no git repository at this place."),
    ],
)
def test_failure_is_told_in_plain_words(
    repository: Repository, follow: Follow, change: dict[str, str], told: str
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    location = repository.path.parent / change.pop("location", "docs")
    source = follow(location, **change)
    assert source.state == "idle"
    assert source.failure.startswith(told)
    assert source.next_at is not None
    assert not Document.objects.exists()


def test_after_a_failure_the_newest_commit_is_still_enough(
    repository: Repository, follow: Follow, again: Again
) -> None:
    """Of a long history the rest may take longer than a sync may."""
    for hour in range(18, 21):
        repository.write("pier.md", guide("pier", f"It closes at {hour}."))
        repository.commit(f"Close at {hour}")
    source = follow(repository.path, branch="release")
    assert source.failure.startswith("There is no branch release")
    repository.git("branch", "release")
    source = again(source)
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    assert source.failure == ""
    assert (mirror / "shallow").read_text().split() == [repository.head]
    repository.git("checkout", "--quiet", "release")
    repository.write("pier.md", guide("pier", "It closes at 22."))
    repository.commit("Close at 22")
    assert again(source).report["commits"] == 1


def test_mirror_that_a_kill_left_broken_is_made_anew(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    (mirror / f"{git.REF}.lock").write_text("")
    for number in (1, 2):
        repository.write("pier.md", guide("pier", f"Edition {number}."))
        repository.commit(f"Edition {number}")
    source = again(source)
    assert (source.failure, source.report["commits"]) == ("", 2)
    for pack in (mirror / "objects").rglob("*"):
        if pack.is_file():
            pack.unlink()
    repository.write("pier.md", guide("pier", "Edition 3."))
    repository.commit("Edition 3")
    source = again(again(source))
    assert source.failure == ""
    assert len(versions("pier.md")) == 4


@pytest.mark.parametrize("kind", ["git", "folder"])
def test_full_disk_is_told_and_takes_nothing_away(
    repository: Repository, follow: Follow, again: Again, tmp_path: Path, kind: str
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    os.utime(repository.path / "pier.md", (1_700_000_000, 1_700_000_000))
    source = follow(repository.path, kind)
    repository.write("quay.md", guide("quay") * 4000)
    repository.commit("The quay")
    os.utime(repository.path / "quay.md", (1_700_000_000, 1_700_000_000))
    (place := tmp_path / "small").mkdir()
    with small_disk(place, 1), pytest.MonkeyPatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(place))
        source = again(source)
    assert source.failure.startswith(f"There is no room in {place}")
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    assert mirror.exists() == (kind == "git")
    assert again(source).failure == ""
    assert there() == {"pier.md", "quay.md"}


@pytest.mark.parametrize("lost", ["docs", "docs/ops"])
def test_folder_that_the_mirror_has_lost_is_not_gone(
    repository: Repository, follow: Follow, again: Again, lost: str
) -> None:
    repository.write("docs/ops/pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path, subfolder="docs/ops")
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    tree = repository.git("rev-parse", f"HEAD:{lost}")
    (mirror / "objects" / tree[:2] / tree[2:]).unlink()
    repository.write("README.md", guide("readme"))
    repository.commit("Elsewhere")
    source = again(source)
    assert (source.state, source.failure[:9]) == ("idle", "git could")
    assert again(source).failure == ""
    assert there() == {"pier.md"}


def test_file_that_the_mirror_has_lost_is_fetched_again(
    repository: Repository, follow: Follow, again: Again
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    blob = repository.git("rev-parse", "HEAD:pier.md")
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    repository.write("quay.md", guide("quay"))
    repository.commit("The quay")
    source = again(source)
    assert (source.state, source.failure[:9]) == ("idle", "git could")
    assert again(source).failure == ""
    assert there() == {"pier.md", "quay.md"}


@pytest.mark.parametrize("step", ["fetch", "cat-file"])
def test_git_that_is_ended_with_its_worker_leaves_the_rest_to_the_next(
    repository: Repository,
    follow: Follow,
    tmp_path: Path,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where a whole process group is told to end."""
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    (mirror / "description").write_text("the same as before")
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20")
    services.request_sync(source=source, enqueue=False)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(instead(tmp_path, step, "kill -TERM $$")), prepend=":")
        assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    assert (source.state, source.failure) == ("syncing", "")
    assert jobs.due() == [source.pk]
    assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    assert (source.state, source.failure, source.report["commits"]) == ("idle", "", 1)
    assert (mirror / "description").read_text() == "the same as before"


def test_fetch_that_takes_too_long_leaves_nothing_of_itself(
    repository: Repository,
    follow: Follow,
    again: Again,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20")
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    half, lock = mirror / "objects" / "pack" / "tmp_pack_a1b2c3", mirror / "shallow.lock"
    writes = f"echo half > {half}; echo > {lock}; exec sleep 60"
    with monkeypatch.context() as patched:
        patched.setattr(git_process, "SECONDS", 1)
        patched.setenv("PATH", str(instead(tmp_path, "fetch", writes)), prepend=":")
        assert again(source).failure.startswith("The repository did not come")
    assert not half.exists()
    assert not lock.exists()
    (mirror / "description").write_text("the same as before")
    assert again(source).report["commits"] == 1
    assert (mirror / "description").read_text() == "the same as before"


def test_repository_that_another_process_reads_is_looked_at_a_minute_later(
    repository: Repository, follow: Follow, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a sync of before the source was edited."""
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    monkeypatch.setattr(git, "_LOCK_SECONDS", 0)
    with git.Mirror(source.pk, source.location, "", "").locked():
        source = again(source)
    assert source.failure == "Another process still reads this repository."
    assert waits(source) == timedelta(minutes=1)
    source = again(source)
    assert (source.failure, waits(source)) == ("", timedelta(minutes=60))


def test_other_place_is_compared_with_what_was_taken(
    repository: Repository, follow: Follow, places: Path
) -> None:
    for number in range(10):
        repository.write(f"berth-{number}.md", guide(f"berth {number}"))
    repository.commit("Begin")
    source = follow(repository.path)
    other = Repository(places / "other")
    for number in range(1, 11):
        other.write(f"berth-{number}.md", guide(f"berth {number}"))
    other.commit("Elsewhere")
    services.edit_source(
        source=source,
        actor=None,
        kind="git",
        location=str(other.path),
        branch="",
        subfolder="",
        every_minutes=5,
    )
    assert sync(source.pk, enqueue=False)
    source.refresh_from_db()
    assert source.failure == ""
    assert there() == {f"berth-{number}.md" for number in range(1, 11)}
    assert DocumentVersion.objects.count() == 11, "the same bytes are no new version"
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    assert other.head in (mirror / "shallow").read_text().split()


def test_documents_of_others_in_the_collection_are_left_alone(
    repository: Repository, follow: Follow, again: Again, wiki: Collection
) -> None:
    upload(wiki, "by-hand.md", guide("hand"))
    repository.write("pier.md", guide("pier"))
    repository.commit("Begin")
    source = follow(repository.path)
    repository.write("quay.md", guide("quay"))
    repository.commit("More")
    again(source)
    assert there() == {"by-hand.md", "pier.md", "quay.md"}
    services.remove_source(source=Source.objects.get(), actor=None)
    assert there() == {"by-hand.md", "pier.md", "quay.md"}
