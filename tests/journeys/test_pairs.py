"""A writer reviews pairs: by keyboard alone, and by forms alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Portal, Visit

pytestmark = pytest.mark.browser

FACTS = {"20:00": "What time does the {} pier close?", "12": "How many berths has the {} pier?"}
MAKE = """
from ingestion.models import Document
from training.models import QAPair
from training.pairs import write_pair
document = Document.objects.get(path="{path}")
for answer, question in {facts!r}.items():
    pair = write_pair(document, question=question.format("{name}"), answer=answer, by=None)
    QAPair.objects.filter(pk=pair.pk).update(review="pending", origin="teacher")
"""


def pier(portal: Portal, folder: Path, name: str) -> str:
    """The address of the queue with two pairs that wait, of a document of their own."""
    path = f"{name}-pier.md"
    (folder / path).write_text(
        f"# {name} pier\n\nThe {name} pier closes at 20:00.\n\n## Berths\n\nIt has 12 berths.\n"
    )
    portal.manage("ingest", str(folder), "--collection", "Wiki")
    portal.run(MAKE.format(path=path, facts=FACTS, name=name))
    return f"/docs/?text={path}"


def open_queue(page: Page, library: str) -> None:
    page.goto(library)
    page.get_by_role("link", name="2 pairs waiting").click()
    expect(page.locator(".left")).to_contain_text("2 waiting")


def test_pairs_are_reviewed_by_keyboard(
    visit: Visit, portal: Portal, tmp_path: Path, fresh: str
) -> None:
    page = visit("mira")
    open_queue(page, pier(portal, tmp_path, fresh))
    question = page.locator("#pair-question")
    expect(question).to_have_text(f"What time does the {fresh} pier close?")
    expect(page.locator(".passage-side mark")).to_contain_text("20:00")
    page.keyboard.press("j")
    expect(question).to_have_text(f"How many berths has the {fresh} pier?")
    page.keyboard.press("k")
    expect(question).to_have_text(f"What time does the {fresh} pier close?")

    page.keyboard.press("a")
    expect(question).to_have_text(f"How many berths has the {fresh} pier?")
    expect(page.locator(".left")).to_contain_text("1 waiting · Approved: What time")

    page.keyboard.press("e")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Question", exact=True)).to_be_hidden()
    page.keyboard.press("e")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type(f"Berths at the {fresh} pier, are all free?")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("12 berths")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("No pair fits these filters.")).to_be_visible()

    page.goto(f"/pairs/?view=list&state=approved&text={fresh}")
    expect(page.get_by_role("link", name=f"Berths at the {fresh} pier")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Berths")).to_contain_text("by mira")


CLICKS = """() => { window.clicks = 0;
    document.querySelector("[data-key=a]").addEventListener("click", () => window.clicks++); }"""


def test_letter_decides_nothing_in_the_menu_or_where_letters_are_switched_off(
    visit: Visit, portal: Portal, tmp_path: Path, fresh: str
) -> None:
    page = visit("mira")
    open_queue(page, pier(portal, tmp_path, fresh))
    page.evaluate(CLICKS)
    menu = page.locator("details.menu summary")
    menu.press("a")
    assert page.evaluate("window.clicks") == 0
    menu.click()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    for _ in ("at once", "when it is loaded again"):
        page.locator(".left").click()
        page.keyboard.press("a")
        page.keyboard.press("/")
        assert page.evaluate("window.clicks") == 0
        expect(page.get_by_label("Ask or search")).not_to_be_focused()
        page.reload()
        page.evaluate(CLICKS)
    menu.click()
    page.get_by_label("Single-key shortcuts").check()
    page.locator(".left").click()
    page.keyboard.press("a")
    expect(page.locator(".left")).to_contain_text("1 waiting")


def test_pairs_are_reviewed_without_scripts(
    visit: Visit, portal: Portal, tmp_path: Path, fresh: str
) -> None:
    page = visit("mira", scripts=False)
    library = pier(portal, tmp_path, fresh)
    open_queue(page, library)
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".left")).to_contain_text("1 waiting · Rejected: What time")
    page.get_by_text("Edit", exact=False).last.click()
    page.get_by_label("Answer", exact=True).fill("12 berths")
    page.get_by_role("button", name="Save and approve").click()
    expect(page.get_by_text("No pair fits these filters.")).to_be_visible()

    page.get_by_role("link", name="List").click()
    page.get_by_label("State").select_option("rejected")
    page.get_by_label("Question or answer").fill(fresh)
    page.get_by_role("button", name="Filter").click()
    page.get_by_label(f"Choose: What time does the {fresh} pier close?").check()
    page.get_by_role("button", name="Approve chosen…").click()
    expect(page.get_by_role("heading", name="Approve 1 pair?")).to_be_visible()
    page.get_by_role("button", name="Approve 1 pair").click()
    expect(page.get_by_text("1 pair approved.")).to_be_visible()

    page.goto(library)
    page.get_by_role("link", name=f"{fresh} pier", exact=True).click()
    expect(page.get_by_role("heading", name="Facts and pairs")).to_be_visible()
    page.get_by_text("Write a pair").click()
    page.get_by_label("Question", exact=True).fill(f"Until when is the {fresh} pier open?")
    page.get_by_label("Answer", exact=True).fill("20:00")
    page.get_by_label("Evidence", exact=True).fill(f"The {fresh} pier closes at 20:00.")
    page.get_by_role("button", name="Keep the pair").click()
    expect(page.get_by_text(f"Kept: “Until when is the {fresh} pier open?”")).to_be_visible()
