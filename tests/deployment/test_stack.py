"""Every service of the compose files, run by its own command beside PostgreSQL and Redis.

No container engine is needed: paths, hosts and ports are those of this machine, all else is what
stands in the files, with the code as the recipe lays it out. The embedded model server of
compose.cpu.yaml also stands in for vLLM, which answers by the same protocol.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings

from tests.deployment import images
from tests.deployment.compose import CPU, GPU, services
from tests.deployment.machine import MODELS, Machine, Service, step, stopped_at_the_end
from tests.journeys.conftest import database
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

BOATS = "# Boat register\n\n## Aurora\n\nThe Aurora carries 48 passengers.\n"
QUESTION = "How many passengers does the Aurora carry?"
# An account, a collection, and a token, which is printed.
SET_UP = """
from django.core.management import call_command
from ingestion.models import Collection
person = ("mira", "--role", "writer", "--password", "correct horse battery")
call_command("createuser", *person, stdout=sys.stderr)
Collection.objects.create(slug="wiki", name="Wiki")
call_command("createtoken", "mira", "--scopes", "read", "ask", "write", "--days", "1")
"""
LLM_URL = "from router import serving; print(serving.llm_url())"


@dataclass(frozen=True, slots=True)
class Stack:
    there: dict[str, Service]
    passed_before: list[str]
    """Services whose health check passed before they ran."""
    migrated: str
    """What `migrate` said."""

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.there['web'].machine.ports['8000']}"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The code as in an image, fresh secrets, and an empty home."""
    root = tmp_path_factory.mktemp("machine")
    app, inside = root / "app", ("home", "tmp", "logs")
    (app / "images").mkdir(parents=True)
    for name in inside:
        (root / name).mkdir()
    images.lay_out(app)
    script = app / "images" / "secrets.sh"
    script.write_bytes((images.RECIPE.parent / "secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True)
    ports = free_ports("8000", "8001", "8002", "6379")
    database_port = str(urlsplit(os.environ.get("DATABASE_URL", "")).port or 5432)
    folders = {
        "/srv/docportal": root / "home",
        "/srv/models": Path(settings.MODELS_DIR),
        "/run/secrets": app / "secrets",
        "/tmp": root / "tmp",  # noqa: S108  Inside a container.
    }
    # The same server is vLLM's and the embedded one.
    ports |= {"8003": ports["8001"], "5432": int(database_port)}
    return Machine(app, folders, ports, root / "logs")


@pytest.fixture(scope="module")
def stack(machine: Machine) -> Iterator[Stack]:
    if not os.environ.get("DATABASE_URL"):
        pytest.skip("on PostgreSQL and Redis only")
    gpu, cpu = services(GPU), services(CPU)
    nodes = gpu | {name: cpu[name] for name in cpu.keys() - gpu.keys()}
    there = {name: Service(name, node, _stage(name), machine) for name, node in nodes.items()}
    servers = [there[name] for name in ("embeddings", "llm")]
    others = [there[name] for name in ("web", "worker", "beat", "trainer", "tuned")]
    running = [there["redis"], *servers, *others]
    passed: list[str] = []
    with database() as variables, stopped_at_the_end(*running), ThreadPoolExecutor(12) as pool:

        def check(*ones: Service) -> None:
            wells = list(pool.map(Service.is_healthy, ones))
            passed.extend(one.name for one, well in zip(ones, wells, strict=True) if well)

        _write_secrets(machine, variables["DATABASE_URL"])
        for stage in ("portal", "web"):
            step(machine, images.steps("RUN", stage)[-1], stage)
        check(there["redis"], there["vllm"], _without_its_server(there["database"]), *servers)
        for one in (there["redis"], *servers):
            one.start()
        there["redis"].becomes_healthy()
        # They wait for an answer, so meanwhile the rest is prepared.
        nobody_answers = pool.submit(check, *others)
        there["models"].run()
        migrated = there["migrate"].run()
        nobody_answers.result()
        for one in others:
            one.start()
        list(pool.map(Service.becomes_healthy, [*servers, *others]))
        yield Stack(there, passed, migrated)


def _stage(name: str) -> str:
    image = str((services(GPU) | services(CPU))[name]["image"]).partition(":")[0]
    return image.removeprefix("docportal-") if image.startswith("docportal-") else ""


def _write_secrets(machine: Machine, database_url: str) -> None:
    """Those that say where something is; the broker keeps its password."""
    secrets = machine.folders["/run/secrets"]
    broker = urlsplit((secrets / "broker_url").read_text().strip())
    where = f":{broker.password}@127.0.0.1:{machine.ports['6379']}"
    told = {"broker_url": broker._replace(netloc=where).geturl(), "database_url": database_url}
    for name, value in told.items():
        (secrets / name).unlink()
        (secrets / name).write_text(value + "\n")


def _without_its_server(service: Service) -> Service:
    """The same where nobody listens."""
    return replace(service, machine=replace(service.machine, ports=free_ports("5432")))


def test_health_checks_fail_while_nothing_runs_and_pass_once_all_does(stack: Stack) -> None:
    assert stack.passed_before == []
    # All others have passed, or nothing would have come this far.
    for name in ("database", "vllm"):
        assert stack.there[name].is_healthy()


def test_settings_of_the_services_have_nothing_to_be_warned_of(stack: Stack) -> None:
    assert "System check identified no issues" in stack.migrated
    assert "Applying docportal.0001_initial... OK" in stack.migrated
    told = stack.there["web"].manage("check", "--deploy", "--fail-level", "WARNING")
    assert told == "System check identified no issues (0 silenced).\n"


def test_uploaded_document_answers_a_question(stack: Stack) -> None:
    token = stack.there["web"].manage("shell", "-v0", "-c", f"import sys{SET_UP}").strip()
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=f"{stack.web}/api/v1", headers=headers, timeout=60) as api:
        uploaded = api.post(
            "/documents",
            data={"collection": "wiki", "path": "boats.md"},
            files={"file": ("boats.md", BOATS.encode())},
        )
        assert uploaded.status_code == 201, uploaded.text
        version = f"/documents/{uploaded.json()['document']}/versions/1"
        while (state := api.get(version).json()["state"]) != "ready":
            assert state in ("queued", "parsing", "indexing"), stack.there["worker"].log()
        answer = api.post("/ask", json={"question": QUESTION}).json()
    assert "48" in answer["answer"], answer
    assert [one["path"] for one in answer["citations"]] == ["boats.md"]


def test_pages_and_styles_are_served_to_the_proxy_and_nobody_else(stack: Stack) -> None:
    proxied = {
        "Host": "docs.example.com",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
    }
    page = httpx.get(f"{stack.web}/accounts/login/", headers=proxied)
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"]
    style = httpx.get(f"{stack.web}/static/docportal.css", headers=proxied)
    assert style.status_code == 200
    assert style.content == (images.RECIPE.parents[1] / "static" / "docportal.css").read_bytes()
    assert httpx.get(f"{stack.web}/").status_code == 301
    assert httpx.get(f"{stack.web}/", headers=proxied | {"Host": "elsewhere"}).status_code == 400
    assert httpx.get(f"{stack.web}/metrics", headers=proxied).status_code == 403
    token = (stack.there["web"].machine.folders["/run/secrets"] / "metrics_token").read_text()
    told = proxied | {"Authorization": f"Bearer {token.strip()}"}
    assert "docportal_queue_workers" in httpx.get(f"{stack.web}/metrics", headers=told).text


def test_server_of_the_stack_without_a_gpu_is_found_by_the_others(stack: Stack) -> None:
    web = replace(stack.there["web"], node=services(CPU)["web"])
    told = web.manage("shell", "-v0", "-c", LLM_URL).strip()
    assert told == f"http://{MODELS}:{web.machine.ports['8003']}/v1"


def test_each_ends_when_it_is_asked_and_its_check_tells(stack: Stack) -> None:
    ending = [one for one in stack.there.values() if one.process is not None]
    with ThreadPoolExecutor(len(ending)) as pool:
        codes = dict(zip([one.name for one in ending], pool.map(Service.stop, ending), strict=True))
    # uvicorn ends by the very signal when it is done; a model server keeps nothing.
    by_itself = {"web", "embeddings", "llm"}
    assert {name: code for name, code in codes.items() if name not in by_itself and code} == {}
    assert {codes[name] for name in by_itself} <= {0, -signal.SIGTERM}
    for name in ("web", "embeddings", "llm", "vllm", "redis"):
        assert not stack.there[name].is_healthy()
