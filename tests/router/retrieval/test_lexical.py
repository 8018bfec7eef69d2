import json
import os
import random
import resource
import shutil
import subprocess
import sys
import textwrap
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.retrieval.lexical import DamagedIndexError, Entry, LexicalIndex

TEXTS = {
    1: "Each delivery has a window size of nine events.",
    2: "The port of the billing service is 8443.",
    3: "Set max_retries in the configuration of the sender.",
}


def index_of(folder: Path, texts: dict[int, str] = TEXTS, collection: int = 1) -> LexicalIndex:
    index = LexicalIndex(folder)
    entries = [Entry(number, number, collection, text) for number, text in texts.items()]
    index.change(removed=(), added=entries, revision=1)
    return index


def found(index: LexicalIndex, question: str, collections: tuple[int, ...] = (1,)) -> list[int]:
    return [chunk for chunk, _ in index.snapshot().search(question, collections, 10)]


def found_scores(index: LexicalIndex, question: str) -> list[tuple[int, float]]:
    return index.snapshot().search(question, (1,), 10)


def test_a_new_index_is_empty_at_revision_0(tmp_path: Path) -> None:
    index = LexicalIndex(tmp_path)
    assert index.snapshot().revision == 0
    assert found(index, "window") == []


@pytest.mark.parametrize(
    ("question", "chunk"),
    [
        ("size of the windows", 1),
        ("windwo size", 1),
        ("maxRetries", 3),
        ("max retries", 3),
        ("confguration", 3),
        ("which port? 8443", 2),
    ],
)
def test_finds_inflections_spellings_and_typing_mistakes(
    tmp_path: Path, question: str, chunk: int
) -> None:
    assert found(index_of(tmp_path), question)[0] == chunk


def test_content_and_revision_change_together(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    before = index.snapshot()
    index.change(removed=[1], added=[Entry(4, 4, 1, "A window of ten events.")], revision=2)
    after = index.snapshot()
    assert (before.revision, after.revision) == (1, 2)
    assert [chunk for chunk, _ in before.search("window", (1,), 10)] == [1]
    assert [chunk for chunk, _ in after.search("window", (1,), 10)] == [4]


def test_another_process_sees_what_was_committed(tmp_path: Path) -> None:
    reader = LexicalIndex(tmp_path)
    index_of(tmp_path)
    assert found(reader, "window") == [1]


def test_finds_nothing_outside_the_given_collections(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    index.change(removed=(), added=[Entry(9, 9, 2, "A window elsewhere.")], revision=2)
    assert found(index, "window", (2,)) == [9]
    assert found(index, "window", ()) == []


def test_a_hidden_word_does_not_stop_the_search_for_near_spellings(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    index.change(removed=(), added=[Entry(9, 9, 2, "windwo")], revision=2)
    assert found(index, "windwo", (1,)) == [1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    return index_of(tmp_path_factory.mktemp("shared"))


@given(question=st.text(max_size=200))
@example(question='+(window AND "size~2 [a TO b] *:* text:')
def test_takes_any_question(shared: LexicalIndex, question: str) -> None:
    assert all(chunk in TEXTS and score > 0 for chunk, score in found_scores(shared, question))


def test_a_whole_index_passes_verification(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    index.change(removed=[2], added=(), revision=2)
    assert found(LexicalIndex(tmp_path), "window") == [1]


def flip(path: Path, at: int, bit: int) -> None:
    """In its place: who writes a file anew cuts it off first, and an index that is open reads it in
    memory, where that is the end of the process."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ bit]))


def test_one_flipped_bit_anywhere_is_found(tmp_path: Path) -> None:
    index_of(tmp_path)
    source = random.Random(3)
    files = [path for path in tmp_path.iterdir() if path.suffix in {".idx", ".term", ".fast"}]
    assert len(files) == 3
    for path in files:
        at = source.randrange(path.stat().st_size // 2)
        flip(path, at, 1)
        with pytest.raises(DamagedIndexError):
            LexicalIndex(tmp_path)
        flip(path, at, 1)
    assert found(LexicalIndex(tmp_path), "window") == [1]


def test_one_flipped_bit_behind_the_content_is_found_or_harms_nothing(tmp_path: Path) -> None:
    """There stand the checksum and what wrote it, in JSON."""
    index_of(tmp_path)
    path = next(tmp_path.glob("*.idx"))
    good = path.read_bytes()
    length = int.from_bytes(good[-8:-4], "little")
    damaged = 0
    for at, bit in product(range(len(good) - length - 8, len(good)), (1, 128)):
        flip(path, at, bit)
        try:
            assert found(LexicalIndex(tmp_path), "window") == [1]
        except DamagedIndexError:
            damaged += 1
        flip(path, at, bit)
    assert damaged > length


def test_damage_is_told_by_an_index_that_is_open(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(DamagedIndexError):
        index.snapshot()
    shutil.rmtree(tmp_path)
    with pytest.raises(DamagedIndexError):
        index.snapshot()


def test_a_cut_off_file_is_found(tmp_path: Path) -> None:
    index_of(tmp_path)
    path = next(tmp_path.glob("*.idx"))
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamagedIndexError):
        LexicalIndex(tmp_path)


def test_damaged_meta_data_are_found(tmp_path: Path) -> None:
    index_of(tmp_path)
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(DamagedIndexError):
        LexicalIndex(tmp_path)


AGAIN = [Entry(4, 4, 1, "A window of ten events.")]


def killed_before_it_committed(folder: Path) -> None:
    """A change to revision 2 whose writer got as far as its last file, and left all of them."""
    committed = (folder / "meta.json").read_bytes()
    LexicalIndex(folder).change(removed=[1], added=AGAIN, revision=2)
    (folder / "meta.json").write_bytes(committed)


@pytest.mark.parametrize("opened", ["before", "after"])
def test_change_goes_on_after_a_writer_that_was_killed(tmp_path: Path, opened: str) -> None:
    """Such a writer leaves files behind that the next one would want to make anew."""
    index = index_of(tmp_path)
    killed_before_it_committed(tmp_path)
    index = index if opened == "before" else LexicalIndex(tmp_path)
    assert index.snapshot().revision == 1
    index.change(removed=[1], added=AGAIN, revision=2)
    assert (index.snapshot().revision, found(index, "window")) == (2, [4])


def test_a_file_that_a_killed_writer_left_half_written_is_no_damage(tmp_path: Path) -> None:
    index_of(tmp_path)
    killed_before_it_committed(tmp_path)
    (left,) = tmp_path.glob("*.del")
    left.write_bytes(left.read_bytes()[:9])
    assert LexicalIndex(tmp_path).snapshot().revision == 1


def test_the_files_that_other_writers_replaced_are_removed(tmp_path: Path) -> None:
    """Two processes that write by turns leave no more files behind than one would."""
    turns = [index_of(tmp_path), LexicalIndex(tmp_path)]
    for revision in range(2, 30):
        turns[revision % 2].change(removed=[2], added=[Entry(2, 2, 1, "b")], revision=revision)
    LexicalIndex(tmp_path).change(removed=(), added=(), revision=30)
    named = {name[:32] for name in (path.name for path in tmp_path.iterdir()) if "." in name[32:33]}
    live = json.loads((tmp_path / "meta.json").read_bytes())["segments"]
    assert named == {segment["segment_id"].replace("-", "") for segment in live}


def test_change_that_failed_for_want_of_room_stops_no_later_one(tmp_path: Path) -> None:
    """Whoever handles the error may keep it, and with it whatever its frames hold."""
    index = index_of(tmp_path)
    more = [Entry(4, 4, 1, "The anchor weighs a ton.")]
    at_most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, at_most[1]))
    try:
        with pytest.raises(OSError, match=r"File too large|Worker thread failed") as kept:
            index.change(removed=(), added=more, revision=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, at_most)
    index.change(removed=(), added=more, revision=2)
    assert found(index, "anchor") == [4]
    assert kept.tb is not None


CHANGES = """
    import random, sys
    from pathlib import Path
    import psutil
    from docportal.allocator import keep_few_arenas
    from router.retrieval.lexical import Entry, LexicalIndex

    def change(number):
        texts = (" ".join(source.choices(words, k=80)) for _ in range(12))
        added = [Entry(12 * number + at, number, 1, text) for at, text in enumerate(texts)]
        index.change(removed=[max(0, number - 12)], added=added, revision=number)

    keep_few_arenas()
    source, words = random.Random(1), [f"word{number}" for number in range(3000)]
    index = LexicalIndex(Path(sys.argv[1]))
    change(1)
    before = psutil.Process().memory_full_info().uss
    grown = []
    for number in range(2, 31):
        change(number)
        grown.append(psutil.Process().memory_full_info().uss - before)
    print(max(grown[-10:]))
"""


def test_changes_leave_no_memory_behind(tmp_path: Path) -> None:
    """A worker makes one for each document that it brings in, and has few arenas before."""
    program = [sys.executable, "-c", textwrap.dedent(CHANGES), str(tmp_path / "index")]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "docportal.settings"}
    told = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert int(told.stdout) < 40_000_000
