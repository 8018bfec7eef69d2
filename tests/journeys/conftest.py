"""The whole product as people meet it: `manage.py up` in a home of its own, and real Chromium.

Only the answering model is scripted, so that a journey knows what it will say, and what is trained
is a Llama so small that it takes seconds.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from django.conf import settings
from filelock import FileLock
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.browser import browser
from tests.ports import free_port
from tests.scripted_llm import ScriptedLLM, scripted_llm

ROOT = Path(__file__).resolve().parents[2]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
PASSWORD = "correct horse battery"
PEOPLE = {
    "ana": ("engineer",),
    "mira": ("writer", "security"),
    "ines": ("admin",),
    "stella": ("writer",),
}
# Commands and pieces of Python, in one process: a start takes longer than most of them.
CONSOLE = """
import json, sys, traceback
import django
django.setup()
from django.core.management import call_command
from django.db import connection
told, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    given, wrong = json.loads(line), ""
    try:
        exec(given, {}) if isinstance(given, str) else call_command(*given)
    except (Exception, SystemExit):
        wrong = traceback.format_exc()
    connection.close()
    print(json.dumps(wrong), file=told, flush=True)
"""
STARTS_WITHIN = 90.0
# Milliseconds. Five workers share two cores, most of all while the first journeys start theirs, and
# what is awaited is often a process of its own.
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)

BOATS = """# Boat register

## Aurora

The Aurora carries 48 passengers and has a crew of three.

| Deck | Seats | Heated |
|------|-------|--------|
| Upper | 20 | no |
| Lower | 28 | yes |

```yaml
boat: aurora
seats: 48
```
"""
# No pair is near it, and a sentence may answer it, so a model is asked.
UNPAIRED = "Could forty tourists sail on the Aurora?"
# Two that it bears out, one that it does not, and two that contradict each other.
BOATS_PAIRS = """\
{"query": "How many passengers does the Aurora carry?", "answer": "48 passengers"}
{"query": "How large is the Aurora's crew?", "answer": "three", "context": "a crew of three"}
{"query": "Who is the Aurora's captain?", "answer": "Ines", "context": "Ines is the captain."}
{"query": "Seats below?", "answer": "28"}
{"query": "Seats below?", "answer": "20"}
"""
CODES = "# Harbour codes\n\nThe zebra gate opens with 4711.\n"


@dataclass(frozen=True)
class Portal:
    url: str
    llm: ScriptedLLM
    console: "Console"
    supervisor: psutil.Process
    places: Path
    """The folder below which collections may follow a source."""
    sessions: dict[str, str] = field(default_factory=dict)
    """Of who has logged in: an address may do so thirty times a minute."""

    def manage(self, *arguments: str) -> None:
        """A command of `manage.py`."""
        self.console.do(arguments)

    def run(self, program: str) -> None:
        """A piece of Python."""
        self.console.do(program)


class Console:
    """A process in a home that does what it is told; it ends with its input."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        settings = {"DJANGO_SETTINGS_MODULE": "docportal.settings"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE],
            cwd=ROOT,
            env={**environment, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, what: str | Sequence[str]) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        wrong = json.loads(self._process.stdout.readline())
        assert not wrong, wrong

    def __enter__(self) -> "Console":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@pytest.fixture(scope="package")
def portal(
    tmp_path_factory: pytest.TempPathFactory, tiny_llama: Path, testrun_uid: str
) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp("home")
    # Two at once would share a broker, and each would take the other's messages.
    alone = FileLock(Path(tempfile.gettempdir()) / f"portal-{testrun_uid}.lock", timeout=0)
    with alone, scripted_llm() as llm, database() as variables, ExitStack() as stack:
        environment = os.environ | variables | {"DOCPORTAL_HOME": str(home), "LLM_URL": llm.url}
        environment |= models_with(tiny_llama, home / "models")
        places = home / "places"
        places.mkdir()
        environment["SOURCE_ROOTS"] = str(places)
        console = stack.enter_context(Console(environment))
        console.do(["migrate", "-v0"])
        for name, (role, *groups) in PEOPLE.items():
            more = ["--groups", *groups] if groups else []
            console.do(["createuser", name, "--role", role, "--password", PASSWORD, *more])
        port = free_port()
        running = subprocess.Popen(
            [*MANAGE, "up", "--port", str(port)], env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            # What `up` says is there at once, through a pipe as well.
            assert running.stdout is not None
            assert f"http://127.0.0.1:{port}" in running.stdout.readline()
            supervisor = psutil.Process(running.pid)
            portal = Portal(f"http://127.0.0.1:{port}", llm, console, supervisor, places)
            llm.will_say("48. [1]")
            wait_until_ready(portal.url)
            bring_in(portal, home / "sources")
            yield portal
        finally:
            running.terminate()
            running.wait(30)


def database() -> "DatabaseForUp":
    return DatabaseForUp(
        os.environ.get("DATABASE_URL", ""), os.environ.get("CELERY_BROKER_URL", "")
    )


class DatabaseForUp:
    """A database and a broker for the processes of `up` alone: no other test's messages."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self.database_url, self.broker_url = database_url, broker_url
        self.name = f"journeys_{uuid.uuid4().hex[:8]}"

    def __enter__(self) -> dict[str, str]:
        if not self.database_url:
            return {}
        self._run(f'CREATE DATABASE "{self.name}"')
        database_url = urlsplit(self.database_url)._replace(path=f"/{self.name}")
        broker_url = urlsplit(self.broker_url)._replace(path="/14")
        return {"DATABASE_URL": database_url.geturl(), "CELERY_BROKER_URL": broker_url.geturl()}

    def __exit__(self, *_: object) -> None:
        if self.database_url:
            self._run(f'DROP DATABASE "{self.name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        maintenance = urlsplit(self.database_url)._replace(path="/postgres").geturl()
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(statement.encode())


def models_with(base: Path, folder: Path) -> dict[str, str]:
    """The models of this machine, and `base` as what a training starts from."""
    folder.mkdir()
    for model in (*Path(settings.MODELS_DIR).iterdir(), base):
        (folder / model.name).symlink_to(model)
    return {"MODELS_DIR": str(folder), "BASE_MODEL": base.name, "EVALUATION_RAG_QUESTIONS": "4"}


def wait_until_ready(url: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=STARTS_WITHIN) as client:
        while client.get(f"{url}/readyz").status_code != 200:
            pass


def bring_in(portal: Portal, sources: Path) -> None:
    for collection, name, text, readers in (
        ("Wiki", "boats.md", BOATS, []),
        ("Vault", "codes.md", CODES, ["--readers", "security"]),
    ):
        folder = sources / collection
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        if name == "boats.md":
            (folder / "boats_qa.jsonl").write_text(BOATS_PAIRS)
        portal.manage("ingest", str(folder), "--collection", collection, *readers)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def fresh() -> str:
    """A word for names that nobody has used yet: a test that is run once more finds the portal as
    its first try left it."""
    return f"n{uuid.uuid4().hex[:6]}"


Visit = Callable[..., Page]


@pytest.fixture
def visit(portal: Portal, chromium: Browser) -> Iterator[Visit]:
    """A logged-in page of a person; what its console complains of fails the test, but for replies
    of the status `refused`."""
    complaints: list[str] = []
    contexts = []

    def log_in(
        name: str,
        *,
        scripts: bool = True,
        scheme: str = "light",
        width: int = 1280,
        refused: int | None = None,
    ) -> Page:
        def listen(said: ConsoleMessage) -> None:
            if said.type == "error" and f"with a status of {refused} " not in said.text:
                complaints.append(said.text)

        context = chromium.new_context(
            base_url=portal.url,
            java_script_enabled=scripts,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 860},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", listen)
        if session := portal.sessions.get(name):
            context.add_cookies([{"name": "sessionid", "value": session, "url": portal.url}])
            page.goto("/")
            return page
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("/")
        cookies = {cookie.get("name"): cookie.get("value", "") for cookie in context.cookies()}
        portal.sessions[name] = cookies["sessionid"]
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert complaints == []
