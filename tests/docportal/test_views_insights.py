"""Insights: figures of everybody, and of documents and questions only what one may read."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from ingestion import services
from ingestion.models import Collection, Document, DocumentVersion
from router.models import Answer, Feedback, Query
from router.policy import Rule
from tests.documents import passage, publish
from tests.pairs import a_model
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def no_embeddings(settings: Settings) -> None:
    settings.EMBEDDINGS_URL = NOBODY_LISTENS


@pytest.fixture
def holds(wiki: Collection) -> DocumentVersion:
    return publish(wiki, "holds.md", [passage("A seat is held for 9 minutes.")], title="Holds")


@pytest.fixture
def codes(vault: Collection) -> DocumentVersion:
    return publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")


def get(user: User, query: str = "") -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("insights") + query)
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def answered(
    asker: User | None,
    text: str,
    near: DocumentVersion | None = None,
    *,
    route: str = "refused",
    verdict: str = "",
    days: float = 0,
    ms: float = 1.0,
    tokens: int = 100,
    **values: Any,
) -> Answer:
    """A question, and what it was answered; a source of it, if not refused, is in `near`."""
    query = Query.objects.create(user=asker, text=text)
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms"), 1.0)
    given: dict[str, Any] = {
        "confidence": 0.6,
        "total_ms": ms,
        "prompt_tokens": tokens,
        "completion_tokens": 0,
    }
    answer = Answer.objects.create(query=query, route=route, **times, **given | values)
    Answer.objects.filter(pk=answer.pk).update(answered_at=timezone.now() - timedelta(days=days))
    if near:
        answer.citations.create(chunk=near.chunks.get(), rank=1, supports=route != "refused")
    if verdict:
        Feedback.objects.create(answer=answer, verdict=verdict)
    return answer


# --- Figures -----------------------------------------------------------------------------------


def test_figures_of_the_period_are_counted_by_route(people: People, wiki: Collection) -> None:
    for ms in range(1, 21):
        verdict = "up" if ms > 17 else ""
        answered(people.engineer, "?", route="tuned", ms=ms * 100.0, tokens=50, verdict=verdict)
    answered(people.engineer, "?", route="rag", ms=4_000, tokens=900, verdict="down", days=5)
    answered(None, "?", route="rag", ms=9_000, tokens=1_500, tuned_prompt_tokens=400, days=8)
    week, month = get(people.writer, "?days=7"), get(people.writer)
    assert "<dt>Questions</dt><dd>21</dd>" in week
    assert "<dt>Questions</dt><dd>22</dd>" in month
    assert '75 % <span class="quiet">of 4 judged' in month
    assert (
        '<th scope="row">Tuned model</th> <td class="number">20</td> '
        '<td class="number wide">91 %</td> <td class="number nowrap">1.0 s</td>'
        '<td class="number nowrap">1.9 s</td> <td class="number wide">50</td>'
    ) in month
    assert '<td class="number nowrap">4.0 s</td><td class="number nowrap">9.0 s</td>' in month
    # 20 answers from passages take 1,000 tokens each; the tuned ones took 50, and 400 were in vain.
    assert "From passages alone, these answers would have taken 18,600 tokens more" in month
    assert "<dt>Saved by the tuned model</dt><dd>85 %</dd>" in month
    assert "$0.15 for a million tokens read" in month
    assert people.engineer.username not in month


def test_tuned_model_that_saves_nothing_is_not_said_to(people: People) -> None:
    """What is answered by precedents asks no model."""
    answered(people.engineer, "?", route="tuned", tokens=4_000_000)
    answered(people.engineer, "?", route="rag", tokens=0)
    page = get(people.writer)
    assert "<dt>Saved by the tuned model</dt><dd>–</dd>" in page
    assert "taken 4,000,000 tokens less and cost $0.60 less" in page


def test_plot_has_every_day_and_every_route(people: People) -> None:
    answered(None, "?", route="rag", days=1)
    client = Client()
    client.force_login(people.writer)
    series = client.get(reverse("insights_points"), {"days": "7"}).json()
    assert len(series["days"]) == 7
    assert series["rag"] == [0, 0, 0, 0, 0, 1, 0]
    assert series["tuned"] == series["refused"] == [0] * 7


def test_without_questions_it_says_so_for_any_period(people: People) -> None:
    for days in ("", "0", "nonsense", "%00"):
        page = get(people.writer, f"?days={days}")
        assert "Nobody has asked anything in these days." in page
        assert '<option value="30" selected>' in page


# --- Knowledge gaps ----------------------------------------------------------------------------


@pytest.mark.usefixtures("embedder")
def test_alike_questions_are_one_gap_offered_to_the_writer_of_the_nearest_document(
    people: People, holds: DocumentVersion
) -> None:
    Document.objects.update(owner=people.writer)
    for text in ("How long is a seat held?", "For how long is a seat held?"):
        answered(people.engineer, text, holds)
    answered(people.reader, "how long is a seat held?", holds, route="rag", verdict="down")
    answered(people.reader, "Where is Oslo?", holds)
    page = get(people.admin)
    assert "Asked 3 times, 2 refused, 1 not helpful" in page
    assert "1 other wording<" in page
    assert f'Nearest: <a href="{reverse("document", args=[holds.document.slug])}">Holds</a>' in page
    assert "by writer" in page
    assert "The embedding server does not answer" not in page
    assert "yours</span>" in get(people.writer)
    for asker in (people.engineer, people.reader):
        assert asker.username not in page.partition("Knowledge gaps")[2]


def test_without_embeddings_same_words_are_together(people: People, holds: DocumentVersion) -> None:
    for text in ("Who owns the ferry?", "The ferry: who owns it?", "What is a berth?"):
        answered(people.engineer, text, holds)
    page = get(people.writer)
    assert "The embedding server does not answer" in page
    assert "Asked 2 times" in page
    assert "Asked 1 time," in page


def test_gap_is_shown_to_who_may_read_the_nearest_document(
    people: People, codes: DocumentVersion
) -> None:
    answered(people.reader, "Is the zebra code still 4711?", codes)
    answered(people.reader, "What does it cost to emigrate?")
    restricted, admin = get(people.restricted_writer), get(people.admin)
    assert "zebra code still 4711" in restricted
    assert "emigrate" not in restricted
    assert "emigrate" in admin
    for page in (admin, get(people.writer)):
        for trace in ("zebra", "Zebra", "4711", "Vault", codes.document.slug):
            assert trace not in page, trace


def test_question_that_may_quote_a_closed_document_is_for_its_readers(
    people: People, holds: DocumentVersion, codes: DocumentVersion
) -> None:
    near = answered(people.reader, "Is a seat held with the code of the zebra?", holds)
    near.citations.create(chunk=codes.chunks.get(), rank=2, supports=False)
    assert "zebra" not in get(people.writer)
    assert "zebra" not in get(people.admin)
    assert "zebra" in get(people.restricted_writer)


def test_what_is_no_gap_is_none(people: People, holds: DocumentVersion) -> None:
    greeting = {"decision": {"rule": Rule.NO_QUESTION}}
    answered(people.engineer, "Hello there!", holds, signals=greeting)
    answered(people.engineer, "Was no model there?", holds, confidence=0.0)
    answered(people.engineer, "Was it long ago?", holds, days=40)
    answered(people.engineer, "Was it helpful?", holds, route="rag", verdict="up")
    by_weights: dict[str, Any] = {"signals": {"route_asked": "tuned"}}
    answered(people.engineer, "Was it in the weights?", holds, **by_weights)
    answered(
        people.engineer, "What do they say?", holds, route="tuned", verdict="down", **by_weights
    )
    assert "None in these days." in get(people.writer).partition("Knowledge gaps")[2]
    follow_up = {"question": "How long is a berth held?", "route_asked": "auto"}
    answered(people.engineer, "And a berth?", holds, signals=follow_up)
    page = get(people.writer)
    assert "How long is a berth held?" in page
    assert "And a berth?" not in page


# --- Stale and asked for -----------------------------------------------------------------------


def test_documents_that_models_do_not_know_come_by_how_often_they_are_asked_for(
    people: People, wiki: Collection, holds: DocumentVersion, codes: DocumentVersion
) -> None:
    known = publish(wiki, "known.md", [passage("All is known.")], title="Known")
    other = publish(wiki, "other.md", [passage("Nothing is.")], title="Other")
    gone = publish(wiki, "gone.md", [passage("It was.")], title="Gone")
    a_model([wiki], [*known.chunks.all(), *holds.chunks.all()])
    publish(wiki, "holds.md", [passage("A seat is held for 8 minutes.")], title="Holds")
    for version, times in ((known, 9), (gone, 8), (codes, 7), (other, 2), (holds, 3)):
        for _ in range(times):
            answered(people.engineer, "?", version, route="rag")
    services.archive_document(document=gone.document, actor=None)
    answered(people.engineer, "?", other)
    page = get(people.writer).partition("Asked for, and not known")[2]
    assert "was taught 2 passages" in page
    assert "1 of them (50 %) stand nowhere any more" in page
    assert page.index(">Holds</a>") < page.index(">Other</a>")
    numbers = '<td class="number">3</td> <td class="number"><a href'
    assert numbers in page
    assert '<td class="number">2</td> <td class="number">–</td> <td class="number">1</td>' in page
    for absent in ("Known", "Gone", "Zebra"):
        assert absent not in page
    assert "Zebra codes" in get(people.restricted_writer)


def test_many_questions_take_as_many_queries_as_few(
    people: People, wiki: Collection, holds: DocumentVersion
) -> None:
    taken = []
    client = Client()
    client.force_login(people.writer)
    a_model([wiki], [])
    for count in (1, 12):
        for number in range(count):
            name = f"{count}-{number}"
            version = publish(wiki, f"{name}.md", [passage(f"{name} is said.")], title=name)
            Document.objects.filter(pk=version.document_id).update(owner=people.writer)
            answered(people.engineer, f"Why {name}?", version, route="rag", verdict="down")
            answered(people.engineer, f"Who {name}?", version)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(reverse("insights")).content.decode()
        taken.append(len(queries))
    assert page.count("Nearest:") >= 12
    assert taken[0] == taken[1] < 16


def test_only_writers_and_admins_find_the_way_in(people: People) -> None:
    for person, finds in ((people.engineer, False), (people.writer, True), (people.admin, True)):
        client = Client()
        client.force_login(person)
        library = client.get(reverse("library")).content.decode()
        assert (reverse("insights") in library) == finds
