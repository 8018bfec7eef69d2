"""`/metrics`: what is counted, for whom, what is never in it; and the dashboard that shows it."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from docportal import metrics
from docportal.models import IntegrityCheck, Worker
from ingestion import services
from ingestion.models import Collection
from router import incidents, retrieval
from router.models import Answer, Feedback, Incident, Query
from tests.documents import fail, passage, publish, upload
from tests.pairs import a_model
from tests.people import People
from training import runs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

NOBODY_LISTENS = "http://127.0.0.1:9/v1"
DASHBOARD = Path(__file__).resolve().parents[2] / "docs" / "grafana.json"


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraper:
    """Asks one process that has just started."""

    def __init__(self) -> None:
        self.registry = metrics.new_registry()

    def text(self) -> str:
        return metrics.exposition(self.registry).decode()

    def samples(self) -> Samples:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples()[name, frozenset(labels.items())]


@pytest.fixture
def value() -> Scraper:
    return Scraper()


def an_answer(route: str, model: str = "", **values: float) -> Answer:
    times = {"retrieve_ms": 20, "generate_ms": 400, "verify_ms": 3, "total_ms": 423}
    given = {"confidence": 0.8, "prompt_tokens": 100, "completion_tokens": 10, **times, **values}
    answer = Answer.objects.create(
        query=Query.objects.create(text="Where is the zebra?"), route=route, model=model, **given
    )
    settle()
    return answer


def settle() -> None:
    """Let the answers be older than those that are being stored."""
    Answer.objects.update(answered_at=timezone.now() - timedelta(minutes=1))


# --- For whom -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "token", "headers", "status"),
    [
        ("127.0.0.1", "", {}, 200),
        ("::1", "", {}, 200),
        ("10.0.0.7", "", {}, 403),
        ("", "", {}, 403),
        # Behind a proxy on this machine everybody comes from here.
        ("127.0.0.1", "", {"X-Forwarded-For": "10.0.0.7"}, 403),
        ("127.0.0.1", "", {"X-Real-IP": "127.0.0.1"}, 403),
        ("127.0.0.1", "", {"X-Forwarded-Proto": "https"}, 403),
        ("10.0.0.7", "s3cret", {"Authorization": "Bearer s3cret"}, 200),
        ("10.0.0.7", "s3cret", {"Authorization": "bearer s3cret"}, 200),
        ("10.0.0.7", "s3cret", {"Authorization": "Bearer s3cre"}, 403),
        ("10.0.0.7", "s3cret", {"Authorization": "Basic s3cret"}, 403),
        ("10.0.0.7", "s3cret", {"Authorization": "Bearer żółć"}, 403),
        ("10.0.0.7", "", {"Authorization": "Bearer "}, 403),
    ],
)
def test_only_this_machine_and_the_token_are_let_in(
    address: str, token: str, headers: Mapping[str, str], status: int, settings: Settings
) -> None:
    settings.METRICS_TOKEN = token
    response = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert response.status_code == status
    assert (b"docportal_questions_total" in response.content) == (status == 200)


def test_it_is_given_without_tls_as_a_machine_asks_itself(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/metrics").status_code == 200
    assert Client().get("/metrics/").status_code == 301


def test_it_is_the_text_format_and_is_not_kept() -> None:
    response = Client().get("/metrics")
    assert response["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in response["Cache-Control"]
    assert Client().post("/metrics").status_code == 405


# --- What is counted ----------------------------------------------------------------------------
def test_questions_are_counted_by_engine_and_result(value: Scraper) -> None:
    model = a_model([], [])
    an_answer("tuned", model.name)
    an_answer("rag", "docportal-reader")
    an_answer("refused", model.name)
    an_answer("refused", "docportal-reader", confidence=0.0)
    an_answer("refused")
    assert value("docportal_questions_total", route="tuned", result="answered") == 1
    assert value("docportal_questions_total", route="rag", result="answered") == 1
    assert value("docportal_questions_total", route="tuned", result="refused") == 1
    assert value("docportal_questions_total", route="rag", result="failed") == 1
    assert value("docportal_questions_total", route="none", result="refused") == 1
    assert value("docportal_refusals_total") == 3
    assert value("docportal_tokens_total", route="rag", kind="prompt") == 200


def test_scrape_tells_of_one_moment_while_another_counts_on() -> None:
    answers = metrics.Answers()
    an_answer("rag", "docportal-reader")
    told = answers.advance()
    an_answer("refused")
    assert sum(answers.advance().questions.values()) == 2
    assert dict(told.questions) == {("rag", "answered"): 1}
    assert sum(told.buckets.values()) == len(metrics.STAGES)


def test_answers_are_counted_once_and_new_ones_added(value: Scraper) -> None:
    for number in range(1, 4):
        an_answer("rag", "docportal-reader")
        for _ in range(2):
            assert value("docportal_questions_total", route="rag", result="answered") == number


def test_answer_that_may_still_be_overtaken_is_counted_later(value: Scraper) -> None:
    an_answer("rag", "docportal-reader")
    Answer.objects.update(answered_at=timezone.now())
    assert value("docportal_questions_total", route="rag", result="answered") == 0
    settle()
    assert value("docportal_questions_total", route="rag", result="answered") == 1


def test_stages_are_a_histogram_in_seconds(value: Scraper) -> None:
    for ms in (5, 100, 600_000):
        an_answer("rag", total_ms=ms)
    assert value("docportal_stage_seconds_bucket", stage="total", le="0.01") == 1
    assert value("docportal_stage_seconds_bucket", stage="total", le="0.1") == 2
    assert value("docportal_stage_seconds_bucket", stage="total", le="30.0") == 2
    assert value("docportal_stage_seconds_bucket", stage="total", le="+Inf") == 3
    assert value("docportal_stage_seconds_count", stage="total") == 3
    assert value("docportal_stage_seconds_sum", stage="total") == pytest.approx(600.105)
    assert value("docportal_stage_seconds_sum", stage="retrieve") == pytest.approx(0.06)


def test_documents_queue_and_index(value: Scraper, wiki: Collection) -> None:
    publish(wiki, "a.md", [passage("One.")])
    archived = publish(wiki, "b.md", [passage("Two.")])
    retrieval.refresh()
    services.archive_document(document=archived.document, actor=None)
    fail(wiki, "c.pdf", "14 scanned pages.")
    waiting = upload(wiki, "d.md", "Three.")
    waiting.created_at = timezone.now() - timedelta(minutes=5)
    waiting.save()
    for state, number in (("served", 1), ("archived", 1), ("not-served", 2)):
        assert value("docportal_documents", state=state) == number
    for state, number in (("ready", 2), ("failed", 1), ("queued", 1), ("parsing", 0)):
        assert value("docportal_versions", state=state) == number
    assert value("docportal_queue_unfinished", queue="documents") == 1
    assert value("docportal_queue_oldest_seconds", queue="documents") == pytest.approx(300, abs=30)
    assert value("docportal_corpus_revision") == 3
    assert value("docportal_index_revision") == 2
    assert value("docportal_index_lag") == 1
    retrieval.refresh()
    assert value("docportal_index_lag") == 0


def test_runs_and_models(value: Scraper, wiki: Collection) -> None:
    first = publish(wiki, "a.md", [passage("One."), passage("Two.")])
    a_model([wiki], first.chunks.all())
    publish(wiki, "a.md", [passage("One.")])
    runs.request(collections=[wiki], by=None, enqueue=False)
    assert value("docportal_runs", state="queued") == 1
    assert value("docportal_runs", state="failed") == 0
    assert value("docportal_queue_unfinished", queue="training") == 1
    assert value("docportal_model_info", model="docs-v0001", readers="everybody", base="base") == 1
    assert value("docportal_model_loaded", model="docs-v0001") == 0
    assert value("docportal_model_passages", model="docs-v0001", state="taught") == 2
    assert value("docportal_model_passages", model="docs-v0001", state="stale") == 1


def test_failures_workers_servers_and_disks(value: Scraper, settings: Settings) -> None:
    settings.LLM_URL = settings.EMBEDDINGS_URL = NOBODY_LISTENS
    for _ in range(2):
        incidents.report(Incident.Kind.MODEL_SERVER, "docportal-reader")
    incidents.report(Incident.Kind.INDEX, "another")
    incidents.settle(Incident.Kind.INDEX, "another")
    Feedback.objects.create(answer=an_answer("rag"), verdict="down")
    Worker.objects.create(name="celery@here")
    silent = timezone.now() - timedelta(minutes=5)
    Worker.objects.create(name="training@here", seen_at=silent)
    IntegrityCheck.objects.create(ended_at=silent, problems=[{"kind": "index-missing"}])
    IntegrityCheck.objects.create()
    assert value("docportal_incidents_open", kind="model-server") == 1
    assert value("docportal_incidents_open", kind="index") == 0
    assert value("docportal_incident_failures_total", kind="model-server") == 2
    assert value("docportal_incident_failures_total", kind="index") == 1
    assert value("docportal_feedback_total", verdict="down") == 1
    assert value("docportal_queue_workers", queue="documents") == 1
    assert value("docportal_queue_workers", queue="training") == 0
    assert value("docportal_server_up", server="llm") == 0
    assert value("docportal_integrity_problems") == 1
    assert value("docportal_integrity_checked_seconds") == pytest.approx(silent.timestamp())
    free = value("docportal_disk_free_bytes", place="tuned")
    assert 0 < free < value("docportal_disk_bytes", place="tuned")
    assert value("process_resident_memory_bytes") > 1_000_000


def test_no_document_question_or_person_is_named(
    value: Scraper, people: People, wiki: Collection, vault: Collection
) -> None:
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    a_model([vault], version.chunks.all(), audience="a" * 64)
    an_answer("rag", "docportal-reader")
    told = value.text().lower()
    assert 'readers="some"' in told
    for trace in ("zebra", "codes", "4711", "vault", "wiki", "security", "reader@", "aaaa"):
        assert trace not in told, trace


# --- The dashboard ------------------------------------------------------------------------------
def test_every_query_of_the_dashboard_names_metrics_that_there_are(
    value: Scraper, wiki: Collection
) -> None:
    a_model([wiki], [])
    IntegrityCheck.objects.create(ended_at=timezone.now())
    there = {name for name, _ in value.samples()}
    labels = {name: set[str]() for name in there}
    for name, found in value.samples():
        labels[name] |= {label for label, _ in found}
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= 20
    for query in queries:
        named = re.findall(r"\b(?:docportal|process)_\w+", query)
        assert named, query
        assert set(named) <= there, query
        asked = re.findall(r'[{,]\s*(\w+)(?:=|!=|=~)"', query)
        asked += re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query)))
        assert set(asked) <= set.union(*(labels[name] for name in named)), query


def test_every_metric_of_ours_is_on_the_dashboard(value: Scraper, wiki: Collection) -> None:
    a_model([wiki], [])
    IntegrityCheck.objects.create(ended_at=timezone.now())
    text = DASHBOARD.read_text()
    ours = {
        family.name for family in value.registry.collect() if family.name.startswith("docportal_")
    }
    # Its two sides are what the lag is made of.
    left_out = {"docportal_corpus_revision", "docportal_index_revision"}
    assert {name for name in ours - left_out if name not in text} == set()


def test_alerts_of_the_manual_name_metrics_that_there_are(value: Scraper) -> None:
    IntegrityCheck.objects.create(ended_at=timezone.now())
    manual = (DASHBOARD.parent / "operations.md").read_text()
    named = set(re.findall(r"docportal_\w+", manual))
    assert len(named) > 5
    assert named <= {name for name, _ in value.samples()}
