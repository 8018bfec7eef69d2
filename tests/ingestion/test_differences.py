import time

from hypothesis import given
from hypothesis import strategies as st

from ingestion.differences import Change, DiffRow, Fold, compare, folded

texts = st.lists(
    st.sampled_from(["", "one two", "one three", "x", "y z", "  y z"]), max_size=12
).map("\n".join)


@given(texts, texts)
def test_both_texts_can_be_read_from_the_rows(old: str, new: str) -> None:
    rows = compare(old, new)
    left = [row.old for row in rows if row.old]
    right = [row.new for row in rows if row.new]
    assert [side.text for side in left] == old.splitlines()
    assert [side.text for side in right] == new.splitlines()
    assert [side.number for side in left] == list(range(1, len(left) + 1))
    assert [side.number for side in right] == list(range(1, len(right) + 1))


@given(texts)
def test_equal_texts_have_no_change(text: str) -> None:
    assert all(row.change is Change.EQUAL for row in compare(text, text))


def marked(row: DiffRow) -> tuple[list[str], list[str]]:
    sides = (row.old, row.new)
    return tuple([s.text for s in side.spans if s.changed] if side else [] for side in sides)  # type: ignore[return-value]


def test_only_the_changed_words_of_a_line_are_marked() -> None:
    rows = compare(
        "Keep.\nRetried 5 times, then parked.", "Keep.\nRetried 9 times, then parked.\nNew."
    )
    assert [row.change for row in rows] == [Change.EQUAL, Change.CHANGED, Change.ADDED]
    assert marked(rows[1]) == (["5"], ["9"])


def test_an_unlike_line_is_removed_and_added() -> None:
    rows = compare("a b c\nsame", "x y z\nsame")
    assert [row.change for row in rows] == [Change.REMOVED, Change.ADDED, Change.EQUAL]


def test_long_equal_runs_are_folded_around_changes() -> None:
    old = [f"line {n}" for n in range(40)]
    new = [*old[:20], "line changed", *old[21:]]
    rows = folded(compare("\n".join(old), "\n".join(new)), context=2)
    assert isinstance(rows[0], Fold)
    assert len(rows[0].rows) == 18
    assert [type(row) for row in rows].count(Fold) == 2
    assert len(rows) == 2 + 5


def test_ten_thousand_lines_take_seconds_at_most() -> None:
    old = [f"line {n} of the long text" for n in range(10_000)]
    new = [line.replace("long", "very long") if n % 50 == 0 else line for n, line in enumerate(old)]
    started = time.process_time()
    rows = compare("\n".join(old), "\n".join(new))
    assert sum(row.change is Change.CHANGED for row in rows) == 200
    assert time.process_time() - started < 20


def test_empty_lines_between_thousands_of_passages_take_no_longer() -> None:
    old = [line for n in range(10_000) for line in (f"Passage {n} of the long text.", "")]
    new = [
        line.replace("long", "very long") if n % 1000 == 0 else line for n, line in enumerate(old)
    ]
    started = time.process_time()
    rows = compare("\n".join(old), "\n".join([*new, "The last one."]))
    changes = [row.change for row in rows if row.change is not Change.EQUAL]
    assert changes == [Change.CHANGED] * 20 + [Change.ADDED] * 2
    assert time.process_time() - started < 20
