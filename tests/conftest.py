"""What most tests need: a fresh home, the people, and two collections."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings
from whitenoise.middleware import WhiteNoiseMiddleware

from ingestion.append_only import NOT_REMOVED
from ingestion.models import Collection
from tests import emptying
from tests.browser import NO_BROWSER, browser
from tests.home import places
from tests.model_files import Workshop
from tests.people import People, make_collections, make_people
from tests.router.retrieval.hashed_words import HashedWords, hashed_words
from tests.scripted_llm import ScriptedLLM, scripted_llm

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile(
    "docportal", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("docportal")

PORTAL = "portal"
SESSIONS_END_WITHIN_MS = 30_000
END_OTHER_SESSIONS = """
    SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# Collecting them imports PyTorch, for seconds in each process, and none of them meets a database.
collect_ignore = (
    [
        "router/test_chat_server.py",
        "router/test_decoding.py",
        "training/reader",
        "training/trainers",
    ]
    if os.environ.get("DATABASE_URL")
    else []
)

pytest_plugins = [
    "tests.drill.table",
    "tests.installations",
    "tests.model_servers",
    "tests.tiny_models",
]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """A file's tests stay in one process, and all that share the running portal. In a drill each
    setting is a file of its own. A test that breaks something, with the fixture `drill`, is one.
    The journeys are skipped where there is no browser.
    """
    has_browser = browser() is not None
    for item in items:
        names = getattr(item, "fixturenames", ())
        own = f"{item.path} {_setting_of(item)}"
        item.add_marker(pytest.mark.xdist_group(PORTAL if "portal" in names else own))
        if "drill" in names:
            item.add_marker(pytest.mark.drill)
        if item.get_closest_marker("browser") and not has_browser:
            item.add_marker(pytest.mark.skip(reason=NO_BROWSER))
    runs = {item: _is_asked_for(item, config.option.markexpr) and _fits(item) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not runs[item]])
    items[:] = [item for item in items if runs[item]]
    yield  # pytest-django has an order of its own
    _put_long_groups_first(items)


def _put_long_groups_first(items: list[pytest.Item]) -> None:
    """A few tests that start servers or a browser take as long as a hundred others, and what starts
    last is what the other processes wait for.
    """
    long = {_group_of(item) for item in items if _starts_servers(item)}
    items.sort(key=lambda item: (_group_of(item) != PORTAL, _group_of(item) not in long))


def _group_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None
    return str(marker.args[0])


def _starts_servers(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("models", "any_database", "browser"))


def _is_asked_for(item: pytest.Item, expression: str) -> bool:
    """What takes minutes, or tens of seconds, runs only if `-m` names it."""
    return all(name in expression for name in ("drill", "slow") if item.get_closest_marker(name))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """No test is named by the bytes of a file, which may hold the second that it was made in.

    Processes that collect at two moments must find the same names.
    """
    return argname if isinstance(val, bytes) else None


def _setting_of(item: pytest.Item) -> object:
    spec = getattr(item, "callspec", None)
    return spec.params.get("setting", "") if spec else ""


def _fits(item: pytest.Item) -> bool:
    """On services of their own, only tests that meet them and may fare otherwise there: the others
    have been run without. Of those with models or a browser, which take longest, the journeys of
    `test_journeys` stand for all.
    """
    if not os.environ.get("DATABASE_URL"):
        return True
    names = getattr(item, "fixturenames", ())
    shares = {"db", "portal", "stack"} & set(names)
    if not (item.get_closest_marker("django_db") or shares):
        return False
    long = item.get_closest_marker("drill") or item.get_closest_marker("slow")
    if long or item.path.name == "test_journeys.py":
        return True
    return not any(map(item.get_closest_marker, ("models", "browser", "any_database")))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """SQLite in a file, as in use: the database in memory has other locks between threads."""
    database = django_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        database["TEST"]["NAME"] = str(django_settings.DOCPORTAL_HOME / "tests.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database whose tables can be emptied, and that nobody holds when it is dropped.

    Tables are emptied between tests row by row, which the audit log does not allow: on SQLite
    the tests do without the trigger. On PostgreSQL a process that a test has stopped may still be
    rolling back.
    """
    with django_db_blocker.unblock():
        if connection.vendor == "sqlite":
            connection.cursor().execute(f"DROP TRIGGER IF EXISTS {NOT_REMOVED}")
    with pytest.MonkeyPatch.context() as patch:
        emptying.made_quick(patch)
        yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            connection.cursor().execute(END_OTHER_SESSIONS, [SESSIONS_END_WITHIN_MS])


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each `Client` makes the middleware anew, which looks for all files of the pages on the disk:
    a third of the time of a page."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, object]()

    def look_once(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """No test needs to wait for a hash that is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """A fresh place for the files, index and run files of one test."""
    for name, folder in places(tmp_path).items():
        setattr(settings, name, folder)
    return tmp_path


@pytest.fixture
def llm(settings: Settings) -> Iterator[ScriptedLLM]:
    """A model server that says what the test wants."""
    with scripted_llm() as script:
        settings.LLM_URL = script.url
        yield script


@pytest.fixture
def embedder(settings: Settings) -> Iterator[HashedWords]:
    """An embedding server to which texts are alike that share words."""
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        yield server


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Where tuned models are made, too small to be loaded."""
    return Workshop(tmp_path / "workshop")


@pytest.fixture
def people(db: None) -> People:
    return make_people()


@pytest.fixture
def collections(db: None) -> tuple[Collection, Collection]:
    return make_collections()


@pytest.fixture
def wiki(collections: tuple[Collection, Collection]) -> Collection:
    """Everybody may read it."""
    return collections[0]


@pytest.fixture
def vault(collections: tuple[Collection, Collection]) -> Collection:
    """Only the group `security` may read it."""
    return collections[1]
