"""What a check of integrity finds of sources, and that the next sync then brings what was lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.models import Document, DocumentVersion, Source, SourceFile
from ingestion.problems import Problem
from ingestion.sources import git, integrity
from ingestion.sources.git_process import GitFailed
from ingestion.sources.syncing import sync
from ingestion.storage import original_path
from tests.damage import age
from tests.ingestion.sources.conftest import Again, Follow
from tests.repositories import Repository, guide, instead

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(repository: Repository, follow: Follow) -> Source:
    repository.write("pier.md", guide("pier"))
    repository.write("quay.md", guide("quay"))
    repository.commit("Begin")
    return follow(repository.path)


def found() -> list[Problem]:
    return [problem for check in integrity.CHECKS for problem in check.problems()]


def mend(kind: str) -> None:
    (problem,) = found()
    assert problem.kind == kind
    assert problem.repair is not None
    assert problem.repair()
    assert found() == []


def paths() -> list[str]:
    return list(Document.objects.order_by("path").values_list("path", flat=True))


def test_lost_document_comes_back_with_the_sync_after_the_repair(
    source: Source, again: Again
) -> None:
    Document.objects.filter(path="pier.md").delete()
    again(source)
    assert paths() == ["quay.md"]
    mend("source-commit")
    assert sync(source.pk, enqueue=False)
    assert paths() == ["pier.md", "quay.md"]
    source.refresh_from_db()
    assert (source.failure, source.report["created"]) == ("", 1)
    assert DocumentVersion.objects.count() == 2
    assert found() == []


def test_lost_version_is_taken_again_after_the_repair(source: Source, again: Again) -> None:
    DocumentVersion.objects.filter(document__path="pier.md").delete()
    again(source)
    assert DocumentVersion.objects.count() == 1
    mend("source-file-untaken")
    assert sync(source.pk, enqueue=False)
    assert DocumentVersion.objects.count() == 2
    assert found() == []


def test_damaged_mirror_is_made_anew_by_the_sync_after_the_repair(
    source: Source, repository: Repository, again: Again
) -> None:
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    (mirror / "HEAD").write_text("")
    mend("mirror-damaged")
    assert not mirror.exists()
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20")
    source = again(source)
    assert (source.failure, source.report["commits"]) == ("", 1)
    assert found() == []


def test_mirror_that_has_lost_a_file_is_damaged(source: Source, repository: Repository) -> None:
    blob = repository.git("rev-parse", "HEAD:pier.md")
    (git.mirrors_folder() / f"{source.pk}.git" / "objects" / blob[:2] / blob[2:]).unlink()
    mend("mirror-damaged")


def test_mirror_that_could_not_be_looked_through_is_not_damaged(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(instead(tmp_path, "fsck", "kill -TERM $$")), prepend=":")
    assert found() == []


def test_mirror_is_kept_when_what_a_kill_left_in_it_is_removed(
    source: Source, repository: Repository, again: Again
) -> None:
    mirror = git.mirrors_folder() / f"{source.pk}.git"
    lock = mirror / f"{git.REF}.lock"
    lock.write_text("")
    age(lock)
    (mirror / "description").write_text("the same as before")
    mend("mirror-leftover")
    repository.write("pier.md", guide("pier", "It closes at 20."))
    repository.commit("Close at 20")
    assert again(source).failure == ""
    assert (mirror / "description").read_text() == "the same as before"


def test_missing_mirror_is_no_problem(source: Source) -> None:
    git.forget_mirrors(kept=set())
    assert found() == []


def test_commits_that_git_would_not_write_today_are_no_damage(
    source: Source, repository: Repository, again: Again
) -> None:
    raw = repository.git("cat-file", "commit", "HEAD").replace("author Jane Doe <", "author <")
    (repository.path.parent / "commit").write_text(f"{raw.replace('> ', '>', 1)}\n")
    odd = ("hash-object", "-t", "commit", "-w", "--literally", "../commit")
    repository.git("reset", "--quiet", "--soft", repository.git(*odd))
    repository.write("quay.md", guide("quay", "It closes at 20."))
    repository.commit("Close at 20")
    assert again(source).failure == ""
    mirror = git.Mirror(source.pk, source.location, "", "")
    with pytest.raises(GitFailed, match="missing"):
        mirror._git("fsck")
    assert found() == []


def test_bytes_that_cannot_be_known_are_taken_for_the_same(source: Source) -> None:
    file = SourceFile.objects.get(document__path="pier.md")
    original = original_path(file.document.versions.get().sha256)
    assert not integrity.is_another(original, file.fingerprint)
    assert integrity.is_another(original, "0" * 40)
    original.write_bytes(b"damaged")
    assert not integrity.is_another(original, "0" * 40)
    original.unlink()
    assert not integrity.is_another(original, "0" * 40)


@pytest.mark.parametrize(
    ("minutes", "in_time"), [(-300, True), (60, True), (100, True), (130, False), (None, False)]
)
def test_source_comes_within_its_interval_and_what_clocks_differ(
    minutes: int | None, in_time: bool
) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    next_at = None if minutes is None else now + timedelta(minutes=minutes)
    assert integrity.comes_in_time(next_at, 60, now) == in_time
