"""A whole installation that is to be broken: `manage.py up` in a home of its own.

Its processes, files and database are real. What writes answers and vectors is scripted, so that it
can hang and break off, and what is trained is a Llama of two layers. The test looks into the same
database and the same files by our own models.
"""

import contextlib
import io
import itertools
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import environ
import httpx
import psutil
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.models import Count
from django.test import override_settings

from docportal import webhooks
from docportal.databases import SQLITE_OPTIONS
from docportal.integrity_checks import check
from docportal.models import User
from ingestion import jobs
from ingestion.models import Collection, Delivery, DocumentVersion, Event
from ingestion.storage import original_path, sha256_of
from router.models import Answer
from tests.docportal.api.callers import secret_of
from tests.docportal.receiver import Receiver
from tests.drill.faults import Armoury, Fault, Struck
from tests.drill.table import Breakage
from tests.journeys.conftest import MANAGE
from tests.people import PASSWORD
from tests.ports import free_port
from tests.router.retrieval.hashed_words import HashedWords
from tests.scripted_llm import ScriptedLLM
from tests.waiting import LONGEST, until
from training.models import QAPair

FOLDERS = {
    "MEDIA_ROOT": "files",
    "INDEX_DIR": "index",
    "RUN_DIR": "run",
    "DATASETS_DIR": "datasets",
    "RUNS_DIR": "runs",
    "TUNED_DIR": "tuned",
    "SOURCES_DIR": "sources",
}
BOATS = "# Boat register\n\n## Aurora\n\nThe Aurora carries 48 passengers.\n"
QUESTION = "How many passengers does the Aurora carry?"
SENTENCE = "The Aurora carries 48 passengers."
GUIDE = """# Berth {name}

## Size

Berth {name} is {metres} metres long.

| Service of berth {name} | Price |
|---|---|
| Crane | {metres} EUR |
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file of which the portal said that it was kept: path, number and hash of its version."""

    path: str
    number: int
    sha256: str


@dataclass
class Portal:
    home: Path
    environment: Mapping[str, str]
    llm: ScriptedLLM
    embeddings: HashedWords
    receiver: Receiver
    armoury: Armoury = field(init=False)
    port: int = field(default_factory=free_port)
    secret: str = ""
    _running: psutil.Popen | None = None
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.armoury = Armoury(self.home)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- Its processes -------------------------------------------------------------------------
    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*MANAGE, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def start(self) -> None:
        self._running = psutil.Popen(
            [*MANAGE, "up", "--port", str(self.port)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.is_ready)
        self.workers_live()

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError), self.client() as client:
            return client.get(f"{self.url}/readyz").is_success
        return False

    def workers_live(self) -> None:
        """All that `up` starts; a worker is there once it has told so."""
        for word in ("uvicorn", "--queues celery", "--queues training"):
            until(partial(self.processes, word))

    def stop(self) -> None:
        if self._running is not None and self._running.is_running():
            self._running.terminate()
            self._running.wait(60)

    def cut_off(self) -> float:
        """All at once, as when the machine loses its power; when that was."""
        assert self._running is not None
        family = [*self._running.children(recursive=True), self._running]
        at = time.time()
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self._running.wait(30)
        psutil.wait_procs(family, timeout=30)
        return at

    def processes(self, word: str) -> list[psutil.Process]:
        """Those whose command has this word, and not what only ties them to `up`."""
        assert self._running is not None
        return [
            one
            for one in self._running.children(recursive=True)
            if word in _command(one) and "tether.py" not in _command(one)
        ]

    def kill(self, word: str) -> float:
        """When that was."""
        found = self.processes(word)
        assert found, word
        at = time.time()
        for one in found:
            one.kill()
        psutil.wait_procs(found, timeout=30)
        return at

    @contextmanager
    def another(self, *command: str) -> Iterator[psutil.Popen]:
        """One more process beside those of `up`."""
        process = psutil.Popen(
            [sys.executable, "-m", *command],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
                process.terminate()
            process.wait(60)

    # --- Its faults ----------------------------------------------------------------------------
    def arm(self, fault: Fault) -> None:
        self.armoury.arm(fault)

    def struck(self, *, within: float = LONGEST) -> Struck:
        """Waits until the fault has come about."""
        until(self.armoury.what_was_struck, within=within)
        found = self.armoury.what_was_struck()
        assert found is not None
        return found

    # --- Its people ----------------------------------------------------------------------------
    def client(self, seconds: float = 60.0) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=seconds)

    def a_file(self) -> tuple[str, bytes]:
        """A path and a text that were never there."""
        number = next(self._names)
        name = f"{number}-{uuid.uuid4().hex[:6]}"
        return f"berth-{name}.md", GUIDE.format(name=name, metres=20 + number).encode()

    def send(self, path: str, content: bytes) -> httpx.Response:
        with self.client() as client:
            return client.post(
                "/documents",
                data={"collection": "wiki", "path": path},
                files={"file": (path, content)},
            )

    def upload(self, count: int = 3) -> list[Accepted]:
        return [self.accepted(*self.a_file()) for _ in range(count)]

    def accepted(self, path: str, content: bytes) -> Accepted:
        """Sent until it is kept, as people do whose page did not come."""
        while True:
            with contextlib.suppress(httpx.HTTPError):
                sent = self.send(path, content)
                if sent.status_code in (200, 201):
                    break
                assert sent.status_code >= 500, sent.text
            until(self.is_ready)
        version = sent.json()["version"]
        return Accepted(path, version["number"], version["sha256"])

    def ask(self, question: str = QUESTION, seconds: float = 60.0) -> dict[str, Any]:
        with self.client(seconds) as client:
            reply = client.post("/ask", json={"question": question})
        answer: dict[str, Any] = reply.json()
        return answer

    def answers(self) -> bool:
        """Whether a question gets its answer, and not the passages alone."""
        with contextlib.suppress(httpx.HTTPError):
            return "48" in str(self.ask().get("answer"))
        return False

    def finds(self, accepted: Accepted) -> bool:
        with contextlib.suppress(httpx.HTTPError), self.client() as client:
            words = accepted.path.removesuffix(".md").replace("-", " ")
            reply = client.get("/search", params={"q": words})
            return reply.is_success and accepted.path in reply.text
        return False

    # --- What became of the work ---------------------------------------------------------------
    def recovers(self, accepted: Sequence[Accepted]) -> None:
        """Every file has come to its end and is found, its pairs are made and the webhook is told,
        and questions are answered."""
        until(lambda: seen(lambda: not unfinished(accepted)))
        until(lambda: seen(lambda: not (unmined() or untold())))
        until(lambda: all(map(self.finds, accepted)))
        until(self.answers)

    def settles(self, accepted: Sequence[Accepted], breakage: Breakage) -> None:
        """It has recovered, and what it lost or doubled is told."""
        self.recovers(accepted)
        breakage.recovered()
        breakage.lost += self.lost(accepted)
        breakage.doubled += self.doubled(accepted)

    def lost(self, accepted: Sequence[Accepted]) -> list[str]:
        """What was accepted and is not there, and whatever does not agree once all is quiet."""
        missing = [one.path for one in accepted if not _is_whole(one)]
        with contextlib.suppress(AssertionError):
            until(lambda: seen(lambda: check().is_clean), within=30)
        silent = [one.path for one in accepted if not _is_told(one)]
        return [*missing, *silent, *(f"{kind}: {what}" for kind, what in check().problems)]

    def doubled(self, accepted: Sequence[Accepted]) -> list[str]:
        """What one cause has made twice."""
        paths = [one.path for one in accepted]
        versions = DocumentVersion.objects.filter(document__path__in=paths)
        same = versions.values("document__path", "sha256").annotate(n=Count("pk")).filter(n__gt=1)
        served = DocumentVersion.objects.served().values("document__path").annotate(n=Count("pk"))
        told = Delivery.objects.values("event", "facts").annotate(n=Count("pk")).filter(n__gt=1)
        pairs = QAPair.objects.values("document__path", "question_key", "answer")
        answers = Answer.objects.values("query").annotate(n=Count("pk")).filter(n__gt=1)
        return [
            *(f"version of {row['document__path']}" for row in same),
            *(f"served {row['document__path']}" for row in served.filter(n__gt=1)),
            *(f"told {row['facts']}" for row in told),
            *(f"pair of {row}" for row in pairs.annotate(n=Count("pk")).filter(n__gt=1)),
            *(f"answer to {row['query']}" for row in answers),
        ]


def seen(look: Any) -> bool:
    """What a look into the database says; no, while it does not answer."""
    try:
        return bool(look())
    except DatabaseError:
        connections["default"].close()
        return False


def unfinished(accepted: Sequence[Accepted]) -> bool:
    paths = [one.path for one in accepted]
    versions = DocumentVersion.objects.filter(document__path__in=paths)
    return versions.filter(state__in=jobs.UNFINISHED).exists()


def unmined() -> bool:
    return DocumentVersion.objects.served().filter(mined=None).exists()


def untold() -> bool:
    return Delivery.objects.filter(state=Delivery.State.WAITING).exists()


def _is_whole(one: Accepted) -> bool:
    version = DocumentVersion.objects.filter(document__path=one.path, number=one.number).first()
    if version is None or version.sha256 != one.sha256:
        return False
    if version.state == DocumentVersion.State.FAILED:
        return bool(version.failure_reason)
    return version.is_served and sha256_of(original_path(one.sha256)) == one.sha256


def _is_told(one: Accepted) -> bool:
    """To the webhook, whatever became of it."""
    facts = {"facts__path": one.path, "facts__version": one.number}
    return Delivery.objects.filter(event__in=(Event.READY, Event.FAILED), **facts).exists()


def _command(process: psutil.Process) -> str:
    """Empty of one that has just ended by itself."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


# --- A home and its database ------------------------------------------------------------------
@contextmanager
def looked_into(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Our models are those of this home and its database; it was migrated."""
    url = environment.get("DATABASE_URL") or f"sqlite:///{home / 'db.sqlite3'}"
    opened = environ.Env.db_url_config(url)
    if "sqlite3" in opened["ENGINE"]:
        opened["OPTIONS"] = SQLITE_OPTIONS
    database = connections.configure_settings({"default": opened})
    here, connections.settings = connections.settings, database
    before = connections["default"]
    del connections["default"]
    folders = {name: home / folder for name, folder in FOLDERS.items()}
    names = ("LLM_URL", "EMBEDDINGS_URL", "PARAPHRASE_MODEL", "BASE_MODEL")
    told: dict[str, Any] = {name: environment[name] for name in names}
    told["MODELS_DIR"] = Path(environment["MODELS_DIR"])
    told["WEBHOOK_ALLOWED_HOSTS"] = [environment["WEBHOOK_ALLOWED_HOSTS"]]
    try:
        with override_settings(DOCPORTAL_HOME=home, **folders, **told):
            yield
    finally:
        connections["default"].close()
        connections.settings = here
        connections["default"] = before


def populate(portal: Portal) -> None:
    """People, an open collection, a webhook, and what the model says to the one question."""
    for name, role in (("ana", "engineer"), ("mira", "writer"), ("ines", "admin")):
        call_command("createuser", name, role=role, password=PASSWORD, stdout=io.StringIO())
    Collection.objects.create(slug="wiki", name="Wiki")
    portal.secret = secret_of(User.objects.get(username="mira"))
    webhooks.create(
        owner=User.objects.get(username="ines"),
        url=portal.receiver.url,
        events=[Event.READY, Event.FAILED, Event.RUN_ENDED, Event.PROMOTED],
        collections=[],
    )
    portal.llm.will_say(f"{SENTENCE} [1]")
