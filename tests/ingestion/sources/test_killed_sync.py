"""A sync that is killed, or done by two workers at once, makes each version once and loses none."""

import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.table import Drill
from tests.installations import NewHome
from tests.repositories import Repository, guide

COMMITS = 24
ROUNDS = 5
SETUP = """
    import sys
    import django
    django.setup()
    from django.db.models.signals import post_save
    from django.utils import timezone
    from ingestion.models import Collection, Document, DocumentVersion, Source
    from ingestion.sources import services
    from ingestion.sources.syncing import sync
"""
ADD = """
    collection, _ = Collection.objects.get_or_create(slug="wiki", defaults={"name": "Wiki"})
    source = services.add_source(collection=collection, actor=None, kind="git",
                                 location=sys.argv[1], enqueue=False)
    assert sync(source.pk, enqueue=False)
    services.request_sync(source=source, enqueue=False)
"""
# Told to begin, says each version as it is made; whoever was here before is taken for dead.
WORKER = """
    sys.stdin.readline()
    post_save.connect(lambda **_: print("version", flush=True), DocumentVersion, weak=False)
    Source.objects.update(lease_until=timezone.now(), attempts=0)
    sync(Source.objects.get().pk, enqueue=False)
"""
TELL = """
    source = Source.objects.get()
    print(source.state, source.commit, source.failure or "-", sep="|")
    for version in DocumentVersion.objects.order_by("document__path", "number"):
        print(version.document.path, version.note, sep="|")
    for document in Document.objects.exclude(archived_at=None):
        print("archived", document.path, sep="|")
"""


@pytest.fixture
def environment(new_home: NewHome, tmp_path: Path) -> dict[str, str]:
    return new_home(tmp_path / "home", SOURCE_ROOTS=str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> Repository:
    """Taken once, and with many commits since: two documents a commit, one that goes at last."""
    found = Repository(tmp_path / "docs")
    for number in range(6):
        found.write(f"berth-{number}.md", guide(f"berth {number}"))
    found.commit("Begin")
    subprocess.run([*program(ADD), str(found.path)], env=environment, check=True)
    for commit in range(COMMITS):
        for number in (commit % 5, (commit + 1) % 5):
            found.write(f"berth-{number}.md", guide(f"berth {number}", f"Edition {commit}."))
        if commit == COMMITS // 2:
            found.git("rm", "--quiet", "berth-5.md")
        found.commit(f"Edition {commit}")
    return found


def program(body: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(body)]


def waiting(environment: dict[str, str]) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen(program(WORKER), env=environment, stdin=pipe, stdout=pipe, text=True)


def begin(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def told(environment: dict[str, str]) -> list[str]:
    run = subprocess.run(
        program(TELL), env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout.splitlines()


def expected(repository: Repository) -> Iterator[str]:
    yield f"idle|{repository.head}|-"
    for number in range(6):
        yield f"berth-{number}.md|As of: Begin"
        for commit in range(COMMITS):
            if number in (commit % 5, (commit + 1) % 5):
                yield f"berth-{number}.md|Edition {commit}"
    yield "archived|berth-5.md"


@pytest.mark.timeout(600)
def test_kill_at_any_moment_doubles_and_loses_nothing(
    repository: Repository, environment: dict[str, str], drill: Drill, nth: int
) -> None:
    source = random.Random(nth)
    for _round in range(ROUNDS):
        worker = waiting(environment)
        begin(worker)
        assert worker.stdout is not None
        for _version in range(source.randint(1, 6)):
            worker.stdout.readline()
        # Anywhere between two lines.
        try:
            worker.wait(source.random() * 0.1)
        except subprocess.TimeoutExpired:
            worker.kill()
        worker.communicate()
    with drill(f"Sync killed at any moment, {ROUNDS} times over"):
        last = waiting(environment)
        begin(last)
        last.communicate()
        assert last.returncode == 0
        assert told(environment) == list(expected(repository))


@pytest.mark.timeout(600)
def test_worker_that_was_thought_dead_writes_nothing_more(
    repository: Repository, environment: dict[str, str], drill: Drill, nth: int
) -> None:
    first, second = waiting(environment), waiting(environment)
    begin(first)
    assert first.stdout is not None
    for _version in range(3):
        assert first.stdout.readline() == "version\n"
    with drill("Sync taken over from a worker that lives"):
        begin(second)
        made = [3 + len(first.communicate()[0].split()), len(second.communicate()[0].split())]
        assert (first.returncode, second.returncode) == (0, 0)
        assert told(environment) == list(expected(repository))
        assert sum(made) == 2 * COMMITS
        assert made[1], "the second did the rest"
