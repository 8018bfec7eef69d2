"""The command `benchmark` on a tiny corpus, and the page that shows what it found."""

import io
import json
import os
import shutil
import threading
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from docportal.models import User
from ingestion.models import Collection, DocumentVersion
from router import registry
from router.models import ModelVersion, Query
from router.prompts import REFUSAL
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.pairs import a_pair
from tests.people import People
from tests.router.retrieval.hashed_words import HashedWords
from tests.scripted_llm import ScriptedLLM
from training import checking, precedents
from training.benchmark import asking, services
from training.benchmark.answers import AnswerLog
from training.benchmark.asking import ModelGone, Plan, ProductChanged, UntunedModel, ask_all
from training.benchmark.questions import Question
from training.models import Benchmark, QAPair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "embedder")]

RETRIES = passage("The webhook sender retries 9 times.", "Delivery")
KNOWN = "How often does the webhook sender retry?"
QUESTIONS = [
    {"id": 1, "query": KNOWN, "answers": ["9 times"], "kind": "stable", "stale": None},
    {"id": 2, "query": "How many mails does the mail relay send?", "answers": ["40 mails"]}
    | {"kind": "changed", "stale": "9 times"},
    {"id": 3, "query": "Who founded the mail relay?", "answers": [], "kind": "absent"},
]


@pytest.fixture
def llm(llm: ScriptedLLM) -> ScriptedLLM:
    llm.adapters = {}
    llm.will_say("9 times [1]")
    return llm


@pytest.fixture(autouse=True)
def documents(wiki: Collection) -> None:
    publish(wiki, "sender.md", [RETRIES], title="Webhook sender")
    publish(
        wiki, "relay.md", [passage("The mail relay sends 40 mails.", "Limits")], title="Mail relay"
    )


@pytest.fixture
def model(workshop: Workshop, wiki: Collection, llm: ScriptedLLM) -> str:
    coverage = {RETRIES.content_hash: (3, 0.9)}
    candidate = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    return registry.promote(candidate, by=None).name


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "acme.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in QUESTIONS))
    return path


def run(questions: Path, *arguments: str, systems: str = "tuned,rag,hybrid") -> dict[str, Any]:
    out = io.StringIO()
    named = ("--questions", str(questions), "--systems", systems, "--runs", "1")
    call_command("benchmark", *named, *arguments, "--json", stdout=out, stderr=io.StringIO())
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def page(user: User, query: str = "") -> str:
    client = Client()
    client.force_login(user)
    return " ".join(unescape(client.get(reverse("benchmark") + query).content.decode()).split())


# --- The command -------------------------------------------------------------------------------


def test_systems_are_asked_and_judged_on_the_same_questions(
    model: str, llm: ScriptedLLM, questions: Path, tmp_path: Path
) -> None:
    out, html = tmp_path / "report.json", tmp_path / "report.html"
    printed = io.StringIO()
    call_command(
        "benchmark",
        *("--questions", str(questions), "--systems", "tuned,rag,hybrid", "--runs", "2"),
        *("--json", str(out), "--html", str(html)),
        stdout=printed,
        stderr=io.StringIO(),
    )
    told = json.loads(printed.getvalue())
    assert json.loads(out.read_text()) == told
    tuned = told["systems"]["tuned"]
    assert tuned == tuned | {
        "n": 3,
        "exact_match": 0.5,
        "contains": 0.5,
        "refusal_recall": 0.0,
        "stale_rate": 1.0,
        "tokens_per_answer": 107.0,
    }
    assert 0 < tuned["ms_p50"] <= tuned["ms_p99"]
    assert tuned["cost_per_10k"] == pytest.approx(100 * 0.15 / 100 + 7 * 0.6 / 100)
    assert tuned["by_kind"]["stable"]["exact_match"] == 1.0
    # Nothing in a passage on the relay says “9 times”, so the product does not show it.
    assert told["systems"]["hybrid"]["stale_rate"] == 0.0
    assert told["baselines"]["provenance only"]["by_kind"]["stable"]["routes"]["tuned"] == 1.0
    assert told["baselines"]["oracle"]["exact_match"] >= tuned["exact_match"]
    assert told["route_share"]["tuned"]["tuned"] == 1.0
    assert (told["runs"], told["setup"]["tuned_models"]) == (2, [model])
    report = html.read_text()
    assert "<svg" in report
    assert "provenance only" in report
    assert "<script" not in report
    assert "src=" not in report
    assert 'href="/' not in report
    assert not Query.objects.exists()


def test_untuned_model_is_asked_with_passages_and_nobody_checks_it(
    llm: ScriptedLLM, questions: Path
) -> None:
    llm.will_say("13 times [1]")
    told = run(questions, systems="untuned")
    assert "9 times" in str(llm.requests[-3]["messages"])
    assert told["systems"]["untuned"]["exact_match"] == 0.0
    assert told["systems"]["untuned"]["routes"]["rag"] == 1.0


def test_without_a_tuned_model_its_system_refuses(llm: ScriptedLLM, questions: Path) -> None:
    told = run(questions, systems="tuned")
    assert told["systems"]["tuned"]["over_refusal"] == 1.0
    assert told["systems"]["tuned"]["tokens_per_answer"] == 0.0
    assert llm.requests == []


def test_nothing_is_measured_without_the_server_of_a_tuned_model(
    settings: Settings, workshop: Workshop, wiki: Collection, questions: Path
) -> None:
    model = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None)
    shutil.rmtree(settings.TUNED_DIR / model.name)
    with pytest.raises(CommandError, match=f"{model.name} does not answer") as refused:
        run(questions, systems="tuned")
    assert refused.value.returncode == 1
    assert not Benchmark.objects.exists()


def test_nothing_is_kept_where_the_server_of_a_tuned_model_ends_in_the_middle(
    model: str, llm: ScriptedLLM, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the file would be told as its refusals."""
    monkeypatch.setattr(asking, "BREAK_SECONDS", 0.0)
    monkeypatch.setattr(asking, "tuned_url", lambda _: None if llm.requests else llm.url)
    with pytest.raises(CommandError, match=f"{model} does not answer"):
        run(questions, systems="tuned")
    assert not Benchmark.objects.exists()


def remember(wiki: Collection) -> None:
    """That the known question was answered before."""
    version = DocumentVersion.objects.get(document__collection=wiki, document__path="sender.md")
    a_pair(version, KNOWN, "9 times", evidence=RETRIES.text, review=QAPair.Review.APPROVED)
    precedents.refresh()


def test_without_the_model_precedents_answer_which_passages_alone_have_not(
    model: str, wiki: Collection, llm: ScriptedLLM, questions: Path, people: People
) -> None:
    remember(wiki)
    llm.will_say(REFUSAL)
    systems = run(questions, systems="rag,hybrid,without-model")["systems"]
    assert systems["rag"]["by_kind"]["stable"]["exact_match"] == 0.0
    assert systems["without-model"]["by_kind"]["stable"]["exact_match"] == 1.0
    assert systems["without-model"]["routes"]["tuned"] == 0.0
    assert '<th scope="row">without-model</th>' in page(people.engineer)
    asked = len(llm.requests)
    run(questions, systems="without-model")
    assert model not in [request["model"] for request in llm.requests[asked:]]


def test_readers_rights_are_those_of_the_named_user(
    llm: ScriptedLLM, people: People, vault: Collection, tmp_path: Path
) -> None:
    publish(vault, "key.md", [passage("The master key lies in room 77.", "Place")])
    path = tmp_path / "secret.jsonl"
    path.write_text(
        json.dumps({"id": 1, "query": "Where is the master key?", "answers": ["room 77"]})
    )
    llm.will_say("room 77 [1]")
    assert run(path, systems="rag")["systems"]["rag"]["exact_match"] == 0.0
    assert run(path, "--user", "reader", systems="rag")["systems"]["rag"]["exact_match"] == 1.0
    # Of these an admin who may not read the vault is not shown a word.
    for benchmark in Benchmark.objects.all():
        shown = page(people.admin, f"?run={benchmark.pk}")
        assert "room 77" not in shown
        assert "master key" not in shown


def test_stopped_benchmark_goes_on_with_the_answers_it_has(
    llm: ScriptedLLM, tmp_path: Path
) -> None:
    asked = [Question(n, str(n), KNOWN, ("9 times",)) for n in range(3)]
    plan = Plan(asked, ["untuned"], 1, None, UntunedModel(llm.url, "docportal-reader"))
    log = AnswerLog(tmp_path / "answers.jsonl", {})
    ask_all(Plan(asked[:2], ["untuned"], 1, None, plan.untuned), log, str)
    before = len(llm.requests)
    ask_all(plan, AnswerLog(tmp_path / "answers.jsonl", {}), str)
    # One question was left, and it is asked once more beforehand, unmeasured.
    assert len(llm.requests) - before == 2
    assert len(AnswerLog(tmp_path / "answers.jsonl", {}).answers) == 3


def ask_rag(tell: Callable[[str], object]) -> Benchmark:
    plan = Plan([Question(0, "1", KNOWN, ("9 times",))], ["rag"], 1, None)
    return services.run(plan, name="acme", questions_sha256="0" * 64, tell=tell)


def stop(_: str) -> None:
    """Somebody interrupts when the first system has answered."""
    raise KeyboardInterrupt


@pytest.mark.usefixtures("llm")
def test_benchmark_of_two_states_of_the_documents_is_not_kept(wiki: Collection) -> None:
    def edit(_: str) -> None:
        publish(wiki, "sender.md", [passage("The webhook sender retries 5 times.", "Delivery")])

    with pytest.raises(ProductChanged, match=r"\(revision\)"):
        ask_rag(edit)
    assert not Benchmark.objects.exists()
    told: list[str] = []
    ask_rag(told.append)
    assert told == ["rag, run 1 of 1: 1 of 1 answered"]


def change_calibration(wiki: Collection) -> None:
    ModelVersion.objects.update(calibration=certified().as_json())


def change_policy(wiki: Collection) -> None:
    Collection.objects.filter(pk=wiki.pk).update(policy=Collection.Policy.RAG_ONLY)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("change", [change_calibration, remember, change_policy])
def test_answers_given_under_anything_else_are_dropped(
    wiki: Collection, change: Callable[[Collection], None]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask_rag(stop)
    change(wiki)
    told: list[str] = []
    ask_rag(told.append)
    assert told == ["rag, run 1 of 1: 1 of 1 answered"]


@pytest.mark.parametrize("system", ["rag", "untuned"])
def test_nothing_is_measured_without_an_embedding_server(
    llm: ScriptedLLM,
    embedder: HashedWords,
    questions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
) -> None:
    for module in (asking, checking):
        monkeypatch.setattr(module, "BREAK_SECONDS", 0.0)
    embedder.status = 500
    with pytest.raises(CommandError, match="does not answer"):
        run(questions, systems=system)
    assert not Benchmark.objects.exists()
    asked = [Question(1, "1", KNOWN, ("9 times",))]
    plan = Plan(asked, [system], 1, None, UntunedModel(llm.url, "docportal-reader"))
    log = AnswerLog(tmp_path / "answers.jsonl", {})
    with pytest.raises(ModelGone, match="does not answer"):
        ask_all(plan, log, str)
    assert not log.answers


@pytest.mark.usefixtures("llm")
def test_benchmark_that_fails_leaves_its_files_as_they_were(
    embedder: HashedWords, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BREAK_SECONDS", 0.0)
    embedder.status = 500
    place = tmp_path / "out"
    place.mkdir()
    (place / "kept.json").write_text("of yesterday")
    for name in ("kept", "new"):
        with pytest.raises(CommandError, match="does not answer"):
            call_command(
                *("benchmark", "--questions", str(questions), "--systems", "rag"),
                *("--json", str(place / f"{name}.json"), "--html", str(place / f"{name}.html")),
            )
    assert [path.name for path in place.iterdir()] == ["kept.json"]
    assert (place / "kept.json").read_text() == "of yesterday"


@pytest.mark.usefixtures("llm")
def test_report_goes_where_a_link_points_to_and_into_a_device(
    questions: Path, tmp_path: Path
) -> None:
    (tmp_path / "newest.json").symlink_to(tmp_path / "today.json")
    os.mkfifo(tmp_path / "pipe")
    read = list[str]()
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    call_command(
        *("benchmark", "--questions", str(questions), "--systems", "rag", "--runs", "1"),
        *("--json", str(tmp_path / "newest.json"), "--html", str(tmp_path / "pipe")),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )
    reader.join(60)
    assert (tmp_path / "newest.json").is_symlink()
    assert "systems" in json.loads((tmp_path / "today.json").read_text())
    assert "<svg" in read[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--systems", "rag,gpt"), "there is no system gpt"),
        (("--systems", ","), "name at least one"),
        (("--systems", "rag", "--runs", "0"), "at least 1"),
        (("--systems", "rag", "--json", "nowhere/report.json"), "There is no folder nowhere"),
        (("--systems", "rag", "--json", "/"), "/ cannot be written: Is a directory"),
        (("--systems", "rag", "--json", "x" * 300), "cannot be written: File name too long"),
        (("--systems", "rag", "--html", "tests"), "tests cannot be written: Is a directory"),
        (("--systems", "rag", "--user", "nobody"), "There is no user 'nobody'"),
    ],
)
def test_wrong_use_is_said_at_once(questions: Path, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("benchmark", "--questions", str(questions), *arguments)


def test_wrong_file_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text('{"id": 1, "query": "Why?"}\n')
    with pytest.raises(CommandError, match='line 1: "answers" is not a list') as wrong:
        run(path)
    assert wrong.value.returncode == 2


# --- The page ----------------------------------------------------------------------------------


def test_page_without_a_benchmark_says_how_to_make_one(people: People) -> None:
    assert "manage.py benchmark --questions" in page(people.engineer)


def test_page_shows_figures_to_everybody_and_answers_to_admins(
    model: str, questions: Path, people: People
) -> None:
    run(questions)
    for user in (people.engineer, people.admin):
        shown = page(user)
        for text in (
            "Benchmark acme",
            "Beside the article",
            "84 %",
            "oracle",
            "By kind of question",
        ):
            assert text in shown, text
    assert KNOWN not in page(people.engineer)
    assert KNOWN in page(people.admin)
    for strange in ("?wrong=%00", "?kind=%00", "?after=%00"):
        page(people.admin, strange)
    wrong = page(people.admin, "?wrong=tuned&kind=changed")
    assert "superseded" in wrong
    assert KNOWN not in wrong


def test_gain_that_is_alike_on_every_question_is_shown_without_an_interval(
    llm: ScriptedLLM, questions: Path, people: People
) -> None:
    llm.will_say("13 times [1]")
    run(questions, systems="rag,hybrid")
    alike = '<td class="number">0</td><td class="number">–</td>'
    assert f'<th scope="row">rag</th>{alike}{alike}' in page(people.engineer)


def test_unknown_benchmark_is_not_there(people: People) -> None:
    client = Client()
    client.force_login(people.admin)
    assert client.get(reverse("benchmark") + "?run=7").status_code == 404
