"""Whatever fails behind an answer ends in an answer from passages, in passages, or in a refusal
with its reason; and it is written down for admins."""

import json
import math
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from ingestion.models import Chunk, Collection
from router import engines, incidents, registry, services, tuned_servers
from router.engines import MAX_TUNED_TOKENS, Breaker
from router.models import Answer, Incident
from router.policy import RouteAsked
from router.processes import Server
from router.text import storable
from router.tuned_servers import TunedServers, _Version
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.scripted_llm import Reply, ScriptedLLM, says

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("home"),
]

QUESTION = "How often does the webhook sender retry?"
DELIVERY = "A failed delivery of the webhook sender is retried 9 times. Then the event is parked."
READER = "docportal-reader"
EMBEDDER = "all-minilm-l6-v2"
NO_ANSWER = "The model server does not answer; here are the passages."
ROOT = Path(__file__).resolve().parents[2]

Kind = Incident.Kind


@pytest.fixture(autouse=True)
def no_failure_before() -> None:
    """A server of another test, or none at all, may have failed a moment ago."""
    engines._breakers.clear()


@pytest.fixture(autouse=True)
def delivery(wiki: Collection) -> Chunk:
    version = publish(
        wiki, "webhook-sender.md", [passage(DELIVERY, "Delivery")], title="Webhook sender"
    )
    return version.chunks.get()


@pytest.fixture
def model(workshop: Workshop, wiki: Collection, llm: ScriptedLLM, delivery: Chunk) -> str:
    """A tuned version that serves and that is asked first."""
    llm.adapters = {}
    candidate = workshop.candidate(
        merged=None, readers={wiki.pk: ()}, coverage={delivery.content_hash: (1, 1.0)}
    )
    candidate.calibration = certified().as_json()
    candidate.save()
    return registry.promote(candidate, by=None).name


def answered(text: str = QUESTION, route: RouteAsked = "auto") -> Answer:
    return Answer.objects.get(pk=services.ask(text, user=None, route=route).pk)


def incident(kind: Kind = Kind.MODEL_SERVER, subject: str = READER) -> Incident:
    return Incident.objects.get(kind=kind, subject=subject)


def open_now(kind: Kind = Kind.MODEL_SERVER) -> list[str]:
    return [one.subject for one in incidents.standing() if one.kind == kind]


def a_chunk(**chunk: object) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()


def counting(tokens: float) -> bytes:
    """The end of an answer, and so many tokens of it."""
    stop = {"index": 0, "delta": {"content": "9 times [1]"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    return a_chunk(choices=[stop]) + a_chunk(choices=[], usage=usage)


END = b"data: [DONE]\n\n"
GARBAGE = {
    "no JSON": b"data: {nonsense\n\n" + END,
    "JSON of another form": b'data: "nine"\n\n' + END,
    "a list": b"data: [1, 2]\n\n" + END,
    "null": b"data: null\n\n" + END,
    "no text": b"data: \xff\xfe\x00\x9f\n\n" + END,
    "binary": bytes(range(256)) * 64,
    "a page": b"<html><body>502 Bad Gateway</body></html>",
    "empty choices": a_chunk(id="1", choices=[]) * 3 + END,
    "choices that are null": a_chunk(id="1", choices=None) + END,
    "choices of another form": a_chunk(id="1", choices=[{"text": "9 times"}]) + END,
    "a delta of another form": a_chunk(id="1", choices=[{"index": 0, "delta": "9"}]) + END,
    "content of another form": a_chunk(
        id="1", choices=[{"index": 0, "delta": {"content": {"a": 1}}, "finish_reason": "stop"}]
    )
    + END,
    "counts of another form": a_chunk(id="1", choices=[], usage="many") + END,
    "counts without end": counting(math.inf) + END,
    "counts that no row takes": counting(2**31) + END,
    "lists in lists": b"data: " + b"[" * 100_000 + b"\n\n" + END,
    "an error in the stream": a_chunk(error={"message": "out of memory"}) + END,
    "an error that no row takes": a_chunk(error="out of \0 \ud83d") + END,
    "nothing": END,
}
FIRST = "9 times. [1] "
BROKEN = {
    **{name: Reply((), raw=raw) for name, raw in GARBAGE.items()},
    "no JSON in mid-answer": Reply((FIRST,), raw=GARBAGE["no JSON"]),
    "binary in mid-answer": Reply((FIRST,), raw=GARBAGE["binary"]),
    "null in mid-answer": Reply((FIRST,), raw=GARBAGE["null"]),
    "empty choices in mid-answer": Reply((FIRST,), raw=GARBAGE["empty choices"]),
    "refuses": Reply((), status=400),
    "fails": Reply((), status=500),
    "overloaded": Reply((), status=503),
    "breaks off": Reply((FIRST, "The"), breaks=True),
    "breaks off at once": Reply((), breaks=True),
    "answers as a tuned model": Reply((FIRST,), model="docs-v0007"),
}


# --- The reader's server -------------------------------------------------------------------------
@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_whatever_the_readers_server_sends_the_passages_are_shown(
    llm: ScriptedLLM, reply: Reply
) -> None:
    llm.will_say(reply)
    answer = answered()
    assert (answer.route, answer.confidence) == ("refused", 0.0)
    assert NO_ANSWER in answer.reason
    assert answer.citations.count() == 1
    assert incident().count == 1
    assert open_now() == [READER]


@pytest.mark.parametrize("end", ["\0", "\ud83d"], ids=["NUL", "half of a character"])
def test_what_no_row_takes_is_left_out_of_the_answer(llm: ScriptedLLM, end: str) -> None:
    llm.will_say(says("9 times", end, "."))
    answer = answered()
    answer.refresh_from_db()
    assert (answer.route, answer.text) == ("rag", storable(f"9 times{end}."))
    assert answer.signals["attempts"][0]["draft"] == answer.text


def test_token_counts_below_zero_are_none(llm: ScriptedLLM) -> None:
    llm.will_say(Reply((), raw=counting(-1) + END))
    answer = answered()
    assert answer.text == "9 times"
    # They are estimated, as where a server tells none.
    assert min(answer.prompt_tokens, answer.completion_tokens) > 0


@pytest.mark.parametrize("pieces", [(), ("",), (" \n",)], ids=["no piece", "an empty one", "blank"])
def test_reader_that_writes_nothing_is_said_to(llm: ScriptedLLM, pieces: tuple[str, ...]) -> None:
    llm.will_say(Reply(pieces))
    answer = answered()
    assert (answer.route, answer.citations.count()) == ("refused", 1)
    assert f"{READER} wrote nothing." in answer.reason
    assert incident().detail == "It wrote nothing."


def test_server_that_hangs_is_given_up_in_time(llm: ScriptedLLM, settings: Settings) -> None:
    settings.LLM_TIMEOUT = 2.0
    llm.will_say(Reply((), hangs=True))
    answer = answered()
    assert NO_ANSWER in answer.reason
    assert answer.total_ms < 25_000
    assert llm.left.wait(10)
    assert open_now() == [READER]


def test_server_that_hangs_in_mid_answer_is_given_up_in_time(
    llm: ScriptedLLM, settings: Settings
) -> None:
    settings.LLM_TIMEOUT = 0.5
    llm.will_say(Reply((FIRST, "The"), release=threading.Event()))
    answer = answered()
    assert (answer.route, answer.citations.count()) == ("refused", 1)
    assert incident().detail == "No whole answer within 0.5 seconds."


def test_absent_server_is_an_incident(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        settings.LLM_URL = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    assert NO_ANSWER in answered().reason
    assert "No answer came through" in incident().detail


def test_server_that_was_never_started_is_an_incident(settings: Settings) -> None:
    assert NO_ANSWER in answered().reason
    assert incident().detail == "No model server runs."


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_unreadable_run_file_is_no_server(settings: Settings, content: str) -> None:
    (Path(settings.RUN_DIR) / "llm.json").write_text(content)
    assert NO_ANSWER in answered().reason


@pytest.mark.parametrize(
    "told", ["", READER, f"{READER}@main", "models/base", "/srv/llama", "llama-2026-08-06"]
)
def test_base_of_a_companys_server_may_bear_another_name(llm: ScriptedLLM, told: str) -> None:
    llm.will_say(Reply(("9 times [1]",), model=told))
    assert answered().text == "9 times"


@pytest.mark.parametrize(
    ("told", "is_asked"),
    [(READER, True), (f"{READER}@main", True), ("another-reader", False), ("docs-v0001", False)],
)
def test_embedded_server_has_to_answer_by_the_very_name(
    llm: ScriptedLLM, settings: Settings, told: str, is_asked: bool
) -> None:
    settings.LLM_URL = ""
    (Path(settings.RUN_DIR) / "llm.json").write_text(json.dumps({"url": llm.url, "pid": 1}))
    llm.will_say(Reply(("9 times [1]",), model=told))
    answer = answered()
    assert answer.refused != is_asked
    assert ("It answers as another model" in str(answer.signals["attempts"])) != is_asked


# --- The tuned model's server --------------------------------------------------------------------
@pytest.mark.parametrize("name", [*BROKEN][-9:])
def test_whatever_the_tuned_models_server_sends_the_passages_are_read(
    model: str, llm: ScriptedLLM, name: str
) -> None:
    llm.will_say(BROKEN[name], "9 times [1]")
    answer = answered()
    assert [one["model"] for one in llm.requests] == [model, READER]
    assert (answer.route, answer.text, answer.model) == ("rag", "9 times", READER)
    assert "Checked: it stands in passage 1." in answer.reason
    assert open_now() == [model]


def test_answer_that_broke_off_is_not_judged(model: str, llm: ScriptedLLM) -> None:
    """Though a sentence of it stands in no passage."""
    llm.will_say(Reply(("13 times. ", "The"), breaks=True), "9 times [1]")
    answer = answered()
    assert answer.route == "rag"
    assert answer.signals["attempts"][0]["problem"] == NO_ANSWER


@pytest.mark.parametrize("told", [READER, "docs-v00010", "/srv/models/base"])
def test_tuned_model_has_to_answer_by_its_very_name(
    model: str, llm: ScriptedLLM, told: str
) -> None:
    llm.will_say(Reply(("9 times",), model=told))
    answer = answered(route="tuned")
    assert (answer.route, answer.citations.count()) == ("refused", 1)
    assert incident(subject=model).detail == f"It answers as another model: {told}."
    assert llm.requests[0]["max_completion_tokens"] == MAX_TUNED_TOKENS


def test_revision_behind_the_name_is_the_same_model(model: str, llm: ScriptedLLM) -> None:
    llm.will_say(Reply(("9 times",), model=f"{model}@main"))
    assert (answered().route, open_now()) == ("tuned", [])


def test_adapter_that_the_server_lost_and_whose_files_are_gone_leaves_the_passages(
    model: str, llm: ScriptedLLM, settings: Settings
) -> None:
    llm.adapters = {}
    adapter = Path(settings.TUNED_DIR) / "adapters" / model
    adapter.rename(adapter.with_name("elsewhere"))
    llm.will_say("9 times [1]")
    assert (answered().route, open_now()) == ("rag", [model])
    assert "No adapter found" in incident(subject=model).detail


def test_base_that_is_gone_ends_no_answer(model: str, llm: ScriptedLLM, workshop: Workshop) -> None:
    workshop.base.rename(workshop.base.with_name("elsewhere"))
    llm.will_say("9 times")
    assert (answered().route, answered().model) == ("tuned", model)


def test_version_whose_files_are_gone_is_not_started_and_the_rest_answers(
    workshop: Workshop, wiki: Collection, home: Path, llm: ScriptedLLM, settings: Settings
) -> None:
    llm_url, settings.LLM_URL = settings.LLM_URL, ""
    candidate = workshop.candidate(readers={wiki.pk: ()})
    name = registry.promote(candidate, by=None).name
    (Path(settings.TUNED_DIR) / name).rename(home / "elsewhere")
    servers = TunedServers(home / "logs", grace=0.5)
    try:
        servers.look([name])
    finally:
        servers.stop()
    assert open_now(Kind.TUNED_FILES) == [name]
    assert f"{name}/config.json" in incident(Kind.TUNED_FILES, name).detail
    (Path(settings.RUN_DIR) / "llm.json").write_text(json.dumps({"url": llm_url, "pid": 1}))
    llm.will_say("9 times [1]")
    answer = answered()
    assert (answer.route, answer.text) == ("rag", "9 times")
    assert f"{name} is still being loaded." in answer.reason


def test_version_that_does_not_start_is_an_incident_until_it_does(
    workshop: Workshop, wiki: Collection, home: Path
) -> None:
    name = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None).name
    incidents.report_start(name, "OSError: no tokenizer")
    assert open_now(Kind.TUNED_SERVER) == [name]
    assert incident(Kind.TUNED_SERVER, name).detail == "OSError: no tokenizer"
    incidents.settle(Kind.TUNED_SERVER, name)
    assert open_now(Kind.TUNED_SERVER) == []


@pytest.fixture
def servers(home: Path) -> Iterator[TunedServers]:
    keeper = TunedServers(home / "logs", grace=0.5)
    yield keeper
    keeper.stop()


def comes_up(servers: TunedServers, name: str, seconds: float) -> "subprocess.Popen[bytes]":
    """A process that takes the place of a version's server and lives so long."""
    process = subprocess.Popen(["sleep", str(seconds)])
    if not seconds:
        process.wait()
    version = servers._versions.setdefault(name, _Version(name, due=time.monotonic()))
    version.ready = Future()
    version.ready.set_result(Server(f"tuned/{name}", process, "http://127.0.0.1:9/v1"))
    return process


def is_put_off(servers: TunedServers, name: str, pause: float) -> bool:
    """Whether the look that is made now has it started so many seconds later."""
    before = time.monotonic()
    servers.look(list(servers._versions))
    return before <= servers._versions[name].due - pause <= time.monotonic()


def test_server_that_ends_soon_is_started_after_pauses_that_grow(
    workshop: Workshop, wiki: Collection, servers: TunedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None).name
    for pause in (1, 2, 4):
        comes_up(servers, name, 0)
        assert is_put_off(servers, name, pause)
    process = comes_up(servers, name, 600)
    servers.look([name])
    assert serving_file(name).exists()
    assert (incident(Kind.TUNED_SERVER, name).count, open_now(Kind.TUNED_SERVER)) == (3, [name])
    monkeypatch.setattr(tuned_servers, "LASTING_SECONDS", 0.0)
    servers.look([name])
    assert open_now(Kind.TUNED_SERVER) == []
    process.kill()
    process.wait()
    assert is_put_off(servers, name, 1)


def test_what_cannot_be_written_for_one_version_ends_no_other(
    workshop: Workshop, wiki: Collection, servers: TunedServers
) -> None:
    first = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None).name
    name = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None).name
    serving_file(name).mkdir(parents=True)
    processes = [comes_up(servers, one, 600) for one in (name, first)]
    assert is_put_off(servers, name, 1)
    assert [process.poll() is None for process in processes] == [False, True]
    assert serving_file(first).exists()
    assert "Is a directory" in incident(Kind.TUNED_SERVER, name).detail
    serving_file(name).rmdir()
    comes_up(servers, name, 600)
    servers.look([name, first])
    assert serving_file(name).exists()


def test_log_that_cannot_be_written_is_told(
    workshop: Workshop, wiki: Collection, servers: TunedServers, home: Path
) -> None:
    name = registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None).name
    (home / "logs").write_text("no folder")
    servers.look([name])
    assert "Not a directory" in incident(Kind.TUNED_SERVER, name).detail


@pytest.mark.django_db(transaction=True)
def test_servers_stay_while_the_database_fails_in_whatever_way() -> None:
    connection.ensure_connection()
    connection.connection.close()
    assert tuned_servers._wanted(otherwise=["docs-v0001"]) == ["docs-v0001"]


def serving_file(name: str) -> Path:
    return Path(django_settings.RUN_DIR) / "tuned" / f"{name}.json"


# --- The breaker and the clock -------------------------------------------------------------------
def test_reader_that_is_left_early_is_taken_for_well(llm: ScriptedLLM) -> None:
    """The rest of an answer is not awaited where a sentence stands nowhere."""
    breaker = engines._breakers.setdefault((llm.url, READER), Breaker(seconds=3600))
    breaker._closed_until = 0.0  # It failed, and the pause is over.
    llm.will_say(says("40 days. ", "9 times."))
    for _ in range(2):
        assert "“40 days” stands in none" in answered().reason


@pytest.mark.parametrize(
    "module",
    [
        *("engines", "incidents", "llm", "processes", "services", "serving", "tuned_servers"),
        *("vllm", "writing"),
    ],
)
def test_no_limit_of_time_is_measured_by_a_clock_that_jumps(module: str) -> None:
    source = (ROOT / "router" / f"{module}.py").read_text()
    for clock in ("time.time(", "datetime.now(", "date.today("):
        assert clock not in source
    if module != "incidents":
        assert "timezone.now(" not in source
