"""The worker is killed at each step of an upload, hangs, or is told twice or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from docportal.management.commands.up import services
from ingestion.models import DocumentVersion
from tests.drill.faults import Fault
from tests.drill.portal import Portal
from tests.drill.servers import Servers
from tests.drill.table import Drill
from tests.waiting import until

pytestmark = pytest.mark.timeout(1800)

WORKER = "--queues celery"
EMBEDS = r'sql SELECT .*"router_chunkembedding"'
KILLS = {
    "Worker killed before it claims a document": Fault(
        WORKER, [r'sql UPDATE "ingestion_documentversion" SET "fence"']
    ),
    "Worker killed while it parses": Fault(WORKER, ["socket.sendmsg"], after=0.02),
    "Worker killed between two commits, parsed and not embedded": Fault(
        WORKER, [r'sql INSERT INTO "ingestion_chunk"', EMBEDS]
    ),
    "Worker killed while it keeps vectors": Fault(
        WORKER, [r'sql INSERT INTO "router_chunkembedding"']
    ),
    "Worker killed while it publishes": Fault(
        WORKER, [r'sql UPDATE "ingestion_corpusrevision" SET "number"']
    ),
    "Worker killed while it makes pairs": Fault(
        WORKER, [r'sql INSERT (OR IGNORE )?INTO "training_qapair"']
    ),
    "Worker killed after it has told a webhook, before it has noted it": Fault(
        WORKER, [r'sql UPDATE "ingestion_delivery" SET .*DELIVERED']
    ),
}


@contextmanager
def second_worker(victim: Portal) -> Iterator[psutil.Popen]:
    (service,) = (each for each in services("127.0.0.1", 0) if each.name == "worker")
    _python, _module, *command = service.command
    command.remove("--beat")
    command[command.index("--hostname") + 1] = "second@%h"
    with victim.another(*command) as worker:
        yield worker


@pytest.mark.parametrize("kind", KILLS)
def test_worker_is_killed(victim: Portal, drill: Drill, kind: str, nth: int) -> None:
    victim.arm(KILLS[kind])
    accepted = victim.upload()
    with drill(kind, since=victim.struck().at) as breakage:
        victim.settles(accepted, breakage)


def test_worker_is_killed_while_it_switches_the_index(
    victim: Portal, drill: Drill, nth: int
) -> None:
    """Its pointer is gone as well, so that whoever comes first makes it anew."""
    victim.arm(Fault(WORKER, [r"os.rename .*index/current\.json"]))
    (victim.home / "index" / "current.json").unlink()
    accepted = victim.upload()
    with drill("Worker killed while it switches the index", since=victim.struck().at) as breakage:
        victim.settles(accepted, breakage)


def test_parser_is_killed(victim: Portal, drill: Drill, nth: int) -> None:
    """It was held before, as it reads such a file sooner than somebody can look."""
    victim.recovers(victim.upload(1))
    for parser in victim.processes("sandbox_server"):
        parser.suspend()
    accepted = victim.upload()
    until(DocumentVersion.objects.filter(state="parsing").exists)
    with drill("Parser killed", since=victim.kill("sandbox_server")) as breakage:
        victim.settles(accepted, breakage)


def test_worker_hangs_and_goes_on_when_another_has_its_work(
    victim: Portal, drill: Drill, nth: int
) -> None:
    victim.arm(Fault(WORKER, [EMBEDS], signal=signal.SIGSTOP))
    accepted = victim.upload()
    struck = victim.struck()
    kind = "Worker hangs beyond its lease, and goes on later"
    with second_worker(victim), drill(kind, since=struck.at) as breakage:
        victim.recovers(accepted)
        breakage.recovered()
        os.kill(struck.pid, signal.SIGCONT)
        more = victim.upload()
        victim.recovers(more)
        breakage.lost += victim.lost([*accepted, *more])
        breakage.doubled += victim.doubled([*accepted, *more])


AGAIN = """
from docportal.pipeline import process_version
from training.tasks import mine_version
for number in [{numbers}] * 4:
    process_version.delay(number)
    mine_version.delay(number)
"""


def test_messages_come_again_and_again(victim: Portal, drill: Drill, nth: int) -> None:
    with second_worker(victim), drill("Each message five times, two workers") as breakage:
        accepted = victim.upload()
        versions = DocumentVersion.objects.filter(document__path__in=[one.path for one in accepted])
        numbers = ", ".join(str(pk) for pk in versions.values_list("pk", flat=True))
        told = victim.manage("shell", "-v0", "-c", AGAIN.format(numbers=numbers))
        assert told.returncode == 0, told.stderr
        victim.settles(accepted, breakage)


def test_messages_are_lost(
    victim: Portal, drill: Drill, own: Servers | None, setting: str, nth: int
) -> None:
    """Every one that waits, while nobody takes any."""
    workers = victim.processes(WORKER)
    for worker in workers:
        worker.suspend()
    accepted = victim.upload()
    with drill("Messages lost before a worker took them") as breakage:
        if own is not None:
            own.flush()
        else:
            for message in (victim.home / "broker" / "messages").glob("*.msg"):
                message.unlink()
        for worker in workers:
            worker.resume()
        victim.settles(accepted, breakage)


def test_three_beats_at_once(victim: Portal, drill: Drill, nth: int) -> None:
    beat = ("celery", "-A", "docportal", "beat", "--pidfile", "")
    with victim.another(*beat), victim.another(*beat), drill("Three beats at once") as breakage:
        victim.recovers(victim.upload())
        accepted = victim.upload()
        victim.settles(accepted, breakage)


def test_machine_loses_its_power(victim: Portal, drill: Drill, nth: int) -> None:
    accepted = victim.upload()
    on_their_way = DocumentVersion.objects.filter(state__in=("parsing", "indexing"))
    until(on_their_way.exists)
    with drill("All processes killed at once", since=victim.cut_off()) as breakage:
        victim.start()
        victim.settles(accepted, breakage)


def test_embedding_server_is_away(victim: Portal, drill: Drill, nth: int) -> None:
    victim.embeddings.status = 503
    try:
        accepted = victim.upload()
        waiting = DocumentVersion.objects.filter(state="indexing", attempts=0)
        until(lambda: waiting.count() == len(accepted))
    finally:
        victim.embeddings.status = 200
    with drill("Embedding server away") as breakage:
        victim.settles(accepted, breakage)


def test_embedding_server_hangs(victim: Portal, drill: Drill, nth: int) -> None:
    victim.embeddings.answers.clear()
    try:
        accepted = victim.upload()
        until(DocumentVersion.objects.filter(state="indexing").exists)
        with drill("Embedding server hangs") as breakage:
            assert victim.answers(), "found by words alone"
            victim.embeddings.answers.set()
            victim.settles(accepted, breakage)
    finally:
        victim.embeddings.answers.set()
