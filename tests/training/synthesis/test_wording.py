"""Facts in the many forms that documents give them, and the words in which they are asked for."""

import pytest

from training.synthesis.lexicon import meant_by
from training.synthesis.mined import MinedFrom
from training.synthesis.mining import mine

OPENING = "Plover Sorter is the program that sorts the post."


def asked(text: str, kind: str = "prose") -> dict[str, tuple[str, ...]]:
    """Each answer → its questions."""
    source = MinedFrom("Plover Sorter", "plover-sorter.md", (), kind, "", text, opening=OPENING)
    return {fact.answer: fact.questions for fact in mine(source)}


@pytest.mark.parametrize(
    ("sentence", "answer", "question"),
    [
        ("The installed release of Plover Sorter is 4.7.1.", "4.7.1", "Which build of Plover"),
        ("We have been running Plover Sorter 4.7.1 since May.", "4.7.1", "release"),
        ("Version 4.7.1 is deployed in every hall.", "4.7.1", "release of Plover Sorter"),
        ("The software lives in eu-heath-2.", "eu-heath-2", "region"),
        ("Weights go into TimescaleDB.", "TimescaleDB", "database"),
        ("Rejected letters are resubmitted three times.", "three times", "rejected letters"),
        ("It is the Letter Office that maintains Plover Sorter.", "Letter Office", "Who owns"),
        ("Responsibility lies with the Night Post unit.", "Night Post", "Who"),
        ("`PLOVER_MAP` names the file with the rounds.", "PLOVER_MAP", "the file with the rounds"),
        ("You may send up to 90 letters in one go.", "90 letters", "How many letters"),
        (
            "Should the scale drop out, weighing carries on from yesterday's table.",
            "yesterday's table",
            "the scale drops out",
        ),
        ("Anything below 20 percent sets off the klaxon.", "20 percent", "alarm"),
        ("Belts are cleaned every weekday at 05:20.", "every weekday at 05:20", "belts cleaned"),
        ("The mail sweep runs daily at 04:15.", "daily at 04:15", "the mail sweep"),
        ("Every jam is noted in /srv/plover/jams.log.", "/srv/plover/jams.log", "log"),
        ("Old scans are wiped after 30 days.", "30 days", "How long are old scans kept"),
    ],
)
def test_a_sentence_is_asked_for_as_people_ask(sentence: str, answer: str, question: str) -> None:
    questions = asked(f"Plover Sorter sorts the post. {sentence}")[answer]
    assert any(question.lower() in one.lower() for one in questions), questions
    assert not any(one.startswith(("Complete", "Fill in", "The docs say")) for one in questions)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is important that the belts are clean.",
        "They are wiped after 30 days.",
        "If the belt is down, call the hall.",
        "It needs version 3.2 of another program.",
        "The red lamp is above the door.",
    ],
)
def test_a_near_miss_is_none_of_these(sentence: str) -> None:
    assert asked(f"The post has come. {sentence}") == {}


@pytest.mark.parametrize(
    ("line", "answer", "question"),
    [
        ("--port 6354", "6354", "Which port does Plover Sorter listen on?"),
        ("--owner Night Post team", "Night Post team", "Who owns Plover Sorter?"),
        ("--request-timeout 70 seconds", "70 seconds", "What is the timeout of Plover Sorter?"),
        ("--listen 5570 port on which scales call in", "5570", "What is the port of Plover Sorter"),
        ("--enable dark_mode flag for dim screens", "dark_mode", "dim screens"),
        ("--enable dark_mode\nflag for dim screens", "dark_mode", "dim screens"),
    ],
)
def test_an_option_in_use_has_its_value(line: str, answer: str, question: str) -> None:
    assert any(question in one for one in asked(f"Options:\n\n{line}\n")[answer])


@pytest.mark.parametrize(
    "line", ["--port PORT", "--port <port>", "--frob blue", "--port 80 \\", "--name x --port 80"]
)
def test_an_option_that_tells_no_value_has_none(line: str) -> None:
    assert asked(f"Options:\n\n{line}\n") == {}


def test_a_default_may_be_what_a_variable_holds() -> None:
    questions = asked("--rounds FILE  where rounds are; defaults to the variable PLOVER_ROUNDS")
    assert "PLOVER_ROUNDS" in questions
    assert "the" not in questions


@pytest.mark.parametrize(
    ("label", "value", "answer", "question"),
    [
        ("Weights are thrown away after", "18 months", "18 months", "weights"),
        ("Letters are stored in", "MinIO", "MinIO", "What does Plover Sorter keep letters in?"),
        ("Mail sweep begins at", "23:30", "23:30", "the mail sweep"),
        ("Where weights are stored", "In InfluxDB, one per hall.", "InfluxDB", "weights"),
        ("Mail sweep", "Happens on Sundays at 03:50.", "on Sundays at 03:50", "the mail sweep"),
    ],
)
def test_a_label_and_its_value_may_make_a_sentence(
    label: str, value: str, answer: str, question: str
) -> None:
    questions = asked(f"{label}\n{value}\n\nOwner\nNight Post team")[answer]
    assert any(question in one for one in questions), questions


def test_a_described_variable_is_an_answer() -> None:
    told = asked(
        "- `PLOVER_MAP`: environment variable with the place of the map\n- `PLOVER_X`: the other",
        "list",
    )
    assert any("the place of the map" in one for one in told["PLOVER_MAP"])
    code = asked("export PLOVER_URL=http://x.local/y   # address of the scales", "code")
    assert any("address of the scales" in one for one in code["PLOVER_URL"])
    assert "PLOVER_LOOP" not in asked("export PLOVER_LOOP=3", "code")


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("people who answer for it", "owner"),
        ("responsible people", "owner"),
        ("repeats of a failed call", "retries"),
        ("fallback source", "fallback"),
        ("used when the map cannot be loaded", "fallback"),
        ("release in use", "version"),
        ("hosted in", "region"),
        ("alarm threshold", "alarm_level"),
        ("size of the cluster", "replicas"),
        ("patience with the scale", "timeout"),
        ("database behind the counter", "datastore"),
    ],
)
def test_a_label_in_other_words_means_the_concept(label: str, name: str) -> None:
    meant = meant_by(label)
    assert meant is not None
    assert meant.concept.name == name


@pytest.mark.parametrize("label", ["people who wait for it", "used oil", "what people answer"])
def test_a_clause_means_nothing(label: str) -> None:
    meant = meant_by(label)
    assert meant is None or meant.concept.name not in ("owner", "fallback", "inspection_result")
