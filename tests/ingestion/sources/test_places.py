import shutil
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.errors import UserError
from ingestion.sources.places import (
    allowed_address,
    allowed_folder,
    allowed_repository,
    checked_branch,
    checked_subfolder,
)
from tests.repositories import Repository


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    settings.SOURCE_URLS = ["https://git.example.com/docs/", "ssh://git@git.example.com/docs"]


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.com/docs/wiki.git",
        "https://git.example.com/docs",
        "ssh://git@git.example.com/docs/wiki.git",
    ],
)
def test_addresses_below_an_allowed_beginning_are_followed(address: str) -> None:
    assert allowed_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "https://git.example.com/documents/wiki.git",
        "https://git.example.com/docs/../secret.git",
        "https://git.example.com/docs/%2e%2e/secret.git",
        "https://git.example.com/docs/%252e%252e/secret.git",
        "https://git.example.com.evil.org/docs/wiki.git",
        "https://git.example.com@evil.org/docs/wiki.git",
        "https://evil.org/#https://git.example.com/docs/",
        "https://git.example.com:8443/docs/wiki.git",
        "https://git.example.com/docs\\@evil.org/wiki.git",
        "https://name:token@git.example.com/docs/wiki.git",
        "http://git.example.com/docs/wiki.git",
        "ssh://other@git.example.com/docs/wiki.git",
        "ssh://-oProxyCommand=touch/docs/wiki.git",
        "ssh://-oProxyCommand@git.example.com/docs/wiki.git",
        "ext::sh -c touch% /tmp/pwned",
        "ext://sh",
        "file:///etc",
        "git@git.example.com:docs/wiki.git",
        "--upload-pack=touch",
        "https://git.example.com/docs/\nwiki",
        "http://169.254.169.254/latest",
        "https://[::1/docs",
        "",
    ],
)
def test_every_other_address_is_refused(address: str) -> None:
    with pytest.raises(UserError) as refused:
        allowed_address(address)
    assert "token" not in str(refused.value)


def test_folder_has_to_lie_below_a_root_in_truth(settings: Settings, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "rootless"
    (root / "docs").mkdir(parents=True)
    outside.mkdir()
    (root / "link").symlink_to(outside)
    settings.SOURCE_ROOTS = [str(root)]
    assert allowed_folder(str(root / "docs")) == root / "docs"
    for other in (
        outside,
        root / "link",
        root / ".." / "rootless",
        tmp_path / "nowhere",
        Path("docs"),
    ):
        with pytest.raises(UserError):
            allowed_folder(str(other))
    settings.SOURCE_ROOTS = []
    with pytest.raises(UserError, match="no folder yet"):
        allowed_folder(str(root / "docs"))


def test_repository_is_not_one_that_lies_elsewhere(settings: Settings, tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret" / ".git"
    settings.SOURCE_ROOTS = [str(root)]
    for name in ("bare", "plain/.git", "linked", "file"):
        (root / name).mkdir(parents=True)
    secret.mkdir(parents=True)
    (root / "linked" / ".git").symlink_to(secret)
    (root / "file" / ".git").write_text(f"gitdir: {secret}\n")
    assert allowed_repository(str(root / "bare")) == root / "bare"
    assert allowed_repository(str(root / "plain")) == root / "plain" / ".git"
    for name in ("linked", "file"):
        with pytest.raises(UserError):
            allowed_repository(str(root / name))


@pytest.mark.parametrize("elsewhere", [
    "commondir", "alternates", "gitfile", "objects", "objects/pack", "objects/ab",
])  # fmt: skip
def test_repository_reads_nothing_of_one_that_lies_elsewhere(
    settings: Settings, tmp_path: Path, elsewhere: str
) -> None:
    docs, secret = Repository(tmp_path / "root" / "docs"), Repository(tmp_path / "secret")
    settings.SOURCE_ROOTS = [str(tmp_path / "root")]
    inner, other = docs.path / ".git", secret.path / ".git"
    assert allowed_repository(str(docs.path)) == inner
    if elsewhere.startswith("objects"):
        shutil.rmtree(inner / elsewhere, ignore_errors=True)
        (inner / elsewhere).symlink_to(other / elsewhere)
    else:
        name, says = {
            "commondir": ("commondir", f"{other}"),
            "alternates": ("objects/info/alternates", f"{other}/objects"),
            "gitfile": (".git", f"gitdir: {other}"),
        }[elsewhere]
        (inner / name).write_text(f"{says}\n")
    with pytest.raises(UserError, match="another one"):
        allowed_repository(str(docs.path))


@pytest.mark.parametrize("branch", ["", "main", "release/2.x", "fix-7", "späte"])
def test_branches_are_taken(branch: str) -> None:
    assert checked_branch(branch) == branch


@pytest.mark.parametrize(
    "branch",
    ["--upload-pack=x", "a:b", "a b", "a..b", "/a", "a/", "a.lock", "@{-1}", "a\n", "a//b", "x*"],
)
def test_what_git_could_take_for_something_else_is_no_branch(branch: str) -> None:
    with pytest.raises(UserError):
        checked_branch(branch)


def test_subfolder_stays_inside() -> None:
    assert checked_subfolder(" /docs/guides/ ") == "docs/guides"
    assert checked_subfolder("") == ""
    for outside in ("..", "docs/../..", "a\nb"):
        with pytest.raises(UserError):
            checked_subfolder(outside)
