import os
import tempfile
import time
import unicodedata
from collections.abc import Iterator
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
    tree = read_tree(
        [make(tmp_path, "a.md", "tool.exe", ".git/c.md", "x/.b.md", "lost+found/d.md")]
    )
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


def test_pairs_of_thousands_of_documents_take_seconds_at_most(tmp_path: Path) -> None:
    names = [f"{number}{end}" for number in range(1_500) for end in (".md", "_qa.jsonl")]
    make(tmp_path, *names)
    started = time.process_time()
    assert len(read_tree([tmp_path]).pairs) == 1_500
    assert time.process_time() - started < 3


def test_path_is_the_one_that_the_document_gets(tmp_path: Path) -> None:
    """As macOS decomposes its names, and some archives write their folders."""
    letters = unicodedata.normalize("NFD", "Gebühr")
    make(tmp_path, f"{letters}.md", f"{letters}_qa.jsonl", "ops\\pier.md")
    tree = read_tree([tmp_path])
    assert list(tree.documents) == ["Gebühr.md", "ops/pier.md"]
    assert list(tree.pairs) == ["Gebühr.md"]
    assert tree.others == []


def test_two_files_of_one_path_are_reported(tmp_path: Path) -> None:
    make(tmp_path, "ops\\pier.md", "ops/pier.md")
    tree = read_tree([tmp_path])
    assert tree.documents == {"ops/pier.md": tmp_path / "ops" / "pier.md"}
    assert [path for path, _reason in tree.others] == ["ops/pier.md"]


def test_name_that_nobody_can_print_is_reported_so_that_it_can_be(tmp_path: Path) -> None:
    make(tmp_path, "a.md", os.fsdecode(b"caf\xe9.md"))
    tree = read_tree([tmp_path])
    assert list(tree.documents) == ["a.md"]
    ((path, reason),) = tree.others
    assert path == "caf\ufffd.md"
    (path + reason).encode()


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder that whoever runs the tests may read, and not all that is in it."""
    with tempfile.TemporaryDirectory() as name:
        folder, was = Path(name), os.geteuid()
        folder.chmod(0o755)
        make(folder, "a.md", "closed/b.md", "half/c.md")
        (folder / "closed").chmod(0)
        (folder / "half").chmod(0o444)
        if was == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(was)
            (folder / "closed").chmod(0o755)
            (folder / "half").chmod(0o755)


def test_folder_that_cannot_be_read_is_reported_and_may_hold_anything(nobodys: Path) -> None:
    tree = read_tree([nobodys])
    assert list(tree.documents) == ["a.md"]
    reason = "It cannot be read: Permission denied."
    assert sorted(tree.others) == [("closed", reason), ("half/c.md", reason)]
    paths = ("a.md", "closed/b.md", "closed/d/e.md", "half/c.md", "closed.md", "f.md")
    assert [path for path in paths if tree.may_hold(path)] == [
        *("a.md", "closed/b.md", "closed/d/e.md", "half/c.md")
    ]


def test_link_that_is_not_followed_is_reported_and_may_hold_anything(tmp_path: Path) -> None:
    make(tmp_path, "docs/a.md", "shared/b.md", "c.md")
    docs = tmp_path / "docs"
    (docs / "guides").symlink_to("../shared")
    (docs / "away").symlink_to("../nowhere")
    (docs / "broken.md").symlink_to("../nowhere.md")
    (docs / "round.md").symlink_to("round.md")
    (docs / "linked.md").symlink_to("../c.md")
    (docs / ".hidden").symlink_to("../shared")
    tree = read_tree([docs])
    assert list(tree.documents) == ["a.md", "linked.md"]
    reasons = dict(tree.others)
    assert sorted(reasons) == ["away", "broken.md", "guides", "round.md"]
    assert "link to a folder" in reasons["guides"]
    assert reasons["broken.md"] == "It cannot be read: No such file or directory."
    for path in ("guides/b.md", "guides/d/e.md", "away/f.md", "broken.md", "round.md"):
        assert tree.may_hold(path)
    assert not tree.may_hold("gone.md")


def test_folder_that_is_given_by_a_link_is_read(tmp_path: Path) -> None:
    make(tmp_path, "docs/a.md")
    (tmp_path / "link").symlink_to("docs")
    assert list(read_tree([tmp_path / "link"]).documents) == ["a.md"]
