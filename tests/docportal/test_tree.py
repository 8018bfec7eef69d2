from pathlib import Path

import pytest

from docportal.tree import read_tree


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return folder


def test_path_under_the_folder_is_the_identity(tmp_path: Path) -> None:
    tree = read_tree([make(tmp_path, "a/guide.md", "b.HTM", "c/d/e.txt")])
    assert list(tree.documents) == ["a/guide.md", "b.HTM", "c/d/e.txt"]


def test_other_files_are_reported_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    tree = read_tree([make(tmp_path, "a.md", "tool.exe", ".git/config", "x/.hidden.md")])
    assert list(tree.documents) == ["a.md"]
    assert [path for path, _reason in tree.others] == ["tool.exe"]


@pytest.mark.parametrize(
    ("files", "owner"),
    [
        (["guide.md", "guide_qa.jsonl"], {"guide.md": "guide_qa.jsonl"}),
        (["guide.md", "guide.md_qa.jsonl"], {"guide.md": "guide.md_qa.jsonl"}),
        (
            ["guide.md", "guide.md_qa.jsonl", "guide_qa.jsonl"],
            {"guide.md": "guide.md_qa.jsonl"},
        ),
        (
            ["guide.md", "guide.pdf", "guide.md_qa.jsonl", "guide.pdf_qa.jsonl"],
            {"guide.md": "guide.md_qa.jsonl", "guide.pdf": "guide.pdf_qa.jsonl"},
        ),
        (["s/v1.2.md", "s/v1.2_qa.jsonl"], {"s/v1.2.md": "s/v1.2_qa.jsonl"}),
    ],
)
def test_pairs_belong_to_the_document_beside_them(
    tmp_path: Path, files: list[str], owner: dict[str, str]
) -> None:
    tree = read_tree([make(tmp_path, *files)])
    assert {path: file.relative_to(tmp_path).as_posix() for path, file in tree.pairs.items()} == (
        owner
    )


def test_pairs_that_could_belong_to_two_documents_are_reported(tmp_path: Path) -> None:
    tree = read_tree([make(tmp_path, "guide.md", "guide.pdf", "guide_qa.jsonl")])
    assert tree.pairs == {}
    assert "guide.md_qa.jsonl" in tree.others[0][1]


def test_pairs_without_a_document_are_reported(tmp_path: Path) -> None:
    tree = read_tree([make(tmp_path, "lost_qa.jsonl")])
    assert [path for path, _reason in tree.others] == ["lost_qa.jsonl"]
