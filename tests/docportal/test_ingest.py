import io
import json
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from ingestion import jobs
from ingestion.models import AuditEvent, Chunk, Collection, Document, DocumentVersion
from router import retrieval, services
from tests.documents import passage, upload
from tests.waiting import until
from training.models import QAPair

pytestmark = [
    pytest.mark.models,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("home"),
]

GUIDE = "# Ramp guide\n\n## Opening hours\n\nThe north ramp opens at 05:40.\n"
NOTES = "QUAY NOTES\n\nThe quay crane lifts 38 tonnes.\n"


@pytest.fixture(autouse=True)
def embeddings(settings: Settings, embedding_server: str) -> None:
    settings.EMBEDDINGS_URL = embedding_server


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "notes").mkdir(parents=True)
    (folder / "guide.md").write_text(GUIDE)
    (folder / "notes" / "quay.txt").write_text(NOTES)
    return folder


Ingest = Callable[..., dict[str, object]]


@pytest.fixture
def ingest(tree: Path) -> Ingest:
    def run(*options: str, paths: tuple[Path, ...] = (tree,)) -> dict[str, object]:
        out = io.StringIO()
        call_command("ingest", *paths, "--collection", "Harbour", "--json", *options, stdout=out)
        report: dict[str, object] = json.loads(out.getvalue())
        return report

    return run


def found(text: str, user: User | None = None) -> list[str]:
    return [hit.chunk.text for hit in retrieval.search(text, user=user, limit=3).hits]


def test_collection_may_be_named_in_any_alphabet(ingest: Ingest) -> None:
    assert ingest("--collection", "Документы")["created"] == 2
    assert ingest("--collection", "Документы")["unchanged"] == 2
    assert Collection.objects.get().name == "Документы"


def test_collection_of_another_name_is_neither_filled_nor_opened(
    ingest: Ingest, tree: Path, tmp_path: Path
) -> None:
    """Where an address leaves out what tells the two names apart."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "guide.md").write_text("# Canteen\n\nThe canteen opens at 11:30.\n")
    ingest("--collection", "Кадры 2024", "--readers", "hr")
    ingest("--collection", "Публичные 2024", "--readers", "staff", paths=(tmp_path / "open",))
    closed, opened = (
        Collection.objects.get(name=name) for name in ("Кадры 2024", "Публичные 2024")
    )
    member = User.objects.create_user("kim")
    member.groups.add(opened.readers.get())
    assert [group.name for group in closed.readers.all()] == ["hr"]
    assert closed.documents.count() == 2
    texts = "\n".join(found("When does the north ramp open?", member))
    assert "11:30" in texts
    assert "05:40" not in texts


def test_collection_of_an_older_home_is_found_by_its_name(ingest: Ingest) -> None:
    old = Collection.objects.create(name="R&D", slug="rd")
    ingest("--collection", "R&D")
    assert Collection.objects.get() == old
    assert old.documents.count() == 2


def test_name_whose_address_another_collection_has_is_wrong_use(ingest: Ingest) -> None:
    far = Collection.objects.create(name="Far", slug="far")
    with pytest.raises(CommandError, match="'far' is taken") as raised:
        ingest("--collection", "Får", "--readers", "staff")
    assert raised.value.returncode == 2
    assert not far.readers.exists()
    with pytest.raises(CommandError, match="letters or digits") as raised:
        ingest("--collection", "++")
    assert raised.value.returncode == 2


def test_folder_becomes_searchable_documents(ingest: Ingest) -> None:
    report = ingest()
    assert (report["created"], report["failed"]) == (2, [])
    documents = report["documents"]
    assert isinstance(documents, list)
    assert [(row["path"], row["version"], row["status"]) for row in documents] == [
        ("guide.md", 1, "parsed"),
        ("notes/quay.txt", 1, "parsed"),
    ]
    assert "05:40" in found("When does the north ramp open?")[0]


def test_file_without_a_heading_is_called_as_its_path_says(ingest: Ingest, tree: Path) -> None:
    (tree / "night_shift-bell.txt").write_text("the bell rings at 05:40.")
    ingest()
    version = DocumentVersion.objects.get(document__path="night_shift-bell.txt")
    assert version.title == version.document.title == "night shift-bell"


def test_second_run_changes_nothing(ingest: Ingest) -> None:
    ingest()
    chunks = set(Chunk.objects.values_list("pk", flat=True))
    report = ingest()
    assert (report["created"], report["updated"], report["unchanged"]) == (0, 0, 2)
    assert set(Chunk.objects.values_list("pk", flat=True)) == chunks


def test_changed_bytes_replace_the_old_text_in_search(ingest: Ingest, tree: Path) -> None:
    ingest()
    (tree / "guide.md").write_text(GUIDE.replace("05:40", "06:15"))
    assert ingest()["updated"] == 1
    answers = "\n".join(found("When does the north ramp open?"))
    assert "06:15" in answers
    assert "05:40" not in answers


def test_replace_tree_archives_what_is_gone(ingest: Ingest, tree: Path) -> None:
    ingest()
    (tree / "guide.md").unlink()
    assert ingest()["archived"] == 0
    assert ingest("--replace-tree")["archived"] == 1
    assert not any("05:40" in text for text in found("When does the north ramp open?"))


def test_type_that_is_given_holds_for_what_is_there_already(ingest: Ingest, tree: Path) -> None:
    (tree / "fees.md").write_text("# Quay fees\n\n| Fee | Price |\n|---|---|\n| Crane | 90 EUR |\n")
    assert ingest()["retyped"] == 0
    taught = QAPair.objects.trainable().filter(document__path="fees.md")
    assert taught.exists()
    (tree / "guide.md").unlink()
    report = ingest("--doc-type", "marketing")
    assert (report["unchanged"], report["retyped"]) == (2, 2)
    assert ingest("--doc-type", "marketing")["retyped"] == 0
    assert ingest()["retyped"] == 0
    kept = {one.path: (one.doc_type, one.doc_type_guessed) for one in Document.objects.all()}
    assert kept.pop("guide.md")[1]
    assert set(kept.values()) == {("marketing", False)}
    assert not taught.exists()
    (tree / "new.md").write_text("# New\n\nThe ferry leaves at 07:10.\n")
    assert ingest("--doc-type", "guide")["retyped"] == 2
    assert taught.exists()
    assert AuditEvent.objects.filter(verb="edited", detail="type marketing").count() == 2


def test_bad_file_is_reported_and_the_others_go_on(ingest: Ingest, tree: Path) -> None:
    (tree / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing else")
    (tree / "tool.exe").write_bytes(b"MZ")
    report = ingest()
    failed = report["failed"]
    assert isinstance(failed, list)
    assert {row["path"] for row in failed} == {"broken.pdf", "tool.exe"}
    assert all(row["reason"] for row in failed)
    assert Document.objects.count() == 3
    assert found("quay crane")


def test_file_that_cannot_be_read_is_reported_and_the_others_go_on(
    ingest: Ingest, tree: Path
) -> None:
    ingest()
    for name in ("guide.md", "new.md"):
        (tree / name).unlink(missing_ok=True)
        # Whose first byte nobody may read, root neither.
        (tree / name).symlink_to("/proc/self/mem")
    (tree / "notes" / "quay_qa.jsonl").symlink_to("/proc/self/mem")
    (tree / "notes" / "quay.txt").write_text(NOTES.replace("38", "40"))
    report = ingest("--replace-tree")
    failed = report["failed"]
    assert isinstance(failed, list)
    assert {row["path"] for row in failed} == {"guide.md", "new.md", "notes/quay_qa.jsonl"}
    assert all("cannot be read" in row["reason"] for row in failed)
    assert (report["updated"], report["unchanged"], report["archived"]) == (1, 0, 0)
    documents = report["documents"]
    assert isinstance(documents, list)
    assert {row["path"]: row["status"] for row in documents} == {
        "guide.md": "failed",
        "new.md": "failed",
        "notes/quay.txt": "parsed",
    }


def test_name_in_other_letters_is_the_same_document(ingest: Ingest, tree: Path) -> None:
    """As macOS decomposes it."""
    (tree / unicodedata.normalize("NFD", "Gebühr.md")).write_text(GUIDE)
    report = ingest("--replace-tree")
    assert (report["created"], report["archived"]) == (3, 0)
    report = ingest("--replace-tree")
    assert (report["unchanged"], report["archived"]) == (3, 0)
    assert Document.objects.filter(path="Gebühr.md", archived_at=None).exists()


def test_only_bad_files_is_a_failure(ingest: Ingest, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7\nnothing else")
    with pytest.raises(SystemExit) as raised:
        ingest(paths=(bad,))
    assert raised.value.code == 1


def test_readers_are_made_and_hold(ingest: Ingest) -> None:
    ingest("--readers", "harbour-police")
    member = User.objects.create_user("kim")
    member.groups.add(Collection.objects.get(slug="harbour").readers.get())
    assert found("north ramp") == []
    assert found("north ramp", member)


def test_new_readers_are_told_and_recorded(
    ingest: Ingest, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest("--readers", "hr")
    capsys.readouterr()
    ingest("--readers", "hr")
    assert "is read by" not in capsys.readouterr().err
    ingest("--readers", "staff", "hr")
    assert "From now on Harbour is read by hr, staff." in capsys.readouterr().err
    events = AuditEvent.objects.filter(collection__name="Harbour").order_by("pk")
    assert [(event.verb, event.detail) for event in events] == [
        ("created", ""),
        ("edited", "readers: hr"),
        ("edited", "readers: hr, staff"),
    ]


def test_pairs_beside_a_document_are_imported_once(ingest: Ingest, tree: Path) -> None:
    """Also where an editor has put a byte order mark before the first."""
    pair = {"query": "When does the ramp open?", "answer": "05:40", "context": "opens at 05:40"}
    (tree / "guide_qa.jsonl").write_text(json.dumps(pair) + "\n", encoding="utf-8-sig")
    assert ingest()["pairs"] == 1
    assert ingest()["pairs"] == 0
    assert QAPair.objects.get(origin="imported").document.path == "guide.md"


def test_pairs_answer_other_words_at_once_and_the_edited_text(ingest: Ingest, tree: Path) -> None:
    pair = {"query": "When does the ramp open?", "answer": "05:40", "context": "opens at 05:40"}
    (tree / "guide_qa.jsonl").write_text(json.dumps(pair) + "\n")
    ingest()
    assert services.ask("What time is the ramp opened?", user=None).text == "05:40"
    (tree / "guide.md").write_text(GUIDE.replace("05:40", "06:15"))
    ingest()
    assert services.ask("What time is the ramp opened?", user=None).text == "06:15"


def test_pairs_are_mined_from_documents_alone(ingest: Ingest, tree: Path) -> None:
    (tree / "fees.md").write_text("# Quay fees\n\n| Fee | Price |\n|---|---|\n| Crane | 90 EUR |\n")
    assert ingest()["mined"] == QAPair.objects.trainable().count() > 0
    assert ingest()["mined"] == 0


def test_pair_without_evidence_is_kept_for_review_and_told(ingest: Ingest, tree: Path) -> None:
    pair = {"query": "When does the ramp open?", "answer": "07:00", "context": "opens at 07:00"}
    (tree / "guide_qa.jsonl").write_text("{\n" + json.dumps(pair) + "\n")
    report = ingest()
    assert report["pairs"] == 1
    failed = report["failed"]
    assert isinstance(failed, list)
    assert [row["path"] for row in failed] == ["guide_qa.jsonl"] * 2
    assert failed[0]["reason"].startswith("line 1: not a pair")
    assert failed[1]["reason"] == "line 2: the served version does not bear it out"


def test_failed_pair_names_its_file_in_the_folder(ingest: Ingest, tree: Path) -> None:
    (tree / "crane").mkdir()
    (tree / "crane/setup.md").write_text("# Crane\n\nThe crane lifts 40 t.\n")
    (tree / "crane/setup_qa.jsonl").write_text("{\n")
    failed = ingest()["failed"]
    assert isinstance(failed, list)
    assert [row["path"] for row in failed] == ["crane/setup_qa.jsonl"]


def test_file_that_another_process_has_is_waited_for(ingest: Ingest, tree: Path) -> None:
    harbour = Collection.objects.create(slug="harbour", name="Harbour")
    job = jobs.claim(upload(harbour, "guide.md", GUIDE).pk)
    assert job is not None
    others = DocumentVersion.objects.filter(document__path="notes/quay.txt", state="ready")

    def work_on() -> None:
        try:
            with jobs.lease_kept(job):
                until(others.exists)
                jobs.save_chunks(job, "Ramp guide", [passage("The north ramp opens at 05:40.")])
                jobs.finish(job)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        other = pool.submit(work_on)
        report = ingest()
        other.result()
    documents = report["documents"]
    assert isinstance(documents, list)
    assert [row["status"] for row in documents] == ["parsed", "parsed"]
    assert report["failed"] == []


def test_file_that_its_process_gave_up_is_taken_up(ingest: Ingest, tree: Path) -> None:
    harbour = Collection.objects.create(slug="harbour", name="Harbour")
    version = upload(harbour, "guide.md", GUIDE)
    assert jobs.claim(version.pk)
    DocumentVersion.objects.filter(pk=version.pk).update(
        lease_until=timezone.now() + timedelta(seconds=2)
    )
    assert ingest()["failed"] == []
    assert "05:40" in found("When does the north ramp open?")[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", ""], ids=["away", "never made"])
def test_files_that_wait_for_the_embedding_server_say_so(
    url: str, tree: Path, settings: Settings
) -> None:
    settings.EMBEDDINGS_URL, settings.RERANKER_MODEL = url, "nobody-has-this"
    out, told = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as raised:
        call_command("ingest", tree, "--collection", "Harbour", "--json", stdout=out, stderr=told)
    assert raised.value.code == 1
    assert ("convert_models" in told.getvalue()) == (not url)
    failed = json.loads(out.getvalue())["failed"]
    assert [row["path"] for row in failed] == ["guide.md", "notes/quay.txt"]
    assert all("embedding server does not answer" in row["reason"] for row in failed)


@pytest.mark.parametrize("name", ["nowhere", "n" * 300], ids=["missing", "too long"])
def test_missing_path_is_wrong_use(ingest: Ingest, tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="No such file") as raised:
        ingest(paths=(tmp_path / name,))
    assert raised.value.returncode == 2
