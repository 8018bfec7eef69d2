"""The commands `search` and `ask`: their JSON, their batches, their rights, their exit codes."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from ingestion import services
from ingestion.models import Collection
from router import registry
from router.prompts import REFUSAL
from tests.documents import passage, publish, upload
from tests.model_files import Workshop
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

RETRIES = "The webhook sender retries 9 times."
QUESTION = "How often does the webhook sender retry?"


@pytest.fixture(autouse=True)
def documents(settings: Settings, wiki: Collection, vault: Collection) -> None:
    settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
    publish(wiki, "sender.md", [passage(RETRIES, "Delivery")], title="Webhook sender")
    publish(
        wiki, "relay.md", [passage("The mail relay sends 40 mails.", "Limits")], title="Mail relay"
    )
    publish(
        vault, "key.md", [passage("The master key lies in room 77.", "Place")], title="Master key"
    )


def run(command: str, *arguments: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command(command, *arguments, "--json", stdout=out, stderr=io.StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def batch(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_search_prints_passages_with_their_source() -> None:
    (result,) = run("search", "webhook sender", "--limit", "1")
    (hit,) = result["hits"]
    assert hit == hit | {
        "path": "sender.md",
        "version": 1,
        "heading": "Delivery",
        "page": None,
        "text": RETRIES,
    }
    assert 0 < hit["score"] <= 1
    assert result["ms"] > 0


def test_search_keeps_to_a_collection_and_to_the_readers_rights(people: People) -> None:
    assert run("search", "master key")[0]["hits"] == []
    assert run("search", "master key", "--user", "admin")[0]["hits"] == []
    hits = run("search", "master key", "--user", "reader")[0]["hits"]
    assert [hit["path"] for hit in hits] == ["key.md"]
    arguments = ("--user", "reader", "--collection", "wiki")
    assert all(hit["path"] != "key.md" for hit in run("search", "key", *arguments)[0]["hits"])


@pytest.mark.parametrize("command", ["search", "ask"])
def test_nobody_reads_by_a_closed_account(people: People, command: str) -> None:
    call_command("closeuser", "reader", stdout=io.StringIO())
    with pytest.raises(CommandError, match="The account 'reader' is closed") as raised:
        run(command, "master key", "--user", "reader")
    assert raised.value.returncode == 2


def test_ask_prints_the_answer_with_its_source_first(llm: ScriptedLLM) -> None:
    llm.will_say("9 times [1]")
    (result,) = run("ask", QUESTION)
    assert result == result | {
        "query": QUESTION,
        "answer": "9 times",
        "route": "rag",
        "refused": False,
        "model": "docportal-reader",
        "tokens": {"prompt": 100, "completion": 7},
    }
    assert result["citations"][0]["path"] == "sender.md"
    assert result["citations"][0]["supports"]
    assert set(result["ms"]) == {"retrieve", "generate", "verify", "total"}
    assert 0 <= result["confidence"] <= 1


@pytest.mark.parametrize("command", ["search", "ask"])
def test_line_that_no_output_takes_fails_alone(
    command: str, tmp_path: Path, llm: ScriptedLLM
) -> None:
    half = r'{"id": "\ud83d", "query": "webhook \ud83d"}'
    lines = (half, "[" * 100_000, '{"id": 3, "query": "webhook sender"}')
    results = run(command, "--batch", batch(tmp_path, *lines))
    assert [result.get("line") for result in results] == [1, 2, None]
    assert [result["id"] for result in results] == [None, None, 3]
    assert json.dumps(results, ensure_ascii=False).encode()


def test_refusal_is_a_success(llm: ScriptedLLM) -> None:
    llm.will_say("13 times")
    (result,) = run("ask", QUESTION)
    assert (result["route"], result["refused"], result["answer"]) == ("refused", True, REFUSAL)
    assert result["citations"]


def test_ask_goes_on_when_the_model_fails(llm: ScriptedLLM) -> None:
    llm.will_say(Reply((), status=500))
    (result,) = run("ask", QUESTION)
    assert result["refused"]
    assert result["citations"][0]["path"] == "sender.md"


@pytest.mark.parametrize("route", ["auto", "rag"])
def test_asker_without_a_passage_hears_of_documents_that_are_still_being_read(
    route: str, llm: ScriptedLLM, people: People, wiki: Collection, vault: Collection
) -> None:
    asked = ("ask", "What does the ferry cost?", "--route", route)
    assert run(*asked)[0]["reason"].startswith("No passage that you may read matches the question.")
    upload(wiki, "ferry.md", "# The ferry")
    upload(wiki, "sender.md", "# Webhook sender")
    upload(vault, "vessel.md", "# The vessel")
    services.archive_document(document=upload(wiki, "old.md", "# Old").document, actor=None)
    for user, being_read in ((), 2), (("--user", "admin"), 2), (("--user", "reader"), 3):
        (result,) = run(*asked, *user)
        assert result["refused"]
        assert f" {being_read} documents are still being read" in result["reason"]
    llm.will_say("13 times")
    assert "being read" not in run("ask", QUESTION)[0]["reason"]


def test_batch_of_questions_keeps_order_and_ids_past_bad_lines(
    llm: ScriptedLLM, tmp_path: Path
) -> None:
    llm.will_say("9 times")
    lines = [
        json.dumps({"id": "a", "query": QUESTION}),
        "{broken",
        json.dumps({"id": 3, "query": ""}),
        "",
        json.dumps({"id": "d"}),
        json.dumps(["e"]),
        *(json.dumps({"id": f"n{n}", "query": QUESTION}) for n in range(6)),
    ]
    results = run("ask", "--batch", batch(tmp_path, *lines))
    ids = [result["id"] for result in results]
    assert ids == ["a", None, 3, "d", None, *(f"n{n}" for n in range(6))]
    failed = [result["line"] for result in results if "error" in result]
    assert failed == [2, 3, 5, 6]
    assert {r["answer"] for r in results if "error" not in r} == {"9 times"}


def test_batch_of_searches_has_a_result_for_each_line(tmp_path: Path) -> None:
    path = batch(tmp_path, '{"id": 1, "query": "mail relay"}', "?", '{"id": 2, "query": ""}')
    first, bad, empty = run("search", "--batch", path)
    assert (first["id"], first["hits"][0]["path"]) == (1, "relay.md")
    assert (bad["id"], bad["line"]) == (None, 2)
    assert (empty["id"], empty["hits"]) == (2, [])


@pytest.mark.parametrize("command", ["ask", "search"])
def test_work_that_failed_whole_exits_with_1(
    command: str, tmp_path: Path, llm: ScriptedLLM
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(command, "--batch", batch(tmp_path, "?"))
    assert ended.value.code == 1


def test_question_that_is_too_long_is_a_json_error_that_says_what_to_do(llm: ScriptedLLM) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("ask", "why " * 10_000, "--json", stdout=out)
    assert ended.value.code == 1
    assert "Ask for one thing" in json.loads(out.getvalue())["error"]


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["why?", "--user", "nobody"],
        ["--batch", "/no/such/file.jsonl"],
        ["why?", "--batch", "x.jsonl"],
        [],
    ],
    ids=["unknown user", "no file", "two sources", "no source"],
)
def test_wrong_use_is_told(command: str, arguments: list[str], llm: ScriptedLLM) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(command, *arguments)
    assert caught.value.returncode == 2 or "argument" in str(caught.value)


def test_limit_that_is_more_than_is_ever_found_is_told() -> None:
    for limit, is_told in (("100", False), ("101", True)):
        told = io.StringIO()
        call_command("search", "key", "--limit", limit, stdout=io.StringIO(), stderr=told)
        assert ("At most 100 passages" in told.getvalue()) is is_told


@pytest.mark.parametrize(
    "arguments",
    [["ask", "why?", "--route", "rag"], ["search", "key"], ["models", "--json"], ["audit"]],
)
def test_home_that_is_not_migrated_says_what_to_do(arguments: list[str], llm: ScriptedLLM) -> None:
    MigrationRecorder(connection).record_unapplied("ingestion", "0001_initial")
    with pytest.raises(CommandError, match="migrate") as caught:
        call_command(*arguments)
    assert caught.value.returncode == 1


@pytest.mark.parametrize("arguments", [["--collection", "vault"], ["--limit", "0"]])
def test_search_in_what_one_may_not_see_is_wrong_use(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("search", "key", *arguments)
    assert caught.value.returncode == 2


def test_people_get_text_without_json(llm: ScriptedLLM) -> None:
    llm.will_say("9 times")
    out = io.StringIO()
    call_command("ask", QUESTION, stdout=out)
    assert out.getvalue().startswith("9 times\n")
    assert "● [1] sender.md v1 › Delivery" in out.getvalue()
    out = io.StringIO()
    call_command("search", "mail relay", stdout=out, stderr=io.StringIO())
    assert "relay.md v1" in out.getvalue()


@pytest.mark.models
def test_real_servers_answer_from_the_passages_or_refuse(
    settings: Settings, embedding_server: str, llm_server: str
) -> None:
    settings.EMBEDDINGS_URL, settings.LLM_URL = embedding_server, llm_server
    (result,) = run("ask", QUESTION)
    assert result["model"] == settings.LLM_MODEL
    assert result["tokens"]["prompt"] > 50
    assert result["tokens"]["completion"] > 0
    assert result["citations"][0]["path"] == "sender.md"
    assert result["answer"] == REFUSAL or result["citations"][0]["supports"]


@pytest.mark.models
def test_reader_answers_beside_a_tuned_model_that_cannot_be_started(
    settings: Settings, workshop: Workshop, wiki: Collection
) -> None:
    model = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None)
    shutil.rmtree(settings.TUNED_DIR / model.name)
    (result,) = run("ask", QUESTION)
    assert result["model"] == settings.LLM_MODEL
    assert result["tokens"]["prompt"] > 50
