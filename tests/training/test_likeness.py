import pytest

from training.evidence import Source
from training.likeness import DocumentText, holding, tie

SETTINGS = """Setting: gRPC port; Value: 7070
Setting: Initial backoff; Value: 20 seconds
Setting: Deploy window; Value: Monday at 09:30 UTC"""
YAML = """audit:
  retention: "60 days"
drain:
  timeout: "5 seconds"
owner: "Harbour Desk\""""
PROSE = "The code is written in Rust. Whoever is responsible for a change also watches it."


@pytest.fixture(scope="module")
def text() -> DocumentText:
    return DocumentText(
        (Source("a", SETTINGS, "At a glance"), Source("b", YAML), Source("c", PROSE))
    )


@pytest.mark.parametrize(
    ("question", "answer", "context", "line"),
    [
        (
            "How long is the first backoff?",
            "20 seconds",
            "The first try again comes after 20 seconds.",
            "Setting: Initial backoff; Value: 20 seconds",
        ),
        ("On which port?", "7070", "", "Setting: gRPC port; Value: 7070"),
        (
            "How long are events kept?",
            "60 days",
            "Audit events stay for 60 days.",
            'retention: "60 days"',
        ),
        ("Who is responsible for it?", "Harbour Desk", "", 'owner: "Harbour Desk"'),
        (
            "When does it go out?",
            "Monday at 09:30 UTC",
            "",
            "Setting: Deploy window; Value: Monday at 09:30 UTC",
        ),
        ("What is the code written in?", "rust", "", "The code is written in Rust."),
    ],
)
def test_fact_in_another_wording_is_found(
    text: DocumentText, question: str, answer: str, context: str, line: str
) -> None:
    tied = tie(question, answer, context, text)
    assert tied is not None
    assert tied.evidence == line


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How long is the initial backoff?", "5 seconds"),  # what it was before
        ("How many sessions may a user have?", "7070"),
        ("Which retries are counted?", "5"),
        ("Who decides?", "code"),
        ("Which port?", "707"),
        ("When is it deployed?", "Monday at 10:30 UTC"),
    ],
)
def test_line_that_speaks_of_something_else_is_no_evidence(
    text: DocumentText, question: str, answer: str
) -> None:
    assert holding(question, answer, text) is None


def test_answer_over_several_lines_has_them_all_as_evidence() -> None:
    source = Source("a", "Colours:\n- red\n- green\n- blue")
    tied = holding("Which colours are there?", "red\n- green", DocumentText((source,)))
    assert tied is not None
    assert tied.evidence == "- red\n- green"


def test_answer_is_about_what_the_question_above_it_asks() -> None:
    asked = "**Which port do I connect to?**\n9263, from inside alone.\n**Workers?**\n12, in pairs."
    tied = holding("What port does it listen on?", "9263", DocumentText((Source("a", asked),)))
    assert tied is not None
    assert tied.evidence == "9263, from inside alone."
    assert holding("On which port?", "12", DocumentText((Source("a", asked),))) is None


def test_document_without_text_has_no_evidence() -> None:
    assert tie("Which port?", "7070", "port 7070", DocumentText(())) is None


def test_line_that_has_only_the_documents_name_is_not_nearer_than_one_about_what_is_asked() -> None:
    intro = Source("a", "Magpie Ridge is a lift with six seats.", "")
    figures = Source("b", "What: Towers; How much: 17\nWhat: Chairs; How much: 84", "Figures")
    question, name = "How many towers does Magpie Ridge have?", frozenset({"magpi", "ridg"})
    assert holding(question, "17", DocumentText((intro, figures))) is None
    tied = holding(question, "17", DocumentText((intro, figures), name))
    assert tied is not None
    assert tied.evidence == "What: Towers; How much: 17"
    assert holding(question, "84", DocumentText((intro, figures), name)) is None
    seats = holding("What is Magpie Ridge?", "a lift", DocumentText((intro, figures), name))
    assert seats is not None
