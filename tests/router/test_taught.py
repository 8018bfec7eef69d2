"""A taught question that asks the same is put to the model, and bears out what the asked one's own
words do not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection
from django.test import override_settings
from pytest_django import Settings

from ingestion.models import Collection
from router import registry, services, taught
from router.models import ModelVersion
from router.prompts import Passage
from router.retrieval.embeddings import ServerEmbeddings
from router.taught import Taught, support_of
from router.verification import verify
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.router.retrieval.hashed_words import hashed_words
from tests.scripted_llm import ScriptedLLM

TEXT = "port: 5071\nworkers: 9"
ASKED = "Which TCP number of night-bell do I open in the firewall?"
PORT = Taught("What is the port of night-bell?", "5071", "settings", 0.8)
WORKERS = Taught("How many workers does night-bell have?", "9", "settings", 0.7)
SETTINGS = Passage("night-bell", "Settings", TEXT)
# It has more of the question's words, and not the answer.
RULES = (
    "Whoever wants to open a TCP number of night-bell in the firewall asks the crew with form 7781."
)
# Where nobody listens.
NOBODY = "http://127.0.0.1:9/v1"
PASSAGES = [SETTINGS, Passage("night-bell", "Firewall", RULES)]


def is_supported(
    question: str = ASKED,
    answer: str = "5071",
    near: Taught | None = PORT,
    hashes: tuple[str, ...] = ("settings", "firewall"),
) -> bool:
    return support_of(question, answer, PASSAGES, hashes=hashes, taught=near).supported


def test_the_words_alone_do_not_bear_it_out() -> None:
    assert not verify(ASKED, "5071", PASSAGES).supported
    assert not is_supported(near=None)


def test_what_bears_out_the_taught_question_bears_out_the_asked_one() -> None:
    hashes = ["settings", "firewall"]
    support = support_of(ASKED, "5071 [1]", PASSAGES, hashes=hashes, taught=PORT)
    assert support.supported
    assert support.span == (0, 0, len("port: 5071"))
    assert support.score >= PORT.similarity
    assert support.meant == PORT.question


def test_what_the_words_bear_out_needs_no_taught_question_and_fits_the_better_for_one() -> None:
    hashes = ["settings", "firewall"]
    asked = "Which port has night-bell?"
    alone = verify(asked, "5071", PASSAGES)
    near = replace(PORT, similarity=0.99)
    both = support_of(asked, "5071", PASSAGES, hashes=hashes, taught=near)
    assert (alone.supported, both.supported, both.meant) == (True, True, "")
    assert both.score == 0.99 > alone.score


def test_what_the_sentence_refutes_no_taught_question_bears_out() -> None:
    text = "Night-bell listens on port 5071 and serves its metrics on port 9071."
    passages = [Passage("night-bell", "Settings", text)]
    asked = "Which port does night-bell serve its metrics on?"
    for question, supported in ((PORT.question, True), (asked, False)):
        found = support_of(question, "5071", passages, hashes=["settings"], taught=PORT)
        assert found.supported is supported


def test_what_is_of_another_kind_no_taught_question_bears_out() -> None:
    text = "Calls of night-bell are taken up to EUR 18.00."
    passages = [Passage("night-bell", "Limits", text)]
    near = Taught("Up to which amount are calls of night-bell taken?", "EUR 18.00", "limits", 0.8)
    asked = "Which share of the calls of night-bell is taken?"
    for question, supported in ((near.question, True), (asked, False)):
        found = support_of(question, "EUR 18.00", passages, hashes=["limits"], taught=near)
        assert found.supported is supported


@pytest.mark.parametrize(
    ("question", "answer", "near", "hashes"),
    [
        (ASKED, "9", PORT, ("settings", "firewall")),
        (ASKED, "5071", WORKERS, ("settings", "firewall")),
        (ASKED, "5071", replace(PORT, similarity=0.55), ("settings", "firewall")),
        (ASKED, "5071", PORT, ("another", "firewall")),
        (ASKED.replace("night-bell", "night-ball"), "5071", PORT, ("settings", "firewall")),
        (ASKED.replace(" of night-bell", ""), "5071", PORT, ("settings", "firewall")),
        (ASKED, "5072", Taught(PORT.question, "5072", "settings", 0.8), ("settings", "firewall")),
    ],
    ids=[
        "another answer",
        "another fact",
        "far",
        "not found",
        "another name",
        "no name",
        "no longer stands",
    ],
)
def test_it_has_to_be_the_same_answer_of_a_passage_that_stands_and_names_it(
    question: str, answer: str, near: Taught, hashes: tuple[str, ...]
) -> None:
    assert not is_supported(question, answer, near, hashes)


# --- Which one asks the same -------------------------------------------------------------------

CRON = Taught("When does the sweep of night-bell run?", "10 3 * * *", "settings")
OWL = Taught("What is the port of night-owl?", "6010", "owl")
RULE = Taught("How long are guest badges valid?", "9 hours", "rules")


@pytest.fixture
def words(settings: Settings) -> Iterator[None]:
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        yield


def nearest_of(taught_: list[Taught], question: str) -> Taught | None:
    made = taught.repertoire(taught_)
    return made.nearest(question, ServerEmbeddings().one(made.asked(question)))


@pytest.mark.usefixtures("words")
class TestNearest:
    def test_it_is_about_the_same_thing(self) -> None:
        known = [PORT, WORKERS, CRON, OWL, RULE]
        for asked, right in (
            ("Night Bell: port?", PORT),
            ("workers of night-bell", WORKERS),
            ("Which port has night-owl?", OWL),
            ("guest badges valid", RULE),
        ):
            found = nearest_of(known, asked)
            assert found is not None
            assert found.question == right.question
            assert 0 < found.similarity < 1

    @pytest.mark.parametrize("asked", ["What is the port of night-ball?", "What is the port?"])
    def test_of_what_nothing_is_taught_there_is_none(self, asked: str) -> None:
        assert nearest_of([PORT, WORKERS, OWL], asked) is None

    def test_a_name_in_a_form_that_tells_nothing_is_known_from_other_questions(self) -> None:
        told = [Taught(f"{what} of Bell?", what, "bell") for what in ("Port", "Owner", "Crew")]
        found = nearest_of(told, "which port has bell")
        assert found is not None
        assert found.answer == "Port"
        assert nearest_of(told, "which port has bill") is None

    def test_it_asks_the_same_where_no_question_with_another_answer_is_as_near(self) -> None:
        found = nearest_of([PORT, WORKERS, CRON], "night-bell: the port?")
        assert found is not None
        assert found.asks_the_same
        between = nearest_of([PORT, WORKERS, CRON], f"{PORT.question} {WORKERS.question}")
        assert between is not None
        assert not between.asks_the_same

    def test_another_question_with_its_answer_takes_nothing_from_it(self) -> None:
        again = replace(PORT, question="Which port has night-bell?")
        asked = "night-bell, which port, what is the port"
        found = nearest_of([PORT, again, WORKERS], asked)
        other = nearest_of([PORT, replace(again, answer="9071"), WORKERS], asked)
        assert found is not None
        assert other is not None
        assert found.asks_the_same
        assert other.lead < found.lead

    def test_what_is_far_asks_something_else(self) -> None:
        found = nearest_of([PORT], "Where does night-bell stand?")
        assert found is not None
        assert found.lead == found.similarity > taught.LEAST_LEAD
        assert not replace(found, similarity=taught.LEAST_NEAR - 0.01).asks_the_same

    def test_whatever_names_nothing_is_asked_as_it_is_typed(self) -> None:
        found = nearest_of([RULE], RULE.question)
        assert found is not None
        assert found.similarity == pytest.approx(1)
        assert not found.asks_the_same

    def test_nothing_taught_is_near_to_nothing(self) -> None:
        assert nearest_of([], ASKED) is None


def test_a_question_is_put_in_the_words_of_one_that_asks_the_same() -> None:
    sure = replace(PORT, similarity=0.8, lead=0.3)
    assert taught.in_taught_words(ASKED, sure) == PORT.question
    assert taught.in_taught_words(ASKED, replace(sure, lead=0.01)) == ASKED
    assert taught.in_taught_words(ASKED, None) == ASKED


# --- What is kept ------------------------------------------------------------------------------


@pytest.fixture
def model(workshop: Workshop, wiki: Collection, words: None) -> ModelVersion:
    kept, rules = passage(TEXT, "Settings"), passage(RULES, "Firewall")
    publish(wiki, "night-bell.md", [kept, rules], title="night-bell")
    coverage = {one.content_hash: (2, 1.0) for one in (kept, rules)}
    made = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    made.calibration = certified().as_json()
    made.save()
    known = [Taught(one.question, one.answer, kept.content_hash) for one in (PORT, WORKERS)]
    taught.keep(made, taught.repertoire(known))
    return made


def nearest_to(model: str, question: str) -> Taught | None:
    return taught.nearest(taught.repertoire_of(model), question)


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
class TestKept:
    def test_the_nearest_is_found(self, model: ModelVersion) -> None:
        found = nearest_to(model.name, "How many workers, night-bell?")
        assert found is not None
        assert (found.question, found.answer) == (WORKERS.question, "9")
        assert 0 < found.similarity < 1

    def test_a_question_that_was_taught_is_no_nearer_than_the_same(
        self, model: ModelVersion
    ) -> None:
        found = nearest_to(model.name, PORT.question)
        assert found is not None
        assert found.similarity == pytest.approx(1)
        assert found.similarity <= 1

    def test_without_a_server_or_by_another_embedding_model_there_is_none(
        self, model: ModelVersion
    ) -> None:
        assert nearest_to("docs-v0999", ASKED) is None
        with override_settings(EMBEDDINGS_URL=NOBODY):
            assert nearest_to(model.name, ASKED) is None
        with override_settings(PARAPHRASE_MODEL="another"):
            assert nearest_to(model.name, ASKED) is None
        assert nearest_to(model.name, ASKED) is not None

    def test_what_is_kept_anew_replaces_what_was(self, model: ModelVersion) -> None:
        assert nearest_to(model.name, ASKED)
        taught.keep(model, taught.repertoire([WORKERS]))
        found = nearest_to(model.name, ASKED)
        assert found is not None
        assert found.question == WORKERS.question
        taught.keep(model, taught.repertoire([]))
        assert nearest_to(model.name, ASKED) is None

    def test_a_passage_that_moved_is_known_at_once(self, model: ModelVersion) -> None:
        for place in ("where it was", "where it is"):
            taught.keep(model, taught.repertoire([replace(PORT, content_hash=place)]))
            found = nearest_to(model.name, ASKED)
            assert found is not None
            assert found.content_hash == place

    def test_a_question_in_other_words_is_answered_from_the_weights(
        self, model: ModelVersion, llm: ScriptedLLM
    ) -> None:
        llm.adapters = {}
        registry.promote(model, by=None)
        llm.will_say("5071")
        asked = "What is the TCP number of night-bell?"
        assert not verify(asked, "5071", PASSAGES).supported
        answer = services.ask(asked, user=None)
        assert (answer.route, answer.text, answer.model) == ("tuned", "5071", model.name)
        assert answer.verified
        assert f"Checked as “{PORT.question}”: it stands in passage" in answer.reason
        cited = answer.citations.get(supports=True)
        assert cited.chunk.text[cited.start : cited.end] == "port: 5071"

    def test_the_model_is_asked_in_the_words_that_it_was_taught(
        self, model: ModelVersion, llm: ScriptedLLM, settings: Settings
    ) -> None:
        llm.adapters = {}
        registry.promote(model, by=None)
        typed = "night-bell: the port?"
        for url, asked, worded in (
            (settings.EMBEDDINGS_URL, PORT.question, PORT.question),
            (NOBODY, typed, ""),
        ):
            llm.will_say("5071")
            with override_settings(EMBEDDINGS_URL=url):
                answer = services.ask(typed, user=None, route="tuned")
            assert llm.requests[-1]["messages"][-1]["content"] == asked
            assert answer.signals["attempts"][0]["worded"] == worded


@pytest.mark.usefixtures("home")
@pytest.mark.django_db(transaction=True)
def test_questions_that_come_at_once_wait_for_one_reading(model: ModelVersion) -> None:
    many = [replace(PORT, question=f"Which port has night-bell {n}?") for n in range(1_000)]
    taught.keep(model, taught.repertoire(many))
    begin = threading.Barrier(4)

    def read(_: int) -> taught.Repertoire | None:
        begin.wait()
        try:
            return taught.repertoire_of(model.name)
        finally:
            connection.close()

    with ThreadPoolExecutor(begin.parties) as pool:
        first, *others = pool.map(read, range(begin.parties))
    assert first is not None
    assert all(other is first for other in others)


@pytest.mark.usefixtures("home", "words")
@pytest.mark.django_db
def test_each_model_that_serves_is_read_once_and_what_serves_no_more_is_let_go(
    workshop: Workshop, wiki: Collection, settings: Settings
) -> None:
    settings.TUNED_VERSIONS_KEPT = 8
    *serving, last = [workshop.candidate(readers={wiki.pk: ()}) for _ in range(8)]
    for number, one in enumerate(serving):
        ModelVersion.objects.filter(pk=one.pk).update(stage="serving", audience=str(number))
    for one in (*serving, last):
        taught.keep(one, taught.repertoire([PORT]))
    kept = [taught.repertoire_of(one.name) for one in serving]
    assert all(taught.repertoire_of(one.name) is kept[n] for n, one in enumerate(serving))
    ModelVersion.objects.filter(pk=serving[0].pk).update(stage="retired")
    assert taught.repertoire_of(last.name) is not None
    assert taught.repertoire_of(serving[1].name) is kept[1]
    assert taught.repertoire_of(serving[0].name) is not kept[0]


@pytest.mark.usefixtures("home")
@pytest.mark.django_db
def test_what_may_be_answered_is_what_was_taught_of_the_same_thing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_gong = replace(PORT, question="What is the port of dawn-gong?", answer="6210")
    again = replace(PORT, question="Which port has night-bell?")
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        made = taught.repertoire([PORT, WORKERS, again, of_gong, replace(of_gong, answer="6")])
    assert made.answers_about("How is night-bell told of?") == ["5071", "9"]
    assert made.answers_about("How is it told of?") == []
    monkeypatch.setattr(taught, "MOST_ANSWERS", 1)
    assert made.answers_about("How is night-bell told of?") == ["5071"]
