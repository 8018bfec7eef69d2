"""What `up` and `demo` say and refuse before anybody has logged in."""

import io
import socket
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from docportal.management.commands import demo, up
from docportal.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def taken() -> Iterator[str]:
    """A port on which nothing can be started."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


def create(name: str, role: str, password: str, *groups: str) -> None:
    given = ("--role", role, "--password", password, "--groups", *groups)
    call_command("createuser", name, *given, stdout=io.StringIO())


def test_demo_leaves_the_accounts_of_others_as_they_are(taken: str) -> None:
    create("admin", "admin", "correct horse", "hr")
    with pytest.raises(CommandError, match=r"admin\. Nothing was changed.*DOCPORTAL_HOME="):
        call_command("demo", "--port", taken)
    (admin,) = User.objects.all()
    assert admin.check_password("correct horse")
    assert {group.name for group in admin.groups.all()} == {"admin", "hr"}


def test_demo_goes_on_with_the_accounts_that_it_made(taken: str) -> None:
    for _ in range(2):
        with pytest.raises(CommandError, match="is taken"):
            call_command("demo", "--port", taken, stderr=io.StringIO())
    assert set(User.objects.values_list("username", flat=True)) == set(demo.PEOPLE)


def said_by_up() -> str:
    out = io.StringIO()
    up.Command(stdout=out).started()
    return out.getvalue()


def test_up_says_how_to_make_an_account_until_somebody_may_log_in() -> None:
    User.objects.create(username="gone", is_active=False)
    assert "manage.py createuser NAME --role admin" in said_by_up()
    create("ana", "engineer", "correct horse")
    assert said_by_up() == ""
