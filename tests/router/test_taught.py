"""A taught question that means the same bears out what the asked one's own words do not."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
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
WORKERS = Taught("How many workers does night-bell have?", "9", "settings", 0.6)
SETTINGS = Passage("night-bell", "Settings", TEXT)
# It has more of the question's words, and not the answer.
RULES = (
    "Whoever wants to open a TCP number of night-bell in the firewall asks the crew with form 7781."
)
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


@pytest.mark.parametrize(
    ("question", "answer", "near", "hashes"),
    [
        (ASKED, "9", PORT, ("settings", "firewall")),
        (ASKED, "5071", WORKERS, ("settings", "firewall")),
        (ASKED, "5071", PORT, ("another", "firewall")),
        (ASKED.replace("night-bell", "night-ball"), "5071", PORT, ("settings", "firewall")),
        (ASKED.replace(" of night-bell", ""), "5071", PORT, ("settings", "firewall")),
        (ASKED, "5072", Taught(PORT.question, "5072", "settings", 0.8), ("settings", "firewall")),
    ],
    ids=[
        "another answer",
        "another fact",
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


# --- What is kept ------------------------------------------------------------------------------


@pytest.fixture
def words(settings: Settings) -> Iterator[None]:
    with hashed_words() as server:
        settings.EMBEDDINGS_URL = server.url
        yield


@pytest.fixture
def model(workshop: Workshop, wiki: Collection, words: None) -> ModelVersion:
    kept, rules = passage(TEXT, "Settings"), passage(RULES, "Firewall")
    publish(wiki, "night-bell.md", [kept, rules], title="night-bell")
    coverage = {one.content_hash: (2, 1.0) for one in (kept, rules)}
    made = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
    made.calibration = certified().as_json()
    made.save()
    taught.keep(
        made, [Taught(one.question, one.answer, kept.content_hash) for one in (PORT, WORKERS)]
    )
    return made


@pytest.mark.django_db
@pytest.mark.usefixtures("home")
class TestKept:
    def test_the_nearest_is_found(self, model: ModelVersion) -> None:
        vector = ServerEmbeddings().one("How many workers?")
        found = taught.nearest(model.name, vector)
        assert found is not None
        assert (found.question, found.answer) == (WORKERS.question, "9")
        assert 0 < found.similarity < 1

    def test_a_question_that_was_taught_is_no_nearer_than_the_same(
        self, model: ModelVersion
    ) -> None:
        # As some processors make of a vector with itself.
        vector = ServerEmbeddings().one(PORT.question) * np.float32(1 + 1e-6)
        found = taught.nearest(model.name, vector)
        assert found is not None
        assert found.similarity == 1.0

    def test_without_a_vector_or_by_another_embedding_model_there_is_none(
        self, model: ModelVersion, settings: Settings
    ) -> None:
        vector = ServerEmbeddings().one(ASKED)
        assert taught.nearest(model.name, None) is None
        assert taught.nearest("docs-v0999", vector) is None
        settings.EMBEDDINGS_MODEL = "another"
        assert taught.nearest(model.name, vector) is None

    def test_what_is_kept_anew_replaces_what_was(self, model: ModelVersion) -> None:
        vector = ServerEmbeddings().one(ASKED)
        assert taught.nearest(model.name, vector)
        taught.keep(model, [WORKERS])
        found = taught.nearest(model.name, vector)
        assert found is not None
        assert found.question == WORKERS.question
        taught.keep(model, [])
        assert taught.nearest(model.name, vector) is None

    def test_a_passage_that_moved_is_known_at_once(self, model: ModelVersion) -> None:
        vector = ServerEmbeddings().one(ASKED)
        before = taught.nearest(model.name, vector)
        assert before is not None
        taught.keep(model, [replace(before, content_hash="where it was")])
        assert taught.nearest(model.name, vector) is not None
        taught.keep(model, [replace(before, content_hash="where it is")])
        found = taught.nearest(model.name, vector)
        assert found is not None
        assert found.content_hash == "where it is"

    def test_a_question_in_other_words_is_answered_from_the_weights(
        self, model: ModelVersion, llm: ScriptedLLM
    ) -> None:
        llm.adapters = {}
        registry.promote(model, by=None)
        llm.will_say("5071")
        answer = services.ask(ASKED, user=None)
        assert (answer.route, answer.text, answer.model) == ("tuned", "5071", model.name)
        assert answer.verified
        assert f"Checked as “{PORT.question}”: it stands in passage" in answer.reason
        cited = answer.citations.get(supports=True)
        assert cited.chunk.text[cited.start : cited.end] == "port: 5071"
