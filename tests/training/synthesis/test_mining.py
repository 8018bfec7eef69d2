"""What is mined of whole passages: the right answers, with words of the text behind them."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.synthesis.mined import Fact, MinedFrom
from training.synthesis.mining import MAX_QUESTIONS, mine, unambiguous

TITLE, PATH = "cormorant service handbook", "services/cormorant.md"


def passage(
    text: str, *headings: str, kind: str = "prose", language: str = "", title: str = TITLE
) -> MinedFrom:
    path = PATH if title == TITLE else "notes.md"
    return MinedFrom(title, path, headings, kind, language, text)


def answers(source: MinedFrom) -> dict[str, str]:
    """The first question of each fact → its answer."""
    return {fact.questions[0]: fact.answer for fact in mine(source)}


def asked(source: MinedFrom, answer: str) -> tuple[str, ...]:
    found = [fact.questions for fact in mine(source) if fact.answer == answer]
    assert found, [fact.answer for fact in mine(source)]
    return found[0]


def test_settings_and_their_values_become_questions_about_the_subject() -> None:
    text = "Setting: Retry limit; Value: 6\nSetting: On-call channel; Value: #crm-night"
    assert answers(passage(text, "At a glance", kind="table")) == {
        "How many times does cormorant retry a failed delivery?": "6",
        "In which channel do I escalate a problem with cormorant?": "#crm-night",
    }


def test_the_same_kind_of_fact_is_asked_in_words_that_the_label_does_not_have() -> None:
    questions = asked(
        passage("Setting: Rate limit; Value: 30 requests per minute", kind="table"),
        "30 requests per minute",
    )
    assert len(questions) >= 8
    assert sum("rate limit" not in question.lower() for question in questions) >= 4


@pytest.mark.parametrize(
    "value", ["**45 days**", "** 45 days", "45 days *", "* 45 days", "45 days*"]
)
def test_stars_of_emphasis_and_of_notes_are_no_part_of_a_value(value: str) -> None:
    source = passage(f"Setting: Retention; Value: {value}", kind="table")
    assert [fact.answer for fact in mine(source)] == ["45 days"]


@pytest.mark.parametrize("value", ["======", "~~~~", "+---+"])
def test_a_rule_is_no_value(value: str) -> None:
    assert not mine(passage(f"Setting: Retention; Value: {value}", kind="table"))


def test_what_says_something_of_the_subject_is_no_name_for_what_follows() -> None:
    text = "Cormorant streams the live blogs: match reports, election nights, court days."
    assert "match reports, election nights, court days" not in answers(passage(text)).values()
    assert "8080" in answers(passage("Cormorant port: 8080")).values()


def test_columns_that_are_cases_are_named_in_the_question() -> None:
    text = "Setting: Workers; Production: 14; Staging: 2\nSetting: Log level; Production: warn; "
    text += "Staging: debug"
    assert all("in staging" in question for question in asked(passage(text, kind="table"), "2"))


def test_a_column_of_values_of_several_kinds_says_nothing_of_them() -> None:
    text = "Item: Retry limit; In force: 6\nItem: Quay side; In force: 88 metres\n"
    text += "Item: Rope colour; In force: green"
    assert answers(passage(text, kind="table")) == {
        "How many times does cormorant retry a failed delivery?": "6",
        "What is the quay side of cormorant?": "88 metres",
        "What rope colour does cormorant have?": "green",
    }


def test_a_column_of_one_kind_says_what_its_values_are() -> None:
    text = "Item: Crane; Price: 80 EUR\nItem: Berth; Price: 12.50 EUR\nItem: Pilot; Price: 9 EUR"
    first, *_ = asked(passage(text, kind="table"), "80 EUR")
    assert "Crane" in first
    assert re.search("price|cost", first)


def test_a_remark_beside_a_value_is_no_fact_of_its_own() -> None:
    text = "Item: Retry limit; Value: 6; Remark: counted for each message\n"
    text += "Item: Owning team; Value: Night Watch; Remark: first address for changes"
    found = mine(passage(text, "At a glance", kind="table"))
    assert [fact.answer for fact in found] == ["6", "Night Watch"]
    assert all("cormorant" in question for fact in found for question in fact.questions)


@pytest.mark.parametrize("who", ["Whoever", "Anybody who", "Somebody who"])
def test_nobody_is_taken_for_a_name(who: str) -> None:
    text = f"{who} wants to follow along can subscribe to the Kafka topic heron.opened.v3."
    found = [question for fact in mine(passage(text)) for question in fact.questions]
    assert not [question for question in found if re.search("Whoever|Anybody|Somebody", question)]


def test_a_description_beside_a_value_says_what_the_name_means() -> None:
    text = "Parameter: drain_wait; Value: 40 s; Description: how long a drain may take in all\n"
    text += "Parameter: slots; Value: 12; Description: callers that are let in at once"
    found = {fact.answer: fact.questions[0] for fact in mine(passage(text, kind="table"))}
    assert found.keys() == {
        "40 s", "how long a drain may take in all", "12", "callers that are let in at once",
    }  # fmt: skip
    assert "drain_wait" in found["how long a drain may take in all"]


def test_a_remark_in_brackets_is_no_part_of_the_value() -> None:
    text = "Database: crm_letters (changes go through review)\nHeight: 3 m (at low tide)\n"
    text += "Weight: 40 kg (dry)"
    found = {fact.answer for fact in mine(passage(text, kind="list"))}
    assert found == {"crm_letters", "3 m", "40 kg (dry)"}


def test_a_row_is_asked_for_by_its_key() -> None:
    text = "Code: QX-17; Meaning: The berth is taken; What to do: Choose another berth\n"
    text += "Code: QX-18; Meaning: The tide is too low; What to do: Wait for the tide"
    found = answers(passage(text, kind="table", title="Berth API"))
    assert found["What does QX-17 mean?"] == "The berth is taken"
    assert found["What should I do about QX-18?"] == "Wait for the tide"


def test_a_running_number_is_no_key_of_a_row() -> None:
    text = "#: 1; Action: Write the pool size down; Owner: platform\n"
    text += "#: 2; Action: Alert on each shard; Owner: telemetry"
    found = answers(passage(text, kind="table", title="Postmortem of the spool"))
    assert found == {
        'Who owns "Write the pool size down"?': "platform",
        'Who owns "Alert on each shard"?': "telemetry",
    }


def test_two_questions_with_different_answers_are_asked_of_neither() -> None:
    text = "Setting: Read timeout; Value: 4 s\nSetting: Write timeout; Value: 9 s"
    for fact in mine(passage(text, kind="table")):
        word = "read" if fact.answer == "4 s" else "write"
        assert all(word in question.lower() for question in fact.questions)


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("yaml", "deploy:\n  primary_region: eu-north-1\n", "eu-north-1"),
        ("yaml", 'meta:\n  escalation: "#crm-night"\n', "#crm-night"),
        ("toml", '[storage]\nengine = "SQLite 3"\n', "SQLite 3"),
        ("ini", "[audit]\nretention = 45 days\n", "45 days"),
        ("json", '{\n  "server": {"port": 7100}\n}', "7100"),
        ("env", "CORMORANT_LOG_LEVEL=debug\n", "debug"),
        ("yaml", 'jobs:\n  sweep: "17 2 * * *"\n', "17 2 * * *"),
        ("ini", "[sweep]\nschedule = */10 6 1 * *\n", "*/10 6 1 * *"),
        ("ini", "[upload]\npattern = *.log\n", "*.log"),
    ],
)
def test_settings_in_code_are_asked_for_in_words(language: str, text: str, answer: str) -> None:
    source = passage(text, "Configuration", kind="code", language=language)
    assert [fact.answer for fact in mine(source)] == [answer]
    assert all("cormorant" in question for question in asked(source, answer))


@pytest.mark.parametrize(
    "line",
    ["token.lifetime = 8h", "session.lifetime = 8h", "validity = 8h", "cache.ttl = 8h", "ttl = 8h"],
)
def test_every_article_has_its_noun(line: str) -> None:
    source = passage(line, "Settings", kind="code", language="ini")
    for question in asked(source, "8h"):
        assert not re.search(r"\b(?:an?|the) (?:of|in|from|for|with)\b|\ba [aeio]|  ", question)


@pytest.mark.parametrize(
    "sentence",
    ["An access token is good for 3 hours.", "A cached entry is kept in the cache for 3 hours."],
)
def test_the_article_goes_with_the_word_behind_it(sentence: str) -> None:
    for question in asked(passage(sentence), "3 hours"):
        assert not re.search(r"\ba [aeio]", question)


def test_a_table_of_questions_holds_what_the_service_has() -> None:
    text = "Question: Port; Answer: 7100\nQuestion: Team; Answer: Risk Desk"
    assert answers(passage(text, kind="table")) == {
        "Which port does cormorant listen on?": "7100",
        "Who owns cormorant?": "Risk Desk",
    }


def test_a_setting_is_asked_for_by_its_dotted_key_too() -> None:
    source = passage("webhook:\n  max_retries: 6\n", kind="code", language="yaml")
    questions = [question for fact in mine(source) for question in fact.questions]
    many = [passage(f"w{n}:\n  max_retries: {n}\n", kind="code", language="yaml") for n in range(9)]
    questions += [q for each in many for fact in mine(each) for q in fact.questions]
    assert any("webhook.max_retries" in q or ".max_retries" in q for q in questions)


def test_the_unit_of_a_key_is_in_the_question() -> None:
    source = passage("timeout_ms: 900\n", "Configuration", kind="code", language="yaml")
    assert all("milliseconds" in question for question in asked(source, "900"))


def test_the_items_of_a_list_are_told_apart_by_their_names() -> None:
    text = (
        "queues:\n  - name: orders\n    ttl_seconds: 30\n  - name: refunds\n    ttl_seconds: 60\n"
    )
    source = passage(text, kind="code", language="yaml")
    assert all("orders" in question for question in asked(source, "30"))
    assert all("refunds" in question for question in asked(source, "60"))


def test_the_items_of_a_plain_list_are_one_answer() -> None:
    source = passage("admins:\n  - ada\n  - grace\n", kind="code", language="yaml")
    (fact,) = mine(source)
    assert fact.answer == "ada, grace"
    assert all(item in source.text[fact.start : fact.end] for item in fact.answer.split(", "))


def test_an_example_of_data_is_no_setting() -> None:
    text = '{\n  "sailing": "2-1310",\n  "contact": "ada@example.org"\n}'
    source = passage(text, "Create a booking", kind="code", language="json", title="Booking API")
    assert mine(source) == []


def test_code_in_a_programming_language_is_not_mined() -> None:
    assert mine(passage("timeout = 30\nport = 9\n", kind="code", language="python")) == []


def test_a_command_is_found_by_what_its_remark_says() -> None:
    text = "crm reload          # read the settings again\ncrm drain --all     # empty the queues"
    found = answers(passage(text, "Everyday commands", kind="code", language="sh"))
    assert found["Which command do I run to empty the queues?"] == "crm drain --all"


def test_options_of_a_command_line_have_a_meaning_and_a_default() -> None:
    text = "  -r, --retries N    how often to try again (default: 3)\n  --dry-run   write nothing"
    found = answers(passage(text, kind="code"))
    assert found["What does --retries in cormorant do?"] == "how often to try again"
    assert found["What is the default value of --retries in cormorant?"] == "3"


def test_a_default_belongs_to_the_setting_in_the_heading() -> None:
    source = MinedFrom(
        "Settings and defaults",
        "config.md",
        ("Workers", "worker_prefetch_limit"),
        "prose",
        "",
        "Default: 4.\n\nHow many messages a worker takes at once.",
    )
    first = next(iter(answers(source)))
    assert "worker_prefetch_limit" in first
    assert "default" in first


@pytest.mark.parametrize(
    "line", ["Owner: Risk Desk", "Owner — Risk Desk", "- Owner: Risk Desk", "Owner\nRisk Desk"]
)
def test_an_entry_is_read_in_each_of_its_forms(line: str) -> None:
    assert answers(passage(line, kind="list")) == {"Who owns cormorant?": "Risk Desk"}


def test_a_term_is_asked_for_its_meaning() -> None:
    text = "loading plan\nThe drawing of which vehicle stands where. It is final when signed."
    found = answers(passage(text, title="Glossary"))
    assert found == {"What does loading plan mean?": "The drawing of which vehicle stands where"}


def test_offices_and_schools_are_asked_about_in_their_own_words() -> None:
    text = "- Notice period: 3 months\n- Opening hours: 08:30 to 17:00\n- Room: B 2.14"
    found = answers(passage(text, kind="list", title="Harbour Office"))
    assert found["What is the notice period of the Harbour Office?"] == "3 months"
    assert found["When is the Harbour Office open?"] == "08:30 to 17:00"
    assert found["In which room is the Harbour Office?"] == "B 2.14"


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "Inside the cluster it is reached on port 7100, never from outside.",
            "Which port does cormorant listen on?",
            "7100",
        ),
        (
            "The Harbour Data team owns the service.",
            "Who owns cormorant?",
            "Harbour Data",
        ),
        (
            "A message is attempted 4 times, then it is parked.",
            "How many times does cormorant retry a failed delivery?",
            "4",
        ),
        (
            "Report problems to #crm-night at any hour.",
            "In which channel do I escalate a problem with cormorant?",
            "#crm-night",
        ),
    ],
)
def test_a_sentence_about_the_subject_is_asked_in_other_words(
    sentence: str, question: str, answer: str
) -> None:
    assert answers(passage(sentence, "Behaviour"))[question] == answer


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        (
            "Anemometers are recalibrated every seven months.",
            'According to "Wind and ice: the dishes", how often are anemometers recalibrated?',
            "every seven months",
        ),
        (
            "The session lasts 40 minutes.",
            'According to "Wind and ice: the dishes", how long does the session last?',
            "40 minutes",
        ),
        (
            "Watch the gauge for 30 minutes.",
            'According to "Wind and ice: the dishes", for how long do I watch the gauge?',
            "30 minutes",
        ),
        (
            "You can book at most 14 days ahead.",
            'According to "Wind and ice: the dishes", how far ahead can I book at most?',
            "14 days",
        ),
        (
            "If a drive fails, the dish is parked within 240 seconds.",
            'According to "Wind and ice: the dishes", if a drive fails, '
            "within how long is the dish parked?",
            "240 seconds",
        ),
        (
            "We remember the key for 36 hours.",
            'According to "Wind and ice: the dishes", for how long do we remember the key?',
            "36 hours",
        ),
    ],
)
def test_any_value_in_a_sentence_is_asked_for(sentence: str, question: str, answer: str) -> None:
    assert answers(passage(sentence, title="Wind and ice: the dishes"))[question] == answer


@pytest.mark.parametrize(
    "text",
    [
        "They are kept for 30 days.",  # who?
        "This takes 20 minutes.",
        "It works. It takes 20 minutes on a good day.",  # of a page that names no thing
        "Nobody has complained about the colour so far.",  # nothing to check
        "New joiners shadow one rotation before they carry the pager.",
        "Is 30 days enough?",
        "See page 14 for more information.",
    ],
)
def test_a_sentence_that_leans_on_others_or_says_nothing_is_left_alone(text: str) -> None:
    assert mine(passage(text, title="Odds and ends of last year")) == []


def test_it_means_the_subject_only_where_the_sentences_before_speak_of_it() -> None:
    told = "The service was rewritten last year. It is limited to 20 requests per second."
    assert "20 requests per second" in answers(passage(told)).values()
    other = "A nightly job called sweep deletes old rows. It is limited to 20 requests per second."
    assert "20 requests per second" not in answers(passage(other)).values()


def test_a_list_of_changes_states_no_settings() -> None:
    text = "- Worker: Now waits for 3 seconds.\n- Port: Fixed the default."
    assert mine(passage(text, "4.3.0", kind="list", title="Change history")) == []


def test_the_same_passage_gives_the_same_facts() -> None:
    source = passage("Owner: Risk Desk\nPort: 7100\nRetention: 30 days")
    assert mine(source) == mine(source)


def test_half_a_character_of_a_broken_file_does_no_harm() -> None:
    assert [fact.answer for fact in mine(passage("Owner: Risk \ud800Desk"))] == ["Risk \ud800Desk"]


def test_a_fact_keeps_its_key_when_its_neighbours_change() -> None:
    before = mine(passage("Owner: Risk Desk\nPort: 7100"))
    after = mine(passage("Retention: 30 days\nOwner: Risk Desk"))
    shared = {fact.key for fact in before} & {fact.key for fact in after}
    assert shared == {fact.key for fact in before if fact.answer == "Risk Desk"}


def test_another_subject_is_another_fact() -> None:
    ours, theirs = passage("Owner: Risk Desk"), passage("Owner: Risk Desk", title="petrel handbook")
    assert {fact.key for fact in mine(ours)}.isdisjoint({fact.key for fact in mine(theirs)})


def test_questions_that_facts_of_two_passages_answer_differently_are_taken_out() -> None:
    one = mine(passage("Port: 7100"))
    two = mine(passage("Port: 7200"))
    assert unambiguous([*one, *two]) == []
    assert unambiguous([*one, *one]) == one


def test_a_section_is_named_only_where_it_tells_two_answers_apart() -> None:
    alone = mine(passage("Port: 7100", "Care of the yard"))
    assert not any("Care" in question for fact in alone for question in fact.questions)
    facts = unambiguous([*alone, *mine(passage("Port: 7200", "From dusk to dawn"))])
    said = {fact.answer: fact.questions for fact in facts}
    assert set(said) == {"7100", "7200"}
    assert all("cormorant (Care of the yard)" in question for question in said["7100"])


def test_a_section_that_is_a_thing_of_its_own_is_named() -> None:
    source = replace(passage("Port: 7100", "Petrel"), names=frozenset(["Petrel"]))
    assert all("cormorant (Petrel)" in question for question in asked(source, "7100"))


def test_words_of_a_sentence_are_exchanged_for_others() -> None:
    source = passage("Dough is kept at the yard for 30 days.", title="Wind and ice: the dishes")
    assert any("retained" in question for fact in mine(source) for question in fact.questions)


HOSTILE = {
    "digits": "1" * 200_000,
    "dots": "1." * 100_000,
    "colons": "a: " * 66_000,
    "spaces": " " * 200_000,
    "quotes": '"' * 200_000,
    "brackets": "[{(" * 66_000,
    "abbreviations": "e.g. A " * 28_000,
    "options": "--a, " * 40_000,
    "capitals": "Aa " * 66_000,
    "semicolons": "A: b; " * 33_000,
    "underscores": "_a" * 100_000,
    "paths": "/a" * 100_000,
    "addresses": "a@" * 100_000,
    "hyphens": "a-" * 100_000,
    "one long sentence": "The port is " + "very " * 40_000 + "80.",
    "deep": "\n".join(" " * depth + f"k{depth}:" for depth in range(600)),
}


@pytest.mark.parametrize("kind", ["prose", "table", "code"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_mining_slow(name: str, kind: str) -> None:
    mine(passage("Port: 7100"))  # the lexicon is read once
    started = time.process_time()
    mine(passage(HOSTILE[name], kind=kind))
    mine(MinedFrom(HOSTILE[name], HOSTILE[name], (HOSTILE[name],), kind, "", "Port: 7100"))
    assert time.process_time() - started < 5


# --- Properties --------------------------------------------------------------------------------
words = st.text("abcdefgh ÄßéABC'.,;:-–_/#@()[]{}<>\"`=|\n\t0123456789%€", max_size=60)
labels = st.sampled_from(["Port", "Owner", "Retention", "Max retries", "Opening hours", "Kept for"])
values = st.sampled_from(["8080", "Risk Desk", "30 days", "#crm-night", "eu-west-1", "99.9 %", ""])
lines = st.one_of(
    words,
    st.builds("{}: {}".format, labels, values),
    st.builds("- {} — {}".format, labels, values),
    st.builds("Setting: {}; Value: {}".format, labels, values),
    st.builds("{} = {}".format, labels, words),
    st.builds("The {} is {} for all of us.".format, labels, values),
    st.builds("Logs are kept for {} in {}.".format, values, words),
)
passages = st.builds(
    MinedFrom,
    title=st.one_of(words, st.sampled_from([TITLE, "Leave policy", "Glossary", "Contact API"])),
    path=st.one_of(words, st.just(PATH)),
    heading_path=st.lists(words, max_size=3).map(tuple),
    kind=st.sampled_from(["prose", "list", "table", "code"]),
    language=st.sampled_from(["", "yaml", "json", "ini", "sh", "python"]),
    text=st.lists(lines, max_size=8).map("\n".join),
)


@given(passages)
@settings(max_examples=300, deadline=None)
def test_every_fact_stands_on_words_of_its_passage(source: MinedFrom) -> None:
    for fact in mine(source):
        assert 0 <= fact.start < fact.end <= len(source.text)
        evidence = source.text[fact.start : fact.end]
        is_list = all(item in evidence for item in fact.answer.split(", "))
        assert fact.answer in evidence or is_list
        assert fact.answer.strip()


@given(passages)
@settings(max_examples=300, deadline=None)
def test_questions_are_different_and_never_hold_their_answer(source: MinedFrom) -> None:
    for fact in mine(source):
        assert 3 <= len(fact.questions) <= MAX_QUESTIONS
        assert len({question.lower().rstrip("?.") for question in fact.questions}) == len(
            fact.questions
        )
        for question in fact.questions:
            assert question.strip()
            assert not re.search(r"\{[sqlLkd]\}", question)


@given(passages)
@settings(max_examples=200, deadline=None)
def test_mining_depends_on_nothing_but_the_passage(source: MinedFrom) -> None:
    assert mine(source) == mine(source)


@given(st.lists(st.tuples(labels, values.filter(bool)), min_size=1, max_size=6))
def test_every_question_of_a_setting_names_the_subject(entries: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{label}: {value}" for label, value in entries)
    for fact in mine(passage(text)):
        assert all("cormorant" in question for question in fact.questions)


@given(passages)
@settings(max_examples=100, deadline=None)
def test_no_question_is_answered_in_two_ways(source: MinedFrom) -> None:
    said: dict[str, str] = {}
    facts: list[Fact] = mine(source)
    for fact in facts:
        for question in fact.questions:
            folded = " ".join(question.lower().split()).rstrip("?.")
            assert said.setdefault(folded, fact.answer.lower()) == fact.answer.lower()
