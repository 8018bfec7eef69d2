"""Documents over HTTP: listed, read, uploaded, archived, restored, searched."""

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient

from docportal.views.library import STATES
from ingestion.models import AuditEvent, Collection, Document, DocumentVersion
from ingestion.storage import original_path
from tests.docportal.api.callers import Caller, error_of
from tests.docportal.api.conftest import SENTENCE
from tests.docportal.streams import parts
from tests.documents import fail, passage, publish
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def test_collections_are_those_one_may_read(
    engineer: Caller, sender: DocumentVersion, vault: Collection
) -> None:
    told = engineer.get("collections").json()
    assert told == {
        "items": [
            {
                "slug": "wiki",
                "name": "Wiki",
                "policy": "auto",
                "trainable": True,
                "documents": 1,
            }
        ],
        "next": "",
    }
    assert engineer.get("collections/wiki").json() == told["items"][0]
    assert error_of(engineer.get("collections/vault")) == (404, "not-found")


def test_document_tells_its_place_and_its_newest_version(
    engineer: Caller, sender: DocumentVersion
) -> None:
    (item,) = engineer.get("documents").json()["items"]
    assert item == item | {
        "document": sender.document.slug,
        "collection": "wiki",
        "path": "ops/webhooks.md",
        "title": "Webhook sender",
        "archived": False,
        "served": 1,
    }
    assert item["newest"] == item["newest"] | {"number": 1, "state": "ready", "served": True}
    assert engineer.get(f"documents/{sender.document.slug}").json() == item


def test_lists_come_in_pages_that_lose_and_repeat_nothing(
    engineer: Caller, wiki: Collection
) -> None:
    paths = [f"{number}.md" for number in range(5)]
    for path in paths:
        publish(wiki, path, [passage(f"It is {path}.")], title=path)
    found: list[str] = []
    after = ""
    while True:
        page = engineer.get("documents", after=after, limit=2).json()
        found += [item["path"] for item in page["items"]]
        if not (after := page["next"]):
            break
    assert found == paths[::-1]
    assert error_of(engineer.get("documents", limit=0)) == (400, "bad-request")
    assert error_of(engineer.get("documents", limit=101)) == (400, "bad-request")


def test_list_goes_on_behind_a_document_that_was_changed_meanwhile(
    engineer: Caller, wiki: Collection
) -> None:
    for path in ("a.md", "b.md", "c.md"):
        publish(wiki, path, [passage(f"It is {path}.")], title=path)
    first = engineer.get("documents", limit=2).json()
    assert [item["path"] for item in first["items"]] == ["c.md", "b.md"]
    publish(wiki, "b.md", [passage("It is another.")], title="b.md")
    rest = engineer.get("documents", limit=2, after=first["next"]).json()
    assert [item["path"] for item in rest["items"]] == ["a.md"]


def test_list_does_not_begin_anew_behind_what_is_not_there(
    engineer: Caller, wiki: Collection, vault: Collection
) -> None:
    hidden = publish(vault, "codes.md", [passage("The code is 4711.")], title="Codes")
    for path, after in (("documents", hidden.pk), ("collections", vault.pk), ("documents", "x")):
        response = engineer.get(path, after=after)
        assert error_of(response) == (400, "bad-cursor")
        assert response.content == engineer.get(path, after=10**6).content


def test_documents_are_narrowed(engineer: Caller, sender: DocumentVersion) -> None:
    assert len(engineer.get("documents", text="webhook", collection="wiki").json()["items"]) == 1
    for nothing in ({"text": "mail"}, {"collection": "vault"}, {"state": "archived"}):
        assert engineer.get("documents", **nothing).json()["items"] == []
    for state, _ in STATES:
        assert engineer.get("documents", state=state).status_code == 200
    assert error_of(engineer.get("documents", state="faild")) == (400, "bad-request")


def test_upload_makes_versions_and_same_bytes_change_nothing(
    writer: Caller, people: People, wiki: Collection
) -> None:
    def upload(content: bytes) -> tuple[int, dict[str, object]]:
        file = SimpleUploadedFile("anything.md", content)
        response = writer.upload(collection="wiki", path="ops/new.md", file=file)
        return response.status_code, response.json()

    status, told = upload(b"# One")
    assert (status, told["outcome"]) == (201, "created")
    document = Document.objects.get(slug=told["document"])
    assert (document.path, document.owner) == ("ops/new.md", people.writer)
    assert upload(b"# One")[0] == 200
    status, told = upload(b"# Two")
    assert (status, told["outcome"]) == (201, "updated")
    versions = writer.get(f"documents/{document.slug}/versions").json()["items"]
    assert [version["number"] for version in versions] == [2, 1]
    assert versions[0] == versions[0] | {"state": "queued", "author": "writer"}
    assert AuditEvent.objects.filter(actor=people.writer, verb="uploaded").count() == 2


def test_note_is_kept_as_every_database_takes_it(writer: Caller, wiki: Collection) -> None:
    file = SimpleUploadedFile("a.md", b"# A")
    told = writer.upload(collection="wiki", path="a.md", file=file, note="It is\0 new.").json()
    assert told["version"]["note"] == "It is new."


def test_upload_tells_the_version_as_it_is_now(writer: Caller, wiki: Collection) -> None:
    def outcome_of(version: DocumentVersion) -> dict[str, object]:
        path = version.document.path
        file = SimpleUploadedFile(path, original_path(version.sha256).read_bytes())
        told = writer.upload(collection="wiki", path=path, file=file).json()
        return {"outcome": told["outcome"], **told["version"]}

    failed = fail(wiki, "scan.pdf", "It is a scan.")
    told = outcome_of(failed)
    assert told == told | {"outcome": "updated", "state": "queued", "failure": ""}
    served = publish(wiki, "a.md", [passage("It is a.")], title="A")
    writer.post(f"documents/{served.document.slug}/archive")
    told = outcome_of(served)
    assert told == told | {"outcome": "updated", "served": True}


def test_upload_that_is_refused_says_why(writer: Caller, wiki: Collection) -> None:
    def refused(path: str, collection: str = "wiki") -> tuple[int, str]:
        file = SimpleUploadedFile("x", b"x")
        return error_of(writer.upload(collection=collection, path=path, file=file))

    assert refused("tool.exe") == (400, "wrong-type")
    assert refused("../x.md") == (400, "bad-path")
    assert refused("x.md", "nowhere") == (404, "not-found")
    assert error_of(writer.upload(collection="wiki", path="x.md"))[0] == 400


def test_version_is_read_as_text_and_as_it_was_uploaded(
    engineer: Caller, sender: DocumentVersion
) -> None:
    address = f"documents/{sender.document.slug}/versions/1"
    text = engineer.get(f"{address}/text").json()
    assert text["text"].startswith("## Delivery\nIt sends events.")
    assert text["served"]

    async def original() -> bytes:
        response = await AsyncClient().get(f"/api/v1/{address}/original", headers=engineer.headers)
        assert response.status_code == 200
        assert response["Content-Disposition"] == 'attachment; filename="webhooks.md"'
        return b"".join([part async for part in parts(response)])

    assert SENTENCE.encode() in async_to_sync(original)()


def test_earlier_version_is_read_and_restored(
    writer: Caller, sender: DocumentVersion, wiki: Collection
) -> None:
    publish(wiki, "ops/webhooks.md", [passage("It retries 7 times.")], title="Webhook sender")
    address = f"documents/{sender.document.slug}/versions"
    old = writer.get(f"{address}/1/text").json()
    assert SENTENCE in old["text"]
    assert not old["served"]
    response = writer.post(f"{address}/1/restore")
    assert response.status_code == 201
    assert response.json()["number"] == 3
    assert writer.get(f"{address}/3").json()["sha256"] == sender.sha256


def test_archived_document_is_found_no_more(writer: Caller, sender: DocumentVersion) -> None:
    assert writer.get("search", q="webhook").json()["hits"]
    told = writer.post(f"documents/{sender.document.slug}/archive").json()
    assert told["archived"]
    assert writer.get("search", q="webhook").json()["hits"] == []


def test_search_tells_passages_with_their_source(
    engineer: Caller, sender: DocumentVersion, wiki: Collection
) -> None:
    told = engineer.get("search", q="webhook sender", collection="wiki").json()
    assert told["degraded"], "no embedding server runs here"
    (hit,) = told["hits"]
    assert hit == hit | {"path": "ops/webhooks.md", "version": 1, "heading": "Delivery"}
    assert error_of(engineer.get("search", q="webhook", collection="vault")) == (404, "not-found")
    assert engineer.get("search", q="").json()["hits"] == []
