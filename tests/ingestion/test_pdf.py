"""PDF pages, made with known places, become blocks again."""

from pathlib import Path

from ingestion.elements import Element, ElementKind
from tests.ingestion.files import Text, lines, only, outline, parsed, pdf, texts

HEADING, PROSE, ITEM, ROW, CODE = ElementKind


def test_headings_paragraphs_lists_and_code_with_their_pages(tmp_path: Path) -> None:
    first = [
        Text(50, 700, "Pump handbook", size=18, font="bold"),
        *lines(50, 670, "The pump runs day and night and is checked", "twice in each shift."),
        Text(50, 620, "Seals", size=14, font="bold"),
        *lines(50, 600, "- Look at the upper seal", "- Look at the lower seal"),
    ]
    second = lines(50, 700, "if hot:", "    stop()", font="mono")
    document = parsed(tmp_path, "pump.pdf", pdf(first, second))
    assert document.title == "Pump handbook"
    assert document.elements == (
        Element(HEADING, "Pump handbook", level=1, page=1),
        Element(PROSE, "The pump runs day and night and is checked twice in each shift.", page=1),
        Element(HEADING, "Seals", level=2, page=1),
        Element(ITEM, "Look at the upper seal", level=1, page=1),
        Element(ITEM, "Look at the lower seal", level=1, page=1),
        Element(CODE, "if hot:\n    stop()", page=2),
    )


def test_an_item_loses_its_bullet_and_nothing_within_it(tmp_path: Path) -> None:
    written = [
        "1. Climb to Level two and open the hatch.",
        "2. Drain the tank - slowly - and note the mark.",
        "- Close the hatch - both bolts.",
        "o Lock the ladder, so that nobody climbs to Level two.",
    ]
    assert texts(parsed(tmp_path, "a.pdf", pdf(lines(50, 700, *written))), ITEM) == [
        "1. Climb to Level two and open the hatch.",
        "2. Drain the tank - slowly - and note the mark.",
        "Close the hatch - both bolts.",
        "Lock the ladder, so that nobody climbs to Level two.",
    ]


def test_lines_that_set_a_name_and_a_value_stand_by_themselves(tmp_path: Path) -> None:
    written = [
        "Keeper: Team Peat",
        "Contact: Adaeze Nwosu",
        "Caveat: recordings lose names and telephone",
        "numbers: nothing else.",
        "Driver hosts: 16",
    ]
    assert texts(parsed(tmp_path, "a.pdf", pdf(lines(50, 700, *written))), PROSE) == [
        "Keeper: Team Peat",
        "Contact: Adaeze Nwosu",
        "Caveat: recordings lose names and telephone numbers: nothing else.",
        "Driver hosts: 16",
    ]


def test_words_divided_at_a_line_end_are_whole_again(tmp_path: Path) -> None:
    written = lines(
        50,
        700,
        "Every on-call engineer reads the infor-",
        "mation and then asks the on-",
        "call lead.",
    )
    [text] = texts(parsed(tmp_path, "a.pdf", pdf(written)), PROSE)
    assert text == "Every on-call engineer reads the information and then asks the on-call lead."


def test_what_repeats_in_the_margins_is_left_out(tmp_path: Path) -> None:
    pages = [
        [
            Text(50, 780, "ACME internal"),
            Text(50, 400, f"Body of {word} page."),
            Text(300, 20, f"Page {number} of 3"),
        ]
        for number, word in enumerate(("the first", "the second", "the third"), start=1)
    ]
    document = parsed(tmp_path, "a.pdf", pdf(*pages))
    assert [(e.text, e.page) for e in document.elements] == [
        ("Body of the first page.", 1),
        ("Body of the second page.", 2),
        ("Body of the third page.", 3),
    ]


def test_headings_on_top_of_pages_are_kept_where_their_numbers_differ(tmp_path: Path) -> None:
    pages = [
        [
            Text(50, 770, f"Edition {number} of the pump handbook", size=18),
            Text(50, 740, f"What the {word} edition says of pumps stands below, at some length."),
            Text(50, 20, f"Pump handbook, sheet {number}", size=14),
        ]
        for number, word in ((1, "first"), (2, "second"))
    ]
    document = parsed(tmp_path, "a.pdf", pdf(*pages))
    assert document.title == "Edition 1 of the pump handbook"
    assert outline(document) == [
        (1, "Edition 1 of the pump handbook"),
        (1, "Edition 2 of the pump handbook"),
    ]
    assert texts(document, PROSE) == [
        "What the first edition says of pumps stands below, at some length.",
        "What the second edition says of pumps stands below, at some length.",
    ]


def test_a_title_stays_above_pages_that_are_headed_by_it(tmp_path: Path) -> None:
    first = [Text(50, 770, "Pump handbook", size=20), Text(50, 700, "There are two pumps here.")]
    others = [
        [Text(50, 780, "Pump handbook", size=8), Text(50, 700, f"It is the {word} pump, and runs.")]
        for word in ("old", "new")
    ]
    document = parsed(tmp_path, "a.pdf", pdf(first, *others))
    assert outline(document) == [(1, "Pump handbook")]
    assert texts(document, PROSE) == [
        "There are two pumps here.",
        "It is the old pump, and runs.",
        "It is the new pump, and runs.",
    ]


def test_what_is_large_and_the_same_on_all_pages_is_left_out(tmp_path: Path) -> None:
    pages = [
        [
            Text(50, 780, "Waterworks", size=16),
            Text(500, 780, f"{number}", size=16),
            Text(50, 765, "Pump House 4", size=16),
            Text(50, 700, f"It is the {word} pump, and it runs day and night."),
        ]
        for number, word in enumerate(("old", "new"), start=1)
    ]
    document = parsed(tmp_path, "a.pdf", pdf(*pages))
    assert [e.text for e in document.elements] == [
        "It is the old pump, and it runs day and night.",
        "It is the new pump, and it runs day and night.",
    ]


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [f"left line {n} with quite a few words" for n in range(8)]
    right = [f"right line {n} with quite a few words" for n in range(8)]
    page = [*lines(50, 700, *left), *lines(320, 700, *right)]
    [text] = texts(parsed(tmp_path, "a.pdf", pdf(page)), PROSE)
    assert text == " ".join([*left, *right])


def test_aligned_cells_are_a_table(tmp_path: Path) -> None:
    page = [
        Text(50, 740, "The limits of each queue follow."),
        *(Text(x, 700, t, font="bold") for x, t in ((50, "Queue"), (200, "Limit"), (350, "Team"))),
        *(Text(x, 680, t) for x, t in ((50, "mail"), (200, "40"), (350, "Core"))),
        *(Text(x, 660, t) for x, t in ((50, "push"), (200, "7"), (350, "Field and"))),
        Text(350, 649, "others"),
    ]
    document = parsed(tmp_path, "a.pdf", pdf(page))
    assert texts(document, ROW) == [
        "Queue: mail; Limit: 40; Team: Core",
        "Queue: push; Limit: 7; Team: Field and others",
    ]


def test_the_widest_cell_of_a_column_ends_where_the_next_column_begins(tmp_path: Path) -> None:
    rows = (
        ("Port", "9027"),
        ("Implementation language", "Rust"),
        ("Owner", "Core"),
        ("RTO", "9 h"),
    )
    # The widest ends 12 points before the next column, as tables are made by default.
    page = [
        Text(x, 700 - 18 * place, cell)
        for place, row in enumerate(rows)
        for x, cell in zip((50, 169), row, strict=True)
    ]
    document = parsed(tmp_path, "a.pdf", pdf(page))
    assert texts(document, ROW) == [f"{label}: {value}" for label, value in rows]
    assert texts(document, PROSE) == []


def test_a_paragraph_over_two_pages_is_one_with_its_first_page(tmp_path: Path) -> None:
    document = parsed(
        tmp_path,
        "a.pdf",
        pdf([Text(50, 300, "It begins on one page and")], [Text(50, 600, "ends on the next.")]),
    )
    assert only(document, PROSE) == Element(
        PROSE, "It begins on one page and ends on the next.", page=1
    )
    assert outline(document) == []
