"""A collection leaves the portal as files, whole, and comes back by `ingest`."""

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse
from pytest_django import Settings

from docportal.exports import contents
from docportal.exports.places import folders_of, has_place
from docportal.exports.writing import zipped
from ingestion import services
from ingestion.models import AuditEvent, Collection, Document, DocumentVersion
from ingestion.storage import original_path
from tests.docportal.api.callers import Caller
from tests.docportal.streams import parts
from tests.documents import fail, passage, publish, upload
from tests.pairs import a_pair, a_pair_without_evidence
from tests.people import People
from tests.router.retrieval.hashed_words import hashed_words
from training import pairs
from training.models import QAPair

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

OLD = "# Ramp\n\nThe north ramp opens at 05:40.\n"
NEW = "# Ramp\n\nThe north ramp opens at 06:15.\n"


@pytest.fixture
def library(people: People, wiki: Collection) -> Collection:
    """A document in each state; the first has two versions, and a pair of each kind."""
    author = people.writer
    publish(wiki, "guides/ramp.md", [passage(OLD)], author=author, note="First")
    ramp = publish(wiki, "guides/ramp.md", [passage(NEW)], author=author, note="It opens later")
    a_pair(ramp, "When does it open?", "06:15", review=QAPair.Review.APPROVED)
    a_pair(ramp, "When does the north ramp open?", "06:15", review=QAPair.Review.REJECTED)
    a_pair_without_evidence(ramp.document, "Who opens it?", "Ines")
    gone = publish(wiki, "old.md", [passage("The old quay is closed.")])
    services.archive_document(document=gone.document, actor=author)
    publish(wiki, "scan.md", [passage("Readable.")])
    fail(wiki, "scan.md", "14 scanned pages.")
    upload(wiki, "fresh.txt", "Just uploaded.")
    return wiki


def opened(content: bytes) -> tuple[dict[str, Any], zipfile.ZipFile]:
    """The manifest and the files."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(set(names)) == len(names)
    manifest = json.loads(archive.read("manifest.json"))
    return manifest, archive


async def downloaded(client: AsyncClient, address: str) -> bytes:
    response = await client.get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    return b"".join([piece async for piece in parts(response)])


async def test_writer_downloads_every_version_from_the_library(
    people: People, library: Collection
) -> None:
    client = AsyncClient()
    await client.aforce_login(people.writer)
    page = (await client.get("/docs/?collection=wiki")).content.decode()
    address = reverse("export_collection", args=["wiki"])
    assert f'href="{address}"' in page
    manifest, archive = opened(await downloaded(client, address))
    told = {one["path"]: one for one in manifest["documents"]}
    assert told.keys() == {"guides/ramp.md", "old.md", "scan.md", "fresh.txt"}
    ramp = told["guides/ramp.md"]
    assert [(one["number"], one["message"], one["served"]) for one in ramp["versions"]] == [
        (1, "First", False),
        (2, "It opens later", True),
    ]
    assert {one["author"] for one in ramp["versions"]} == {"writer"}
    assert [archive.read(one["file"]).decode() for one in ramp["versions"]] == [OLD, NEW]
    assert ramp["versions"][1]["file"] == "guides/ramp.md"
    assert ramp["versions"][0]["file"] == f".versions/{ramp['document']}/1.md"
    assert told["old.md"]["archived"]
    assert told["old.md"]["versions"][0]["file"].startswith(".versions/")
    assert archive.read("scan.md") == b"Readable.", "what is served, not what failed"
    assert archive.read("fresh.txt") == b"Just uploaded."
    assert manifest["collection"] == manifest["collection"] | {"slug": "wiki", "readers": []}
    event = await AuditEvent.objects.select_related("actor").aget(verb="exported")
    assert event.actor == people.writer


def test_pairs_that_may_be_taught_lie_beside_their_document(library: Collection) -> None:
    export = contents.Export(library)
    _, archive = opened(b"".join(zipped(export.entries())))

    def lines(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in archive.read(name).splitlines()]

    (taught,) = lines("guides/ramp.md_qa.jsonl")
    assert taught == taught | {"query": "When does it open?", "answer": "06:15", "context": "06:15"}
    slug = Document.objects.get(path="guides/ramp.md").slug
    others = {(one["query"], one["review"]) for one in lines(f".versions/{slug}/pairs.jsonl")}
    assert others == {
        ("When does the north ramp open?", "rejected"),
        ("Who opens it?", "pending"),
    }
    assert (export.documents, export.versions, export.pairs) == (4, 6, 3)


@pytest.mark.parametrize(
    ("actor", "collection", "status"),
    [
        ("writer", "vault", 404),
        ("admin", "vault", 404),
        ("engineer", "vault", 404),
        ("reader", "vault", 403),
        ("engineer", "wiki", 403),
        ("restricted_writer", "vault", 200),
        ("writer", "nowhere", 404),
    ],
)
async def test_only_who_reads_and_writes_a_collection_takes_it_away(
    people: People, vault: Collection, actor: str, collection: str, status: int
) -> None:
    await sync_to_async(publish)(vault, "codes.md", [passage("The zebra code is 4711.")])
    user = getattr(people, actor)
    browser = AsyncClient()
    await browser.aforce_login(user)
    headers = (await sync_to_async(Caller)(user)).headers
    by_page, by_api = (
        await browser.get(f"/docs/collections/{collection}/export/"),
        await AsyncClient().get(f"/api/v1/collections/{collection}/export", headers=headers),
    )
    assert (by_page.status_code, by_api.status_code) == (status, status)
    if status == 200:
        for response in (by_page, by_api):
            content = b"".join([piece async for piece in parts(response)])
            assert b"4711" in opened(content)[1].read("codes.md")
    assert await AuditEvent.objects.filter(verb="exported").acount() == (2 if status == 200 else 0)
    page = (await browser.get(f"/docs/?collection={collection}")).content.decode()
    assert ("/export/" in page) == (status == 200)


def test_nothing_of_an_export_is_made_before_it_is_taken(library: Collection) -> None:
    """The first piece comes while later originals have not been looked at."""
    big = services.add_version(
        collection=library,
        path="a-first.txt",
        content=io.BytesIO(bytes(range(256)) * 20_000),
        author=None,
        enqueue=False,
    )
    pieces = zipped(contents.Export(library).entries())
    first = next(pieces)
    assert len(first) < 1 << 20
    assert big.version.size > 4 * len(first)
    rest = b"".join(pieces)
    assert len(opened(first + rest)[1].read("a-first.txt")) == big.version.size


def test_original_that_is_gone_is_told_and_the_rest_is_exported(library: Collection) -> None:
    lost = DocumentVersion.objects.get(document__path="guides/ramp.md", number=1)
    original_path(lost.sha256).unlink()
    export = contents.Export(library)
    manifest, archive = opened(b"".join(zipped(export.entries())))
    assert export.missing == ["guides/ramp.md v1"]
    told = next(one for one in manifest["documents"] if one["path"] == "guides/ramp.md")
    assert told["versions"][0]["file"] is None
    assert archive.read("guides/ramp.md").decode() == NEW


@pytest.mark.parametrize(
    "path",
    [
        "C:/windows.md",
        ".versions/x/1.md",
        ".hidden.md",
        "guides",
        f"{'n' * 250}.md",
        "../up.md",
        "/etc/x.md",
        "a//b.md",
        "a\\b.md",
    ],
)
def test_path_that_no_folder_holds_safely_has_no_place(path: str) -> None:
    assert not has_place(path, folders_of(["guides/ramp.md"]))


@pytest.mark.usefixtures("home")
def test_document_without_a_place_is_exported_all_the_same(wiki: Collection) -> None:
    for path in ("a.md", "a.md/b.md", ".versions/a/1.md"):
        publish(wiki, path, [passage(f"It is {path}.")])
    manifest, archive = opened(b"".join(zipped(contents.Export(wiki).entries())))
    for told in manifest["documents"]:
        (version,) = told["versions"]
        assert archive.read(version["file"]).decode() == f"It is {told['path']}."
    assert "a.md" not in archive.namelist()
    assert "a.md/b.md" in archive.namelist()


# --- By command, and back ------------------------------------------------------------------------


@pytest.fixture
def embeddings(settings: Settings) -> Iterator[None]:
    # The thread of asynchronous tests keeps a connection, and `ingest` may need all of the pool.
    asyncio.run(sync_to_async(connections.close_all)())
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        yield


def run(*arguments: str | Path) -> Any:
    out = io.StringIO()
    call_command(*map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    return json.loads(out.getvalue())


def current() -> set[tuple[str, str]]:
    served = DocumentVersion.objects.served()
    return set(served.values_list("document__path", "sha256"))


def taught() -> set[tuple[str, str, str]]:
    approved = QAPair.objects.live().filter(review=QAPair.Review.APPROVED)
    return set(approved.values_list("document__path", "question", "answer"))


@pytest.mark.usefixtures("embeddings")
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_ingest_of_an_export_gives_the_same_documents_and_pairs(
    people: People, tmp_path: Path, packed: bool
) -> None:
    tree = tmp_path / "tree"
    (tree / "guides").mkdir(parents=True)
    (tree / "guides" / "ramp.md").write_text(OLD)
    (tree / "fees.md").write_text("# Fees\n\n| Fee | Price |\n|---|---|\n| Crane | 90 EUR |\n")
    (tree / "gone.md").write_text("# Gone\n\nThe old quay is closed.\n")
    run("ingest", tree, "--collection", "Harbour")
    (tree / "guides" / "ramp.md").write_text(NEW)
    (tree / "gone.md").unlink()
    run("ingest", tree, "--collection", "Harbour", "--replace-tree")
    ramp = Document.objects.get(path="guides/ramp.md")
    pairs.write_pair(ramp, question="When may I land?", answer="06:15", by=people.writer)
    before = current(), taught()
    assert len(before[1]) > 3

    out = tmp_path / ("harbour.zip" if packed else "harbour")
    told = run("export", "--collection", "Harbour", "--out", out)
    assert (told["documents"], told["versions"], told["missing"]) == (3, 4, [])
    if packed:
        zipfile.ZipFile(out).extractall(tmp_path / "unpacked")
        out = tmp_path / "unpacked"

    report = run("ingest", out, "--collection", "Fresh harbour")
    assert report["failed"] == []
    Collection.objects.get(slug="harbour").documents.all().delete()
    assert (current(), taught()) == before


def test_export_command_reads_with_the_rights_of_the_named_user_alone(
    people: People, vault: Collection, tmp_path: Path
) -> None:
    publish(vault, "codes.md", [passage("The zebra code is 4711.")])
    for options in ((), ("--user", "admin")):
        with pytest.raises(CommandError, match="no collection 'vault' for this reader") as raised:
            run("export", "--collection", "vault", "--out", tmp_path / "x", *options)
        assert raised.value.returncode == 2
    run("export", "--collection", "vault", "--out", tmp_path / "x", "--user", "reader")
    assert (tmp_path / "x" / "codes.md").read_text() == "The zebra code is 4711."
    assert AuditEvent.objects.get(verb="exported").actor == people.reader


def test_export_writes_over_nothing(library: Collection, tmp_path: Path) -> None:
    full, file = tmp_path / "full", tmp_path / "x.zip"
    full.mkdir()
    (full / "kept.md").write_text("Kept.")
    file.write_text("Kept.")
    for out in (full, file, tmp_path / "no" / "where"):
        with pytest.raises(CommandError) as raised:
            run("export", "--collection", "wiki", "--out", out)
        assert raised.value.returncode == 2
    assert (full / "kept.md").read_text() == file.read_text() == "Kept."
    empty = tmp_path / "empty"
    empty.mkdir()
    run("export", "--collection", "wiki", "--out", empty)
    assert (empty / "guides" / "ramp.md").read_text() == NEW
    assert sorted(path.name for path in tmp_path.glob(".new-*")) == []
