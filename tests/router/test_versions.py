"""Questions that name a version: which text they are answered from, and who may see it."""

import datetime

import pytest
from asgiref.sync import async_to_sync

from ingestion.models import Collection, DocumentVersion, Reader
from router import services
from router.models import Answer
from router.policy import RouteAsked
from router.prompts import REFUSAL
from router.services import Passages
from tests.documents import passage, publish
from tests.people import People
from tests.scripted_llm import ScriptedLLM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

PATH, TITLE = "deploy.md", "Deploy handbook"
PAGER = passage("The pager of the deploy crew is 555-0199.", "Contacts")


def write(
    collection: Collection, wait: int, *, contact: str = "Ask in #deploy.", path: str = PATH
) -> DocumentVersion:
    """A version of the handbook, served instead of the one before."""
    text = f"A deploy of the booking service waits {wait} minutes for the canary."
    return publish(
        collection, path, [PAGER, passage(text, "Canary"), passage(contact, "Help")], title=TITLE
    )


@pytest.fixture
def handbook(wiki: Collection) -> list[DocumentVersion]:
    """Three versions: the wait changes with the second, something else with the third."""
    versions = [write(wiki, 20), write(wiki, 45), write(wiki, 45, contact="Ask in #release.")]
    day = datetime.datetime(2026, 11, 3, 12, tzinfo=datetime.UTC)
    DocumentVersion.objects.filter(pk=versions[1].pk).update(created_at=day)
    return versions


def answered(text: str, *, user: Reader = None, route: RouteAsked = "auto") -> Answer:
    return services.ask(text, user=user, route=route)


def cited(answer: Answer) -> set[int]:
    return set(answer.citations.values_list("chunk__version__number", flat=True))


def prompts(llm: ScriptedLLM) -> str:
    return str([request["messages"][1]["content"] for request in llm.requests])


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize("route", ["auto", "rag"])
def test_version_is_read_and_checked_alone(llm: ScriptedLLM, route: RouteAsked) -> None:
    llm.will_say("20 minutes [1]", "45 minutes [1]")
    question = "How long does a deploy wait for the canary in v1?"
    answer = answered(question, route=route)
    assert (answer.route, answer.text) == ("rag", "20 minutes")
    assert cited(answer) == {1}
    assert answer.reason.startswith(
        "It asks for version 1 of Deploy handbook (served until 3 Nov 2026); that text is read."
    )
    assert answer.signals["decision"]["rule"] == "pinned"
    assert answer.signals["question"] == question
    source = answer.citations.get(supports=True)
    assert source.rank == answer.signals["sentences"][0]["passage"] == 1
    assert "20 minutes" in source.chunk.text[source.start : source.end]
    assert "45" not in prompts(llm)
    assert "v1" not in prompts(llm)
    wrong = answered(question, route=route)
    assert (wrong.route, wrong.text) == ("refused", REFUSAL), "today's value stands not in it"


@pytest.mark.usefixtures("handbook")
def test_passages_of_that_version_are_shown_first(llm: ScriptedLLM) -> None:
    llm.will_say("20 minutes")
    query = services.start_query(user=None, text="How long is the wait in version 1?")

    async def first() -> services.Event:
        async for event in services.answer(query):
            return event
        raise AssertionError("It begins with the passages.")

    shown = async_to_sync(first)()
    assert isinstance(shown, Passages)
    assert {hit.chunk.version.number for hit in shown.hits} == {1}


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize(
    "question",
    [
        "How long did a deploy wait for the canary before the migration?",
        "How long did a deploy previously wait for the canary?",
        "How long did a deploy wait for the canary until v2?",
    ],
)
def test_what_was_before_is_read_where_it_last_stood_otherwise(
    llm: ScriptedLLM, question: str
) -> None:
    llm.will_say("20 minutes")
    answer = answered(question)
    assert (answer.text, cited(answer)) == ("20 minutes", {1})
    assert answer.reason.startswith("It asks for what was before; version 1 of Deploy handbook (")


@pytest.mark.usefixtures("handbook")
def test_what_never_changed_is_read_in_the_version_before_todays(llm: ScriptedLLM) -> None:
    llm.will_say("555-0199")
    answer = answered("What was the pager of the deploy crew before the migration?")
    assert (answer.text, cited(answer)) == ("555-0199", {2})


@pytest.mark.usefixtures("handbook")
def test_current_version_by_its_number_is_called_the_current_one(llm: ScriptedLLM) -> None:
    llm.will_say("45 minutes")
    answer = answered("How long does a deploy wait for the canary in version 3?")
    assert (answer.text, cited(answer)) == ("45 minutes", {3})
    assert "version 3 of Deploy handbook (the current one)" in answer.reason


@pytest.mark.usefixtures("handbook")
@pytest.mark.parametrize("route", ["auto", "rag"])
def test_missing_version_is_refused_with_those_that_there_are(
    llm: ScriptedLLM, route: RouteAsked
) -> None:
    answer = answered("How long does a deploy wait in v7 of the handbook?", route=route)
    assert (answer.route, answer.text) == ("refused", REFUSAL)
    assert answer.reason.startswith(
        "There is no version 7 of Deploy handbook; it has versions 1 to 3."
    )
    assert cited(answer) == {3}
    assert llm.requests == []


@pytest.mark.usefixtures("handbook")
def test_version_of_the_document_that_is_named_is_not_looked_for_in_another(
    llm: ScriptedLLM, wiki: Collection
) -> None:
    for wait in (1, 2, 3, 4):
        text = f"A deploy handbook reader waits {wait} minutes for a deploy."
        publish(wiki, "reading.md", [passage(text, "Deploy")], title="Reading")
    llm.will_say("4 minutes")
    named = answered("How long does a deploy wait in version 4 of the Deploy handbook?")
    assert named.refused
    assert "it has versions 1 to 3" in named.reason
    other = answered("How long does a deploy wait in v4?")
    assert (other.text, cited(other)) == ("4 minutes", {4}), "the only one that has a fourth"


def test_single_version_is_read_as_it_is_and_says_that_nothing_older_is_kept(
    llm: ScriptedLLM, wiki: Collection
) -> None:
    write(wiki, 45)
    llm.will_say("45 minutes")
    answer = answered("How long did a deploy wait for the canary before the last update?")
    assert (answer.text, cited(answer)) == ("45 minutes", {1})
    assert "nothing older of Deploy handbook is kept; the current text is read" in answer.reason


def test_version_that_the_text_speaks_of_is_the_products(
    llm: ScriptedLLM, wiki: Collection
) -> None:
    for limit in (10, 30):
        text = f"In v1 the upload limit is {limit} MB. In v5.2 the upload limit is 90 MB."
        publish(wiki, "api.md", [passage(text, "Limits")], title="Upload API")
    llm.will_say("30 MB", "90 MB")
    for release, value in (("v1", "30 MB"), ("v5.2", "90 MB")):
        answer = answered(f"What is the upload limit in {release}?")
        assert (answer.text, cited(answer)) == (value, {2})
        assert "the current text is read" in answer.reason
        assert release in str(llm.requests[-1]["messages"]), (
            "the text has it, so the check needs it"
        )


def test_step_before_a_release_is_read_from_the_current_text(
    llm: ScriptedLLM, wiki: Collection
) -> None:
    for what in ("the ledger", "the vault"):
        text = f"The release manager must back up {what}."
        publish(wiki, "steps.md", [passage(text, "Steps")], title="Steps")
    llm.will_say("The vault")
    answer = answered("What must the release manager back up before the release?")
    assert (answer.text, cited(answer)) == ("The vault", {2})


def test_old_version_is_for_the_readers_of_its_collection_only(
    llm: ScriptedLLM, people: People, vault: Collection, wiki: Collection
) -> None:
    write(vault, 77)
    write(vault, 88)
    publish(wiki, "open.md", [passage("A deploy waits for the weather.", "Wait")], title="Weather")
    llm.will_say("77 minutes")
    question = "How long does a deploy of the booking service wait for the canary in v1?"
    told = answered(question, user=people.reader)
    assert (told.text, cited(told)) == ("77 minutes", {1}), told.reason
    for stranger in (None, people.engineer, people.admin):
        for asked in (question, question.replace("v1", "v2"), question.replace("v1", "v9")):
            answer = answered(asked, user=stranger)
            assert answer.refused
            assert TITLE not in answer.reason
            assert "booking service waits" not in str(answer.signals) + str(llm.requests[1:])
            assert not answer.citations.filter(chunk__version__document__title=TITLE).exists()
