"""The sentence that likely answers is found without the reader, and is held against it."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from ingestion.models import Collection
from router import retrieval, services, serving
from router.asked_forms import AskedForms
from router.believing import UNLIKELY
from router.evidence.forms import Form
from router.models import Answer
from router.processes import Server
from router.prompts import MAX_PASSAGES, REFUSAL, Passage
from router.quoting import (
    BELIEVED,
    Likeliest,
    excerpts,
    is_only_one,
    likeliest,
    likelihood_at,
    likelihoods,
    may_be_quoted,
    seconding,
    showing,
    texts_of,
)
from router.reading import NOTHING_LIKELY
from tests.documents import passage, publish
from tests.scripted_llm import Reply, ScriptedLLM

FIRE = "When the alarm rings, everybody walks to the bowling green and waits there."
COFFEE = "The coffee machine on the second floor is cleaned on Fridays."
PARKING = "Visitors park behind the mill."
ASKED = "Where do we assemble when the fire alarm rings?"
OFFICE = [Passage("Office", "Fire", FIRE), Passage("Office", "Kitchen", f"{COFFEE}\n{PARKING}")]


def found(question: str, scores: list[float], passages: list[Passage] = OFFICE) -> Likeliest:
    best = likeliest(question, passages, likelihoods(question, passages, scores))
    assert best is not None
    return best


# --- The sentence ------------------------------------------------------------------------------


def test_every_sentence_is_reranked_behind_its_headings() -> None:
    assert texts_of(OFFICE) == [
        f"Office > Fire: {FIRE}",
        f"Office > Kitchen: {COFFEE}",
        f"Office > Kitchen: {PARKING}",
    ]


def test_a_term_is_read_on_one_line_with_its_value_which_is_quoted() -> None:
    facts = Passage("Clock", "At a glance", "Wait for a tick\n900 ms\n\nKept by\nthe cue room")
    assert texts_of([facts])[0] == "Clock > At a glance: Wait for a tick: 900 ms"
    ((_, given),) = excerpts([facts], {(0, 0): 0.9, (0, 1): 0.1})
    assert given.text == "Wait for a tick: 900 ms\nKept by: the cue room"
    best = found("How long is the wait for a tick?", [0.99, 0.01], [facts])
    assert facts.text[best.start : best.end] == "900 ms"


def test_best_by_far_is_likely_and_quoted() -> None:
    best = found(ASKED, [0.99, 0.01, 0.02])
    assert (best.passage, OFFICE[0].text[best.start : best.end]) == (0, FIRE)
    assert best.is_quoted


@pytest.mark.parametrize(
    ("typed", "quotable"),
    [
        ("Where do we assemble?", True),
        ("Where do people walk to when it rings?", True),
        # The reranker was asked in other words, which were answered before.
        ("How much do we pay when the alarm rings?", False),
        ("In which year did the alarm ring?", False),
    ],
)
def test_what_the_question_as_typed_turns_down_is_not_quoted(typed: str, quotable: bool) -> None:
    priced = [Passage("Office", "Fire", f"{FIRE} It is drilled by Fire-2.")]
    likely = likelihoods(ASKED, priced, [0.01, 0.99])
    best = likeliest(ASKED, priced, likely)
    assert best is not None
    assert may_be_quoted(typed, priced, best) is quotable


def test_what_is_said_of_another_environment_is_not_quoted() -> None:
    told = [Passage("Pool", "", "In production the pool has 24 connections.")]
    assert found("How many connections has the pool in production?", [0.99], told).is_quoted
    assert not found("How many connections has the pool in staging?", [0.99], told).is_quoted


def test_where_nothing_scores_nothing_is_likely() -> None:
    likely = likelihoods("Which vaccine does the nurse keep?", OFFICE, [0.01, 0.02, 0.01])
    assert max(likely.values()) < BELIEVED


def test_to_be_the_only_sentence_makes_none_likely() -> None:
    likely = likelihoods("When was the machine invented?", [Passage("Office", "", COFFEE)], [0.01])
    assert likely[0, 0] < 0.1


def test_sentence_far_below_the_best_is_unlikely() -> None:
    likely = likelihoods(ASKED, OFFICE, [0.99, 0.01, 0.02])
    assert likelihood_at(OFFICE, likely, (0, 0, len(FIRE))) == likely[0, 0] > BELIEVED
    assert likelihood_at(OFFICE, likely, (1, 0, len(COFFEE))) == likely[1, 0] < BELIEVED
    assert likelihood_at(OFFICE, {}, (1, 0, len(COFFEE))) is None


def test_sentences_that_hold_the_kind_of_value_that_is_asked_for_are_told() -> None:
    told = [Passage("Relay", "", "Ask in #relay. It is loud."), Passage("Gate", "", "See #gate.")]
    likely = {(0, 0): 0.2, (0, 1): 0.9, (1, 0): 0.1}
    asked = "Which channel has the relay?"
    assert showing(asked, told, likely, None) == {(0, 0): 0.2, (1, 0): 0.1}
    assert showing("Why is the relay loud?", told, likely, None) == {}
    rooms = AskedForms(dict.fromkeys(Form, 0.0) | {Form.CHANNEL: 0.6, Form.WORDS: 0.4}, {})
    assert showing("Where do I shout about the relay?", told, likely, rooms) == {
        (0, 0): 0.2,
        (1, 0): 0.1,
    }


def test_the_likeliest_sentences_are_given_by_passages_the_best_first() -> None:
    rules = " ".join(f"Rule {number} is kept." for number in range(6))
    passages = [Passage("Rules", "", rules), OFFICE[1]]
    likely = {(0, number): number / 100 for number in range(6)} | {(1, 0): 0.3, (1, 1): 0.9}
    given = excerpts(passages, likely)
    assert [number for number, _ in given] == [1, 0]
    assert given[0][1] == OFFICE[1]
    assert given[1][1] == Passage("Rules", "", "Rule 4 is kept.\nRule 5 is kept.")


def test_rival_that_scores_as_well_makes_it_less_likely() -> None:
    alone, beside = found(ASKED, [0.9, 0.01, 0.01]), found(ASKED, [0.9, 0.01, 0.89])
    assert beside.probability < alone.probability


@pytest.mark.parametrize(
    "line", ["The rules of fire are these:", "Fire", "What are the rules of fire?", "fire " * 100]
)
def test_what_says_nothing_by_itself_is_not_quoted(line: str) -> None:
    best = found("What are the rules of fire?", [0.99], [Passage("Rules", "", line)])
    assert not best.is_readable
    assert not best.is_quoted


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("availability: 99.95%", "99.95%"),
        ('availability = "99.95%"', "99.95%"),
        ("- Availability: one hour a year", "one hour a year"),
        ("Setting: Availability; Value: 99.95%", "99.95%"),
        ("Setting: Availability; Test: 99%; Live: 99.95%", None),
        ("The availability is 99.95%: no more is promised.", None),
    ],
)
def test_of_a_row_with_one_value_the_value_is_quoted(line: str, said: str | None) -> None:
    best = found("What is the availability?", [0.95], [Passage("Relay", "", line)])
    assert line[best.start : best.end] == (said or line.strip())


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the sustained wind limit of mast-2?", "55 mph"),
        ("How old may mast-2 get?", "8 years"),
        ("What happens to mast-2?", None),
        ("Which mast has gusts of 66 mph?", "mast-2"),
    ],
)
def test_of_a_row_with_many_values_the_one_that_is_asked_for_is_quoted(
    question: str, said: str | None
) -> None:
    line = "Mast: mast-2; Life: 8 years; Sustained: 55 mph; Gust: 66 mph"
    best = found(question, [0.95], [Passage("Masts", "", line)])
    assert line[best.start : best.end] == (said or line)


@pytest.mark.parametrize(
    ("question", "line", "said"),
    [
        ("Which port does harbor use?", "Port: 8080; Service: harbor", "8080"),
        ("Which port does harbor use?", "Service: harbor; Port: 8080", "8080"),
        ("Who owns harbor?", "Owner: Ada Lund; Service: harbor", "Ada Lund"),
        ("Which gate has bay 7?", "Bay: bay 7; Gate: east", "east"),
        ("Which bay has the east gate?", "Bay: bay 7; Gate: east gate", "bay 7"),
        ("Is the crane insured?", "Insured: yes; Machine: crane", "yes"),
        ("How heavy is the crane?", "Ceiling: 40 kg; Machine: crane", "40 kg"),
        # The question has both or neither, or there is no other cell.
        ("Is encryption enabled?", "Setting: encryption; Value: enabled", "enabled"),
        ("What is the limit?", "Machine: crane; Value: 40 kg", "40 kg"),
        ("Is encryption enabled?", "encryption: enabled", "enabled"),
        ("Is encryption on?", "Setting: encryption; Value: no", "no"),
    ],
)
def test_of_a_row_of_two_the_cell_is_quoted_that_was_not_asked_by(
    question: str, line: str, said: str
) -> None:
    best = found(question, [0.95], [Passage("Sheet", "", line)])
    assert line[best.start : best.end] == said


@pytest.mark.parametrize(
    ("question", "line", "said"),
    [
        ("Which ports does harbor use?", "Service: harbor; Ports: 80; 443", "80; 443"),
        ("Which ports does harbor use?", "Ports: 80; 443; Service: harbor", "80; 443"),
        ("Who deploys harbor?", "Deployers: Ada Lund; Bo Berg", "Ada Lund; Bo Berg"),
        ("Which days is bay 7 open?", "Bay: 7; Days: Mon; Tue; Hours: 9 to 5", "Mon; Tue"),
        ("Which hours is bay 7 open?", "Bay: 7; Days: Mon; Tue; Hours: 9 to 5", "9 to 5"),
        ("Which gate has bay 7?", "Bay: 7; Days: Mon; Gate: east", "east"),
    ],
)
def test_list_in_a_cell_is_quoted_whole(question: str, line: str, said: str) -> None:
    best = found(question, [0.95], [Passage("Sheet", "", line)])
    assert line[best.start : best.end] == said


def test_without_passages_there_is_none() -> None:
    assert likeliest(ASKED, [], likelihoods(ASKED, [], [])) is None


@pytest.mark.parametrize(
    ("question", "text", "only"),
    [
        ("Which channel has the relay?", "Ask in #relay. It is loud.", True),
        ("Which channel has the relay?", "Ask in #relay. At night #gate is read.", False),
        # Any word may be a region, and any place what is asked for where no kind is.
        ("Which region has the relay?", "It is in north-2.", False),
        ("Where do people of the relay talk?", "Ask in #relay. It is loud.", False),
    ],
)
def test_value_of_the_form_that_is_asked_for_may_be_the_only_one(
    question: str, text: str, only: bool
) -> None:
    other = Passage("Gate", "", "It has no channel.")
    assert is_only_one(question, [other, Passage("Relay", "", text)], (1, 0, 14)) is only


@given(st.text(max_size=80), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_probability_is_one_whatever_is_asked(question: str, scores: list[float]) -> None:
    best = found(question, scores)
    assert 0 <= best.probability <= 1
    assert 0 <= best.start < best.end <= len(OFFICE[best.passage].text)


def test_only_the_likeliest_sentence_speaks_for_an_answer_and_only_if_it_is_likely() -> None:
    assert seconding({(0, 0): 0.4, (0, 1): 0.6}) == {(0, 1)}
    assert seconding({(0, 0): 0.1, (0, 1): 0.2}) == set()
    assert seconding({}) == set()


# --- The answer --------------------------------------------------------------------------------


@pytest.fixture
def office(wiki: Collection, settings: Settings, embedding_server: str, home: object) -> None:
    settings.EMBEDDINGS_URL = embedding_server
    publish(
        wiki,
        "office.md",
        [passage(FIRE, "Fire"), passage(COFFEE, "Kitchen"), passage(PARKING, "Visitors")],
        title="Office",
    )


def answered(text: str) -> Answer:
    return services.ask(text, user=None)


def tell_how_sure(llm: ScriptedLLM, settings: Settings) -> None:
    """As if the server was the embedded one, which tells how probable its words are."""
    settings.LLM_URL = ""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    serving.announce(Server("llm", process, llm.url))
    process.wait()


@pytest.mark.models
@pytest.mark.django_db
@pytest.mark.usefixtures("office")
class TestAnswer:
    def test_the_reader_gets_the_likeliest_sentences_only(
        self, llm: ScriptedLLM, wiki: Collection
    ) -> None:
        rules = [f"Rule {number} of the fire drill is kept by all." for number in range(6)]
        publish(wiki, "drill.md", [passage(" ".join(rules), "Rules")], title="Fire drill")
        llm.will_say("the bowling green [1]")
        assert answered(ASKED).text == "the bowling green"
        (given,) = (request["messages"][-1]["content"] for request in llm.requests)
        assert FIRE in given
        assert not all(rule in given for rule in rules)

    def test_the_reader_gets_a_likely_sentence_from_a_passage_that_was_found_late(
        self, llm: ScriptedLLM, wiki: Collection
    ) -> None:
        tests = [
            f"The fire alarm of block {n} is tested on Mondays, when it rings." for n in range(4)
        ]
        publish(wiki, "alarm.md", [passage(one, "Tests") for one in tests], title="Fire alarm")
        found = [hit.chunk.text for hit in retrieval.search(ASKED, user=None, limit=8).hits]
        assert found.index(FIRE) >= MAX_PASSAGES
        llm.will_say("the bowling green [1]")
        assert answered(ASKED).text == "the bowling green"
        assert FIRE in llm.requests[0]["messages"][-1]["content"]

    def test_for_several_things_whole_passages_are_read(self, llm: ScriptedLLM) -> None:
        llm.will_say("the bowling green [1]")
        answered("Where do we assemble in the office and where do visitors park?")
        given = llm.requests[0]["messages"][-1]["content"]
        assert all(text in given for text in (FIRE, PARKING))

    def test_what_the_reader_overlooks_is_quoted_from_its_place(self, llm: ScriptedLLM) -> None:
        llm.will_say(REFUSAL)
        answer = answered(ASKED)
        assert (answer.route, answer.text, answer.refused) == ("rag", FIRE, False)
        assert answer.citations.get(supports=True).chunk.text == FIRE
        assert "is quoted where it fits best" in answer.reason
        assert answer.signals["attempts"][-1]["quoted"]

    def test_what_the_check_rejects_is_replaced_by_the_quote(self, llm: ScriptedLLM) -> None:
        llm.will_say("at gate 4711")
        assert answered(ASKED).text == FIRE

    def test_answer_that_is_borne_out_is_not_replaced(self, llm: ScriptedLLM) -> None:
        llm.will_say("the bowling green [1]")
        answer = answered(ASKED)
        assert answer.text == "the bowling green"
        assert not answer.signals["attempts"][-1]["quoted"]

    def test_value_from_a_place_that_is_about_something_else_is_not_believed(
        self, llm: ScriptedLLM
    ) -> None:
        llm.will_say("behind the mill [1]")
        answer = answered("Where do visitors wait?")
        assert answer.refused
        assert UNLIKELY in answer.reason

    @pytest.mark.parametrize(("logprob", "text"), [(-0.05, "behind the mill"), (-0.7, REFUSAL)])
    def test_reader_that_is_sure_is_believed_in_what_is_unlikely(
        self, llm: ScriptedLLM, settings: Settings, logprob: float, text: str
    ) -> None:
        tell_how_sure(llm, settings)
        llm.will_say(Reply(("behind the", " mill [1]"), logprob=logprob / 2))
        answer = answered("Where do visitors wait?")
        assert answer.text == text, answer.reason
        assert answer.signals["attempts"][-1]["certainty"] == pytest.approx(math.exp(logprob))

    @pytest.mark.parametrize(("logprob", "text"), [(-0.8, "the bowling green"), (-4.0, FIRE)])
    def test_where_the_reader_guesses_the_likeliest_sentence_is_quoted_instead(
        self, llm: ScriptedLLM, settings: Settings, logprob: float, text: str
    ) -> None:
        tell_how_sure(llm, settings)
        llm.will_say(Reply(("the bowling green [1]",), logprob=logprob))
        assert answered(ASKED).text == text

    def test_what_is_not_shown_is_looked_for_in_the_likeliest_sentence_alone(
        self, llm: ScriptedLLM, settings: Settings, wiki: Collection
    ) -> None:
        tell_how_sure(llm, settings)
        polled = "Lamps are polled every 40 seconds. They were painted green."
        publish(wiki, "lantern.md", [passage(polled, "Operation")], title="Lantern Yard")
        llm.will_say("at gate 4711", Reply(("40 seconds [1]",), logprob=-0.2))
        answer = answered("How often are lamps polled in Lantern Yard?")
        assert answer.text == "40 seconds", answer.reason
        several, alone = (request["messages"][-1]["content"] for request in llm.requests)
        assert "painted green" in several
        assert "painted green" not in alone

    def test_a_model_that_does_not_tell_how_sure_it_is_is_not_asked_again(
        self, llm: ScriptedLLM, wiki: Collection
    ) -> None:
        polled = "Lamps are polled every 40 seconds. They were painted green."
        publish(wiki, "lantern.md", [passage(polled, "Operation")], title="Lantern Yard")
        llm.will_say("at gate 4711")
        answered("How often are lamps polled in Lantern Yard?")
        assert len(llm.requests) == 1

    def test_who_found_nothing_is_not_asked_again(
        self, llm: ScriptedLLM, settings: Settings
    ) -> None:
        tell_how_sure(llm, settings)
        llm.will_say(REFUSAL)
        assert answered(ASKED).signals["attempts"][-1]["quoted"]
        assert len(llm.requests) == 1

    def test_likely_sentence_needs_no_word_of_the_question(
        self, llm: ScriptedLLM, wiki: Collection
    ) -> None:
        """Not even where a sentence about something else has them."""
        polled = "Lamps are polled every 40 seconds. They were painted green."
        publish(wiki, "lantern.md", [passage(polled, "Operation")], title="Lantern Yard")
        read = "The time between two reads of a sensor is 9 minutes."
        publish(wiki, "copper.md", [passage(read, "Reads")], title="Copper Yard")
        llm.will_say("40 seconds [1]")
        answer = answered("How much time passes between two sensor reads in Lantern Yard?")
        assert answer.text == "40 seconds", answer.reason

    def test_where_no_sentence_is_likely_no_reader_is_asked(self, llm: ScriptedLLM) -> None:
        answer = answered("When was the machine invented?")
        assert (answer.route, answer.model) == ("refused", "")
        assert NOTHING_LIKELY in answer.reason
        assert llm.requests == []

    def test_server_that_fails_is_told_and_nothing_is_quoted(self, llm: ScriptedLLM) -> None:
        llm.will_say(Reply((), status=500))
        answer = answered(ASKED)
        assert answer.refused
        assert "does not answer" in answer.reason

    def test_without_embeddings_the_reader_is_believed_and_nothing_quoted(
        self, llm: ScriptedLLM, settings: Settings
    ) -> None:
        settings.EMBEDDINGS_URL = "http://127.0.0.1:9/v1"
        llm.will_say(REFUSAL)
        assert answered(ASKED).refused


def test_what_is_told_of_something_else_is_not_the_answer() -> None:
    """The row that fits best is another service's; of the one that is asked about others tell."""
    kettle = Passage("Steam Kettle", "Owners", "Steam Kettle is run by the Boiler Loft team.")
    route = Passage("Kettle Route", "Sheet", "Property: Cost code; Value: QM-7314")
    asked = "Under which cost code does Steam Kettle run?"
    likely = likelihoods(asked, [kettle, route], [0.01, 0.99])
    assert likely[1, 0] == 0
    assert likely[0, 0] > 0
    assert likelihoods("Under which cost code?", [kettle, route], [0.01, 0.99])[1, 0] > 0.5
