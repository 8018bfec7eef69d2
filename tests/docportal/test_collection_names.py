"""Each command finds a collection by its name and by its address, also after it was renamed."""

import contextlib
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ingestion.models import Collection
from ingestion.services import create_collection, edit_collection
from ingestion.sources.services import add_source
from tests.people import People
from training.models import TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

COMMANDS = ("ingest", "search", "export", "synthesize", "train", "sync")


@pytest.fixture(autouse=True)
def renamed(settings: Settings, people: People, tmp_path: Path) -> Collection:
    """Made as Team Docs, closed, and called People since; it follows a folder without a file."""
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    settings.SOURCE_ROOTS = [str(tmp_path)]
    (tmp_path / "tree").mkdir()
    security = people.reader.groups.filter(name="security")
    made = create_collection(actor=people.admin, name="Team Docs", readers=security)
    edit_collection(
        collection=made,
        actor=people.admin,
        name="People",
        readers=security,
        default_doc_type="",
        policy="auto",
    )
    add_source(
        collection=made,
        actor=None,
        kind="folder",
        location=str(tmp_path / "tree"),
        enqueue=False,
    )
    return made


def run(command: str, name: str, folder: Path) -> None:
    arguments = {
        "ingest": [str(folder / "tree")],
        "search": ["north ramp", "--user", "reader"],
        "export": ["--out", str(folder / "out"), "--user", "reader"],
    }
    call_command(
        *(command, *arguments.get(command, []), "--collection", name, "--json"),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )


@pytest.mark.parametrize("name", ["Team Docs", "team docs", "team-docs", "People", "people"])
@pytest.mark.parametrize("command", COMMANDS)
def test_command_finds_it(renamed: Collection, tmp_path: Path, command: str, name: str) -> None:
    # There is nothing to train on, nor a file to take.
    ends = pytest.raises(SystemExit) if command in ("train", "sync") else contextlib.nullcontext()
    with ends:
        run(command, name, tmp_path)
    if command == "train":
        assert TrainingRun.objects.get().collections.get() == renamed
    assert Collection.objects.get() == renamed
    assert [group.name for group in renamed.readers.all()] == ["security"]


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_other_name_is_wrong_use(tmp_path: Path, command: str) -> None:
    with pytest.raises(CommandError, match=r"collection ('Persons'|Persons)") as raised:
        run(command, "Persons", tmp_path)
    assert raised.value.returncode == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_address_of_old_is_no_name(people: People, tmp_path: Path, command: str) -> None:
    """A closed collection, which `ingest --readers` would open."""
    old = Collection.objects.create(name="C++", slug="c")
    old.readers.set(people.reader.groups.filter(name="security"))
    place = str(tmp_path / "tree")
    add_source(collection=old, actor=None, kind="folder", location=place, enqueue=False)
    if command == "ingest":
        run(command, "C", tmp_path)
        made = Collection.objects.named("C")
        assert made is not None
        assert (made.name, made.readers.count(), made == old) == ("C", 0, False)
    else:
        with pytest.raises(CommandError, match=r"collection ('C'|C)"):
            run(command, "C", tmp_path)
