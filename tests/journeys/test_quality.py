"""Every page: accessible in both themes, narrow enough for a phone, light enough for a train."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response, expect

from tests.journeys.conftest import Portal, Visit

pytestmark = pytest.mark.browser

WEIGHT = 150_000


def pages(page: Page, portal: Portal) -> list[str]:
    """One address of each kind."""
    portal.llm.will_say("The Aurora carries 48 passengers. [1]")
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
        *("/accounts/password/change/", "/accounts/logout/"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(visit: Visit, portal: Portal, scheme: str) -> None:
    page = visit("mira", scheme=scheme)
    found = {}
    for address in [*pages(page, portal), "/accounts/login/"]:
        page.goto(address)
        for details in page.locator("details:visible").all():
            details.evaluate("element => element.open = true")
        results = Axe().run(page)
        if results.violations_count:
            found[address] = results.generate_report()
    assert found == {}


def test_nothing_is_wider_than_a_phone(visit: Visit, portal: Portal) -> None:
    page = visit("mira", width=360)
    for address in pages(page, portal):
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360, address


def test_pages_are_light_and_ask_nobody_else(visit: Visit, portal: Portal) -> None:
    page = visit("mira")
    addresses = pages(page, portal)
    responses: list[Response] = []

    def note(response: Response) -> None:
        if not re.search("/(stream|events)/", response.url):
            responses.append(response)

    page.on("response", note)
    for address in addresses:
        responses.clear()
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert all(one.url.startswith(portal.url) for one in responses)
        assert 5_000 < sum(len(one.body()) for one in responses if one.ok) < WEIGHT, address
