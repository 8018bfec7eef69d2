"""Killed at any moment, the index is never torn: the next process serves what the database has."""

import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drill.table import Drill
from tests.installations import NewHome
from tests.router.retrieval.hashed_words import hashed_words

SETUP = """
    import sys
    import django
    django.setup()
    from django.db import transaction
    from ingestion.models import Chunk, Collection, DocumentVersion
    from ingestion.publication import current_revision, publish
    from router import retrieval
    from tests.router.retrieval.conftest import Writer
"""
# Checks what the killed one before it left, then writes for ever.
WRITER = """
    hits = retrieval.search("ramp edition", user=None).hits
    shown = {hit.chunk.version_id for hit in hits if hit.dense_rank and hit.lexical_rank}
    served = set(DocumentVersion.objects.served().values_list("pk", flat=True))
    assert shown == served, (shown, served)
    assert retrieval.refresh() == current_revision()
    print("whole", flush=True)
    wiki, _ = Collection.objects.get_or_create(slug="wiki", defaults={"name": "Wiki"})
    edition = int(sys.argv[1]) * 1000
    while True:
        edition += 1
        Writer().write(wiki, f"berth-{edition % 3}.md", f"The ramp of edition {edition}.")
        retrieval.refresh()
        if edition % 4 == 0:
            retrieval.rebuild()
"""
# Says what it finds whenever it is asked.
READER = """
    for _ in sys.stdin:
        hits = retrieval.search("ramp edition", user=None).hits
        print(*sorted(hit.chunk.text for hit in hits), sep="|", flush=True)
"""
ONE_MORE = """
    wiki, _ = Collection.objects.get_or_create(slug="wiki", defaults={"name": "Wiki"})
    Writer().write(wiki, sys.argv[1], f"The ramp of edition {sys.argv[2]}.")
    retrieval.refresh()
"""


def program(body: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(body), *arguments]


@pytest.fixture
def environment(new_home: NewHome, tmp_path: Path) -> Iterator[dict[str, str]]:
    with hashed_words() as server:
        yield new_home(tmp_path, EMBEDDINGS_URL=server.url)


def test_a_kill_at_any_moment_leaves_a_whole_index(
    environment: dict[str, str], drill: Drill
) -> None:
    source, writer = random.Random(7), begun(environment, 0)
    for number in range(drill.times):
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(timeout=source.uniform(0.05, 0.8))
        writer.kill()
        writer.communicate()
        with drill("Index killed at any moment of its change"):
            writer = begun(environment, number + 1)
    writer.kill()
    writer.communicate()


def begun(environment: dict[str, str], number: int) -> "subprocess.Popen[bytes]":
    """It has found all whole that the one before it left."""
    writer = subprocess.Popen(program(WRITER, str(number)), env=environment, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"whole\n"
    return writer


def test_a_running_process_finds_what_another_publishes(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        program(READER),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None

        def found() -> str:
            assert reader.stdin is not None
            assert reader.stdout is not None
            reader.stdin.write("\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert found() == ""
        for path, edition, expected in [
            ("ferry.md", "1", "The ramp of edition 1."),
            ("ferry.md", "2", "The ramp of edition 2."),
            ("barge.md", "3", "The ramp of edition 2.|The ramp of edition 3."),
        ]:
            subprocess.run(program(ONE_MORE, path, edition), env=environment, check=True)
            assert found() == expected
        reader.stdin.close()
