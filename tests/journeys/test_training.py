"""An admin trains a model: launches, watches, cancels, resumes, promotes and takes it back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.journeys.conftest import Portal, Visit

pytestmark = pytest.mark.browser

PIERS = ("Adder", "Badger", "Curlew", "Dunlin", "Egret", "Fulmar")
ASKED = ("What does the {} pier carry?", "Load of the {} pier?", "How much may stand on {}?")
# Seconds where nothing else runs; a training steps back behind everything that does.
ENDS_WITHIN = 400_000.0
WHY = "Only to see that it can be taken back."
WEIGHT = 150_000

SECOND_MODEL = """
from django.conf import settings
from ingestion.models import Collection
from router import registry
from router.models import ModelVersion
first = ModelVersion.objects.get()
registry.register(
    adapter=settings.TUNED_DIR / "adapters" / first.name, merged=None,
    base=settings.MODELS_DIR / first.base, base_sha256=first.base_sha256,
    dataset_sha256=first.dataset_sha256, recipe={"again": True}, metrics=first.metrics,
    readers={int(pk): groups for pk, groups in first.readers.items()},
    coverage={}, gate_passed=True,
)
"""


@pytest.fixture
def adapters(portal: Portal) -> Iterator[None]:
    """The company's server loads adapters, and knows no model that it was not told to load."""
    portal.llm.adapters = {}
    yield
    portal.llm.adapters = None


def bring_in_piers(portal: Portal, folder: Path) -> None:
    for number, pier in enumerate(PIERS):
        load = f"{10 + 7 * number} tonnes"
        (folder / f"{pier}.md").write_text(f"# {pier} pier\n\nThe {pier} pier carries {load}.\n")
        pairs = [{"query": asked.format(pier), "answer": load} for asked in ASKED]
        lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
        (folder / f"{pier}_qa.jsonl").write_text(lines)
    portal.manage("ingest", str(folder), "--collection", "Piers")


def launch(page: Page) -> None:
    """A run of the piers alone, which ends by itself within a minute of work."""
    page.goto("/training/")
    page.get_by_role("link", name="Train…").click()
    page.get_by_label("Wiki").uncheck()
    page.get_by_label("Minutes").fill("0.8")
    page.get_by_label("Minutes").press("Tab")
    expect(page.locator("#preview")).to_contain_text("It takes at most 0.8 min")
    expect(page.locator("#preview")).to_contain_text("Imported with the document")
    page.get_by_role("button", name="Start the run").click()


@pytest.mark.models
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("adapters")
def test_admin_launches_watches_cancels_resumes_promotes_and_rolls_back(
    visit: Visit, portal: Portal, tmp_path: Path
) -> None:
    bring_in_piers(portal, tmp_path)
    portal.llm.will_say("17 tonnes. [1]")
    page = visit("ines")
    launch(page)

    progress = page.get_by_label("Progress")
    expect(progress).to_contain_text(re.compile(r"step \d+ of \d+ · loss"), timeout=ENDS_WITHIN)
    step = re.search(r"step \d+ ", progress.inner_text())
    assert step is not None
    expect(progress).not_to_contain_text(step[0])
    page.get_by_role("button", name="Cancel").click()
    expect(progress).to_contain_text("Cancelled")

    page.get_by_role("button", name="Resume").click()
    expect(progress).to_contain_text("Stopped by the gate", timeout=ENDS_WITHIN)
    expect(progress.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("row", name="Exact match").first).to_contain_text("✗ failed")

    page.get_by_role("link", name="Promote anyway…").click()
    page.get_by_label("Why it may serve").fill("because")
    page.get_by_role("button", name="Promote docs-v0001").click()
    expect(page.get_by_role("heading", name="Promote docs-v0001?")).to_be_visible()
    page.get_by_label("Why it may serve").fill(WHY)
    page.get_by_role("button", name="Promote docs-v0001").click()
    expect(page.get_by_label("docs-v0001", exact=True)).to_contain_text(
        "docs-v0001 serves everybody"
    )
    expect(page.get_by_label("docs-v0001", exact=True)).to_contain_text("yes")

    portal.run(SECOND_MODEL)
    page = visit("ines", scripts=False)
    page.goto("/training/")
    page.get_by_role("link", name="Promote… docs-v0002").click()
    page.get_by_role("button", name="Promote docs-v0002").click()
    expect(page.get_by_text("docs-v0002 serves everybody")).to_be_visible()
    page.get_by_role("link", name="Roll back…").click()
    page.get_by_role("button", name="Go back to docs-v0001").click()
    expect(page.get_by_text("docs-v0001 serves everybody")).to_be_visible()
    expect(page.get_by_text(f"ines promoted docs-v0001: {WHY}")).to_be_visible()


AS_CHOSEN = """
from training.models import TrainingRun
run = TrainingRun.objects.get(number={number})
assert (run.max_minutes, run.promote_when_passed) == (0.8, True), (run, run.max_minutes)
"""


@pytest.mark.parametrize("scripts", [True, False])
def test_run_is_started_as_it_is_chosen_at_that_moment(
    visit: Visit, portal: Portal, *, scripts: bool
) -> None:
    page = visit("ines", scripts=scripts)
    page.goto("/training/new/")
    minutes = page.get_by_label("Minutes")
    minutes.fill("0.9")
    minutes.press("Enter")
    expect(page.locator("#preview")).to_contain_text("It takes at most 0.9 min")
    expect(page).to_have_url(re.compile(r"/training/new/\?.*minutes=0\.9"))
    assert "csrf" not in page.url
    page.get_by_label("Have it serve at once").check()
    minutes.fill("0.8")
    page.get_by_role("button", name="Start the run").click()
    # An idle worker may have taken it by now.
    expect(page).to_have_url(re.compile(r"/training/runs/\d+/$"))
    number = page.url.strip("/").split("/")[-1]
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Progress")).to_contain_text(re.compile("ancelled"))
    portal.run(AS_CHOSEN.format(number=number))


def test_preview_is_told_in_a_region_that_stays(visit: Visit) -> None:
    page = visit("ines")
    page.goto("/training/new/")
    preview = page.locator("#preview").element_handle()
    page.get_by_label("Minutes").fill("0.9")
    page.get_by_label("Minutes").press("Tab")
    expect(page.locator("#preview")).to_contain_text("It takes at most 0.9 min")
    assert "It takes at most 0.9 min" in preview.inner_text()


ANSWERED = """
import json
from training.benchmark.progress import answers_file
answers_file().parent.mkdir(parents=True, exist_ok=True)
setup = json.dumps({{"questions": 9, "systems": ["rag"], "runs": 1}})
answers_file().write_text(setup + "\\n" + "{{}}\\n" * {answers})
"""
ENDED = """
from training.benchmark.progress import answers_file
answers_file().unlink()
"""


def test_benchmark_tells_how_far_it_is_and_takes_nobody_from_where_they_read(
    visit: Visit, portal: Portal
) -> None:
    portal.run(ANSWERED.format(answers=1))
    page = visit("ines")
    page.goto("/benchmark/")
    heading = page.get_by_role("heading", name="No benchmark yet").element_handle()
    for answers in (2, 3):
        portal.run(ANSWERED.format(answers=answers))
        expect(page.get_by_text(f"{answers} of 9 answers are there")).to_be_visible()
    assert heading.evaluate("heading => heading.isConnected")
    assert page.evaluate("document.activeElement === document.body")
    portal.run(ENDED)
    expect(page.get_by_text("Have an administrator run it:")).to_be_visible()


# --- Every page of it ---------------------------------------------------------------------------

A_RUN = """
from datetime import timedelta
from django.utils import timezone
from ingestion.models import Collection
from router.models import ModelVersion
from training.models import TrainingRun
wiki, now = Collection.objects.filter(slug="wiki"), timezone.now()
model = ModelVersion.objects.create(
    number=900, name="docs-v0900", base="tiny", gate_passed=False, metrics={"exact_match": 0.4}
)
model.collections.set(wiki)
check = {"check": "exact_match", "value": 0.4, "limit": 0.5, "passed": False, "reason": "Wrong."}
stopped = TrainingRun.objects.create(
    number=900, trainer="peft", max_minutes=1, state="rejected", ended_at=now, step=3, steps=9,
    loss=0.5, model=model, gate=[check],
)
answers = [{"question": "Limit?", "expected": "nine", "answer": "ten"}]
for step in (1, 2, 3):
    stopped.points.create(
        step=step, seconds=step, loss=1 / step, tokens_per_second=9, exact_match=0.4,
        answers=answers,
    )
under_way = {"trainer": "peft", "max_minutes": 1, "lease_until": now + timedelta(days=1)}
training = TrainingRun.objects.create(
    number=901, state="running", device="elsewhere", started_at=now, step=3, steps=9, **under_way
)
waiting = TrainingRun.objects.create(number=902, **under_way)
for run in (stopped, training, waiting):
    run.collections.set(wiki)
"""


A_STEP = """
from training.models import TrainingRun
run = TrainingRun.objects.get(number=901)
run.points.create(step=4, seconds=9, loss=0.25, tokens_per_second=9, exact_match=0.6)
TrainingRun.objects.filter(pk=run.pk).update(step=4)
"""
LOADED = """
() => ["navigation", "resource"].flatMap(
    kind => performance.getEntriesByType(kind).map(one => [one.name, one.decodedBodySize]))
"""
DRAWN = """
canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)
"""
BEING_LOADED = """
from ingestion.models import Collection
from router.models import ModelVersion
values = {"name": "docs-v0910", "base": "tiny", "gate_passed": True, "audience": "a" * 64}
model, _ = ModelVersion.objects.update_or_create(number=910, defaults=values | {"stage": "serving"})
model.collections.set(Collection.objects.filter(slug="wiki"))
"""
SERVES_NO_MORE = """
from router.models import ModelVersion
ModelVersion.objects.filter(number=910).update(stage="retired")
"""
LONG_AGO = """
from datetime import timedelta
from django.utils import timezone
from router.models import Answer, Query
times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms", "total_ms"), 1.0)
Answer.objects.create(
    query=Query.objects.create(text="Before the pause?"), route="rag", confidence=0.9,
    prompt_tokens=1, completion_tokens=1, **times,
)
Answer.objects.update(answered_at=timezone.now() - timedelta(days=60))
"""
UNTIL_DRAWN = f"""
async canvas => {{ while (!({DRAWN})(canvas)) await new Promise(requestAnimationFrame); }}
"""
ITS_END = """
from django.utils import timezone
from training.models import TrainingRun
TrainingRun.objects.filter(number=901).update(state="cancelled", ended_at=timezone.now())
"""


@pytest.fixture(scope="module")
def addresses(portal: Portal) -> list[str]:
    """Of each kind of page: with a run that its gate stopped, one that trains, one that waits."""
    portal.run(A_RUN)
    return [
        *("/training/", "/training/new/", "/training/policy/", "/training/runs/900/"),
        *("/training/runs/901/", "/training/runs/902/", "/training/runs/900/comparison/"),
        *("/training/models/docs-v0900/promote/", "/training/errors/", "/insights/"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_narrow_and_light(
    visit: Visit, portal: Portal, addresses: list[str], scheme: str
) -> None:
    page = visit("ines", scheme=scheme, width=360)
    found: dict[str, str] = {}
    for address in addresses:
        page.goto(address)
        for details in page.locator("main details").all():
            details.evaluate("element => element.open = true")
        results = Axe().run(page)
        if results.violations_count:
            found[address] = results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
        loaded = {name: size for name, size in page.evaluate(LOADED) if "/vendor/" not in name}
        assert all(name.startswith(portal.url) for name in loaded)
        assert 5_000 < sum(loaded.values()) < WEIGHT, address
    assert found == {}


@pytest.mark.usefixtures("addresses")
def test_figures_tables_and_plots_follow_the_run(visit: Visit, portal: Portal) -> None:
    page = visit("ines")
    page.goto("/training/")
    run = page.get_by_role("article", name="Run 901")
    tables = run.get_by_text("As a table")
    for table in tables.all():
        table.click()
    with page.expect_response("**/training/runs/901/points/"):
        portal.run(A_STEP)
    expect(run).to_contain_text("step 4 of 9")
    expect(run.get_by_role("row", name="4 0.250")).to_be_visible()
    expect(run.get_by_role("row", name="4 60 %")).to_be_visible()
    for plot in run.locator("canvas").all():
        assert plot.evaluate(DRAWN), "its curve is on the canvas"
    portal.run(ITS_END)
    expect(run).to_have_count(0)
    expect(page.get_by_role("row", name="Run 901")).to_contain_text("Cancelled")


A_THIRD = """
from datetime import timedelta
from django.utils import timezone
from ingestion.models import Collection
from training.models import TrainingRun
now = timezone.now()
run = TrainingRun.objects.create(
    number=903, trainer="peft", max_minutes=1, state="running", device="elsewhere", started_at=now,
    step=1, steps=9, lease_until=now + timedelta(days=1),
)
run.collections.set(Collection.objects.filter(slug="wiki"))
run.points.create(step=1, seconds=1, loss=1, tokens_per_second=9)
"""


def test_plots_are_drawn_also_when_the_run_ends_while_they_are_being_drawn(
    visit: Visit, portal: Portal
) -> None:
    portal.run(A_THIRD)
    page = visit("ines")
    page.goto("/training/runs/903/")
    page.locator("canvas").first.evaluate(UNTIL_DRAWN)
    held: list[Route] = []
    page.route("**/points/", lambda route: held.append(route))
    with page.expect_request("**/points/"):
        portal.run(A_STEP.replace("901", "903"))
    portal.run(ITS_END.replace("901", "903"))
    expect(page.get_by_label("Progress")).to_contain_text("Cancelled")
    held[0].continue_()
    page.unroute("**/points/")
    page.locator("canvas").first.evaluate(UNTIL_DRAWN)


def test_plot_is_drawn_for_another_period_than_the_one_that_was_empty(
    visit: Visit, portal: Portal
) -> None:
    portal.run(LONG_AGO)
    page = visit("ines")
    page.goto("/insights/")
    expect(page.get_by_text("Nobody has asked anything in these days.")).to_be_visible()
    with page.expect_response("**/insights/points/?days=90"):
        page.get_by_label("Period").select_option("90")
    plot = page.locator("canvas")
    expect(plot).to_be_visible()
    plot.evaluate(UNTIL_DRAWN)


@pytest.mark.usefixtures("adapters")
def test_dashboard_tells_by_itself_that_a_model_is_loaded(visit: Visit, portal: Portal) -> None:
    portal.run(BEING_LOADED)
    page = visit("ines")
    page.goto("/training/")
    model = page.get_by_label("docs-v0910", exact=True)
    expect(model).to_contain_text("loading…")
    portal.llm.adapters = {"docs-v0910": "adapters/docs-v0910"}
    expect(model).to_contain_text("yes")
    expect(model).not_to_contain_text("says why")
    portal.run(SERVES_NO_MORE)


@pytest.mark.usefixtures("adapters")
def test_dashboard_tells_by_itself_that_a_model_serves_no_more(
    visit: Visit, portal: Portal
) -> None:
    portal.run(BEING_LOADED)
    page = visit("ines")
    page.goto("/training/")
    model = page.get_by_label("docs-v0910", exact=True)
    expect(model).to_contain_text("loading…")
    portal.run(SERVES_NO_MORE)
    expect(model).to_have_count(0)
