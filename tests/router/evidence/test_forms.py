"""Values are told apart by how they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evidence.forms import Form, form_of, forms_in, is_value


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("14 days", Form.DURATION),
        ("Tuesdays 02:00 to 03:30", Form.MOMENT),
        ("22 September 2027", Form.MOMENT),
        ("99.95 %", Form.SHARE),
        ("1,500 EUR a year", Form.MONEY),
        ("256 KiB", Form.SIZE),
        ("45 km", Form.MEASURE),
        ("60 readings per second", Form.RATE),
        ("9 instances", Form.COUNT),
        ("4.5", Form.COUNT),
        ("8116", Form.NUMBER),
        ("6.2.1", Form.VERSION),
        ("v7", Form.VERSION),
        ("+49 30 5550 1177", Form.PHONE),
        ("/etc/quay/loom.yaml", Form.PATH),
        (r"C:\Quay\loom.json", Form.PATH),
        ("`loom.yaml`", Form.PATH),
        ("https://quay.example/loom", Form.URL),
        ("loom@quay.example", Form.EMAIL),
        ("loom.quay.example", Form.DOTTED),
        ("#crane-floor", Form.CHANNEL),
        ("LOOM_HOME", Form.IDENTIFIER),
        ("--twin-lift", Form.IDENTIFIER),
        ("ARC-READERS", Form.IDENTIFIER),
        ("PostgreSQL 15", Form.PRODUCT),
        ("C# 12", Form.PRODUCT),
        ("Ingrid Salomonsen", Form.NAME),
        ("the Quayside Flow team", Form.NAME),
        ("every refrigerated container", Form.WORDS),
        ("", Form.WORDS),
    ],
)
def test_form_of_a_value(value: str, form: Form) -> None:
    assert form_of(value) is form


@pytest.mark.parametrize(
    ("sentence", "forms"),
    [
        ("Setting: gRPC port; Value: 7705", {Form.NAME, Form.NUMBER}),
        ("Audit events are kept for 90 days.", {Form.DURATION}),
        ("It runs on PostgreSQL 15, at loom.quay.example.", {Form.PRODUCT, Form.NAME, Form.DOTTED}),
        ("Nothing is known.", set()),
    ],
)
def test_a_sentence_has_the_forms_of_all_its_values(sentence: str, forms: set[Form]) -> None:
    assert forms_in(sentence) >= forms | {Form.WORDS}


def test_the_number_of_a_product_counts_something_as_well() -> None:
    assert forms_in("It has 9 doors.") == {Form.COUNT, Form.WORDS}


@pytest.mark.parametrize(
    ("answer", "is_one"),
    [
        ("14 days", True),
        ("Yes, within 14 days.", False),
        ("no", False),
        ("Drain the pump three times, then start it anew.", False),
        (" ", False),
    ],
)
def test_statement_is_no_value(answer: str, is_one: bool) -> None:
    assert is_value(answer) is is_one


@pytest.mark.parametrize("piece", ["a_", "a-", "a.", "/", "A", "1 ", "A b ", "#"])
def test_long_words_take_no_longer(piece: str) -> None:
    """Of thousands of parts, and an end that fits nothing."""
    assert Form.WORDS in forms_in(f"{piece * 2000}*")


@given(st.text(max_size=80))
def test_any_text_has_a_form(text: str) -> None:
    assert form_of(text) in Form
    assert Form.WORDS in forms_in(text)
