"""What three people come for, from the first page to the result."""

import re
import threading
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.conftest import PASSWORD, UNPAIRED, Portal, Visit
from tests.scripted_llm import Reply

pytestmark = pytest.mark.browser

QUESTION = "How many passengers does the Aurora carry?"
SENTENCE, ANSWER = "The Aurora carries 48 passengers", "48 passengers"


def test_writer_uploads_a_folder_then_a_new_version_and_sees_the_difference(
    visit: Visit, tmp_path: Path, fresh: str
) -> None:
    folder = tmp_path / fresh
    (folder / "north").mkdir(parents=True)
    (folder / "north" / "pier.md").write_text("# North pier\n\nThe pier closes at 20:00.\n")
    (folder / "rules.txt").write_text("Rules of the piers\n\nNo swimming.\n")
    page = visit("mira")
    page.goto("/docs/")
    page.get_by_text("Upload", exact=True).first.click()
    page.get_by_label("Collection").first.select_option("wiki")
    page.get_by_label("or a folder").set_input_files(folder)
    page.get_by_label("Note").fill("First edition")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Received for Wiki: 2 new.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=f"{fresh}/north/pier.md")
    expect(row).to_contain_text("Ready")
    row.get_by_role("link").first.click()

    newer = tmp_path / "pier.md"
    newer.write_text("# North pier\n\nThe pier closes at 22:00.\n")
    page.get_by_label("New version").set_input_files(newer)
    page.get_by_label("Note").fill("Open longer")
    page.get_by_role("button", name="Upload version").click()
    expect(page.get_by_text("Version 2 is being read.")).to_be_visible()
    expect(page.locator(".timeline .served")).to_contain_text("v2")
    page.get_by_role("button", name="Difference").click()
    expect(page.locator("del")).to_have_text("20")
    expect(page.locator("ins")).to_have_text("22")
    page.get_by_role("link", name="Inline").click()
    expect(page.locator("ins")).to_have_text("22")


BEING_READ = """
import io
from datetime import timedelta
from django.utils import timezone
from ingestion import jobs
from ingestion.models import Collection, DocumentVersion
from ingestion.services import add_version
change = add_version(collection=Collection.objects.get(slug="wiki"), path="{path}",
                     content=io.BytesIO(b"Nobody has described it."), author=None, enqueue=False)
jobs.claim(change.version.pk)
later = timezone.now() + timedelta(minutes=10)
DocumentVersion.objects.filter(pk=change.version.pk).update(lease_until=later)
"""
SETTLED = """
from ingestion import jobs
from ingestion.models import DocumentVersion
version = DocumentVersion.objects.get(document__path="{path}", number=2)
jobs.fail(jobs.Claim(version, version.fence), "empty", "The file is empty.")
"""


@pytest.fixture
def being_read(portal: Portal, tmp_path: Path, fresh: str) -> str:
    """The path of a document whose second version is being read."""
    path = f"{fresh}.md"
    (tmp_path / path).write_text("# Lock\n\nThe lock opens at 6.\n")
    portal.manage("ingest", str(tmp_path), "--collection", "Wiki")
    portal.run(BEING_READ.format(path=path))
    return path


def test_news_of_a_version_take_nothing_that_is_typed(
    visit: Visit, portal: Portal, being_read: str
) -> None:
    writing, reading = visit("mira"), visit("ana")
    for page in (writing, reading):
        page.goto(f"/docs/?text={being_read}")
        page.get_by_role("row").filter(has_text=being_read).get_by_role("link").first.click()
        expect(page.locator(".timeline .parsing").first).to_be_visible()
    writing.locator("details.edit").evaluate("element => element.open = true")
    question = writing.get_by_label("Question", exact=True)
    question.fill("When does the lock open?")
    writing.get_by_label("Answer", exact=True).focus()
    portal.run(SETTLED.format(path=being_read))
    expect(reading.locator(".timeline .failed").first).to_be_visible()
    expect(writing.get_by_text("This page has changed meanwhile.")).to_be_visible()
    expect(question).to_have_value("When does the lock open?")
    expect(writing.get_by_label("Answer", exact=True)).to_be_focused()


GIVEN_BACK = """
from django.utils import timezone
from ingestion.models import DocumentVersion
DocumentVersion.objects.filter(document__path="{path}").update(lease_until=timezone.now())
"""
HEARD = """() => { window.heard = new Promise((heard) =>
    document.addEventListener("toggle", heard, { capture: true, once: true })); }"""


def test_document_that_became_ready_is_read_from_its_head(
    visit: Visit, portal: Portal, fresh: str
) -> None:
    path = f"{fresh}-first.md"
    portal.run(BEING_READ.format(path=path))
    page = visit("mira")
    page.goto(f"/docs/?text={path}")
    page.get_by_role("row").filter(has_text=path).get_by_role("link").first.click()
    expect(page.locator(".timeline .parsing").first).to_be_visible()
    page.evaluate(HEARD)
    portal.run(GIVEN_BACK.format(path=path))
    expect(page.locator(".timeline .served")).to_be_visible()
    expect(page.get_by_label("Question", exact=True)).to_be_visible()
    page.evaluate("() => window.heard.then(() => true)")
    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_retry_of_a_row_that_failed_meanwhile_leads_back_to_its_list(
    visit: Visit, portal: Portal, being_read: str
) -> None:
    page = visit("mira")
    page.goto(f"/docs/?text={being_read}")
    expect(page.get_by_role("row").filter(has_text=being_read)).to_contain_text("Parsing")
    portal.run(SETTLED.format(path=being_read))
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Reading version 2 again.")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/docs/\?text={being_read}$"))


def wait_for_version(page: Page, number: int) -> None:
    """Without scripts the page of a document is still: its reader looks again."""
    serving = page.locator(".timeline .served", has_text=f"v{number}")
    for _ in range(100):
        if serving.count():
            return
        page.wait_for_timeout(250)
        page.reload()
    raise AssertionError(f"Version {number} is not served.")


def test_engineer_searches_asks_opens_the_citation_and_corrects_the_answer(
    visit: Visit, portal: Portal
) -> None:
    page = visit("ana")
    box = page.get_by_role("searchbox", name="Ask or search")
    expect(box).to_be_focused()
    asked_before = len(portal.llm.requests)
    box.press_sequentially("aurora passengers")
    expect(page.locator(".passage").first).to_contain_text("Boat register")
    expect(page).to_have_url(re.compile(r"/\?q=aurora\+passengers$"))
    assert len(portal.llm.requests) == asked_before, "passages need no model"

    box.fill(QUESTION)
    box.press("Enter")
    expect(page).to_have_url(re.compile("/questions/"))
    expect(page.get_by_text("from the current passages, checked")).to_be_visible()
    expect(page.locator(".answer-text")).to_contain_text(ANSWER)
    page.get_by_text("why this route").click()
    expect(page.get_by_text("Passage 1 says it in the words in which")).to_be_visible()
    assert len(portal.llm.requests) == asked_before, "a pair answers without a model"

    page.locator(".answer-text .reference").click()
    expect(page).to_have_url(re.compile(r"/docs/.+/versions/1/\?mark=\d+:\d+-\d+#p\d+$"))
    mark = page.locator("article mark")
    expect(mark).to_contain_text(SENTENCE)
    expect(mark).to_be_in_viewport()

    page.go_back()
    page.get_by_text("correct it").click()
    page.get_by_label("The right answer is").fill("48 since the refit.")
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    expect(page.get_by_label("The right answer is")).to_have_value("48 since the refit.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("your correction is kept")).to_be_visible()
    page.get_by_label("Ask a follow-up").fill("How many has the Borealis?")
    page.get_by_label("Ask a follow-up").press("Enter")
    expect(page.get_by_text("Earlier in this conversation")).to_be_visible()
    page.get_by_role("link", name="Questions").click()
    expect(page.get_by_role("link", name=QUESTION)).to_be_visible()


def test_refusal_is_an_answer_with_the_nearest_passages(visit: Visit, portal: Portal) -> None:
    page = visit("ana")
    portal.llm.will_say("1977. [1]")
    page.get_by_role("searchbox").fill("In which year was the Aurora built?")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".answer-text")).to_contain_text(
        "I don't have enough information to answer that."
    )
    expect(page.get_by_role("heading", name="Nearest passages")).to_be_visible()
    expect(page.locator(".passage").first).to_contain_text("Boat register")


def test_leaving_stops_the_answer(visit: Visit, portal: Portal) -> None:
    portal.llm.left.clear()
    never = threading.Event()
    portal.llm.will_say(Reply(("The Aurora carries", " 48 passengers. [1]"), release=never))
    page = visit("ana")
    while portal.llm.asked.acquire(blocking=False):
        pass
    page.get_by_role("searchbox").fill(UNPAIRED)
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("main").get_by_text("looking for the answer")).to_be_visible()
    expect(page.locator(".passage").first).to_contain_text("Boat register")
    assert portal.llm.asked.acquire(timeout=20), "the model server was not asked"
    page.goto("/docs/")
    assert portal.llm.left.wait(20), "the model server still writes for nobody"


def test_stranger_finds_nothing_of_a_restricted_document(visit: Visit, portal: Portal) -> None:
    insider = visit("mira")
    insider.goto("/docs/?collection=vault")
    address = insider.get_by_role("link", name="Harbour codes").get_attribute("href")
    assert address is not None
    with httpx.Client(base_url=portal.url, follow_redirects=True) as client:
        client.get("/accounts/login/")
        form = {"login": "stella", "password": PASSWORD}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        client.post("/accounts/login/", data=form)
        assert client.get("/docs/").status_code == 200
        token = {"X-CSRFToken": client.cookies["csrftoken"]}
        for path in ("", "difference/", "versions/1/", "versions/1/original/"):
            assert client.get(f"{address}{path}").status_code == 404, path
        for path in ("edit/", "archive/", "bring-back/", "upload/", "versions/1/restore/"):
            assert client.post(f"{address}{path}", headers=token).status_code == 404, path
        for page in ("/docs/", "/docs/collections/", "/?q=zebra", "/questions/"):
            text = client.get(page).text
            assert "4711" not in text
            assert "Harbour codes" not in text
            assert "Vault" not in text
    stranger = visit("stella")
    portal.llm.will_say("4711. [1]")
    stranger.get_by_role("searchbox").fill("Which code opens the zebra gate?")
    stranger.get_by_role("searchbox").press("Enter")
    expect(stranger.locator(".answer-text")).to_contain_text("I don't have enough information")
    assert "4711" not in stranger.locator(".passages").inner_text()


def test_everything_works_without_scripts(
    visit: Visit, portal: Portal, tmp_path: Path, fresh: str
) -> None:
    page = visit("mira", scripts=False)
    assert "Enter" not in page.locator("body").inner_text()
    page.get_by_role("searchbox").fill(QUESTION)
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".passage").first).to_contain_text("Boat register")
    assert "Enter" not in page.locator("body").inner_text(), "it searches again"
    page.get_by_role("button", name="Answer this").click()
    expect(page.locator(".answer-text")).to_contain_text(ANSWER)
    page.locator(".answer-text .reference").click()
    expect(page.locator("article mark")).to_contain_text(SENTENCE)

    for text in ("# Tides\n\nLow tide at 6.\n", "# Tides\n\nLow tide at 7.\n"):
        file = tmp_path / f"{fresh}.md"
        file.write_text(text)
        page.goto("/docs/")
        page.get_by_text("Upload", exact=True).first.click()
        page.get_by_label("Collection").first.select_option("wiki")
        page.get_by_label("Files, or a zip of a folder").set_input_files(file)
        page.get_by_role("button", name="Upload").click()
        expect(page.get_by_text("Received for Wiki: 1")).to_be_visible()
        page.get_by_role("row").filter(has_text=f"{fresh}.md").get_by_role("link").first.click()
        wait_for_version(page, 1 if "6" in text else 2)
    page.get_by_role("button", name="Difference").click()
    expect(page.locator("del")).to_have_text("6")
    expect(page.locator("ins")).to_have_text("7")


def test_question_takes_nothing_that_is_typed_below(visit: Visit) -> None:
    page = visit("mira", refused=400)
    page.goto("/docs/?collection=wiki")
    page.get_by_role("link", name="Boat register").first.click()
    page.get_by_text("Write a pair").click()
    typed = page.get_by_label("Question", exact=True)
    typed.fill("Is the Aurora heated?")
    box, told = page.get_by_label("Ask or search"), page.get_by_text("What you typed below")
    box.press("Enter")
    box.fill(QUESTION)
    box.press("Enter")
    expect(told).to_be_in_viewport()
    expect(typed).to_have_value("Is the Aurora heated?")
    typed.fill("")
    box.press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    expect(told).to_have_count(0)

    # Only the box of a page of questions searches as one types.
    page.reload()
    page.get_by_text("correct it").click()
    correction = page.get_by_label("The right answer is")
    correction.fill("48 since the refit.")
    box.press("End")
    box.press_sequentially("!")
    expect(told).to_be_visible()
    expect(correction).to_have_value("48 since the refit.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("your correction is kept")).to_be_visible()
    follow_up = page.get_by_label("Ask a follow-up")
    follow_up.fill("   ")
    follow_up.press("Enter")
    expect(page.get_by_text("The question is empty.")).to_be_visible()
    expect(page.get_by_text("why this route")).to_be_visible()


def test_thumb_without_scripts_takes_along_the_correction_that_is_typed(visit: Visit) -> None:
    page = visit("ana", scripts=False, width=400)
    page.goto(f"/?q={QUESTION}")
    page.get_by_role("button", name="Answer this").press("Enter")
    not_helpful = page.get_by_role("button", name="Not helpful")
    not_helpful.press("Enter")
    expect(page.get_by_text("Thank you.")).to_be_visible()
    page.get_by_text("correct it").press("Enter")
    page.get_by_label("The right answer is").fill("48 since the refit.")
    width = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(width)
    not_helpful.press("Enter")
    expect(page.get_by_text("your correction is kept")).to_be_visible()
    page.get_by_text("correct it").press("Enter")
    expect(page.get_by_label("The right answer is")).to_have_value("48 since the refit.")


def test_everything_is_reached_by_keyboard(visit: Visit) -> None:
    page = visit("ana")
    page.goto("/docs/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Ask or search")).to_be_focused()
    page.goto("/?q=aurora")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".passage > a").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox", name="Ask or search")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/docs/.+#p"))


def test_who_asks_from_another_page_is_told_where_they_are_and_what_was_answered(
    visit: Visit,
) -> None:
    page = visit("ana")
    page.goto("/docs/")
    docs = page.get_by_role("link", name="Docs", exact=True)
    expect(docs).to_have_attribute("aria-current", "page")
    box = page.get_by_role("searchbox", name="Ask or search")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.locator("#told")).to_contain_text(ANSWER)
    expect(page).to_have_title(f"{QUESTION} · docportal")
    expect(docs).not_to_have_attribute("aria-current", "page")


def test_keyboard_goes_on_where_it_was(visit: Visit) -> None:
    page = visit("ana")
    page.goto(f"/?q={QUESTION}")
    page.get_by_role("button", name="Answer this").press("Enter")
    expect(page.get_by_text("from the current passages, checked")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    helpful = page.get_by_role("button", name="Helpful", exact=True)
    helpful.press("Enter")
    expect(page.get_by_text("Thank you.")).to_be_visible()
    expect(helpful).to_be_focused()
    page.get_by_text("correct it").press("Enter")
    page.get_by_label("The right answer is").fill("48 since the refit.")
    send = page.get_by_role("button", name="Send")
    send.press("Enter")
    expect(page.get_by_text("your correction is kept")).to_be_visible()
    expect(send).to_be_focused()

    follow_up = page.get_by_label("Ask a follow-up")
    follow_up.fill("How many has the Borealis?")
    follow_up.press("Enter")
    expect(page.get_by_role("heading", name="How many has the Borealis?")).to_be_visible()
    expect(page.get_by_text("why this route")).to_be_visible()
    expect(follow_up).to_be_focused()
    expect(follow_up).to_have_value("")

    menu = page.locator("details.menu")
    menu.locator("summary").press("Enter")
    menu.get_by_role("button", name="Dark").focus()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_upload_is_told_to_who_hears_the_page_and_the_keyboard_goes_on_at_its_button(
    visit: Visit, tmp_path: Path, fresh: str
) -> None:
    file = tmp_path / f"{fresh}.md"
    file.write_text("# Buoys\n\nRed is port.\n")
    page = visit("mira")
    page.goto("/docs/?collection=wiki")
    notices = page.locator("#notices").element_handle()
    page.get_by_text("Upload", exact=True).first.click()
    page.get_by_label("Files, or a zip of a folder").set_input_files(file)
    button = page.get_by_role("button", name="Upload")
    button.press("Enter")
    expect(page.get_by_text("Received for Wiki: 1 new.")).to_be_visible()
    assert notices.inner_text() == "Received for Wiki: 1 new."
    expect(button).to_be_focused()


UNTIL_CHOSEN = """async (field, files) => {
    while (field.files.length !== files || field.files[0].name.endsWith("-a.md"))
        await new Promise(requestAnimationFrame);
}"""


def drop(page: Page, name: str) -> None:
    dropped = page.evaluate_handle(
        """(name) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(["# Buoys\\n\\nRed is port."], name));
            return dropped;
        }""",
        name,
    )
    page.dispatch_event("main", "drop", {"dataTransfer": dropped})


def test_dropped_files_are_uploaded_to_the_only_collection(visit: Visit, fresh: str) -> None:
    page = visit("stella")
    page.goto("/docs/")
    drop(page, f"{fresh}.md")
    row = page.get_by_role("row").filter(has_text=f"{fresh}.md")
    expect(row).to_contain_text("Ready")


def test_what_is_dropped_during_an_upload_is_sent_after_it(visit: Visit, fresh: str) -> None:
    page = visit("stella")
    page.goto("/docs/")
    held: list[Route] = []
    page.route("**/docs/upload/", lambda route: held.append(route))
    page.get_by_text("Upload", exact=True).first.click()
    note = page.get_by_label("Note")
    note.fill("First edition")
    with page.expect_request("**/docs/upload/"):
        drop(page, f"{fresh}-a.md")
    note.fill("Second edition")
    chosen = page.get_by_label("Files, or a zip of a folder")
    for number, name in enumerate((f"{fresh}-b.md", f"{fresh}-c.md"), start=1):
        drop(page, name)
        chosen.evaluate(UNTIL_CHOSEN, number)
    held[0].continue_()
    page.unroute("**/docs/upload/")
    for name in (f"{fresh}-a.md", f"{fresh}-b.md", f"{fresh}-c.md"):
        expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Ready")
    page.get_by_role("row").filter(has_text=f"{fresh}-c.md").get_by_role("link").first.click()
    expect(page.locator(".timeline")).to_contain_text("Second edition")


UNREADABLE = """() => {
    const file = (name, taken) => ({ isFile: true, fullPath: `/piers/${name}`, file: taken });
    const entries = [
        file("closed.md", (_, failed) => failed(new DOMException("", "NotReadableError"))),
        file("open.md", (read) => read(new File(["# Open"], "open.md"))),
    ];
    DataTransferItem.prototype.webkitGetAsEntry = () => ({
        fullPath: "/piers",
        createReader: () => ({ readEntries: (read) => read(entries.splice(0)) }),
    });
}"""


def test_folder_with_a_file_that_cannot_be_read_waits_without_it(visit: Visit, fresh: str) -> None:
    page = visit("stella")
    page.goto("/docs/")
    page.evaluate(UNREADABLE)
    drop(page, fresh)
    told = "piers/closed.md could not be read. Upload sends the others without."
    expect(page.locator("#notices")).to_have_text(told)
    chosen = page.get_by_label("Files, or a zip of a folder")
    assert chosen.evaluate("field => [...field.files].map(file => file.name)") == ["open.md"]
    expect(page.get_by_role("row").filter(has_text="open.md")).to_have_count(0)


TAKEN = """(file) => {
    const dropped = new DataTransfer();
    if (file) dropped.items.add(new File(["# Buoys"], file));
    else dropped.setData("text/plain", "buoys");
    const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: dropped });
    return !document.querySelector("#main").dispatchEvent(drop);
}"""


def test_only_files_are_taken_of_what_is_dropped_and_only_where_they_are_uploaded(
    visit: Visit, portal: Portal
) -> None:
    page = visit("mira")
    page.goto("/docs/?collection=wiki")
    assert not page.evaluate(TAKEN, ""), "a field gets the text that is dragged into it"
    assert page.evaluate(TAKEN, "buoys.md")
    portal.llm.will_say(f"{SENTENCE}. [1]")
    box = page.get_by_label("Ask or search")
    box.fill(QUESTION)
    box.press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    assert not page.evaluate(TAKEN, "buoys.md")


def test_of_several_collections_one_is_chosen_before_dropped_files_are_uploaded(
    visit: Visit, fresh: str
) -> None:
    page = visit("mira")
    page.goto("/docs/?collection=wiki")
    collection = page.locator("#upload").get_by_label("Collection")
    expect(collection).to_have_value("wiki")
    drop(page, f"{fresh}.md")
    expect(collection).to_be_focused()
    expect(page.get_by_role("row").filter(has_text=f"{fresh}.md")).to_have_count(0)
    page.locator("#upload").get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Received for Wiki: 1 new.")).to_be_visible()
    expect(collection).to_have_value("wiki")


@pytest.mark.parametrize("refusal", ["old page", "logged out", "no such kind"])
def test_refused_upload_stays_as_it_was_filled_in(
    visit: Visit, tmp_path: Path, fresh: str, refusal: str
) -> None:
    file = tmp_path / (f"{fresh}.exe" if refusal == "no such kind" else f"{fresh}.md")
    file.write_bytes(b"# Buoys")
    page = visit("mira", refused=403)
    page.goto("/docs/?collection=wiki")
    page.get_by_text("Upload", exact=True).first.click()
    chosen, note = page.get_by_label("Files, or a zip of a folder"), page.get_by_label("Note")
    chosen.set_input_files(file)
    note.fill("First edition")
    if refusal == "old page":
        page.context.clear_cookies(name="csrftoken")
    if refusal == "logged out":
        page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#notices .error")).to_be_visible()
    expect(note).to_have_value("First edition")
    assert chosen.evaluate("field => field.files.length") == 1


def test_what_is_typed_while_a_search_is_under_way_is_searched_for(visit: Visit) -> None:
    page = visit("ana")
    page.goto("/")
    held: list[Route] = []
    page.route(re.compile(r"\?q=crew$"), lambda route: held.append(route))
    box = page.get_by_role("searchbox")
    with page.expect_request(re.compile(r"\?q=crew$")):
        box.press_sequentially("crew")
    page.evaluate(
        "() => { window.typed = new Promise((heard) =>"
        " document.addEventListener('htmx:trigger', heard, { once: true })); }"
    )
    box.press_sequentially(" of Aurora")
    page.evaluate("() => window.typed.then(() => true)")
    held[0].continue_()
    expect(page.locator("h1")).to_have_text("crew of Aurora")


def test_theme_is_chosen_and_kept(visit: Visit) -> None:
    page = visit("ana")
    page.get_by_text("ana", exact=True).click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/docs/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_what_is_typed_outlives_the_session(visit: Visit) -> None:
    page = visit("ana")
    page.goto("/")
    page.get_by_role("searchbox").fill(QUESTION)
    page.get_by_role("searchbox").press("Enter")
    followup = page.get_by_label("Ask a follow-up")
    followup.fill("How many has the Borealis?")
    page.context.clear_cookies(name="sessionid")
    followup.press("Enter")
    expect(page.get_by_text("You are logged out. Copy what you typed")).to_be_visible()
    expect(followup).to_have_value("How many has the Borealis?")
