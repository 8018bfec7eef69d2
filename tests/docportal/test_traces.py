"""Traces as a collector gets them, from the processes themselves."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings

from docportal.management.commands.up import services as processes
from docportal.models import User
from ingestion.models import Collection, DocumentVersion
from router import registry, retrieval
from router.models import Answer, ModelVersion
from tests.collector import Collector, collecting
from tests.docportal.api.callers import secret_of
from tests.docportal.api.live import ROOT, database_url, web_process
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.people import People
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import Reply, ScriptedLLM
from tests.training.datasets.pairs import NAMES, teach
from training.models import TrainingRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

QUESTION = "How many zebras does the aviary lodge?"
SAID = "The aviary lodges 17 zebras."
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
# Of the question, the answer, the document, the collection and the people.
WORDS = (b"zebra", b"aviary", b"lodge", b"savanna", b"keeper", b"engineer", b"writer", b"wiki")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Where the processes that a test starts send their spans. No word ever comes there."""
    with collecting() as collector:
        send_to(collector, monkeypatch)
        yield collector
    assert collector.raw
    assert [word for word in WORDS if word in collector.raw.lower()] == []


def send_to(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    # By which the processes know a session of the test.
    monkeypatch.setenv("SECRET_KEY", django_settings.SECRET_KEY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")


@pytest.fixture
def zoo(home: Path, wiki: Collection, settings: Settings, llm: ScriptedLLM) -> Iterator[Collection]:
    """It holds the answer, and the reader gives it."""
    llm.will_say(f"{SAID} [1]")
    with hashed_words() as embeddings:
        settings.EMBEDDINGS_URL = embeddings.url
        retrieval.index_version(
            publish(wiki, "savanna.md", [passage(SAID, "Keepers")], title="Savanna")
        )
        yield wiki


def bearing(user: User) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {secret_of(user)}",
        "Accept": "application/json, text/event-stream",
    }


@contextmanager
def logged_in(url: str, user: User) -> Iterator[httpx.Client]:
    """A browser without JavaScript."""
    session = Client()
    session.force_login(user)
    with httpx.Client(base_url=url, timeout=170, follow_redirects=True) as browser:
        browser.cookies.set("sessionid", session.cookies["sessionid"].value)
        browser.get("/")
        yield browser


def submit(browser: httpx.Client, path: str, files: Any = None, **values: str) -> httpx.Response:
    values["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
    return browser.post(path, data=values, files=files, headers={"Referer": str(browser.base_url)})


# --- A question ---------------------------------------------------------------------------------
def test_question_is_one_trace_which_goes_on_from_the_caller_to_the_model_server(
    home: Path, people: People, zoo: Collection, llm: ScriptedLLM, collector: Collector
) -> None:
    headers = bearing(people.engineer) | {"Accept": "application/json", "traceparent": CALLER}
    with web_process(home) as url:
        asked = {"question": QUESTION}
        told = httpx.post(f"{url}/api/v1/ask", json=asked, headers=headers, timeout=170).json()
    tree = collector.trace_with("question", "verify", "quote")
    assert told["answer"] == SAID
    assert f"00-{tree.root.parent.replace('/', '-')}-01" == CALLER
    request, question, generate = tree.root, tree.one("question"), tree.one("generate")
    assert (request.name, request.service) == ("POST api:ask", "docportal")
    assert request.attributes["http.response.status_code"] == 200
    assert tree.below(request) == ["question"]
    # What is quoted if the reader finds nothing is looked for while it reads.
    assert sorted(tree.below(question)) == ["generate", "quote", "retrieve", "route", "verify"]
    found = tree.below(tree.one("retrieve"))
    assert found == ["embed", "index", "words", "vectors", "join"]
    assert llm.parents == [f"00-{generate.trace}-{generate.id}-01"]
    assert tree.one("retrieve").attributes | {"revision": 1} == {
        "hits": 1, "degraded": False, "behind": False, "revision": 1,
    }  # fmt: skip
    assert tree.one("route").attributes == {"engine": "rag", "rule": "no-model", "model": ""}
    assert generate.attributes == {
        "engine": "rag", "model": "docportal-reader", "alone": 0,
        "prompt_tokens": 100, "completion_tokens": 7,
    }  # fmt: skip
    assert tree.one("verify").attributes == {"supported": True}
    answer = Answer.objects.get()
    figures = question.attributes
    assert figures["query"] == str(answer.query_id) == told["id"]
    assert (figures["route"], figures["model"], figures["verified"]) == ("rag", answer.model, True)
    assert (figures["prompt_tokens"], figures["completion_tokens"]) == (100, 7)
    assert figures["generate_ms"] == pytest.approx(told["ms"]["generate"], abs=0.1)
    assert not any(span.failed for span in tree.spans)
    assert all(request.start <= span.start <= span.end <= request.end for span in tree.spans)


Ask = Callable[[str, People], None]


def by_form(url: str, people: People) -> None:
    with logged_in(url, people.engineer) as browser:
        assert SAID in submit(browser, "/ask/", q=QUESTION).text


def by_page(url: str, people: People) -> None:
    with logged_in(url, people.engineer) as browser:
        browser.headers["HX-Request"] = "true"
        page = submit(browser, "/ask/", q=QUESTION)
        question = page.headers["HX-Push-Url"]
        assert SAID in browser.get(f"{question}stream/").text


def by_rest_stream(url: str, people: People) -> None:
    asked, headers = {"question": QUESTION}, bearing(people.engineer)
    answer = httpx.post(f"{url}/api/v1/ask", json=asked, headers=headers, timeout=170)
    assert "event: answer" in answer.text


def by_chat(url: str, people: People, **more: Any) -> None:
    asked = {"model": "docportal", "messages": [{"role": "user", "content": QUESTION}], **more}
    headers = bearing(people.engineer)
    answer = httpx.post(f"{url}/v1/chat/completions", json=asked, headers=headers, timeout=170)
    assert "17" in answer.text


def by_chat_stream(url: str, people: People) -> None:
    by_chat(url, people, stream=True)


def by_agent(url: str, people: People) -> None:
    tool = {"name": "ask", "arguments": {"question": QUESTION}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": tool}
    answer = httpx.post(f"{url}/mcp", json=call, headers=bearing(people.engineer), timeout=170)
    assert SAID in answer.text


def test_question_is_one_trace_by_whichever_door(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    doors: list[Ask] = [by_form, by_page, by_rest_stream, by_chat, by_chat_stream, by_agent]
    with web_process(home) as url:
        for ask in doors:
            ask(url, people)
    trees = collector.traces_with("question", count=len(doors))
    assert len(trees) == len(doors)
    for tree in trees:
        question = tree.one("question")
        assert tree.below(tree.root) == ["question"]
        assert sorted(tree.below(question)) == ["generate", "quote", "retrieve", "route", "verify"]
        assert tree.root.end >= question.end
        assert question.attributes["route"] == "rag"


def test_question_of_the_command_is_a_trace(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    done = command(home, "ask", QUESTION, "--user", "engineer", "--json")
    assert json.loads(done.stdout)["answer"] == SAID
    tree = collector.trace_with("question")
    assert tree.root.name == "question"
    assert sorted(tree.below(tree.root)) == ["generate", "quote", "retrieve", "route", "verify"]


def command(home: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | variables(home),
        capture_output=True,
        text=True,
        check=True,
        **more,
    )


def variables(home: Path) -> dict[str, str]:
    return {
        "DOCPORTAL_HOME": str(home),
        "DATABASE_URL": database_url(),
        "LLM_URL": django_settings.LLM_URL,
        "EMBEDDINGS_URL": django_settings.EMBEDDINGS_URL,
    }


def test_second_engine_is_a_fallback(
    home: Path, zoo: Collection, workshop: Workshop, llm: ScriptedLLM, collector: Collector
) -> None:
    taught = passage(SAID, "Keepers").content_hash
    llm.adapters = {}
    candidate = workshop.candidate(merged=None, readers={zoo.pk: ()}, coverage={taught: (12, 1.0)})
    calibration = certified().as_json()
    ModelVersion.objects.filter(pk=candidate.pk).update(calibration=calibration)
    model = registry.promote(candidate, by=None).name
    llm.will_say("14 zebras.", SAID)
    command(home, "ask", QUESTION)
    tree = collector.trace_with("question")
    assert tree.one("route").attributes == {"engine": "tuned", "rule": "taught", "model": model}
    below = tree.below(tree.root)
    assert below == ["retrieve", "route", "generate", "verify", "fallback"]
    assert sorted(tree.below(tree.one("fallback"))) == ["generate", "quote", "verify"]
    first, second = sorted(tree.named("generate"), key=lambda span: span.start)
    assert (first.attributes["engine"], first.attributes["model"]) == ("tuned", model)
    assert second.attributes["engine"] == "rag"
    refuted, borne_out = sorted(tree.named("verify"), key=lambda span: span.start)
    assert (refuted.attributes["supported"], borne_out.attributes["supported"]) == (False, True)


GARBAGE = Reply((), raw=b"data: zebra\n\n")


@pytest.mark.parametrize(
    "reply", [Reply((SAID,), status=500), Reply((SAID,), breaks=True), GARBAGE],
    ids=["down", "breaks off", "garbage"],
)  # fmt: skip
def test_server_that_fails_is_told_without_its_words(
    reply: Reply, home: Path, zoo: Collection, llm: ScriptedLLM, collector: Collector
) -> None:
    llm.will_say(reply)
    command(home, "ask", QUESTION)
    tree = collector.trace_with("question")
    assert tree.one("generate").failed
    assert tree.one("generate").attributes["error.type"] == "ModelUnavailable"
    assert not tree.one("question").failed
    assert tree.one("question").attributes["route"] == "refused"


def test_asker_who_leaves_ends_the_trace(
    home: Path, people: People, zoo: Collection, llm: ScriptedLLM, collector: Collector
) -> None:
    llm.will_say(Reply((), hangs=True))
    asked, headers = {"question": QUESTION}, bearing(people.engineer)
    with (
        web_process(home) as url,
        httpx.stream("POST", f"{url}/api/v1/ask", json=asked, headers=headers, timeout=170),
    ):
        assert llm.asked.acquire(timeout=170)
    tree = collector.trace_with("question", "generate")
    assert tree.below(tree.root) == ["question"]
    assert "route" not in tree.one("question").attributes
    assert not tree.one("question").failed


def test_checks_of_the_process_are_not_told(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    with web_process(home) as url:
        for path in ("/healthz", "/readyz", "/metrics", "/static/docportal.css"):
            assert httpx.get(url + path, timeout=170).status_code == 200, path
        httpx.get(f"{url}/accounts/login/", params={"next": f"/?q={QUESTION}"}, timeout=170)
    spans = collector.wait(lambda spans: spans)
    assert [span.name for span in spans] == ["GET account_login"]
    assert set(spans[0].attributes) == {"http.request.method", "http.response.status_code", "view"}


def test_malformed_parent_is_no_parent(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    malformed = ["", "00-zebra", f"{CALLER}-", CALLER.replace("0af", "xyz")]
    with web_process(home) as url:
        for given in malformed:
            httpx.get(f"{url}/accounts/login/", headers={"traceparent": given}, timeout=170)
    spans = collector.wait(lambda spans: len(spans) == len(malformed))
    assert [span.parent for span in spans] == [""] * len(malformed)


def test_caller_decides_whether_its_trace_is_kept(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    unsampled = {"traceparent": CALLER.removesuffix("01") + "00"}
    with web_process(home) as url:
        httpx.get(f"{url}/accounts/login/", headers=unsampled, timeout=170)
        httpx.get(f"{url}/accounts/login/", timeout=170)
    (span,) = collector.wait(lambda spans: spans)
    assert span.parent == ""


# --- A job --------------------------------------------------------------------------------------
@contextmanager
def worker(home: Path, queue: str) -> Iterator[None]:
    """As `up` starts it."""
    (service,) = (one for one in processes("127.0.0.1", 0) if one.name == queue)
    running = subprocess.Popen(list(service.command), cwd=ROOT, env=os.environ | variables(home))
    try:
        yield
    finally:
        running.terminate()
        running.wait(60)


def test_job_is_a_trace_linked_with_the_upload_that_asked_for_it(
    home: Path, people: People, zoo: Collection, collector: Collector
) -> None:
    note = {"uploads": ("aviary.md", f"# Aviary\n\n{SAID}\n".encode())}
    with web_process(home) as url, worker(home, "worker"):
        with logged_in(url, people.writer) as browser:
            page = submit(browser, "/docs/upload/", files=note, collection=zoo.slug)
            assert page.status_code == 200, page.text
        collector.wait(lambda spans: [one for one in spans if one.name == "document"])
    tree = collector.trace_with("document", "publish")
    version = DocumentVersion.objects.get(document__path="aviary.md")
    assert version.is_served
    document = tree.root
    assert (document.name, document.parent) == ("document", "")
    assert document.attributes == {"version": version.pk}
    assert tree.below(document) == ["parse", "chunk", "embed", "publish"]
    assert tree.one("parse").attributes == {"media_type": "text/markdown", "bytes": version.size}
    assert tree.one("chunk").attributes == {"passages": version.chunk_count}
    (upload,) = (one for one in collector.spans if one.name == "POST upload")
    assert document.links == [upload.ref]


def test_file_that_cannot_be_read_is_told_by_the_id_of_its_reason(
    home: Path, people: People, zoo: Collection, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "zebra.md").write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        command(home, "ingest", str(tmp_path / "zebra.md"), "--collection", "wiki")
    tree = collector.trace_with("document")
    assert tree.root.attributes["failure"] == "empty"
    assert not tree.root.failed
    assert tree.root.links == []


def test_run_that_cannot_begin_is_a_trace(
    home: Path, zoo: Collection, collector: Collector
) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        command(home, "train", "--collection", "wiki")
    tree = collector.trace_with("run")
    assert tree.below(tree.root) == ["prepare"]
    assert tree.root.attributes["run"] == TrainingRun.objects.get().pk
    assert not tree.one("prepare").failed


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(900)
def test_run_is_a_trace(
    home: Path,
    tmp_path: Path,
    zoo: Collection,
    tiny_llama: Path,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    teach(zoo, *NAMES)
    models, embedder = tmp_path / "models", django_settings.EMBEDDINGS_MODEL
    models.mkdir()
    (models / tiny_llama.name).symlink_to(tiny_llama)
    (models / embedder).symlink_to(Path(django_settings.MODELS_DIR) / embedder)
    monkeypatch.setenv("MODELS_DIR", str(models))
    monkeypatch.setenv("BASE_MODEL", tiny_llama.name)
    monkeypatch.setenv("EVALUATION_RAG_QUESTIONS", "2")
    monkeypatch.setenv("GATE_EXACT_MATCH", "1")
    with pytest.raises(subprocess.CalledProcessError):
        command(home, "train", "--collection", "wiki", "--max-minutes", "5")
    tree = collector.trace_with("run")
    assert tree.below(tree.root) == ["prepare", "train", "evaluate"]
    evaluated = tree.below(tree.one("evaluate"))
    assert evaluated[-1] == "gate"
    assert evaluated.count("question") == 2
    assert tree.one("gate").attributes["passed"] is False
    assert tree.root.attributes["run"] == TrainingRun.objects.get().pk


# --- The collector ------------------------------------------------------------------------------
@pytest.mark.slow
def test_nothing_waits_for_a_collector_that_hangs(
    home: Path, people: People, zoo: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only so many spans are kept for it."""
    asked, headers = {"question": QUESTION}, bearing(people.engineer)
    with collecting(hangs=True) as collector:
        send_to(collector, monkeypatch)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")
        monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
        with web_process(home) as url:
            httpx.get(f"{url}/accounts/login/", timeout=170)
            collector.wait(lambda spans: spans)
            for _ in range(3):
                httpx.post(f"{url}/api/v1/ask", json=asked, headers=headers, timeout=170)
            assert not collector.left.is_set()
        # The process ended, which `web_process` waits for, although nobody took the rest.
        assert collector.left.wait(60)
        command(home, "ask", QUESTION, timeout=170)
    assert Answer.objects.filter(route="rag").count() == 4


def test_nothing_waits_for_a_collector_that_is_not_there(
    home: Path, zoo: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    done = command(home, "ask", QUESTION, "--json", timeout=170)
    assert json.loads(done.stdout)["answer"] == SAID
    assert "zebra" not in done.stderr


# --- The logs -----------------------------------------------------------------------------------
LOGGED = """
import django, logging
django.setup()
from ingestion import tracing
logging.getLogger("place").warning("before")
with tracing.span("outer"):
    logging.getLogger("place").warning("within %s", tracing.traceparent())
"""


@pytest.mark.parametrize("end", ["", "/"])
def test_collector_may_be_named_by_a_file(
    home: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    named = home / "collector"
    named.write_text(f"{collector.url}{end}\n")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT_FILE", str(named))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "docportal.settings")
    subprocess.run([sys.executable, "-c", LOGGED], check=True)
    assert [span.name for span in collector.wait(lambda spans: spans)] == ["outer"]


@pytest.mark.parametrize("on", [True, False])
def test_line_of_a_log_bears_the_id_of_its_trace(*, on: bool, home: Path) -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "docportal.settings", "LOG_FORMAT": "json"}
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"} if on else {}
    ended = subprocess.run(
        [sys.executable, "-c", LOGGED],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    before, within = (line for line in lines if line["logger"] == "place")
    assert "trace_id" not in before
    parent = within["message"].partition(" ")[2]
    assert within.get("trace_id", "") == parent[3:35]
    assert len(parent) == (55 if on else 0)
