"""What precedents make of a value that somebody else finds."""

from dataclasses import replace

import pytest

from router.asked_forms import AskedForms
from router.evidence.forms import Form
from router.precedents.facts import NearFacts
from router.precedents.finding import Findings, joined, untold
from router.precedents.kinds import kin_of
from router.precedents.leads import LEAST_ASKED, Lead, subject_of
from router.prompts import Passage
from tests.router.precedents.test_frames import PORT, precedent

SENTENCE = "Night-bell listens on port 5071 by default."


@pytest.mark.parametrize(
    ("cosine", "value", "sentence", "is_of_others"),
    [
        (LEAST_ASKED - 0.01, "5071", SENTENCE, True),
        (LEAST_ASKED, "5071", SENTENCE, False),
        # Of another value of the sentence, and of another sentence, nothing is known.
        (LEAST_ASKED - 0.01, "default", SENTENCE, False),
        (LEAST_ASKED - 0.01, "5071", "It rings at 5071.", False),
    ],
)
def test_value_is_of_others_if_it_was_asked_for_only_in_far_questions(
    cosine: float, value: str, sentence: str, is_of_others: bool
) -> None:
    findings = Findings((), {1: [(PORT, cosine)]}, {1: {PORT.sentence: [PORT]}})
    assert findings.is_of_others(1, sentence, value) is is_of_others
    assert not findings.is_of_others(2, sentence, value)
    assert findings.is_of_what_others_asked(1, sentence, value) is is_of_others


def test_what_only_rules_asked_far_from_it_is_not_of_what_others_asked() -> None:
    mined = replace(PORT, is_written=False)
    for known, is_of_others in (([mined], False), ([mined, PORT], True)):
        findings = Findings((), {1: []}, {1: {PORT.sentence: known}})
        assert findings.is_of_what_others_asked(1, SENTENCE, "5071") is is_of_others
    near = Findings((), {1: [(mined, LEAST_ASKED)]}, {1: {PORT.sentence: [mined, PORT]}})
    assert not near.is_of_what_others_asked(1, SENTENCE, "5071")


def test_value_is_not_asked_for_where_surely_something_else_is() -> None:
    port = replace(PORT, fact="port")
    dial = precedent("Where to dial night-bell?", "80", "Night-bell is dialled at 80.")
    near = [(replace(dial, fact="dial"), 0.9), (port, 0.75)]
    told = {1: {PORT.sentence: [port]}}
    assert Findings((), {1: near}, told, facts={1: NearFacts(near)}).is_not_asked_for(
        1, SENTENCE, "5071"
    )
    assert not Findings((), {1: near}, told, facts={1: NearFacts(near)}).is_not_asked_for(
        1, SENTENCE, "default"
    )
    assert not Findings((), {1: near[1:]}, told, facts={1: NearFacts(near[1:])}).is_not_asked_for(
        1, SENTENCE, "5071"
    )


def test_value_of_another_sort_than_all_questions_like_it_is_not_asked_for() -> None:
    wait = precedent("How long does night-bell wait?", "400 ms", "Night-bell waits for 400 ms.")
    findings = Findings(kin={1: kin_of([(wait, 0.8)], [(wait, 0.8)], {}), 2: None})
    assert findings.is_not_asked_for(1, SENTENCE, "99.95 %")
    assert not findings.is_not_asked_for(1, SENTENCE, "9 s")
    assert not findings.is_not_asked_for(2, SENTENCE, "99.95 %")


def test_value_of_a_form_that_no_answer_has_is_of_another_form() -> None:
    forms = AskedForms({}, dict.fromkeys(Form, 1.0) | {Form.NUMBER: 0.01})
    assert Findings(forms=forms).is_of_another_form("5071")
    assert not Findings(forms=forms).is_of_another_form("9 s")
    assert not Findings().is_of_another_form("5071")


def test_people_have_asked_for_the_only_value_of_its_kind_that_rules_found_too() -> None:
    only = Lead(0, 10, 14, (0, 20), "Which port?", 0.7, is_worded=False, is_kin=True)
    ruled = Lead(0, 10, 14, (0, 20), "What is the port of it?", 0.6, is_written=False)
    other = replace(ruled, passage=1)
    assert joined(None, [ruled]) == [ruled]
    assert joined(only, [other]) == [other, only]
    assert joined(only, [ruled, other]) == [replace(ruled, is_kin=True, is_written=True), other]


def test_what_people_call_otherwise_than_documents_do_is_told_of() -> None:
    page = Passage("The bell of the night", "Network", "It listens on port 5071. It rings at 6.")
    nickname = precedent("Which port does NB-1 use?", "5071", "It listens on port 5071.")
    subject = subject_of("port of nb-1", [page], nickname.names)
    assert untold(subject, [page], [{nickname.sentence: [nickname]}]) == ()
    assert untold(subject, [page], [{}]) == ("nb-1",)
    assert untold(subject_of("which port", [page], nickname.names), [page], [{}]) == ()
