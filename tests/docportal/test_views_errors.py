"""The list of wrong answers: what an admin sees of each, and of which he sees none."""

from collections.abc import Sequence
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from docportal.models import User
from docportal.views.errors import PAGE
from ingestion.models import Chunk, Collection, DocumentVersion
from router.models import Answer, Feedback, ModelVersion, Query
from tests.documents import passage, publish
from tests.pairs import a_model
from tests.people import People
from training import runs
from training.models import AuditedError, Evaluation, EvaluationItem, TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

ASKED = "Which port has the crane?"


@pytest.fixture
def guide(wiki: Collection) -> DocumentVersion:
    return publish(wiki, "ports.md", [passage("The crane has the port 7000.", "Crane")])


def get(client: Client, query: str = "", *, page: str = "errors") -> str:
    return " ".join(unescape(client.get(reverse(page) + query).content.decode()).split())


def shown(page: str) -> int:
    """How many wrong answers are listed."""
    return page.partition('<div id="errors">')[2].count('<th scope="row">')


def of_feedback(asker: User, chunk: Chunk, *near: Chunk, **values: Any) -> AuditedError:
    """A thumbs-down whose correction stands in `chunk`; the asker was shown it and `near`."""
    query = Query.objects.create(user=asker, text=ASKED)
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms", "total_ms"), 1.0)
    answer = Answer.objects.create(
        query=query,
        route="rag",
        text="It is 7001.",
        confidence=0.5,
        prompt_tokens=1,
        completion_tokens=1,
        **times,
    )
    for rank, one in enumerate((chunk, *near), start=1):
        answer.citations.create(chunk=one, rank=rank, supports=False)
    given = Feedback.objects.create(answer=answer, verdict="down", correction="7000")
    found: dict[str, Any] = {"bucket": "ranking", "rank": 7, "chunk": chunk} | values
    return AuditedError.objects.create(
        feedback=given, at=given.given_at, collection=chunk.version.document.collection, **found
    )


def of_items(collection: Collection, version: DocumentVersion, *buckets: str) -> Sequence[Any]:
    """Wrong answers of the evaluation of a model that serves instead of the last one."""
    ModelVersion.objects.update(stage=ModelVersion.Stage.RETIRED)
    run = runs.request(collections=[collection], by=None, enqueue=False)
    TrainingRun.objects.filter(pk=run.pk).update(model=a_model([collection], []))
    evaluation = Evaluation.objects.create(run=run, system="tuned")
    made = []
    for number, bucket in enumerate(buckets):
        item = EvaluationItem.objects.create(
            evaluation=evaluation,
            number=number,
            document=version.document,
            kind="recall",
            domain=collection.slug,
            question=f"Question {number}?",
            expected=["7000", "port 7000"],
            answer="7002",
            correct=False,
            token_f1=0,
            refused=False,
            ms=1,
        )
        found = {"retrieval": {}, "ranking": {"rank": 9}, "model": {"rank": 2}}[bucket]
        chunk = version.chunks.get()
        made.append(
            AuditedError.objects.create(
                item=item,
                at=evaluation.created_at,
                collection=collection,
                bucket=bucket,
                chunk=chunk,
                **found,
            )
        )
    return made


def test_wrong_answer_is_shown_with_the_passage_and_its_rank(
    admin: Client, people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    of_items(wiki, guide, "retrieval", "model")
    of_feedback(people.engineer, guide.chunks.get())
    page = get(admin)
    for told in (
        *("7000 or port 7000", "✗ 7002", "Tuned model", "not among the first 25", "rank 2"),
        *(ASKED, "✗ It is 7001.", "Corrected by a reader"),
        *("rank 7, not read", "Found, but too low"),
        "The crane has the port 7000.",
        f"{reverse('version', args=[guide.document.slug, 1])}#p0",
    ):
        assert told in page
    assert people.engineer.username not in page


def test_list_is_filtered_by_bucket_and_collection(
    admin: Client, people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    of_items(wiki, guide, "retrieval", "model")
    other = Collection.objects.create(slug="shop", name="Shop")
    elsewhere = publish(other, "prices.md", [passage("The port costs 7000.")], title="Prices")
    of_feedback(people.engineer, elsewhere.chunks.get())
    for query, expected in (
        ("", 3),
        ("?bucket=model", 1),
        ("?collection=wiki", 2),
        ("?bucket=ranking&collection=shop", 1),
        ("?bucket=ranking&collection=wiki", 0),
        ("?bucket=nonsense&collection=%00", 3),
    ):
        assert shown(get(admin, query)) == expected, query
    counted = get(admin).partition("By collection")[2]
    assert '<th scope="row">Shop</th><td class="number">0</td><td class="number">1</td>' in counted
    assert '<th scope="row">Wiki</th><td class="number">1</td><td class="number">0</td>' in counted


def test_weeks_hold_what_former_models_got_wrong(
    admin: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    of_items(wiki, guide, "retrieval")
    AuditedError.objects.update(at=timezone.now() - timedelta(weeks=5))
    of_items(wiki, guide, "model", "model")
    page = get(admin)
    assert shown(page) == 2
    _, newest, older = (
        page.partition("By week")[2].partition("</table>")[0].split('<tr><th scope="row"')
    )
    assert newest.endswith('>0</td><td class="number">0</td><td class="number">2</td></tr>')
    assert '>1</td><td class="number">0</td><td class="number">0</td></tr>' in older


def test_admin_sees_only_figures_of_what_he_may_not_read(
    admin: Client, people: People, vault: Collection, guide: DocumentVersion
) -> None:
    secret = publish(vault, "codes.md", [passage("The zebra has the port 7000.")], title="Zebra")
    of_items(vault, secret, "model")
    of_feedback(people.reader, secret.chunks.get())
    of_feedback(people.reader, guide.chunks.get(), secret.chunks.get())
    for page in (get(admin), get(admin, page="training")):
        for trace in ("zebra", "Zebra", "Vault", "7002", "7001", ASKED):
            assert trace not in page, trace
    page = get(admin)
    assert "<dt>Found, but too low</dt><dd>2</dd>" in page
    assert "Those that you may not read" in page
    people.admin.groups.add(*vault.readers.all())
    assert shown(get(admin)) == 3


def test_answer_of_a_model_is_for_who_may_read_what_it_was_taught(
    admin: Client, people: People, vault: Collection, guide: DocumentVersion
) -> None:
    error = of_feedback(people.reader, guide.chunks.get())
    model = a_model([vault], [], stage="retired")
    Answer.objects.update(route="tuned", model=model.name)
    assert "7001" not in get(admin)
    people.admin.groups.add(*vault.readers.all())
    assert error.feedback is not None
    assert "7001" in get(admin)


def test_many_errors_take_as_many_queries_as_few_and_page_by_cursor(
    admin: Client, people: People, wiki: Collection, guide: DocumentVersion
) -> None:
    taken = []
    for count in (2, PAGE):
        of_items(wiki, guide, *["retrieval"] * count)
        of_feedback(people.engineer, guide.chunks.get())
        get(admin)
        with CaptureQueriesContext(connection) as queries:
            page = get(admin)
        taken.append(len(queries))
    assert taken[0] == taken[1] < 12
    following = page.partition("?after=")[2].partition('"')[0]
    assert shown(page) == PAGE
    assert shown(get(admin, f"?after={following}")) == 2


def test_dashboard_says_how_many_and_what_to_do(
    admin: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    assert "None was audited yet." in get(admin, page="training")
    assert "Nothing was audited yet" in get(admin)
    of_items(wiki, guide, *["model"] * 7, *["retrieval"] * 3)
    page = get(admin, page="training")
    assert "<dt>Read, and still wrong</dt><dd>7</dd>" in page
    assert "Retrain. In 7 of 10 errors (70 %) the tuned model" in page
    assert reverse("errors") in page
