"""The people of the tests: each role, a member of the reader group, and a stranger to it."""

from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.test import Client

from docportal.models import User
from ingestion.models import Collection

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class People:
    engineer: User
    writer: User
    admin: User
    reader: User
    """An engineer in the group `security`."""
    restricted_writer: User
    """A writer in the group `security`."""


def make_people() -> People:
    def user(name: str, *groups: str) -> User:
        account = User.objects.create_user(name, password=PASSWORD)
        account.groups.set(Group.objects.get_or_create(name=group)[0] for group in groups)
        return account

    return People(
        engineer=user("engineer", "engineer"),
        writer=user("writer", "writer"),
        admin=user("admin", "admin"),
        reader=user("reader", "engineer", "security"),
        restricted_writer=user("restricted-writer", "writer", "security"),
    )


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_collections() -> tuple[Collection, Collection]:
    """An open one, and one that only the group `security` may read."""
    wiki = Collection.objects.create(slug="wiki", name="Wiki")
    vault = Collection.objects.create(slug="vault", name="Vault")
    vault.readers.add(Group.objects.get_or_create(name="security")[0])
    return wiki, vault
