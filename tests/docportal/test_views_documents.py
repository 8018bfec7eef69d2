"""The library and the page of a document."""

import asyncio
import json
import re
import zipfile
from collections.abc import Sequence
from html import unescape
from io import BytesIO

import pytest
from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from docportal.models import User
from ingestion import jobs, services
from ingestion.chunking import ChunkKind
from ingestion.models import Collection, Document, DocumentVersion
from ingestion.storage import original_path
from tests.docportal.streams import parts
from tests.docportal.tabs import kept
from tests.documents import fail, passage, publish, upload
from tests.people import People, logged_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


@pytest.fixture
def writer(people: People) -> Client:
    return logged_in(people.writer)


@pytest.fixture
def engineer(people: People) -> Client:
    return logged_in(people.engineer)


def body(response: object) -> str:
    return unescape(getattr(response, "content", b"").decode())


def send(
    client: Client, files: Sequence[tuple[str, bytes]], *, htmx: bool = False, **more: str
) -> str:
    response = client.post(
        reverse("upload"),
        {
            "collection": "wiki",
            "uploads": [SimpleUploadedFile(name, content) for name, content in files],
            **more,
        },
        headers={"HX-Request": "true"} if htmx else {},
        follow=True,
    )
    return body(response)


# --- The library ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("wiki")
def test_each_upload_is_a_row_at_once(writer: Client) -> None:
    page = send(writer, [("a.md", b"# A"), ("b.md", b"# B")], note="First")
    assert "Received for Wiki: 2 new." in page
    assert page.count("Queued") >= 2
    assert set(DocumentVersion.objects.values_list("note", flat=True)) == {"First"}


@pytest.mark.usefixtures("wiki")
def test_folder_keeps_its_paths(writer: Client) -> None:
    files = [("setup.md", b"# 1"), ("setup.md", b"# 2")]
    send(writer, files, htmx=True, paths=json.dumps(["guides/setup.md", "old/setup.md"]))
    assert set(Document.objects.values_list("path", flat=True)) == {
        "guides/setup.md",
        "old/setup.md",
    }


@pytest.mark.usefixtures("wiki")
def test_folder_keeps_its_paths_whatever_browsers_make_of_odd_names(writer: Client) -> None:
    paths = ["a/README.md", "b/README.md", 'c/say "hi".md', "c/search&notify.md"]
    sent = ["README.md", "README.md", "say %22hi%22.md", "search&notify.md"]
    fields = {"collection": "wiki", "paths": json.dumps(paths)}
    form = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    form += "".join(
        f'--edge\r\nContent-Disposition: form-data; name="uploads"; filename="{name}"\r\n'
        f"Content-Type: text/markdown\r\n\r\n# {number}\r\n"
        for number, name in enumerate(sent)
    )
    writer.generic(
        "POST", reverse("upload"), f"{form}--edge--\r\n", "multipart/form-data; boundary=edge"
    )
    kept = DocumentVersion.objects.values_list("document__path", "number")
    assert sorted(kept) == [(path, 1) for path in paths]


@pytest.mark.usefixtures("wiki")
@pytest.mark.parametrize("paths", ["[", "[1]", '{"a": 1}', '["a/x.md", "b/x.md"]'])
def test_paths_that_do_not_fit_the_files_are_refused(writer: Client, paths: str) -> None:
    page = send(writer, [("x.md", b"# X")], paths=paths, note="Typed before")
    assert "not every file came with its place in the folder" in page
    assert "Typed before" in page
    assert not Document.objects.exists()


@pytest.mark.usefixtures("wiki")
def test_path_that_no_database_takes_is_kept_as_one_that_it_does(writer: Client) -> None:
    send(writer, [("x.md", b"# X")], paths=json.dumps(["a/\ud800.md"]))
    assert Document.objects.get().path == "a/?.md"


@pytest.mark.usefixtures("wiki")
def test_zip_is_unpacked_and_one_bad_file_keeps_no_other_out(
    writer: Client, settings: Settings
) -> None:
    settings.UPLOAD_MAX_BYTES = 1024
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("docs/a.md", "# A")
        archive.writestr("docs/photo.jpg", "x")
    page = send(writer, [("docs.zip", packed.getvalue()), ("big.md", b"x" * 2048)])
    assert "Received for Wiki: 1 new." in page
    assert "big.md: The file is larger than" in page
    assert "photo.jpg" in page
    assert Document.objects.get().path == "docs/a.md"


@pytest.mark.usefixtures("wiki")
def test_upload_without_a_file_says_so_and_keeps_the_note(writer: Client) -> None:
    response = writer.post(reverse("upload"), {"collection": "wiki", "note": "Typed before"})
    assert response.status_code == 400
    assert "Choose at least one file." in body(response)
    assert "Typed before" in body(response)


def test_failed_row_says_why_what_still_answers_and_offers_a_retry(
    writer: Client, engineer: Client, wiki: Collection
) -> None:
    publish(wiki, "scan.pdf", [passage("Old text.")])
    version = fail(wiki, "scan.pdf", "14 scanned pages. Upload a PDF with text.")
    page = body(writer.get(reverse("library")))
    assert "14 scanned pages. Upload a PDF with text. Version 1 still answers." in page
    retry = reverse("retry_version", args=[version.document.slug, 2])
    assert retry in page
    assert retry not in body(engineer.get(reverse("library")))
    failed = reverse("library") + "?state=failed"
    assert f'name="next" value="{failed}"' in body(writer.get(failed))
    assert writer.post(retry, {"next": failed})["Location"] == failed
    version.refresh_from_db()
    assert version.state == DocumentVersion.State.QUEUED


def test_retry_never_leads_elsewhere(writer: Client, wiki: Collection) -> None:
    version = fail(wiki, "scan.pdf", "14 scanned pages.")
    address = reverse("document", args=[version.document.slug])
    retry = reverse("retry_version", args=[version.document.slug, 1])
    assert writer.post(retry, {"next": "https://evil.test/"})["Location"] == address


@pytest.mark.usefixtures("wiki")
def test_filters_keep_the_order_and_are_as_the_list_is_after_an_upload(writer: Client) -> None:
    sorted_by_title = '<input type="hidden" name="sort" value="title">'
    assert sorted_by_title in body(writer.get("/docs/?sort=title&state=failed"))
    assert sorted_by_title not in body(writer.get("/docs/"))
    told = send(writer, [("a.md", b"# A")], htmx=True)
    filters = told.partition('<form class="filters"')[2].partition("</form>")[0]
    assert 'hx-swap-oob="true"' in filters
    assert '<option value="wiki"' in filters
    assert "selected" not in filters


def test_retry_of_what_did_not_fail_is_told_what_is_wrong(writer: Client, wiki: Collection) -> None:
    version = publish(wiki, "a.md", [passage("A.")])
    response = writer.post(reverse("retry_version", args=[version.document.slug, 1]))
    assert response.status_code == 400
    assert "did not fail" in body(response)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Boats", "Docks"]),
        ("text=boa", ["Boats"]),
        ("text=harbour/d", ["Docks"]),
        ("state=queued", ["Docks"]),
        ("state=ready", ["Boats"]),
        ("state=archived", []),
        ("type=runbook", []),
        ("collection=wiki", ["Boats", "Docks"]),
        ("collection=other", []),
        ("state=nonsense&after=x&text=%00", ["Boats", "Docks"]),
    ],
)
def test_filters(engineer: Client, wiki: Collection, query: str, found: list[str]) -> None:
    publish(wiki, "boats.md", [passage("Boats.")], title="Boats")
    docks = upload(wiki, "harbour/docks.md", "Docks.")
    Document.objects.filter(pk=docks.document_id).update(title="Docks")
    page = body(engineer.get(f"{reverse('library')}?{query}"))
    assert [name for name in ("Boats", "Docks") if f">{name}</a>" in page] == found


@pytest.mark.parametrize("sort", ["", "title"])
def test_long_library_pages_by_cursor_in_few_queries(
    engineer: Client, wiki: Collection, django_assert_num_queries: DjangoAssertNumQueries, sort: str
) -> None:
    for number in range(60):
        upload(wiki, f"{number:02}.md", f"# {number}")
    seen: list[str] = []
    address = f"{reverse('library')}?sort={sort}"
    with django_assert_num_queries(6):
        engineer.get(address)
    for _ in range(2):
        page = body(engineer.get(address))
        seen += [f"{n:02}" for n in range(60) if f">{n:02}</a>" in page]
        cursor = page.partition("after=")[2].partition('"')[0].partition("&")[0]
        address = f"{reverse('library')}?sort={sort}&after={cursor}"
    assert sorted(seen) == [f"{n:02}" for n in range(60)]


async def test_rows_change_live_until_all_have_settled(people: People, wiki: Collection) -> None:
    version = await sync_to_async(upload)(wiki, "a.md", "# A")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    response = await client.get(f"{reverse('library_events')}?watch={version.pk},999,x")
    rows = parts(response)
    assert b"Queued" in await anext(rows)
    job = await sync_to_async(jobs.claim)(version.pk)
    assert job is not None
    assert b"Parsing" in await anext(rows)
    await sync_to_async(jobs.fail)(job, "empty", "The file is empty.")
    last = await anext(rows)
    assert b"Failed" in last
    assert b"The file is empty." in last
    assert b'<p id="live" hx-swap-oob="innerHTML">' in last, "the region stays, so it is read"
    assert await anext(rows) == b"event: close\ndata: \n\n"


async def test_older_version_that_is_read_again_is_watched_until_it_has_settled(
    people: People, wiki: Collection
) -> None:
    old = await sync_to_async(fail)(wiki, "a.md", "Bad.")
    await sync_to_async(publish)(wiki, "a.md", [passage("A.")])
    await sync_to_async(services.retry_version)(version=old, actor=None, enqueue=False)
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    address = reverse("document", args=[old.document.slug])
    assert f"watch={old.pk}" in body(await client.get(address))
    response = await client.get(f"{reverse('library_events')}?watch={old.pk}")
    told = parts(response)
    assert b"Ready" in await anext(told)
    closed = asyncio.ensure_future(anext(told))
    job = await sync_to_async(jobs.claim)(old.pk)
    assert job is not None
    assert not closed.done()
    await sync_to_async(jobs.fail)(job, "empty", "The file is empty.")
    assert await closed == b"event: close\ndata: \n\n"
    assert "watch=" not in body(await client.get(address))


async def test_row_goes_on_with_the_version_that_came_after_the_watched_one(
    people: People, wiki: Collection
) -> None:
    first = await sync_to_async(upload)(wiki, "a.md", "# A")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    response = await client.get(f"{reverse('library_events')}?watch={first.pk}")
    rows = parts(response)
    assert b"v1" in await anext(rows)
    second = await sync_to_async(upload)(wiki, "a.md", "# B")
    assert b"v2" in await anext(rows)
    job = await sync_to_async(jobs.claim)(first.pk)
    assert job is not None
    await sync_to_async(jobs.fail)(job, "empty", "The file is empty.")
    job = await sync_to_async(jobs.claim)(second.pk)
    assert job is not None
    assert b"Parsing" in await anext(rows)
    await sync_to_async(jobs.fail)(job, "empty", "The file is empty.")
    assert b"Failed" in await anext(rows)
    assert await anext(rows) == b"event: close\ndata: \n\n"


def test_page_of_a_document_waits_for_what_it_shows_before_what_was_overtaken(
    engineer: Client, wiki: Collection
) -> None:
    first, second = (upload(wiki, "a.md", text) for text in ("# A", "# B"))
    page = body(engineer.get(reverse("document", args=[first.document.slug])))
    assert f"watch={second.pk}" + '"' in page


async def test_rows_of_what_one_may_not_read_are_not_sent(
    people: People, vault: Collection
) -> None:
    version = await sync_to_async(upload)(vault, "a.md", "# A")
    client = AsyncClient()
    await client.aforce_login(people.admin)
    response = await client.get(f"{reverse('library_events')}?watch={version.pk}")
    assert [part async for part in parts(response)] == [b"event: close\ndata: \n\n"]


# --- A document -----------------------------------------------------------------------------------


def test_document_page_is_its_text_in_few_queries(
    engineer: Client, wiki: Collection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    version = publish(
        wiki,
        "sender.md",
        [
            passage("It sends.", "Use"),
            passage("A: 1; B: 2\nA: 3; B: 4", "Use", "Limits", kind=ChunkKind.TABLE, page=2),
            passage("x = 1 < 2", "Use", kind=ChunkKind.CODE, language="python"),
            *(passage(f"Filler {n}.", "More") for n in range(40)),
        ],
    )
    address = reverse("document", args=[version.document.slug])
    with django_assert_num_queries(13):
        response = engineer.get(address)
    raw = response.content.decode()
    assert "<h2>Use</h2>" in raw
    assert '<a href="#p1">Limits</a>' in raw
    assert '<th scope="col">A</th>' in raw
    assert "<code>x = 1 &lt; 2</code>" in raw
    assert "page 2" in raw


def test_nothing_in_a_document_becomes_markup(engineer: Client, wiki: Collection) -> None:
    nasty = '<script>alert(1)</script> <img src="https://evil.test/x"> [a](javascript:alert(1))'
    version = publish(
        wiki,
        "n.md",
        [passage(nasty, nasty), passage(f"{nasty}: {nasty}; B: 1", kind=ChunkKind.TABLE)],
        title=nasty,
    )
    for name in ("document", "difference"):
        raw = engineer.get(reverse(name, args=[version.document.slug])).content.decode()
        assert "<script>alert" not in raw
        assert "<img" not in raw
        assert 'href="javascript' not in raw


def test_policy_of_every_page_allows_no_foreign_or_inline_code(engineer: Client) -> None:
    policy = engineer.get("/docs/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def two_versions(collection: Collection, author: User | None = None) -> Document:
    publish(collection, "sender.md", [passage("It retries 7 times.", "Use")], author=author)
    return publish(
        collection,
        "sender.md",
        [passage("It retries 9 times.", "Use")],
        author=author,
        note="Nine now",
    ).document


@pytest.mark.parametrize("view", ["side", "inline"])
def test_difference_marks_only_the_changed_words(
    engineer: Client, wiki: Collection, view: str
) -> None:
    address = reverse("difference", args=[two_versions(wiki).slug])
    raw = body(engineer.get(address, {"from": "1", "to": "2", "view": view}))
    assert "It retries <del>7</del> times." in raw
    assert "It retries <ins>9</ins> times." in raw
    swapped = body(engineer.get(address, {"from": "2", "to": "1", "view": view}))
    assert "<ins>7</ins>" in swapped


def test_version_that_was_not_read_is_compared_with_none(
    engineer: Client, wiki: Collection
) -> None:
    publish(wiki, "sender.md", [passage("It retries 7 times.", "Use")])
    fail(wiki, "sender.md", "The file is empty.")
    document = publish(wiki, "sender.md", [passage("It retries 9 times.", "Use")]).document
    address = reverse("difference", args=[document.slug])
    for page in (address, f"{address}?from=1"):
        assert "<del>7</del>" in body(engineer.get(page))
    assert 'name="from" min="1" max="3" value="1"' in body(
        engineer.get(reverse("document", args=[document.slug]))
    )
    told = body(engineer.get(address, {"from": "2", "to": "3"}))
    assert "Version 2 could not be read: The file is empty." in told
    assert "<ins>" not in told
    upload(wiki, "sender.md", "It retries 11 times.")
    assert "<del>7</del>" in body(engineer.get(address)), "the newest two with a text"
    told = body(engineer.get(address, {"from": "3", "to": "4"}))
    assert "Version 4 is still being read." in told
    assert "<del>" not in told
    same = body(engineer.get(address, {"from": "2", "to": "2"}))
    assert same.count("could not be read") == 1


def test_versions_show_number_author_and_note_and_the_old_one_says_that_it_is_old(
    engineer: Client, wiki: Collection, people: People
) -> None:
    document = two_versions(wiki, people.writer)
    page = body(engineer.get(reverse("document", args=[document.slug])))
    assert "Nine now" in page
    assert "uploaded" in page
    old = body(engineer.get(reverse("version", args=[document.slug, 1])))
    assert "An older version." in old
    assert "It retries 7 times." in old
    assert engineer.get(reverse("version", args=[document.slug, 3])).status_code == 404


def test_versions_are_listed_a_page_at_a_time_and_any_two_are_compared(
    writer: Client, wiki: Collection
) -> None:
    for number in range(1, 52):
        version = publish(wiki, "log.md", [passage(f"It holds {number} entries.")])
    address = reverse("document", args=[version.document.slug])
    listed = 'class="link">Restore<'
    page = body(writer.get(address))
    assert page.count(listed) == 19, "the newest of twenty is there already"
    found = re.findall(r'href="([^"]+)#versions-title"', page)
    earlier = body(writer.get(found[0]))
    assert (earlier.count(listed), ">v31</a>" in earlier) == (20, True)
    assert ">v51</a>" in earlier, "what is served always stands there"
    shown = reverse("version", args=[version.document.slug, 2])
    old = body(writer.get(shown))
    assert (old.count(listed), ">v2</a>" in old) == (20, True)
    assert f'href="{shown}?versions=' in old, "the version stays the one that is shown"
    compared = writer.get(reverse("difference", args=[version.document.slug]) + "?from=2&to=47")
    assert "<del>2</del>" in body(compared)
    assert "<ins>47</ins>" in body(compared)


def test_writer_restores_archives_and_brings_back(writer: Client, wiki: Collection) -> None:
    slug = two_versions(wiki).slug
    writer.post(reverse("restore_version", args=[slug, 1]))
    page = body(writer.get(reverse("document", args=[slug])))
    assert "Restores v1" in page
    archived = body(writer.post(reverse("archive_document", args=[slug]), follow=True))
    assert "Bring back" in archived
    assert not DocumentVersion.objects.served().exists()
    writer.post(reverse("bring_back_document", args=[slug]))
    assert DocumentVersion.objects.served().get().number == 2


def test_archived_document_is_not_said_to_become_searchable(
    writer: Client, wiki: Collection
) -> None:
    version = upload(wiki, "a.md", "# A")
    archived = writer.post(reverse("archive_document", args=[version.document.slug]), follow=True)
    assert "not found by search" in body(archived)
    assert "waiting to be searchable" not in body(archived)
    restore = reverse("restore_version", args=[version.document.slug, 1])
    assert "Version 2 is waiting to be searchable" in body(writer.post(restore, follow=True))


def test_writer_sets_the_type(writer: Client, wiki: Collection) -> None:
    document = two_versions(wiki)
    address = reverse("edit_document", args=[document.slug])
    writer.post(address, {"doc_type": "runbook"})
    document.refresh_from_db()
    assert (document.doc_type, document.doc_type_guessed) == ("runbook", False)
    assert writer.post(address, {"doc_type": "poem"}).status_code == 400


def test_new_version_goes_to_its_own_document_whatever_the_file_is_called(
    writer: Client, wiki: Collection
) -> None:
    document = two_versions(wiki)
    address = reverse("upload_version", args=[document.slug])
    file = SimpleUploadedFile("copy (1).md", b"# New")
    assert "Version 3 is being read." in body(writer.post(address, {"file": file}, follow=True))
    file.seek(0)
    assert "nothing changed" in body(writer.post(address, {"file": file}, follow=True))
    wrong = writer.post(address, {"file": SimpleUploadedFile("a.pdf", b"%PDF"), "note": "Mine"})
    assert wrong.status_code == 400
    assert "This document is a .md file." in body(wrong)
    assert 'value="Mine"' in body(wrong)
    assert "sse-connect" not in body(wrong), "no news may take that away"


def test_refused_version_is_told_beside_its_form_which_keeps_the_note(
    writer: Client, wiki: Collection, settings: Settings
) -> None:
    document = two_versions(wiki)
    address = reverse("upload_version", args=[document.slug])
    settings.UPLOAD_MAX_BYTES = 10
    large = SimpleUploadedFile("a.md", b"x" * 11)
    refused = writer.post(address, {"file": large, "note": "Typed before"})
    assert refused.status_code == 400
    assert "The file is larger than" in body(refused)
    assert 'value="Typed before"' in body(refused)
    assert document.versions.count() == 2
    small = SimpleUploadedFile("a.md", b"# A")
    assert "at most 500 characters" in body(
        writer.post(address, {"file": small, "note": "x" * 501})
    )


async def test_original_comes_back_byte_for_byte_as_a_download(
    people: People, wiki: Collection
) -> None:
    version = await sync_to_async(upload)(wiki, "guides/Anfänge.html", "<script>1</script>")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    address = reverse("original", args=[version.document.slug, 1])
    response = await client.get(address)
    assert b"".join([part async for part in parts(response)]) == b"<script>1</script>"
    assert response["Content-Disposition"].startswith("attachment;")
    assert "Anf%C3%A4nge.html" in response["Content-Disposition"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == "18"


async def test_download_under_way_keeps_no_connection_from_others(
    people: People, wiki: Collection
) -> None:
    version = await sync_to_async(upload)(wiki, "guide.md", "# Guide")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    response = await client.get(reverse("original", args=[version.document.slug, 1]))
    blocks = parts(response)
    assert await anext(blocks) == b"# Guide"
    assert await sync_to_async(lambda: connection.connection is None)()
    assert [block async for block in blocks] == []


def test_original_that_is_gone_is_told_of(people: People, wiki: Collection) -> None:
    version = upload(wiki, "guide.md", "# Guide")
    original_path(version.sha256).unlink()
    told = logged_in(people.engineer).get(reverse("original", args=[version.document.slug, 1]))
    assert told.status_code == 400
    assert "bring it back from a backup" in body(told)


def test_original_that_is_not_what_was_uploaded_is_told_of(
    people: People, wiki: Collection
) -> None:
    version = upload(wiki, "guide.md", "# Guide")
    original_path(version.sha256).write_text("# Gu")
    told = logged_in(people.engineer).get(reverse("original", args=[version.document.slug, 1]))
    assert told.status_code == 400
    assert "bring it back from a backup" in body(told)


@pytest.mark.usefixtures("wiki", "vault")
def test_upload_is_for_the_collection_that_is_looked_at(people: People) -> None:
    writer = logged_in(people.restricted_writer)
    page = body(writer.get(reverse("library"), {"collection": "wiki"}))
    assert '<option value="wiki" selected>Wiki</option>' in page.partition('id="upload"')[2]
    assert "up to 50 MB each and 200 MB at once" in page


def test_what_is_wrong_with_a_field_is_named_by_it(writer: Client, wiki: Collection) -> None:
    version = upload(wiki, "a.md", "# A")
    address = reverse("upload_version", args=[version.document.slug])
    page = body(writer.post(address, {"file": SimpleUploadedFile("a.pdf", b"%PDF")}))
    described = re.findall(r'aria-describedby="([^"]+)"', page)
    assert described
    assert all(f'id="{name}"' in page for names in described for name in names.split())


# --- Collections ----------------------------------------------------------------------------------


def test_admin_makes_a_collection_and_narrows_its_readers(people: People) -> None:
    admin = logged_in(people.admin)
    made = admin.post(reverse("collections"), {"name": "Team Docks", "policy": "auto"}, follow=True)
    assert "Saved Team Docks." in body(made)
    taken = admin.post(reverse("collections"), {"name": "team docks", "policy": "auto"})
    assert taken.status_code == 400
    assert "taken" in body(taken)
    security = people.reader.groups.get(name="security")
    address = reverse("edit_collection", args=["team-docks"])
    Collection.objects.create(name="Piers", slug="piers")
    form = {"name": "piers", "policy": "auto"}
    assert "taken" in body(admin.post(address, form))
    narrowed = {"name": "Docks", "policy": "rag_only", "readers": [security.pk]}
    assert "you no longer see it" in body(admin.post(address, narrowed, follow=True))
    assert Collection.objects.get(name="Docks").readers.get() == security
    assert admin.get(address).status_code == 404


def test_old_page_of_a_collection_gives_it_back_to_nobody(people: People, wiki: Collection) -> None:
    security = people.reader.groups.get(name="security")
    people.admin.groups.add(security)
    admin = logged_in(people.admin)
    address = reverse("edit_collection", args=[wiki.slug])
    old = kept(admin, address) | {"name": "Wiki", "policy": "auto", "default_doc_type": "policy"}
    narrowed = kept(admin, address) | {"name": "Wiki", "policy": "auto", "readers": [security.pk]}
    assert admin.post(address, narrowed).status_code == 302
    refused = admin.post(address, old)
    assert refused.status_code == 400
    assert "It is now Wiki, read by security;" in body(refused)
    assert '<option value="policy" selected>' in body(refused)
    assert wiki.readers.get() == security
    nameless = admin.post(address, old | {"name": ""})
    assert old["seen"] in body(nameless)
    # Whoever was told may save it.
    assert admin.post(address, old | kept(admin, address)).status_code == 302
    assert not wiki.readers.exists()


# --- The frame ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("people")
def test_login_leads_back_to_where_one_was_going() -> None:
    client = Client()
    asked = client.get("/docs/?text=boats")
    assert asked["Location"] == "/accounts/login/?next=/docs/%3Ftext%3Dboats"
    page = body(client.get(asked["Location"]))
    assert "sign up" not in page.lower()
    form = {"login": "engineer", "password": "correct horse battery", "next": "/docs/?text=boats"}
    assert client.post("/accounts/login/", form)["Location"] == "/docs/?text=boats"
    assert client.get("/accounts/signup/").status_code in (302, 404)


def test_theme_is_remembered_and_never_leads_elsewhere(engineer: Client) -> None:
    chosen = engineer.post(reverse("theme"), {"theme": "dark", "next": "https://evil.test/"})
    assert chosen["Location"] == "/"
    assert 'data-theme="dark"' in body(engineer.get("/docs/"))
    engineer.post(reverse("theme"), {"theme": "", "next": "/docs/"})
    assert "data-theme" not in body(engineer.get("/docs/"))


def test_page_that_is_not_there_says_what_to_do(engineer: Client) -> None:
    response = engineer.get("/nothing/")
    assert response.status_code == 404
    assert "ask them who its readers are" in body(response)


def test_stale_form_says_that_nothing_was_changed(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.writer)
    response = client.post(reverse("upload"), {"collection": "wiki"})
    assert response.status_code == 403
    assert "Nothing was changed. Go back, copy what you typed" in body(response)


@pytest.mark.usefixtures("wiki")
def test_health_needs_no_login_and_readiness_names_what_is_missing() -> None:
    assert Client().get("/healthz").json() == {"status": "up"}
    ready = Client().get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] == "ok"
    assert "does not answer" in ready.json()["model"]


@pytest.mark.usefixtures("wiki")
def test_readiness_waits_for_a_model_without_a_connection() -> None:
    Client().get("/readyz")
    assert connection.connection is None
