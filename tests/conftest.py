"""What most tests need: a fresh home, the people, and two collections."""

import os
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from ingestion.models import Collection
from tests.model_files import Workshop
from tests.people import People, make_collections, make_people

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile(
    "docportal", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("docportal")

pytest_plugins = ["tests.model_servers", "tests.tiny_models"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file's tests stay in one process, and all that share the running portal.

    On services of their own, only tests that meet them: the others have been run without.
    """
    for item in items:
        shares_portal = "portal" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("portal" if shares_portal else str(item.path)))
    if not os.environ.get("DATABASE_URL"):
        return
    config.hook.pytest_deselected(items=[one for one in items if not _meets_services(one)])
    items[:] = [one for one in items if _meets_services(one)]


def _meets_services(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("django_db")) or "db" in names or "portal" in names


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """SQLite in a file, as in use: the database in memory has other locks between threads."""
    database = django_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        database["TEST"]["NAME"] = str(django_settings.DOCPORTAL_HOME / "tests.sqlite3")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """No test needs to wait for a hash that is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """A fresh place for the files, index and run files of one test."""
    folders = {"MEDIA_ROOT": "files", "INDEX_DIR": "index", "RUN_DIR": "run"}
    folders |= {"DATASETS_DIR": "datasets", "RUNS_DIR": "runs", "TUNED_DIR": "tuned"}
    for name, folder in folders.items():
        (tmp_path / folder).mkdir()
        setattr(settings, name, tmp_path / folder)
    settings.TUNED_DIR = tmp_path / "tuned"
    return tmp_path


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
