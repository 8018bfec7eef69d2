"""Trials in the browser's terms: begun after a question, watched, ended, told until the next."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from docportal.models import User
from ingestion.models import AuditEvent, Collection
from router import registry, trials
from router.models import Answer, ModelVersion, Query
from tests.docportal.test_views_training import WHY, body, get
from tests.model_files import Workshop
from tests.people import People

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


@pytest.fixture
def workshop(workshop: Workshop, settings: Settings) -> Workshop:
    """Its models are for the embedded server."""
    settings.LLM_URL = ""
    return workshop


@pytest.fixture
def candidate(workshop: Workshop) -> ModelVersion:
    """Beside one that serves."""
    registry.promote(workshop.candidate(), by=None)
    return workshop.candidate()


def post(client: Client, name: str, model: ModelVersion, **values: Any) -> str:
    return body(client.post(reverse(name, args=[model.name]), values, follow=True))


def answers(user: User, model: ModelVersion, count: int, **values: Any) -> None:
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms"), 1.0)
    for _ in range(count):
        given: dict[str, Any] = {
            "query": Query.objects.create(user=user, text="Why?"),
            "route": "tuned",
            "confidence": 0.9,
            "signals": {"model": model.name, "route_asked": "auto", "attempts": []},
            "total_ms": 400.0,
            "prompt_tokens": 1,
            "completion_tokens": 1,
        }
        Answer.objects.create(**times | given | values)


def test_trial_asks_once_and_says_what_changes(
    admin: Client, people: People, candidate: ModelVersion
) -> None:
    address = reverse("begin_trial", args=[candidate.name])
    assert address in get(admin)
    page = get(admin, "begin_trial", candidate.name)
    assert "Try docs-v0002 on some people?" in page
    assert "docs-v0001 goes on with all others." in page
    assert 'name="reason"' not in page
    candidate.refresh_from_db()
    assert candidate.stage == "candidate"
    page = post(admin, "begin_trial", candidate, share="15")
    assert "docs-v0002 is tried on 15 % of the people." in page
    assert "admin began the trial of docs-v0002 on 15 % of the people" in page
    assert "Canary on 15 %" in page
    assert f'"{address}"' not in page
    assert reverse("promote_model", args=[candidate.name]) in page
    assert "docs-v0002 is no candidate" in get(admin, "begin_trial", candidate.name)


@pytest.mark.parametrize("share", ["", "0", "51", "half"])
def test_share_that_cannot_be_is_refused_and_nothing_begins(
    admin: Client, candidate: ModelVersion, share: str
) -> None:
    response = admin.post(reverse("begin_trial", args=[candidate.name]), {"share": share})
    assert response.status_code == 400
    candidate.refresh_from_db()
    assert candidate.stage == "candidate"


def test_model_that_its_gate_stopped_is_tried_with_a_written_reason(
    admin: Client, workshop: Workshop
) -> None:
    model = workshop.candidate(gate_passed=False)
    page = post(admin, "begin_trial", model, share="10", reason="")
    assert "Write why." in page
    assert "Why it may be tried although its gate stopped it" in page
    page = post(admin, "begin_trial", model, share="10", reason=WHY)
    assert f"admin began the trial of docs-v0001 on 10 % of the people: {WHY}" in page
    assert "Passages alone" in page


def test_model_that_cannot_be_tried_says_why(
    admin: Client, workshop: Workshop, wiki: Collection, candidate: ModelVersion
) -> None:
    third = workshop.candidate(readers={wiki.pk: ()})
    trials.begin_canary(candidate, share=10, by=None)
    assert "docs-v0002 is on trial" in get(admin, "begin_trial", third.name)
    assert "End that trial first." in post(admin, "begin_trial", third, share="10")
    wiki.readers.add(Group.objects.create(name="few"))
    assert "can answer nobody" in get(admin, "begin_trial", third.name)
    assert reverse("begin_trial", args=[third.name]) not in get(admin)


def test_refused_trial_keeps_what_was_typed(
    admin: Client, workshop: Workshop, candidate: ModelVersion
) -> None:
    model = workshop.candidate(gate_passed=False)
    trials.begin_canary(candidate, share=10, by=None)
    page = post(admin, "begin_trial", model, share="15", reason=WHY)
    assert "docs-v0002 is on trial with the same readers." in page
    assert f"{WHY}</textarea>" in page
    assert 'name="share" value="15"' in page


def test_dashboard_holds_the_canary_against_what_serves(
    admin: Client, people: People, candidate: ModelVersion
) -> None:
    trials.begin_canary(candidate, share=10, by=None)
    assert "There are too few answers to compare yet." in get(admin)
    serving = ModelVersion.objects.get(stage="serving")
    answers(people.engineer, serving, 12)
    answers(people.reader, candidate, 9, total_ms=2_000.0)
    answers(people.reader, candidate, 3, total_ms=2_000.0, route="refused")
    page = get(admin)
    for row in (
        '<th scope="row">Answers</th><td class="number">12</td><td class="number">12</td>',
        '<th scope="row">Refused</th><td class="number">3 · 25 %</td><td class="number">0 · 0 %',
        '<th scope="row">95 % answered within</th><td class="number">2.0 s</td>'
        '<td class="number">0.4 s</td>',
    ):
        assert row in page
    assert "They are compared every minute." in page


def test_trial_is_ended_by_hand_once(
    admin: Client, people: People, candidate: ModelVersion
) -> None:
    trials.begin_canary(candidate, share=10, by=None)
    page = post(admin, "end_trial", candidate)
    assert "The trial of docs-v0002 has ended. It is a candidate again." in page
    assert "An admin ended it. It is a candidate again." in page
    assert AuditEvent.objects.latest("pk").actor == people.admin
    again = admin.post(reverse("end_trial", args=[candidate.name]))
    assert again.status_code == 400
    assert "docs-v0002 is not on trial any more" in body(again)
    assert admin.get(reverse("end_trial", args=[candidate.name])).status_code == 405


def test_return_by_itself_is_told_until_the_next_trial_begins(
    admin: Client, people: People, workshop: Workshop, candidate: ModelVersion
) -> None:
    trials.begin_canary(candidate, share=10, by=None)
    answers(people.engineer, ModelVersion.objects.get(stage="serving"), 40)
    answers(people.reader, candidate, 40, total_ms=4_000.0)
    assert trials.end_bad_trials() == [candidate.name]
    told = (
        "It took more than 0.6 s 40 of 40 times (100%), with the serving model 0 of 40 (0%). "
        "It is a candidate again."
    )
    page = get(admin)
    assert "The trial of docs-v0002 on 10 % of the people ended" in page
    assert told in page
    assert "The product itself ended the trial of docs-v0002: It took more" in page
    trials.begin_canary(workshop.candidate(), share=10, by=None)
    assert told not in get(admin)


def test_promotion_of_a_canary_says_that_its_trial_is_over(
    admin: Client, candidate: ModelVersion
) -> None:
    trials.begin_canary(candidate, share=10, by=None)
    assert "Its trial on 10 % of the people is over then." in get(
        admin, "promote_model", candidate.name
    )
    page = post(admin, "promote_model", candidate)
    assert "<strong>docs-v0002</strong> serves everybody" in page
    assert "On trial" not in page
