"""The chunker loses nothing, repeats nothing, and names sections so that edits stay local."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ingestion.chunking import ChunkDraft, ChunkKind, chunk, content_hash
from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.tokens import count_tokens

HEADING, PROSE, ITEM, ROW, CODE = ElementKind


def count_words(text: str) -> int:
    return len(text.split())


def cut(*elements: Element, title: str = "Title", max_tokens: int = 20) -> list[ChunkDraft]:
    document = ParsedDocument(title, elements)
    return chunk(document, count_tokens=count_words, max_tokens=max_tokens)


words = st.text(alphabet="abcXYZ0189.,;!?é日", min_size=1, max_size=12)
sentences = st.lists(words, min_size=1, max_size=40).map(" ".join)
blocks = st.one_of(
    st.builds(Element, st.just(HEADING), sentences, level=st.integers(1, 6)),
    st.builds(Element, st.just(PROSE), sentences),
    st.builds(Element, st.just(ITEM), sentences, level=st.integers(1, 3)),
    st.builds(Element, st.just(ROW), sentences, table=st.integers(1, 2)),
    st.builds(
        Element,
        st.just(CODE),
        st.lists(sentences, min_size=1, max_size=6).map("\n    ".join),
        language=st.sampled_from(["", "python"]),
    ),
)
documents = st.builds(
    ParsedDocument, sentences, st.lists(blocks, max_size=15).map(lambda found: tuple(found))
)


def bare(texts: Iterable[str]) -> str:
    """Without white space, and without the marks in front of list items."""
    return re.sub(r"[\s-]+", "", "".join(texts))


def with_own_text(elements: Sequence[Element]) -> list[Element]:
    """All blocks, and those headings that have no block and no lower heading below them."""
    following = [*elements, Element(HEADING, "", level=0)][1:]
    return [
        element
        for element, below in zip(elements, following, strict=True)
        if element.kind is not HEADING or (below.kind is HEADING and below.level <= element.level)
    ]


@given(documents, st.integers(1, 30))
def test_all_text_is_kept_once_and_in_order(document: ParsedDocument, size: int) -> None:
    chunks = chunk(document, count_tokens=count_words, max_tokens=size)
    told = with_own_text(document.elements)
    assert bare(found.text for found in chunks) == bare(element.text for element in told)


@given(documents, st.integers(3, 30))
def test_sizes_are_bounded_and_told(document: ParsedDocument, size: int) -> None:
    for found in chunk(document, count_tokens=count_words, max_tokens=size):
        assert 0 < found.tokens <= size
        assert found.tokens == count_words(found.text)


@given(documents)
def test_no_heading_is_lost(document: ParsedDocument) -> None:
    chunks = chunk(document, count_tokens=count_words)
    shown = {heading for found in chunks for heading in found.heading_path}
    shown |= {document.title, *(found.text for found in chunks)}
    for element in document.elements:
        if element.kind is HEADING:
            assert any(" ".join(element.text.split()) in " ".join(s.split()) for s in shown)


@given(documents, sentences)
def test_an_edit_leaves_the_hashes_of_other_sections(document: ParsedDocument, text: str) -> None:
    end = Element(HEADING, "The last section", level=1)
    before = (*document.elements, end, Element(PROSE, "old"))
    after = (*document.elements, end, Element(PROSE, text))
    hashes = [
        [
            found.content_hash
            for found in chunk(replace(document, elements=e), count_tokens=count_words)
        ]
        for e in (before, after)
    ]
    assert hashes[0][:-1] == hashes[1][: len(hashes[0]) - 1]


def test_a_passage_stays_under_one_heading() -> None:
    chunks = cut(
        Element(HEADING, "Title", level=1),
        Element(PROSE, "Opening."),
        Element(HEADING, "Part", level=2),
        Element(PROSE, "First."),
        Element(ITEM, "one", level=1),
        Element(HEADING, "Deep", level=3),
        Element(PROSE, "Second."),
        Element(HEADING, "Other", level=2),
        Element(PROSE, "Third."),
    )
    assert [(c.heading_path, c.text) for c in chunks] == [
        ((), "Opening."),
        (("Part",), "First.\n- one"),
        (("Part", "Deep"), "Second."),
        (("Other",), "Third."),
    ]


def test_a_bare_heading_becomes_a_passage_and_one_with_parts_does_not() -> None:
    chunks = cut(
        Element(HEADING, "Group", level=1),
        Element(HEADING, "Never restart the relay", level=2),
        Element(HEADING, "Other", level=2),
        Element(PROSE, "Text."),
    )
    assert [(c.heading_path, c.text) for c in chunks] == [
        (("Group", "Never restart the relay"), "Never restart the relay"),
        (("Group", "Other"), "Text."),
    ]


def test_rows_stay_together_and_code_stays_alone() -> None:
    chunks = cut(
        Element(PROSE, "Before."),
        Element(ROW, "A: 1; B: 2", table=1),
        Element(ROW, "A: 3; B: 4", table=1),
        Element(ROW, "C: 5", table=2),
        Element(CODE, "x = 1\n    y", language="python"),
        Element(CODE, "z"),
        Element(PROSE, "After."),
    )
    assert [(c.kind, c.text, c.language) for c in chunks] == [
        (ChunkKind.PROSE, "Before.", ""),
        (ChunkKind.TABLE, "A: 1; B: 2\nA: 3; B: 4", ""),
        (ChunkKind.TABLE, "C: 5", ""),
        (ChunkKind.CODE, "x = 1\n    y", "python"),
        (ChunkKind.CODE, "z", ""),
        (ChunkKind.PROSE, "After.", ""),
    ]


def test_large_blocks_are_cut_where_it_hurts_least() -> None:
    prose = cut(Element(PROSE, "One two three. Four five six. Seven."), max_tokens=4)
    code = cut(Element(CODE, "a = 1\nb = 2\nc = 3"), max_tokens=6)
    assert [c.text for c in prose] == ["One two three.", "Four five six. Seven."]
    assert [c.text for c in code] == ["a = 1\nb = 2", "c = 3"]


def test_a_monstrous_word_is_cut_too() -> None:
    chunks = cut(Element(PROSE, "x" * 10_000), max_tokens=20)
    assert "".join(c.text for c in chunks) == "x" * 10_000
    assert max(len(c.text) for c in chunks) <= 400


def test_the_hash_ignores_white_space_except_in_code() -> None:
    assert content_hash("prose", ["A"], "one  two") == content_hash("prose", ["A"], "one two\n")
    assert content_hash("code", ["A"], "if x:\n  y") != content_hash("code", ["A"], "if x: y")
    assert content_hash("prose", ["A"], "x") != content_hash("prose", ["B"], "x")
    assert content_hash("prose", [], "e\u0301") == content_hash("prose", [], "é")


def test_tokens_are_those_of_the_embedding_model() -> None:
    assert count_tokens("The pages, again") == 4
    assert count_tokens("") == 0
    assert count_tokens("word " * 2000) == 2000
