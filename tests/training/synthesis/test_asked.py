"""What becomes of the questions that a model writes on what documents say."""

from collections.abc import Mapping

import pytest

from ingestion.models import Collection, DocumentVersion
from router.prompts import TUNED_SYSTEM
from tests.documents import passage, publish
from tests.pairs import a_pair
from tests.people import People
from training.models import QAPair
from training.models.pairs import PairQuerySet
from training.review import reject
from training.synthesis.asked import Chat, ask_more
from training.synthesis.versions import mine_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

STOPS = "A round of Wagtail has 26 stops at most, because drivers get hungry."
DATA = "The road data is release 2024.11, without the new bypass."


class Asker:
    """A model that asks the same two things of every value."""

    def __init__(self, *questions: str) -> None:
        self.questions = questions or ("How many {v} of Wagtail?", "wagtail {v}")
        self.shown: list[str] = []

    def __call__(self, chats: Mapping[int, Chat]) -> dict[int, str]:
        said = {}
        for number, chat in chats.items():
            shown = chat[-1]["content"]
            self.shown.append(shown)
            value = shown.split("Value: ")[1].split("\n")[0]
            hint = value.split()[-1] if " " in value else f"word{len(value)}"
            said[number] = "\n".join(one.replace("{v}", hint) for one in self.questions)
        return said

    def values(self) -> list[str]:
        return [shown.split("Value: ")[1].split("\n")[0] for shown in self.shown]


def serve(collection: Collection, *texts: str, path: str = "wagtail.md") -> DocumentVersion:
    return publish(collection, path, [passage(text, "Rounds") for text in texts], title="Wagtail")


def pairs() -> PairQuerySet:
    return QAPair.objects.filter(origin=QAPair.Origin.ASKED).order_by("pk")


def test_questions_are_kept_as_pairs_with_their_evidence(wiki: Collection) -> None:
    version = serve(wiki, STOPS)
    assert ask_more(wiki, ask=Asker()) == 2
    text = version.chunks.get().text
    for pair in pairs():
        assert (pair.answer, pair.review) == ("26 stops", QAPair.Review.APPROVED)
        assert text[pair.start : pair.end] == pair.evidence == STOPS
    assert len({pair.fact_id for pair in pairs()}) == 1


def test_what_rules_have_read_is_asked_for_in_other_words(wiki: Collection) -> None:
    version = serve(wiki, "Wagtail keeps letters for 400 days.")
    mine_version(version.pk)
    mined = QAPair.objects.filter(origin=QAPair.Origin.MINED)
    assert {pair.answer for pair in mined} == {"400 days"}
    ask_more(wiki, ask=Asker("How old may a letter of Wagtail be?"))
    assert pairs().get().fact_id == mined.earliest("pk").fact_id


def test_asking_again_asks_nothing_that_was_asked(wiki: Collection) -> None:
    serve(wiki, STOPS)
    ask_more(wiki, ask=Asker())
    again = Asker()
    assert ask_more(wiki, ask=again) == 0
    assert again.shown == []


def test_documents_with_pairs_of_people_are_left_to_these(wiki: Collection) -> None:
    version = serve(wiki, STOPS)
    a_pair(version, "How long?", "26 stops", evidence=STOPS, origin=QAPair.Origin.WRITTEN)
    asker = Asker()
    assert ask_more(wiki, ask=asker) == 0
    assert asker.shown == []


def test_documents_take_turns(wiki: Collection) -> None:
    serve(wiki, STOPS, DATA)
    serve(wiki, "Redshank has 14 berths for boats of any kind.", path="redshank.md")
    asker = Asker()
    ask_more(wiki, ask=asker)
    assert asker.values() == ["14 berths", "26 stops", "2024.11"]


def test_what_there_was_no_time_for_is_asked_about_the_next_time(wiki: Collection) -> None:
    serve(wiki, STOPS, DATA)
    assert ask_more(wiki, ask=lambda _chats: {}) == 0
    asker = Asker()
    ask_more(wiki, ask=asker)
    assert asker.values() == ["26 stops", "2024.11"]


def test_question_with_two_answers_is_not_kept(wiki: Collection) -> None:
    serve(wiki, STOPS, DATA)
    assert ask_more(wiki, ask=Asker("What about Wagtail then?")) == 0


def test_question_that_is_there_already_is_left_alone(wiki: Collection) -> None:
    version = serve(wiki, DATA)
    other = serve(wiki, "Nothing else is told here.", path="other.md")
    question = "Which release does Wagtail have?"
    a_pair(other, question, "Nothing else", evidence="Nothing else is told here.")
    assert ask_more(wiki, ask=Asker(question)) == 0
    assert not version.document.pairs.exists()


def test_what_a_reviewer_rejected_stays_rejected(wiki: Collection, people: People) -> None:
    version = serve(wiki, STOPS)
    ask_more(wiki, ask=Asker("How long is a round of Wagtail?"))
    reject(pairs(), by=people.writer)
    mine_version(version.pk)
    ask_more(wiki, ask=Asker("How long is a round of Wagtail?"))
    assert pairs().get().review == QAPair.Review.REJECTED


def test_pair_moves_to_a_changed_passage_that_says_the_same(wiki: Collection) -> None:
    serve(wiki, STOPS)
    ask_more(wiki, ask=Asker())
    version = serve(wiki, f"{STOPS} The rest is new.")
    assert not pairs().live().exists()
    assert ask_more(wiki, ask=Asker()) == 0
    assert {pair.content_hash for pair in pairs().live()} == {version.chunks.get().content_hash}
    assert pairs().live().count() == 2


def test_restricted_documents_are_asked_about_in_their_collection_alone(
    wiki: Collection, vault: Collection
) -> None:
    serve(wiki, STOPS)
    serve(vault, DATA, path="secret.md")
    asker = Asker()
    ask_more(wiki, ask=asker)
    assert not any("2024.11" in shown for shown in asker.shown)
    assert all(TUNED_SYSTEM not in shown for shown in asker.shown)
