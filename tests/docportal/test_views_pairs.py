"""Review, in the browser's terms: one pair at a time, many at once, and pairs on a document."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from docportal.views.forms import PairForm
from docportal.views.pairs import PAGE
from ingestion.models import Collection, Document, DocumentVersion
from router.models import Answer, Feedback, Query
from tests.documents import passage, publish
from tests.pairs import a_model, a_pair, a_pair_without_evidence, an_answer
from tests.people import People, logged_in
from training.models import QAPair

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

LIMIT, OWNER = "The limit is nine retries.", "The owner is Mira."
PENDING, APPROVED, REJECTED = QAPair.Review.values


@pytest.fixture
def writer(people: People) -> Client:
    return logged_in(people.writer)


@pytest.fixture
def guide(wiki: Collection) -> DocumentVersion:
    return publish(wiki, "guide.md", [passage(LIMIT, "Use"), passage(OWNER)], title="Guide")


@pytest.fixture
def pair(guide: DocumentVersion) -> QAPair:
    return a_pair(guide, "How many retries?", "nine")


def body(response: object) -> str:
    return unescape(getattr(response, "content", b"").decode())


def get(client: Client, query: str = "") -> str:
    return body(client.get(f"{reverse('pairs')}{query}"))


def decide(client: Client, pair: QAPair, verdict: str, **more: str) -> str:
    """The page that follows."""
    data = {"verdict": verdict, **more}
    return body(client.post(reverse("review_pair", args=[pair.pk]), data, follow=True))


# --- One at a time --------------------------------------------------------------------------------


def test_pair_stands_beside_its_passage_with_the_evidence_marked(
    writer: Client, guide: DocumentVersion
) -> None:
    a_pair(guide, "How many retries?", "nine", evidence="nine retries")
    page = get(writer)
    assert "How many retries?" in page
    assert "The limit is <mark>nine retries</mark>." in page
    assert "<strong>1</strong> waiting" in page
    assert f"{reverse('version', args=[guide.document.slug, 1])}?mark=0:13-25#p0" in page


def test_each_verdict_leads_to_the_next_pair_and_the_counter_goes_down(
    writer: Client, people: People, pair: QAPair, guide: DocumentVersion
) -> None:
    second = a_pair(guide, "Whose is it?", "Mira")
    page = decide(writer, pair, "approve")
    assert "<strong>1</strong> waiting" in page
    assert 'id="pair-question">Whose is it?<' in page
    assert "Approved: <a" in page, "the last one can be looked at again"
    page = decide(writer, second, "reject")
    assert "Nothing waits for review." in page
    pair.refresh_from_db()
    second.refresh_from_db()
    assert (pair.review, pair.reviewed_by) == (APPROVED, people.writer)
    assert (second.review, second.reviewed_by) == (REJECTED, people.writer)
    assert "by writer" in body(writer.get(reverse("pair", args=[pair.pk])))


def test_filters_stay_through_verdicts(writer: Client, wiki: Collection, pair: QAPair) -> None:
    other = publish(wiki, "other.md", [passage("Boats float."), passage("Sails pull.")])
    first, second = a_pair(other, "What floats?", "Boats"), a_pair(other, "What pulls?", "Sails")
    page = decide(writer, first, "approve", document=other.document.slug)
    assert f'id="pair-question">{second.question}<' in page
    page = decide(writer, second, "approve", document=other.document.slug)
    assert "No pair fits these filters." in page


def test_next_and_previous_walk_the_filtered_pairs(
    writer: Client, pair: QAPair, guide: DocumentVersion
) -> None:
    second, third = a_pair(guide, "Whose is it?", "Mira"), a_pair(guide, "What is nine?", "limit")
    page = body(writer.get(reverse("pair", args=[second.pk]) + "?origin=teacher"))
    assert f'href="{reverse("pair", args=[pair.pk])}?origin=teacher" data-key="k"' in page
    assert f'href="{reverse("pair", args=[third.pk])}?origin=teacher" data-key="j"' in page
    assert 'data-key="k"' not in body(writer.get(reverse("pair", args=[pair.pk])))
    assert 'data-key="j"' not in body(writer.get(reverse("pair", args=[third.pk])))


def test_pair_that_is_decided_keeps_its_place_among_those_that_wait(
    writer: Client, pair: QAPair, guide: DocumentVersion
) -> None:
    second, third = a_pair(guide, "Whose is it?", "Mira"), a_pair(guide, "What is nine?", "limit")
    decide(writer, second, "approve")
    page = body(writer.get(reverse("pair", args=[second.pk])))
    assert f'href="{reverse("pair", args=[pair.pk])}" data-key="k"' in page
    assert f'href="{reverse("pair", args=[third.pk])}" data-key="j"' in page
    page = decide(writer, second, "edit", question="Whose is it now?", answer="Mira")
    assert 'id="pair-question">What is nine?<' in page


def test_edit_sets_the_words_and_approves(writer: Client, people: People, pair: QAPair) -> None:
    decide(writer, pair, "edit", question="Retry limit?", answer="nine retries")
    pair.refresh_from_db()
    assert (pair.question, pair.answer) == ("Retry limit?", "nine retries")
    assert (pair.review, pair.reviewed_by) == (APPROVED, people.writer)


def test_edit_of_the_question_alone_keeps_an_answer_of_several_lines_with_its_evidence(
    writer: Client, pair: QAPair
) -> None:
    answer = "Nine times\nfor each call"
    QAPair.objects.filter(pk=pair.pk).update(answer=answer)
    typed = {"question": "Retry limit?", "answer": answer.replace("\n", "\r\n")}
    decide(writer, pair, "edit", **typed)
    before = pair.evidence
    pair.refresh_from_db()
    assert (pair.question, pair.answer, pair.evidence) == ("Retry limit?", answer, before)


def test_length_of_several_lines_is_that_of_what_is_kept() -> None:
    typed = {"question": "What?", "answer": "\r\n".join(["x"] * 2000)}
    form = PairForm(typed)
    assert form.is_valid()
    assert form.cleaned_data["answer"] == "\n".join(["x"] * 2000)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"question": "Mine, typed", "answer": "eleven thousand"}, "does not say this answer"),
        (
            {"question": "Mine, typed", "answer": "nine", "evidence": "Not there at all"},
            "not in the served version",
        ),
        ({"question": "Mine, typed", "answer": ""}, "Write the answer"),
        ({"question": "", "answer": "Mine, typed"}, "Write the question."),
    ],
)
def test_edit_that_cannot_be_kept_says_why_and_keeps_what_was_typed(
    writer: Client, pair: QAPair, typed: dict[str, str], told: str
) -> None:
    address = reverse("review_pair", args=[pair.pk])
    response = writer.post(address, {"verdict": "edit", **typed})
    assert response.status_code == 400
    page = body(response)
    assert told in page
    for value in filter(None, typed.values()):
        assert f"{value}</textarea>" in page
    assert '<details class="edit" open>' in page
    pair.refresh_from_db()
    assert (pair.question, pair.review) == ("How many retries?", PENDING)


def test_unknown_verdict_changes_nothing(writer: Client, pair: QAPair) -> None:
    response = writer.post(reverse("review_pair", args=[pair.pk]), {"verdict": "perhaps"})
    assert response.status_code == 400
    assert "Choose: approve, edit or reject." in body(response)
    pair.refresh_from_db()
    assert pair.review == PENDING


def test_pair_without_evidence_shows_its_words_and_the_nearest_passage(
    writer: Client, guide: DocumentVersion
) -> None:
    pair = a_pair_without_evidence(guide.document, "Who is the owner?", "Tom")
    page = get(writer)
    assert "Words that stand nowhere." in page
    assert OWNER in page
    assert LIMIT not in page, "it shares no word with the pair"
    assert 'data-key="a"' not in page, "it cannot be approved as it is"
    response = writer.post(reverse("review_pair", args=[pair.pk]), {"verdict": "approve"})
    assert response.status_code == 400
    assert "Edit it, or reject it." in body(response)
    decide(writer, pair, "edit", question="Who is the owner?", answer="Mira")
    pair.refresh_from_db()
    assert (pair.review, pair.evidence) == (APPROVED, OWNER)


def test_contradicting_pairs_stand_beside_each_other(writer: Client, wiki: Collection) -> None:
    version = publish(wiki, "a.md", [passage("The limit is nine."), passage("At most ten.")])
    nine, ten = (a_pair(version, "What is the limit?", answer) for answer in ("nine", "ten"))
    QAPair.objects.update(problem=QAPair.Problem.CONFLICT)
    page = body(writer.get(reverse("pair", args=[nine.pk])))
    assert "Another pair answers the same question differently." in page
    assert f'<a href="{reverse("pair", args=[ten.pk])}">ten</a>' in page
    decide(writer, ten, "reject", back=str(nine.pk))
    page = body(writer.get(reverse("pair", args=[nine.pk])))
    assert "answers the same question differently" not in page
    decide(writer, nine, "approve")
    nine.refresh_from_db()
    assert (nine.review, nine.problem) == (APPROVED, "")


def test_retired_pair_shows_what_the_document_said(
    writer: Client, wiki: Collection, pair: QAPair
) -> None:
    publish(wiki, "guide.md", [passage("The limit is ten.", "Use")])
    assert "Nothing waits for review." in get(writer)
    page = get(writer, "?state=retired")
    assert "The limit is <mark>nine</mark> retries." in page
    assert "The document no longer says this" in page
    assert f"{reverse('difference', args=[pair.document.slug])}?from=1" in page


@pytest.mark.parametrize("number", ["x", "-1", "0", "9" * 30, "\0", "²"])
def test_numbers_that_name_nothing_are_ignored(writer: Client, pair: QAPair, number: str) -> None:
    for query in ({"last": number}, {"after": number, "view": "list"}, {"after": number}):
        assert writer.get(reverse("pairs"), query).status_code == 200
    chosen = {"verdict": "approve", "pair": number}
    assert writer.post(reverse("review_pairs"), chosen).status_code == 302
    pair.refresh_from_db()
    assert pair.review == PENDING


def test_queue_walks_every_document_once_whatever_their_titles(
    writer: Client, wiki: Collection
) -> None:
    for n, title in enumerate("CABD"):
        version = publish(wiki, f"{n}.md", [passage(f"Lock {n} leaks.")], title=title)
        a_pair(version, f"Which lock, {n}?", f"Lock {n}")
    response = writer.get(reverse("pairs"))
    walked = []
    while pair := response.context["pair"]:
        walked.append(pair.question)
        response = writer.post(
            reverse("review_pair", args=[pair.pk]), {"verdict": "approve"}, follow=True
        )
    assert walked == [f"Which lock, {n}?" for n in range(4)]


def test_queue_takes_the_same_few_queries_however_many_wait(
    writer: Client, guide: DocumentVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        a_pair(guide, f"How many, {number}?", "nine")
    with django_assert_num_queries(12):
        writer.get(reverse("pairs"))


# --- Filters --------------------------------------------------------------------------------------


@pytest.fixture
def mixed(wiki: Collection, guide: DocumentVersion) -> None:
    """One pair of each state and several origins, in two documents."""
    a_pair(guide, "Waiting one", "nine", origin="mined")
    a_pair(guide, "Approved one", "Mira", review=APPROVED)
    a_pair(guide, "Rejected one", "limit", review=REJECTED)
    other = publish(wiki, "other.md", [passage("Boats float.")])
    a_pair(other, "Retired one", "Boats", review=APPROVED)
    publish(wiki, "other.md", [passage("Boats sail.")])
    a_pair(other.document.versions.get(number=2), "Waiting of another", "sail")


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Waiting one", "Waiting of another"}),
        ("state=nonsense", {"Waiting one", "Waiting of another"}),
        ("state=approved", {"Approved one"}),
        ("state=rejected", {"Rejected one"}),
        ("state=retired", {"Retired one"}),
        ("origin=mined", {"Waiting one"}),
        ("document=wiki-other", {"Waiting of another"}),
        ("collection=wiki", {"Waiting one", "Waiting of another"}),
        ("collection=vault", set()),
        ("text=ANOTHER", {"Waiting of another"}),
        ("text=nine+one", {"Waiting one"}),
        ("text=%00", {"Waiting one", "Waiting of another"}),
    ],
)
def test_filters(writer: Client, query: str, found: set[str]) -> None:
    slug = Document.objects.get(path="other.md").slug
    page = get(writer, f"?view=list&{query.replace('wiki-other', slug)}")
    every = QAPair.objects.values_list("question", flat=True)
    assert {question for question in every if f">{question}</a>" in page} == found


def test_filtering_as_one_types_keeps_a_clean_address(writer: Client, pair: QAPair) -> None:
    response = writer.get(
        f"{reverse('pairs')}?state=waiting&collection=&origin=&text=retries&view=list",
        headers={"HX-Request": "true"},
    )
    assert response["HX-Replace-Url"] == f"{reverse('pairs')}?view=list&text=retries"


def test_long_list_pages_by_cursor_in_few_queries(
    writer: Client, guide: DocumentVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(PAGE + 5):
        a_pair(guide, f"Question {number:02}", "nine")
    address = "?view=list"
    seen: list[int] = []
    with django_assert_num_queries(6):
        get(writer, address)
    for _ in range(2):
        page = get(writer, address)
        seen += [n for n in range(PAGE + 5) if f">Question {n:02}</a>" in page]
        address = f"?view=list&after={page.partition('after=')[2].partition(chr(34))[0]}"
    assert seen == list(range(PAGE + 5))


def test_list_goes_on_behind_a_pair_that_was_decided_meanwhile(
    writer: Client, guide: DocumentVersion
) -> None:
    pairs = [a_pair(guide, f"Question {number:02}", "nine") for number in range(PAGE + 1)]
    last = pairs[PAGE - 1]
    QAPair.objects.filter(pk=last.pk).update(review=APPROVED)
    page = get(writer, f"?view=list&after={last.pk}")
    assert f">Question {PAGE:02}</a>" in page
    assert ">Question 00</a>" not in page


# --- Many at once ---------------------------------------------------------------------------------


def bulk(client: Client, verdict: str, **more: object) -> str:
    data = {"verdict": verdict, **more}
    return body(client.post(reverse("review_pairs"), data, follow=True))


def confirmation(asked: str) -> str:
    found = re.search(r'name="confirmed" value="([^"]+)"', asked)
    assert found is not None
    return found[1]


def bulk_at_once(client: Client, verdict: str, **more: object) -> str:
    asked = bulk(client, verdict, **more)
    return bulk(client, verdict, **more, confirmed=confirmation(asked))


def test_chosen_pairs_are_decided_after_one_question(
    writer: Client, people: People, pair: QAPair, guide: DocumentVersion
) -> None:
    second, third = a_pair(guide, "Whose is it?", "Mira"), a_pair(guide, "What is nine?", "limit")
    chosen = {"pair": [str(pair.pk), str(second.pk)]}
    asked = bulk(writer, "approve", **chosen)
    assert "Approve 2 pairs?" in asked
    assert QAPair.objects.filter(review=PENDING).count() == 3, "nothing is done before the answer"
    told = bulk(writer, "approve", **chosen, confirmed=confirmation(asked))
    assert "2 pairs approved." in told
    assert set(QAPair.objects.filter(review=APPROVED)) == {pair, second}
    assert set(QAPair.objects.filter(reviewed_by=people.writer)) == {pair, second}
    third.refresh_from_db()
    assert third.review == PENDING


def test_all_that_match_means_the_filters_and_asks_again_when_they_are_others(
    writer: Client, pair: QAPair, guide: DocumentVersion
) -> None:
    mined = [a_pair(guide, f"Mined {n}", "Mira", origin="mined") for n in range(3)]
    asked = bulk(writer, "reject", all="on", origin="mined")
    assert "Reject 3 pairs?" in asked
    mined.append(a_pair(guide, "Mined meanwhile", "Mira", origin="mined"))
    every = {"all": "on", "origin": "mined"}
    asked = bulk(writer, "reject", **every, confirmed=confirmation(asked))
    assert "Reject 4 pairs?" in asked
    assert not QAPair.objects.filter(review=REJECTED).exists()
    gone = mined.pop()
    decide(writer, gone, "approve")
    mined.append(a_pair(guide, "Mined instead", "Mira", origin="mined"))
    asked = bulk(writer, "reject", **every, confirmed=confirmation(asked))
    assert "Reject 4 pairs?" in asked, "as many, but others"
    assert not QAPair.objects.filter(review=REJECTED).exists()
    told = bulk(writer, "reject", **every, confirmed=confirmation(asked))
    assert "4 pairs rejected." in told
    assert set(QAPair.objects.filter(review=REJECTED)) == set(mined)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_chosen_pair_that_changed_since_it_was_listed_is_left_and_named(
    writer: Client, people: People, pair: QAPair, guide: DocumentVersion, verdict: str
) -> None:
    second = a_pair(guide, "Whose is it?", "Mira")
    chosen = {"pair": re.findall(r'name="pair" value="([^"]+)"', get(writer, "?view=list"))}
    asked = bulk(writer, verdict, **chosen)
    assert "2 pairs?" in asked
    other = "reject" if verdict == "approve" else "approve"
    decide(logged_in(people.restricted_writer), pair, other)
    told = bulk(writer, verdict, **chosen, confirmed=confirmation(asked))
    assert "“How many retries?”. Somebody changed this pair meanwhile." in told
    pair.refresh_from_db()
    second.refresh_from_db()
    assert pair.reviewed_by == people.restricted_writer
    assert second.reviewed_by == people.writer


def test_pairs_that_cannot_be_approved_are_named_and_the_others_approved(
    writer: Client, pair: QAPair, guide: DocumentVersion
) -> None:
    for n in range(5):
        a_pair_without_evidence(guide.document, f"Nowhere {n}?", "Tom")
    told = bulk_at_once(writer, "approve", all="on")
    assert "1 pair approved." in told
    assert "Not approved: “Nowhere 0?”. Its evidence is not in the document." in told
    assert "2 more were not approved" in told
    assert QAPair.objects.filter(review=PENDING).count() == 5


def test_retired_pairs_are_not_offered_for_approval_nor_approved(
    writer: Client, wiki: Collection, pair: QAPair
) -> None:
    publish(wiki, "guide.md", [passage("The limit is ten.", "Use")])
    listed = get(writer, "?view=list&state=retired")
    assert "Reject chosen…" in listed
    assert "Approve chosen…" not in listed
    told = bulk_at_once(writer, "approve", state="retired", pair=str(pair.pk))
    assert "Not approved: “How many retries?”. The document no longer says this." in told
    assert "1 pair approved" not in told


def test_approving_many_takes_as_many_queries_as_approving_a_few(
    writer: Client, guide: DocumentVersion
) -> None:
    taken = []
    for count in (2, 30):
        for number in range(count):
            a_pair(guide, f"How many, {count}, {number}?", "nine")
        with CaptureQueriesContext(connection) as queries:
            bulk_at_once(writer, "approve", all="on")
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_choosing_nothing_says_what_to_do(writer: Client, pair: QAPair) -> None:
    assert "Nothing was chosen. Tick the pairs, or all that match." in bulk(writer, "approve")
    response = writer.post(reverse("review_pairs"), {"verdict": "", "pair": str(pair.pk)})
    assert response.status_code == 400


# --- Whose pairs ----------------------------------------------------------------------------------


@pytest.fixture
def secret(vault: Collection) -> QAPair:
    version = publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    return a_pair(version, "Which zebra code?", "4711")


def test_stranger_finds_no_trace_of_a_restricted_pair(
    writer: Client, pair: QAPair, secret: QAPair
) -> None:
    QAPair.objects.filter(pk=secret.pk).update(review=APPROVED, reviewed_at=secret.created_at)
    slug = secret.document.slug
    for query in ("", "?view=list", "?view=progress", f"?document={slug}", "?text=code"):
        for state in ("waiting", "approved", "retired"):
            page = get(writer, f"{query or '?'}&state={state}&last={secret.pk}")
            for trace in ("4711", "zebra", "Zebra", "Vault", f"{slug}/"):
                assert trace not in page, (query, state, trace)


def test_stranger_cannot_decide_a_restricted_pair_by_any_way(
    writer: Client, secret: QAPair, people: People
) -> None:
    address = reverse("review_pair", args=[secret.pk])
    for verdict in ("approve", "reject", "edit"):
        assert writer.post(address, {"verdict": verdict}).status_code == 404
    insider = logged_in(people.restricted_writer)
    for more in ({"pair": str(secret.pk)}, {"all": "on"}, {"all": "on", "collection": "vault"}):
        asked = bulk(insider, "reject", **more)
        bulk(writer, "reject", **more, confirmed=confirmation(asked))
    words = {"question": "Q?", "answer": "4711"}
    write = reverse("write_pair", args=[secret.document.slug])
    assert writer.post(write, words).status_code == 404
    secret.refresh_from_db()
    assert secret.review == PENDING
    assert QAPair.objects.count() == 1
    assert "4711" in get(insider)
    decide(insider, secret, "approve")
    secret.refresh_from_db()
    assert secret.review == APPROVED


def test_who_may_only_read_sees_approved_pairs_on_the_document_alone(
    people: People, pair: QAPair, guide: DocumentVersion
) -> None:
    a_pair(guide, "Whose is it?", "Mira", review=APPROVED)
    engineer = logged_in(people.engineer)
    page = body(engineer.get(reverse("document", args=[guide.document.slug])))
    assert "Whose is it?" in page
    assert "How many retries?" not in page
    assert reverse("pairs") not in page
    assert "Write a pair" not in page
    assert engineer.get(reverse("pairs")).status_code == 403


# --- Progress -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mixed")
def test_progress_counts_by_document_and_reviewer_and_lists_what_was_reviewed(
    writer: Client, people: People, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    decide(writer, QAPair.objects.get(question="Waiting one"), "approve")
    with django_assert_num_queries(8):
        response = writer.get(f"{reverse('pairs')}?view=progress")
    rows = response.context["documents"]
    assert [{own.state: number for own, number in row.counts} for row in rows] == [
        {"waiting": 1, "approved": 0, "rejected": 0, "retired": 1},
        {"waiting": 0, "approved": 2, "rejected": 1, "retired": 0},
    ]
    assert [pair.question for pair in response.context["latest"]] == ["Waiting one"]
    [reviewer] = response.context["reviewers"]
    assert reviewer["reviewed_by__username"] == "writer"
    assert (reviewer["approved"], reviewer["rejected"]) == (1, 0)


@pytest.mark.usefixtures("mixed")
def test_numbers_of_the_progress_lead_to_the_pairs_that_they_count(
    writer: Client, guide: DocumentVersion
) -> None:
    a_pair(guide, "Waiting one more", "nine", origin="imported")
    page = get(writer, "?view=progress&origin=mined&text=one")
    [address] = re.findall(r'href="([^"]+)">1<span class="[^"]+"> waiting of', page)
    shown = body(writer.get(address))
    assert "<strong>1</strong> waiting" in shown
    assert 'id="pair-question">Waiting one<' in shown
    page = get(writer, "?view=progress&origin=teacher&text=approved")
    [address] = re.findall(r'href="([^"]+)">1<span class="[^"]+"> approved of', page)
    shown = body(writer.get(address))
    assert "<strong>1</strong> approved" in shown
    assert ">Approved one</a>" in shown


# --- A document -----------------------------------------------------------------------------------


def test_document_tells_what_the_serving_model_knows_of_it_and_what_is_stale(
    writer: Client, wiki: Collection, guide: DocumentVersion
) -> None:
    a_pair(guide, "How many retries?", "nine", review=APPROVED)
    a_pair(guide, "Retry limit?", "nine", review=APPROVED)
    a_model([wiki], guide.chunks.all())
    version = publish(wiki, "guide.md", [passage(LIMIT, "Use"), passage("Tom owns it.")])
    a_pair(version, "Whose is it?", "Tom", review=APPROVED)
    page = " ".join(body(writer.get(reverse("document", args=[guide.document.slug]))).split())
    assert "1 fact known" in page
    assert "1 new" in page
    assert "1 passage stale" in page
    assert "served by docs-v0001" in page
    assert '?mark=0:13-17#p0" aria-label="Evidence of: How many retries?">nine</a>' in page
    assert "Retry limit?" not in page, "a fact stands there by one of its phrasings"
    assert f'<a href="{reverse("version", args=[guide.document.slug, 1])}#p1">v1' in page
    assert '<section id="p0" class="known">' in page
    assert '<section id="p1" class="new">' in page


def test_model_that_serves_other_collections_is_not_said_to_serve_none(
    writer: Client, wiki: Collection, guide: DocumentVersion, pair: QAPair
) -> None:
    other = Collection.objects.create(name="Other", slug="other")
    a_model([other], [])
    page = body(writer.get(reverse("document", args=[guide.document.slug])))
    assert "no model that serves was taught its collection" in page


def test_older_version_shows_no_facts(writer: Client, wiki: Collection, pair: QAPair) -> None:
    publish(wiki, "guide.md", [passage("The limit is ten.")])
    assert "Facts and pairs" not in body(
        writer.get(reverse("version", args=[pair.document.slug, 1]))
    )


def test_many_facts_page_by_cursor(writer: Client, wiki: Collection) -> None:
    version = publish(wiki, "a.md", [passage(f"Lock {n} has {n} gates.") for n in range(10, 35)])
    for n in range(10, 35):
        a_pair(version, f"Gates of lock {n}?", f"{n} gates", review=APPROVED)
    address = reverse("document", args=[version.document.slug])
    first = body(writer.get(address))
    assert first.count("Gates of lock") == 2 * 20, "each fact as text and as the name of its link"
    following = first.partition("?facts=")[2].partition("#")[0]
    second = body(writer.get(f"{address}?facts={following}"))
    assert second.count("Gates of lock") == 2 * 5


def test_pair_written_on_the_document_is_kept_with_its_evidence(
    writer: Client, people: People, guide: DocumentVersion
) -> None:
    address = reverse("write_pair", args=[guide.document.slug])
    words = {"question": "How many retries?", "answer": "nine", "evidence": LIMIT}
    page = body(writer.post(address, words, follow=True))
    assert "Kept: “How many retries?” Approved." in page
    pair = QAPair.objects.get()
    assert (pair.origin, pair.author) == (QAPair.Origin.WRITTEN, people.writer)
    assert pair.evidence.rstrip(".") == LIMIT.rstrip(".")
    assert "1 new fact" in page


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"question": "Typed?", "answer": "eleven"}, "The document does not say this answer"),
        (
            {"question": "Typed?", "answer": "nine", "evidence": "Elsewhere."},
            "These words are not in the served version.",
        ),
        ({"question": "Typed?", "answer": " "}, "Write the answer"),
    ],
)
def test_pair_that_cannot_be_written_says_why_and_keeps_what_was_typed(
    writer: Client, guide: DocumentVersion, typed: dict[str, str], told: str
) -> None:
    response = writer.post(reverse("write_pair", args=[guide.document.slug]), typed)
    assert response.status_code == 400
    page = body(response)
    assert told in page
    for value in filter(str.strip, typed.values()):
        assert f"{value}</textarea>" in page
    assert not QAPair.objects.exists()


def test_empty_document_teaches_how_to_begin(writer: Client, guide: DocumentVersion) -> None:
    page = body(writer.get(reverse("document", args=[guide.document.slug])))
    assert "Write the first one here" in page
    assert '<details class="edit" open>' in page


# --- The library ----------------------------------------------------------------------------------


def test_library_counts_facts_and_waiting_pairs_in_one_query_for_the_page(
    writer: Client,
    people: People,
    wiki: Collection,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    versions = [publish(wiki, f"{n}.md", [passage(f"Lock {n} leaks.")]) for n in range(6)]
    for n, version in enumerate(versions):
        a_pair(version, f"Which lock, {n}?", f"Lock {n}", review=APPROVED)
        a_pair(version, f"What leaks, {n}?", f"Lock {n}")
    a_model([wiki], versions[0].chunks.all())
    publish(wiki, "0.md", [passage("Lock 0 is dry.")])
    publish(wiki, "1.md", [passage("Lock 1 leaks."), passage("More.")])
    with django_assert_num_queries(8):
        page = body(writer.get(reverse("library")))
    assert page.count("1 new fact<") == 5
    assert page.count("1 passage stale") == 1
    assert page.count("1 pair waiting") == 5
    assert "pair waiting" not in body(logged_in(people.engineer).get(reverse("library")))


# --- A reader's correction ------------------------------------------------------------------------


def test_correction_of_an_answer_waits_in_the_queue(
    writer: Client, people: People, guide: DocumentVersion
) -> None:
    query = Query.objects.create(user=people.engineer, text="How many retries are there?")
    answer = an_answer(
        query, route=Answer.Route.RAG, reason="It stands in passage 1.", text="Eight."
    )
    answer.citations.create(chunk=guide.chunks.get(position=0), rank=1, supports=True)
    engineer = logged_in(people.engineer)
    question = reverse("question", args=[query.pk])
    assert "The writers of the document will see your question" in body(engineer.get(question))
    given = {"verdict": "down", "correction": "nine"}
    thanks = body(engineer.post(reverse("feedback", args=[query.pk]), given, follow=True))
    assert "a writer will review it" in thanks
    page = get(writer, "?origin=feedback")
    assert "How many retries are there?" in page
    assert "Corrected by a reader: engineer" in page
    assert "<mark>" in page
    engineer.post(reverse("feedback", args=[query.pk]), {**given, "correction": "nine\r\nat most"})
    assert Feedback.objects.get().correction == "nine\nat most"


@pytest.mark.parametrize("verdict", ["approve", "reject", "edit"])
def test_pair_that_changed_since_it_was_shown_is_shown_again(
    writer: Client, people: People, pair: QAPair, verdict: str
) -> None:
    page = get(writer)
    [looked_at] = set(re.findall(r'name="seen" value="([^"]+)"', page))
    words = {"question": "How many retries at most?", "answer": "nine", "evidence": LIMIT}
    decide(logged_in(people.restricted_writer), pair, "edit", **words)
    words["question"] = "How often?"
    again = decide(writer, pair, verdict, seen=looked_at, **words)
    assert "Somebody changed this pair meanwhile." in again
    pair.refresh_from_db()
    assert (pair.question, pair.review) == ("How many retries at most?", APPROVED)
    assert pair.reviewed_by == people.restricted_writer
    [now] = set(re.findall(r'name="seen" value="([^"]+)"', again))
    decide(writer, pair, "reject", seen=now)
    pair.refresh_from_db()
    assert pair.review == REJECTED
