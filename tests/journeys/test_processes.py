"""Any process may be killed; the rest goes on, and the work is finished."""

import psutil
import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Portal, Visit

pytestmark = pytest.mark.browser

DOCUMENTS = 6
UPLOAD = f"""
import io
from ingestion.models import Collection
from ingestion.services import add_version
for number in range({DOCUMENTS}):
    text = f"# Lock {{number}}\\n\\nLock {{number}} is {{number}}1 metres long.\\n".encode()
    add_version(collection=Collection.objects.get(slug="wiki"), path=f"locks/{{number}}.md",
                content=io.BytesIO(text), author=None)
"""


def command_of(process: psutil.Process) -> str:
    """Empty of one that has just ended by itself: the supervisor starts it again."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def kill(portal: Portal, word: str) -> None:
    found = [
        process
        for process in portal.supervisor.children(recursive=True)
        if word in command_of(process)
    ]
    assert found
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=10)


@pytest.mark.slow
def test_uploads_survive_a_killed_worker_and_a_killed_embedding_server(
    visit: Visit, portal: Portal
) -> None:
    portal.run(UPLOAD)
    kill(portal, "celery")
    kill(portal, "embedding_server")
    page = visit("ana")
    page.goto("/?q=aurora+passengers")
    expect(page.locator(".passage").first).to_contain_text("Boat register")
    page.goto("/docs/?text=locks&state=ready")
    rows = page.get_by_role("row").filter(has_text="locks/")
    for _look in range(180):
        if rows.count() == DOCUMENTS:
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(rows).to_have_count(DOCUMENTS)
    page.goto("/?q=how+long+is+lock+3")
    expect(page.locator(".passage").first).to_contain_text("31 metres")
