"""The real processes of tuned models: a promotion fails nobody, a killed server comes back."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from ingestion.models import Collection
from router import registry, services, serving, tuned
from router.adapter_files import weights_sha256
from router.models import Incident, ModelVersion
from router.services import Drafted
from router.tuned_servers import SIGN, TunedServers
from tests.drill.table import Drill
from tests.tiny_models import TinyVersion
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.models,
    pytest.mark.usefixtures("home"),
    pytest.mark.django_db(transaction=True),
]

Register = Callable[..., ModelVersion]
LONG = 90.0
HOST = "127.0.0.2"


@pytest.fixture
def register(tiny_llama: Path, tiny_versions: list[TinyVersion], wiki: Collection) -> Register:
    """Make a candidate of one of the tiny versions; their order says which."""

    def make(which: int, **values: Any) -> ModelVersion:
        given: dict[str, Any] = {
            "adapter": tiny_versions[which].adapter,
            "merged": tiny_versions[which].merged,
            "base": tiny_llama,
            "base_sha256": weights_sha256(tiny_llama),
            "dataset_sha256": "d" * 64,
            "recipe": {"run": ModelVersion.objects.count()},
            "metrics": {},
            "readers": {wiki.pk: ()},
            "coverage": {},
            "gate_passed": True,
            "smoke": False,
        }
        return registry.register(**given | values)

    return make


@pytest.fixture
def keeper(home: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`model_server tuned` at an address of its own, on the database and folders of the test."""
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "model_server", "tuned", "--host", HOST],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "DOCPORTAL_HOME": str(home), "DATABASE_URL": url},
    )
    yield process
    process.terminate()
    process.wait(LONG)


def answers(name: str) -> Callable[[], bool]:
    def look() -> bool:
        served = tuned.answering(None)
        return served is not None and served.name == name

    return look


def asked() -> Drafted:
    async def ask() -> Drafted:
        return await services.drafted("How many?", user=None, route="tuned")

    return async_to_sync(ask)()


def pid_of(name: str) -> int:
    run_file = Path(django_settings.RUN_DIR) / "tuned" / f"{name}.json"
    return int(json.loads(run_file.read_text())["pid"])


@pytest.mark.timeout(300)
def test_promotion_under_load_fails_no_request_and_rolling_back_is_immediate(
    register: Register, keeper: "subprocess.Popen[bytes]", home: Path
) -> None:
    registry.promote(register(0), by=None)
    until(answers("docs-v0001"))
    assert str(serving.tuned_url("docs-v0001")).startswith(f"http://{HOST}:")
    assert time.time() - (home / "run" / SIGN).stat().st_mtime < LONG
    seen: list[Drafted] = []
    enough = threading.Event()

    async def ask_on() -> None:
        async def one_after_the_other() -> None:
            while not enough.is_set():
                seen.append(await services.drafted("How many?", user=None, route="tuned"))

        await asyncio.gather(*(one_after_the_other() for _ in range(3)))

    load = threading.Thread(target=async_to_sync(ask_on))
    load.start()
    try:
        until(lambda: len(seen) > 3)
        registry.promote(register(1), by=None)
        before = len(seen)
        until(lambda: any(drafted.model == "docs-v0002" for drafted in seen[before:]))
        registry.roll_back(by=None)
        after = len(seen)
        until(lambda: len(seen) > after + 6)
    finally:
        enough.set()
        load.join()
    assert [drafted.reason for drafted in seen if drafted.failed or not drafted.model] == []
    # Three answers may have been under way when it was rolled back.
    assert {drafted.model for drafted in seen[after + 3 :]} == {"docs-v0001"}
    assert {drafted.model for drafted in seen[:before]} == {"docs-v0001"}
    first, second = (
        {drafted.text for drafted in seen if drafted.model == name}
        for name in ("docs-v0001", "docs-v0002")
    )
    assert first.isdisjoint(second)


@pytest.mark.timeout(300)
def test_killed_server_comes_back_and_so_do_all_when_their_keeper_was_killed(
    register: Register, keeper: "subprocess.Popen[bytes]", drill: Drill, nth: int
) -> None:
    registry.promote(register(0), by=None)
    registry.promote(register(1), by=None)
    until(lambda: tuned.ready_models() == ["docs-v0001", "docs-v0002"])
    killed = psutil.Process(pid_of("docs-v0002"))
    with drill("Server of a tuned model killed"):
        os.kill(killed.pid, signal.SIGKILL)
        until(answers("docs-v0001"))
        assert not asked().failed
        until(answers("docs-v0002"))
        assert pid_of("docs-v0002") != killed.pid
        assert asked().model == "docs-v0002"

    children = psutil.Process(keeper.pid).children(recursive=True)
    keeper.kill()
    keeper.wait()
    _gone, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []
    assert asked().refused


@pytest.mark.timeout(300)
def test_version_that_is_not_wanted_any_more_ends_after_its_answers(
    register: Register, home: Path
) -> None:
    register(0)
    servers = TunedServers(home / "logs", grace=0.5)
    try:
        until(lambda: _looked(servers, ["docs-v0001"]) and answering_at("docs-v0001"))
        process = psutil.Process(pid_of("docs-v0001"))
        url = serving.tuned_url("docs-v0001")
        servers.look([])
        assert serving.tuned_url("docs-v0001") is None
        assert process.is_running()
        servers.look(["docs-v0001"])
        assert serving.tuned_url("docs-v0001") == url
        until(lambda: _looked(servers, []) and not process.is_running())
    finally:
        servers.stop()


def _looked(servers: TunedServers, wanted: list[str]) -> bool:
    servers.look(wanted)
    return True


def answering_at(name: str) -> bool:
    return serving.tuned_url(name) is not None


@pytest.mark.timeout(300)
def test_model_that_does_not_start_is_tried_again_and_keeps_no_other_from_it(
    register: Register, home: Path
) -> None:
    register(0)
    servers = TunedServers(home / "logs", grace=0.5)
    try:
        until(lambda: _looked(servers, ["docs-v0009", "docs-v0001"]) and answering_at("docs-v0001"))
        assert not answering_at("docs-v0009")
        [found] = Incident.objects.filter(closed_at=None)
        assert (found.kind, found.subject) == (Incident.Kind.TUNED_FILES, "docs-v0009")
    finally:
        servers.stop()
    assert not answering_at("docs-v0001")


@pytest.mark.timeout(300)
def test_new_model_answers_on_a_server_before_it_gets_its_name(register: Register) -> None:
    assert register(0, smoke=True).name == "docs-v0001"


@pytest.mark.timeout(300)
def test_command_starts_a_server_of_its_own_for_a_version(
    register: Register, settings: Settings
) -> None:
    model = registry.promote(register(0), by=None)
    assert tuned.answering(None) is None
    with serving.embedded_servers(tuned=[model.name]):
        drafted = asked()
        assert (drafted.model, drafted.failed) == (model.name, False)
    assert tuned.answering(None) is None
