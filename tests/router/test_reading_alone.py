"""What is not found among all passages is looked for in the best ones, each alone."""

import pytest

from ingestion.models import Collection
from router import services
from router.models import Answer
from router.prompts import REFUSAL
from tests.documents import passage, publish
from tests.scripted_llm import Reply, ScriptedLLM

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

QUESTION = "How many times does the webhook sender retry?"
DELIVERY = "A failed delivery of the webhook sender is retried 9 times."
SCHEDULE = "How many times the webhook sender does retry, and when, is told in its handbook."
LIMITS = "The request timeout of the webhook sender is 12 seconds."


@pytest.fixture(autouse=True)
def sender(wiki: Collection) -> None:
    publish(
        wiki,
        "services/webhook-sender.md",
        [passage(DELIVERY, "Delivery"), passage(LIMITS, "Limits")],
        title="Webhook sender",
    )


def answered(text: str) -> Answer:
    return services.ask(text, user=None)


def asked(llm: ScriptedLLM) -> list[str]:
    """The passages of each request."""
    return [request["messages"][-1]["content"].partition("\n\nQ")[0] for request in llm.requests]


def test_a_passage_that_was_overlooked_is_found_alone_and_cited_by_its_own_rank(
    llm: ScriptedLLM, wiki: Collection
) -> None:
    llm.will_say(REFUSAL, REFUSAL, "9 times [1]")
    publish(wiki, "services/retry.md", [passage(SCHEDULE, "Retry")], title="Retries of a sender")
    answer = answered(QUESTION)
    assert (answer.route, answer.text) == ("rag", "9 times")
    assert answer.citations.get(supports=True).chunk.text == DELIVERY
    together, first, second = asked(llm)
    assert DELIVERY in together
    assert SCHEDULE in together
    assert (DELIVERY in first, DELIVERY in second) == (False, True)
    assert SCHEDULE not in second


def test_what_every_reading_cost_is_counted_and_the_first_one_says_why_it_is_refused(
    llm: ScriptedLLM,
) -> None:
    llm.will_say("13 times", REFUSAL)
    answer = answered(QUESTION)
    assert answer.refused
    assert "“13” stands in none of the passages." in answer.reason
    assert len(llm.requests) == 3
    assert answer.prompt_tokens == 300
    (attempt,) = answer.signals["attempts"]
    assert (attempt["alone"], attempt["draft"]) == (0, "13 times")


def test_a_right_value_of_the_other_passage_is_still_held_against_all_of_them(
    llm: ScriptedLLM,
) -> None:
    llm.will_say(REFUSAL, "12 seconds [1]")
    assert answered(QUESTION).refused


def test_what_is_named_nowhere_is_not_looked_for_again(llm: ScriptedLLM) -> None:
    llm.will_say(REFUSAL)
    question = "How often does webhook-catcher retry?"
    assert services.ask(question, user=None, route="rag").refused
    assert len(llm.requests) == 1


def test_a_server_that_fails_is_not_asked_again(llm: ScriptedLLM) -> None:
    llm.will_say(Reply((), status=500))
    assert answered(QUESTION).refused
    assert len(llm.requests) == 1
