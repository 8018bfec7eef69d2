"""Every page: accessible in both themes, narrow enough for a phone, light enough for a train."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, expect

from tests.journeys.conftest import UNPAIRED, Portal, Visit
from tests.scripted_llm import Reply

pytestmark = pytest.mark.browser

WEIGHT = 150_000


def pages(page: Page, portal: Portal) -> list[str]:
    """One address of each kind."""
    page.goto("/")
    page.get_by_role("searchbox").fill("How many passengers does the Aurora carry?")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    question = page.url
    page.goto("/docs/")
    document = page.get_by_role("link", name="Boat register").first.get_attribute("href")
    return [
        *("/", "/?q=aurora", question, "/questions/", "/docs/", "/docs/collections/"),
        *(document or "", f"{document}versions/1/?mark=0:0-9#p0", f"{document}difference/"),
        *("/pairs/", "/pairs/?text=captain", "/pairs/?view=list", "/pairs/?view=progress"),
        *("/pairs/?text=nothing+like+it", "/pairs/?state=approved"),
        *("/accounts/password/change/", "/accounts/password/none/"),
        *("/accounts/tokens/", "/accounts/logout/"),
    ]


ADMINS = (
    *("/operations/", "/operations/log/", "/operations/log/?text=nothing+like+it"),
    *("/insights/", "/training/", "/training/policy/", "/training/errors/", "/benchmark/"),
)


def admins_pages(page: Page, portal: Portal) -> list[str]:
    """One address of each kind, while the model server fails and somebody is locked out."""
    with httpx.Client(base_url=portal.url) as client:
        client.get("/accounts/login/")
        form = {"login": "nobody", "password": "guessed"}
        token = {"X-CSRFToken": client.cookies["csrftoken"]}
        # Who is locked out already stays so.
        tries = (client.post("/accounts/login/", data=form, headers=token) for _ in range(5))
        refused = next((reply for reply in tries if reply.status_code == 429), None)
    assert refused is not None
    # Another page of it may have been asked for minutes ago.
    assert re.search(r"Wait \d+ minutes", refused.text)
    portal.llm.will_say(Reply((), status=500))
    page.goto("/")
    page.get_by_role("searchbox").fill(UNPAIRED)
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    page.goto("/insights/")
    expect(page.get_by_text("The server of the reader").first).to_be_visible()
    page.goto("/operations/")
    expect(page.get_by_role("button", name="Let in nobody")).to_be_visible()
    page.goto("/webhooks/")
    page.get_by_label("Address").fill("https://notifications.documentation.invalid/docs")
    page.get_by_label("A model was rolled back").check()
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="notifications.documentation.invalid").first.click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("row").filter(has_text="test").first).to_be_visible()
    return [*ADMINS, "/webhooks/", page.url]


Pages = Callable[[Page, Portal], list[str]]
WHOSE: dict[str, Pages] = {"mira": pages, "ines": admins_pages}


@pytest.mark.parametrize("name", WHOSE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(visit: Visit, portal: Portal, scheme: str, name: str) -> None:
    page = visit(name, scheme=scheme)
    found = {}
    for address in [*WHOSE[name](page, portal), "/accounts/login/"]:
        page.goto(address)
        for details in page.locator("details:visible").all():
            details.evaluate("element => element.open = true")
        results = Axe().run(page)
        if results.violations_count:
            found[address] = results.generate_report()
    assert found == {}


# Both ends of each link at the head of a page are met where they are seen.
COVERED = """() => [...document.querySelectorAll(".page-head a")].filter(link => {
    const {left, right, top, bottom} = link.getBoundingClientRect();
    return [left + 2, right - 2].some(
        x => !link.contains(document.elementFromPoint(x, (top + bottom) / 2)));
}).map(link => link.textContent)"""


@pytest.mark.parametrize("name", WHOSE)
def test_nothing_is_wider_than_a_phone_or_lies_on_a_link(
    visit: Visit, portal: Portal, name: str
) -> None:
    page = visit(name, width=360)
    for address in WHOSE[name](page, portal):
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, address
        assert page.evaluate(COVERED) == [], address


WORD = "PAYMENTS_WEBHOOK_RETRY_LIMIT_SECONDS_OF_THE_SECOND_GATEWAY"


def test_one_long_word_is_no_wider_than_a_phone(
    visit: Visit, portal: Portal, tmp_path: Path
) -> None:
    text = f"# {WORD}\n\n## {WORD}\n\n- {WORD} is 9 seconds.\n"
    (tmp_path / "limits.md").write_text(text)
    portal.manage("ingest", str(tmp_path), "--collection", WORD, "--readers", "security")
    portal.llm.will_say(f"{WORD} is 9 seconds. [1]")
    page = visit("mira", width=360)
    page.get_by_role("searchbox").fill(f"How long is {WORD}?")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    question = page.url
    page.goto("/docs/?text=limits.md")
    document = page.get_by_role("link", name=WORD).first.get_attribute("href")
    for address in (
        *(question, "/", f"/?q={WORD}", "/questions/", "/docs/", "/docs/collections/"),
        document or "",
    ):
        page.goto(address)
        # A choice in a list is hidden until that is opened.
        shown = page.locator("main").get_by_text(WORD).filter(visible=True)
        expect(shown.first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_all_of_the_menu_is_reached_in_a_low_window(visit: Visit) -> None:
    page = visit("ines")
    page.set_viewport_size({"width": 800, "height": 300})
    page.get_by_text("ines", exact=True).click()
    last = page.get_by_role("button", name="Log out")
    last.focus()
    expect(last).to_be_in_viewport(ratio=1)


OF_A_MODEL = """
from router.models import Answer
answer = Answer.objects.latest("pk")
answer.signals["model"] = "docs-v0900"
answer.save(update_fields=["signals"])
"""
RIGHT = "element => element.getBoundingClientRect().right"


def test_why_an_answer_came_this_way_stays_within_its_card(visit: Visit, portal: Portal) -> None:
    page = visit("ana", width=360)
    page.goto("/")
    page.get_by_role("searchbox").fill("How many passengers does the Aurora carry?")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("why this route")).to_be_visible()
    portal.run(OF_A_MODEL)
    page.reload()
    page.get_by_text("why this route").click()
    expect(page.get_by_text("What docs-v0900 was taught of the passages")).to_be_visible()
    card = page.locator(".answer").first.evaluate(RIGHT)
    assert page.locator(".why dl").evaluate(RIGHT) <= card
    assert page.locator(".why .scroll").evaluate(RIGHT) <= card


def test_pages_are_light_and_ask_nobody_else(visit: Visit, portal: Portal) -> None:
    page = visit("mira")
    addresses = pages(page, portal)
    responses: list[Response] = []

    def note(response: Response) -> None:
        if not re.search("/(stream|events)/", response.url):
            responses.append(response)

    page.on("response", note)
    for address in addresses:
        # What the page before still asked for has no body any more.
        page.goto("about:blank")
        responses.clear()
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert all(one.url.startswith(portal.url) for one in responses)
        assert 5_000 < sum(len(one.body()) for one in responses if one.ok) < WEIGHT, address
