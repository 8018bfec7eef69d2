import io
import json

import pytest
from django.core.management import CommandError, call_command

from docportal.models import User

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command("createuser", *arguments, "--password", "correct horse", "--json", stdout=out)
    made: dict[str, object] = json.loads(out.getvalue())
    return made


@pytest.mark.parametrize(
    ("role", "writes", "administers"),
    [("engineer", False, False), ("writer", True, False), ("admin", True, True)],
)
def test_role_gives_its_permissions(role: str, writes: bool, administers: bool) -> None:
    create("ana", "--role", role)
    user = User.objects.get(username="ana")
    assert user.check_password("correct horse")
    assert user.has_perm("ingestion.add_documentversion") == writes
    assert user.has_perm("ingestion.change_collection") == administers


def test_groups_are_made_when_missing() -> None:
    create("ana", "--role", "engineer", "--groups", "security", "finance")
    names = User.objects.get(username="ana").groups.values_list("name", flat=True)
    assert set(names) == {"engineer", "security", "finance"}


@pytest.mark.parametrize("groups", [["writer"], ["security", "admin"]])
def test_group_that_is_another_role_is_wrong_use(groups: list[str]) -> None:
    create("ana", "--role", "engineer", "--groups", "engineer")
    with pytest.raises(CommandError, match=f"{groups[-1]}: a role is no reader group") as raised:
        create("ana", "--role", "engineer", "--groups", *groups)
    assert raised.value.returncode == 2
    assert not User.objects.get(username="ana").has_perm("ingestion.add_documentversion")


def test_existing_user_is_brought_in_line() -> None:
    create("ana", "--role", "admin", "--groups", "security")
    assert create("ana", "--role", "engineer")["created"] is False
    user = User.objects.get(username="ana")
    assert [group.name for group in user.groups.all()] == ["engineer"]


def test_unusable_name_is_refused() -> None:
    with pytest.raises(CommandError, match="valid username"):
        create("a b", "--role", "engineer")
