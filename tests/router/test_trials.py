"""Trials: begun as carefully as a promotion, sticky, counted from real answers, ended by itself."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from docportal.models import User
from ingestion.errors import UserError
from ingestion.models import AuditEvent, Collection, Reader
from router import registry, services, serving, trials, tuned
from router.canary import is_chosen
from router.models import Answer, Feedback, ModelVersion, Query
from router.processes import Server
from router.prompts import REFUSAL
from router.trials import begin_canary, end_canary, under_way
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.people import People
from tests.scripted_llm import Reply, ScriptedLLM
from training.tasks import end_bad_trials as end_bad_trials_of_the_worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

WHY = "The new prices matter more."
RETRIES = passage("The sender retries 9 times.")


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    return caught.value.id


def stages() -> dict[str, str]:
    return dict(ModelVersion.objects.values_list("name", "stage"))


def on_trial(workshop: Workshop, share: int = 50, **values: Any) -> ModelVersion:
    return begin_canary(workshop.candidate(**values), share=share, by=None)


# --- Begin and end -----------------------------------------------------------------------------
def test_trial_is_kept_with_its_share_and_start_and_written_down(
    workshop: Workshop, people: People
) -> None:
    registry.promote(workshop.candidate(), by=None)
    before = timezone.now()
    model = begin_canary(workshop.candidate(), share=10, by=people.admin)
    assert stages() == {"docs-v0001": "serving", "docs-v0002": "canary"}
    assert model.canary_share == 10
    assert model.canary_since is not None
    assert before <= model.canary_since <= timezone.now()
    told = AuditEvent.objects.latest("pk")
    assert (told.actor, told.verb) == (people.admin, "began the trial of")
    assert told.detail == "docs-v0002 on 10 % of the people"


@pytest.mark.parametrize("share", [-1, 0, 51, 100])
def test_trial_on_nobody_or_on_most_people_is_refused(workshop: Workshop, share: int) -> None:
    model = workshop.candidate()
    assert refusal(lambda: begin_canary(model, share=share, by=None)) == "bad-share"
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.update(
            stage="canary", canary_since=timezone.now(), canary_share=abs(share) + 51
        )
    assert stages() == {"docs-v0001": "candidate"}


def test_model_that_its_gate_stopped_is_tried_for_a_reason_which_is_kept(
    workshop: Workshop,
) -> None:
    model = workshop.candidate(gate_passed=False)
    assert refusal(lambda: begin_canary(model, share=5, by=None)) == "gate-not-passed"
    begin_canary(model, share=5, by=None, override_reason=WHY)
    assert AuditEvent.objects.get().detail == f"docs-v0001 on 5 % of the people: {WHY}"


def test_what_may_not_serve_is_not_tried(
    workshop: Workshop, wiki: Collection, settings: Settings
) -> None:
    tainted = workshop.candidate(readers={wiki.pk: ()})
    wiki.readers.add(Group.objects.create(name="few"))
    tampered = workshop.candidate()
    (settings.TUNED_DIR / "docs-v0002/config.json").unlink()
    pruned = workshop.candidate()
    ModelVersion.objects.filter(pk=pruned.pk).update(pruned_at=timezone.now())
    pruned.refresh_from_db()
    for model, why in ((tainted, "tainted"), (tampered, "tampered"), (pruned, "pruned")):
        assert refusal(lambda model=model: begin_canary(model, share=5, by=None)) == why  # type: ignore[misc]
    settings.LLM_URL = "http://127.0.0.1:9/v1"
    unloaded = workshop.candidate()
    assert refusal(lambda: begin_canary(unloaded, share=5, by=None)) == "not-loaded"
    assert set(stages().values()) == {"candidate"}


def test_only_candidates_are_tried(workshop: Workshop) -> None:
    for _ in range(2):
        model = registry.promote(workshop.candidate(), by=None)
    retired = ModelVersion.objects.get(name="docs-v0001")
    for one in (model, retired):
        assert refusal(lambda one=one: begin_canary(one, share=5, by=None)) == "not-a-candidate"  # type: ignore[misc]


def test_one_trial_at_a_time_with_the_same_readers(workshop: Workshop, vault: Collection) -> None:
    first, second = workshop.candidate(), workshop.candidate()
    begin_canary(first, share=5, by=None)
    assert refusal(lambda: begin_canary(second, share=5, by=None)) == "another-canary"
    readers = {vault.pk: (vault.readers.get().pk,)}
    begin_canary(workshop.candidate(readers=readers), share=5, by=None)
    assert stages() == {
        "docs-v0001": "canary",
        "docs-v0002": "candidate",
        "docs-v0003": "canary",
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelVersion.objects.filter(pk=second.pk).update(
            stage="canary", canary_share=5, canary_since=timezone.now()
        )


@pytest.mark.django_db(transaction=True)
def test_of_trials_begun_at_once_one_begins(workshop: Workshop) -> None:
    candidates = [workshop.candidate() for _ in range(3)]
    begin = threading.Barrier(len(candidates))

    def try_on(model: ModelVersion) -> str:
        try:
            begin.wait()
            begin_canary(model, share=5, by=None)
        except UserError as error:
            return error.id
        finally:
            connection.close()
        return "begun"

    with ThreadPoolExecutor(len(candidates)) as pool:
        outcomes = sorted(pool.map(try_on, candidates))
    assert outcomes == ["another-canary", "another-canary", "begun"]
    assert sorted(stages().values()) == ["canary", "candidate", "candidate"]


def test_ended_trial_leaves_a_candidate_and_is_ended_once(
    workshop: Workshop, people: People
) -> None:
    model = on_trial(workshop)
    ended = end_canary(model, by=people.admin, reason=WHY)
    assert (ended.stage, ended.canary_outcome) == ("candidate", WHY)
    assert ended.canary_ended_at is not None
    told = AuditEvent.objects.latest("pk")
    assert (told.actor, told.verb) == (people.admin, "ended the trial of")
    assert told.detail == f"docs-v0001: {WHY}"
    assert refusal(lambda: end_canary(model, by=None, reason=WHY)) == "no-canary"
    assert AuditEvent.objects.count() == 2
    again = begin_canary(ended, share=20, by=None)
    assert (again.canary_share, again.canary_ended_at, again.canary_outcome) == (20, None, "")


def test_promoted_canary_serves_and_its_trial_is_over(workshop: Workshop) -> None:
    registry.promote(workshop.candidate(), by=None)
    model = registry.promote(on_trial(workshop), by=None)
    assert stages() == {"docs-v0001": "retired", "docs-v0002": "serving"}
    assert model.canary_ended_at == model.promoted_at
    assert model.canary_outcome == ""
    assert under_way() == []


def test_canary_is_never_pruned(workshop: Workshop, settings: Settings) -> None:
    canary = on_trial(workshop)
    assert registry.prune(keep=0) == []
    assert (settings.TUNED_DIR / canary.name).is_dir()
    end_canary(canary, by=None, reason=WHY)
    assert registry.prune(keep=0) == [canary.name]


# --- Who is answered by it ---------------------------------------------------------------------
@pytest.fixture
def load() -> Iterator[Callable[[ModelVersion], None]]:
    """Announce a server for a version, as the process that keeps them does."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        yield lambda model: serving.announce(Server(f"tuned/{model.name}", process, url))


def answers(user: Reader, *, trials: bool = True) -> str | None:
    served = tuned.answering(user, trials=trials)
    return served.name if served else None


def somebody(canary: ModelVersion, *, chosen: bool, group: str = "") -> User:
    """A person whom the canary is tried on, or not."""
    for number in range(1_000):
        user = User.objects.create_user(f"{canary.name}-{chosen}-{group}-{number}")
        if is_chosen(canary.name, user.pk, canary.canary_share or 0) == chosen:
            user.groups.set(Group.objects.filter(name=group))
            return user
    raise AssertionError("A thousand people, and none of them.")


def test_chosen_people_are_answered_by_the_canary_and_all_others_by_what_serves(
    workshop: Workshop, wiki: Collection, load: Callable[[ModelVersion], None]
) -> None:
    load(registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None))
    canary = on_trial(workshop, readers={wiki.pk: ()})
    inside, outside = somebody(canary, chosen=True), somebody(canary, chosen=False)
    assert answers(inside) == "docs-v0001"
    load(canary)
    assert [answers(inside) for _ in range(3)] == ["docs-v0002"] * 3
    assert (answers(outside), answers(None)) == ("docs-v0001", "docs-v0001")
    assert answers(inside, trials=False) == "docs-v0001"
    end_canary(canary, by=None, reason=WHY)
    assert answers(inside) == "docs-v0001"


def test_canary_answers_also_where_nothing_serves_yet(
    workshop: Workshop, load: Callable[[ModelVersion], None]
) -> None:
    canary = on_trial(workshop)
    load(canary)
    assert answers(somebody(canary, chosen=True)) == "docs-v0001"
    assert answers(somebody(canary, chosen=False)) is None


def test_tightened_readers_end_the_answers_of_both_models(
    workshop: Workshop, wiki: Collection, load: Callable[[ModelVersion], None]
) -> None:
    load(registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None))
    canary = on_trial(workshop, readers={wiki.pk: ()})
    load(canary)
    inside = somebody(canary, chosen=True)
    assert answers(inside) == "docs-v0002"
    wiki.readers.add(Group.objects.create(name="few"))
    assert answers(inside) is None
    assert tuned.versions_to_load() == []


def test_canary_on_more_documents_answers_only_who_may_read_them_all(
    workshop: Workshop,
    wiki: Collection,
    vault: Collection,
    load: Callable[[ModelVersion], None],
) -> None:
    group = vault.readers.get()
    load(registry.promote(workshop.candidate(readers={wiki.pk: ()}), by=None))
    canary = on_trial(workshop, readers={vault.pk: (group.pk,)})
    load(canary)
    secret = {"a" * 64}
    member = somebody(canary, chosen=True, group=group.name)
    stranger = somebody(canary, chosen=True)
    assert answers(stranger) == "docs-v0001"
    # Both may answer him, and know the passage equally well: that for everybody comes first.
    assert answers(member) == "docs-v0001"
    ModelVersion.objects.get(name="docs-v0001").coverage.all().delete()
    served = tuned.answering(member, secret)
    assert served is not None
    assert served.name == "docs-v0002"


# --- Counted, and ended by itself --------------------------------------------------------------
@pytest.fixture
def llm_of_all(llm: ScriptedLLM, wiki: Collection) -> ScriptedLLM:
    publish(wiki, "sender.md", [RETRIES], title="Sender")
    llm.adapters = {}
    return llm


@pytest.fixture
def compared(llm_of_all: ScriptedLLM, workshop: Workshop, wiki: Collection) -> list[ModelVersion]:
    """What serves, and the canary; both were taught the passage."""
    values: dict[str, Any] = {"merged": None, "readers": {wiki.pk: ()}}
    values["coverage"] = {RETRIES.content_hash: (12, 1.0)}
    serves = registry.promote(workshop.candidate(**values), by=None)
    canary = on_trial(workshop, **values)
    ModelVersion.objects.update(calibration=certified().as_json())
    return [serves, canary]


def test_answers_are_counted_by_what_people_met(
    llm_of_all: ScriptedLLM, compared: list[ModelVersion]
) -> None:
    inside, outside = (somebody(compared[1], chosen=chosen) for chosen in (True, False))
    unread = ("13 times.", REFUSAL, REFUSAL, REFUSAL, Reply((), status=500))
    llm_of_all.will_say("9 times.", *unread, "9 times.")
    asked = "How often does the sender retry?"
    given = [services.ask(asked, user=inside) for _ in range(4)]
    assert [answer.route for answer in given] == ["tuned", "refused", "refused", "rag"]
    services.record_feedback(user=inside, answer=given[0], verdict="down")
    services.record_feedback(user=inside, answer=given[1], verdict="up")
    assert services.ask(asked, user=outside).model == "docs-v0001"
    services.ask(asked, user=None)
    services.ask(asked, user=inside, route="rag")
    services.ask(asked, user=inside, route="tuned")
    (trial,) = under_way()
    assert (trial.model, trial.instead) == (compared[1], compared[0])
    canary = trial.canary
    assert (canary.people, canary.answers, canary.asked) == (1, 4, 4)
    assert (canary.failed, canary.refused, canary.disliked, canary.unsupported) == (1, 2, 1, 1)
    assert (trial.serving.people, trial.serving.answers, trial.serving.failed) == (1, 1, 0)
    assert canary.p95_ms == max(answer.total_ms for answer in given)


def an_answer(user: User, model: ModelVersion, *, bad: bool = False, ms: float = 400.0) -> Answer:
    """As it is kept; a bad one was read from passages, since the tuned model's server failed."""
    attempt = {
        "engine": "tuned",
        "model": model.name,
        "draft": "" if bad else "Nine.",
        "problem": "The model server does not answer." if bad else "",
        "refused": False,
        "failed": "500" if bad else "",
    }
    times = dict.fromkeys(("retrieve_ms", "generate_ms", "verify_ms"), 1.0)
    return Answer.objects.create(
        query=Query.objects.create(user=user, text="Why?"),
        route="rag" if bad else "tuned",
        model=model.name,
        confidence=0.9,
        signals={"model": model.name, "route_asked": "auto", "attempts": [attempt]},
        total_ms=ms,
        prompt_tokens=1,
        completion_tokens=1,
        **times,
    )


@pytest.fixture
def pair(workshop: Workshop) -> tuple[ModelVersion, ModelVersion]:
    """What serves, and the canary."""
    serves = registry.promote(workshop.candidate(), by=None)
    return serves, on_trial(workshop)


def test_canary_whose_server_fails_is_taken_back_and_the_reason_is_kept(
    pair: tuple[ModelVersion, ModelVersion], people: People
) -> None:
    serves, canary = pair
    for number in range(40):
        an_answer(people.engineer, serves)
        an_answer(people.reader, canary, bad=number % 2 == 0)
    end_bad_trials_of_the_worker()
    canary.refresh_from_db()
    assert canary.stage == "candidate"
    why = "A model server failed 20 of 40 times (50%), with the serving model 0 of 40 (0%)."
    assert canary.canary_outcome == why
    told = AuditEvent.objects.latest("pk")
    assert (told.actor, told.verb) == (None, "ended the trial of")
    assert told.detail == f"docs-v0002: {why}"
    assert trials.end_bad_trials() == []


def test_canary_as_good_as_what_serves_goes_on(
    pair: tuple[ModelVersion, ModelVersion], people: People
) -> None:
    for number in range(40):
        for model in pair:
            an_answer(people.engineer, model, bad=number % 4 == 0)
    assert trials.end_bad_trials() == []
    assert stages()["docs-v0002"] == "canary"


@pytest.mark.parametrize("verdict", ["down", "up"])
def test_thumbs_down_of_several_people_end_a_trial(
    pair: tuple[ModelVersion, ModelVersion], people: People, verdict: str
) -> None:
    serves, canary = pair
    for user in (people.engineer, people.writer, people.reader):
        for _ in range(10):
            an_answer(people.admin, serves)
            Feedback.objects.create(answer=an_answer(user, canary), verdict=verdict)
    assert trials.end_bad_trials() == (["docs-v0002"] if verdict == "down" else [])


def test_slow_canary_is_taken_back(pair: tuple[ModelVersion, ModelVersion], people: People) -> None:
    serves, canary = pair
    for _ in range(20):
        an_answer(people.engineer, serves)
        an_answer(people.reader, canary, ms=1_300.0)
    assert trials.end_bad_trials() == ["docs-v0002"]
    canary.refresh_from_db()
    assert canary.canary_outcome.startswith("It took more than 0.6 s 20 of 20 times (100%)")


def test_answers_from_before_the_trial_and_before_a_promotion_do_not_count(
    pair: tuple[ModelVersion, ModelVersion], people: People, workshop: Workshop
) -> None:
    serves, canary = pair
    for _ in range(20):
        an_answer(people.engineer, serves)
        an_answer(people.reader, canary, bad=True)
    earlier = timezone.now() - timedelta(days=1)
    ids = list(Answer.objects.values_list("pk", flat=True)[:30])
    Answer.objects.filter(pk__in=ids).update(answered_at=earlier)
    (trial,) = trials.under_way()
    assert trial.canary.answers + trial.serving.answers == 10
    registry.promote(workshop.candidate(), by=None)
    (trial,) = trials.under_way()
    assert (trial.canary.answers, trial.serving.answers) == (0, 0)
    assert trial.instead is not None
    assert trial.instead.name == "docs-v0003"


def test_trial_with_fewer_readers_of_its_documents_ends(
    workshop: Workshop, wiki: Collection
) -> None:
    canary = on_trial(workshop, readers={wiki.pk: ()})
    assert trials.end_bad_trials() == []
    wiki.readers.add(Group.objects.create(name="few"))
    assert trials.end_bad_trials() == [canary.name]
    canary.refresh_from_db()
    assert canary.canary_outcome == trials.TAINTED
