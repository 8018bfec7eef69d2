from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from ingestion.models import Collection, Source
from ingestion.sources import services
from ingestion.sources.syncing import sync
from tests.repositories import Repository

Follow = Callable[..., Source]
Again = Callable[[Source], Source]


@pytest.fixture
def places(settings: Settings, tmp_path: Path) -> Path:
    """The one folder below which anything may be followed."""
    folder = tmp_path / "places"
    folder.mkdir()
    settings.SOURCE_ROOTS = [str(folder)]
    return folder


@pytest.fixture
def repository(places: Path) -> Repository:
    return Repository(places / "docs")


@pytest.fixture
def folder(places: Path) -> Path:
    watched = places / "watched"
    watched.mkdir()
    return watched


@pytest.fixture
def follow(home: Path, wiki: Collection) -> Follow:
    """Adds a source to the wiki and syncs it for the first time."""

    def add(location: Path | str, kind: str = "git", **values: Any) -> Source:
        source = services.add_source(
            collection=wiki, actor=None, kind=kind, location=str(location), enqueue=False, **values
        )
        assert sync(source.pk, enqueue=False)
        source.refresh_from_db()
        return source

    return add


@pytest.fixture
def again() -> Again:
    """Syncs as the button does."""

    def run(source: Source) -> Source:
        services.request_sync(source=source, enqueue=False)
        assert sync(source.pk, enqueue=False)
        source.refresh_from_db()
        return source

    return run
