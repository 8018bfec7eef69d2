"""What most tests need: a fresh home, the people, and two collections."""

from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.models import Collection
from tests.people import People, make_collections, make_people


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    """A fresh place for the files, index and run files of one test."""
    for name, folder in (("MEDIA_ROOT", "files"), ("INDEX_DIR", "index"), ("RUN_DIR", "run")):
        (tmp_path / folder).mkdir()
        setattr(settings, name, tmp_path / folder)
    return tmp_path


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
