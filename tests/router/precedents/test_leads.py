"""Which values of the passages questions answered before lead to, and when to none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from router.precedents.facts import Near, NearFacts
from router.precedents.frames import Precedent
from router.precedents.leads import (
    FOR_MINED,
    MOST_LEADS,
    Lead,
    Subject,
    Usable,
    leads_to,
    subject_of,
    usable_of,
)
from router.prompts import Passage
from tests.router.precedents.test_frames import PORT, precedent

KNOWN = frozenset({"nightbell", "dawnhorn"})
ASKED = "What TCP number do I open for dawn-horn?"
HORN = Passage(
    "dawn-horn",
    "Network",
    "It wakes the crew. Dawn-horn listens on port 6210 by default. It has 4 workers.",
)
BELL = Passage("night-bell", "Network", "Night-bell listens on port 5071 by default.")
WORKERS = precedent("How many workers does night-bell have?", "9", "It has 9 workers.")


def leads(question: str, passages: Sequence[Passage], near: Sequence[Sequence[Near]]) -> list[Lead]:
    subject = subject_of(question, passages, KNOWN)
    return leads_to(subject, passages, [usable(one, subject) for one in near])


def usable(near: Sequence[Near], subject: Subject) -> list[Usable]:
    asking = subject.asking(near)
    return usable_of(asking, NearFacts(asking))


def values(
    near: Sequence[Near], question: str = ASKED, passages: Sequence[Passage] = (BELL, HORN)
) -> list[str]:
    return [one.value(passages) for one in leads(question, passages, [near] * len(passages))]


def value(
    near: Sequence[Near], question: str = ASKED, passages: Sequence[Passage] = (BELL, HORN)
) -> str | None:
    """That of the nearest."""
    return next(iter(values(near, question, passages)), None)


def test_the_same_sentence_about_what_is_asked_has_the_value() -> None:
    (found,) = leads(ASKED, [BELL, HORN], [[], [(PORT, 0.8)]])
    assert HORN.text[found.start : found.end] == "6210"
    assert HORN.text[slice(*found.sentence)] == "Dawn-horn listens on port 6210 by default."
    assert (found.passage, found.question) == (1, PORT.question)
    assert found.score == pytest.approx(0.8)


def test_what_was_asked_of_a_size_leads_to_no_memory() -> None:
    size = precedent("How large may a call to night-bell be?", "2 MB", "max_call_size: 2 MB")
    horn = Passage("dawn-horn", "", "max_call_size: 9 MB")
    assert value([(size, 0.8)], "How large may a call to dawn-horn be?", [horn]) == "9 MB"
    assert value([(size, 0.8)], "How much memory does dawn-horn want?", [horn]) is None


def test_a_sentence_of_a_name_and_a_value_alone_leads_to_what_it_names_alone() -> None:
    line = precedent("Who does owlCalls?", "Ada Lund", "owlCalls: Ada Lund")
    assert line.names == {"owlcalls"}
    asked, wakes = "Who is woken for dawn-horn?", Passage("dawn-horn", "", "Dawn-horn wakes all.")
    assert value([(line, 0.9)], asked, [wakes]) is None
    again = Passage("dawn-horn", "", "owlCalls: Ida Holm")
    assert value([(line, 0.9)], "Who does owlCalls of dawn-horn?", [again]) == "Ida Holm"


def test_what_is_asked_is_as_near_as_any_question_for_the_same() -> None:
    asked = replace(PORT, fact="port")
    nearer = precedent("Where to dial owl?", "80", "Owl is dialled at 80.")
    for one, score in (
        (replace(nearer, fact="port"), 0.9),
        (replace(nearer, fact="port", is_written=False), 0.9 - FOR_MINED),
        (replace(nearer, fact="dialling"), 0.7),
        (nearer, 0.7),
    ):
        (found,) = leads(ASKED, [HORN], [[(one, 0.9), (asked, 0.7)]])
        assert found.question == PORT.question
        assert found.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("of_owl", "cosine", "found"),
    [
        ("80", 0.9, None),
        # Another thing with both may have the same for both, so they may be one.
        ("5071", 0.9, "6210"),
        # Nothing has both, and the words are other ones, or the very words.
        ("", 0.89, "6210"),
        ("", 1.0, None),
        ("80", 0.8, "6210"),
    ],
)
def test_value_is_passed_over_where_what_is_asked_is_known_to_be_something_else(
    of_owl: str, cosine: float, found: str | None
) -> None:
    port = replace(PORT, fact="port")
    other = precedent("Where to dial owl?", "81", "Owl is dialled at 81.")
    near = [(replace(other, fact="dial"), cosine), (port, 0.75)]
    if of_owl:
        bell = precedent("Where to dial night-bell?", of_owl, f"Night-bell is dialled at {of_owl}.")
        near.append((replace(bell, fact="dial"), 0.7))
    assert value(near) == found


def test_a_passage_is_held_against_its_own_precedents_only() -> None:
    assert leads(ASKED, [BELL, HORN], [[(PORT, 0.8)], []]) == []


def test_the_headings_say_of_what_a_sentence_tells_that_does_not() -> None:
    assert value([(WORKERS, 0.8)], "How many hands has dawn-horn?") == "4"
    stranger = replace(HORN, title="All of them")
    assert value([(WORKERS, 0.8)], "How many hands has dawn-horn?", [stranger]) is None


def test_question_about_another_environment_is_no_precedent() -> None:
    staged = replace(PORT, question="Which port does night-bell have in staging?")
    assert value([(staged, 0.9)]) is None
    live = replace(PORT, question="Which port does night-bell have in production?")
    assert value([(live, 0.9)]) == "6210"


def test_what_is_said_of_no_other_environment_settles_nothing_there() -> None:
    assert value([(PORT, 0.8)], "Which port does dawn-horn listen on in staging?") is None
    assert value([(PORT, 0.8)], "Which port does dawn-horn listen on in production?") == "6210"


LISTENS = "Dawn-horn listens on port {} by default."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{LISTENS.format(6210)} In staging {LISTENS.format(6211)}", ["6210"]),
        (f"In staging {LISTENS.format(6211)}", ["6211"]),
    ],
)
def test_what_is_said_of_production_goes_before_what_is_said_of_staging(
    text: str, found: list[str]
) -> None:
    assert values([(PORT, 0.97)], passages=[Passage("dawn-horn", "Use", text)]) == found


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("Setting: limit; Value: 40 per minute", "40 per minute"),
        ("Setting: limit; Value: 640 MiB", None),
        ("Setting: limit; Value: north-1", None),
    ],
)
def test_value_of_another_sort_of_quantity_settles_nothing(row: str, found: str | None) -> None:
    told = "Setting: limit; Value: 25 per minute"
    rate = precedent("What is the limit of night-bell?", "25 per minute", told)
    asked = "What is the limit of dawn-horn?"
    assert value([(rate, 0.8)], asked, [replace(HORN, text=row)]) == found


def test_value_of_another_kind_settles_nothing() -> None:
    crew = precedent("Which channel does night-bell have?", "#night", "Night-bell has #night.")
    horn = Passage("dawn-horn", "", "Dawn-horn has #dawn.")
    assert value([(crew, 0.8)], "Which channel does dawn-horn have?", [horn]) == "#dawn"
    assert value([(crew, 0.8)], "Which port does dawn-horn have?", [horn]) is None
    assert value([(crew, 0.8)], "dawn-horn port?", [horn]) is None


def test_what_is_called_by_a_name_is_no_number() -> None:
    runs = precedent("What firmware runs night-bell?", "3.1.0", "Firmware of night-bell: 3.1.0")
    horn = [replace(HORN, text="Firmware of dawn-horn: 3.2.0")]
    assert value([(runs, 0.8)], "What is run on dawn-horn?", horn) == "3.2.0"
    assert value([(runs, 0.8)], "What do we run dawn-horn with?", horn) is None


def test_what_the_question_before_named_is_not_the_value_for_another() -> None:
    runs = precedent(
        "Which Python version does night-bell run on?", "Python 3.11", "It runs on Python 3.11."
    )
    horn = replace(HORN, text="It runs on Python 3.12.")
    assert value([(runs, 0.8)], "Which GPU model does dawn-horn run on?", [horn]) is None
    assert value([(runs, 0.8)], "What Python does dawn-horn run on?", [horn]) == "Python 3.12"


def test_what_says_again_whom_it_is_about_is_no_value() -> None:
    contact = precedent("Who is the contact for night-bell?", "Rosa Ek", "Contact Rosa Ek")
    asked = "Who is the contact for dawn-horn?"

    def found(line: str) -> str | None:
        return value([(contact, 0.9)], asked, [replace(HORN, text=line)])

    assert found("Contact Ada Lund") == "Ada Lund"
    assert found("Contact for Dawn-horn is Ada Lund") is None
    # A name of something else may have it in it.
    assert found("Contact dawn-horn-desk at noon") == "dawn-horn-desk at noon"


def test_name_that_only_the_titles_tell_counts() -> None:
    bell = replace(BELL, title="Night Booking", text="Night-booking listens on port 5071.")
    port = precedent("Which port does night-booking use?", "5071", bell.text)
    assert value([(port, 0.9)], "Which port has night-booking?", [bell]) == "5071"
    assert value([(port, 0.9)], "Which port has night-boarding?", [bell]) is None


def test_question_made_by_rules_is_less_near_and_known_as_such() -> None:
    mined = replace(PORT, is_written=False)
    (found,) = leads(ASKED, [HORN], [[(mined, 0.8)]])
    assert found.score == pytest.approx(0.8 - FOR_MINED)
    assert not found.is_written
    (found,) = leads(ASKED, [HORN], [[(mined, 0.9), (PORT, 0.7)]])
    assert found.is_written


def test_each_column_of_a_row_is_a_value() -> None:
    row = "Setting: pool; Day: {} connections; Night: {} connections"
    told = row.format(24, 6)
    day = precedent("How large is the pool by day?", "24 connections", told)
    night = precedent("How large is the pool at night?", "6 connections", told)
    horn = replace(HORN, text=row.format(36, 12))
    near = [(night, 0.8), (day, 0.78)]
    assert values(near, "How big is dawn-horn's pool?", [horn]) == [
        "12 connections",
        "36 connections",
    ]


def test_values_come_by_their_best_the_nearest_first_and_not_too_many() -> None:
    near = [(WORKERS, 0.7), (PORT, 0.8), (replace(PORT, question="Port?"), 0.6)]
    assert values(near) == ["6210", "4"]
    again = replace(HORN, text="Dawn-horn listens on port 6210 by default.")
    assert values(near, passages=[HORN, again]) == ["6210", "4"]
    many = [replace(HORN, text=f"Dawn-horn listens on port 62{n} by default.") for n in range(9)]
    assert len(values(near, passages=many)) == MOST_LEADS


@pytest.mark.parametrize(
    "question",
    ["What TCP number do I open for dawn-harp?", "What TCP number do I open?"],
    ids=["another name", "no name"],
)
def test_of_another_thing_it_settles_nothing(question: str) -> None:
    assert value([(PORT, 0.9)], question) is None


def test_of_another_number_of_a_name_it_settles_nothing() -> None:
    mass = precedent("How heavy is the Atlas 12?", "38 kg", "The Atlas 12 weighs 38 kg.")
    passages = [Passage("Scales", "", "The Atlas 12 weighs 38 kg.")]
    assert value([(mass, 0.9)], "What does the Atlas 12 weigh?", passages) == "38 kg"
    assert value([(mass, 0.9)], "What does the Atlas 10 weigh?", passages) is None


def test_a_measure_of_another_kind_than_is_asked_for_settles_nothing() -> None:
    size = precedent("How much does night-bell hold?", "12 MB", "Night-bell holds 12 MB of calls.")
    horn = replace(HORN, text="Dawn-horn holds 30 MB of calls.")
    assert value([(size, 0.9)], "What does dawn-horn hold?", [horn]) == "30 MB"
    assert value([(size, 0.9)], "How many hours does dawn-horn hold calls?", [horn]) is None
    width = precedent("How wide is night-bell?", "18 millimetres", "It is 18 millimetres wide.")
    horn = replace(HORN, text="It is 30 millimetres wide.")
    assert value([(width, 0.9)], "How wide is dawn-horn?", [horn]) == "30 millimetres"
    assert value([(width, 0.9)], "How many pages has dawn-horn?", [horn]) is None


def test_number_in_an_address_is_no_port() -> None:
    before = precedent("Where is night-bell?", "https://bell/v2", "It answers at https://bell/v2.")
    horn = Passage("dawn-horn", "Network", "It answers at https://horn/v3.")
    assert value([(before, 0.9)], "Where is dawn-horn?", [horn]) == "https://horn/v3"
    assert value([(before, 0.9)], "Which port has dawn-horn?", [horn]) is None


def test_people_say_how_much_of_a_line_is_the_value() -> None:
    line = Passage("dawn-horn", "Network", "Port: TCP 6210, from inside only")
    other = "Port: TCP 5071, from inside only"
    ruled = replace(precedent("port?", "TCP 5071, from inside only", other), is_written=False)
    told = precedent("Which port?", "5071", other)
    assert value([(ruled, 0.9)], passages=[line]) == "TCP 6210, from inside only"
    assert value([(ruled, 0.9), (told, 0.6)], passages=[line]) == "6210"


def test_of_frames_that_fit_alike_the_nearer_question_tells_where_the_value_begins() -> None:
    head = precedent("Who is head of night-bell?", "Ada Brand", "The lift manager is Ada Brand.")
    desk = precedent("Who looks after owl?", "Guest desk", "The Guest desk.")
    horn = Passage("dawn-horn", "", "The lift manager is Ida Holm.")
    for near in ([(head, 0.8), (desk, 0.7)], [(desk, 0.7), (head, 0.8)]):
        assert value(near, "Who is head of dawn-horn?", [horn]) == "Ida Holm"


@pytest.mark.parametrize(
    ("answer", "row", "found"),
    [
        ("5071", "port: 7715, cluster oak-c", "7715"),
        ("oak-b", "port: cluster oak-d", "oak-d"),
        ("08:30", "port: 23:35 each day", "23:35"),
        ("30 seconds", "port: 40 seconds of silence", "40 seconds"),
        ("Ada Brand", "port: Ingrid Vahl, ext", "Ingrid Vahl"),
        ("Ada Brand", "port: front desk, ext", "front desk, ext"),
        # Two that may be meant, and what people wrote longer before.
        ("5071", "port: 7715 or 7716", "7715 or 7716"),
        ("5071 and up", "port: 7715 and up", "7715 and up"),
    ],
)
def test_value_ends_where_the_answer_before_it_did(answer: str, row: str, found: str) -> None:
    before = precedent("What is the port of night-bell?", answer, f"port: {answer}")
    horn = Passage("dawn-horn", "", row)
    assert value([(before, 0.8)], "What has dawn-horn there?", [horn]) == found


def test_places_are_those_of_the_text_as_it_is_written() -> None:
    odd = Passage("dawn-horn", "", "“Ǆ” ﬁrst … Dawn-horn listens on port 6210 by default.")
    assert value([(PORT, 0.9)], passages=[odd]) in {"6210", None}
    odd = replace(odd, text="ﬁne.\nDawn-horn listens on port ６２１０ by default.")
    assert value([(PORT, 0.9)], passages=[odd]) == "６２１０"


ANY_PORT = precedent("Which port does dusk-gong have?", "5071", "It listens on port 5071.")
OWN_PORT = precedent("Which port does dusk-gong have?", "5071", "Dusk-gong listens on port 5071.")
PUBLIC = precedent("At what to call dusk-gong?", "5071", "For all callers the public port is 5071.")
PAUSE = precedent("How long does dusk-gong wait?", "30 s", "Pause: 30 s")
CALLS = precedent(
    "Where does dusk-gong send calls?", "eu-1", "It sends calls to Night Bell in eu-1."
)


@pytest.mark.parametrize(
    ("text", "one", "found"),
    [
        ("Dawn-horn asks Night-bell. Night-bell listens on port 6010.", ANY_PORT, None),
        ("It has 2 doors. The night-bell gate listens on port 6010.", ANY_PORT, None),
        ("Before dawn-horn wakes, night-bell listens on port 6010.", OWN_PORT, None),
        ("Night-bell listens on port 6010 for dawn-horn.", ANY_PORT, None),
        ("It asks night-bell, which listens on port 6010.", ANY_PORT, None),
        ("For all callers the public port of night-bell is 6010.", PUBLIC, None),
        ("For all callers, night-bell's public port is 6010.", PUBLIC, None),
        ("Night-bell:\n  pause: 40 s", PAUSE, None),
        ("- Night-bell: pause: 40 s", PAUSE, None),
        # It is told of dawn-horn, or only with night-bell.
        ("Dawn-horn:\n  pause: 40 s", PAUSE, "40 s"),
        ("Night-bell:\n  dawn-horn:\n    pause: 40 s", PAUSE, "40 s"),
        ("Night-bell:\n  pause: 90 s\npause: 40 s", PAUSE, "40 s"),
        ("It listens on port 6210 for night-bell.", ANY_PORT, "6210"),
        ("It listens for night-bell on port 6210.", ANY_PORT, "6210"),
        ("Before night-bell wakes, dawn-horn listens on port 6210.", OWN_PORT, "6210"),
        ("If night-bell rings, it listens on port 6210.", ANY_PORT, "6210"),
        ("On night-bell it listens on port 6210.", ANY_PORT, "6210"),
        # So it was told before.
        ("It sends calls to Night Bell in us-9.", CALLS, "us-9"),
    ],
)
def test_what_is_said_of_another_thing_settles_nothing(
    text: str, one: Precedent, found: str | None
) -> None:
    horn = Passage("dawn-horn", "Use", text)
    assert value([(one, 0.97)], "What has dawn-horn there?", [horn]) == found


def test_the_end_of_a_name_is_short_for_it() -> None:
    page = Passage("Tide Gauge", "Use", "The public port of the gauge is 6010.")
    one = precedent("At what to call Storm Flag?", "5071", "The public port of the flag is 5071.")
    subject = subject_of("At what to call Tide Gauge?", [page], KNOWN | {"gauge", "flag"})
    assert subject.others == KNOWN | {"flag"}
    found = leads_to(subject, [page], [usable([(one, 0.97)], subject)])
    assert [lead.value([page]) for lead in found] == ["6010"]


@pytest.mark.parametrize(
    ("title", "heading", "found"),
    [
        ("dawn-horn", "Neighbours > Night-bell", None),
        ("dawn-horn", "Night-bell", None),
        ("dawn-horn", "Night-bell > Pauses", "40 s"),
        ("dawn-horn", "Dawn-horn and night-bell", "40 s"),
        ("night-bell", "Dawn-horn", "40 s"),
        # A title has two names of one thing.
        ("dawn-horn (night-bell)", "Night-bell", "40 s"),
    ],
)
def test_the_innermost_heading_says_of_what_is_told(
    title: str, heading: str, found: str | None
) -> None:
    passages = [Passage(title, heading, "Pause: 40 s")]
    assert value([(PAUSE, 0.97)], "How long does dawn-horn wait?", passages) == found


def test_thing_that_was_asked_about_and_is_named_nowhere_is_gone() -> None:
    asked = "port of night-bell and dawn horn"
    assert subject_of(asked, [BELL, HORN], KNOWN).unnamed_in([BELL, HORN]) == ()
    assert subject_of(asked, [HORN], KNOWN).unnamed_in([HORN]) == ("night-bell",)
    # What nobody asked about may be an everyday word.
    assert subject_of(asked, [HORN], frozenset()).unnamed_in([HORN]) == ()


def test_short_name_is_that_of_the_only_thing_that_begins_so() -> None:
    page = Passage("Kassa Ticket Machine", "Upkeep", "Maintenance day: every Tuesday")
    things = frozenset({"kassaticketmachine"})
    day = precedent(
        "What is the maintenance day of Kassa Ticket Machine?",
        "every Tuesday",
        "Maintenance day: every Tuesday",
    )
    for name in ("Kassa", "kassa ticket", "Kassa Ticket Machine"):
        subject = subject_of(f"On which day is {name} serviced?", [page], things)
        assert "kassaticketmachine" in subject.keys
        (lead,) = leads_to(subject, [page], [usable([(day, 0.8)], subject)])
        assert lead.value([page]) == "every Tuesday"


def test_a_value_has_no_verb_in_front_of_it_as_the_model_says_it_without() -> None:
    text = "Remote start of night-bell is disabled."
    start = text.index("is")
    lead = Lead(0, start, len(text) - 1, (0, len(text)), "May night-bell be started?", 0.7)
    assert lead.value([Passage("night-bell", "", text)]) == "disabled"
