"""A process that is killed at any moment of an upload loses nothing and leaves no half."""

import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.drill.table import Drill
from tests.installations import NewHome

SETUP = """
    import io, os, sys
    import django
    django.setup()
    from django.utils import timezone
    from docportal.pipeline import process
    from ingestion import jobs, services
    from ingestion.models import Chunk, Collection, DocumentVersion
    from ingestion.storage import original_path, sha256_of
    from router import retrieval

    def text(number, edition):
        lines = [f"Berth {number} sentence {line} of edition {edition}." for line in range(40)]
        return f"# Berth {number}\\n\\n## Rules\\n\\n{' '.join(lines)}\\n".encode()
"""
# Uploads new versions of five documents for ever, and tells what is kept and what is served.
WORKER = """
    collection, _ = Collection.objects.get_or_create(slug="wiki", defaults={"name": "Wiki"})
    edition = int(sys.argv[1]) * 1000
    while True:
        edition += 1
        change = services.add_version(
            collection=collection, path=f"berth-{edition % 5}.md",
            content=io.BytesIO(text(edition % 5, edition)), author=None, enqueue=False,
        )
        print("kept", change.version.sha256, flush=True)
        process(change.version.pk)
        retrieval.refresh()
        print("served", change.version.sha256, flush=True)
"""
# What must hold after any kill, and then that the work goes on to its end.
RECOVERY = """
    kept = set(sys.argv[1].split(","))
    stored = set(DocumentVersion.objects.values_list("sha256", flat=True))
    assert kept <= stored, kept - stored
    for version in DocumentVersion.objects.all():
        assert sha256_of(original_path(version.sha256)) == version.sha256
        has_chunks = version.chunks.exists()
        assert has_chunks == (version.state in ("indexing", "ready")), version.state
    served = DocumentVersion.objects.served()
    for version in served:
        assert not version.chunks.filter(embedding=None).exists()
    unfinished = DocumentVersion.objects.filter(state__in=jobs.UNFINISHED).order_by("pk")
    unfinished.update(lease_until=timezone.now())
    # Those that wait for half a minute are not yet abandoned, and the sweep's turn all the same.
    for version_id in unfinished.values_list("pk", flat=True):
        process(version_id)
    retrieval.refresh()
    assert not DocumentVersion.objects.exclude(state="ready").exists()
    for number in range(5):
        newest = DocumentVersion.objects.filter(document__path=f"berth-{number}.md").first()
        if newest is not None:
            hits = retrieval.search(f"Berth {number} rules", user=None, limit=20).hits
            versions = {hit.chunk.version_id for hit in hits
                        if hit.chunk.version.document_id == newest.document_id}
            assert versions == {newest.pk}, (versions, newest.pk)
    print("whole")
"""


def program(body: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(SETUP) + textwrap.dedent(body)]


@pytest.mark.models
@pytest.mark.timeout(400)
def test_kill_at_any_moment_loses_nothing(
    new_home: NewHome, tmp_path: Path, embedding_server: str, drill: Drill
) -> None:
    environment = new_home(tmp_path, EMBEDDINGS_URL=embedding_server)
    source, kept = random.Random(5), list[str]()
    for number in range(drill.times):
        worker = subprocess.Popen(
            [*program(WORKER), str(number)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        for _line in range(source.randint(1, 8)):
            kept.append(worker.stdout.readline().split()[1])
        # Anywhere between two lines: the next step takes some tens of milliseconds.
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(source.random() * 0.15)
        worker.kill()
        rest, _ = worker.communicate()
        kept.extend(line.split()[1] for line in rest.splitlines() if len(line) > 70)
        with drill("Upload killed at any moment"):
            recovery = subprocess.run(
                [*program(RECOVERY), ",".join(kept)],
                env=environment,
                capture_output=True,
                text=True,
            )
            assert recovery.stdout == "whole\n", recovery.stderr
