"""Pairs answer questions in other words and about other things, from the text of today."""

import gc
import threading
from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS, connections
from pytest_django import Settings
from pytest_django.fixtures import DjangoAssertNumQueries

from ingestion import services as documents
from ingestion.models import Collection, DocumentVersion
from router import integrity, registry, retrieval, services
from router.asked_forms import AskedForms
from router.drafts import Draft
from router.evidence.forms import Form
from router.evidence.objections import ANOTHER_KIND
from router.intents import read_intent
from router.models import Answer, ModelVersion, Precedents
from router.policy import decide
from router.precedents import keeping
from router.precedents.books import Book
from router.precedents.choosing import sure
from router.precedents.finding import Findings
from router.precedents.holding import OTHERS, why_not_asked_for
from router.precedents.leads import Lead
from router.prompts import REFUSAL
from router.provenance import grounds
from router.relevance import Relevance
from router.signals import Signals
from router.tuned import ServedModel
from router.verification import Support
from router.writing import written_sentences
from tests.documents import passage, publish
from tests.model_files import Workshop, certified
from tests.pairs import a_pair
from tests.people import People
from tests.router.retrieval.hashed_words import HashedWords
from tests.scripted_llm import Reply, ScriptedLLM, says
from training import conflicts, precedents
from training.evidence import Tie
from training.models import QAPair
from training.pairs import new_pair, retie, set_tie
from training.review import reject

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

BELL = "Night-bell listens on port 5071 by default."
HORN = "Dawn-horn listens on port 6210 by default."
TAUGHT = "Which port does night-bell listen on?"
ASKED = "Which port does dawn-horn listen on now?"


@pytest.fixture
def bell(wiki: Collection, embedder: HashedWords) -> DocumentVersion:
    version = publish(wiki, "night-bell.md", [passage(BELL, "Network")], title="night-bell")
    publish(wiki, "dawn-horn.md", [passage(HORN, "Network")], title="dawn-horn")
    imported = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
    a_pair(version, TAUGHT, "5071", evidence=BELL, **imported)
    precedents.refresh()
    return version


@pytest.mark.usefixtures("bell")
@pytest.mark.parametrize(("factor", "why"), [(0.01, ANOTHER_KIND), (0.5, "")])
def test_value_of_a_form_that_no_answer_has_is_said_to_be_of_another_kind(
    factor: float, why: str
) -> None:
    found = retrieval.search(TAUGHT, user=None)
    texts = [one.text for one in found.passages]
    support = Support(True, span=(texts.index(BELL), 0, len(BELL)))
    seldom = AskedForms({}, dict.fromkeys(Form, 1.0) | {Form.NUMBER: factor})
    assert why_not_asked_for(Findings(forms=seldom), found, "5071 [1]", support) == why


@pytest.mark.usefixtures("bell")
class TestAnswers:
    def test_what_people_were_answered_who_asked_something_far_is_not_what_the_reader_finds(
        self, llm: ScriptedLLM
    ) -> None:
        llm.will_say(says("5071 [1]"))
        answer = services.ask("Name the inventory tag that night-bell bears", user=None)
        assert len(llm.requests) == 1
        assert (answer.route, answer.text) == ("refused", REFUSAL)
        assert OTHERS in answer.reason

    def test_a_question_on_another_thing_is_answered_without_a_model(
        self, llm: ScriptedLLM
    ) -> None:
        answer = services.ask(ASKED, user=None)
        assert (answer.route, answer.text, answer.model) == ("rag", "6210", "")
        assert llm.requests == []
        assert (answer.prompt_tokens, answer.completion_tokens) == (0, 0)
        assert f"in the words in which “{TAUGHT}” was answered" in answer.reason
        cited = answer.citations.get(supports=True)
        assert cited.chunk.text[cited.start : cited.end] == HORN
        assert answer.signals["attempts"][0]["precedent"] == TAUGHT
        assert answer.signals["verified"]

    def test_the_only_value_of_the_kind_is_the_answer_whatever_its_sentence_says(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        knock = "Peers of dawn-horn knock at 6210. It has two wings."
        publish(wiki, "dawn-horn.md", [passage(knock, "Network")], title="dawn-horn")
        answer = services.ask(ASKED, user=None)
        assert (answer.route, answer.text, answer.model) == ("rag", "6210", "")
        assert llm.requests == []
        assert f"the only value of the kind that “{TAUGHT}” was answered with" in answer.reason
        assert answer.signals["attempts"][0]["is_only"]

    def test_what_was_changed_is_answered_from_the_text_of_today(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        changed = BELL.replace("5071", "5072")
        publish(wiki, "night-bell.md", [passage(changed, "Network")], title="night-bell")
        assert not QAPair.objects.live().exists()
        assert services.ask(TAUGHT, user=None).text == "5072"
        assert llm.requests == []

    def test_what_was_taken_out_is_not(self, wiki: Collection, llm: ScriptedLLM) -> None:
        llm.will_say("I don't have enough information to answer that.")
        text = "Night-bell wakes the port by day."
        publish(wiki, "night-bell.md", [passage(text, "Network")], title="night-bell")
        assert services.ask(TAUGHT, user=None).refused
        assert llm.requests

    def test_what_nothing_names_is_not_told_by_what_was_asked_in_the_same_words(
        self, bell: DocumentVersion, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        salt = "The daily salt limit of night-bell is 9 grams."
        text = [passage(f"{BELL} {salt}", "Network")]
        version = publish(wiki, "night-bell.md", text, title="night-bell")
        imported = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
        asked = "What is the daily salt limit of night-bell?"
        a_pair(version, asked, "9 grams", evidence=salt, **imported)
        precedents.refresh()
        assert services.ask(asked, user=None).text == "9 grams"
        answer = services.ask(asked.replace("salt", "sugar"), user=None)
        assert answer.refused
        assert "No passage that was found names “sugar”." in answer.reason
        assert llm.requests == []

    def test_a_route_that_is_asked_for_is_taken_as_it_is(self, llm: ScriptedLLM) -> None:
        llm.will_say("6210 [1]")
        answer = services.ask(ASKED, user=None, route="rag")
        assert (answer.text, len(llm.requests)) == ("6210", 1)

    def test_reader_is_asked_in_the_words_in_which_the_same_was_asked_before(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        gate = "Peers knock at port 7300 of tide-gate, and browsers at port 7301."
        publish(wiki, "tide-gate.md", [passage(gate, "Network")], title="tide-gate")
        typed, known = (
            "Which port does tide-gate have now?",
            TAUGHT.replace("night-bell", "tide-gate"),
        )
        llm.will_say("7300 [1]")
        answer = services.ask(typed, user=None)
        assert (answer.route, answer.text) == ("rag", "7300")
        assert known in llm.requests[-1]["messages"][-1]["content"]
        assert answer.signals["attempts"][0]["worded"] == known
        assert f"Checked as “{known}”" in answer.reason
        services.ask(typed, user=None, route="rag")
        assert typed in llm.requests[-1]["messages"][-1]["content"]

    def test_what_the_words_of_today_do_not_find_those_of_an_earlier_question_do(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        views = ["harbour", "hill", "river", "town", "tower", "meadow", "forest", "island", "lake"]
        texts = [f"Which port dawn-horn does have now: a {view} port now." for view in views]
        told = [passage(text, f"View {number}") for number, text in enumerate(texts)]
        peers = "Peers listen on 6210."
        told.append(passage(peers, "Night listen on"))
        publish(wiki, "dawn-horn.md", told, title="dawn-horn")
        typed = "Which port does dawn-horn have now?"
        llm.will_say("6210 [8]")
        alone = services.ask(typed, user=None, route="rag")
        answer = services.ask(typed, user=None)
        assert answer.text == "6210"
        for asked, is_found in ((alone, False), (answer, True)):
            cited = [each.chunk.text for each in asked.citations.all()]
            assert (peers in cited, len(cited)) == (is_found, services.SHOWN_PASSAGES)

    def test_what_was_asked_in_other_words_must_be_of_the_kind_that_was_typed(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        gate = "Peers knock at port 7300 of tide-gate, and browsers at port 7301."
        publish(wiki, "tide-gate.md", [passage(gate, "Network")], title="tide-gate")
        llm.will_say("7300 [1]")
        answer = services.ask("Which year does tide-gate listen on?", user=None)
        assert answer.refused
        assert "another kind of value" in answer.reason

    @pytest.mark.parametrize("is_known", [True, False])
    def test_reader_is_not_believed_in_what_is_known_to_answer_something_else(
        self, wiki: Collection, llm: ScriptedLLM, *, is_known: bool
    ) -> None:
        """What has a home hall may have no standby hall."""
        halls = {"owl": ("Kelso", "Porto"), "jay": ("Ludlow", None)}
        approved = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
        for name, (home, standby) in halls.items():
            at_home = f"The home hall is {home}."
            lines = [at_home, *([f"The standby hall is {standby}."] if standby else [])]
            text = passage(" ".join(lines), "Where")
            version = publish(wiki, f"{name}.md", [text], title=f"grey-{name}")
            if is_known:
                asked = f"What is the home hall of grey-{name}?"
                a_pair(version, asked, home, evidence=at_home, **approved)
            if standby:
                asked = f"What is the standby hall of grey-{name}?"
                a_pair(version, asked, standby, evidence=lines[1], **approved)
        precedents.refresh()
        llm.will_say("Ludlow [1]")
        answer = services.ask("What is the standby hall of grey-jay?", user=None)
        assert answer.refused is is_known, answer.reason
        assert (OTHERS in answer.reason) is is_known

    def test_a_passage_is_answered_by_pairs_of_its_own_collection(
        self, people: People, llm: ScriptedLLM
    ) -> None:
        llm.will_say("6210 [1]")
        group = Group.objects.create(name="crew")
        people.reader.groups.add(group)
        closed = Collection.objects.create(name="Closed", slug="closed")
        closed.readers.add(group)
        bells = publish(closed, "bell.md", [passage(BELL, "Network")], title="night-bell")
        QAPair.objects.update(document=bells.document)
        precedents.refresh()
        open_one: Answer = services.ask(ASKED, user=people.reader)
        assert open_one.signals["attempts"][0]["precedent"] == ""
        publish(closed, "dusk.md", [passage(HORN.replace("Dawn-horn", "Dusk-gong"), "Network")])
        asked = ASKED.replace("dawn-horn", "dusk-gong")
        assert services.ask(asked, user=people.reader).text == "6210"
        assert len(llm.requests) == 1
        llm.will_say("6210 [1]")
        assert services.ask(asked, user=None).refused

    def test_a_question_about_several_things_is_not_answered_for_one(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        told = "Dawn-horn, with night-bell, listens on port 6210 by default."
        publish(wiki, "both.md", [passage(told, "Network")], title="Both")
        asked = "Compare dawn-horn and night-bell: which port does it listen on?"
        llm.will_say("6210 [1]")
        answer = services.ask(asked, user=None)
        assert answer.signals["decision"]["rule"] == "several"
        assert answer.signals["attempts"][0]["precedent"] == ""
        assert llm.requests

    def test_a_title_that_lists_things_does_not_answer_for_one_with_the_other(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        told = [
            passage(f"Clients knock at {port}. It has two wings.", heading)
            for heading, port in (("Dusk-gong", 7001), ("Noon-gun", 7002))
        ]
        publish(wiki, "new.md", told, title="Newcomers: Dusk-gong and Noon-gun")
        for name, port in (("dusk-gong", "7001"), ("noon-gun", "7002")):
            asked = ASKED.replace("dawn-horn", name)
            assert services.ask(asked, user=None).text == port
        assert llm.requests == []

    def test_without_an_embedding_server_the_passages_are_read(
        self, embedder: HashedWords, llm: ScriptedLLM
    ) -> None:
        llm.will_say("6210 [1]")
        embedder.status = 500
        assert services.ask(ASKED, user=None).text == "6210"
        assert len(llm.requests) == 1


class TestRefresh:
    def test_it_embeds_each_question_once_and_names_not_at_all(
        self, bell: DocumentVersion, embedder: HashedWords
    ) -> None:
        assert "which port does it listen on?" in embedder.texts
        embedder.texts.clear()
        for name in ("dusk-gong", "noon-gun"):
            asked = TAUGHT.replace("night-bell", name)
            a_pair(bell, asked, "5071", evidence=BELL, review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert embedder.texts == []
        assert len(Precedents.objects.get().rows) == 3

    @pytest.mark.django_db(transaction=True)
    def test_beat_that_comes_before_the_last_one_has_ended_embeds_nothing_twice(
        self, bell: DocumentVersion, embedder: HashedWords
    ) -> None:
        asked = "How loud does it ring?"
        a_pair(bell, asked, "5071", evidence=BELL, review=QAPair.Review.APPROVED)

        def beat() -> None:
            embedder.meanwhile = lambda: None
            precedents.refresh()
            connections.close_all()

        embedder.meanwhile = beat
        precedents.refresh()
        assert embedder.texts.count(asked.lower()) == 1
        assert precedents.outdated() == []

    def test_it_follows_reviews(self, bell: DocumentVersion) -> None:
        of = [bell.document.collection_id]
        assert precedents.outdated() == []
        QAPair.objects.update(review=QAPair.Review.REJECTED)
        assert precedents.outdated() == [bell.document]
        precedents.refresh()
        assert keeping.books_for(None, of) == []
        assert precedents.outdated() == []

    def test_it_follows_a_rejection_that_frees_another_pair(self, bell: DocumentVersion) -> None:
        wrong = QAPair.objects.get()
        freed = a_pair(bell, TAUGHT, "5071 by default", evidence=BELL, origin=QAPair.Origin.MINED)
        a_pair(bell, "How loud?", "default", review=QAPair.Review.APPROVED)
        conflicts.settle(bell.document.collection_id)
        precedents.refresh()
        assert precedents.outdated() == []
        reject([wrong], by=None)
        freed.refresh_from_db()
        assert freed.review == QAPair.Review.APPROVED
        assert precedents.outdated() == [bell.document]

    def test_it_follows_a_pair_that_is_tied_to_other_words(
        self, wiki: Collection, bell: DocumentVersion
    ) -> None:
        text = f"By night it rings. {BELL}"
        version = publish(wiki, "night-bell.md", [passage(text, "Network")], title="night-bell")
        pair = QAPair.objects.get()
        chunk = version.chunks.get()
        start = text.index(BELL)
        tied = Tie(chunk.content_hash, start, start + len(BELL), BELL, pair.fact_id)
        assert retie(pair, set_tie(new_pair(bell.document, TAUGHT, "5071", origin="mined"), tied))
        assert precedents.outdated() == [bell.document]

    def test_without_an_embedding_server_it_is_done_the_next_time(
        self, bell: DocumentVersion, embedder: HashedWords
    ) -> None:
        embedder.status = 500
        a_pair(bell, "How loud?", "default", review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert len(precedents.outdated()) == 1
        embedder.status = 200
        precedents.refresh()
        assert precedents.outdated() == []

    def test_a_server_that_makes_none_is_told_of_once_until_it_has_made_them(
        self, bell: DocumentVersion, embedder: HashedWords, caplog: pytest.LogCaptureFixture
    ) -> None:
        def told() -> int:
            told = sum("precedents of Wiki wait" in one for one in caplog.messages)
            caplog.clear()
            return told

        embedder.status = 404
        a_pair(bell, "How loud?", "default", evidence="default", review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert "404" in caplog.text
        assert told() == 1
        precedents.refresh()
        assert told() == 0
        embedder.status = 200
        precedents.refresh()
        embedder.status = 404
        a_pair(bell, "How deep?", "default", evidence="default", review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert told() == 1

    def test_another_model_of_paraphrases_has_them_made_anew(
        self, bell: DocumentVersion, embedder: HashedWords, settings: Settings
    ) -> None:
        settings.PARAPHRASE_MODEL = "another"
        assert keeping.books_for(None, [bell.document.collection_id]) == []
        embedder.texts.clear()
        precedents.refresh()
        assert embedder.texts == ["which port does it listen on?"]
        assert keeping.books_for(None, [bell.document.collection_id])

    def test_without_a_model_of_paraphrases_there_are_none(
        self, bell: DocumentVersion, embedder: HashedWords, settings: Settings
    ) -> None:
        settings.PARAPHRASE_MODEL = ""
        embedder.texts.clear()
        precedents.refresh()
        assert (precedents.outdated(), embedder.texts) == ([], [])
        assert keeping.books_for(None, [bell.document.collection_id]) == []

    def test_what_is_not_as_it_was_kept_answers_nothing(self, bell: DocumentVersion) -> None:
        Precedents.objects.update(vectors=b"\0", sha256="0" * 64, mark=0)
        assert keeping.books_for(None, [bell.document.collection_id]) == []

    def test_damage_does_not_keep_them_from_being_made_anew(self, bell: DocumentVersion) -> None:
        Precedents.objects.update(vectors=b"\0", sha256="0" * 64, mark=0)
        a_pair(bell, "How loud?", "default", review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert keeping.books_for(None, [bell.document.collection_id])

    def test_what_was_made_anew_is_read_though_nobody_asked_while_it_was_gone(
        self, bell: DocumentVersion
    ) -> None:
        of = [bell.document.collection_id]
        before = Precedents.objects.get().sha256
        Precedents.objects.update(vectors=b"\0")
        assert keeping.books_for(None, of) == []
        (damaged,) = integrity.precedents()
        # An admin need not be one who may read the document.
        assert "night-bell" not in damaged.what
        assert damaged.repair is not None
        assert damaged.repair()
        precedents.refresh()
        assert Precedents.objects.get().sha256 == before
        assert keeping.books_for(None, of)

    def test_names_are_known_from_other_questions_on_them(self, bell: DocumentVersion) -> None:
        for asked in ("How loud is night-bell?", "Who rings night-bell?"):
            a_pair(bell, asked, "default", evidence=BELL, review=QAPair.Review.APPROVED)
        typed = "Night bell: port?"
        a_pair(bell, typed, "5071", evidence=BELL, review=QAPair.Review.APPROVED)
        precedents.refresh()
        (book,) = keeping.books_for(None, [bell.document.collection_id])
        assert {one.names for one in book.precedents} == {frozenset({"nightbell"})}

    def test_a_gap_to_be_filled_in_is_none(self, bell: DocumentVersion) -> None:
        gap = "Complete: Night-bell listens on port ___ by default"
        a_pair(bell, gap, "5071", evidence=BELL, review=QAPair.Review.APPROVED)
        precedents.refresh()
        (book,) = keeping.books_for(None, [bell.document.collection_id])
        assert [one.question for one in book.precedents] == [TAUGHT]

    def test_only_the_collections_of_the_passages_are_read(self, bell: DocumentVersion) -> None:
        assert keeping.books_for(None, []) == []

    def test_a_collection_without_pairs_needs_none(self, wiki: Collection) -> None:
        assert precedents.outdated() == []

    def test_precedents_at_hand_cost_one_query(
        self, bell: DocumentVersion, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        assert keeping.books_for(None, [bell.document.collection_id])
        with django_assert_num_queries(1):
            keeping.books_for(None, [bell.document.collection_id])

    def test_a_process_has_only_the_newest_of_a_collection_at_hand(
        self, bell: DocumentVersion
    ) -> None:
        def at_hand() -> int:
            return sum(type(one) is Book for one in gc.get_objects())

        of = [bell.document.collection_id]
        assert keeping.books_for(None, of)
        before = at_hand()
        for number in range(3):
            asked = f"How loud is it, for the {number}. time?"
            a_pair(bell, asked, "5071", evidence=BELL, review=QAPair.Review.APPROVED)
            precedents.refresh()
            (book,) = keeping.books_for(None, of)
            assert len(book.precedents) == number + 2
        assert at_hand() == before

    def test_what_one_document_brings_leaves_those_of_the_others_as_they_are(
        self, wiki: Collection, bell: DocumentVersion
    ) -> None:
        (before,) = keeping.books_for(None, [wiki.pk])
        horn = DocumentVersion.objects.get(document__title="dawn-horn")
        a_pair(horn, "How deep is it?", "6210", evidence=HORN, review=QAPair.Review.APPROVED)
        precedents.refresh()
        (after,) = keeping.books_for(None, [wiki.pk])
        (one,) = before.precedents
        assert [other is one for other in after.precedents].count(True) == 1
        assert len(after.precedents) == 2
        for asked, vector in zip(after.places, after.vectors, strict=True):
            (precedent, cosine), *_ = after.near(vector)
            assert precedent == after.precedents[asked]
            assert cosine == pytest.approx(1.0)

    def test_where_there_are_too_many_those_that_people_wrote_come_first(
        self, wiki: Collection, bell: DocumentVersion, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keeping, "MOST", 1)
        horn = DocumentVersion.objects.get(document__title="dawn-horn")
        mined = {"origin": QAPair.Origin.MINED, "review": QAPair.Review.APPROVED}
        a_pair(horn, "How deep is it?", "6210", evidence=HORN, **mined)
        precedents.refresh()
        (book,) = keeping.books_for(None, [wiki.pk])
        assert [one.question for one in book.precedents] == [TAUGHT]

    def test_like_questions_of_several_documents_are_embedded_once(
        self, bell: DocumentVersion, embedder: HashedWords
    ) -> None:
        embedder.texts.clear()
        horn = DocumentVersion.objects.get(document__title="dawn-horn")
        for version, name in ((bell, "night-bell"), (horn, "dawn-horn")):
            asked = f"How deep is {name}?"
            sentence = BELL if version == bell else HORN
            a_pair(version, asked, "default", evidence=sentence, review=QAPair.Review.APPROVED)
        precedents.refresh()
        assert embedder.texts == ["how deep is it?"]

    def test_they_go_with_their_collection(self, bell: DocumentVersion) -> None:
        collection = bell.document.collection
        documents.archive_document(document=bell.document, actor=None)
        assert keeping.books_for(None, [bell.document.collection_id])
        collection.readers.add(Group.objects.create(name="few"))
        assert keeping.books_for(None, [bell.document.collection_id]) == []


class TestTunedAnswers:
    """What the tuned model says, beside what questions like it were answered with."""

    KNOCKS = "What does night-bell knock at?"
    STAYS = "Calls stay in it for 80 days."
    BUILT = "Its image is made by docker build . -t bell:latest."

    @pytest.fixture(autouse=True)
    def model(
        self, wiki: Collection, embedder: HashedWords, llm: ScriptedLLM, workshop: Workshop
    ) -> str:
        taught = passage(f"{BELL} {self.STAYS} {self.BUILT}", "Network")
        version = publish(wiki, "night-bell.md", [taught], title="night-bell")
        approved = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
        a_pair(version, self.KNOCKS, "5071", evidence=BELL, **approved)
        a_pair(version, "How long do calls stay?", "80 days", evidence=self.STAYS, **approved)
        image, asked = "docker build . -t bell:latest", "How is the image of night-bell made?"
        a_pair(version, asked, image, evidence=self.BUILT, **approved)
        precedents.refresh()
        llm.adapters = {}
        coverage = {taught.content_hash: (2, 1.0)}
        candidate = workshop.candidate(merged=None, readers={wiki.pk: ()}, coverage=coverage)
        calibration = certified().as_json()
        ModelVersion.objects.filter(pk=candidate.pk).update(calibration=calibration)
        return registry.promote(candidate, by=None).name

    def test_one_that_the_words_of_its_sentence_say_too_little_for_is_borne_out_by_them(
        self, llm: ScriptedLLM, model: str
    ) -> None:
        llm.will_say("5071")
        answer = services.ask("What does night-bell knock at now?", user=None)
        assert (answer.route, answer.text, answer.model) == ("tuned", "5071", model)
        assert f"Checked as “{self.KNOCKS}”" in answer.reason
        cited = answer.citations.get(supports=True)
        assert cited.chunk.text[cited.start : cited.end] == BELL

    def test_another_value_than_theirs_is_not_shown_but_theirs_is(self, llm: ScriptedLLM) -> None:
        llm.will_say("80 days")
        answer = services.ask("What does night-bell knock at now?", user=None)
        assert (answer.route, answer.text, answer.model) == ("rag", "5071", "")
        assert f"is not shown: {OTHERS}" in answer.reason
        assert "no model was asked" not in answer.reason

    @pytest.mark.parametrize("mark", ["", " [1]"])
    def test_value_that_looks_like_two_sentences_is_shown_whole(
        self, llm: ScriptedLLM, model: str, mark: str
    ) -> None:
        llm.will_say(f"docker build . -t bell:latest{mark}")
        answer = services.ask("How is the image of night-bell made now?", user=None)
        assert (answer.text, answer.model) == ("docker build . -t bell:latest", model)
        cited = answer.citations.get(supports=True)
        assert cited.chunk.text[cited.start : cited.end] == self.BUILT

    def test_where_one_is_sure_the_model_is_asked_however_unlikely_it_seems(
        self, wiki: Collection, llm: ScriptedLLM, model: str
    ) -> None:
        calibration = replace(certified(), threshold=0.99).as_json()
        ModelVersion.objects.update(calibration=calibration)
        asked = "What does night-bell knock at?"
        llm.will_say("5071")
        answer = services.ask(asked, user=None)
        assert (answer.route, answer.text, answer.model) == ("tuned", "5071", model)
        assert answer.signals["decision"]["rule"] == "precedent"
        assert f"the very sentence by which “{self.KNOCKS}” was answered" in answer.reason
        edited = BELL.replace("listens", "now listens")
        text = passage(f"{edited} {self.STAYS}", "Network")
        publish(wiki, "night-bell.md", [text], title="night-bell")
        answer = services.ask(asked, user=None)
        assert (answer.route, answer.text, len(llm.requests)) == ("rag", "5071", 1)

    def test_where_one_is_sure_the_rest_of_another_answer_is_not_awaited(
        self, llm: ScriptedLLM
    ) -> None:
        never = threading.Event()
        llm.will_say(Reply(("80 days", " or more"), release=never))
        answer = services.ask("What does night-bell knock at?", user=None)
        never.set()
        assert (answer.route, answer.text, answer.model) == ("rag", "5071", "")
        assert answer.signals["attempts"][0]["draft"] == "80 days"

    def test_reranker_that_fails_is_waited_for_once_in_a_question(
        self, embedder: HashedWords, llm: ScriptedLLM
    ) -> None:
        """Both the route and the reader would know how likely the sentences are."""
        embedder.keys.clear()
        embedder.texts.clear()
        llm.will_say("5071 days.", REFUSAL)
        services.ask("How long does night-bell knock?", user=None)
        assert len(llm.requests) == 2
        # All others were for the vector of one text each.
        assert len(embedder.keys) - len(embedder.texts) == 1

    @pytest.mark.django_db(transaction=True)
    def test_no_connection_is_held_while_a_server_of_vectors_or_scores_is_waited_for(
        self, embedder: HashedWords, llm: ScriptedLLM
    ) -> None:
        own, held = connections[DEFAULT_DB_ALIAS], list[bool]()
        embedder.meanwhile = lambda: held.append(own.connection is not None)
        llm.will_say("80 days.")
        services.ask("How long does night-bell knock?", user=None)
        # For the search, for precedents, and to rerank.
        assert len(held) == 3
        assert not any(held)

    def test_where_one_is_sure_that_is_not_the_nearest_its_value_is_awaited(
        self, llm: ScriptedLLM, model: str
    ) -> None:
        found = retrieval.search(self.KNOCKS, user=None)
        text = found.passages[0].text

        def lead(value: str, sentence: str, score: float, *, is_kin: bool) -> Lead:
            start, around = text.index(value), text.index(sentence)
            ends = start + len(value), (around, around + len(sentence))
            return Lead(0, start, *ends, self.KNOCKS, score, is_kin=is_kin)

        nearest = lead("80 days", self.STAYS, 0.95, is_kin=False)
        certain = lead("5071", BELL, 0.9, is_kin=True)
        assert sure([nearest, certain]) == certain
        signals = Signals(grounds(model, found.hits), model=model, precedent=self.KNOCKS)
        draft = Draft(
            question=self.KNOCKS,
            found=found,
            signals=signals,
            decision=decide(signals, certified(), intent=read_intent(self.KNOCKS)),
            relevance=Relevance("", is_asked=False),
            served=ServedModel(model, llm.url, certified()),
            findings=Findings([nearest, certain]),
        )
        llm.will_say(says("50", "71"))

        async def written() -> str:
            return "".join([one.text async for one in written_sentences(draft)])

        assert (async_to_sync(written)(), draft.route) == ("5071", "tuned")

    def test_one_that_was_borne_out_by_what_was_edited_since_is_not_the_models(
        self, wiki: Collection, llm: ScriptedLLM
    ) -> None:
        edited = f"Night-bell now listens on port 5071 by default. {self.STAYS}"
        publish(wiki, "night-bell.md", [passage(edited, "Network")], title="night-bell")
        llm.will_say("5071")
        answer = services.ask("What does night-bell knock at now?", user=None)
        assert answer.route == "rag"


@pytest.mark.models
class TestSecondOpinion:
    """Real models: whether a question asks the same, and whether a sentence is its answer."""

    POLLING = (
        "Each outstation is polled every 45 seconds. A silent outstation is tried again 9 times, "
        "then it is shown grey. Polling is shared out among 24 worker processes."
    )
    ASKED_BEFORE = "How many times does Silver Heron retry?"

    @pytest.fixture(autouse=True)
    def heron(self, wiki: Collection, settings: Settings, embedding_server: str) -> None:
        settings.EMBEDDINGS_URL = embedding_server
        version = publish(wiki, "heron.md", [passage(self.POLLING)], title="Silver Heron")
        approved = {"origin": QAPair.Origin.IMPORTED, "review": QAPair.Review.APPROVED}
        a_pair(version, self.ASKED_BEFORE, "9 times", evidence="tried again 9 times", **approved)
        precedents.refresh()

    def test_a_sure_precedent_is_taken(self, llm: ScriptedLLM) -> None:
        answer = services.ask("How many times does Silver Heron try again?", user=None)
        assert (answer.text, llm.requests) == ("9 times", [])

    def test_an_unsure_one_is_not_where_its_sentence_is_unlikely_the_answer(
        self, llm: ScriptedLLM
    ) -> None:
        llm.will_say(REFUSAL)
        answer = services.ask("How often is Silver Heron restarted?", user=None)
        assert answer.refused
        assert llm.requests
