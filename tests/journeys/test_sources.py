"""A collection that follows a git repository, from the first look to the question."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import Portal, Visit
from tests.repositories import Repository, guide

pytestmark = pytest.mark.browser

# A sync waits its turn behind the versions that the one before made.
WITHIN = 150_000


def a_repository(portal: Portal, name: str) -> Repository:
    """Of ten locks."""
    found = Repository(portal.places / name)
    for number in range(10):
        found.write(f"{name}-{number}.md", guide(f"{name} {number}"))
    found.commit(f"Describe the {name}s")
    return found


def make_collection(page: Page, name: str) -> None:
    page.goto("/docs/collections/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name=f"Add (source of {name})").click()
    expect(page.get_by_role("heading", name=f"Source of {name}")).to_be_visible()


def synced(page: Page) -> None:
    """Without scripts the page is still: its reader looks again."""
    for _ in range(WITHIN // 500):
        if page.get_by_role("button", name=re.compile("Sync now|Look again")).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError("The source is not synced.")


def test_repository_is_followed_and_its_question_answered(
    visit: Visit, portal: Portal, fresh: str
) -> None:
    repository = a_repository(portal, fresh)
    admin = visit("ines")
    make_collection(admin, fresh)
    admin.get_by_label("Where").fill(str(repository.path))
    admin.get_by_role("button", name="Add").click()
    expect(admin.get_by_text("Saved. A worker looks at the source now.")).to_be_visible()
    expect(
        admin.locator("main").get_by_text("10 new, from the newest state alone: the first sync.")
    ).to_be_visible(timeout=WITHIN)

    for hour in (20, 22):
        repository.write(f"{fresh}-3.md", guide(f"{fresh} 3", f"It closes at {hour}."))
        repository.commit(f"Close lock 3 at {hour}", author="Kim Berg")
    page = visit("mira", width=400, scheme="dark")
    page.goto(f"/docs/collections/{fresh}/source/")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("main").get_by_text("2 new versions, from 2 commits.")).to_be_visible(
        timeout=WITHIN
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("link", name="10", exact=True).click()
    row = page.get_by_role("row").filter(has_text=f"{fresh}-3.md")
    expect(row).to_contain_text("Ready", timeout=WITHIN)
    row.get_by_role("link").first.click()
    timeline = page.locator(".timeline")
    expect(timeline.get_by_text("Close lock 3 at 22")).to_be_visible()
    expect(timeline.get_by_text("Close lock 3 at 20")).to_be_visible()
    expect(timeline.get_by_text("Kim Berg")).to_have_count(2)
    expect(page.locator(".timeline .served")).to_contain_text("v3", timeout=WITHIN)

    for number in range(4, 7):
        repository.git("rm", "--quiet", f"{fresh}-{number}.md")
    repository.commit("Three locks are gone")
    page.goto(f"/docs/collections/{fresh}/source/")
    page.get_by_role("button", name="Sync now").click()
    expect(
        page.locator("main").get_by_text("3 of 10 documents are no longer in the source.")
    ).to_be_visible(timeout=WITHIN)
    page.get_by_text("Which ones").click()
    expect(page.get_by_text(f"{fresh}-4.md")).to_be_visible()
    page.get_by_role("button", name="Archive 3 documents").click()
    expect(page.locator("main").get_by_text("3 archived, from 1 commit.")).to_be_visible(
        timeout=WITHIN
    )
    page.goto(f"/docs/?collection={fresh}&state=archived")
    expect(page.get_by_role("row").filter(has_text="Archived")).to_have_count(3)


def test_question_is_answered_without_scripts(visit: Visit, portal: Portal, fresh: str) -> None:
    repository = a_repository(portal, fresh)
    page = visit("ines", scripts=False)
    make_collection(page, fresh)
    page.get_by_label("Where").fill(str(repository.path))
    page.get_by_role("button", name="Add").click()
    synced(page)
    for number in range(5):
        repository.git("rm", "--quiet", f"{fresh}-{number}.md")
    repository.commit("By mistake")
    page.get_by_role("button", name="Sync now").click()
    synced(page)
    page.get_by_role("button", name="Leave them as they are").click()
    synced(page)
    expect(page.get_by_text("5 documents stay although no longer in the source")).to_be_visible()
    page.get_by_role("button", name="Remove the source").click()
    expect(page.get_by_text("Its documents stay and are kept by hand")).to_be_visible()
    page.goto(f"/docs/?collection={fresh}")
    expect(page.get_by_role("row")).to_have_count(11)


UNDER_WAY = """
from datetime import timedelta
from django.utils import timezone
from ingestion.models import Collection, Source
Source.objects.create(collection=Collection.objects.get(name="{name}"), kind="folder",
                      location="{place}", state="syncing",
                      lease_until=timezone.now() + timedelta(minutes=10))
"""


def being_synced(page: Page, portal: Portal, name: str) -> Page:
    """Shows the source of a new collection."""
    make_collection(page, name)
    place = portal.places / name
    place.mkdir()
    portal.run(UNDER_WAY.format(name=name, place=place))
    page.reload()
    expect(page.locator("main").get_by_text("Being synced now.")).to_be_visible()
    return page


def test_page_that_looks_by_itself_leads_to_the_login_once_nothing_is_typed(
    visit: Visit, portal: Portal, fresh: str
) -> None:
    page = being_synced(visit("ines"), portal, fresh)
    expect(page.locator("#told")).to_have_text("Being synced now.")
    branch = page.get_by_label("Branch")
    branch.fill("main")
    page.context.clear_cookies(name="sessionid")
    expect(page.get_by_text("You are logged out. Copy what you typed")).to_be_visible()
    expect(branch).to_have_value("main")
    branch.fill("")
    page.wait_for_url(f"/accounts/login/?next=/docs/collections/{fresh}/source/")


REMOVED = """
from ingestion.models import Source
Source.objects.filter(collection__name="{name}").delete()
"""


def test_page_of_a_source_that_a_colleague_removed_says_so(
    visit: Visit, portal: Portal, fresh: str
) -> None:
    page = being_synced(visit("ines"), portal, fresh)
    portal.run(REMOVED.format(name=fresh))
    expect(page.get_by_text("The collection follows nothing any more.")).to_be_visible()
