"""`check_integrity`: an intact home is clean, each damage is found by its name, and mended where
the truth is known."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker, Settings

from docportal import integrity, integrity_checks, webhooks
from docportal.models import User
from ingestion.models import AuditEvent, Delivery, Event
from ingestion.sandbox import parse_safely
from ingestion.storage import keep_original, original_path
from router import model_store, retrieval
from tests import damage, source_damage
from tests.home import places
from tests.model_files import Workshop
from tests.people import make_collections, make_people
from tests.router.retrieval.hashed_words import hashed_words
from tests.whole_homes import Home, an_intact_home, follow_places, tell_of_documents
from training.models import QAPair

pytestmark = pytest.mark.django_db

KEPT = damage.KEPT | source_damage.KEPT
MENDED = damage.MENDED | source_damage.MENDED


@dataclass(frozen=True, slots=True)
class Standing:
    """What `tests.whole_homes` made in `folder`, of which `copy` holds the files."""

    folder: Path
    copy: Path
    home: Home
    admin: User


@pytest.fixture(scope="module")
def standing(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Standing]:
    """One for all tests of this file, each of which finds its rows and files as they were made."""
    folder = tmp_path_factory.mktemp("standing")
    copy = tmp_path_factory.mktemp("copy") / "of-it"
    models, embedder = folder / "models", Path(django_settings.EMBEDDINGS_MODEL)
    workshop = Workshop(folder / "workshop")
    models.mkdir()
    (models / embedder).symlink_to(Path(django_settings.MODELS_DIR) / embedder)
    (models / "base").symlink_to(workshop.base)
    own = {**places(folder), "MODELS_DIR": models, "SOURCE_ROOTS": [str(folder)]}
    with (
        hashed_words() as server,
        override_settings(**own, EMBEDDINGS_URL=server.url),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        start_the_parser(folder)
        people, (wiki, vault) = make_people(), make_collections()
        home = an_intact_home(workshop, wiki, vault, people.reader)
        follow_places(folder, git=wiki, folder=vault)
        tell_of_documents(people.admin)
        shutil.copytree(folder, copy, symlinks=True)
        yield Standing(folder, copy, home, people.admin)
        transaction.set_rollback(True)


def start_the_parser(folder: Path) -> None:
    """Have it import its libraries, which takes seconds.

    Our transaction keeps SQLite from the thread that renews a lease, so no lease may be held for
    so long.
    """
    first = folder / "first.md"
    first.write_text("# First\n\nA line.\n")
    parse_safely(first, "text/markdown")


@pytest.fixture
def intact(standing: Standing, db: None) -> Home:
    shutil.rmtree(standing.folder)
    shutil.copytree(standing.copy, standing.folder, symlinks=True)
    return standing.home


def look(*options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what was printed."""
    printed = StringIO()
    try:
        call_command("check_integrity", "--json", *options, stdout=printed, stderr=StringIO())
    except SystemExit as ended:
        return int(ended.code or 0), json.loads(printed.getvalue())
    return 0, json.loads(printed.getvalue())


def kinds(told: dict[str, Any]) -> set[str]:
    return {problem["kind"] for problem in told["problems"]}


def test_intact_home_has_no_problems(intact: Home) -> None:
    code, told = look()
    assert (code, told["problems"]) == (0, [])
    assert told.keys() == {"checked", "problems"}
    assert told["checked"] > 20
    assert look() == (code, told)


@pytest.mark.parametrize("name", MENDED)
def test_damage_is_found_and_mended(name: str, intact: Home) -> None:
    MENDED[name](intact)
    kind = name.partition(" ")[0]
    code, told = look()
    assert (code, kinds(told)) == (1, {kind})
    assert not any(problem["repaired"] for problem in told["problems"])
    code, told = look("--repair")
    assert code == 0, told
    assert {"kind", "what", "repaired"} == told["problems"][0].keys()
    assert kind in kinds(told)
    code, told = look()
    assert (code, told) == (0, {"checked": told["checked"], "problems": []})
    events = AuditEvent.objects.filter(verb=integrity.REPAIRED, detail__startswith=f"{kind}: ")
    assert events.exists()


@pytest.mark.parametrize("name", KEPT)
def test_damage_whose_truth_is_unknown_is_found_and_left(name: str, intact: Home) -> None:
    KEPT[name](intact)
    found = look()
    assert found[0] == 1
    assert kinds(found[1]) == {name}
    assert look("--repair") == found
    assert not AuditEvent.objects.filter(verb=integrity.REPAIRED).exists()


def test_run_without_folder_that_nobody_can_claim_is_given_up(intact: Home) -> None:
    damage.hold_run(intact)
    shutil.rmtree(intact.run.folder)
    code, told = look("--repair")
    assert (code, kinds(told)) == (0, {"run-lease", "run-folder-missing"})
    assert look()[1]["problems"] == []


def test_run_that_is_given_up_is_told_of(intact: Home, standing: Standing) -> None:
    url, events = "https://hooks.example.com/runs", [Event.RUN_ENDED]
    webhooks.create(owner=standing.admin, url=url, events=events, collections=[])
    MENDED["run-folder-missing"](intact)
    look("--repair")
    told = Delivery.objects.get(event=Event.RUN_ENDED)
    assert told.facts == {"run": 1, "state": "failed", "model": intact.model.name}
    assert told.collections == list(intact.run.collections.values_list("pk", flat=True))


def test_answers_go_on_after_a_rebuild(intact: Home) -> None:
    MENDED["index-damaged"](intact)
    look("--repair")
    hits = retrieval.search("zebra code", user=None).hits
    assert hits
    assert all(hit.chunk.version_id == intact.served.pk for hit in hits)


def test_without_an_embedding_server_a_vector_stays_missing(
    intact: Home, settings: Settings
) -> None:
    MENDED["vector-missing"](intact)
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    code, told = look("--repair")
    assert code == 1
    assert [problem["repaired"] for problem in told["problems"]] == [False]


def test_pairs_keep_their_passage_when_that_comes_back(intact: Home) -> None:
    tied = QAPair.objects.order_by("pk").values_list("pk", "content_hash", "review", "problem")
    before = list(tied)
    intact.served.chunks.all().delete()
    code, told = look()
    assert (code, "pair-passage" in kinds(told)) == (1, True)
    assert look("--repair")[0] == 0
    assert list(tied.all()) == before
    assert look()[1]["problems"] == []


def test_pairs_of_a_passage_that_is_gone_for_good_are_left(intact: Home) -> None:
    tied = QAPair.objects.order_by("pk").values_list("pk", "content_hash", "review")
    before = list(tied)
    original_path(intact.served.sha256).unlink()
    intact.served.chunks.all().delete()
    code, told = look("--repair")
    assert code == 1
    assert {"original-missing", "passages-missing", "pair-passage"} <= kinds(told)
    assert list(tied.all()) == before


def test_passages_of_other_rules_are_not_mixed_with_those_of_today(intact: Home) -> None:
    chunk = intact.before.chunks.get(position=0)
    chunk.text, chunk.content_hash = "Read by another parser.", "0" * 64
    chunk.save()
    code, told = look("--repair")
    assert (code, kinds(told)) == (1, {"passage-changed"})


def test_what_is_being_made_is_left_alone(intact: Home) -> None:
    upload = original_path("ab" * 32)
    upload.parent.mkdir(exist_ok=True)
    upload.write_bytes(b"its row comes in a moment")
    (model_store.adapter_folder(".new-docs-v0009")).mkdir()
    (Path(django_settings.DATASETS_DIR) / ".new-ab").mkdir()
    (Path(django_settings.RUNS_DIR) / "0099").mkdir()
    (Path(django_settings.SOURCES_DIR) / "99.git").mkdir()
    mirror = next(Path(django_settings.SOURCES_DIR).glob("*.git/HEAD")).parent
    (mirror / "shallow.lock").touch()
    User.objects.create(username=f"evaluation of run 7 {'0f' * 16}", is_active=False)
    assert look() == (0, {"checked": look()[1]["checked"], "problems": []})


def test_orphan_that_is_uploaded_again_meanwhile_is_kept(intact: Home, tmp_path: Path) -> None:
    MENDED["original-orphan"](intact)
    (problem,) = [
        problem
        for one in integrity_checks.CHECKS
        for problem in one.problems()
        if problem.kind == "original-orphan"
    ]
    (tmp_path / "again").write_bytes(b"nobody's")
    with (tmp_path / "again").open("rb") as content:
        stored = keep_original(content)
    assert problem.repair is not None
    assert not problem.repair()
    assert original_path(stored.sha256).read_bytes() == b"nobody's"


def test_nothing_tells_of_a_document_in_words(intact: Home) -> None:
    for kept in (
        "original-missing",
        "dataset-damaged",
        "source-file-collection",
        "delivery-untaken",
    ):
        KEPT[kept](intact)
    for mended in ("served-twice", "passage-changed", "vector-missing", "pair-key"):
        MENDED[mended](intact)
    for mended in ("mirror-damaged", "source-file-untaken", "source-lease"):
        MENDED[mended](intact)
    found = look()[1]
    assert {"served-twice", "delivery-untaken", "source-file-untaken"} <= kinds(found)
    told = json.dumps(found).lower()
    for word in ("fees", "codes", "zebra", "wiki", "vault", "crane", "pier", "quay", "example"):
        assert word not in told


def test_in_words_each_problem_is_a_line(intact: Home) -> None:
    MENDED["run-orphan"](intact)
    printed = StringIO()
    call_command("check_integrity", "--repair", stdout=printed, stderr=StringIO())
    lines = printed.getvalue().splitlines()
    assert lines[0] == "run-orphan: Folder 0042 (repaired)"
    assert lines[1].endswith("things were looked at, 1 problems found.")
