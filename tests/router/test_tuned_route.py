"""The route that measures a tuned model alone: shown as it answers, and what the passages say."""

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from ingestion.models import Collection, Reader
from router import registry, services
from router.drafting import Sentence
from router.models import Answer, Query
from router.prompts import REFUSAL, tuned_messages
from router.services import Drafted, Event
from tests.documents import passage, publish
from tests.model_files import Workshop
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM, says

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

QUESTION = "How often does the webhook sender retry?"
DELIVERY = "A failed delivery of the webhook sender is retried 9 times. Then the event is parked."


@pytest.fixture(autouse=True)
def sender(wiki: Collection, llm: ScriptedLLM) -> None:
    publish(wiki, "webhook-sender.md", [passage(DELIVERY, "Delivery")], title="Webhook sender")
    llm.adapters = {}


@pytest.fixture
def model(workshop: Workshop, wiki: Collection) -> str:
    candidate = workshop.candidate(merged=None, readers={wiki.pk: ()})
    return registry.promote(candidate, by=None).name


def answered(user: Reader = None, text: str = QUESTION) -> Answer:
    return services.ask(text, user=user, route="tuned")


def reason(answer: Answer) -> str:
    """Without what is said as no embedding server runs here."""
    return answer.reason.partition(" The embedding server")[0]


def test_model_is_asked_without_any_passage(model: str, llm: ScriptedLLM) -> None:
    llm.will_say("9 times")
    answered()
    request = llm.requests[0]
    assert (request["model"], request["temperature"]) == (model, 0)
    assert request["messages"] == tuned_messages(QUESTION)
    assert DELIVERY not in str(request)
    assert request["max_completion_tokens"] == 64


def test_answer_that_a_passage_bears_out_is_cited(model: str, llm: ScriptedLLM) -> None:
    llm.will_say(says("9 ", "times."))
    answer = answered()
    assert (answer.route, answer.text, answer.model) == ("tuned", "9 times.", model)
    assert answer.verified
    assert reason(answer) == "Checked: it stands in passage 1."
    citation = answer.citations.get()
    assert citation.supports
    assert citation.chunk.text[citation.start : citation.end] == DELIVERY.split(" Then")[0]
    assert 0.5 < answer.confidence <= 1
    assert (answer.prompt_tokens, answer.completion_tokens) == (100, 7)


def test_answer_that_no_passage_bears_out_is_shown_and_said_to_be_so(
    model: str, llm: ScriptedLLM
) -> None:
    llm.will_say("13 times.")
    answer = answered()
    assert (answer.route, answer.text, answer.confidence) == ("tuned", "13 times.", 0.0)
    assert not answer.verified
    assert reason(answer) == (
        "Asked for by the route; no current passage bears it out. "
        "“13” stands in none of the passages."
    )
    assert not answer.citations.get().supports
    assert answer.signals["sentences"] == [
        {
            "text": "13 times.",
            "passage": None,
            "score": 0.0,
            "problem": "“13” stands in none of the passages.",
        }
    ]
    assert answer.signals["attempts"][0]["missing"] == ["13"]


def test_each_sentence_is_shown_with_where_it_stands(model: str, llm: ScriptedLLM) -> None:
    llm.will_say(says("9 times. ", "After 40 days it rings."))

    async def collect() -> list[Event]:
        query = await Query.objects.acreate(text=QUESTION)
        return [event async for event in services.answer(query, route="tuned")]

    shown = [event for event in async_to_sync(collect)() if isinstance(event, Sentence)]
    assert [(one.text, one.rank) for one in shown] == [
        ("9 times. ", 1),
        ("After 40 days it rings.", 0),
    ]
    answer = Answer.objects.get()
    assert (answer.text, answer.verified) == ("9 times. After 40 days it rings.", False)
    assert answer.citations.get().supports


def test_refusal_of_the_model_is_a_refusal(model: str, llm: ScriptedLLM) -> None:
    llm.will_say(REFUSAL)
    answer = answered()
    assert (answer.route, answer.text, answer.model) == ("refused", REFUSAL, model)
    assert reason(answer) == f"{model} does not know the answer."
    assert not answer.verified


def test_model_answers_also_where_no_passage_is_found(model: str, llm: ScriptedLLM) -> None:
    llm.will_say("Four.")
    answer = answered(text="zyxwv qqqq")
    assert (answer.route, answer.text, answer.verified) == ("tuned", "Four.", False)


def test_without_a_tuned_model_the_route_refuses_and_asks_nobody(llm: ScriptedLLM) -> None:
    answer = answered()
    assert (answer.route, answer.text, answer.model) == ("refused", REFUSAL, "")
    assert reason(answer) == "No tuned model serves that you may use."
    assert answer.confidence == 0.0
    assert answer.citations.count() == 1
    assert llm.requests == []


def test_stranger_is_not_answered_by_the_model_of_a_group(
    workshop: Workshop, vault: Collection, llm: ScriptedLLM, people: People
) -> None:
    group = vault.readers.get()
    candidate = workshop.candidate(merged=None, readers={vault.pk: (group.pk,)})
    registry.promote(candidate, by=None)
    llm.will_say("Glass 77")
    assert answered(people.reader).text == "Glass 77"
    llm.requests.clear()
    for stranger in (None, people.engineer, people.admin):
        answer = answered(stranger)
        assert (answer.route, reason(answer)) == (
            "refused",
            "No tuned model serves that you may use.",
        )
    assert llm.requests == []


def test_tightened_readers_end_the_answers_at_once(
    model: str, llm: ScriptedLLM, wiki: Collection, people: People
) -> None:
    llm.will_say("9 times.")
    assert answered(people.reader).text == "9 times."
    llm.requests.clear()
    wiki.readers.add(*people.reader.groups.all())
    for person in (None, people.engineer, people.reader):
        answer = answered(person)
        assert answer.refused
        assert "until it is trained again" in answer.reason
    assert llm.requests == []


@pytest.mark.parametrize(
    "reply", [Reply((), status=500), Reply(("9 ti",), breaks=True)], ids=["down", "breaking off"]
)
def test_failing_server_is_a_refusal_with_the_passages(
    model: str, llm: ScriptedLLM, reply: Reply
) -> None:
    llm.will_say(reply)
    answer = answered()
    assert "The model server does not answer; here are the passages." in answer.reason
    assert (answer.refused, answer.confidence, answer.citations.count()) == (True, 0.0, 1)


def test_automatic_route_reads_passages_though_a_tuned_model_serves(
    model: str, llm: ScriptedLLM, settings: Settings
) -> None:
    llm.will_say("9 times")
    answer = services.ask(QUESTION, user=None)
    assert (answer.route, answer.model) == ("rag", settings.LLM_MODEL)
    assert answer.verified


def test_measured_answer_is_the_same_and_is_not_kept(model: str, llm: ScriptedLLM) -> None:
    llm.will_say("13 times.")

    async def measure() -> Drafted:
        return await services.drafted(QUESTION, user=None, route="tuned")

    drafted = async_to_sync(measure)()
    assert (drafted.text, drafted.route, drafted.model) == ("13 times.", "tuned", model)
    assert (drafted.verified, drafted.refused, drafted.tokens) == (False, False, 107)
    assert not Query.objects.exists()
