"""Questions over HTTP: answers whole and as they come, follow-ups, feedback."""

import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.test import Client

from docportal.admission import answers
from ingestion.models import Collection, DocumentVersion
from router import registry
from router.models import Answer, Feedback, Query
from router.prompts import REFUSAL
from tests.docportal.api.callers import Caller, error_of
from tests.docportal.api.conftest import QUESTION, SENTENCE
from tests.docportal.streams import parts
from tests.documents import passage, publish, upload
from tests.model_files import Workshop
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM
from training.models import QAPair

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("home")]


def ask(caller: Caller, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    response = caller.post("ask", {"question": question, **more})
    assert response.status_code == 200, response.content
    told: dict[str, Any] = response.json()
    return told


def test_answer_comes_with_its_source_and_why(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    told = ask(engineer)
    assert told == told | {
        "query": QUESTION,
        "answer": SENTENCE,
        "route": "rag",
        "refused": False,
        "verified": True,
        "withheld": False,
        "tokens": {"prompt": 100, "completion": 7},
    }
    (citation,) = told["citations"]
    assert citation["path"] == "ops/webhooks.md"
    assert citation["text"][citation["start"] : citation["end"]] == SENTENCE
    why = told["why"]
    assert why["decision"] == why["decision"] | {"engine": "rag", "rule": "no-model"}
    assert [one["engine"] for one in why["attempts"]] == ["rag"]
    assert [(one["text"], one["passage"]) for one in why["sentences"]] == [(SENTENCE, 1)]
    assert engineer.get(f"answers/{told['id']}").json() == told


def test_who_finds_nothing_hears_of_own_documents_that_are_still_being_read(
    engineer: Caller, wiki: Collection, vault: Collection
) -> None:
    upload(wiki, "ferry.md", "# The ferry")
    upload(vault, "vessel.md", "# The vessel")
    told = ask(engineer, "What does the ferry cost?")
    assert told["refused"]
    assert "1 document is still being read" in told["reason"]


def test_why_tells_what_the_model_was_taught_of_the_passages(
    engineer: Caller, llm: ScriptedLLM, wiki: Collection, workshop: Workshop
) -> None:
    taught = passage(SENTENCE, "Delivery")
    publish(wiki, "webhooks.md", [taught], title="Webhook sender")
    llm.adapters = {}
    model = workshop.candidate(
        merged=None, readers={wiki.pk: ()}, coverage={taught.content_hash: (12, 0.75)}
    )
    registry.promote(model, by=None)
    (coverage,) = ask(engineer)["why"]["coverage"]
    assert coverage == coverage | {"rank": 1, "known": True, "pairs": 12, "heldout": 0.75}


def test_refusal_is_an_answer(engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM) -> None:
    llm.will_say("13 times")
    told = ask(engineer)
    assert (told["route"], told["refused"], told["answer"]) == ("refused", True, REFUSAL)
    assert told["why"]["sentences"] == []


@pytest.mark.parametrize(
    ("question", "id"), [("", "empty-question"), ("x" * 3000, "long-question")]
)
def test_question_that_cannot_be_asked_says_so(engineer: Caller, question: str, id: str) -> None:
    assert error_of(engineer.post("ask", {"question": question})) == (400, id)
    assert error_of(engineer.post("ask", {"question": question}, stream=True)) == (400, id)


def test_follow_up_is_understood_from_the_conversation(
    engineer: Caller, wiki: Collection, llm: ScriptedLLM
) -> None:
    publish(wiki, "a.md", [passage("The cedar-vault backup runs at 03:00.")], title="cedar-vault")
    first = ask(engineer, "When does the cedar-vault backup run?")
    second = ask(engineer, "Who owns it?", conversation=first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert second["why"]["question"] == "Who owns cedar-vault?"


def test_conversation_of_somebody_else_is_not_gone_on_with(
    engineer: Caller, writer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    first = ask(engineer)
    assert ask(writer, conversation=first["conversation"])["conversation"] != first["conversation"]


def events(caller: Caller) -> list[tuple[str, Any]]:
    async def read() -> bytes:
        response = await caller.stream({"question": QUESTION})
        assert isinstance(response, StreamingHttpResponse)
        assert response["Content-Type"] == "text/event-stream"
        return b"".join([part async for part in parts(response)])

    read_events = []
    for block in async_to_sync(read)().decode().split("\n\n")[:-1]:
        name, _, data = block.partition("\n")
        read_events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return read_events


def test_stream_shows_passages_then_sentences_then_all(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    (first, found), (second, sentence), (last, told) = events(engineer)
    assert (first, second, last) == ("passages", "sentence", "answer")
    assert [hit["path"] for hit in found["hits"]] == ["ops/webhooks.md"]
    assert sentence == {"text": SENTENCE, "passage": 1}
    assert told == engineer.get(f"answers/{told['id']}").json()


def test_accept_header_asks_for_the_stream(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    response = engineer.client.post(
        "/api/v1/ask",
        {"question": QUESTION},
        content_type="application/json",
        headers={"Accept": "text/event-stream"},
    )
    assert response["Content-Type"] == "text/event-stream"


def test_browser_asks_with_its_session(
    people: People, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people.engineer)
    browser.get("/")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    asked = {"question": QUESTION}
    told = browser.post(
        "/api/v1/ask", asked, content_type="application/json", headers=headers
    ).json()
    assert told["answer"] == SENTENCE
    assert Query.objects.get().user == people.engineer


def test_answer_goes_on_without_a_model(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    llm.will_say(Reply((), status=500))
    told = ask(engineer)
    assert told["refused"]
    assert told["citations"]


def test_full_house_sends_away_before_anything_is_kept(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    async def while_full() -> Any:
        async with AsyncExitStack() as stack:
            stack.callback(setattr, answers, "_most", answers._most)
            answers._most = 0
            return await engineer.stream({"question": QUESTION})

    response = async_to_sync(while_full)()
    assert error_of(response) == (429, "busy")
    assert int(response["Retry-After"]) > 0
    assert Query.objects.count() == 0


def test_feedback_with_a_correction_becomes_a_pair(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    told = ask(engineer)
    given = {"verdict": "down", "correction": "9 times"}
    assert engineer.post(f"answers/{told['id']}/feedback", given).json() == given
    assert Feedback.objects.get().verdict == "down"
    assert QAPair.objects.get().origin == QAPair.Origin.FEEDBACK
    assert engineer.post(f"answers/{told['id']}/feedback", {"verdict": "down"}).json() == given
    wrong = engineer.post(f"answers/{told['id']}/feedback", {"verdict": "sideways"})
    assert error_of(wrong) == (400, "unknown-verdict")


def test_correction_may_be_as_long_as_a_question_and_no_longer(
    engineer: Caller, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    told = ask(engineer)
    given = {"verdict": "down", "correction": "9" * 2001}
    refused = engineer.post(f"answers/{told['id']}/feedback", given)
    assert error_of(refused) == (400, "long-correction")
    assert not Feedback.objects.exists()
    assert not QAPair.objects.exists()
    given["correction"] = f" {'9' * 2000} "
    assert engineer.post(f"answers/{told['id']}/feedback", given).status_code == 200


def test_answer_is_its_askers_alone(
    engineer: Caller, people: People, sender: DocumentVersion, llm: ScriptedLLM
) -> None:
    told = ask(engineer)
    admin = Caller(people.admin)
    assert error_of(admin.get(f"answers/{told['id']}")) == (404, "not-found")
    feedback = admin.post(f"answers/{told['id']}/feedback", {"verdict": "up"})
    assert error_of(feedback) == (404, "not-found")


def test_answer_is_withheld_from_who_may_no_longer_read_its_source(
    people: People, vault: Collection, llm: ScriptedLLM
) -> None:
    publish(vault, "codes.md", [passage("The zebra code is 4711.")], title="Zebra codes")
    llm.will_say("The zebra code is 4711.")
    reader = Caller(people.reader)
    told = ask(reader, "What is the zebra code?")
    assert "4711" in told["answer"]
    people.reader.groups.remove(*vault.readers.all())
    later = reader.get(f"answers/{told['id']}")
    assert later.json()["withheld"]
    assert "4711" not in later.content.decode()


def test_draft_that_was_not_shown_is_kept_from_who_may_no_longer_read_what_was_found(
    people: People, sender: DocumentVersion, vault: Collection, llm: ScriptedLLM
) -> None:
    publish(vault, "codes.md", [passage("The webhook sender has the code 4711.")], title="Codes")
    llm.will_say("It retries 77077 times. [1]")
    reader = Caller(people.reader)
    query = ask(reader)["id"]
    browser = Client()
    browser.force_login(people.reader)

    def shown() -> list[str]:
        page = browser.get(f"/questions/{query}/").content.decode()
        return [page, reader.get(f"answers/{query}").content.decode()]

    assert all("77077" in one for one in shown())
    people.reader.groups.remove(*vault.readers.all())
    for one in shown():
        assert "77077" not in one
        assert "4711" not in one
        assert "Webhook sender" in one or "webhooks.md" in one
        assert "No tuned model serves that you may use." in one
    kept = Answer.objects.get()
    quoting = {"rule": "precedent", "reason": "It was taught what “Which code?” was answered by."}
    kept.signals["decision"] |= quoting
    kept.save()
    assert not any("Which code?" in one for one in shown())
