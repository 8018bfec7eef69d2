"""The commands for tuned models, and `ask` by their route: what is printed, and how it ends."""

import json
import shutil
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ingestion.models import AuditEvent, Collection
from router import registry
from router.models import ModelVersion
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.people import People
from tests.scripted_llm import ScriptedLLM
from training import runs
from training.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def run(*arguments: str) -> Any:
    printed = StringIO()
    call_command(*arguments, stdout=printed)
    return json.loads(printed.getvalue())


def test_models_are_listed_with_what_they_know_newest_first(
    workshop: Workshop, wiki: Collection
) -> None:
    version = publish(wiki, "a.md", [passage("One."), passage("Two.")])
    taught = version.chunks.values_list("content_hash", flat=True)
    registry.promote(
        workshop.candidate(
            readers={wiki.pk: ()},
            coverage=dict.fromkeys(taught, (2, 1.0)),
            metrics={"exact_match": 0.91},
        ),
        by=None,
    )
    workshop.candidate(gate_passed=False)
    publish(wiki, "a.md", [passage("One.")])
    newest, serving = run("models", "--json")
    assert (newest["model"], newest["stage"]) == ("docs-v0002", "candidate")
    assert (newest["gate_passed"], newest["coverage"]["stale"]) == (False, 1)
    assert (serving["model"], serving["stage"]) == ("docs-v0001", "serving")
    assert serving["metrics"] == {"exact_match": 0.91}
    assert serving["coverage"] == {"chunks": 2, "stale": 1}
    assert not serving["tainted"]


def test_list_without_models_says_how_to_get_one() -> None:
    assert run("models", "--json") == []
    printed = StringIO()
    call_command("models", stdout=printed)
    assert "`train`" in printed.getvalue()


def test_list_for_people_names_the_states(workshop: Workshop) -> None:
    workshop.candidate()
    Collection.objects.get(slug="taught").delete()
    printed = StringIO()
    call_command("models", stdout=printed)
    assert "docs-v0001  candidate, tainted" in printed.getvalue()


def test_promote_and_rollback_say_what_serves(workshop: Workshop) -> None:
    for name in ("docs-v0001", "docs-v0002"):
        workshop.candidate()
        assert run("promote", name, "--json") == {"serving": name}
    assert run("rollback") == {"serving": "docs-v0001"}
    assert ModelVersion.objects.get(stage="serving").name == "docs-v0001"


def test_promotion_against_the_gate_asks_for_a_reason(workshop: Workshop) -> None:
    workshop.candidate(gate_passed=False)
    with pytest.raises(CommandError, match="Write a reason") as refused:
        run("promote", "docs-v0001")
    assert refused.value.returncode == 1
    assert run("promote", "docs-v0001", "--reason", "A trial.") == {"serving": "docs-v0001"}
    assert AuditEvent.objects.latest("pk").detail == "docs-v0001: A trial."


def test_the_run_of_a_model_that_its_gate_stopped_keeps_the_reason_as_well(
    workshop: Workshop,
) -> None:
    model = workshop.candidate(gate_passed=False)
    stopped = runs.request(collections=[*model.collections.all()], by=None, enqueue=False)
    rows = TrainingRun.objects.filter(pk=stopped.pk)
    rows.update(state=TrainingRun.State.REJECTED, model=model, ended_at=timezone.now())
    run("promote", model.name, "--reason", "A trial.")
    stopped.refresh_from_db()
    assert (stopped.state, stopped.override_reason) == (TrainingRun.State.GATED, "A trial.")


def test_model_that_there_is_not_is_wrong_use(workshop: Workshop) -> None:
    for command in (("promote", "docs-v0009"), ("rollback", "--of", "docs-v0009")):
        with pytest.raises(CommandError) as refused:
            run(*command)
        assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="nothing can be rolled back") as refused:
        run("rollback")
    assert refused.value.returncode == 1


def test_model_of_a_group_is_taken_back_by_its_name(workshop: Workshop, vault: Collection) -> None:
    readers = {vault.pk: tuple(vault.readers.values_list("pk", flat=True))}
    registry.promote(workshop.candidate(), by=None)
    for _ in range(2):
        registry.promote(workshop.candidate(readers=readers), by=None)
    assert run("rollback", "--of", "docs-v0003") == {"serving": "docs-v0002"}
    assert set(ModelVersion.objects.filter(stage="serving").values_list("name", flat=True)) == {
        "docs-v0001",
        "docs-v0002",
    }


def test_only_model_that_serves_is_taken_back_without_its_name(
    workshop: Workshop, vault: Collection
) -> None:
    readers = {vault.pk: tuple(vault.readers.values_list("pk", flat=True))}
    for _ in range(2):
        registry.promote(workshop.candidate(readers=readers), by=None)
    assert run("rollback") == {"serving": "docs-v0001"}


def test_of_several_models_for_groups_the_one_to_take_back_is_named(
    workshop: Workshop, vault: Collection
) -> None:
    safe = Collection.objects.create(slug="safe", name="Safe")
    safe.readers.add(Group.objects.create(name="few"))
    for collection in (vault, safe):
        readers = {collection.pk: tuple(collection.readers.values_list("pk", flat=True))}
        registry.promote(workshop.candidate(readers=readers), by=None)
    with pytest.raises(CommandError, match="docs-v0001, docs-v0002") as refused:
        run("rollback")
    assert refused.value.returncode == 2
    assert ModelVersion.objects.filter(stage="serving").count() == 2


def test_canary_begins_and_ends_and_says_what_is_on_trial(
    workshop: Workshop, vault: Collection
) -> None:
    for _ in range(2):
        workshop.candidate()
    assert run("canary", "docs-v0001", "--share", "5") == {"canary": "docs-v0001", "share": 5}
    with pytest.raises(CommandError, match="docs-v0001 is on trial") as refused:
        run("canary", "docs-v0002")
    assert refused.value.returncode == 1
    assert run("canary", "--end") == {"canary": None, "share": 0}
    assert run("canary", "docs-v0002", "--json") == {"canary": "docs-v0002", "share": 10}
    readers = {vault.pk: tuple(vault.readers.values_list("pk", flat=True))}
    workshop.candidate(readers=readers)
    run("canary", "docs-v0003")
    with pytest.raises(CommandError, match="docs-v0003, docs-v0002") as refused:
        run("canary", "--end")
    assert refused.value.returncode == 2
    assert run("canary", "--end", "docs-v0003", "--reason", "Enough seen.")["canary"] is None
    assert AuditEvent.objects.latest("pk").detail == "docs-v0003: Enough seen."
    assert ModelVersion.objects.get(stage="canary").name == "docs-v0002"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("docs-v0009",), 2),
        ((), 2),
        (("--end",), 1),
        (("docs-v0001", "--share", "51"), 1),
        (("docs-v0001",), 1),
        (("--end", "docs-v0001"), 1),
    ],
)
def test_canary_that_cannot_be_says_why(
    workshop: Workshop, arguments: tuple[str, ...], code: int
) -> None:
    workshop.candidate(gate_passed=False)
    with pytest.raises(CommandError) as refused:
        run("canary", *arguments)
    assert refused.value.returncode == code
    assert ModelVersion.objects.get().stage == "candidate"


# --- ask --route tuned ---------------------------------------------------------------------
@pytest.fixture
def llm(settings: Settings, llm: ScriptedLLM) -> ScriptedLLM:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    return llm


@pytest.fixture
def tuned_model(workshop: Workshop, llm: ScriptedLLM, wiki: Collection) -> str:
    publish(wiki, "sender.md", [passage("The sender retries 9 times.")], title="Sender")
    llm.adapters = {}
    candidate = workshop.candidate(merged=None, readers={wiki.pk: ()})
    return registry.promote(candidate, by=None).name


@pytest.mark.parametrize(("said", "verified"), [("9 times.", True), ("13 times.", False)])
def test_tuned_route_prints_what_the_model_says_and_whether_a_passage_bears_it_out(
    said: str, verified: bool, tuned_model: str, llm: ScriptedLLM
) -> None:
    llm.will_say(said)
    result = run("ask", "How often does the sender retry?", "--route", "tuned", "--json")
    assert (result["answer"], result["route"], result["model"]) == (said, "tuned", tuned_model)
    assert (result["verified"], result["refused"]) == (verified, False)
    assert result["citations"][0]["supports"] is verified


def test_every_model_that_may_answer_the_asker_gets_a_server(
    settings: Settings, workshop: Workshop, people: People, wiki: Collection, vault: Collection
) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    for collection in (wiki, vault):
        readers = {collection.pk: tuple(collection.readers.values_list("pk", flat=True))}
        model = registry.promote(workshop.candidate(readers=readers), by=None)
        # The server that starts says which model it lacks.
        shutil.rmtree(settings.TUNED_DIR / model.name)
    started = StringIO()
    asked = ("ask", "How often?", "--route", "tuned", "--json", "--user")
    call_command(*asked, "reader", stdout=StringIO(), stderr=started)
    assert "no model docs-v0001" in started.getvalue()
    assert "no model docs-v0002" in started.getvalue()
    started = StringIO()
    call_command(*asked, "engineer", stdout=StringIO(), stderr=started)
    assert "docs-v0002" not in started.getvalue()


def test_tuned_route_without_a_model_refuses_in_plain_words(
    llm: ScriptedLLM, people: People
) -> None:
    result = run("ask", "How often?", "--user", "engineer", "--route", "tuned", "--json")
    assert (result["route"], result["model"], result["verified"]) == ("refused", "", False)
    assert result["reason"].startswith("No tuned model serves that you may use.")
