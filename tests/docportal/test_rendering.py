from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docportal.views.rendering import Code, ItemList, Paragraph, blocks, plain_text, sections
from docportal.views.segments import Mark, Segment, around, segments, snippet
from docportal.views.tables import Table


@dataclass
class Passage:
    text: str
    kind: str = "prose"
    heading_path: list[str] = field(default_factory=list)
    position: int = 0
    page: int | None = None
    language: str = ""


def words(line: tuple[Segment, ...]) -> str:
    return "".join(part.text for part in line)


def marked(line: tuple[Segment, ...]) -> str:
    return "".join(part.text for part in line if part.marked)


def test_paragraphs_end_at_an_empty_line() -> None:
    made = blocks(Passage("One\nstill one.\n\nTwo."))
    assert [words(block.line) for block in made if isinstance(block, Paragraph)] == [
        "One\nstill one.",
        "Two.",
    ]


def test_list_keeps_its_depth_and_the_sentence_before_it() -> None:
    sentence, items = blocks(Passage("To do:\n- first\n  - inner\n- last"))
    assert isinstance(sentence, Paragraph)
    assert isinstance(items, ItemList)
    assert [(item.depth, words(item.line)) for item in items.items] == [
        (0, "first"),
        (1, "inner"),
        (0, "last"),
    ]


def test_numbered_list_begins_with_its_own_number() -> None:
    (items,) = blocks(Passage("3. third\n4. fourth", kind="list"))
    assert isinstance(items, ItemList)
    assert (items.ordered, items.first) == (True, 3)


def test_code_keeps_every_character() -> None:
    (code,) = blocks(Passage("  - not: a list\n\n\tx = 1", kind="code", language="yaml"))
    assert isinstance(code, Code)
    assert (words(code.line), code.language) == ("  - not: a list\n\n\tx = 1", "yaml")


def test_rows_with_the_same_headers_are_a_table() -> None:
    (table,) = blocks(Passage("Team: Boats; Budget: 4 EUR\nTeam: Docks; Budget: 5 EUR", "table"))
    assert isinstance(table, Table)
    assert table.headers == ("Team", "Budget")
    assert [[words(cell) for cell in row] for row in table.rows] == [
        ["Boats", "4 EUR"],
        ["Docks", "5 EUR"],
    ]


def test_value_may_hold_the_signs_that_part_cells() -> None:
    text = "Step: stop; Note: first: look; then: act\nStep: go; Note: none\nStep: wait; Note: no"
    (table,) = blocks(Passage(text, "table"))
    assert isinstance(table, Table)
    assert words(table.rows[0][1]) == "first: look; then: act"


def test_empty_cell_stays_empty() -> None:
    (table,) = blocks(Passage("A: 1; B: 2; C: 3\nA: 4; C: 6\nA: 7; B: 8; C: 9", "table"))
    assert isinstance(table, Table)
    assert table.rows[1][1] == ()


@pytest.mark.parametrize(
    "text",
    [
        "no header here",
        "A: 1",
        "A: 1; A: 2; B: 3\nA: 4; A: 5; B: 6",
        "A: 1; B: 2\nX: 0; A: 3; B: 4",
    ],
)
def test_rows_that_are_no_table_stay_lines(text: str) -> None:
    made = blocks(Passage(text, "table"))
    assert all(isinstance(block, Paragraph) for block in made)
    shown = [words(block.line) for block in made if isinstance(block, Paragraph)]
    assert shown == [text]


def test_mark_is_found_inside_a_cell() -> None:
    text = "Team: Boats; Budget: 400 EUR"
    start = text.index("400")
    (table,) = blocks(Passage(text, "table"), (start, len(text)))
    assert isinstance(table, Table)
    assert [marked(cell) for cell in table.rows[0]] == ["", "400 EUR"]


def test_mark_over_two_items_marks_both() -> None:
    text = "- first thing\n- second thing"
    (items,) = blocks(Passage(text), (text.index("thing"), text.index("second") + 6))
    assert isinstance(items, ItemList)
    assert [marked(item.line) for item in items.items] == ["thing", "second"]


def test_headings_show_once_and_only_where_they_change() -> None:
    made = sections(
        [
            Passage("a", heading_path=["Use", "Setup"], position=0),
            Passage("b", heading_path=["Use", "Setup"], position=1),
            Passage("c", heading_path=["Use", "Limits"], position=2),
        ]
    )
    assert [[(h.text, h.level, h.anchor) for h in section.headings] for section in made] == [
        [("Use", 2, "p0"), ("Setup", 3, "p0")],
        [],
        [("Limits", 3, "p2")],
    ]


def test_heading_with_nothing_below_it_is_not_repeated_as_text() -> None:
    (section,) = sections([Passage("Appendix", heading_path=["Appendix"])])
    assert [heading.text for heading in section.headings] == ["Appendix"]
    assert section.blocks == ()
    assert plain_text([Passage("Appendix", heading_path=["Appendix"])]).strip() == "## Appendix"


def test_page_shows_where_it_begins() -> None:
    made = sections([Passage("a", page=1), Passage("b", page=1), Passage("c", page=2)])
    assert [section.page for section in made] == [1, None, 2]


@pytest.mark.parametrize("value", ["", "7", "7:1-2-3", "x:1-2", "7:-1-2", "٧:1-2", "7:1-2' or 1"])
def test_mark_of_an_address_is_read_strictly(value: str) -> None:
    assert Mark.parse(value) is None


@given(st.integers(0, 999_999), st.integers(0, 999_999), st.integers(0, 999_999))
def test_mark_survives_its_address(position: int, start: int, end: int) -> None:
    assert Mark.parse(str(Mark(position, start, end))) == Mark(position, start, end)


@given(st.text(), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_segments_lose_no_character(text: str, a: int, b: int, c: int, d: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    mark = (min(c, d), max(c, d))
    assert words(segments(text, (start, end), mark)) == text[start:end]


@given(st.lists(st.sampled_from(["- a", "  - b", "c d", "", "1. e", "K: v; L: w", "K: x; L: y"])))
def test_no_word_of_a_passage_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    shown = []
    for kind in ("prose", "list", "table"):
        for block in blocks(Passage(text, kind)):
            if isinstance(block, Paragraph):
                shown.append(words(block.line))
            elif isinstance(block, ItemList):
                shown += [words(item.line) for item in block.items]
            elif isinstance(block, Table):
                shown += block.headers
                shown += [words(cell) for row in block.rows for cell in row]
    for word in ("a", "b", "c", "d", "e", "v", "w", "x", "y"):
        if word in text:
            assert any(word in part for part in shown)


def test_snippet_shows_the_part_with_the_words_asked_for() -> None:
    text = "Nothing of interest. " * 40 + "The retry limit is nine." + " Nothing more." * 40
    line = snippet(text, "what is the retry limit")
    assert "retry limit is nine" in words(line)
    assert marked(line) == "retrylimit"
    assert words(line).startswith("… ")
    assert words(line).endswith(" …")


@given(st.text(max_size=800), st.text(max_size=40))
def test_snippet_is_short_and_of_the_text(text: str, question: str) -> None:
    shown = words(snippet(text, question)).removeprefix("… ").removesuffix(" …")
    assert shown in text
    assert len(shown) <= 240


@given(st.text(min_size=1, max_size=400), st.data())
def test_what_surrounds_a_span_keeps_the_span_whole(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert marked(around(text, start, end)) == text[start:end]
