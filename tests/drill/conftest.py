"""The portal that a file of the drill breaks: half of the times on the embedded default, half on a
PostgreSQL and a Redis of its own, where their programs are installed."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from tests.docportal.receiver import receiving
from tests.drill.portal import BOATS, Portal, looked_into, populate
from tests.drill.servers import Servers, missing_programs, own_servers
from tests.journeys.conftest import models_with
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import scripted_llm

EMBEDDED, SERVICES = "embedded", "services"
# Whatever the tests themselves were told does not reach an installation of its own.
_OWN = {"DATABASE_URL", "CELERY_BROKER_URL"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What breaks the portal runs `--drill-times` times in all, on both kinds of services."""
    if "setting" not in metafunc.fixturenames:
        return
    times: int = metafunc.config.getoption("drill_times")
    if "servers" in metafunc.fixturenames:
        settings_of = [SERVICES]
    elif times == 1 or missing_programs():
        settings_of = [EMBEDDED]
    else:
        settings_of = [EMBEDDED, SERVICES]
    metafunc.parametrize("setting", settings_of, indirect=True, scope="module")
    if "nth" in metafunc.fixturenames:
        metafunc.parametrize("nth", range(-(-times // len(settings_of))))


@pytest.fixture(scope="module")
def setting(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def own(setting: str) -> Iterator[Servers | None]:
    """The servers of the portal, if it has some."""
    if setting == EMBEDDED:
        yield None
        return
    if missing := missing_programs():
        pytest.skip(f"without {', '.join(missing)} there is no PostgreSQL and Redis to break")
    with own_servers() as servers:
        yield servers


@pytest.fixture
def servers(own: Servers | None) -> Servers:
    """For what breaks PostgreSQL or Redis."""
    assert own is not None
    return own


@pytest.fixture(scope="module")
def victim(
    setting: str,
    own: Servers | None,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_llama: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Portal]:
    home = tmp_path_factory.mktemp(setting)
    with ExitStack() as stack:
        llm = stack.enter_context(scripted_llm())
        llm.adapters = {}
        embeddings = stack.enter_context(hashed_words())
        receiver = stack.enter_context(receiving())
        environment = {name: value for name, value in os.environ.items() if name not in _OWN}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "tests.drill.settings",
            "DOCPORTAL_HOME": str(home),
            "SECRET_KEY": settings.SECRET_KEY,
            "LLM_URL": llm.url,
            "LLM_TIMEOUT": "10",
            "EMBEDDINGS_URL": embeddings.url,
            # Else the pairs of the document answer, and no model is asked.
            "PARAPHRASE_MODEL": "",
            "SOURCE_ROOTS": str(home),
            "WEBHOOK_ALLOWED_HOSTS": "localhost",
            "API_RATE": "0",
        }
        environment |= models_with(tiny_llama, home / "models")
        environment |= own.environment if own else {}
        portal = Portal(home, environment, llm, embeddings, receiver)
        migrated = portal.manage("migrate", "-v0")
        assert migrated.returncode == 0, migrated.stderr
        stack.enter_context(looked_into(home, environment))
        stack.enter_context(django_db_blocker.unblock())
        populate(portal)
        portal.start()
        stack.callback(portal.stop)
        portal.recovers([portal.accepted("boats.md", BOATS.encode())])
        yield portal
