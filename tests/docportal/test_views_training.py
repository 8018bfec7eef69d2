"""The admin's dashboard, in the browser's terms: what serves, runs, the gate, promotion."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from docportal.views import gate_table, plots, run_live
from docportal.views.plots import Point
from docportal.views.training import PAGE
from ingestion.models import AuditEvent, Collection, DocumentVersion
from router import registry
from router.models import Answer, ModelVersion, Query
from tests.docportal.streams import parts
from tests.docportal.tabs import kept
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.pairs import a_model, a_pair
from tests.people import People, logged_in
from tests.scripted_llm import ScriptedLLM
from tests.training.datasets.pairs import NAMES, teach
from training import runs
from training.gate import GateCheck
from training.models import (
    Dataset,
    Evaluation,
    EvaluationItem,
    RetrainPolicy,
    RunPoint,
    TrainingRun,
)
from training.trainers.config import CONFIG, RunConfig
from training.trainers.events import Events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

State = TrainingRun.State
WHY = "The new prices matter more."
STOPPED = GateCheck("over_refusal", 0.08, 0.05, False, "8.0 % of 112 got a refusal.")
PASSED = GateCheck("exact_match", 0.9, 0.5, True, "90.0 % of 112 were right, as in billing.")


@pytest.fixture
def workshop(workshop: Workshop, settings: Settings) -> Workshop:
    """Its models are for the embedded server."""
    settings.LLM_URL = ""
    return workshop


@pytest.fixture
def guide(wiki: Collection) -> DocumentVersion:
    return publish(wiki, "guide.md", [passage("The limit is nine."), passage("Mira owns it.")])


def body(response: object) -> str:
    return " ".join(unescape(getattr(response, "content", b"").decode()).split())


def get(client: Client, name: str = "training", *arguments: object, query: str = "") -> str:
    return body(client.get(reverse(name, args=arguments) + query))


def a_run(
    collections: Sequence[Collection], state: str = State.QUEUED, **values: Any
) -> TrainingRun:
    run = runs.request(collections=collections, by=None, enqueue=False)
    ended = {} if state in TrainingRun.UNFINISHED else {"ended_at": timezone.now()}
    TrainingRun.objects.filter(pk=run.pk).update(state=state, **ended, **values)
    run.refresh_from_db()
    return run


def stopped_by_the_gate(model: ModelVersion, **values: Any) -> TrainingRun:
    gate = [asdict(PASSED), asdict(STOPPED)]
    return a_run([*model.collections.all()], State.REJECTED, model=model, gate=gate, **values)


def points(run: TrainingRun, steps: int) -> None:
    for step in range(1, steps + 1):
        validated = {"exact_match": 0.5, "hallucination": 0.1} if step == steps else {}
        answers = [{"question": "Limit?", "expected": "nine", "answer": "ten"}]
        run.points.create(
            step=step,
            seconds=step,
            loss=2 / step,
            tokens_per_second=900,
            answers=answers if validated else [],
            **validated,
        )


# --- What serves, and what a retrain would bring ----------------------------------------------


def test_empty_dashboard_teaches_how_to_begin(admin: Client) -> None:
    page = get(admin)
    assert "No tuned model serves everybody yet." in page
    assert "There is nothing to teach yet. Facts come from pairs" in page
    assert "Train…" in page


def test_dashboard_says_what_serves_and_since_when_by_whom(
    admin: Client, people: People, workshop: Workshop
) -> None:
    metrics = {"exact_match": 0.91, "rag_exact_match": 0.64}
    registry.promote(workshop.candidate(), by=None)
    registry.promote(workshop.candidate(metrics=metrics), by=people.admin)
    page = get(admin)
    assert "<strong>docs-v0002</strong> serves everybody" in page
    assert "promoted by admin" in page
    assert "<dd>91 %</dd>" in page
    assert "<dd>64 %</dd>" in page
    assert "loading…" in page
    assert reverse("roll_back_model", args=["docs-v0002"]) in page
    assert "admin promoted docs-v0002 instead of docs-v0001" in page


def test_pages_look_again_until_the_model_is_loaded(
    admin: Client, workshop: Workshop, llm: ScriptedLLM, settings: Settings
) -> None:
    llm.adapters = {}
    model = workshop.candidate()
    run = a_run([*model.collections.all()], State.PROMOTED, model=model)
    settings.LLM_URL = ""
    registry.promote(model, by=None)
    dashboard, of_run = reverse("training"), reverse("run", args=[run.number])
    for address, part in ((f"{dashboard}?runs=1", "#figures-docs-v0001"), (of_run, "#ended")):
        page = body(admin.get(address))
        assert f'hx-get="{address}" hx-trigger="every 5s" hx-select="{part}"' in page
        assert f'<noscript><p><a class="button" href="{address}">Refresh</a>' in page
        assert f'href="{reverse("insights")}">Insights</a> says why' in page
    settings.LLM_URL = llm.url
    llm.adapters = {model.name: "adapters/docs-v0001"}
    assert "<dt>Loaded</dt><dd>yes</dd>" in get(admin)
    for page in (get(admin), get(admin, "run", run.number)):
        assert "hx-trigger" not in page
        assert "loading…" not in page


def test_tainted_model_is_told_loudly_with_what_to_do(
    admin: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    model = a_model([wiki], guide.chunks.all())
    ModelVersion.objects.filter(pk=model.pk).update(readers={str(wiki.pk): []})
    assert "answers nobody" not in get(admin)
    wiki.readers.add(Group.objects.create(name="insiders"))
    page = get(admin)
    assert "<strong>docs-v0001 answers nobody.</strong>" in page
    assert "Train again" in page
    assert "insiders" not in page


def test_dashboard_says_in_words_what_a_retrain_would_bring(
    admin: Client, people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    a_model([wiki], guide.chunks.filter(position=0))
    a_pair(guide, "Whose is it?", "Mira", review="approved")
    a_pair(guide, "Who?", "Mira")
    cited(people.engineer, guide, 1)
    version = publish(wiki, "guide.md", [passage("The limit is ten."), passage("Mira owns it.")])
    cited(people.engineer, version, 0)
    page = get(admin)
    assert "would teach <strong>1 new fact</strong>" in page
    assert "forget <strong>1 stale passage</strong>" in page
    assert "take over <strong>100 %</strong> of the last 30 days' questions" in page
    assert "since what is new or changed comes to 200% of what it knows." in page
    assert "1 pair waits for review" in page


def cited(user: User, version: DocumentVersion, position: int) -> None:
    query = Query.objects.create(user=user, text="What?")
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms", "total_ms"), 1.0)
    answer = Answer.objects.create(
        query=query, route="rag", confidence=0.9, prompt_tokens=1, completion_tokens=1, **times
    )
    answer.citations.create(chunk=version.chunks.get(position=position), rank=1, supports=True)


def test_dashboard_takes_as_many_queries_for_many_runs_and_models_as_for_few(
    admin: Client, people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    taken = []
    for count in (2, 9):
        for _ in range(count):
            model = a_model([wiki], guide.chunks.all(), stage="candidate")
            stopped_by_the_gate(model, requested_by=people.admin)
            a_run([wiki])
        get(admin)
        with CaptureQueriesContext(connection) as queries:
            get(admin)
        taken.append(len(queries))
    assert taken[0] == taken[1] < 35


def test_runs_page_by_cursor(admin: Client, wiki: Collection) -> None:
    for _ in range(PAGE + 3):
        a_run([wiki], State.CANCELLED)
    first = get(admin)
    assert first.count(">Run ") == PAGE
    following = first.partition("?runs=")[2].partition("#")[0]
    assert get(admin, query=f"?runs={following}").count(">Run ") == 3


def test_only_admins_find_the_way_in(people: People, admin: Client) -> None:
    assert reverse("training") in body(admin.get(reverse("library")))
    for person in (people.engineer, people.writer):
        client = logged_in(person)
        assert reverse("training") not in body(client.get(reverse("library")))
        assert client.get(reverse("training")).status_code == 403


# --- Launch ------------------------------------------------------------------------------------


def test_launch_shows_first_what_it_would_use_and_what_not(admin: Client, wiki: Collection) -> None:
    teach(wiki, *NAMES)
    version = publish(wiki, "more.md", [passage("The moon is far.")])
    a_pair(version, "How far is the moon?", "far")
    page = get(admin, "new_run")
    assert 'Imported with the document</th><td class="number">18</td>' in page
    assert f"They say <strong>{len(NAMES)} facts</strong>" in page
    assert "below 40, a model learns little" in page
    assert "Pairs that wait for review" in page
    assert "It takes at most 10 min" in page
    assert not TrainingRun.objects.exists()


def test_launch_starts_the_run_as_chosen(admin: Client, people: People, wiki: Collection) -> None:
    teach(wiki, *NAMES)
    chosen = {"collections": ["wiki"], "mode": "full", "minutes": "2.5", "promote": "on"}
    page = body(admin.post(reverse("new_run"), chosen, follow=True))
    run = TrainingRun.objects.get()
    assert (run.state, run.max_minutes, run.requested_by) == (State.QUEUED, 2.5, people.admin)
    assert run.promote_when_passed
    assert "Run 1 waits for a worker." in page
    assert "Queued</span>: it begins as soon as" in page


def place_of_start(page: str) -> str:
    """Where the button of the launch sends its form."""
    found = re.search(r'<button id="start"[^>]* formaction="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_second_press_of_the_start_leads_to_the_run_of_the_first(
    admin: Client, wiki: Collection
) -> None:
    teach(wiki, *NAMES)
    chosen = {"collections": ["wiki"], "mode": "full", "minutes": "2.5"}
    place = place_of_start(get(admin, "new_run"))
    first, second = (admin.post(place, chosen) for _ in range(2))
    run = TrainingRun.objects.get()
    assert first["Location"] == second["Location"] == reverse("run", args=[run.number])
    assert "Run 1 was started from this page before." in get(admin, "run", run.number)
    admin.post(place_of_start(get(admin, "new_run")), chosen)
    assert TrainingRun.objects.count() == 2


def test_launch_that_was_used_starts_nothing_else_and_keeps_what_is_chosen_now(
    admin: Client, wiki: Collection
) -> None:
    teach(wiki, *NAMES)
    chosen = {"collections": ["wiki"], "mode": "full", "minutes": "2.5"}
    place = place_of_start(get(admin, "new_run"))
    admin.post(place, chosen)
    page = body(admin.post(place, chosen | {"minutes": "7", "promote": "on"}, follow=True))
    assert TrainingRun.objects.get().max_minutes == 2.5
    assert "Run 1 was started from this page before, and nothing was started now." in page
    assert 'value="7"' in page
    assert "csrfmiddlewaretoken=" not in page
    admin.post(place_of_start(page), chosen | {"minutes": "7"})
    assert [run.max_minutes for run in TrainingRun.objects.all()] == [7, 2.5]


@pytest.mark.parametrize("form", ["", "?form=", "?form=mine"])
def test_launch_without_what_tells_its_form_from_others_starts_a_run(
    admin: Client, wiki: Collection, form: str
) -> None:
    teach(wiki, *NAMES)
    admin.post(reverse("new_run") + form, {"collections": ["wiki"], "mode": "full", "minutes": "2"})
    assert TrainingRun.objects.get().form is None


def test_address_of_a_launch_that_was_refused_proposes_as_at_first(
    admin: Client, wiki: Collection
) -> None:
    teach(wiki, *NAMES)
    assert "They say" in body(admin.get(place_of_start(get(admin, "new_run"))))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"collections": []}, "Choose at least one collection."),
        ({"mode": "append"}, "No model serves the readers of these collections yet."),
        ({"mode": "sideways"}, "sideways is not one of the available choices"),
        ({"minutes": "0"}, "greater than or equal to 0.1"),
        ({"minutes": "100000"}, "less than or equal to 1440"),
        ({"minutes": "soon"}, "Enter a number."),
        ({"collections": ["vault"]}, "vault is not one of the available choices"),
    ],
)
@pytest.mark.usefixtures("vault")
def test_launch_that_cannot_be_says_why_and_keeps_what_was_chosen(
    admin: Client, wiki: Collection, wrong: dict[str, object], told: str
) -> None:
    teach(wiki, *NAMES)
    chosen = {"collections": ["wiki"], "mode": "full", "minutes": "7"} | wrong
    response = admin.post(reverse("new_run"), chosen)
    assert response.status_code == 400
    assert told in body(response)
    assert not TrainingRun.objects.exists()
    if "minutes" not in wrong:
        assert 'value="7"' in body(response)


def test_launch_opens_without_an_alert_where_no_collection_is_proposed(
    admin: Client, people: People, wiki: Collection, vault: Collection
) -> None:
    people.admin.groups.add(*vault.readers.all())
    wiki.readers.set(vault.readers.all())
    page = get(admin, "new_run")
    assert "Vault" in page
    assert "choose what to train on" in page
    assert 'role="alert"' not in page
    assert "aria-invalid" not in page


@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_wrong_with_a_launch_is_told_where_it_goes_once_it_is_mended(
    admin: Client, wiki: Collection, method: str
) -> None:
    chosen = {"mode": "full", "minutes": "soon", "promote": "on"}
    page = body(getattr(admin, method)(reverse("new_run"), chosen))
    form, _, preview = page.partition('id="preview"')
    choices = form.partition('id="launch"')[2]
    for told in ("Choose at least one collection.", "Enter a number."):
        assert told not in choices
        assert preview.count(told) == 1
    assert "aria-invalid" not in choices
    assert 'value="soon"' in choices
    assert choices.count("checked") == 2


def test_launch_without_pairs_offers_no_start(admin: Client, guide: DocumentVersion) -> None:
    page = get(admin, "new_run", query="?collections=wiki&mode=full&minutes=5")
    assert "There is no pair to train on." in page
    assert "Start the run" not in page


def test_impossible_mixture_is_told_before_the_start(
    admin: Client, wiki: Collection, settings: Settings
) -> None:
    teach(wiki, *NAMES)
    settings.DATASET_MIXTURE = "closed=no"
    page = get(admin, "new_run")
    assert 'role="alert"' in page
    assert "Start the run" not in page


def test_launch_names_no_collection_that_the_admin_may_not_read(
    admin: Client, vault: Collection
) -> None:
    teach(vault, *NAMES)
    page = get(admin, "new_run")
    assert "Vault" not in page
    assert "vault" not in page


# --- One run -----------------------------------------------------------------------------------


def test_run_page_has_the_gate_as_a_table_with_its_reasons(admin: Client, wiki: Collection) -> None:
    model, metrics = a_model([wiki], [], stage="candidate"), {"stays_on_rag": ["wiki"]}
    run = stopped_by_the_gate(model, metrics=metrics)
    page = get(admin, "run", run.number)
    assert "Answered better from the current passages, so they stay there: wiki." in page
    assert "<caption>Over-refusal 8.0 % (at most 5.0 %)</caption>" in page
    assert "90.0 % of 112 were right, as in billing." in page
    assert "✓ passed" in page
    assert "✗ failed" in page
    assert "Promote" in page


def test_every_check_of_the_gate_has_a_name_and_a_unit() -> None:
    source = (Path(gate_table.__file__).parents[2] / "training" / "gate.py").read_text()
    assert all(name in source or name == "readers" for name in gate_table.CHECKS)
    shown = [
        gate_table.checks([{**asdict(PASSED), "check": name, "value": value}], reasons=True)[0]
        for name in gate_table.CHECKS
        for value in (0.5, 0, None)
    ]
    assert {check.value for check in shown} >= {"50.0 %", "+50.0 points", "0", "not measured"}


def test_run_page_shows_data_recipe_and_answers_but_no_place_on_the_disk(
    admin: Client, wiki: Collection, home: Path
) -> None:
    warnings, left_out = ["There are 6 facts."], [{"what": "Some", "why": "So.", "pairs": 4}]
    counts = dict.fromkeys(("pairs", "facts", "train", "validation", "test"), 6)
    dataset = Dataset.objects.create(
        number=1, sha256="4f" * 32, seed=7, warnings=warnings, **counts
    )
    run = a_run([wiki], State.GATED, dataset=dataset, left_out=left_out)
    points(run, 3)
    run.folder.mkdir(parents=True)
    base, data, out = (str(home / name) for name in ("base", "data", "out"))
    RunConfig("peft", base, data, out, rate=0.0015).write(run.folder / CONFIG)
    Events(run.folder).tell("started", rows=1_230, dropped=4)
    page = get(admin, "run", run.number)
    for told in ("4f" * 32, "Seed 7", "There are 6 facts.", "So.", "0.0015", "4 of 1,234 rows"):
        assert told in page
    assert '<th scope="row">Limit?</th><td>nine</td><td>ten</td>' in page
    assert str(home) not in page
    assert '<th scope="row">3</th><td class="number">50 %</td>' in page


def test_failed_run_says_what_to_do_and_goes_on_from_its_checkpoint(
    admin: Client, wiki: Collection
) -> None:
    failed = {"failure_id": "memory", "failure_reason": "Stop what runs beside it."}
    run = a_run([wiki], State.FAILED, **failed)
    page = get(admin, "run", run.number)
    assert "Stop what runs beside it." in page
    assert "start a new one" in page
    assert reverse("resume_run", args=[run.number]) not in page
    checkpoint = run.folder / "checkpoints" / "000040"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    assert "resume the run" in get(admin, "run", run.number)
    page = body(admin.post(reverse("resume_run", args=[run.number]), follow=True))
    assert "goes on from its newest checkpoint" in page
    run.refresh_from_db()
    assert run.state == State.QUEUED


def test_run_that_would_fail_again_offers_a_new_one_alone(admin: Client, wiki: Collection) -> None:
    failed = {"failure_id": "base-changed", "failure_reason": "The base model was changed."}
    run = a_run([wiki], State.FAILED, **failed)
    checkpoint = run.folder / "checkpoints" / "000040"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    page = get(admin, "run", run.number)
    assert reverse("resume_run", args=[run.number]) not in page
    assert "would fail in the same way" in page
    assert "start a new one" in page


def test_run_is_cancelled_once(admin: Client, people: People, wiki: Collection) -> None:
    address = reverse("cancel_run", args=[a_run([wiki]).number])
    assert "Its checkpoints are kept." in body(admin.post(address, follow=True))
    assert AuditEvent.objects.filter(verb="cancelled", actor=people.admin).exists()
    again = admin.post(address)
    assert again.status_code == 400
    assert "This run has ended" in body(again)


def test_run_on_documents_that_the_admin_may_not_read_tells_figures_alone(
    admin: Client, people: People, wiki: Collection, vault: Collection
) -> None:
    dataset = Dataset.objects.create(
        number=1,
        sha256="4f" * 32,
        seed=7,
        **dict.fromkeys(("pairs", "facts", "train", "validation", "test"), 6),
    )
    failed = {"failure_id": "no-pairs", "failure_reason": "Collection Vault (4): zebra."}
    run = stopped_by_the_gate(
        a_model([wiki, vault], [], stage="candidate"),
        dataset=dataset,
        left_out=[{"what": "Document zebra.md", "why": "Marketing.", "pairs": 4}],
        **failed,
    )
    points(run, 2)
    pages = [get(admin), get(admin, "run", run.number)]
    pages.append(get(admin, "promote_model", "docs-v0001"))
    for page in pages:
        for trace in ("Vault", "vault", "zebra", "billing", "Limit?"):
            assert trace not in page
    assert "Wiki and 1 that you may not read" in pages[1]
    people.admin.groups.add(*vault.readers.all())
    page = get(admin, "run", run.number)
    for told in ("Vault, Wiki", "zebra.md", "billing", "Limit?"):
        assert told in page


def test_model_for_some_readers_names_its_collections_to_these_alone(
    admin: Client, people: People, vault: Collection
) -> None:
    a_model([vault], [], audience="a" * 64)
    assert "the readers of collections that you may not read" in get(admin)
    people.admin.groups.add(*vault.readers.all())
    assert "the readers of Vault" in get(admin)


# --- Live --------------------------------------------------------------------------------------


def test_points_of_a_run_are_there_for_its_plots(admin: Client, wiki: Collection) -> None:
    run = a_run([wiki], State.RUNNING)
    points(run, 4)
    series = json.loads(admin.get(reverse("run_points", args=[run.number])).content)
    assert series["loss"] == [[1, 2.0], [2, 1.0], [3, 2 / 3], [4, 0.5]]
    assert (series["exact_match"], series["hallucination"]) == ([[4, 0.5]], [[4, 0.1]])


def test_long_curves_are_thinned_evenly_and_keep_their_end() -> None:
    long = [Point(step, step, 1.0, 1.0, None, None) for step in range(1, 10_001)]
    thin = plots.thinned(long, 400)
    assert 350 < len(thin) <= 400
    assert thin[-1].step == 10_000
    assert {after.step - before.step for before, after in pairwise(thin)} == {25}
    assert plots.thinned([], 400) == []
    assert plots.thinned(long[:3], 400) == long[:3]


@pytest.mark.django_db(transaction=True)
async def test_stream_brings_figures_until_the_run_is_in_another_state(
    people: People, wiki: Collection
) -> None:
    run = await sync_to_async(a_run)([wiki], State.RUNNING, step=3, steps=9, loss=0.5)
    await sync_to_async(points)(run, 3)
    client = AsyncClient()
    await client.aforce_login(people.admin)
    watch = f"?watch={run.number}.running"
    stream = parts(await client.get(reverse("run_events") + watch))
    first = unescape((await anext(stream)).decode())
    assert first.startswith("event: figures")
    assert f'<div id="run-{run.number}" hx-swap-oob="true">' in first
    assert "step 3 of 9 · loss 0.500" in first
    assert f'<template><tbody id="loss-{run.number}" hx-swap-oob="true">' in first
    await TrainingRun.objects.filter(pk=run.pk).aupdate(step=4)
    assert "step 4 of 9" in (await anext(stream)).decode()
    await TrainingRun.objects.filter(pk=run.pk).aupdate(state=State.EVALUATING)
    rest = [part async for part in stream]
    assert [part.partition(b"\n")[0] for part in rest] == [b"event: turned", b"event: close"]


@pytest.mark.django_db(transaction=True)
async def test_stream_reads_of_a_curve_what_may_be_new(
    people: People, wiki: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_live, "POLL_SECONDS", 0.0)
    run = await sync_to_async(a_run)([wiki], State.RUNNING, step=4, steps=9)
    await sync_to_async(points)(run, 4)
    row = TrainingRun.objects.filter(pk=run.pk)
    client = AsyncClient()
    await client.aforce_login(people.admin)
    address = f"{reverse('run_events')}?watch={run.number}.running"
    stream = parts(await client.get(address))
    assert losses(await anext(stream)) == {1: "2.000", 2: "1.000", 3: "0.667", 4: "0.500"}
    # Gone, so that it shows if they are read again; and a trainer that was started again.
    await run.points.filter(step__lt=3).adelete()
    await run.points.filter(step=4).aupdate(loss=0.4, exact_match=0.75)
    await RunPoint.objects.acreate(run=run, step=5, seconds=5, loss=0.3, tokens_per_second=9)
    await row.aupdate(step=5)
    second = await anext(stream)
    assert losses(second) == {1: "2.000", 2: "1.000", 3: "0.667", 4: "0.400", 5: "0.300"}
    assert "75 %" in unescape(second.decode())
    await run.points.filter(step=3).aupdate(loss=0.6)
    await row.aupdate(step=3)
    third = {1: "2.000", 2: "1.000", 3: "0.600", 4: "0.400", 5: "0.300"}
    assert losses(await anext(stream)) == third
    await run.points.filter(step=4).aupdate(loss=0.35)
    await row.aupdate(step=4)
    assert losses(await anext(stream)) == third | {4: "0.350"}
    await row.aupdate(state=State.EVALUATING)
    assert b"event: turned" in (await anext(stream))


def losses(part: bytes) -> dict[int, str]:
    """By step, as the table has them."""
    found = re.findall(
        r'<th scope="row">(\d+)</th><td class="number">(\d\.\d+)</td>', part.decode()
    )
    return {int(step): loss for step, loss in found}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("watch", ["", "x", "7", "99999999999999.running", "7.running"])
async def test_stream_of_no_such_run_ends_at_once(people: People, watch: str) -> None:
    client = AsyncClient()
    await client.aforce_login(people.admin)
    stream = parts(await client.get(f"{reverse('run_events')}?watch={watch}"))
    assert b"event: close" in [part async for part in stream][-1]


# --- Old and new -------------------------------------------------------------------------------


def compared(run: TrainingRun, version: DocumentVersion, *outcomes: tuple[bool, bool]) -> None:
    """Questions on the version, by whether the serving model and the new one were right."""
    document = version.document
    for place, system in enumerate(("serving", "tuned")):
        evaluation, _ = Evaluation.objects.get_or_create(
            run=run, system=system, model_name="docs-v0001" if system == "serving" else ""
        )
        first = evaluation.items.count()
        for number, outcome in enumerate(outcomes, start=first):
            right = outcome[place]
            EvaluationItem.objects.create(
                evaluation=evaluation,
                number=number,
                document=document,
                kind="recall",
                domain=document.collection.slug,
                question=f"{document.collection.name} question {number}?",
                expected=["nine"],
                answer="nine" if right else f"{system} wrong",
                correct=right,
                token_f1=float(right),
                refused=False,
                ms=1,
            )


def test_comparison_shows_losses_first_and_filters(
    admin: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    run = a_run([wiki], State.REJECTED)
    compared(run, guide, (True, True), (False, True), (True, False), (False, False))
    page = get(admin, "run_comparison", run.number)
    assert "1 lost, 1 gained, 1 changed without either" in page
    order = [page.index(f"Wiki question {number}?") for number in (2, 1, 3)]
    assert order == sorted(order)
    assert "Wiki question 0?" not in page
    gained = get(admin, "run_comparison", run.number, query="?outcome=gains&domain=wiki")
    assert "Wiki question 1?" in gained
    assert "Wiki question 2?" not in gained
    none = get(admin, "run_comparison", run.number, query="?kind=refusal")
    assert "No changed answer fits these filters." in none


def test_comparison_shows_only_what_the_viewer_may_read(
    admin: Client, people: People, wiki: Collection, vault: Collection, guide: DocumentVersion
) -> None:
    run = a_run([wiki, vault], State.REJECTED)
    compared(run, guide, (True, False))
    compared(run, publish(vault, "codes.md", [passage("4711")]), (True, False))
    page = get(admin, "run_comparison", run.number, query="?domain=")
    assert "Wiki question 0?" in page
    for trace in ("Vault", "vault"):
        assert trace not in page
    people.admin.groups.add(*vault.readers.all())
    assert "Vault question 1?" in get(admin, "run_comparison", run.number)


def test_comparison_pages_and_says_when_there_is_none(
    admin: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    run = a_run([wiki], State.REJECTED)
    assert "were not compared" in get(admin, "run_comparison", run.number)
    compared(run, guide, *[(True, False)] * 60)
    first = get(admin, "run_comparison", run.number)
    assert first.count("Wiki question") == 50
    following = first.partition("?after=")[2].partition('"')[0]
    second = get(admin, "run_comparison", run.number, query=f"?after={following}")
    assert second.count("Wiki question") == 10


# --- Promote and roll back ---------------------------------------------------------------------


def test_promotion_asks_once_and_says_what_changes(
    admin: Client, people: People, workshop: Workshop
) -> None:
    registry.promote(workshop.candidate(), by=None)
    model = workshop.candidate()
    page = get(admin, "promote_model", model.name)
    assert "docs-v0002 answers everybody instead of docs-v0001" in page
    assert "You can go back to docs-v0001" in page
    model.refresh_from_db()
    assert model.stage == "candidate"
    page = body(admin.post(reverse("promote_model", args=[model.name]), follow=True))
    assert "docs-v0002 answers from now on" in page
    assert AuditEvent.objects.filter(verb="promoted", actor=people.admin).exists()
    assert "serves already" in get(admin, "promote_model", model.name)


@pytest.mark.parametrize(("reason", "told"), [("", "Write why."), ("too short", "10 characters")])
def test_model_that_its_gate_stopped_needs_a_written_reason(
    admin: Client, workshop: Workshop, reason: str, told: str
) -> None:
    model = workshop.candidate(gate_passed=False)
    stopped_by_the_gate(model)
    page = get(admin, "promote_model", model.name)
    assert "Its gate stopped it: Over-refusal 8.0 % (at most 5.0 %)." in page
    response = admin.post(reverse("promote_model", args=[model.name]), {"reason": reason})
    assert response.status_code == 400
    assert told in body(response)
    assert f"{reason}</textarea>" in body(response)
    model.refresh_from_db()
    assert model.stage == "candidate"


def test_written_reason_is_kept_with_run_and_audit(
    admin: Client, people: People, workshop: Workshop
) -> None:
    model = workshop.candidate(gate_passed=False)
    run = stopped_by_the_gate(model)
    page = body(
        admin.post(reverse("promote_model", args=[model.name]), {"reason": WHY}, follow=True)
    )
    assert f"admin promoted docs-v0001: {WHY}" in page
    run.refresh_from_db()
    assert (run.override_by, run.override_reason) == (people.admin, WHY)
    assert f"admin let it through all the same: “{WHY}”" in get(admin, "run", run.number)


def test_model_that_cannot_serve_says_why_and_nothing_changes(
    admin: Client, workshop: Workshop, settings: Settings
) -> None:
    model = workshop.candidate(gate_passed=False)
    run = stopped_by_the_gate(model)
    file = next(iter(model.files))
    (Path(settings.TUNED_DIR) / file).write_bytes(b"tampered")
    response = admin.post(reverse("promote_model", args=[model.name]), {"reason": WHY})
    assert response.status_code == 400
    assert f"{WHY}</textarea>" in body(response)
    assert 'role="alert"' in body(response)
    run.refresh_from_db()
    model.refresh_from_db()
    assert (run.state, model.stage) == (State.REJECTED, "candidate")
    ModelVersion.objects.update(pruned_at=timezone.now())
    assert "Its files were removed" in get(admin, "promote_model", model.name)
    ModelVersion.objects.update(pruned_at=None, readers={"999": []})
    assert "can serve nobody" in get(admin, "promote_model", model.name)
    assert admin.get(reverse("promote_model", args=["docs-v9999"])).status_code == 404


def test_roll_back_asks_once_and_goes_back(
    admin: Client, people: People, workshop: Workshop
) -> None:
    for _ in range(2):
        registry.promote(workshop.candidate(), by=None)
    address = reverse("roll_back_model", args=["docs-v0002"])
    assert "Go back from docs-v0002 to docs-v0001?" in body(admin.get(address))
    page = body(admin.post(address, follow=True))
    assert "docs-v0001 answers again instead of docs-v0002." in page
    assert "<strong>docs-v0001</strong> serves everybody" in page
    assert "rolled back by admin" in page
    again = admin.post(address, headers={"Referer": f"http://testserver{address}"})
    assert again.status_code == 400
    assert "docs-v0002 serves no longer" in body(again)
    assert f'href="{address}">Back to the page before</a>' in body(again)
    assert "Back to the page before" not in body(admin.post(address))
    assert "cannot be taken back" in get(admin, "roll_back_model", "docs-v0001")


def test_old_page_replaces_no_other_model_than_it_asked_about(
    admin: Client, workshop: Workshop
) -> None:
    first, second, third = (workshop.candidate() for _ in range(3))
    address = reverse("promote_model", args=[second.name])
    for serves in (first, third):
        old = kept(admin, address)
        registry.promote(serves, by=None)
        refused = admin.post(address, old)
        assert refused.status_code == 400
        assert f"{serves} serves meanwhile, not " in body(refused)
        assert ModelVersion.objects.get(stage="serving") == serves
    assert admin.post(address, kept(admin, address)).status_code == 302
    assert ModelVersion.objects.get(stage="serving") == second


def test_old_page_goes_back_to_no_other_model_than_it_asked_about(
    admin: Client, workshop: Workshop
) -> None:
    first, second, third = (workshop.candidate() for _ in range(3))
    for serves in (first, second):
        registry.promote(serves, by=None)
    address = reverse("roll_back_model", args=[second.name])
    old = kept(admin, address)
    for serves in (third, second):
        registry.promote(serves, by=None)
    refused = admin.post(address, old)
    assert refused.status_code == 400
    assert "docs-v0003 served before it" in body(refused)
    assert ModelVersion.objects.get(stage="serving") == second
    assert admin.post(address, kept(admin, address)).status_code == 302
    assert ModelVersion.objects.get(stage="serving") == third


# --- By itself ---------------------------------------------------------------------------------


def test_policy_is_set_and_says_when_the_next_run_starts(
    admin: Client, people: People, wiki: Collection
) -> None:
    teach(wiki, *NAMES)
    assert "Retraining by itself is switched off." in get(admin)
    values = {
        "enabled": "on",
        "every_hours": "12",
        "least_new_facts": "50",
        "least_stale_percent": "12.5",
    }
    page = body(admin.post(reverse("retrain_policy"), values, follow=True))
    assert "Saved. 6 new facts, under 50" in page
    assert "On: at most every 12 h" in page
    policy = RetrainPolicy.objects.get()
    assert (policy.least_stale_share, policy.changed_by) == (0.125, people.admin)
    page = body(
        admin.post(reverse("retrain_policy"), values | {"least_new_facts": "5"}, follow=True)
    )
    assert "The next run starts within a minute: 6 new facts." in page
    run = a_run([wiki], State.CANCELLED)
    TrainingRun.objects.filter(pk=run.pk).update(requested_at=timezone.now() - timedelta(hours=2))
    assert "the next may start in 10.0 h" in get(admin)


@pytest.mark.parametrize(
    "wrong",
    [{"every_hours": "0"}, {"least_new_facts": "x"}, {"least_stale_percent": "101"}],
)
def test_policy_that_makes_no_sense_is_not_saved(admin: Client, wrong: dict[str, str]) -> None:
    values = {"every_hours": "12", "least_new_facts": "50", "least_stale_percent": "10"} | wrong
    response = admin.post(reverse("retrain_policy"), values)
    assert response.status_code == 400
    assert 'role="alert"' in body(response)
    assert not RetrainPolicy.objects.exists()


def test_old_page_of_the_policy_switches_nothing_on_again(admin: Client) -> None:
    address = reverse("retrain_policy")
    values = {"every_hours": "12", "least_new_facts": "50", "least_stale_percent": "10"}
    on = values | {"enabled": "on", "promote_when_passed": "on"}
    first = kept(admin, address)
    assert admin.post(address, on | first).status_code == 302
    old = kept(admin, address)
    assert admin.post(address, values | old).status_code == 302
    for stale in (first, old):
        refused = admin.post(address, on | stale)
        assert refused.status_code == 400
        assert "Retraining by itself is off now: at most every 12 h" in body(refused)
        assert not RetrainPolicy.objects.get().enabled
    assert admin.post(address, on | kept(admin, address)).status_code == 302
    assert RetrainPolicy.objects.get().enabled
