"""What kind of value a question wants is read only from a wording that leaves no doubt."""

import pytest

from router.evidence.kinds_asked import wanted_value
from router.evidence.quantities import quantities
from router.evidence.questions import read_question
from router.evidence.wanted import are_of_one_sort
from router.prompts import Passage
from router.verification import verify

HALL = Passage(
    "Concert hall",
    "Seats",
    "A seat hold lives 15 minutes; a reply is 201 with its end in UTC. A code is 12 characters.\n"
    "The hall takes 800 guests, 60 % of them seated. Rehearsals end at noon.\n"
    "A new hold may be asked for at 40 requests per second.\n"
    "A lost ticket stays blocked until the steward frees it. hold_ms: 1850\n"
    "Ingrid Vahl answers for the hall; the foyer is 18 metres long and lies in Wing B.\n"
    "The organ is tuned on 4 May by release 2.9.5, and the doors close at 19:45.\n"
    "Echoes last 1.85.\n"
    "Pods of the organ are swapped with Plover, from 31 °C on, at 4 km per h.\n"
    "The alarm of the cellar goes off at 8 °C; Tarn Records presses what hall.tarn.example sends.",
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long does a seat hold live?", "15 minutes"),
        ("How long is a code?", "12 characters"),
        ("How long is the foyer?", "18 metres"),
        ("How long does a lost ticket stay blocked?", "until the steward frees it"),
        ("How long may a hold be?", "1850"),
        ("What is the longest the organ may take to come back up?", "15 minutes"),
        ("What is the purge age of the organ?", "15 minutes"),
        ("When does a seat hold time out?", "15 minutes"),
        ("What length of silence does a seat hold take?", "15 minutes"),
        ("What do we swap pods of the organ with?", "Plover"),
        ("From how many degrees on are pods of the organ swapped?", "31 °C"),
        ("At what speed are pods of the organ swapped?", "4 km per h"),
        ("How many guests does the hall take?", "800"),
        ("How many guests are seated?", "60 %"),
        ("What share of the guests is seated?", "60 %"),
        ("What's the share of guests that is seated?", "60 %"),
        ("Who answers for the hall?", "Ingrid Vahl"),
        ("When is the organ tuned?", "4 May"),
        ("How often is the organ tuned?", "4 May"),
        ("How often do rehearsals end?", "at noon"),
        ("When do the doors close?", "at 19:45"),
        ("When do rehearsals end?", "at noon"),
        ("Where does the foyer lie?", "in Wing B"),
        ("When does the alarm of the cellar say that it is too cold?", "8 °C"),
        ("How many idle minutes does a seat hold live?", "15 minutes"),
        ("What release number of the organ is it?", "2.9.5"),
        ("Which company presses what the hall sends?", "Tarn Records"),
    ],
)
def test_value_of_the_wanted_kind_is_supported(question: str, answer: str) -> None:
    support = verify(question, answer, [HALL])
    assert support.supported, support.problem


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long does a seat hold live?", "A reply is 201 with its end in UTC."),
        ("How long does a seat hold live?", "201"),
        ("How long does a seat hold live?", "60 %"),
        ("How fast may a script call the organ?", "15 minutes"),
        ("What is the purge age of the organ?", "60 %"),
        ("How much time passes before a new hold?", "40 requests per second"),
        ("How soon does a seat hold end?", "18 metres"),
        ("What is the timeout of a seat hold?", "19:45"),
        ("How many guests does the hall take?", "15 minutes"),
        ("How many echoes does the hall have?", "1.85"),
        ("When does a seat hold time out?", "19:45"),
        ("What length of silence does a seat hold take?", "60 %"),
        ("What do we swap pods of the organ with?", "2.9.5"),
        ("From how many degrees on are pods of the organ swapped?", "15 minutes"),
        ("At what speed are pods of the organ swapped?", "31 °C"),
        ("What share of the guests is seated?", "15 minutes"),
        ("What's the share of guests that is seated?", "15 minutes"),
        ("Who answers for the hall?", "15 minutes"),
        ("How often is the organ tuned?", "60 %"),
        ("When do the doors close?", "60 %"),
        ("When do the doors close?", "hold_ms"),
        ("When is the organ tuned?", "2.9.5"),
        ("Where does the foyer lie?", "60 %"),
        ("What is the uptime goal of the hall?", "40 requests per second"),
        ("Hall rules, uptime goal for the hall?", "40 requests per second"),
        ("What percent of the guests is seated?", "15 minutes"),
        ("What is the number of guests?", "2.9.5"),
        ("Which company presses what the hall sends?", "hall.tarn.example"),
    ],
)
def test_value_of_another_kind_is_not_supported(question: str, answer: str) -> None:
    support = verify(question, answer, [HALL])
    assert not support.supported
    assert support.problem == "The question asks for another kind of value."


@pytest.mark.parametrize(
    "question",
    ["why is it closed when it rains?", "can i see who sits where?", "it settings path on host"],
)
def test_open_question_wants_no_kind(question: str) -> None:
    assert wanted_value(question) is None


@pytest.mark.parametrize(
    ("question", "value", "other"),
    [
        ("git path of the organ?", "hall/organ", "/etc/organ.toml"),
        ("what is the organ written in?", "Java 21", "#organ"),
        ("i want to chat with the tuners; which room do i join?", "#organ", "Team Organ"),
        ("what does the organ report as its own release number?", "4.12.6", "10 s"),
        ("in which product does the organ persist its state?", "MongoDB 7.0", "organ.tuned"),
        ("which line does one enter on the console to undo it?", "organ undo", "10 s"),
        ("it hangs; what exactly do i type into the shell to bounce it?", "organ undo", "10 s"),
        ("which cloud region hosts the organ?", "eu-west-1 (Ireland)", "InfluxDB 2.7"),
        ("what command line option makes the organ only pretend?", "--what-if", "organ play"),
        ("the organ is out of tune; where on slack should i shout?", "#organ", "hall/organ"),
        ("the new build of the organ broke; what do i type to undo it?", "organ undo", "v2.9.5"),
        ("where in git do i send a patch for the organ?", "hall/organ", "#organ"),
        ("organ slack", "#organ", "hall/organ"),
        ("organ chan?", "#organ", "hall/organ"),
    ],
)
def test_what_is_written_so_is_of_the_kind(question: str, value: str, other: str) -> None:
    wanted = wanted_value(question)
    assert wanted is not None
    assert wanted.has_token(value)
    assert not wanted.has_token(other)


@pytest.mark.parametrize(
    "question",
    [
        "what port does the hall use?",
        "what's the web port of the hall?",
        "what is the telemetry port of the hall?",
        "port it pods",
    ],
)
def test_kind_is_told_however_it_is_asked_for(question: str) -> None:
    wanted = wanted_value(question)
    assert wanted is not None
    assert wanted.noun is not None
    assert wanted.noun.pattern == "port"


def test_a_word_of_a_name_tells_no_kind() -> None:
    gate = Passage("Harbor Switch", "Limits", "It is up for 99.9% of a month.")
    assert verify("Uptime promised for Harbor Switch?", "99.9%", [gate]).supported
    assert read_question("Use of Harbor Switch?", ["Harbor Switch"]).wanted is None


@pytest.mark.parametrize("flag", ["--still", "still_organ", "still-organ-v2"])
def test_flags_are_written_in_several_ways(flag: str) -> None:
    hall = Passage("Hall", "Modes", f"Quiet mode of the Hall is controlled by {flag}.")
    assert verify("Which flag turns quiet mode of the Hall on?", flag, [hall]).supported


def test_toggle_is_a_flag() -> None:
    assert wanted_value("what feature toggle gates it?") == wanted_value("which flag gates it?")


@pytest.mark.parametrize("verb", ["sets", "holds", "limits"])
def test_what_is_set_is_not_what_is_asked_for(verb: str) -> None:
    wanted = wanted_value(f"which flag {verb} memory of it?")
    assert wanted is not None
    assert wanted.has_token("--quiet")


def test_availability_zone_is_no_share() -> None:
    zone, share = map(
        wanted_value, ("what availability zone is it in?", "what availability is it?")
    )
    assert share is not None
    assert "%" in share.sure
    assert zone is None or "%" not in zone.sure


CREW = Passage(
    "Stage crew",
    "",
    "The Gaffers build the stage. Ada Brand is head of lighting. "
    "New scenery arrives on Thursdays, and the gate opens at 07:30.",
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who is the head of lighting?", "Ada Brand"),
        ("On which day does new scenery arrive?", "Thursdays"),
        ("On which day does new scenery arrive?", "on Thursdays at 07:30"),
    ],
)
def test_people_with_a_post_and_days_are_told_as_such(question: str, answer: str) -> None:
    support = verify(question, answer, [CREW])
    assert support.supported, support.problem


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who is the manager of the stage?", "The Gaffers"),
        ("What is the name of the director of the stage?", "The Gaffers"),
        ("On which day does the gate open?", "07:30"),
    ],
)
def test_team_is_nobody_with_a_post_and_an_hour_no_day(question: str, answer: str) -> None:
    support = verify(question, answer, [CREW])
    assert not support.supported
    assert support.problem == "The question asks for another kind of value."


GAUGES = Passage(
    "Stage gauges",
    "",
    "Temperature: 31 °C\nA cloth weighs 40 kg. Memory: half of the rack. The mast takes 12 volts.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("temperature limit of the stage?", "31 °C", True),
        ("What weight has a cloth?", "40 kg", True),
        ("What is the memory limit?", "half of the rack", True),
        ("What voltage does the mast take?", "12 volts", True),
        ("What voltage does the mast take?", "40 kg", False),
        ("What weight has a cloth?", "12 volts", False),
        ("Which diameter has the mast?", "12 volts", False),
    ],
)
def test_what_is_measured_has_units_of_its_own(question: str, answer: str, supported: bool) -> None:
    assert verify(question, answer, [GAUGES]).supported is supported


def test_answer_that_only_repeats_the_question_is_none() -> None:
    support = verify("Who is the head of the Gaffers crew?", "Gaffers", [CREW])
    assert support.problem == "The answer only repeats the question."
    assert verify("Who builds it, the Gaffers or Ada?", "Gaffers", [CREW]).supported


def test_channel_that_is_called_like_its_thing_does_not_repeat_the_question() -> None:
    gate = Passage("Harbor Gate", "", "Slack: #harbor-gate")
    assert verify("Which Slack room covers Harbor Gate?", "#harbor-gate", [gate]).supported


def test_name_of_a_channel_is_a_channel() -> None:
    wanted = wanted_value("stage crew chat channel name")
    assert wanted is not None
    assert wanted == wanted_value("which slack room do the stage crew have?")
    assert wanted.has_token("#stage-crew")
    assert not wanted.has_token("stage.cues.raw")


STAGE = Passage(
    "Stage lights",
    "",
    "Stage lights run 4.2.1 since spring. The house runs the build Larkspur. STAGE_DESK_HOST names "
    "the desk, and logs go to /var/log/stage.log. The Gaffers look after the lights.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("What version of the stage lights runs?", "4.2.1", True),
        ("What version of the stage lights runs?", "STAGE_DESK_HOST", False),
        ("What version of the stage lights runs?", "/var/log/stage.log", False),
        # A build may have a name where the text calls it one.
        ("Which build does the house run?", "Larkspur", True),
        ("Which variable names the desk of the stage lights?", "STAGE_DESK_HOST", True),
        ("Which variable names the desk of the stage lights?", "/var/log/stage.log", False),
        ("which env var names the desk of the stage lights?", "/var/log/stage.log", False),
        ("Stage lights version?", "4.2.1", True),
        ("Stage lights version?", "The Gaffers", False),
        ("path of the stage lights' logs?", "/var/log/stage.log", True),
        ("path of the stage lights' logs?", "4.2.1", False),
        ("db name for the stage lights pls", "/var/log/stage.log", False),
        ("which db have the stage lights?", "/var/log/stage.log", False),
        ("Which region do the stage lights run in?", "4.2.1", False),
        ("Which team looks after the stage lights?", "The Gaffers", True),
        ("Which team looks after the stage lights?", "STAGE_DESK_HOST", False),
        ("what's the owning team of the stage lights", "The Gaffers", True),
        ("what's the owning team of the stage lights", "4.2.1", False),
        ("stage lights owners?", "The Gaffers", True),
        ("stage lights owners?", "STAGE_DESK_HOST", False),
    ],
)
def test_versions_variables_and_teams_have_forms(
    question: str, answer: str, supported: bool
) -> None:
    assert verify(question, answer, [STAGE]).supported is supported


DESK = Passage(
    "Stage desk",
    "",
    "To bounce the desk, run `desk restart --all`. The flag quiet-desk keeps it dark. Cues lie in "
    "the bucket oak-prints, its database is stage_cues. A copy takes 512 MiB. Its CPU has 2 cores. "
    "Cues are kept for 40 days, and a copy is made at 04:30. DESK_SECRET is the password. "
    "The stage desk listens on port 6188. The stage desk is in north-2. "
    "Clients may send the stage desk 40 requests per minute. The stage desk writes to /var/desk. "
    "Ada Brand reads the channel of the stage desk, #night-cues.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("command to bounce the stage desk", "desk restart --all", True),
        ("What command bounces the stage desk?", "quiet-desk", False),
        ("Which variable is the password of the stage desk?", "DESK_SECRET", True),
        ("Which variable is the password of the stage desk?", "stage_cues", False),
        ("where do the cues of the stage desk end up, bucket name please", "oak-prints", True),
        ("where do the cues of the stage desk end up, bucket name please", "40 days", False),
        ("What is the CPU limit of the stage desk?", "2 cores", True),
        ("pods of the stage desk", "#night-cues", False),
        ("escalation name for the stage desk channel", "Ada Brand", True),
        ("escalation name for the stage desk channel", "#night-cues", False),
        ("What is the CPU limit of the stage desk?", "512 MiB", False),
        ("How far back do the cues of the stage desk go?", "40 days", True),
        ("How far back do the cues of the stage desk go?", "04:30", False),
        ("stage desk is stuck, what do I type?", "desk restart --all", True),
        ("stage desk is stuck, what do I type?", "DESK_SECRET", False),
        ("Where is the stage desk hosted?", "north-2", True),
        ("Where is the stage desk hosted?", "port 6188", False),
        ("stage desk throttling limit", "40 requests per minute", True),
        ("stage desk throttling limit", "512 MiB", False),
        ("flag for silence in the stage desk", "quiet-desk", True),
        ("flag for silence in the stage desk", "DESK_SECRET", False),
        ("folder location of the stage desk?", "/var/desk", True),
        ("folder location of the stage desk?", "desk restart --all", False),
        ("chat room for the stage desk", "#night-cues", True),
        # Beside a channel, nothing else in its sentence is one, whatever it is made of.
        ("chat room for the stage desk", "the channel of the crew", False),
        ("chat room for the stage desk", "Ada Brand", False),
    ],
)
def test_what_services_have_is_told_by_its_form(
    question: str, answer: str, supported: bool
) -> None:
    assert verify(question, answer, [DESK]).supported is supported


PRESS = Passage(
    "Printing press",
    "",
    "Owner: The Gaffers. Language: Java 21. Database: PostgreSQL 16. Proofs are kept for 40 days. "
    "A sheet weighs 90 g.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("Which language is the printing press written in?", "Java 21", True),
        ("Which database does the printing press use?", "PostgreSQL 16", True),
        ("Which language is the printing press written in?", "40 days", False),
        ("Which database does the printing press use?", "90 g", False),
    ],
)
def test_number_may_be_part_of_a_name(question: str, answer: str, supported: bool) -> None:
    assert verify(question, answer, [PRESS]).supported is supported


BOX_OFFICE = Passage(
    "Box office",
    "",
    "The box office opened in 2019 and is audited every Tuesday. It listens on port 8443, and "
    "tickets are kept for 40 days. Its budget is 4,000 EUR. Ring it at +44 20 7946 0018, or write "
    "to box@playhouse.example. The stalls' desk has extension 4471.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("Which year was the box office opened?", "2019", True),
        ("Which year was the box office opened?", "Tuesday", False),
        ("Which year was the box office opened?", "8443", False),
        ("what year did the box office start", "40 days", False),
        ("How much is paid as the budget of the box office?", "4,000 EUR", True),
        ("How much does the box office cost?", "40 days", False),
        ("How much does the box office cost?", "Tuesday", False),
        ("price of the box office", "40 days", False),
        ("hourly labour rate of the box office", "40 days", False),
        ("parking charge before 4 pm", "40 days", False),
        ("What is the phone number of the box office?", "+44 20 7946 0018", True),
        ("What is the phone number of the box office?", "8443", False),
        ("What is the phone number of the stalls' desk?", "4471", True),
        ("box office phone?", "box@playhouse.example", False),
        ("email of the box office", "box@playhouse.example", True),
        ("What is the box office's email address?", "8443", False),
        ("How many days does the box office keep tickets?", "Tuesday", False),
    ],
)
def test_years_money_and_how_to_reach_somebody_have_forms(
    question: str, answer: str, supported: bool
) -> None:
    assert verify(question, answer, [BOX_OFFICE]).supported is supported


def test_a_number_that_may_be_a_year_is_no_date() -> None:
    assert not are_of_one_sort(quantities("2048"), quantities("3 may 2026"))
    assert are_of_one_sort(quantities("2048"), quantities("4096"))


HARBOUR = Passage(
    "Harbour crane",
    "",
    "The crane is there for 99.7% of a year. It restarts within 6 seconds. The crane weighs 90 t, "
    "takes 120 requests per second and has 4 GB of memory. Ada Brand is its technical lead. "
    "The flag crane.hold-loads stops it. The crane keeps its data in PostgreSQL 16.2. It is set up "
    "in /etc/crane/crane.yaml, and built from yard/lifting. Its dashboard is Loads at Sea. "
    "It is drawn at https://graphs.example/d/7. Its code lies at https://git.example/crane. "
    "CRANE_HOLD_LOADS in its environment stops it as well. It is greased at 40 2 * * 6.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("How much uptime does the crane promise?", "99.7%", True),
        ("How much uptime does the crane promise?", "6 seconds", False),
        ("How much memory does the crane have?", "4 GB", True),
        ("How much memory does the crane have?", "6 seconds", False),
        ("How heavy is the crane?", "90 t", True),
        ("How heavy is the crane?", "6 seconds", False),
        ("How big may the load of the crane be?", "90 t", True),
        ("How big may the load of the crane be?", "120 requests per second", False),
        # Of two things that are asked for, the answer has not the form of one.
        ("What product and release does the crane keep its data in?", "PostgreSQL 16.2", True),
        # Here `switch` is no thing that the crane has.
        ("What do I switch on in the crane that it stops?", "Ada Brand", True),
        ("Which kill switch stops the crane?", "CRANE_HOLD_LOADS", True),
        ("Which flag stops the crane?", "CRANE_HOLD_LOADS", False),
        ("What cron entry greases the crane?", "40 2 * * 6", True),
        ("What cron entry greases the crane?", "6 seconds", False),
        ("When is the crane greased?", "40 2 * * 6", True),
        ("At what time is the crane greased?", "40 2 * * 6", True),
        ("Which flag makes the crane stop?", "crane.hold-loads", True),
        ("Which repository is the crane built from?", "yard/lifting", True),
        ("Which Git repository has the code of the crane?", "/etc/crane/crane.yaml", False),
        ("Which Git repository has the code of the crane?", "https://graphs.example/d/7", False),
        ("Which Git repository has the code of the crane?", "https://git.example/crane", True),
        ("Which dashboard shows the loads of the crane?", "Loads at Sea", True),
        ("Which Grafana dashboard shows the crane?", "PostgreSQL 16.2", False),
        ("Who is the technical lead of the crane?", "Ada Brand", True),
        ("Who is the technical manager of the crane?", "Ada Brand", True),
        ("Who is the product lead of the crane?", "Ada Brand", True),
        ("Who is the current manager of the crane?", "Ada Brand", True),
        ("Who is the product manager of the crane?", "Ada Brand", False),
        ("What is the name of the product manager of the crane?", "Ada Brand", False),
    ],
)
def test_how_much_of_what_is_told_by_its_words(question: str, answer: str, supported: bool) -> None:
    support = verify(question, answer, [HARBOUR])
    is_of_the_kind = support.problem != "The question asks for another kind of value."
    assert is_of_the_kind is supported, support.problem


@pytest.mark.parametrize(
    ("said", "is_memory"),
    [
        ("memory: 512 MB", True),
        ("Each of its instances gets 512 MB.", True),
        ("The largest heap that it gets is 512 MB.", True),
        ("max_manifest_size: 512 MB", False),
        ("The largest load list that it accepts is 512 MB.", False),
        ("Uploads are cut off at 512 MB.", False),
    ],
)
@pytest.mark.parametrize(
    "question",
    [
        "how much ram do I give the crane",
        "Memory footprint of the crane?",
        "What is the memory limit of the crane?",
    ],
)
def test_size_of_what_is_sent_is_no_memory(question: str, said: str, is_memory: bool) -> None:
    support = verify(question, "512 MB", [Passage("Harbour crane", "", said)])
    is_of_the_kind = support.problem != "The question asks for another kind of value."
    assert is_of_the_kind is is_memory, support.problem


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("IP address of the raft?", "10.44.7.5", True),
        ("ip adress of the raft", "10.44.7.5", True),
        ("Which IP does the raft have?", "10.44.7.5", True),
        ("What is the IPv6 address of the raft?", "fd00:44::7", True),
        ("What is the MAC address of the raft?", "02:42:ac:11:00:02", True),
        ("What is the address of the raft?", "10.44.7.5", True),
        ("IP address of the raft?", "5021", False),
        ("I want to ping the raft. Address?", "5021", False),
        ("What is the address of the raft?", "5021", False),
        ("What is the MAC address of the raft?", "10.44.7.5", False),
        ("IP address of the raft?", "02:42:ac:11:00:02", False),
        # How well it keeps water out.
        ("Which IP rating does the raft have?", "IP67", True),
        ("Which IP code keeps water out of the raft?", "IP67", True),
    ],
)
def test_address_of_a_machine_has_a_form(question: str, answer: str, supported: bool) -> None:
    raft = Passage(
        "Raft",
        "Wiring",
        "IP address: 10.44.7.5\nIPv6 address: fd00:44::7\nMAC address: 02:42:ac:11:00:02\n"
        "Modbus port of the raft: 5021\nThe raft keeps water out by IP67.",
    )
    assert verify(question, answer, [raft]).supported == supported


@pytest.mark.parametrize("post", ["deputy", "former", "acting"])
def test_who_stands_in_is_another_than_the_one_who_is_told_of(post: str) -> None:
    asked = f"Who is the {post} keeper of the organ?"
    told = Passage("Organ", "People", "The keeper of the organ is Ada Brand.")
    assert not verify(asked, "Ada Brand", [told]).supported
    both = Passage("Organ", "People", f"The {post} keeper of the organ is Ada Brand.")
    assert verify(asked, "Ada Brand", [both]).supported


LIFT = Passage(
    "Stage lift",
    "Use",
    "The stage lift weighs 900 kg and is 4 m wide. The stage lift has 17 panels in store.\n"
    "Bolts of the stage lift take 6.5 Nm.\n"
    "For the stage lift ring 4711. Whoever minds the stage lift reads #winch-room.\n"
    "Read SOP-1666 before the stage lift is moved.\n"
    "Ada Brand agrees before the stage lift is moved.\n"
    "The stage lift is written in Rust, its state lies in the database Redis 7, and its limits are "
    "those of cranes.toml.",
)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("How much does the stage lift weigh?", "900 kg", "17 panels"),
        ("How wide is the stage lift?", "4 m", "6.5 Nm"),
        ("What number do I ring for the stage lift?", "4711", "#winch-room"),
        ("Which language is the stage lift written in?", "Rust", "cranes.toml"),
        ("Whose word is needed before the stage lift is moved?", "Ada Brand", "SOP-1666"),
        ("In which database does the state of the stage lift lie?", "Redis 7", "cranes.toml"),
    ],
)
def test_what_has_a_form_of_its_own_is_nothing_else(question: str, right: str, wrong: str) -> None:
    assert verify(question, right, [LIFT]).supported
    refused = verify(question, wrong, [LIFT])
    assert not refused.supported
    assert refused.problem == "The question asks for another kind of value."


def test_window_is_as_wide_as_time_is_long() -> None:
    assert wanted_value("how wide is the release window?") is None


MILL = Passage(
    "Mill",
    "",
    "The mill gives 14 MW at 6 bar and weighs 300 mg less than planned. A visit is EUR 4.80, the "
    "tour 45 a head, and storage costs 15.90 euros per m³ and month. It was opened in 2017 and is "
    "inspected in September. The gate opens at 02:15 on the 2nd. Five in a hundred, 5 %, are "
    "admitted at once, after 35 minutes of standing. Its desk is oak-02, written with Svelte. "
    "The brine has 130 µS/cm. The race is 190 km long. Grinding lasts six years, a stop 60 "
    "days. The mill is repaired in 17 working days. It is stopped when the brine has "
    "more than 9 %. Charging: 3 kV",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("How powerful is the mill?", "14 MW", True),
        ("How powerful is the mill?", "6 bar", False),
        ("What pressure does the mill have?", "6 bar", True),
        ("What pressure does the mill have?", "14 MW", False),
        ("What did a visit cost?", "EUR 4.80", True),
        ("What does the tour cost?", "45", True),
        ("What did the mill cost us?", "2017", False),
        ("What did the mill cost us?", "14 MW", False),
        ("How much do we pay for charging the mill?", "3 kV", False),
        ("When is the mill stopped?", "when the brine has more than 9 %", True),
        ("Below what price is there a visit?", "EUR 4.80", True),
        ("Price of storage per m3 and month?", "15.90 euros", True),
        ("How old is the mill, what year is it from?", "2017", True),
        ("In which year was the mill opened?", "2017", True),
        ("In which year was the mill opened?", "September", False),
        ("How many tours does the mill give?", "September", False),
        ("At what hour does the gate open?", "02:15", True),
        ("At what hour does the gate open?", "2nd", False),
        ("What time does the gate open?", "60 days", False),
        ("Within what time does a stop end?", "60 days", True),
        ("Within what time is the mill repaired?", "17 working days", True),
        ("What time does a stop take?", "60 days", True),
        ("In which year was the mill opened?", "EUR", False),
        ("In which year was the mill opened?", "brine", False),
        ("How long does grinding last?", "at once", False),
        ("How big a part is admitted at once?", "5 %", True),
        ("How big a part is admitted at once?", "300 mg", False),
        ("What fraction is admitted at once?", "35 minutes", False),
        ("What is the standing time of the mill?", "35 minutes", True),
        ("What is the recovery time of the mill?", "02:15", False),
        ("What is the recovery time of the mill?", "190 km", False),
        ("How long does the mill stand?", "35 minutes", True),
        ("How long can the mill run without it?", "190 km", False),
        ("How long is the race?", "190 km", True),
        ("How many years does grinding last?", "six years", True),
        ("How many years does grinding last?", "60 days", False),
        ("Which host is the desk of the mill?", "oak-02", True),
        ("Which host is the desk of the mill?", "Svelte", False),
        ("What database is behind the mill?", "Svelte", False),
        ("Which protocol does the mill speak?", "oak-02/net", False),
    ],
)
def test_kind_is_told_by_more_words(question: str, answer: str, supported: bool) -> None:
    support = verify(question, answer, [MILL])
    assert support.supported is supported, support.problem


def test_a_database_is_known_by_its_name_or_called_one() -> None:
    wanted = wanted_value("which database is behind it?")
    assert wanted is not None
    assert all(map(wanted.has_token, ("PostgreSQL 16", "MongoDB", "Redis", "PostGIS", "RocksDB")))
    depot = Passage("Depot", "", "Its data is kept in Larder. It is written with Svelte.")
    assert verify("Which database does the Depot have?", "Larder", [depot]).supported
    assert not verify("Which database does the Depot have?", "Svelte", [depot]).supported


def test_who_asks_for_a_thing_is_not_told_the_words_of_the_question() -> None:
    depot = Passage("Depot", "", "Bench van: van number 17 is kept on the bench of the depot.")
    support = verify("Which van is kept on the bench of the depot?", "Bench van", [depot])
    assert support.problem == "The answer only repeats the question."
    assert verify("Which van is kept on the bench of the depot?", "number 17", [depot]).supported


LOCK = Passage(
    "Lock",
    "",
    "The lock has been with the crew since 3 November 2008 and is opened every 45 minutes.\n"
    "It empties at 2,140 m³/h. On the radio its keeper listens on VHF 16. Boats wait there for 3 "
    "working days.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("How long has the crew had the lock, that is, since which date?", "3 November 2008", True),
        ("Since when has the crew had the lock?", "3 November 2008", True),
        ("Since when has the crew had the lock?", "2,140 m³/h", False),
        ("With what frequency is the lock opened?", "every 45 minutes", True),
        ("At which interval is the lock opened?", "45 minutes", True),
        ("At which interval is the lock opened?", "VHF 16", False),
        ("How many cubic metres an hour does the lock empty?", "2,140 m³/h", True),
        ("How many cubic metres an hour does the lock empty?", "45 minutes", False),
        ("How many litres a minute does the lock empty?", "45 minutes", False),
        ("Which channel do I pick on the radio for the lock?", "VHF 16", True),
        ("I call the keeper of the lock over the radio; which channel?", "VHF 16", True),
        ("Which channel is for the crew of the lock?", "VHF 16", False),
        ("How many working days do boats wait for the lock?", "3 working days", True),
        ("How many working days do boats wait for the lock?", "2,140 m³/h", False),
    ],
)
def test_what_is_asked_in_two_ways_or_by_two_words_has_its_kind(
    question: str, answer: str, supported: bool
) -> None:
    support = verify(question, answer, [LOCK])
    assert support.supported is supported, support.problem


SHOP = Passage(
    "Shop",
    "",
    "The shop is to be up 99.95 % of the time and closes for 20 minutes. Its picks are written to "
    "s3://shop/picks/daily; a list of them has 36 titles.\n"
    "The shop was opened on 3 May 2019 and is open from Monday to Saturday.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("How much of the time is the shop to be up?", "99.95 %", True),
        ("How much of the time is the shop to be up?", "20 minutes", False),
        ("How much time is the shop closed for?", "20 minutes", True),
        ("Which bucket path are the picks of the shop written to?", "s3://shop/picks/daily", True),
        ("Which path are the picks of the shop written to?", "s3://shop/picks/daily", True),
        ("Which bucket has the picks of the shop?", "s3://shop/picks/daily", True),
        ("longest allowed closing of the shop", "20 minutes", True),
        ("longest permitted build of the shop", "20 minutes", True),
        ("longest permitted build of the shop", "36", False),
        ("How long is the list of picks of the shop?", "36", True),
        ("How long is the list of picks of the shop?", "20 minutes", False),
        ("On what date did the shop open?", "3 May 2019", True),
        ("On what date did the shop open?", "Monday to Saturday", False),
        ("On which day was the shop opened?", "3 May 2019", True),
        ("On which days is the shop open?", "Monday to Saturday", True),
    ],
)
def test_share_of_time_a_bucket_a_list_and_a_date_have_their_kinds(
    question: str, answer: str, supported: bool
) -> None:
    support = verify(question, answer, [SHOP])
    assert support.supported is supported, support.problem


def test_language_may_be_told_with_what_else_is_used() -> None:
    kiosk = Passage("Kiosk", "Facts", "Language\nGo 1.24, no framework.\n\nRegion\nnorth-2")
    question = "Which language is the kiosk written in?"
    for answer in ("Go 1.24, no framework", "Go 1.24"):
        support = verify(question, answer, [kiosk])
        assert support.supported, support.problem
    assert not verify(question, "north-2", [kiosk]).supported


BOWL = Passage(
    "Kneadwell",
    "",
    "Dough leaves the bowl of Kneadwell at 25.5 °C after 9 minutes. The mixer of Kneadwell, a "
    "Spirax Doppio 240, is painted cobalt blue and fed with 400 V on port 8265. It was switched on "
    "on 26 May 2025. The schedule of Kneadwell lies in /etc/kneadwell/plan.toml, the mixer stands "
    "in Hall B.",
)


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("When dough leaves the bowl of Kneadwell, how warm is it?", "25.5 °C", True),
        ("When dough leaves the bowl of Kneadwell, how warm is it?", "9 minutes", False),
        ("Which model is the mixer of Kneadwell?", "Spirax Doppio 240", True),
        ("Which model is the mixer of Kneadwell?", "400 V", False),
        ("What colour is the mixer of Kneadwell?", "cobalt blue", True),
        ("What colour is the mixer of Kneadwell?", "400 V", False),
        ("Which voltage feeds the mixer of Kneadwell?", "400 V", True),
        ("Kneadwell mixer port number", "8265", True),
        ("Kneadwell mixer port number", "/etc/kneadwell/plan.toml", False),
        ("The mixer of Kneadwell was switched on when?", "26 May 2025", True),
        ("The mixer of Kneadwell was switched on when?", "/etc/kneadwell/plan.toml", False),
        ("Where on disk is the schedule of Kneadwell?", "/etc/kneadwell/plan.toml", True),
        ("Where on disk is the schedule of Kneadwell?", "Hall B", False),
    ],
)
def test_warmth_models_colours_and_places_on_disk_have_their_kinds(
    question: str, answer: str, supported: bool
) -> None:
    support = verify(question, answer, [BOWL])
    assert support.supported is supported, support.problem


@pytest.mark.parametrize(
    ("question", "answer", "supported"),
    [
        ("For how many days can the log be searched?", "40 seconds", False),
        ("For how many minutes can the log be searched?", "40 seconds", True),
        ("How many megabytes may the log have?", "2 GB", True),
        ("How many gigabytes may the log have?", "512 kB", False),
        ("How many days pass before the log is cut off?", "0 seconds", True),
    ],
)
def test_next_to_nothing_of_the_unit_that_is_counted_is_no_answer(
    question: str, answer: str, supported: bool
) -> None:
    depot = Passage("Depot", "", f"The log can be searched, or cut off, and may have: {answer}.")
    assert verify(question, answer, [depot]).supported is supported
