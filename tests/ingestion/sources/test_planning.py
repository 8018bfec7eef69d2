from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources.planning import MOST_GONE_PERCENT, Plan, plan, too_many

PATHS = st.sampled_from([f"{stem}{suffix}" for stem in "abcdef" for suffix in (".md", ".txt")])
FILES = st.dictionaries(PATHS, st.sampled_from("1234"))


def after(held: Mapping[str, str], found: Mapping[str, str], **more: object) -> dict[str, str]:
    """What is held once the plan is done."""
    done = plan(held, found, **more)  # type: ignore[arg-type]
    result = dict(held)
    for old, to in done.moves:
        assert to not in result, "nothing is overwritten"
        result[to] = result.pop(old)
    for path in done.changed:
        assert result.get(path) != found[path], "nothing is taken twice"
        result[path] = found[path]
    for path in done.gone:
        del result[path]
    return result


@given(FILES, FILES, st.sets(PATHS), st.dictionaries(PATHS, PATHS))
def test_plan_makes_of_what_is_held_what_was_found(
    held: dict[str, str], found: dict[str, str], present: set[str], renamed: dict[str, str]
) -> None:
    present -= found.keys()
    stays = {path: mark for path, mark in held.items() if path in present}
    assert after(held, found, present=present, renamed=renamed) == {**found, **stays}


@given(FILES)
def test_nothing_is_done_where_nothing_changed(files: dict[str, str]) -> None:
    assert plan(files, files) == Plan(moves=(), changed=(), gone=())


@given(FILES, FILES, st.dictionaries(PATHS, PATHS))
def test_a_move_keeps_the_kind_of_file(
    held: dict[str, str], found: dict[str, str], renamed: dict[str, str]
) -> None:
    for old, to in plan(held, found, renamed=renamed).moves:
        assert old.rpartition(".")[2] == to.rpartition(".")[2]


def test_same_bytes_at_one_other_path_have_moved() -> None:
    assert plan({"a.md": "1"}, {"b.md": "1"}).moves == (("a.md", "b.md"),)
    two = plan({"a.md": "1", "c.md": "1"}, {"b.md": "1"})
    assert (two.moves, two.gone, two.changed) == ((), ("a.md", "c.md"), ("b.md",))


def test_source_says_of_an_edited_file_that_it_moved() -> None:
    moved = plan({"a.md": "1"}, {"b.md": "2"}, renamed={"b.md": "a.md"})
    assert (moved.moves, moved.changed, moved.gone) == ((("a.md", "b.md"),), ("b.md",), ())


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_fifth_goes_without_a_question_and_no_more(gone: int, more: int) -> None:
    of = gone + more
    assert too_many(gone, of) == (of > 0 and gone / of > MOST_GONE_PERCENT / 100)


def test_limit_is_exact() -> None:
    assert not too_many(20, 100)
    assert too_many(21, 100)
    assert too_many(1, 4)
    assert not too_many(0, 0)
