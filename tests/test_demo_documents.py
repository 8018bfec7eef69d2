"""The sample company is complete, and its suggested questions have their answers in the text."""

import hashlib
import json
from pathlib import Path

import pypdfium2
import pytest
from docx import Document

from training.benchmark.questions import Question, read_questions
from training.metrics import contains

DEMO = Path(__file__).resolve().parent.parent / "demo"
FIRST, SECOND = DEMO / "documents" / "v1", DEMO / "documents" / "v2"
ASKED = read_questions((DEMO / "questions.jsonl").read_bytes(), longest=300)
OPEN = ("systems/", "handbook/")
QUESTIONS = json.loads((DEMO / "questions.json").read_text(encoding="utf-8"))


def files(folder: Path) -> dict[str, Path]:
    return {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }


def words(path: Path) -> str:
    """The text of a document with its white space folded."""
    match path.suffix:
        case ".pdf":
            pages = pypdfium2.PdfDocument(path)
            text = "\n".join(page.get_textpage().get_text_bounded() for page in pages)
        case ".docx":
            word = Document(str(path))
            cells = [cell.text for table in word.tables for row in table.rows for cell in row.cells]
            text = "\n".join([paragraph.text for paragraph in word.paragraphs] + cells)
        case _:
            text = path.read_text(encoding="utf-8")
    return " ".join(text.split())


def test_every_format_is_among_the_documents() -> None:
    suffixes = {path.suffix for path in files(FIRST).values()}
    assert suffixes == {".md", ".html", ".txt", ".rst", ".docx", ".pdf"}


def test_the_company_has_two_open_folders_a_restricted_one_and_a_marketing_page() -> None:
    folders = [name.partition("/")[0] for name in files(FIRST)]
    assert len(folders) >= 12
    assert folders.count("restricted") == 2
    assert folders.count("marketing") == 1
    assert set(folders) == {"systems", "handbook", "restricted", "marketing"}


def test_the_second_version_changes_exactly_three_documents() -> None:
    first, second = files(FIRST), files(SECOND)
    assert len(second) == 3
    assert second.keys() <= first.keys()
    for name, path in second.items():
        assert words(path) != words(first[name])


def test_documents_are_small() -> None:
    sizes = {path: path.stat().st_size for path in DEMO.rglob("*") if path.is_file()}
    assert {path for path, size in sizes.items() if size > 60_000} == set()


def test_no_two_documents_have_the_same_bytes() -> None:
    paths = [*files(FIRST).values(), *files(SECOND).values()]
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in paths}) == len(paths)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["query"])
def test_an_answer_stands_in_every_version_of_its_document(question: dict[str, str]) -> None:
    path = question["path"]
    versions = [folder / path for folder in (FIRST, SECOND) if (folder / path).exists()]
    assert versions
    for version in versions:
        assert question["answer"] in words(version)


def test_suggested_questions_are_open_to_everybody() -> None:
    assert len(QUESTIONS) == 12
    assert {question["path"].partition("/")[0] for question in QUESTIONS} == {"systems", "handbook"}


def test_the_readable_list_names_every_suggested_question() -> None:
    text = (DEMO / "questions.md").read_text(encoding="utf-8")
    for question in QUESTIONS:
        assert f"| {question['query']} | {question['answer']} | `{question['path']}` |" in text


# --- The questions of its benchmark ------------------------------------------------------------


def everybodys(edition: str) -> str:
    """All text that is served to everybody, before and after the change to what is taught."""
    served = files(FIRST) | (files(SECOND) if edition == "now" else {})
    return "\n".join(words(path) for name, path in served.items() if name.startswith(OPEN))


@pytest.fixture(scope="module")
def now() -> str:
    return everybodys("now")


@pytest.fixture(scope="module")
def before() -> str:
    return everybodys("before")


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.id)
def test_an_answer_stands_where_its_kind_says(question: Question, now: str, before: str) -> None:
    for answer in question.answers:
        assert contains(now, answer)
    if question.stale:
        assert contains(before, question.stale)
        assert not any(contains(question.stale, answer) for answer in question.answers)
    assert bool(question.answers) == (question.kind not in ("removed", "absent"))
    assert bool(question.stale) == (question.kind in ("changed", "removed"))
    if question.kind in ("changed", "added"):
        # The value alone may stand elsewhere; the longest answer has the words around it.
        longest = max(question.answers, key=len)
        changed = [name for name, path in files(SECOND).items() if contains(words(path), longest)]
        assert changed


def test_thirty_questions_of_every_kind_and_none_in_the_words_of_the_suggested_ones() -> None:
    assert len(ASKED) == 30
    assert {one.kind for one in ASKED} == {"stable", "changed", "added", "removed", "absent"}
    suggested = {question["query"].casefold() for question in QUESTIONS}
    assert not suggested & {one.query.casefold() for one in ASKED}
    assert len({one.query.casefold() for one in ASKED}) == 30


def test_what_was_removed_stands_in_no_current_document(now: str) -> None:
    for text in ("deck_sweep_lag_seconds", "Cancelling twice"):
        assert text in everybodys("before")
        assert text not in now
