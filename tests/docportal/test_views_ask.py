"""Ask and search in the browser's terms: requests in, pages and fragments out."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from html import unescape

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from docportal import admission
from docportal.admission import answers
from docportal.models import User
from ingestion.models import Collection
from router import registry, taught
from router.models import Answer, Citation, Conversation, Feedback, Query
from router.prompts import REFUSAL
from router.taught import Taught
from tests.docportal.streams import parts
from tests.documents import fail, passage, publish, upload
from tests.model_files import Workshop, certified
from tests.pairs import a_pair
from tests.people import People
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import ScriptedLLM
from training import precedents
from training.models import QAPair

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]

QUESTION = "How often does the webhook sender retry?"
SENTENCE = "The webhook sender retries 9 times."


@pytest.fixture
def llm(llm: ScriptedLLM) -> ScriptedLLM:
    llm.will_say(f"{SENTENCE} [1]")
    return llm


@pytest.fixture
def client(people: People) -> Client:
    client = Client()
    client.force_login(people.engineer)
    return client


@pytest.fixture
def sender(wiki: Collection) -> None:
    text = f"It sends events. {SENTENCE} Then it parks them."
    publish(wiki, "webhooks.md", [passage(text, "Delivery")], title="Webhook sender")


def ask(client: Client, text: str = QUESTION, **more: str) -> Query:
    response = client.post(reverse("ask_question"), {"q": text, **more})
    assert response.status_code == 302
    return Query.objects.get(pk=response["Location"].strip("/").split("/")[-1])


def body(response: object) -> str:
    return unescape(getattr(response, "content", b"").decode())


@pytest.mark.usefixtures("sender")
def test_search_has_an_address_and_shows_passages_without_a_model(client: Client) -> None:
    page = body(client.get("/", {"q": "retry webhook"}))
    assert "Webhook sender" in page
    assert "<mark>webhook</mark>" in page
    assert Query.objects.count() == 0


@pytest.mark.usefixtures("sender")
def test_typing_gets_a_fragment_and_the_address_follows(client: Client) -> None:
    typed = client.get(
        "/?q=webhook",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/?q=webh"},
    )
    assert "<html" not in body(typed)
    assert typed["HX-Replace-Url"] == "/?q=webhook"
    assert "<title>webhook · docportal</title>" in body(typed)
    elsewhere = client.get(
        "/?q=webhook",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/questions/"},
    )
    assert elsewhere["HX-Push-Url"] == "/?q=webhook"


def test_first_page_counts_what_can_be_found(client: Client, wiki: Collection) -> None:
    assert "Nothing to search yet. When a writer uploads" in body(client.get("/"))
    fail(wiki, "ferry.md", "The file is empty.")
    assert "Nothing to search yet. When a writer uploads" in body(client.get("/"))
    upload(wiki, "ferry.md", "# The ferry")
    assert "Nothing to search yet: 1 document is still being read." in body(client.get("/"))
    publish(wiki, "vessel.md", [passage("The vessel sails.")])
    assert "Type to search 1 document<" in body(client.get("/"))


@pytest.mark.usefixtures("sender")
def test_who_finds_nothing_hears_of_own_documents_that_are_still_being_read(
    client: Client, wiki: Collection, vault: Collection
) -> None:
    upload(wiki, "ferry.md", "# The ferry")
    upload(vault, "vessel.md", "# The vessel")
    told = "1 document is still being read"
    assert told in body(client.get("/", {"q": "ferry"}))
    assert told not in body(client.get("/", {"q": "webhook"}))
    query = ask(client, "What does the ferry cost?")
    assert told in body(client.get(reverse("question", args=[query.pk])))


@pytest.mark.usefixtures("sender", "llm")
def test_plain_form_waits_for_the_answer_and_lands_on_its_address(client: Client) -> None:
    query = ask(client)
    page = body(client.get(reverse("question", args=[query.pk])))
    assert SENTENCE in page
    assert query.answer.route == Answer.Route.RAG
    citation = query.answer.citations.get()
    link = f"?mark=0:{citation.start}-{citation.end}#p0"
    assert page.count(link) == 2, "the number in the answer and the passage are one link"
    assert f"<mark>{SENTENCE}</mark>" in page


def test_answer_says_why_it_came_this_way(
    client: Client, llm: ScriptedLLM, wiki: Collection, workshop: Workshop
) -> None:
    text = passage(SENTENCE, "Delivery")
    publish(wiki, "webhooks.md", [text], title="Webhook sender")
    llm.adapters = {}
    coverage = {text.content_hash: (12, 0.75)}
    model = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    registry.promote(model, by=None)
    llm.replies.clear()
    llm.will_say("7 times.", "9 times.")
    model.calibration = certified().as_json()
    model.save()
    query = ask(client)
    page = " ".join(body(client.get(reverse("question", args=[query.pk]))).split())
    assert 'Asked first</dt><dd>the tuned model <span class="quiet">(rule: taught)</span>' in page
    assert f"{model}: The answer of {model} is not shown: “7” stands in none" in page
    assert "every sentence stands in a passage" in page
    assert '<td>taught</td><td class="number">12</td><td class="number">75 %</td>' in page


def test_answer_says_in_which_words_the_model_was_asked(
    client: Client, llm: ScriptedLLM, wiki: Collection, workshop: Workshop, settings: Settings
) -> None:
    text = passage(SENTENCE.replace("The webhook sender", "Night-Bell"), "Delivery")
    publish(wiki, "bell.md", [text], title="Night-Bell")
    llm.adapters = {}
    coverage = {text.content_hash: (1, 1.0)}
    model = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    registry.promote(model, by=None)
    lesson = Taught("How often does Night-Bell retry?", "9 times", text.content_hash)
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        taught.keep(model, taught.repertoire([lesson]))
        llm.will_say(REFUSAL, "9 times.")
        query = ask(client, "Night-Bell does retry how often?")
    page = " ".join(body(client.get(reverse("question", args=[query.pk]))).split())
    assert f"{model}, asked as “{lesson.question}”: " in page


@pytest.mark.usefixtures("sender", "llm")
def test_where_no_reader_was_asked_the_reason_stands_alone(client: Client) -> None:
    query = ask(client)
    for attempt in query.answer.signals["attempts"]:
        attempt |= {"model": "", "problem": "Nothing is likely."}
    query.answer.save()
    page = " ".join(body(client.get(reverse("question", args=[query.pk]))).split())
    assert "The passages</dt><dd>Nothing is likely." in page


def test_answer_by_an_earlier_question_says_so(
    client: Client, llm: ScriptedLLM, wiki: Collection, settings: Settings
) -> None:
    version = publish(wiki, "webhooks.md", [passage(SENTENCE, "Delivery")], title="Webhook sender")
    earlier = "How often does it retry?"
    a_pair(version, earlier, "9", evidence=SENTENCE, review=QAPair.Review.APPROVED)
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        precedents.refresh()
        query = ask(client, "How often does it retry now?")
    page = " ".join(body(client.get(reverse("question", args=[query.pk]))).split())
    assert llm.requests == []
    assert query.answer.text in SENTENCE
    told = f"no model, but the answer to “{earlier}”: every sentence stands in a passage"
    assert told in unescape(page)


@pytest.mark.usefixtures("sender")
async def test_answer_of_an_older_version_is_marked_and_opens_that_version(
    people: People, llm: ScriptedLLM, wiki: Collection
) -> None:
    newer = [passage("The webhook sender retries 12 times.", "Delivery")]
    await sync_to_async(publish)(wiki, "webhooks.md", newer, title="Webhook sender")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    asked = await client.post(
        reverse("ask_question"),
        {"q": "How often does the webhook sender retry in version 1?"},
        headers={"HX-Request": "1"},
    )
    events = dict(await stream(client, asked["HX-Push-Url"]))
    label = "<strong>version 1, not current</strong>"
    page = " ".join(events["finished"].split())
    assert label in events["passages"]
    assert label in page
    assert "replaced since" not in page
    assert "from version 1 of Webhook sender, not current, checked ✓" in page
    assert "It asks for version 1 of Webhook sender (served until " in page
    source = await sync_to_async(_supporting)()
    link = f"/versions/1/?mark={source.chunk.position}:{source.start}-{source.end}#p0"
    assert page.count(link) == 2


@pytest.mark.usefixtures("sender", "llm")
def test_answer_of_the_text_of_its_day_is_replaced_since_by_a_newer_one(
    client: Client, wiki: Collection
) -> None:
    query = ask(client)
    newer = [passage("The webhook sender retries 12 times.", "Delivery")]
    publish(wiki, "webhooks.md", newer, title="Webhook sender")
    page = body(client.get(reverse("question", args=[query.pk])))
    assert "<strong>replaced since</strong>" in page
    assert "not current" not in page


@pytest.mark.usefixtures("sender")
def test_citation_opens_the_document_with_the_sentence_marked(
    client: Client, llm: ScriptedLLM
) -> None:
    citation = ask(client).answer.citations.get()
    version = citation.chunk.version
    page = reverse("version", args=[version.document.slug, version.number])
    shown = body(client.get(f"{page}?mark=0:{citation.start}-{citation.end}"))
    assert f"<mark>{SENTENCE}</mark>" in shown


@pytest.mark.usefixtures("sender")
async def test_answer_streams_passages_first_then_sentences_then_the_whole(
    people: People, llm: ScriptedLLM
) -> None:
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    asked = await client.post(reverse("ask_question"), {"q": QUESTION}, headers={"HX-Request": "1"})
    address = asked["HX-Push-Url"]
    assert f'sse-connect="{address}stream/"' in body(asked)
    events = await stream(client, address)
    assert [name for name, _ in events] == ["passages", "sentence", "finished"]
    assert "Webhook sender" in events[0][1]
    assert SENTENCE in events[1][1]
    assert "checked" in events[2][1]
    assert [name for name, _ in await stream(client, address)] == ["finished"], "asked once only"
    assert len(llm.requests) == 1


def _supporting() -> Citation:
    return Citation.objects.select_related("chunk").get(supports=True)


async def stream(client: AsyncClient, address: str) -> list[tuple[str, str]]:
    response = await client.get(f"{address}stream/")
    assert response["Content-Type"] == "text/event-stream"
    raw = b"".join([part async for part in parts(response)]).decode()
    events = []
    for block in raw.split("\n\n"):
        if block.startswith("event: "):
            name, *lines = block.splitlines()
            data = "\n".join(line.removeprefix("data: ") for line in lines)
            events.append((name.removeprefix("event: "), unescape(data)))
    return events


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    ("written", "told"),
    [
        (f"{SENTENCE} [1]", (f"Answered: {SENTENCE}",)),
        ("77 times. [1]", ("I don't have enough information to answer that.", "“77” stands in")),
    ],
)
async def test_screen_reader_is_told_what_becomes_of_the_question(
    people: People, llm: ScriptedLLM, written: str, told: tuple[str, ...]
) -> None:
    llm.will_say(written)
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    asked = await client.post(reverse("ask_question"), {"q": QUESTION}, headers={"HX-Request": "1"})
    region = '<p id="told" hx-swap-oob="innerHTML">'
    assert f"{region}Looking for the answer." in body(asked)
    assert "aria-busy" not in body(asked)
    events = dict(await stream(client, asked["HX-Push-Url"]))
    said = events["finished"].partition(region)[2].partition("</p>")[0]
    assert all(one in said for one in told)


@pytest.mark.usefixtures("sender")
async def test_refusal_takes_back_nothing_but_shows_the_nearest_passages(
    people: People, llm: ScriptedLLM
) -> None:
    llm.will_say("It retries 77 times. [1]")
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    asked = await client.post(reverse("ask_question"), {"q": QUESTION}, headers={"HX-Request": "1"})
    events = await stream(client, asked["HX-Push-Url"])
    assert [name for name, _ in events] == ["passages", "finished"]
    assert "I don't have enough information to answer that." in events[1][1]
    assert "Nearest passages" in events[1][1]
    assert "77" in await sync_to_async(lambda: Answer.objects.get().reason)()


@pytest.mark.usefixtures("sender")
def test_without_a_model_the_passages_are_still_there(client: Client) -> None:
    page = body(client.get(reverse("question", args=[ask(client).pk])))
    assert "The model server does not answer" in page
    assert "Webhook sender" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [("  ", "The question is empty."), ("word " * 500, "and 2,000 is the limit")],
    ids=["empty", "long"],
)
@pytest.mark.parametrize("htmx", [False, True])
def test_bad_question_is_told_what_to_do_and_kept(
    *, client: Client, text: str, told: str, htmx: bool
) -> None:
    headers = {"HX-Request": "true"} if htmx else {}
    response = client.post(reverse("ask_question"), {"q": text}, headers=headers)
    assert response.status_code == 400
    assert told in body(response)
    assert ("<html" in body(response)) is not htmx
    assert (response.get("HX-Retarget") == "#notices") is htmx, "the page stays as it is"
    assert htmx or f'value="{text}"' in body(response)
    assert Query.objects.count() == 0


@pytest.mark.usefixtures("sender", "llm")
def test_follow_up_stays_in_the_conversation(client: Client, people: People) -> None:
    first = ask(client)
    second = ask(client, "And in staging?", conversation=str(first.conversation_id))
    assert second.conversation_id == first.conversation_id is not None
    page = body(client.get(reverse("question", args=[second.pk])))
    assert "Earlier in this conversation" in page
    assert QUESTION in page


@pytest.mark.usefixtures("sender", "llm")
def test_question_that_was_understood_otherwise_says_so_beside_the_answer(client: Client) -> None:
    question = reverse("question", args=[ask(client, "How often does the webhok sender retry?").pk])
    page = body(client.get(question))
    assert page.index(SENTENCE) < page.index(f"Understood as “{QUESTION}”")
    assert page.index("Understood as", page.index(SENTENCE)) < page.index("why this route")
    plain = reverse("question", args=[ask(client).pk])
    assert "Understood as" not in body(client.get(plain))


@pytest.mark.usefixtures("sender", "llm")
def test_follow_up_cannot_enter_the_conversation_of_another(client: Client, people: People) -> None:
    others = Conversation.objects.create(user=people.writer)
    assert ask(client, conversation=str(others.pk)).conversation_id != others.pk


@pytest.mark.usefixtures("sender", "llm")
def test_thumb_and_correction_are_kept(client: Client) -> None:
    query = ask(client)
    address = reverse("feedback", args=[query.pk])
    assert client.post(address, {"verdict": "up"}).status_code == 302
    corrected = client.post(
        address,
        {"verdict": "down", "correction": "Nine, since May."},
        headers={"HX-Request": "true"},
    )
    assert "your correction is kept" in body(corrected)
    feedback = Feedback.objects.get()
    assert (feedback.verdict, feedback.correction) == ("down", "Nine, since May.")
    pair = QAPair.objects.get()
    assert (pair.question, pair.answer, pair.review) == (query.text, "Nine, since May.", "pending")
    assert client.post(address, {"verdict": "sideways"}).status_code == 400


@pytest.mark.usefixtures("sender", "llm")
def test_thumb_alone_leaves_the_correction_and_its_review_as_they_are(client: Client) -> None:
    query = ask(client)
    address = reverse("feedback", args=[query.pk])
    client.post(address, {"verdict": "down", "correction": "Nine, since May."})
    pair = QAPair.objects.get()
    again = client.post(address, {"verdict": "down"}, headers={"HX-Request": "true"})
    assert "your correction is kept" in body(again)
    assert "<textarea" not in body(again), "what is typed meanwhile stays on the page"
    assert Feedback.objects.get().correction == "Nine, since May."
    assert QAPair.objects.get() == pair
    edited = {"question": "How often?", "key": "edited", "reviewed_at": pair.created_at}
    QAPair.objects.update(**edited)
    client.post(address, {"verdict": "down"})
    assert QAPair.objects.get().key == "edited", "it does not come back as it was"


@pytest.mark.usefixtures("sender", "llm")
def test_who_finds_the_answer_helpful_after_all_corrects_nothing(client: Client) -> None:
    address = reverse("feedback", args=[ask(client).pk])
    client.post(address, {"verdict": "down", "correction": "Nine, since May."})
    client.post(address, {"verdict": "up"})
    assert (Feedback.objects.get().verdict, Feedback.objects.get().correction) == ("up", "")
    assert not QAPair.objects.exists()


@pytest.mark.usefixtures("sender", "llm")
@pytest.mark.parametrize("verdict", ["up", "down"])
def test_thumb_without_a_script_takes_along_what_is_typed(client: Client, verdict: str) -> None:
    query = ask(client)
    address = reverse("feedback", args=[query.pk])
    form = form_to(address, body(client.get(reverse("question", args=[query.pk]))))
    assert f'name="verdict" value="{verdict}" formnovalidate' in form
    assert 'name="correction"' in form
    typed = {"verdict": verdict, "correction": " Nine,\r\nsince May. "}
    page = body(client.post(address, typed, follow=True))
    assert "your correction is kept" in page
    assert "Nine,\nsince May.</textarea>" in page
    kept = Feedback.objects.get()
    assert (kept.verdict, kept.correction) == (verdict, "Nine,\nsince May.")
    assert QAPair.objects.get().answer == kept.correction


@pytest.mark.usefixtures("sender", "llm")
def test_thumb_without_a_script_says_nothing_of_a_correction_that_was_sent(
    client: Client,
) -> None:
    address = reverse("feedback", args=[ask(client).pk])
    sent = {"verdict": "down", "correction": "Nine, since May."}
    client.post(address, sent)
    QAPair.objects.update(key="edited", reviewed_at=timezone.now())
    client.post(address, sent)
    assert QAPair.objects.get().key == "edited"
    client.post(address, sent | {"verdict": "up"})
    assert (Feedback.objects.get().verdict, Feedback.objects.get().correction) == ("up", "")
    client.post(address, {"verdict": "down", "correction": ""})
    assert Feedback.objects.get().correction == ""


def form_to(address: str, page: str) -> str:
    found = re.search(rf'<form [^>]*action="{address}".*?</form>', page, re.DOTALL)
    assert found is not None
    return found[0]


def test_history_is_ones_own_and_pages_by_cursor(
    client: Client, people: People, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Query.objects.create(user=people.writer, text="of somebody else")
    for number in range(35):
        questions(people.engineer, f"question {number}.")
    with django_assert_num_queries(4):
        first = body(client.get(reverse("history")))
    assert "of somebody else" not in first
    assert "question 34." in first
    assert "question 4." not in first
    cursor = first.partition("after=")[2].partition('"')[0]
    second = body(client.get(reverse("history"), {"after": cursor}))
    assert "question 4." in second
    assert "question 5." not in second


def questions(user: User, text: str) -> None:
    Query.objects.create(user=user, text=text, conversation=Conversation.objects.create(user=user))


def test_unknown_question_is_nothing(client: Client) -> None:
    assert client.get(reverse("question", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.usefixtures("sender")
async def test_question_beyond_what_can_wait_is_sent_away_at_once(
    people: People, llm: ScriptedLLM
) -> None:
    client = AsyncClient()
    await client.aforce_login(people.engineer)
    room = settings.ANSWERS_AT_ONCE + settings.ANSWERS_WAITING
    async with AsyncExitStack() as stack:
        for _ in range(settings.ANSWERS_AT_ONCE):
            await stack.enter_async_context(answers.admitted())
        waiting = [
            asyncio.ensure_future(stack.enter_async_context(answers.admitted()))
            for _ in range(room - settings.ANSWERS_AT_ONCE)
        ]
        await asyncio.sleep(0)
        response = await client.post(reverse("ask_question"), {"q": QUESTION})
        assert (response.status_code, response["Retry-After"]) == (429, "5")
        assert "Ask again in a few seconds" in body(response)
        assert not await Query.objects.aexists()
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    response = await client.post(reverse("ask_question"), {"q": QUESTION})
    assert response.status_code == 302
    assert llm.requests


@contextmanager
def room_for(questions: int) -> Iterator[None]:
    before, answers._most = answers._most, questions
    try:
        yield
    finally:
        answers._most = before


@pytest.mark.usefixtures("sender")
async def test_who_was_let_in_has_the_place_until_the_answer_is_fetched(
    people: People, llm: ScriptedLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others who ask in between, before the page has opened its stream, do not take it."""
    monkeypatch.setattr(admission, "KEPT_SECONDS", 3600.0)
    client = AsyncClient()
    await client.aforce_login(people.engineer)

    async def ask() -> int:
        address, headers = reverse("ask_question"), {"HX-Request": "true"}
        return (await client.post(address, {"q": QUESTION}, headers=headers)).status_code

    with room_for(1):
        assert (await ask(), await ask()) == (200, 429)
        query = await Query.objects.aget()
        stream = await client.get(reverse("question_stream", args=[query.pk]))
        told = b"".join([part async for part in parts(stream)])
        assert SENTENCE in told.decode()
        assert await ask() == 200
