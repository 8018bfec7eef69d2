"""What a retrain would bring, counted in the database; and the run that the policy asks for."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ingestion import services
from ingestion.errors import UserError
from ingestion.models import Chunk, Collection
from router.models import Answer, Citation, ModelCoverage, ModelVersion, Query
from router.tuned import audience_of
from tests.documents import passage, publish
from tests.pairs import a_pair, an_answer, taught
from tests.people import People
from tests.training.datasets.pairs import NAMES, teach
from training import retraining, runs
from training.models import QAPair, RetrainPolicy, TrainingRun
from training.outlook import retrain_outlook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


def a_model(*collections: Collection, chunks: list[Chunk]) -> ModelVersion:
    """That serves, and was taught these passages."""
    groups = [group.pk for group in collections[0].readers.all()]
    number = ModelVersion.objects.count() + 1
    model = ModelVersion.objects.create(
        number=number,
        name=f"docs-v{number:04d}",
        base="other-base",
        gate_passed=True,
        stage="serving",
        audience=audience_of(groups),
        readers={str(each.pk): groups for each in collections},
    )
    model.collections.set(collections)
    taught(model, chunks)
    return model


def chunks_of(*names: str) -> list[Chunk]:
    paths = [f"{name}.md" for name in names]
    return list(Chunk.objects.filter(version__document__path__in=paths))


def answered_from(*chunks: Chunk, days_ago: int = 0) -> None:
    query = Query.objects.create(text="Which port?")
    answer = an_answer(query, route="rag", reason="", text="7000", confidence=1)
    answered = timezone.now() - timedelta(days=days_ago)
    Answer.objects.filter(pk=answer.pk).update(answered_at=answered)
    for rank, chunk in enumerate(chunks, start=1):
        Citation.objects.create(answer=answer, chunk=chunk, rank=rank, supports=True)


@pytest.fixture
def policy(db: None) -> RetrainPolicy:
    return retraining.change_policy(
        by=None,
        enabled=True,
        every_hours=24,
        least_new_facts=3,
        least_stale_share=0.3,
        promote_when_passed=True,
    )


# --- Outlook --------------------------------------------------------------------------------------


def test_outlook_counts_facts_passages_pairs_and_questions(
    wiki: Collection, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    teach(wiki, *NAMES[:4])
    teach(wiki, NAMES[4], review=QAPair.Review.PENDING)
    known = chunks_of(*NAMES[:3])
    model = a_model(wiki, chunks=known)
    publish(wiki, f"{NAMES[0]}.md", [passage("It moved.", NAMES[0])])
    unknown = chunks_of(NAMES[3])
    answered_from(known[1])
    answered_from(known[1], *unknown)
    answered_from(*unknown, days_ago=31)
    with django_assert_num_queries(4):
        outlook = retrain_outlook(model)
    assert (outlook.new_facts, outlook.new_passages) == (1, 1)
    assert (outlook.covered_passages, outlook.stale_passages) == (3, 1)
    assert outlook.pairs_waiting == 3
    assert (outlook.questions, outlook.questions_not_covered) == (2, 1)
    assert outlook.not_covered_share == 0.5
    assert outlook.changed_share == pytest.approx(2 / 3)


def test_first_model_would_learn_everything_that_is_open(
    wiki: Collection, vault: Collection
) -> None:
    teach(wiki, *NAMES[:2])
    teach(vault, *NAMES[2:4])
    outlook = retrain_outlook(None)
    assert (outlook.new_facts, outlook.covered_passages, outlook.stale_share) == (2, 0, 0)


def test_what_is_asked_of_a_known_passage_after_the_training_is_new(wiki: Collection) -> None:
    version = publish(wiki, "guide.md", [passage("The limit is nine, the owner Mira.")])
    a_pair(version, "How many?", "nine", review=QAPair.Review.APPROVED)
    model = a_model(wiki, chunks=list(version.chunks.all()))
    assert retrain_outlook(model).new_facts == 0
    a_pair(version, "At most?", "nine", review=QAPair.Review.APPROVED)
    a_pair(version, "Whose is it?", "Mira", review=QAPair.Review.APPROVED)
    outlook = retrain_outlook(model)
    assert (outlook.new_facts, outlook.new_passages, outlook.stale_passages) == (1, 1, 0)


def test_passage_that_nothing_was_asked_of_has_new_facts(wiki: Collection) -> None:
    model = a_model(wiki, chunks=[])
    teach(wiki, NAMES[0])
    (chunk,) = chunks_of(NAMES[0])
    ModelCoverage.objects.create(model=model, content_hash=chunk.content_hash, pairs=0)
    assert retrain_outlook(model).new_facts == 1


def test_question_with_two_answers_is_no_news_until_one_of_them_is_rejected(
    wiki: Collection,
) -> None:
    other = Collection.objects.create(slug="other", name="Other")
    for collection, answer in ((wiki, "nine"), (other, "ten")):
        version = publish(collection, "guide.md", [passage(f"The limit is {answer}.")])
        a_pair(version, "What is the limit?", answer, review=QAPair.Review.APPROVED)
    model = a_model(wiki, other, chunks=[])
    assert retrain_outlook(model).new_facts == 0
    QAPair.objects.filter(answer="ten").update(review=QAPair.Review.REJECTED)
    assert retrain_outlook(model).new_facts == 1


def test_archived_document_makes_its_passages_stale(wiki: Collection) -> None:
    documents = teach(wiki, *NAMES[:2])
    model = a_model(wiki, chunks=chunks_of(*NAMES[:2]))
    services.archive_document(document=documents[0], actor=None)
    assert retrain_outlook(model).stale_share == 0.5


def test_model_of_a_group_looks_at_its_own_collections(wiki: Collection, vault: Collection) -> None:
    teach(wiki, *NAMES[:2])
    teach(vault, *NAMES[2:5])
    model = a_model(vault, chunks=chunks_of(NAMES[2]))
    assert retrain_outlook(model).new_facts == 2


# --- Policy ---------------------------------------------------------------------------------------


def test_nobody_set_a_policy_so_nothing_starts(wiki: Collection) -> None:
    teach(wiki, *NAMES)
    assert retraining.retrain_when_due() == []
    assert [advice.decision.retrain for advice in retraining.advise()] == [False]


def test_first_model_is_requested_once_there_is_enough(
    wiki: Collection, policy: RetrainPolicy
) -> None:
    teach(wiki, *NAMES[:2])
    assert retraining.retrain_when_due() == []
    teach(wiki, *NAMES[2:])
    (run,) = retraining.retrain_when_due()
    assert (run.mode, run.promote_when_passed, run.requested_by) == ("full", True, None)
    assert run.reason.startswith("6 new facts.")
    assert list(run.collections.all()) == [wiki]


def test_run_that_waits_or_was_just_made_holds_the_next_off(
    wiki: Collection, policy: RetrainPolicy
) -> None:
    teach(wiki, *NAMES)
    (run,) = retraining.retrain_when_due()
    assert retraining.retrain_when_due() == []
    runs.cancel(run=run, by=None)
    assert retraining.retrain_when_due() == []
    long_ago = timezone.now() - timedelta(hours=25)
    TrainingRun.objects.filter(pk=run.pk).update(requested_at=long_ago, max_minutes=33)
    (again,) = retraining.retrain_when_due()
    assert again.max_minutes == 33


@pytest.mark.parametrize("state", ["gated", "rejected", "promoted"])
def test_data_that_a_model_was_made_of_is_not_trained_on_again(
    wiki: Collection, policy: RetrainPolicy, state: str
) -> None:
    teach(wiki, *NAMES)
    (run,) = retraining.retrain_when_due()
    model = a_model(wiki, chunks=chunks_of(*NAMES))
    ModelVersion.objects.filter(pk=model.pk).update(stage="candidate")
    long_ago = timezone.now() - timedelta(hours=25)
    TrainingRun.objects.filter(pk=run.pk).update(
        state=state, model=model, requested_at=long_ago, ended_at=long_ago
    )
    assert retraining.retrain_when_due() == []
    (advice,) = retraining.advise()
    assert f"The data is that of {run}, whose model {model}" in advice.decision.reason
    teach(wiki, "north-gate")
    assert len(retraining.retrain_when_due()) == 1


def test_model_for_fewer_readers_is_none_of_the_same_data(
    wiki: Collection, vault: Collection, policy: RetrainPolicy
) -> None:
    teach(vault, *NAMES)
    model = a_model(vault, chunks=chunks_of(*NAMES))
    ModelVersion.objects.filter(pk=model.pk).update(stage="candidate")
    run = runs.request(collections=[vault], by=None)
    long_ago = timezone.now() - timedelta(hours=25)
    TrainingRun.objects.filter(pk=run.pk).update(
        state="gated", model=model, requested_at=long_ago, ended_at=long_ago
    )
    vault.readers.clear()
    assert len(retraining.retrain_when_due()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_request_one_run(wiki: Collection, policy: RetrainPolicy) -> None:
    teach(wiki, *NAMES)
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            retraining.retrain_when_due()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert TrainingRun.objects.count() == 1


def test_each_audience_has_a_run_of_its_own(
    wiki: Collection, vault: Collection, policy: RetrainPolicy
) -> None:
    teach(wiki, *NAMES[:3])
    teach(vault, *NAMES[3:])
    a_model(vault, chunks=[])
    requested = retraining.retrain_when_due()
    assert [list(run.collections.all()) for run in requested] == [[wiki], [vault]]


def test_run_that_is_refused_holds_up_no_other(
    wiki: Collection, vault: Collection, policy: RetrainPolicy, caplog: pytest.LogCaptureFixture
) -> None:
    run = runs.request(collections=[wiki], by=None)
    runs.cancel(run=run, by=None)
    long_ago = timezone.now() - timedelta(hours=25)
    TrainingRun.objects.filter(pk=run.pk).update(requested_at=long_ago, max_minutes=0)
    teach(wiki, *NAMES[:3])
    teach(vault, *NAMES[3:])
    a_model(wiki, chunks=[])
    a_model(vault, chunks=[])
    (requested,) = retraining.retrain_when_due()
    assert list(requested.collections.all()) == [vault]
    assert "No retrain of docs-v0001: Give between 0 and 1440 minutes." in caplog.text


def test_model_of_which_nothing_may_be_taught_any_more_is_left(
    vault: Collection, policy: RetrainPolicy
) -> None:
    (document,) = teach(vault, NAMES[0])
    a_model(vault, chunks=chunks_of(NAMES[0]))
    services.archive_document(document=document, actor=None)
    Collection.objects.filter(pk=vault.pk).update(trainable=False)
    assert retraining.retrain_when_due() == []
    assert "no collection" in retraining.advise()[-1].decision.reason


def test_collection_that_was_opened_is_no_longer_retrained_with_the_restricted_ones(
    wiki: Collection, vault: Collection, policy: RetrainPolicy
) -> None:
    opened = Collection.objects.create(slug="opened", name="Opened")
    opened.readers.set(vault.readers.all())
    teach(vault, *NAMES[:3])
    teach(opened, *NAMES[3:])
    a_model(vault, opened, chunks=[])
    opened.readers.clear()
    requested = retraining.retrain_when_due()
    assert [set(run.collections.all()) for run in requested] == [{wiki, opened}, {vault}]


def test_model_that_answers_nobody_is_made_anew_without_what_was_closed(
    wiki: Collection, policy: RetrainPolicy
) -> None:
    runbooks = Collection.objects.create(slug="runbooks", name="Runbooks")
    teach(wiki, *NAMES[:3])
    teach(runbooks, *NAMES[3:])
    a_model(wiki, runbooks, chunks=chunks_of(*NAMES))
    assert retraining.retrain_when_due() == []
    runbooks.readers.add(Group.objects.create(name="few"))
    (run,) = retraining.retrain_when_due()
    assert (run.mode, list(run.collections.all())) == ("full", [wiki])
    assert "answers nobody" in run.reason


def test_little_news_is_appended_if_the_model_can_be_built_upon(
    wiki: Collection, policy: RetrainPolicy, settings: Settings
) -> None:
    names = [f"berth-{number}" for number in range(40)]
    teach(wiki, *names)
    model = a_model(wiki, chunks=chunks_of(*names))
    teach(wiki, "north-gate")
    RetrainPolicy.objects.update(least_new_facts=1)
    (run,) = retraining.retrain_when_due()
    assert (run.mode, "other-base" in run.reason) == ("full", True)
    run.delete()
    ModelVersion.objects.filter(pk=model.pk).update(base=settings.BASE_MODEL)
    (run,) = retraining.retrain_when_due()
    assert run.mode == "append"


@pytest.mark.parametrize(
    "wrong", [{"every_hours": 0}, {"least_new_facts": 0}, {"least_stale_share": 0.0}]
)
def test_policy_that_makes_no_sense_is_refused(people: People, wrong: dict[str, float]) -> None:
    values = {"every_hours": 24, "least_new_facts": 20, "least_stale_share": 0.1} | wrong
    with pytest.raises(UserError) as error:
        retraining.change_policy(
            by=people.admin,
            enabled=True,
            promote_when_passed=False,
            **values,  # type: ignore[arg-type]
        )
    assert error.value.id == "bad-policy"
